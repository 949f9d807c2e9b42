#include "postgres/server_statistics.h"

#include "base/clock.h"
#include "postgres/detached_thread.h"
#include "postgres/notice.h"
#include "postgres/statements.h"

#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPLAIN      "EXPLAIN (VERBOSE) "
#define EXPLAIN_MAX  2048 /* bytes of a statement behind it */
#define IDENTIFIER   "Query Identifier: "
#define NUMBER_SIZE  24 /* bytes of a 64-bit number with its sign and what follows it */
#define WAKE_MS      50 /* how late the thread may see that nobody wants the answer */
#define NAP_NS       (1 * NS_PER_MS)
#define NO_SESSION   "no connection to the database could be made"
#define MISSING_ROWS "pg_stat_statements gave no answer that is understood"
#define OUT_OF_TIME  "no answer from the database in time"
#define NOT_INSTALLED                                                                                        \
    "pg_stat_statements is not installed in this database: CREATE EXTENSION pg_stat_statements"
#define NOT_LOADED                                                                                           \
    "pg_stat_statements is not loaded: add it to shared_preload_libraries and restart PostgreSQL"
#define NO_RIGHT      "this database user may not read pg_stat_statements"
#define NO_IDENTIFIER "PostgreSQL computes no query identifiers: set compute_query_id to auto"
#define REFUSED       "PostgreSQL refused to explain a statement: are migrations or rights missing?"

enum { RUNNING, UNWANTED, ANSWERED, LET_GO };

struct server_statistics {
    atomic_int state;
    char *database_url;
    unsigned timeout_ms;
    uint64_t deadline_ns;
    PGconn *session; /* the thread's */
    struct server_statistics_answer answer;
};

static void explain_absence(struct server_statistics *statistics, enum fault fault, const char *absence)
{
    statistics->answer.fault = fault;
    statistics->answer.absence = absence;
}

/* ---- waiting, within the time that is left ---- */

/* For POLLIN or POLLOUT. False when time is up or nobody wants the answer. */
static bool wait_for(struct server_statistics *statistics, short events)
{
    struct pollfd entry = {.fd = PQsocket(statistics->session), .events = events};
    while (atomic_load(&statistics->state) == RUNNING) {
        uint64_t now_ns = clock_now_ns();
        if (now_ns >= statistics->deadline_ns) return false;
        uint64_t left_ms = (statistics->deadline_ns - now_ns) / NS_PER_MS + 1;
        int ready = poll(&entry, 1, left_ms < WAKE_MS ? (int)left_ms : WAKE_MS);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
    return false;
}

/* False when the connection is lost, too. */
static bool wait_for_result(struct server_statistics *statistics)
{
    while (PQisBusy(statistics->session))
        if (!wait_for(statistics, POLLIN) || !PQconsumeInput(statistics->session)) return false;
    return true;
}

/* False: no session is there. */
static bool open_session(struct server_statistics *statistics)
{
    const char *names[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
    const char *values[] = {statistics->database_url, "splits-statistics", "UTF8", NULL};
    PGconn *session = PQconnectStartParams(names, values, true);
    if (session == NULL) return false;
    statistics->session = session;
    notice_ignore(session);
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    bool has_failed = PQstatus(session) == CONNECTION_BAD;
    while (!has_failed && wanted != PGRES_POLLING_OK) {
        has_failed = !wait_for(statistics, wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        if (!has_failed) wanted = PQconnectPoll(session);
        has_failed |= wanted == PGRES_POLLING_FAILED;
    }
    if (has_failed) PQfinish(session);
    return !has_failed;
}

/* ---- one query ---- */

struct question {
    const char *sql;
    int parameter_count;
    const Oid *types;
    const char *const *values;
};

/* The result, which the caller clears, whatever it says; NULL when none came. */
static PGresult *ask(struct server_statistics *statistics, const struct question *question)
{
    PGconn *session = statistics->session;
    PGresult *result = NULL, *end = NULL;
    bool is_sent = PQsendQueryParams(session, question->sql, question->parameter_count, question->types,
                                     question->values, NULL, NULL, 0) == 1;
    if (is_sent && wait_for_result(statistics)) result = PQgetResult(session);
    if (result != NULL && wait_for_result(statistics)) end = PQgetResult(session);
    PQclear(end);
    return result;
}

/* Like ask, for rows. NULL, with the absence explained: when the server refuses, refusal says why. */
static PGresult *ask_for_rows(struct server_statistics *statistics, const struct question *question,
                              const char *(*refusal)(const char *state))
{
    PGresult *result = ask(statistics, question);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) return result;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == NULL || strcmp(state, "57014") == 0)
        explain_absence(statistics, FAULT_DATABASE_UNAVAILABLE, OUT_OF_TIME);
    else
        explain_absence(statistics, FAULT_VALUE_REFUSED, refusal(state));
    PQclear(result);
    return NULL;
}

/* Without the right to use its schema, the function is not seen (42883). */
static const char *refusal_to_count(const char *state)
{
    if (strcmp(state, "55000") == 0) return NOT_LOADED;
    if (strcmp(state, "42501") == 0 || strcmp(state, "42883") == 0) return NO_RIGHT;
    return MISSING_ROWS;
}

static const char *refusal_to_explain(const char *state)
{
    (void)state;
    return REFUSED;
}

/* ---- what is asked ---- */

/*
 * All in one transaction, so that the settings below end with it: behind a pooler the session is others'
 * next. What is only explained is not run, and may be so although nothing may be written.
 */
static bool begin_transaction(struct server_statistics *statistics)
{
    PGresult *result = ask(statistics, &(struct question){.sql = "BEGIN READ ONLY"});
    bool has_begun = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!has_begun) explain_absence(statistics, FAULT_DATABASE_UNAVAILABLE, OUT_OF_TIME);
    PQclear(result);
    return has_begun;
}

