/*
 * Requests for tests that need no connection: an arena, and fields to set.
 */
#pragma once

#include "http/request.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE_HEAP_SIZE_MAX (16 << 20)

struct request_fixture {
    struct request request;
    _Alignas(16) char memory[1024];
};

/* A request with as much heap as asked for; release it with request_fixture_free. */
static inline struct request *request_fixture_new_bounded(enum method method, const char *path,
                                                          size_t heap_size_max)
{
    struct request_fixture *fixture = calloc(1, sizeof(*fixture));
    ck_assert_ptr_nonnull(fixture);
    struct request *request = &fixture->request;
    request->method = method;
    request->path = text_of(path);
    memcpy(request->id, "req-1", 6);
    arena_init(&request->arena, fixture->memory, sizeof(fixture->memory), heap_size_max);
    return request;
}

static inline struct request *request_fixture_new(enum method method, const char *path)
{
    return request_fixture_new_bounded(method, path, FIXTURE_HEAP_SIZE_MAX);
}

static inline void request_fixture_free(struct request *request)
{
    arena_release(&request->arena);
    free(request);
}

/* Takes the arena's memory away, so that the next piece is refused. */
static inline void request_fixture_exhaust(struct request *request)
{
    for (size_t size = (size_t)1 << 20; size > 0; size /= 2)
        while (arena_take(&request->arena, size))
            ;
}

/* The answer's body as a terminated string, borrowed until the next call. */
static inline const char *request_fixture_body(const struct request *request)
{
    static char body[1 << 20];
    struct text text = request->response.body;
    ck_assert_uint_lt(text.size, sizeof(body));
    if (text.size > 0) memcpy(body, text.bytes, text.size);
    body[text.size] = '\0';
    return body;
}
