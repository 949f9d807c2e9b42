/*
 * The part of a connection set that holds the queries which wait for a connection. Other parts use it; the
 * rest of the program sees the set alone.
 */
#pragma once

#include "base/fault.h"
#include "postgres/connection_set.h"
#include "postgres/query.h"

#include <stdint.h>

/* How long the server will be at it. */
uint64_t connection_queue_expected_ns(const struct connection_set *set, const struct query *query);

/* Behind the others of its kind. Its ledger enters PHASE_QUEUE. */
void connection_queue_put(struct connection_set *set, struct query *query);

/* query, which is in the queue, is the caller's. */
void connection_queue_remove(struct connection_set *set, struct query *query);

/* No connection is left: every query in the queue is told so. */
void connection_queue_fail_all(struct connection_set *set, enum fault fault);

/* Those that have waited for too long are told so. */
void connection_queue_fail_late(struct connection_set *set);
