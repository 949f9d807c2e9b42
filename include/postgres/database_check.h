/*
 * What an operator wants to know of the database before the service starts. Synchronous; for the
 * command line.
 */
#pragma once

#include "base/fault.h"

#include <stdbool.h>

struct database_facts {
    char server_version[64];      /* "15.4 (Debian …)", cut when longer */
    unsigned connections_max;     /* max_connections */
    unsigned connections_kept;    /* of these, kept for superusers and reserved roles */
    unsigned deadlock_timeout_ms; /* after so long a wait for a lock it looks for a deadlock; 0 unknown */
    bool read_only;               /* a standby, or read-only by default: writes are refused */
};

/*
 * Without connecting. FAULT_VALIDATION when the URL is malformed, FAULT_MEMORY; *ret_message, which the
 * caller frees, says so without quoting the URL.
 */
enum fault database_url_check(const char *database_url, char **ret_message);

/*
 * Connects, within connect_timeout_ms, and asks. FAULT_DATABASE_UNAVAILABLE, FAULT_VALUE_REFUSED,
 * FAULT_VALIDATION for a malformed URL; *ret_message, which the caller frees (NULL when memory was
 * short), says why.
 */
enum fault database_check(const char *database_url, unsigned connect_timeout_ms,
                          struct database_facts *ret_facts, char **ret_message);

/* The version of the PostgreSQL client library in use, such as 150004 for 15.4. */
int database_library_version(void);