/* With a query under way, or without an answer in time, the connection's end is the transaction's. */
static void end_transaction(struct server_statistics *statistics)
{
    PGTransactionStatusType status = PQtransactionStatus(statistics->session);
    if (status != PQTRANS_INTRANS && status != PQTRANS_INERROR) return;
    PQclear(ask(statistics, &(struct question){.sql = "ROLLBACK"}));
}

/*
 * The extension may be in any schema: it is found there from here on. The server's time limits are for when
 * this side has stopped to wait or is gone: the transaction holds locks.
 */
static bool find_extension(struct server_statistics *statistics)
{
    char timeout_ms[NUMBER_SIZE];
    const char *values[] = {timeout_ms};
    const struct question question = {
        "SELECT set_config('statement_timeout', $1, true), "
        "set_config('idle_in_transaction_session_timeout', $1, true), set_config('search_path', "
        "concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(nspname)), true) "
        "FROM pg_catalog.pg_extension JOIN pg_catalog.pg_namespace ON pg_namespace.oid = extnamespace "
        "WHERE extname = 'pg_stat_statements'",
        1, NULL, values};
    (void)snprintf(timeout_ms, sizeof timeout_ms, "%u", statistics->timeout_ms);
    PGresult *rows = ask_for_rows(statistics, &question, refusal_to_count);
    if (rows == NULL) return false;
    bool is_installed = PQntuples(rows) == 1;
    if (!is_installed) explain_absence(statistics, FAULT_VALUE_REFUSED, NOT_INSTALLED);
    PQclear(rows);
    return is_installed;
}

/* The extension may be there, but not what it stands for, nor the right to use it. */
static bool try_extension(struct server_statistics *statistics)
{
    const struct question question = {"SELECT count(*) FROM pg_stat_statements(false)", 0, NULL, NULL};
    PGresult *rows = ask_for_rows(statistics, &question, refusal_to_count);
    PQclear(rows);
    return rows != NULL;
}

/* From the plan's text. False when it has none. */
static bool copy_identifier(const PGresult *plan, char identifier[NUMBER_SIZE])
{
    const size_t size = sizeof(IDENTIFIER) - 1;
    for (int row = 0; row < PQntuples(plan); row++) {
        const char *line = PQgetvalue(plan, row, 0);
        if (strncmp(line, IDENTIFIER, size) != 0) continue;
        return snprintf(identifier, NUMBER_SIZE, "%s", line + size) < NUMBER_SIZE;
    }
    return false;
}

/*
 * PostgreSQL counts statements by an identifier of their meaning, and keeps the text of whoever came first:
 * it tells little. The plan, which is not run, has the identifier, and with the same parameters it is
 * the one of the statement.
 */
static bool identify(struct server_statistics *statistics, enum statement statement,
                     char identifier[NUMBER_SIZE])
{
    static const char *const nulls[STATEMENT_PARAMETERS_MAX];
    const struct statement_text *text = statement_text(statement);
    char sql[sizeof(EXPLAIN) + EXPLAIN_MAX];
    const struct question question = {sql, text->parameter_count, text->types, nulls};
    int size = snprintf(sql, sizeof sql, EXPLAIN "%s", text->sql);
    assert(size < (int)sizeof sql);
    PGresult *plan = ask_for_rows(statistics, &question, refusal_to_explain);
    if (plan == NULL) return false;
    bool is_found = copy_identifier(plan, identifier);
    if (!is_found) explain_absence(statistics, FAULT_VALUE_REFUSED, NO_IDENTIFIER);
    PQclear(plan);
    return is_found;
}

