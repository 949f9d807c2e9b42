/*
 * One synchronous connection to the database, for commands and the start; never for a worker.
 *
 * Faults come with a message that the caller frees (NULL when memory was short). No message
 * holds a password.
 */
#pragma once

#include "base/fault.h"

#include <libpq-fe.h>

/*
 * Connects, within timeout_ms. database_url is a connection URI, a key=value string, a database's name
 * or "" for libpq's defaults. FAULT_DATABASE_UNAVAILABLE; FAULT_VALIDATION when it is malformed.
 * The caller ends *ret_session with PQfinish.
 */
enum fault database_session_open(const char *database_url, unsigned timeout_ms, PGconn **ret_session,
                                 char **ret_message);

/*
 * Runs sql, which may be several statements; the last one's result goes to *ret_result, which the caller
 * clears (NULL: not wanted). FAULT_VALUE_REFUSED when the database refuses it: the message tells the line
 * in sql, if it is known. FAULT_DATABASE_UNAVAILABLE when the connection is lost or being ended.
 */
enum fault database_session_run(PGconn *session, const char *sql, PGresult **ret_result, char **ret_message);

/* The same for one statement with parameters in text form. */
enum fault database_session_run_with(PGconn *session, const char *sql, const char *const *parameters,
                                     int parameter_count, char **ret_message);
