/*
 * The repository of users: what can be asked of it, in the terms of the domain. postgres/ implements
 * it; tests have one in memory.
 *
 * Every operation is asynchronous: it is started with a struct user_operation that lives in its
 * asker until `done` is called, once, on the same thread, possibly before the start returns. Nothing
 * is written unless done says FAULT_NONE; FAULT_OUTCOME_UNKNOWN says that nobody can tell.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/ledger.h"
#include "users/user.h"

#include <stdbool.h>
#include <stdint.h>

struct user_store;
struct user_operation;

/*
 * FAULT_NONE: count users, borrowed until done returns (0 for an erase; a find gives 1).
 * Else count is 0 and the fault is one of FAULT_USER_NOT_FOUND, FAULT_EMAIL_TAKEN,
 * FAULT_PRECONDITION, FAULT_IDEMPOTENCY_REUSED, FAULT_IDEMPOTENCY_RUNNING, or one of the database's.
 */
typedef void user_done(struct user_operation *operation, enum fault fault, const struct user *users,
                       size_t count);

struct user_operation {
    user_done *done;
    void *asker;           /* for done's use */
    struct arena *arena;   /* where the store keeps its part of this operation */
    struct ledger *ledger; /* of the request it is for: the store books its phases there; may be NULL */
    uint64_t deadline_ns;  /* nobody waits for the answer after this; monotonic */
    void *store_part;      /* the store's own */
};

struct user_page {
    int64_t after; /* ids greater than this; 0 for the first page */
    int limit;     /* rows at most, from 1 */
};

struct user_new {
    struct text name;
    struct text email;
    struct text idempotency_key;    /* size 0: none */
    unsigned char request_hash[32]; /* with a key: what makes two requests the same one */
};

struct user_change {
    int64_t id;
    struct text name;         /* bytes NULL: leave as it is */
    struct text email;        /* bytes NULL: leave as it is */
    int64_t version_expected; /* 0: any */
};

/* What an implementation provides. Structs are borrowed for the call, the texts in them until done. */
struct user_store_methods {
    void (*find)(struct user_store *store, struct user_operation *operation, int64_t id);
    void (*list)(struct user_store *store, struct user_operation *operation, struct user_page page);
    void (*create)(struct user_store *store, struct user_operation *operation, const struct user_new *user);
    void (*change)(struct user_store *store, struct user_operation *operation,
                   const struct user_change *change);
    void (*erase)(struct user_store *store, struct user_operation *operation, int64_t id,
                  int64_t version_expected);
    void (*abandon)(struct user_store *store, struct user_operation *operation);
};

struct user_store {
    const struct user_store_methods *methods;
};

/* One user. FAULT_USER_NOT_FOUND. */
static inline void user_store_find(struct user_store *store, struct user_operation *operation, int64_t id)
{
    store->methods->find(store, operation, id);
}

/* Users by ascending id; no fault when there are none. */
static inline void user_store_list(struct user_store *store, struct user_operation *operation,
                                   struct user_page page)
{
    store->methods->list(store, operation, page);
}

/* Adds a user: FAULT_EMAIL_TAKEN. With a key known already, gives the user that it made. */
static inline void user_store_create(struct user_store *store, struct user_operation *operation,
                                     const struct user_new *user)
{
    store->methods->create(store, operation, user);
}

/* Changes a user and its version: FAULT_USER_NOT_FOUND, FAULT_EMAIL_TAKEN, FAULT_PRECONDITION. */
static inline void user_store_change(struct user_store *store, struct user_operation *operation,
                                     const struct user_change *change)
{
    store->methods->change(store, operation, change);
}

/* Removes a user: FAULT_USER_NOT_FOUND, FAULT_PRECONDITION. version_expected 0: any. */
static inline void user_store_erase(struct user_store *store, struct user_operation *operation, int64_t id,
                                    int64_t version_expected)
{
    store->methods->erase(store, operation, id, version_expected);
}

/* Nobody waits any more: done will not be called. What was sent may still be applied. */
static inline void user_store_abandon(struct user_store *store, struct user_operation *operation)
{
    store->methods->abandon(store, operation);
}
