#include "postgres/connection_set.h"

#include "base/clock.h"
#include "postgres/connection_queue.h"
#include "postgres/connection_upkeep.h"
#include "postgres/query_batch.h"
#include "postgres/schedule.h"

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>

#define ROUND_TRIP_FIRST_NS (1 * NS_PER_MS)
#define EXPECTED_FIRST_NS   (50 * NS_PER_US)
#define TRIES_MAX           3
#define BLOCKING_WAIT_MS    10
/* After creates have waited in vain: who asks for the same address again is not to hold up others again. */
#define CREATES_ALONE_NS (10 * NS_PER_S)

static struct slot *slot_of(struct pipeline *pipeline)
{
    return (struct slot *)((char *)pipeline - offsetof(struct slot, pipeline));
}

/* ---- what pipelines tell ---- */

/* Connections that have just been lost are opened again at once: until that has failed, queries wait. */
static bool takes_queries(const struct connection_set *set)
{
    return set->up_count > 0 || set->fault == FAULT_NONE;
}

/*
 * All connections may have gone bad at once, and each of them may cost a query one more try before that is
 * noticed.
 */
static bool may_send_again(const struct connection_set *set, const struct query *query, enum query_return why)
{
    unsigned moves_max = set->slot_count + TRIES_MAX;
    switch (why) {
    case QUERY_RETURN_ABORTED:
        return true;
    case QUERY_RETURN_AGAIN:
        return query->sent_count < TRIES_MAX;
    case QUERY_RETURN_MOVED:
        return query->sent_count < moves_max;
    case QUERY_RETURN_SILENT:
        if (query->repeat == QUERY_REPEAT_OVERWRITE) return false;
        [[fallthrough]];
    case QUERY_RETURN_LOST:
        if (query->repeat == QUERY_REPEAT_READ) return query->sent_count < moves_max;
        return query->repeat != QUERY_REPEAT_NEVER && query->sent_count < 2;
    }
    return false;
}

static void take_one_back(struct connection_set *set, struct query *query, enum query_return why,
                          enum fault fault)
{
    query->alone = true; /* whatever happened to it happens to no other query again */
    bool is_lost = why == QUERY_RETURN_LOST || why == QUERY_RETURN_SILENT;
    if (is_lost && query_is_write(query)) query->outcome_open = true;
    if (takes_queries(set) && may_send_again(set, query, why) && set->now_ns < query->deadline_ns)
        connection_queue_put(set, query);
    else
        query_fail(query, query->outcome_open ? FAULT_OUTCOME_UNKNOWN : fault);
}

static void take_back(void *argument, struct query *query, enum query_return why, enum fault fault)
{
    struct query_batch *batch = query_batch_of(query);
    if (batch == NULL) {
        take_one_back(argument, query, why, fault);
        return;
    }
    for (struct query *member; (member = query_batch_take(batch)) != NULL;)
        take_one_back(argument, member, why, fault);
    query_batch_free(batch);
}

static void end_batch(struct query *query, enum fault fault, const PGresult *result)
{
    struct query_batch *batch = query_batch_of(query);
    struct connection_set *set = batch->owner;
    bool has_waited = fault == FAULT_LOCK_TIMEOUT || fault == FAULT_STATEMENT_TIMEOUT;
    if (has_waited && query_is_write(query)) set->creates_alone_until_ns = set->now_ns + CREATES_ALONE_NS;
    query_batch_answer(batch, fault, result);
    /* Not sent again is only whose time is up: he is not told a fault that may be another's. */
    take_back(set, query, QUERY_RETURN_ABORTED, FAULT_REQUEST_TIMEOUT);
}

static void take_trouble(void *argument, struct pipeline *pipeline, bool all_connections)
{
    connection_upkeep_retire(argument, pipeline, all_connections);
}

/* What a busy machine adds is not the thing's own: the average follows downwards quickly, upwards slowly. */
static void follow(uint64_t *average_ns, uint64_t value_ns)
{
    if (value_ns < *average_ns)
        *average_ns -= (*average_ns - value_ns) / 2;
    else
        *average_ns += (value_ns - *average_ns) / 32;
}

