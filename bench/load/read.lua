-- For wrk: GET /users/{id} with random ids from 1 to $USERS.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(folder .. "report.lua")
local users = dofile(folder .. "users.lua")

function init()
    request = users.reader()
end
