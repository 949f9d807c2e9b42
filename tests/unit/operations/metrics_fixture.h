/*
 * Requests that have ended, and text to write metrics to, for tests.
 */
#pragma once

#include "http/request.h"
#include "http/router.h"
#include "operations/metrics_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define METRICS_FIXTURE_SIZE_MAX (8 << 20)

/* Where the ledgers of these requests begin; long enough after the clock's start. */
#define FIXTURE_START_NS UINT64_C(3600000000000)

/* A GET of route that was answered 200 after these times; PHASE_OTHER took what the seventh says. */
static inline struct request ended_request(const struct route *route, const uint64_t spent_ns[PHASE_COUNT])
{
    struct request request = {.method = METHOD_GET, .route = route, .id = "req-1", .response.status = 200};
    request.ledger.started_ns = request.ledger.since_ns = FIXTURE_START_NS;
    for (size_t i = 0; i < PHASE_COUNT; i++) {
        request.ledger.spent_ns[i] = spent_ns[i];
        request.ledger.since_ns += spent_ns[i];
    }
    return request;
}

/* The same, all of its time in the database, and at its end just now. */
static inline struct request request_of(const struct route *route, uint64_t total_ns)
{
    struct request request = ended_request(route, (uint64_t[PHASE_COUNT]){[PHASE_DB] = total_ns});
    request.ledger.since_ns = clock_now_ns();
    request.ledger.started_ns = request.ledger.since_ns - total_ns;
    return request;
}

struct metrics_fixture {
    struct arena arena;
    struct metrics_text text;
    _Alignas(16) char memory[1024];
};

static inline void metrics_fixture_init(struct metrics_fixture *fixture)
{
    arena_init(&fixture->arena, fixture->memory, sizeof(fixture->memory), METRICS_FIXTURE_SIZE_MAX);
    text_buffer_init(&fixture->text.buffer, &fixture->arena);
}

/* What was written, as a terminated string that the caller frees; releases the fixture. */
static inline char *metrics_fixture_take(struct metrics_fixture *fixture)
{
    struct text text;
    ck_assert_int_eq((int)text_buffer_take(&fixture->text.buffer, &text), FAULT_NONE);
    char *string = strndup(text.bytes ? text.bytes : "", text.size);
    ck_assert_ptr_nonnull(string);
    arena_release(&fixture->arena);
    return string;
}

/* The value of the one line of text that begins with this sample, "name{…} ". */
static inline double metrics_fixture_value(const char *text, const char *sample)
{
    size_t size = strlen(sample);
    const char *found = NULL;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (strncmp(line, sample, size) != 0 || line[size] != ' ') continue;
        ck_assert_msg(!found, "twice: %s", sample);
        found = line + size + 1;
    }
    ck_assert_msg(found != NULL, "no %s in\n%s", sample, text);
    return strtod(found, NULL);
}

/* How many lines of text begin with this. */
static inline size_t metrics_fixture_lines(const char *text, const char *start)
{
    size_t count = 0;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        count += strncmp(line, start, strlen(start)) == 0;
    return count;
}
