/*
 * One statement on its way to the database and back. A query lives in its asker's arena and is on at
 * most one list: the queue of a connection set, or the entries of one pipeline.
 */
#pragma once

#include "base/fault.h"
#include "postgres/statements.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct pipeline;

enum query_state {
    QUERY_QUEUED,    /* waits for a connection */
    QUERY_IN_FLIGHT, /* sent, or handed to libpq to be sent */
    QUERY_DONE       /* done was called, or the query abandoned */
};

/* What may be done when the connection is lost after the query was sent. */
enum query_repeat {
    QUERY_REPEAT_READ,      /* changes nothing: may be sent again */
    QUERY_REPEAT_WRITE,     /* changes something, and whatever comes between, twice is the same as once */
    QUERY_REPEAT_OVERWRITE, /* the same, unless the first attempt is applied over somebody's later change */
    QUERY_REPEAT_NEVER      /* twice would not be the same: the outcome is unknown */
};

struct query {
    TAILQ_ENTRY(query) entry; /* in the queue */
    enum query_state state;
    unsigned char queue; /* which of the set's queues: enum query_queue_kind */
    enum statement statement;
    enum query_repeat repeat;
    bool alone;          /* gets a Sync of its own */
    unsigned sent_count; /* how often it was sent */
    bool outcome_open;   /* was sent before on a connection that was lost: it may have been applied */
    uint64_t queued_ns;
    uint64_t deadline_ns; /* not sent again after this */

    /* Parameters, binary or text as the statement's table says. They stay until done. */
    const char *values[STATEMENT_PARAMETERS_MAX];
    int sizes[STATEMENT_PARAMETERS_MAX];

    struct pipeline *pipeline; /* while in flight */
    unsigned slot;             /* its entry there */

    /* FAULT_NONE with a result, borrowed until this returns; or a fault and NULL. Called once. */
    void (*done)(struct query *query, enum fault fault, const PGresult *result);
};

static inline bool query_is_write(const struct query *query)
{
    return query->repeat != QUERY_REPEAT_READ;
}
