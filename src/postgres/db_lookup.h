/*
 * One look-up of host names, on a detached thread. The asker and the thread share the struct; whoever
 * lets go of it last frees it.
 */
#pragma once

#include "base/fault.h"
#include "postgres/host_list.h"

#include <stdbool.h>

struct db_lookup;

/* The answer: one entry per address, so that each is tried in turn. */
struct db_lookup_answer {
    struct host_list list; /* the name behind each address stays with it: TLS checks it */
    bool found;            /* false: no name could be looked up, or there are too many addresses */
};

/* Starts. hosts and ports are comma-separated lists of libpq's; ports may be one for all, or "".
 * FAULT_MEMORY. */
enum fault db_lookup_start(const char *hosts, const char *ports, struct db_lookup **ret_lookup);

/* The answer, or NULL while it is not there yet. It lives until db_lookup_let_go. */
const struct db_lookup_answer *db_lookup_poll(struct db_lookup *lookup);

/* Takes NULL. */
void db_lookup_let_go(struct db_lookup *lookup);
