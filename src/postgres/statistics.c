#include "postgres/statistics.h"

#include "base/clock.h"

_Static_assert(STATEMENT_COUNT < POSTGRES_STATEMENTS_MAX, "each statement has its numbers");

const char *postgres_statement_name(unsigned index)
{
    return index < STATEMENT_COUNT ? statement_text((enum statement)index)->name : NULL;
}

/* There is one writer, so that a load and a store do. */
static void add(atomic_uint_fast64_t *counter, uint64_t more)
{
    uint64_t sum = atomic_load_explicit(counter, memory_order_relaxed) + more;
    atomic_store_explicit(counter, sum, memory_order_relaxed);
}

void statistics_count(atomic_uint_fast64_t *counter)
{
    add(counter, 1);
}

static uint64_t duration_ns(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

void statistics_sent(struct statistics *statistics, struct query *query)
{
    if (!SPLITS_LEDGER) return;
    uint64_t wait_ns = duration_ns(query->queued_ns, query->sent_ns);
    query->waited_ns += wait_ns;
    histogram_add(&statistics->shared.wait, wait_ns);
}

void statistics_answered(struct statistics *statistics, const struct query *query, uint64_t received_ns)
{
    if (!SPLITS_LEDGER) return;
    struct postgres_statistics *shared = &statistics->shared;
    histogram_add(&shared->operations[query->statement], duration_ns(query->sent_ns, received_ns));
    uint64_t *rest_ns = &statistics->queue_rest_ns[query->statement];
    *rest_ns += query->waited_ns;
    add(&shared->queue_us[query->statement], *rest_ns / NS_PER_US);
    *rest_ns %= NS_PER_US;
}
