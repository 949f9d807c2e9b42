-- For wrk: as bench/load/read.lua, with a pause of up to $PAUSE milliseconds before each request.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(folder .. "../../../bench/load/read.lua")

local pause = tonumber(os.getenv("PAUSE") or "0")

if pause > 0 then
    function delay()
        return math.random(0, pause)
    end
end
