/*
 * A worker's database connections and the queries that wait for one.
 *
 * Cheap reads are packed on few connections: fewer wake-ups, larger batches. Slow reads each get a
 * connection that is free, so that none stands in front of a cheap one; writes are spread, because each
 * waits for its own commit. Reads and writes do not share a connection at the same time, unless
 * only one is up. What "cheap" means is measured: the moving average of each statement's own time.
 *
 * Everything is bounded: the queue, the time in it, what is in flight. A lost connection is opened
 * again in the background; docs/database-events.md says what becomes of the queries on it.
 */
#pragma once

#include "base/event_loop.h"
#include "base/fault.h"
#include "postgres/postgres_statistics.h"
#include "postgres/postgres_user_store.h"
#include "postgres/query.h"

#include <stdbool.h>
#include <stdint.h>

struct connection_set;

/* Starts connecting. config is borrowed. FAULT_MEMORY, FAULT_VALIDATION for a malformed URL. */
enum fault connection_set_new(const struct postgres_config *config, struct connection_set **ret_set);

/* Closes the connections; queries still open are forgotten without a call. Takes NULL. */
void connection_set_free(struct connection_set *set);

/*
 * Takes query, whose statement, parameters, repeat, deadline and done are set. Its ledger enters PHASE_QUEUE,
 * and PHASE_QUEUE again whenever it comes back to be sent once more. It is sent by the next
 * flush, or, in blocking mode, answered before this returns. done is called at once with
 * FAULT_DATABASE_UNAVAILABLE (or a schema fault) when no connection is up, unless all have just been lost
 * and are being opened again; FAULT_OVERLOADED when the queue is full.
 */
void connection_set_submit(struct connection_set *set, struct query *query);

/* Nobody waits for query any more: done will not be called. */
void connection_set_abandon(struct connection_set *set, struct query *query);

/* Sends what waits; minds time limits, lost connections and reconnecting. Once per tick. */
void connection_set_flush(struct connection_set *set, uint64_t now_ns);

/* When flush must be called at the latest. */
uint64_t connection_set_wake_ns(const struct connection_set *set);

/* FAULT_NONE when queries can be served; see postgres_user_store_readiness. */
enum fault connection_set_readiness(const struct connection_set *set);

/* See postgres_user_store_statistics. What is so "at present" is as of the latest flush. */
const struct postgres_statistics *connection_set_statistics(const struct connection_set *set);
