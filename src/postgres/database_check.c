#include "postgres/database_check.h"

#include "postgres/database_session.h"
#include "postgres/db_url.h"
#include "postgres/message.h"
#include "postgres/reserved_connections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SELECT_FACTS                                                                                         \
    "SELECT current_setting('server_version'), current_setting('max_connections'),"                          \
    " " RESERVED_CONNECTIONS ", current_setting('transaction_read_only') = 'on',"                            \
    " (SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout')" /* in ms, without a unit */

enum fault database_url_check(const char *database_url, char **ret_message)
{
    PQconninfoOption *options = NULL;
    enum fault fault = db_url_parse(database_url, &options);
    PQconninfoFree(options);
    if (fault == FAULT_VALIDATION)
        return message_set(ret_message, fault, "database-url: %s", DB_URL_MALFORMED);
    if (fault) return message_set(ret_message, fault, "memory is short");
    return FAULT_NONE;
}

static unsigned number_at(const PGresult *row, int column)
{
    return (unsigned)strtoul(PQgetvalue(row, 0, column), NULL, 10);
}

enum fault database_check(const char *database_url, unsigned connect_timeout_ms,
                          struct database_facts *ret_facts, char **ret_message)
{
    PGconn *session;
    enum fault fault = database_session_open(database_url, connect_timeout_ms, &session, ret_message);
    if (fault) return fault;

    PGresult *row = NULL;
    fault = database_session_run(session, SELECT_FACTS, &row, ret_message);
    if (!fault) {
        (void)snprintf(ret_facts->server_version, sizeof ret_facts->server_version, "%s",
                       PQgetvalue(row, 0, 0));
        ret_facts->connections_max = number_at(row, 1);
        ret_facts->connections_kept = number_at(row, 2);
        ret_facts->read_only = strcmp(PQgetvalue(row, 0, 3), "t") == 0;
        ret_facts->deadlock_timeout_ms = number_at(row, 4);
    }
    PQclear(row);
    PQfinish(session);
    return fault;
}

int database_library_version(void)
{
    return PQlibVersion();
}
