-- For wrk: at the end a line of JSON, latencies in milliseconds. Each script of this folder runs this one.
--
-- count: answers of any status; non2xx: those of 400 and above; connect, read, write: failures of sockets; timeout:
-- answers that took longer than wrk's --timeout. wrk corrects its latencies: for each much slower than the mean it
-- adds those of the requests that the wait kept back.

local line = '{"count":%d,"duration_us":%d,"p50":%.3f,"p90":%.3f,"p99":%.3f,"p999":%.3f,"max":%.3f,"mean":%.3f,'
    .. '"non2xx":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n'

function done(summary, latency, _)
    local errors = summary.errors
    local function ms(percent)
        return latency:percentile(percent) / 1000
    end
    io.write(line:format(summary.requests, summary.duration, ms(50), ms(90), ms(99), ms(99.9), latency.max / 1000,
        latency.mean / 1000, errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
