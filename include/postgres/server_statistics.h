/*
 * What the database itself says about this program's statements: one look into pg_stat_statements, on a
 * detached thread with a connection of its own, so that no loop waits. The asker and the thread share the
 * struct; whoever lets go of it last frees it.
 */
#pragma once

#include "base/fault.h"
#include "postgres/postgres_statistics.h"

#include <stdint.h>

struct server_statement {
    uint64_t calls;
    double total_ms; /* planning, where it is tracked, and execution */
};

struct server_statistics_answer {
    enum fault fault;    /* FAULT_NONE: statements are filled in */
    const char *absence; /* else why not: a sentence for people, without secrets */
    struct server_statement statements[POSTGRES_STATEMENTS_MAX]; /* by index, as postgres_statement_name */
};

struct server_statistics;

/*
 * Starts; the answer is there within about timeout_ms, whatever the server does; but looking up its name may
 * take longer, as long as the system's resolver does. Its fault may be FAULT_DATABASE_UNAVAILABLE (no
 * connection, or no answer in time) or FAULT_VALUE_REFUSED (PostgreSQL does not count, or does not tell).
 * FAULT_MEMORY.
 *
 * All is asked in one transaction, which changes nothing and leaves no setting behind: the connection may be
 * a pooler's, which others use before and after.
 *
 * What is counted: the calls by the URL's user in the URL's database since the statistics were last reset,
 * by any program that sent a statement of the same meaning.
 */
enum fault server_statistics_start(const char *database_url, unsigned timeout_ms,
                                   struct server_statistics **ret_statistics);

/* The answer, or NULL while it is not there yet. It lives until server_statistics_let_go. */
const struct server_statistics_answer *server_statistics_poll(struct server_statistics *statistics);

/* The thread gives up soon, if it has not answered. Takes NULL. */
void server_statistics_let_go(struct server_statistics *statistics);

/*
 * Lets go, and waits for the thread to be done with libpq, but for patience_ms at most: what unloads
 * libraries or ends the process comes after that. A look-up of a name is not cut short. Takes NULL.
 */
void server_statistics_end(struct server_statistics *statistics, unsigned patience_ms);
