/*
 * Queries of one kind that go to the database together: as one query, whose parameters are arrays of theirs.
 * To its asker each of them is a query of its own, with its own deadline, ledger and end; the way there and
 * back is what they share.
 *
 * Invariants: members are in flight; one that is abandoned leaves at once, and the batch goes on, even
 * without any. A batch is sent once: what has to be sent again are its members, each by itself.
 */
#pragma once

#include "base/fault.h"
#include "base/ledger.h"
#include "base/text.h"
#include "postgres/query.h"
#include "postgres/query_queue.h"

#include <libpq-fe.h>
#include <stdbool.h>

#define QUERY_BATCH_MAX    64 /* members */
#define QUERY_BATCH_NO_ROW (-1)

struct query_batch;

/* What can go together, and what becomes of it. */
struct batch_kind {
    enum statement single;   /* a member's; its parameters are not NULL */
    enum statement combined; /* the batch's, with an array in place of each parameter */
    enum query_repeat repeat;
    /* May the end that the query came to be due to one member alone, so that the others can be answered? */
    bool (*is_divisible)(enum fault fault, const PGresult *result);
    /*
     * Sets the row of every member: as many as the result has says that there is none; QUERY_BATCH_NO_ROW,
     * that nothing came of this one. Gives what the latter are told; FAULT_NONE: they have to be sent again.
     */
    enum fault (*match)(struct query_batch *batch, const PGresult *result);
    /* For qsort, of pointers to queries: the order in which members are sent. NULL: as they were queued. */
    int (*compare)(const void *a, const void *b);
};

extern const struct batch_kind lookup_batch_kind;
extern const struct batch_kind create_batch_kind;

struct query_batch {
    struct query query;         /* what is sent; whoever sends it sets done */
    struct ledger ledger;       /* the query's: where the members' time goes while it is in flight */
    struct query_queue members; /* those that are neither answered nor abandoned, as they were sent */
    const struct batch_kind *kind;
    unsigned count;    /* of members at the beginning */
    void *owner;       /* for done's use */
    char parameters[]; /* arrays, as PostgreSQL's array_recv reads them */
};

/* May query, which is in a queue, be sent together with another one that stands close behind it? */
bool query_batch_is_possible(const struct batch_kind *kind, struct query *query);

/*
 * Takes the queue's first query, for which a batch is possible, and those of the kind close behind it out of
 * the queue. FAULT_MEMORY: then the queue is as it was. The caller frees the batch.
 */
enum fault query_batch_new(const struct batch_kind *kind, struct query_queue *queue,
                           struct query_batch **ret_batch);

/* Members that are still there are forgotten without a call. Takes NULL. */
void query_batch_free(struct query_batch *batch);

/* The batch whose query this is; NULL when it is none. query is no member. */
struct query_batch *query_batch_of(struct query *query);

/*
 * What was sent for the parameter, one after the other: each call gives the next member's, also of one that
 * has left. *position is NULL at the beginning, and this function's; there are batch->count of them.
 */
struct text query_batch_next_value(const struct query_batch *batch, int parameter, const char **position);

/* The batch's query has just been sent, at its sent_ns: so have its members been. */
void query_batch_sent(struct query_batch *batch);

/* Takes the first member out: the caller's again, with its ledger where the batch's is. NULL at the end. */
struct query *query_batch_take(struct query_batch *batch);

/* Nobody waits for this member any more: its done will not be called. */
void query_batch_abandon(struct query *member);

/*
 * Calls members' done, in PHASE_PARSE: with the fault, or with the result and the row that is its. Members
 * that are left have to be sent by themselves to learn their end; nothing of them has been applied.
 */
void query_batch_answer(struct query_batch *batch, enum fault fault, const PGresult *result);