/*
 * A statement's own time is what its answer took beyond a round trip: a far database makes nothing slow.
 * Until the way is known nothing is judged, or a long way would keep all connections too busy for a ping.
 */
static void take_measure(void *argument, enum statement statement, unsigned count, uint64_t elapsed_ns)
{
    struct connection_set *set = argument;
    if (count == 0 && !event_loop_times(set->config->loop)->has_slept) return; /* it lay there for a while */
    if (count == 0 && !set->knows_round_trip)
        set->round_trip_ns = elapsed_ns;
    else if (count == 0)
        follow(&set->round_trip_ns, elapsed_ns);
    else if (set->knows_round_trip)
        follow(&set->expected_ns[statement],
               elapsed_ns > set->round_trip_ns ? (elapsed_ns - set->round_trip_ns) / count : 0);
    if (count == 0) set->knows_round_trip = true;
}

static void take_answer(void *argument, const struct query *query, uint64_t received_ns)
{
    struct connection_set *set = argument;
    statistics_answered(&set->statistics, query, received_ns);
}

/* ---- sending ---- */

static void send_query(struct connection_set *set, struct pipeline *pipeline, struct query *query)
{
    connection_queue_remove(set, query);
    if (pipeline_submit(pipeline, query, connection_queue_expected_ns(set, query), set->now_ns)) {
        statistics_sent(&set->statistics, query);
    } else {
        connection_queue_put(set, query); /* never sent: nothing of it can have been applied */
        connection_upkeep_close(set, slot_of(pipeline), PQerrorMessage(pipeline->connection));
    }
}

static void send_batch(struct connection_set *set, struct pipeline *pipeline, struct query_batch *batch)
{
    struct query *member;
    set->queued -= batch->count;
    batch->owner = set;
    batch->query.done = end_batch;
    if (pipeline_submit(pipeline, &batch->query, connection_queue_expected_ns(set, &batch->query),
                        set->now_ns)) {
        query_batch_sent(batch);
        TAILQ_FOREACH(member, &batch->members, entry)
        {
            statistics_sent(&set->statistics, member);
        }
        batch->query.waited_ns = TAILQ_FIRST(&batch->members)->waited_ns;
    } else {
        while ((member = query_batch_take(batch)) != NULL)
            connection_queue_put(set, member);
        query_batch_free(batch);
        connection_upkeep_close(set, slot_of(pipeline), PQerrorMessage(pipeline->connection));
    }
}

/* What the first of a queue can go together as, or NULL. Slow look-ups each have a connection of their own.
 */
static const struct batch_kind *kind_of(const struct connection_set *set, struct query *query)
{
    const struct batch_kind *kind = NULL;
    if (query->queue == QUERY_QUEUE_CHEAP && set->config->combine_lookups) kind = &lookup_batch_kind;
    if (query->queue == QUERY_QUEUE_WRITE && set->config->combine_creates &&
        set->now_ns >= set->creates_alone_until_ns)
        kind = &create_batch_kind;
    return kind != NULL && query_batch_is_possible(kind, query) ? kind : NULL;
}

static void send_queue(struct connection_set *set, struct query_queue *queue)
{
    for (struct query *query; (query = TAILQ_FIRST(queue)) != NULL;) {
        const struct batch_kind *kind = kind_of(set, query);
        uint64_t query_ns =
            kind != NULL ? set->expected_ns[kind->combined] : connection_queue_expected_ns(set, query);
        struct pipeline *pipeline = schedule_choose(set->slots, set->slot_count, query->queue, query_ns);
        if (pipeline == NULL) return;
        struct query_batch *batch;
        if (kind != NULL && !query_batch_new(kind, queue, &batch))
            send_batch(set, pipeline, batch);
        else
            send_query(set, pipeline, query);
    }
}

