/*
 * A user store in memory, for tests. It answers at once or when told to, and fails when told to. What
 * it hands to a callback is freed as soon as that returns, so that a borrowed row kept too long is noticed.
 */
#pragma once

#include "users/user_store.h"

#define MEMORY_USERS_MAX   1200
#define MEMORY_PENDING_MAX 8

enum memory_call { MEMORY_FIND, MEMORY_LIST, MEMORY_CREATE, MEMORY_CHANGE, MEMORY_ERASE };

/* An operation that has not been answered yet. */
struct memory_pending {
    enum memory_call call;
    struct user_operation *operation;
    int64_t id;
    struct user_page page;
    struct user_new created;
    struct user_change change;
};

struct memory_key {
    struct text key; /* on the heap */
    unsigned char hash[32];
    int64_t id;
};

struct memory_user_store {
    struct user_store interface;         /* first, so that it can be cast back */
    struct user users[MEMORY_USERS_MAX]; /* by id - 1; id 0 for those erased */
    size_t count;
    struct memory_key keys[8];
    size_t key_count;
    struct memory_pending pending[MEMORY_PENDING_MAX];
    size_t pending_count;
    enum fault fault;             /* what operations fail with; FAULT_NONE to serve them */
    bool delayed;                 /* keep operations until memory_user_store_answer */
    unsigned calls;               /* operations started */
    unsigned abandoned;           /* operations given up */
    struct memory_pending latest; /* the operation started last; texts borrowed */
};

struct memory_user_store *memory_user_store_new(void);
void memory_user_store_free(struct memory_user_store *store);

/* Adds a user with version 1, gives the id. */
int64_t memory_user_store_add(struct memory_user_store *store, const char *name, const char *email);

/* The user with this id; NULL when there is none. */
const struct user *memory_user_store_get(const struct memory_user_store *store, int64_t id);

/* Answers what was delayed, oldest first, and what is started meanwhile stays; gives how many. */
size_t memory_user_store_answer(struct memory_user_store *store);
