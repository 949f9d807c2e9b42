#include "postgres/connection_queue.h"

#include "base/clock.h"
#include "postgres/connection_set_state.h"
#include "postgres/schedule.h"

uint64_t connection_queue_expected_ns(const struct connection_set *set, const struct query *query)
{
    return set->expected_ns[query->statement] + query->known_ns;
}

/* The set's time is that of the last event, which may be long ago: the wait is measured from now. */
void connection_queue_put(struct connection_set *set, struct query *query)
{
    if (SPLITS_LEDGER || set->config->blocking) connection_set_advance(set, clock_now_ns());
    if (query->ledger != NULL) ledger_enter_at(query->ledger, PHASE_QUEUE, set->now_ns);
    query->state = QUERY_QUEUED;
    query->queued_ns = set->now_ns;
    query->queue = (unsigned char)schedule_queue(query, connection_queue_expected_ns(set, query));
    TAILQ_INSERT_TAIL(&set->queues[query->queue], query, entry);
    set->queued++;
}

void connection_queue_remove(struct connection_set *set, struct query *query)
{
    TAILQ_REMOVE(&set->queues[query->queue], query, entry);
    set->queued--;
}

static void fail(struct connection_set *set, struct query *query, enum fault fault)
{
    connection_queue_remove(set, query);
    query_fail(query, query->outcome_open ? FAULT_OUTCOME_UNKNOWN : fault);
}

void connection_queue_fail_all(struct connection_set *set, enum fault fault)
{
    for (unsigned kind = 0; kind < QUERY_QUEUE_COUNT; kind++)
        for (struct query *query; (query = TAILQ_FIRST(&set->queues[kind])) != NULL;)
            fail(set, query, fault);
}

void connection_queue_fail_late(struct connection_set *set)
{
    for (unsigned kind = 0; kind < QUERY_QUEUE_COUNT; kind++) {
        struct query *query;
        while ((query = TAILQ_FIRST(&set->queues[kind])) != NULL &&
               set->now_ns - query->queued_ns >= set->config->queue_timeout_ns) {
            statistics_count(&set->statistics.shared.timeouts);
            if (set->up_count == 0) set->fault = FAULT_DATABASE_UNAVAILABLE;
            fail(set, query, set->up_count == 0 ? set->fault : FAULT_OVERLOADED);
        }
    }
}
