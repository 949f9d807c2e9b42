/*
 * A laboratory's store in memory, for tests. It answers at once or, in any order, when told to, and fails
 * when told to. It books phases as the real one does. What it hands to a callback is freed as soon as that
 * returns, so that a borrowed row kept too long is noticed.
 */
#pragma once

#include "lab/lab_store.h"

#define MEMORY_LAB_USERS_MAX     1000
#define MEMORY_LAB_QUESTIONS_MAX 500

/* A question that has not been answered yet. */
struct memory_question {
    struct lab_operation *operation;
    struct lab_question question;
};

struct memory_lab_store {
    struct lab_store interface;              /* first, so that it can be cast back */
    struct user users[MEMORY_LAB_USERS_MAX]; /* by ascending id; texts on the heap */
    size_t count;
    struct memory_question pending[MEMORY_LAB_QUESTIONS_MAX]; /* oldest first */
    size_t pending_count;
    enum fault fault;          /* what questions fail with */
    unsigned fault_at;         /* which one fails, in the order of answering, from 1; 0: all */
    bool delayed;              /* keep questions until they are told to be answered */
    unsigned calls;            /* questions asked */
    unsigned answered;         /* callbacks called */
    unsigned abandoned;        /* questions given up */
    struct lab_question first; /* the one asked first, and last */
    struct lab_question latest;
    struct lab_operation *operation; /* of the latest */
};

struct memory_lab_store *memory_lab_store_new(void);
void memory_lab_store_free(struct memory_lab_store *store);

/* Adds a copy of user, whose id must be above those there are. */
void memory_lab_store_add(struct memory_lab_store *store, const struct user *user);

/* Adds count users with plain names, and ids from 1. */
void memory_lab_store_fill(struct memory_lab_store *store, unsigned count);

/* Answers one of those pending, by its place among them. */
void memory_lab_store_answer(struct memory_lab_store *store, size_t index);

/* Answers all that are pending, oldest first. */
void memory_lab_store_answer_all(struct memory_lab_store *store);
