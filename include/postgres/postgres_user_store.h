/*
 * The user store over PostgreSQL: one per worker, with its own connections in libpq's pipeline mode,
 * all on the worker's event loop.
 *
 * Reads of a tick share a Sync; each write has its own, or creates of a tick one together, and is answered
 * when that Sync has come back. Lost
 * connections are opened again in the background. docs/database-events.md says what each database
 * event means for the asker.
 */
#pragma once

#include "base/event_loop.h"
#include "base/fault.h"
#include "postgres/postgres_statistics.h"
#include "users/user_store.h"

#include <stdbool.h>
#include <stdint.h>

struct postgres_user_store;

struct postgres_config {
    const char *database_url;      /* "" for libpq's defaults */
    const char *database_url_file; /* read anew for each connection, in place of database_url; NULL: none */
    const char *application_name;
    bool blocking;          /* wait for each answer inside the call */
    bool prepared;          /* statements prepared once per connection */
    bool combine_lookups;   /* of a tick as one query; when blocking there are none to combine */
    bool combine_creates;   /* likewise, those without a key */
    bool laboratory;        /* those of the laboratory as well: see postgres_lab_store.h */
    unsigned connections;   /* per store, from 1 */
    unsigned queue_max;     /* operations that wait for a connection */
    unsigned in_flight_max; /* per connection */
    uint64_t queue_timeout_ns;
    uint64_t statement_timeout_ns;
    uint64_t lock_timeout_ns;
    uint64_t connect_timeout_ns;
    uint64_t reconnect_max_ns;
    unsigned schema_version;  /* the newest migration that this binary knows */
    unsigned connections_sum; /* of all instances: compared with what the server has; 0: not by this store */
    struct event_loop *loop;  /* borrowed */
};

/* Starts connecting and returns at once. FAULT_MEMORY, FAULT_VALIDATION for a malformed URL. */
enum fault postgres_user_store_new(const struct postgres_config *config,
                                   struct postgres_user_store **ret_store);

/* Closes the connections. Operations still open are forgotten without a call. Takes NULL. */
void postgres_user_store_free(struct postgres_user_store *store);

struct user_store *postgres_user_store_interface(struct postgres_user_store *store);

/* Sends what this tick has asked for, and minds time limits and reconnections. Once per tick. */
void postgres_user_store_flush(struct postgres_user_store *store, uint64_t now_ns);

/* When flush must be called at the latest. */
uint64_t postgres_user_store_wake_ns(const struct postgres_user_store *store);

/*
 * FAULT_NONE when operations can be served: a connection is up, and the schema has what they need.
 * Else FAULT_DATABASE_UNAVAILABLE, FAULT_DATABASE_URL, FAULT_SCHEMA_BEHIND or FAULT_SCHEMA_UNKNOWN.
 */
enum fault postgres_user_store_readiness(const struct postgres_user_store *store);

/* Lives as long as the store. Any thread may read it. */
const struct postgres_statistics *postgres_user_store_statistics(const struct postgres_user_store *store);
