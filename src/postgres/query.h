/*
 * One statement on its way to the database and back. A query lives in its asker's arena and is on at
 * most one list: the queue of a connection set, the entries of one pipeline, or the members of a batch.
 */
#pragma once

#include "base/fault.h"
#include "base/ledger.h"
#include "base/text.h"
#include "postgres/statements.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct query_batch;
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
    bool alone;            /* gets a Sync of its own */
    unsigned sent_count;   /* how often it was sent */
    bool outcome_open;     /* was sent before on a connection that was lost: it may have been applied */
    uint64_t queued_ns;    /* last put in the queue */
    uint64_t sent_ns;      /* last sent */
    uint64_t waited_ns;    /* in the queue, all times together */
    uint64_t deadline_ns;  /* not sent again after this */
    uint64_t known_ns;     /* will be spent in the server by design, beside the statement's own time */
    struct ledger *ledger; /* where its phases are booked; may be NULL, may be shared with other queries */

    /* Parameters in binary form. They stay until done. */
    const char *values[STATEMENT_PARAMETERS_MAX];
    int sizes[STATEMENT_PARAMETERS_MAX];
    uint64_t numbers[STATEMENT_PARAMETERS_MAX]; /* values that are numbers, big-endian */

    struct pipeline *pipeline; /* while in flight by itself */
    unsigned slot;             /* its entry there */
    struct query_batch *batch; /* in flight together with others, or the batch's own; else NULL */
    int row;                   /* of the result: its own begin there; as many as there are: it has none */

    /* FAULT_NONE with a result, borrowed until this returns; or a fault and NULL. Called once. */
    void (*done)(struct query *query, enum fault fault, const PGresult *result);
};

/* Sets the parameter, from 0, to a number; or to a text, borrowed, that is SQL's NULL without bytes. */
void query_set_number(struct query *query, int parameter, int64_t value);
void query_set_text(struct query *query, int parameter, struct text text);

/* Ends a query that is on no list any more: its ledger enters PHASE_OTHER, and its done is called. */
void query_fail(struct query *query, enum fault fault);

static inline bool query_is_write(const struct query *query)
{
    return query->repeat != QUERY_REPEAT_READ;
}
