/*
 * What the laboratory asks of the database. postgres/ implements it; tests have one in memory.
 *
 * As with users/user_store.h: started with an operation that lives in its asker until `done` is called,
 * once, on the same thread, possibly before the start returns.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/ledger.h"
#include "users/user.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lab_store;
struct lab_operation;

struct lab_question {
    int64_t from_id;   /* users with at least this id, by ascending id */
    unsigned rows;     /* so many at most, 1…1000 */
    unsigned delay_ms; /* the database sleeps so long first, 0…1000 */
    bool as_json;      /* the database makes the JSON: no rows come, but text */
};

/* Borrowed until done returns. */
struct lab_answer {
    const struct user *users; /* NULL with as_json */
    size_t count;             /* of users, also with as_json */
    struct text json; /* with as_json: {"id":…},{"id":…}: users, separated by commas, no brackets */
};

/* With a fault answer is NULL. */
typedef void lab_done(struct lab_operation *operation, enum fault fault, const struct lab_answer *answer);

struct lab_operation {
    lab_done *done;
    void *asker;           /* for done's use */
    struct arena *arena;   /* where the store keeps its part of this operation */
    struct ledger *ledger; /* the store books its phases there; several operations may share one */
    uint64_t deadline_ns;  /* nobody waits for the answer after this; monotonic */
    void *store_part;      /* the store's own */
};

struct lab_store_methods {
    void (*ask)(struct lab_store *store, struct lab_operation *operation,
                const struct lab_question *question);
    void (*abandon)(struct lab_store *store, struct lab_operation *operation);
};

struct lab_store {
    const struct lab_store_methods *methods;
};

/* question is borrowed for the call. */
static inline void lab_store_ask(struct lab_store *store, struct lab_operation *operation,
                                 const struct lab_question *question)
{
    store->methods->ask(store, operation, question);
}

/* Nobody waits any more: done will not be called. */
static inline void lab_store_abandon(struct lab_store *store, struct lab_operation *operation)
{
    store->methods->abandon(store, operation);
}