/* Handlers have run since the time that the caller knows: what they cost is no time of the database's. */
static void send_queues(struct connection_set *set)
{
    if (SPLITS_LEDGER) connection_set_advance(set, clock_now_ns());
    for (unsigned kind = 0; kind < QUERY_QUEUE_COUNT; kind++)
        send_queue(set, &set->queues[kind]);
}

static void publish(struct connection_set *set)
{
    struct postgres_statistics *shared = &set->statistics.shared;
    unsigned used = 0, idle = 0;
    uint64_t busy_us = 0;
    for (unsigned i = 0; i < set->slot_count; i++) {
        struct slot *slot = &set->slots[i];
        busy_us += pipeline_busy_ns(&slot->pipeline, set->now_ns) / NS_PER_US;
        used += slot->state == SLOT_UP && slot->pipeline.queries > 0;
        idle += slot->state == SLOT_UP && slot->pipeline.queries == 0;
    }
    atomic_store_explicit(&shared->busy_us, busy_us, memory_order_relaxed);
    atomic_store_explicit(&shared->used, used, memory_order_relaxed);
    atomic_store_explicit(&shared->idle, idle, memory_order_relaxed);
    atomic_store_explicit(&shared->pending, set->queued, memory_order_relaxed);
    atomic_store_explicit(&shared->round_trip_ns, set->round_trip_ns, memory_order_relaxed);
}

void connection_set_flush(struct connection_set *set, uint64_t now_ns)
{
    connection_set_advance(set, now_ns);
    if (set->now_ns >= set->maintenance_ns) connection_upkeep_maintain(set);
    if (set->queued > 0) send_queues(set);
    for (unsigned i = 0; i < set->slot_count; i++)
        if (set->slots[i].pipeline.has_unsent) connection_upkeep_flush(set, &set->slots[i]);
    if (set->queued > 0) connection_queue_fail_late(set);
    publish(set);
}

static bool is_busy(const struct connection_set *set)
{
    for (unsigned i = 0; i < set->slot_count; i++)
        if (set->slots[i].pipeline.queries > 0) return true;
    return set->queued > 0;
}

_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT, "poll and epoll mean the same by the same bits");

/* Blocking mode: waits for the answers of everything that is open. Lost connections come back meanwhile. */
static void wait_for_answers(struct connection_set *set)
{
    set->is_waiting = true;
    for (connection_set_flush(set, clock_now_ns()); is_busy(set); connection_set_flush(set, clock_now_ns())) {
        for (unsigned i = 0; i < set->slot_count; i++) {
            const struct slot *slot = &set->slots[i];
            set->polled[i] = (struct pollfd){.fd = slot->watched_events != 0 ? slot->watched_socket : -1,
                                             .events = (short)slot->watched_events};
        }
        if (poll(set->polled, set->slot_count, BLOCKING_WAIT_MS) <= 0) continue;
        for (unsigned i = 0; i < set->slot_count; i++)
            if (set->polled[i].revents != 0) connection_upkeep_ready(&set->slots[i].source, 0);
    }
    set->is_waiting = false;
}

void connection_set_submit(struct connection_set *set, struct query *query)
{
    if (!takes_queries(set)) {
        query_fail(query, set->fault);
        return;
    }
    if (set->queued >= set->config->queue_max) {
        statistics_count(&set->statistics.shared.rejected);
        query_fail(query, FAULT_OVERLOADED);
        return;
    }
    connection_queue_put(set, query);
    if (!set->config->blocking) return;
    /* Its asker may have asked others before it, and waited for each. */
    if (set->now_ns >= query->deadline_ns) {
        connection_queue_remove(set, query);
        query_fail(query, FAULT_REQUEST_TIMEOUT);
    } else if (!set->is_waiting) {
        wait_for_answers(set);
    }
}

void connection_set_abandon(struct connection_set *set, struct query *query)
{
    if (query->state == QUERY_QUEUED)
        connection_queue_remove(set, query);
    else if (query->batch != NULL)
        query_batch_abandon(query);
    else if (query->state == QUERY_IN_FLIGHT)
        pipeline_abandon(query->pipeline, query);
    query->state = QUERY_DONE;
}

