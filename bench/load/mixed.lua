-- For wrk: nine times GET /users/{id} with a random id from 1 to $USERS, then once POST /users with a new user.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(folder .. "report.lua")
local users = dofile(folder .. "users.lua")

function init()
    local read, create = users.reader(), users.creator()
    local count = 0

    function request()
        count = count + 1
        return count % 10 == 0 and create() or read()
    end
end
