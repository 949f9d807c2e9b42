/*
 * The worker's side of postgres/postgres_statistics.h: it alone counts. With the build option ledger=false
 * queries are not timed.
 */
#pragma once

#include "postgres/postgres_statistics.h"
#include "postgres/query.h"

#include <stdatomic.h>
#include <stdint.h>

/* All zero, it is empty. */
struct statistics {
    struct postgres_statistics shared;
    uint64_t queue_rest_ns[STATEMENT_COUNT]; /* of queue_us: less than a microsecond */
};

/* query was sent, at its sent_ns: its wait is over. */
void statistics_sent(struct statistics *statistics, struct query *query);

/* query was answered, by what came at received_ns. */
void statistics_answered(struct statistics *statistics, const struct query *query, uint64_t received_ns);

/* One more. */
void statistics_count(atomic_uint_fast64_t *counter);
