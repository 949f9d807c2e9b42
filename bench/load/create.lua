-- For wrk: POST /users, every time another user; $RUN tells runs apart.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(folder .. "report.lua")
local users = dofile(folder .. "users.lua")

function init()
    request = users.creator()
end
