/*
 * One look-up of host names, on a detached thread. The asker and the thread share the struct; whoever
 * lets go of it last frees it.
 */
#pragma once

#include "base/fault.h"

#include <stdbool.h>

#define DB_LOOKUP_TEXT_MAX 2048

struct db_lookup;

/* The answer as libpq's lists: one entry per address, so that each is tried in turn. */
struct db_lookup_answer {
    char hosts[DB_LOOKUP_TEXT_MAX];     /* the name behind each address: TLS checks it */
    char addresses[DB_LOOKUP_TEXT_MAX]; /* numeric, or "" for a socket directory */
    char ports[DB_LOOKUP_TEXT_MAX];
    bool found; /* false: no name could be looked up */
};

/* Starts. hosts and ports are comma-separated lists of libpq's; ports may be one for all, or "".
 * FAULT_MEMORY. */
enum fault db_lookup_start(const char *hosts, const char *ports, struct db_lookup **ret_lookup);

/* The answer, or NULL while it is not there yet. It lives until db_lookup_let_go. */
const struct db_lookup_answer *db_lookup_poll(struct db_lookup *lookup);

/* Takes NULL. */
void db_lookup_let_go(struct db_lookup *lookup);
