/*
 * Which handler answers which path and method. Routes are constant tables, one per layer that has
 * resources, each with what its handlers need; templates have at most one variable, "{id}", a whole
 * path segment that is a 64-bit number from 1 in canonical decimal form.
 */
#pragma once

#include "base/fault.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Answers request, or starts what will answer it, and gives FAULT_NONE; or gives the fault that the
 * server turns into a problem.
 */
typedef enum fault route_handler(struct request *request);

struct route {
    const char *path;                      /* "/users/{id}" */
    route_handler *handlers[METHOD_COUNT]; /* NULL: not allowed; HEAD and OPTIONS are derived */
    bool takes_body[METHOD_COUNT];         /* content is meant for this handler */
};

struct route_table {
    const struct route *routes; /* ends with a route whose path is NULL */
    void *services;             /* becomes request->services for these routes */
    bool shows_timing;          /* answers carry Server-Timing, whatever the setting */
};

struct router {
    const struct route_table *tables;
    size_t count; /* number of tables */
};

/*
 * Sets request->route, request->path_id and request->services and calls the handler. Answers OPTIONS
 * (204, Allow) and "OPTIONS *" itself and runs GET for HEAD. Paths are compared byte by byte.
 * FAULT_ROUTE_NOT_FOUND, also for an {id} that is no number in range; FAULT_METHOD_NOT_ALLOWED with
 * response.allow set; FAULT_BODY_UNEXPECTED; FAULT_MEMORY.
 */
enum fault router_dispatch(const struct router *router, struct request *request);
