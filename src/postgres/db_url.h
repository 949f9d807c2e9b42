/*
 * The database URL: a connection URI, a key=value string, a database's name, or "" for libpq's defaults.
 */
#pragma once

#include "base/fault.h"

#include <libpq-fe.h>

/* What is wrong with a URL that db_url_parse refuses. libpq's own text quotes the URL, passwords and all. */
#define DB_URL_MALFORMED "malformed (in a URI, write : / @ ? # % in a password as %3A %2F …)"

/*
 * Takes database_url apart; a bare name becomes dbname. FAULT_VALIDATION when it is malformed, or a
 * URI whose password libpq would take for a port; FAULT_MEMORY. The caller frees *ret_options with
 * PQconninfoFree.
 */
enum fault db_url_parse(const char *database_url, PQconninfoOption **ret_options);
