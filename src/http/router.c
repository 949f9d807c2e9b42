#include "http/router.h"

#define METHODS_ALL "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

/* Takes a path's next segment, the text between slashes; false when there is none. */
static bool take_segment(struct text *path, struct text *ret_segment)
{
    if (path->size == 0 || path->bytes[0] != '/') return false;
    const char *start = path->bytes + 1;
    const char *slash = memchr(start, '/', path->size - 1);
    size_t size = slash ? (size_t)(slash - start) : path->size - 1;
    *ret_segment = (struct text){start, size};
    *path = (struct text){start + size, path->size - 1 - size};
    return true;
}

/* Only one spelling of a number is an id, so that a user has one URI. */
static bool parse_id(struct text segment, int64_t *ret_id)
{
    uint64_t id;
    if (segment.size == 0 || segment.bytes[0] == '0') return false;
    if (!text_to_uint64(segment, INT64_MAX, &id)) return false;
    *ret_id = (int64_t)id;
    return true;
}

static bool match_path(const char *template, struct text path, int64_t *ret_id)
{
    struct text expected = text_of(template), wanted, given;
    int64_t id = 0;
    while (take_segment(&expected, &wanted)) {
        if (!take_segment(&path, &given)) return false;
        bool matches = text_equal(wanted, TEXT("{id}")) ? parse_id(given, &id) : text_equal(wanted, given);
        if (!matches) return false;
    }
    if (path.size > 0) return false;
    *ret_id = id;
    return true;
}

static bool find_route(const struct router *router, struct request *request)
{
    for (size_t i = 0; i < router->count; i++) {
        const struct route_table *table = &router->tables[i];
        for (const struct route *route = table->routes; route->path; route++) {
            if (!match_path(route->path, request->path, &request->path_id)) continue;
            request->route = route;
            request->services = table->services;
            request->shows_timing |= table->shows_timing;
            return true;
        }
    }
    return false;
}

/* The method whose handler runs. */
static enum method handled_method(enum method method)
{
    return method == METHOD_HEAD ? METHOD_GET : method;
}

static bool allows_method(const struct route *route, enum method method)
{
    return method == METHOD_OPTIONS || route->handlers[handled_method(method)];
}

/* Sets the Allow field to what the request's route supports. */
static enum fault set_allow(struct request *request)
{
    char *allow = arena_take(&request->arena, sizeof(METHODS_ALL)), *end = allow;
    if (!allow) return FAULT_MEMORY;
    for (enum method method = 0; method < METHOD_COUNT; method++) {
        if (!allows_method(request->route, method)) continue;
        if (end > allow) end = mempcpy(end, ", ", 2);
        struct text name = text_of(method_name(method));
        end = mempcpy(end, name.bytes, name.size);
    }
    *end = '\0';
    request->response.allow = allow;
    return FAULT_NONE;
}

static enum fault answer_options(struct request *request)
{
    enum fault fault = set_allow(request);
    if (fault) return fault;
    response_empty(request, 204);
    return FAULT_NONE;
}

static enum fault answer_options_of_all(struct request *request)
{
    if (request->body.size > 0) return FAULT_BODY_UNEXPECTED;
    request->response.allow = METHODS_ALL;
    response_empty(request, 204);
    return FAULT_NONE;
}

static enum fault refuse_method(struct request *request)
{
    enum fault fault = set_allow(request);
    return fault ? fault : FAULT_METHOD_NOT_ALLOWED;
}

enum fault router_dispatch(const struct router *router, struct request *request)
{
    if (request->method == METHOD_OPTIONS && text_equal(request->path, TEXT("*")))
        return answer_options_of_all(request);
    if (!find_route(router, request)) return FAULT_ROUTE_NOT_FOUND;
    if (!allows_method(request->route, request->method)) return refuse_method(request);
    enum method method = handled_method(request->method);
    if (request->body.size > 0 && !request->route->takes_body[method]) return FAULT_BODY_UNEXPECTED;
    if (method == METHOD_OPTIONS) return answer_options(request);
    return request->route->handlers[method](request);
}
