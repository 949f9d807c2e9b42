#include "postgres/connector.h"

#include "base/clock.h"
#include "postgres/notice.h"
#include "postgres/reserved_connections.h"
#include "postgres/statements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define SELECT_FACTS                                                                                         \
    "SELECT coalesce(max(version), 0), current_setting('max_connections')::integer - (" RESERVED_CONNECTIONS \
    ") FROM schema_migrations"
#define FACT_COUNT     2
#define CAUSE_SIZE_MAX 96 /* bytes of it within another message */

/* The first line: libpq's further ones are hints. */
static void note_cause(struct connector *connector, enum fault fault, const char *message)
{
    connector->fault = fault;
    (void)snprintf(connector->message, sizeof connector->message, "%.*s", (int)strcspn(message, "\n"),
                   message);
}

/* The connection stays open until connector_stop: whoever watches its socket lets go of that first. */
static void fail(struct connector *connector, enum fault fault, const char *message)
{
    connector->state = CONNECTOR_FAILED;
    note_cause(connector, fault, message);
}

static void fail_with_error(struct connector *connector)
{
    fail(connector, FAULT_DATABASE_UNAVAILABLE, PQerrorMessage(connector->connection));
}

/*
 * Settings by a query and not by the "options" start-up parameter: that belongs to the user, and poolers
 * refuse it. Without prepared statements there is a pooler in between, which hands out sessions
 * anew for every transaction: settings would be lost, or somebody else's.
 */
static bool send_session_settings(const struct connector *connector)
{
    static const char sql[] = "SELECT set_config('statement_timeout', $1, false), "
                              "set_config('lock_timeout', $2, false), "
                              "set_config('plan_cache_mode', 'force_generic_plan', false), "
                              "set_config('jit', 'off', false), "
                              "set_config('default_transaction_isolation', 'read committed', false)";
    char statement_timeout[32], lock_timeout[32];
    const char *values[] = {statement_timeout, lock_timeout};
    const struct postgres_config *config = connector->config;
    (void)snprintf(statement_timeout, sizeof statement_timeout, "%llu",
                   (unsigned long long)(config->statement_timeout_ns / NS_PER_MS));
    (void)snprintf(lock_timeout, sizeof lock_timeout, "%llu",
                   (unsigned long long)(config->lock_timeout_ns / NS_PER_MS));
    return PQsendQueryParams(connector->connection, sql, 2, NULL, values, NULL, NULL, 0) == 1;
}

static bool is_used(const struct postgres_config *config, enum statement statement)
{
    if (statement == STATEMENT_USER_FIND_MANY) return config->combine_lookups;
    if (statement == STATEMENT_USER_CREATE_MANY) return config->combine_creates;
    return config->laboratory || !statement_is_for_laboratory(statement);
}

static bool send_prepares(const struct connector *connector)
{
    for (enum statement statement = 0; statement < STATEMENT_COUNT; statement++) {
        const struct statement_text *text = statement_text(statement);
        if (!is_used(connector->config, statement)) continue;
        if (!PQsendPrepare(connector->connection, text->name, text->sql, text->parameter_count, text->types))
            return false;
    }
    return true;
}

/* Each part under a Sync of its own: a failing part does not hide the next one's result. */
static bool send_setup(struct connector *connector)
{
    PGconn *connection = connector->connection;
    if (PQsetnonblocking(connection, 1) != 0 || !PQenterPipelineMode(connection)) return false;
    if (!PQsendQueryParams(connection, SELECT_FACTS, 0, NULL, NULL, NULL, NULL, 0) ||
        !PQpipelineSync(connection))
        return false;
    connector->syncs_left = 1;
    if (connector->config->prepared) {
        if (!send_session_settings(connector) || !send_prepares(connector) || !PQpipelineSync(connection))
            return false;
        connector->syncs_left = 2;
    }
    return PQflush(connection) >= 0;
}

/* A table, a function or a column that is not there is a missing migration. */
static bool is_schema_missing(const PGresult *result)
{
    static const char *const states[] = {"42P01", "42883", "42703"};
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; state != NULL && i < sizeof states / sizeof states[0]; i++)
        if (strcmp(state, states[i]) == 0) return true;
    return false;
}

/* The other result with a row is that of the settings. */
static void take_facts(struct connector *connector, const PGresult *result)
{
    if (PQnfields(result) != FACT_COUNT || PQntuples(result) != 1) return;
    connector->schema_version = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    connector->connections_allowed = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
}

static void take_setup_result(struct connector *connector, const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        connector->syncs_left--;
        break;
    case PGRES_TUPLES_OK:
        take_facts(connector, result);
        break;
    case PGRES_COMMAND_OK:
    case PGRES_PIPELINE_ABORTED:
        break;
    default: {
        /* The first error is the cause. */
        enum fault fault = is_schema_missing(result) ? FAULT_SCHEMA_BEHIND : FAULT_DATABASE_UNAVAILABLE;
        if (connector->fault == FAULT_NONE) note_cause(connector, fault, PQresultErrorMessage(result));
        break;
    }
    }
}