uint64_t connection_set_wake_ns(const struct connection_set *set)
{
    return set->queued == 0 ? connection_upkeep_wake_ns(set) : set->maintenance_ns;
}

enum fault connection_set_readiness(const struct connection_set *set)
{
    if (set->up_count > 0) return FAULT_NONE;
    return set->fault ? set->fault : FAULT_DATABASE_UNAVAILABLE;
}

const struct postgres_statistics *connection_set_statistics(const struct connection_set *set)
{
    return &set->statistics.shared;
}

/* ---- life ---- */

static enum fault init_slots(struct connection_set *set)
{
    set->slots = calloc(set->config->connections, sizeof *set->slots);
    set->polled = calloc(set->config->connections, sizeof *set->polled);
    if (set->slots == NULL || set->polled == NULL) return FAULT_MEMORY;
    for (unsigned i = 0; i < set->config->connections; i++) {
        struct slot *slot = &set->slots[i];
        enum fault fault = pipeline_init(&slot->pipeline, set->config->in_flight_max, &set->owner);
        if (fault) return fault;
        slot->source = (struct event_source){.ready = connection_upkeep_ready, .descriptor = -1};
        slot->watched_socket = -1;
        slot->set = set;
        set->slot_count++;
    }
    return FAULT_NONE;
}

enum fault connection_set_new(const struct postgres_config *config, struct connection_set **ret_set)
{
    struct connection_set *set = calloc(1, sizeof *set);
    if (set == NULL) return FAULT_MEMORY;
    set->config = config;
    set->owner = (struct pipeline_owner){take_back, take_trouble, take_measure, take_answer, set};
    set->fault = FAULT_DATABASE_UNAVAILABLE;
    set->now_ns = clock_now_ns();
    if (getrandom(&set->random, sizeof set->random, 0) != (ssize_t)sizeof set->random || set->random == 0)
        set->random = set->now_ns;
    set->round_trip_ns = ROUND_TRIP_FIRST_NS;
    set->statistics.shared.connections_max = config->connections;
    set->statistics.shared.pending_max = config->queue_max;
    for (unsigned kind = 0; kind < QUERY_QUEUE_COUNT; kind++)
        TAILQ_INIT(&set->queues[kind]);
    for (unsigned i = 0; i < STATEMENT_COUNT; i++)
        set->expected_ns[i] = EXPECTED_FIRST_NS;
    enum fault fault = FAULT_NONE;
    if (config->database_url_file != NULL)
        db_target_init_from_file(&set->target, config->database_url_file, config->application_name);
    else
        fault = db_target_init(&set->target, config->database_url, config->application_name);
    if (!fault) fault = init_slots(set);
    if (fault) {
        connection_set_free(set);
        return fault;
    }
    connection_upkeep_maintain(set);
    publish(set);
    *ret_set = set;
    return FAULT_NONE;
}

/* Whatever is still open has nobody left to tell. */
static void forget(void *argument, struct query *query, enum query_return why, enum fault fault)
{
    (void)argument;
    (void)why;
    (void)fault;
    query->state = QUERY_DONE;
    struct query_batch *batch = query_batch_of(query);
    if (batch == NULL) return;
    for (struct query *member; (member = query_batch_take(batch)) != NULL;)
        member->state = QUERY_DONE;
    query_batch_free(batch);
}

void connection_set_free(struct connection_set *set)
{
    if (set == NULL) return;
    set->owner.returned = forget;
    for (unsigned i = 0; i < set->slot_count; i++) {
        slot_watch(&set->slots[i], set->config->loop, -1, 0, false);
        connector_stop(&set->slots[i].connector);
        pipeline_release(&set->slots[i].pipeline);
    }
    free(set->slots);
    free(set->polled);
    db_target_release(&set->target);
    free(set);
}
