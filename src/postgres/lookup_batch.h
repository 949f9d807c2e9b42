/*
 * Look-ups of one user each that go to the database together: as one query, which asks for all their ids.
 * To its asker each of them is a query of its own, with its own deadline, ledger and end; the way there and
 * back is what they share.
 *
 * Invariants: members are in flight and stand in the order in which they were queued; one that is abandoned
 * leaves at once, and the batch goes on, even without any. A batch is sent once: what has to be sent again
 * are its members, each by itself.
 */
#pragma once

#include "base/fault.h"
#include "base/ledger.h"
#include "postgres/query.h"
#include "postgres/query_queue.h"

#include <libpq-fe.h>
#include <stdbool.h>

#define LOOKUP_BATCH_MAX          64                           /* members */
#define LOOKUP_BATCH_IDS_SIZE_MAX (20 + LOOKUP_BATCH_MAX * 12) /* bytes: an array's head, its elements */

struct lookup_batch {
    struct query query;                  /* what is sent; whoever sends it sets done */
    struct ledger ledger;                /* the query's: where the members' time goes while it is in flight */
    struct query_queue members;          /* those that are neither answered nor abandoned */
    unsigned count;                      /* of ids */
    void *owner;                         /* for done's use */
    char ids[LOOKUP_BATCH_IDS_SIZE_MAX]; /* int8[], as PostgreSQL's array_recv reads it */
};

/* May query, which is in a queue, be sent together with another one that stands close behind it? */
bool lookup_batch_is_possible(struct query *query);

/*
 * Takes the queue's first query, for which a batch is possible, and the look-ups close behind it out of the
 * queue. FAULT_MEMORY: then the queue is as it was. The caller frees the batch.
 */
enum fault lookup_batch_new(struct query_queue *queue, struct lookup_batch **ret_batch);

/* Members that are still there are forgotten without a call. Takes NULL. */
void lookup_batch_free(struct lookup_batch *batch);

/* The batch whose query this is; NULL when it is none. */
struct lookup_batch *lookup_batch_of(struct query *query);

/* The batch's query has just been sent, at its sent_ns: so have its members been. */
void lookup_batch_sent(struct lookup_batch *batch);

/* Takes the first member out: the caller's again, with its ledger where the batch's is. NULL at the end. */
struct query *lookup_batch_take(struct lookup_batch *batch);

/* Nobody waits for this member any more: its done will not be called. */
void lookup_batch_abandon(struct query *member);

/* May the end that the query came to be due to one id alone, so that the others can still be answered? */
bool lookup_batch_is_divisible(enum fault fault, const PGresult *result);

/* Calls every member's done, in PHASE_PARSE: with the fault, or with the result and the row that is its. */
void lookup_batch_answer(struct lookup_batch *batch, enum fault fault, const PGresult *result);