/*
 * A newer schema is no fault by itself: old and new instances run side by side while they are replaced, and a
 * roll-back leaves the schema as it is. What it must still have is whatever the statements name: that they
 * could be prepared is the proof.
 */
static void judge_schema(struct connector *connector)
{
    char message[sizeof connector->message];
    long long version = connector->schema_version, expected = connector->config->schema_version;
    if (version < expected) {
        (void)snprintf(message, sizeof message,
                       "the schema is at version %lld, expected is %lld: run splits migrate up", version,
                       expected);
        note_cause(connector, FAULT_SCHEMA_BEHIND, message);
    } else if (version > expected && connector->fault == FAULT_SCHEMA_BEHIND) {
        (void)snprintf(
            message, sizeof message,
            "the schema is at version %lld, and no longer works with this program, which knows %lld: run "
            "a newer one (%.*s)",
            version, expected, CAUSE_SIZE_MAX, connector->message);
        note_cause(connector, FAULT_SCHEMA_UNKNOWN, message);
    }
}

static void finish_setup(struct connector *connector)
{
    if (connector->fault != FAULT_DATABASE_UNAVAILABLE) judge_schema(connector);
    connector->state = connector->fault ? CONNECTOR_FAILED : CONNECTOR_UP;
}

static void step_preparing(struct connector *connector)
{
    PGconn *connection = connector->connection;
    if (!PQconsumeInput(connection)) {
        fail_with_error(connector);
        return;
    }
    int nulls = 0; /* two in a row: libpq has nothing more to give */
    while (connector->syncs_left > 0 && nulls < 2 && !PQisBusy(connection)) {
        PGresult *result = PQgetResult(connection);
        nulls = result == NULL ? nulls + 1 : 0;
        if (result != NULL) take_setup_result(connector, result);
        PQclear(result);
    }
    int left = PQflush(connection);
    if (PQstatus(connection) != CONNECTION_OK || left < 0)
        fail_with_error(connector);
    else if (connector->syncs_left == 0)
        finish_setup(connector);
    else
        connector->wanted_events = left == 1 ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

static void step_connecting(struct connector *connector)
{
    switch (PQconnectPoll(connector->connection)) {
    case PGRES_POLLING_READING:
        connector->wanted_events = EPOLLIN;
        break;
    case PGRES_POLLING_WRITING:
        connector->wanted_events = EPOLLOUT;
        break;
    case PGRES_POLLING_OK:
        connector->state = CONNECTOR_PREPARING;
        connector->wanted_events = EPOLLIN;
        if (!send_setup(connector)) fail_with_error(connector);
        break;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        fail_with_error(connector);
        break;
    }
}

void connector_start(struct connector *connector, const struct postgres_config *config,
                     struct db_target *target, uint64_t now_ns)
{
    *connector = (struct connector){.config = config,
                                    .target = target,
                                    .state = CONNECTOR_CONNECTING,
                                    .deadline_ns = now_ns + config->connect_timeout_ns};
    connector->connection = PQconnectStartParams(target->keywords, target->values, 0);
    if (connector->connection == NULL) {
        fail(connector, FAULT_MEMORY, "out of memory");
        return;
    }
    if (PQstatus(connector->connection) == CONNECTION_BAD) {
        fail_with_error(connector);
        return;
    }
    notice_ignore(connector->connection);
    connector->wanted_events = EPOLLOUT;
}

int connector_socket(const struct connector *connector)
{
    return connector->connection == NULL ? -1 : PQsocket(connector->connection);
}

void connector_step(struct connector *connector)
{
    if (connector->state == CONNECTOR_CONNECTING)
        step_connecting(connector);
    else if (connector->state == CONNECTOR_PREPARING)
        step_preparing(connector);
}

void connector_check_deadline(struct connector *connector, uint64_t now_ns)
{
    bool is_connecting = connector->state == CONNECTOR_CONNECTING;
    if ((!is_connecting && connector->state != CONNECTOR_PREPARING) || now_ns < connector->deadline_ns)
        return;
    if (is_connecting) db_target_pass_over(connector->target, connector->connection);
    fail(connector, FAULT_DATABASE_UNAVAILABLE, "no answer from the database in time");
}

PGconn *connector_take(struct connector *connector)
{
    PGconn *connection = connector->connection;
    connector->connection = NULL;
    connector->state = CONNECTOR_IDLE;
    return connection;
}

void connector_stop(struct connector *connector)
{
    PQfinish(connector->connection);
    connector->connection = NULL;
    connector->state = CONNECTOR_IDLE;
}
