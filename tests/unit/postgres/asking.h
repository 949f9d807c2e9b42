/*
 * Requests that ask a connection set which combines, over scripted libpq, and what they are told. The one
 * connection answers from the one script.
 */
#pragma once

#include "postgres/connection_set_state.h"
#include "postgres/query_batch.h"
#include "scripted_libpq.h"

#include <stdint.h>

#define ASKED_MAX (2 * QUERY_BATCH_MAX + 2)

/* One request, and what became of it. */
struct asked {
    struct query query;
    struct ledger ledger;
    unsigned done;
    enum fault fault;
    int row; /* as many as the result has: there is none */
    int rows;
    enum phase phase; /* when it was done */
};

struct asking {
    unsigned order[ASKED_MAX]; /* in which they were done */
    unsigned done_count;
    struct asked *leaves_when_next_is_done;
    struct postgres_config config;
    struct event_loop *loop;
    struct connection_set *set;
};

extern struct asked asked[ASKED_MAX];
extern struct asking asking;

/* A set whose first connection is up without having connected; and its end, which sees that nothing is left.
 */
void asking_begin(void);
void asking_end(void);

/* Asks for what has one parameter, a number. */
void asking_submit(unsigned number, enum statement statement, int64_t id);

/* Creates a user of the name SCRIPTED_NAME. email stays the caller's. */
void asking_create(unsigned number, const char *email);

/* Ends the tick. */
void asking_flush(void);

/* Takes what is scripted; an error under a Sync of its own. */
void asking_receive(void);
void asking_receive_fault(const char *state);

/* It was told this, once, and its phases add up. */
void asking_assert_done(unsigned number, enum fault fault);

/* And got this row; or none. */
void asking_assert_found(unsigned number, int row);
void asking_assert_absent(unsigned number);

void asking_assert_ledger_is_whole(const struct ledger *ledger);

/* Its ledger is in this phase now. */
void asking_assert_phase(unsigned number, enum phase phase);

/* How often the statement was answered. */
uint64_t asking_operations_of(enum statement statement);

/* Works for so long. */
void asking_spin(uint64_t ns);
