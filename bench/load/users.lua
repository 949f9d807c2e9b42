-- For the scripts of this folder: requests for users, made beforehand as far as they can be, for formatting one
-- costs wrk more than sending it. USERS: ids go from 1 to it; RUN: letters and digits that no other run has.
-- The functions may be called from init() on, for wrk knows the host only then.

local users = {}
local threads = 0

-- wrk calls it once per thread, which has a Lua of its own.
function setup(thread)
    thread:set("thread_number", threads)
    threads = threads + 1
end

-- Gives a function that gives a request for a random user.
function users.reader()
    local last = tonumber(os.getenv("USERS") or "100000")
    local requests = {}
    math.randomseed(os.time() * 1000 + thread_number)
    for i = 1, 50000 do
        requests[i] = wrk.format("GET", "/users/" .. math.random(last))
    end
    return function()
        return requests[math.random(#requests)]
    end
end

-- Gives a function that gives a request to create a user, each with an address of its own. The number in it has ten
-- digits throughout, so that the length stays.
function users.creator()
    local run = os.getenv("RUN") or tostring(os.time())
    local number = 1000000000
    local address = ("load-%s-%d-%d@load.example"):format(run, thread_number, number)
    local request = wrk.format("POST", "/users", { ["Content-Type"] = "application/json" },
        ('{"name":"Jürgen Müller","email":"%s"}'):format(address))
    local before, after = request:match("^(.*%-)" .. number .. "(@.*)$")
    return function()
        number = number + 1
        return before .. number .. after
    end
end

return users
