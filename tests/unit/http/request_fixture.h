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

/* A request without a body; release it with request_fixture_free. */
static inline struct request *request_fixture_new(enum method method, const char *path)
{
    struct request_fixture *fixture = calloc(1, sizeof(*fixture));
    ck_assert_ptr_nonnull(fixture);
    struct request *request = &fixture->request;
    request->method = method;
    request->path = text_of(path);
    memcpy(request->id, "req-1", 6);
    arena_init(&request->arena, fixture->memory, sizeof(fixture->memory), FIXTURE_HEAP_SIZE_MAX);
    return request;
}

static inline void request_fixture_free(struct request *request)
{
    arena_release(&request->arena);
    free(request);
}

/* Puts an arena of `room` bytes, and no more, in place of the request's. */
static inline void request_fixture_leave(struct request *request, size_t room)
{
    static _Alignas(16) char memory[1 << 14];
    ck_assert_uint_le(room, sizeof(memory));
    arena_release(&request->arena);
    arena_init(&request->arena, memory, room, 0);
}

/* Leaves no memory at all. */
static inline void request_fixture_exhaust(struct request *request)
{
    request_fixture_leave(request, 0);
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
