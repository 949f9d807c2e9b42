/*
 * A libpq without a server: the functions that src/postgres/pipeline.c calls, answering from a script and
 * writing down what was sent; and what keeps a connection set from connecting by itself. Linked in front of
 * the real library, whose functions it hides.
 *
 * The script is what the server's bytes will turn into. PQconsumeInput goes past one pause at a time, so a
 * test can hold back what a real server might send later.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct scripted_libpq {
    char sent[2048];        /* each thing sent, in order: "user_find Sync " */
    char parameter[2048];   /* the last parameter of what was sent last */
    int parameter_size;     /* in bytes */
    unsigned flushes;       /* calls of PQflush */
    int flush_result;       /* what PQflush gives: 0 all sent, 1 some left, -1 broken */
    bool refuses_queries;   /* sending a query fails */
    bool refuses_syncs;     /* sending a Sync fails */
    unsigned results_alive; /* given and not cleared yet */
    unsigned finished;      /* connections closed */
    const char *severity;   /* of each error: "ERROR" */
    const char *constraint; /* and the one that it names: "users_email_key" */
};

extern struct scripted_libpq scripted_libpq;

int PQsendPipelineSync(PGconn *connection); /* <libpq-fe.h> has it from 17 on */

/* Forgets the script and what was sent; gives a connection that is up. */
PGconn *scripted_libpq_start(void);

/* What comes next from the server. state is an SQLSTATE or NULL. */
void scripted_libpq_result(ExecStatusType status, const char *state);
void scripted_libpq_null(void); /* the end of one query's results */

/* PGRES_TUPLES_OK with a row for each id, which is the first column; the ids stay the test's. */
void scripted_libpq_rows(const int64_t *ids, int count);

#define SCRIPTED_NAME "Ada"

/* Users of this name with these e-mail addresses, which stay the test's, and with ids from 0. */
void scripted_libpq_users(const char *const *emails, int count);

void scripted_libpq_sync(void);

/* What is scripted from here on comes with the next PQconsumeInput; after a loss that fails instead. */
void scripted_libpq_pause(void);
void scripted_libpq_lose(void);

/* Number of things scripted and not taken yet. */
unsigned scripted_libpq_left(void);
