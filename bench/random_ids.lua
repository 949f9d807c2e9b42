-- For wrk: GET /users/{id} with random ids from 1 to $USERS.
-- The requests are made beforehand: formatting one costs wrk more than sending it.

local users = tonumber(os.getenv("USERS") or "100000")
local requests = {}

function init()
    math.randomseed(os.time())
    for i = 1, 50000 do
        requests[i] = wrk.format("GET", "/users/" .. math.random(users))
    end
end

function request()
    return requests[math.random(#requests)]
end
