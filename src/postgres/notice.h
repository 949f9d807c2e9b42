/*
 * The server's notices (a warning about collations, say), which libpq would print on stderr unformatted.
 */
#pragma once

#include <libpq-fe.h>

/* Drops the notices of connection. */
void notice_ignore(PGconn *connection);
