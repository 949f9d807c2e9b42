#include "operations/debug_routes.h"

#include "operations/debug_database.h"
#include "operations/debug_slowest.h"

const struct route debug_routes[] = {
    {.path = "/debug/slowest", .handlers = {[METHOD_GET] = debug_slowest_get}},
    {.path = "/debug/database", .handlers = {[METHOD_GET] = debug_database_get}},
    {.path = NULL},
};
