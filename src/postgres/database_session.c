#include "postgres/database_session.h"

#include "base/clock.h"
#include "postgres/database_check.h"
#include "postgres/message.h"
#include "postgres/notice.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpq's text on one line: it continues a line after a line feed and a tab. */
static void flatten(char *message)
{
    size_t size = strlen(message);
    while (size > 0 && message[size - 1] == '\n')
        message[--size] = '\0';
    for (; *message != '\0'; message++) {
        if (*message == '\n') *message = ';';
        if (*message == '\t') *message = ' ';
    }
}

static enum fault unavailable(PGconn *session, char **ret_message)
{
    enum fault fault =
        message_set(ret_message, FAULT_DATABASE_UNAVAILABLE, "database: %s", PQerrorMessage(session));
    if (*ret_message) flatten(*ret_message);
    return fault;
}

/* Waits until the socket is ready for what the connection attempt wants. False when time is up. */
static bool wait_for(PGconn *session, PostgresPollingStatusType wanted, uint64_t deadline_ns)
{
    struct pollfd poll_entry = {PQsocket(session), wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
    for (;;) {
        uint64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_ns) return false;
        int ready = poll(&poll_entry, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

static enum fault finish_connecting(PGconn *session, unsigned timeout_ms, char **ret_message)
{
    uint64_t deadline_ns = clock_now_ns() + timeout_ms * NS_PER_MS;
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    if (PQstatus(session) == CONNECTION_BAD) return unavailable(session, ret_message);
    while (wanted != PGRES_POLLING_OK) {
        if (!wait_for(session, wanted, deadline_ns))
            return message_set(ret_message, FAULT_DATABASE_UNAVAILABLE,
                               "database: no connection within %u ms", timeout_ms);
        wanted = PQconnectPoll(session);
        if (wanted == PGRES_POLLING_FAILED) return unavailable(session, ret_message);
    }
    return FAULT_NONE;
}

enum fault database_session_open(const char *database_url, unsigned timeout_ms, PGconn **ret_session,
                                 char **ret_message)
{
    enum fault fault = database_url_check(database_url, ret_message);
    if (fault) return fault;

    const char *names[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
    const char *values[] = {database_url, "splits-command", "UTF8", NULL};
    PGconn *session = PQconnectStartParams(names, values, true);
    if (!session) return message_set(ret_message, FAULT_MEMORY, "memory is short");
    notice_ignore(session);
    fault = finish_connecting(session, timeout_ms, ret_message);
    if (fault)
        PQfinish(session);
    else
        *ret_session = session;
    return fault;
}

/* The line in sql, from 1, of the character at position, which counts from 1; 0 when unknown. */
static unsigned line_of(const char *sql, const char *position)
{
    unsigned long left = position ? strtoul(position, NULL, 10) : 0;
    if (left == 0) return 0;
    unsigned line = 1;
    for (; *sql != '\0'; sql++) {
        bool starts_character = (*sql & 0xC0) != 0x80;
        if (starts_character && --left == 0) break;
        if (*sql == '\n') line++;
    }
    return line;
}

static enum fault refused(const char *sql, const PGresult *result, char **ret_message)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    unsigned line = line_of(sql, PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
    char where[32] = "";
    if (line != 0) (void)snprintf(where, sizeof where, "line %u: ", line);
    enum fault fault = message_set(ret_message, FAULT_VALUE_REFUSED, "%s%s: %s%s%s (SQLSTATE %s)", where,
                                   severity ? severity : "ERROR", primary ? primary : "unknown",
                                   detail ? ": " : "", detail ? detail : "", state ? state : "unknown");
    if (*ret_message) flatten(*ret_message);
    return fault;
}

/* SQLSTATE 57P01 to 57P05: the server is ending this session. */
static bool is_ending(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state && strncmp(state, "57P", 3) == 0;
}

static enum fault judge(PGconn *session, const char *sql, const PGresult *result, char **ret_message)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY)
        return FAULT_NONE;
    if (!result || PQstatus(session) != CONNECTION_OK || is_ending(result))
        return unavailable(session, ret_message);
    if (status == PGRES_FATAL_ERROR) return refused(sql, result, ret_message);
    return message_set(ret_message, FAULT_VALUE_REFUSED, "COPY from or to the client is not possible here");
}

enum fault database_session_run(PGconn *session, const char *sql, PGresult **ret_result, char **ret_message)
{
    PGresult *result = PQexec(session, sql);
    enum fault fault = judge(session, sql, result, ret_message);
    if (fault || !ret_result)
        PQclear(result);
    else
        *ret_result = result;
    return fault;
}

enum fault database_session_run_with(PGconn *session, const char *sql, const char *const *parameters,
                                     int parameter_count, char **ret_message)
{
    PGresult *result = PQexecParams(session, sql, parameter_count, NULL, parameters, NULL, NULL, 0);
    enum fault fault = judge(session, sql, result, ret_message);
    PQclear(result);
    return fault;
}