/* All of them as a literal of an array: "{1,-2,3}". */
static bool identify_all(struct server_statistics *statistics, char *identifiers, size_t size)
{
    size_t used = 0;
    for (enum statement statement = 0; statement < STATEMENT_COUNT; statement++) {
        char identifier[NUMBER_SIZE];
        if (!identify(statistics, statement, identifier)) return false;
        used += (size_t)snprintf(identifiers + used, size - used, "%c%s", used == 0 ? '{' : ',', identifier);
    }
    (void)snprintf(identifiers + used, size - used, "}");
    return true;
}

static void take_rows(struct server_statistics *statistics, const PGresult *rows)
{
    for (int row = 0; row < STATEMENT_COUNT; row++) {
        struct server_statement *statement = &statistics->answer.statements[row];
        statement->calls = strtoull(PQgetvalue(rows, row, 0), NULL, 10);
        statement->total_ms = strtod(PQgetvalue(rows, row, 1), NULL);
    }
}

/* Without the texts (false), which may be many megabytes. */
static void count_calls(struct server_statistics *statistics, const char *identifiers)
{
    const char *values[] = {identifiers};
    const struct question question = {
        "SELECT coalesce(sum(calls), 0), coalesce(sum(total_plan_time + total_exec_time), 0) "
        "FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (identifier, position) "
        "LEFT JOIN pg_stat_statements(false) ON queryid = identifier "
        "AND userid = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user) "
        "AND dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) "
        "GROUP BY position ORDER BY position",
        1, NULL, values};
    PGresult *rows = ask_for_rows(statistics, &question, refusal_to_count);
    if (rows == NULL) return;
    if (PQntuples(rows) == STATEMENT_COUNT)
        take_rows(statistics, rows);
    else
        explain_absence(statistics, FAULT_VALUE_REFUSED, MISSING_ROWS);
    PQclear(rows);
}

/* ---- the thread ---- */

static void look(struct server_statistics *statistics)
{
    char identifiers[STATEMENT_COUNT * NUMBER_SIZE + sizeof "{}"];
    if (!open_session(statistics)) {
        explain_absence(statistics, FAULT_DATABASE_UNAVAILABLE, NO_SESSION);
        return;
    }
    if (begin_transaction(statistics) && find_extension(statistics) && try_extension(statistics) &&
        identify_all(statistics, identifiers, sizeof identifiers))
        count_calls(statistics, identifiers);
    end_transaction(statistics);
    PQfinish(statistics->session);
}

static void release(struct server_statistics *statistics)
{
    free(statistics->database_url);
    free(statistics);
}

static void *run(void *argument)
{
    struct server_statistics *statistics = argument;
    look(statistics);
    if (atomic_exchange(&statistics->state, ANSWERED) == LET_GO) release(statistics);
    return NULL;
}

enum fault server_statistics_start(const char *database_url, unsigned timeout_ms,
                                   struct server_statistics **ret_statistics)
{
    struct server_statistics *statistics = calloc(1, sizeof *statistics);
    if (statistics == NULL) return FAULT_MEMORY;
    statistics->timeout_ms = timeout_ms;
    statistics->deadline_ns = clock_now_ns() + timeout_ms * NS_PER_MS;
    statistics->database_url = strdup(database_url);
    if (statistics->database_url == NULL || detached_thread_start(run, statistics)) {
        release(statistics);
        return FAULT_MEMORY;
    }
    *ret_statistics = statistics;
    return FAULT_NONE;
}

const struct server_statistics_answer *server_statistics_poll(struct server_statistics *statistics)
{
    return atomic_load(&statistics->state) == ANSWERED ? &statistics->answer : NULL;
}

void server_statistics_let_go(struct server_statistics *statistics)
{
    if (statistics != NULL && atomic_exchange(&statistics->state, LET_GO) == ANSWERED) release(statistics);
}

void server_statistics_end(struct server_statistics *statistics, unsigned patience_ms)
{
    int running = RUNNING;
    if (statistics == NULL) return;
    (void)atomic_compare_exchange_strong(&statistics->state, &running, UNWANTED);
    uint64_t deadline_ns = clock_now_ns() + patience_ms * NS_PER_MS;
    while (atomic_load(&statistics->state) != ANSWERED && clock_now_ns() < deadline_ns)
        (void)nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    server_statistics_let_go(statistics);
}
