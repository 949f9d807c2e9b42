#include "postgres/connection_set.h"

#include "base/clock.h"
#include "base/log.h"
#include "postgres/pipeline.h"
#include "postgres/query_queue.h"
#include "postgres/schedule.h"
#include "postgres/slot.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>

#define EXPECTED_FIRST_NS (50 * NS_PER_US)

#define TRIES_MAX 3
#define MAINTENANCE_NS (50 * NS_PER_MS)
#define LOOKUP_POLL_NS (2 * NS_PER_MS)
#define PING_INTERVAL_NS (250 * NS_PER_MS)
#define PING_TIMEOUT_NS (500 * NS_PER_MS)
/* Beyond the server's own statement timeout: a server that misses it by so much is not there. */
#define SILENCE_MARGIN_NS (1 * NS_PER_S)
#define REPLACE_INTERVAL_NS (1 * NS_PER_S)
#define LOG_INTERVAL_NS (10 * NS_PER_S)

struct connection_set {
    const struct postgres_config *config;
    struct pipeline_owner owner;
    struct db_target target;
    struct slot *slots;
    unsigned slot_count, up_count;
    struct query_queue queues[QUERY_QUEUE_COUNT];
    unsigned queued;
    uint64_t expected_ns[STATEMENT_COUNT];
    uint64_t now_ns;              /* as of the latest call with a time */
    uint64_t maintenance_ns;      /* when it is due */
    uint64_t pinged_ns;
    unsigned ping_next;           /* slot to ping next */
    uint64_t random;
    uint64_t replaced_ns;         /* when all connections were last retired */
    bool is_suspect;              /* a ping was not answered: all idle connections are asked */
    bool is_waiting;              /* blocking mode: somebody up the stack waits already */
    enum fault fault;             /* why nothing is up */
    bool outage_is_logged;
    uint64_t logged_ns;
};

static uint64_t next_random(struct connection_set *set)
{
    set->random ^= set->random << 13;
    set->random ^= set->random >> 7;
    set->random ^= set->random << 17;
    return set->random;
}

/* ---- queries in the queue ---- */

static void enqueue(struct connection_set *set, struct query *query)
{
    query->state = QUERY_QUEUED;
    query->queued_ns = set->now_ns;
    query->queue = (unsigned char)schedule_queue(query, set->expected_ns[query->statement]);
    query_queue_append(&set->queues[query->queue], query);
    set->queued++;
}

static void dequeue(struct connection_set *set, struct query *query)
{
    query_queue_remove(&set->queues[query->queue], query);
    set->queued--;
}

static void fail(struct query *query, enum fault fault)
{
    query->state = QUERY_DONE;
    query->done(query, fault, NULL);
}

static void fail_queued(struct connection_set *set, enum fault fault)
{
    for (unsigned kind = 0; kind < QUERY_QUEUE_COUNT; kind++) {
        for (struct query *query; (query = set->queues[kind].first) != NULL;) {
            dequeue(set, query);
            fail(query, query->outcome_open ? FAULT_OUTCOME_UNKNOWN : fault);
        }
    }
}

static void fail_late(struct connection_set *set)
{
    for (unsigned kind = 0; kind < QUERY_QUEUE_COUNT; kind++) {
        struct query *query;
        while ((query = set->queues[kind].first) != NULL &&
               set->now_ns - query->queued_ns >= set->config->queue_timeout_ns) {
            dequeue(set, query);
            fail(query, query->outcome_open ? FAULT_OUTCOME_UNKNOWN : FAULT_OVERLOADED);
        }
    }
}

/* ---- connections that come and go ---- */

static struct slot *slot_of(struct pipeline *pipeline)
{
    return (struct slot *)((char *)pipeline - offsetof(struct slot, pipeline));
}

static void log_outage(struct connection_set *set, const char *event, const char *message)
{
    if (set->outage_is_logged && set->now_ns - set->logged_ns < LOG_INTERVAL_NS)
        return;
    set->outage_is_logged = true;
    set->logged_ns = set->now_ns;
    log_event(LOG_LEVEL_WARNING, event, LOG_STRING("message", message),
              LOG_INT("connections_up", set->up_count), LOG_INT("connections", set->slot_count));
}

static void put_down(struct connection_set *set, struct slot *slot, uint64_t wait_ns)
{
    slot->state = SLOT_DOWN;
    slot->retry_ns = set->now_ns + wait_ns;
    if (set->maintenance_ns > slot->retry_ns)
        set->maintenance_ns = slot->retry_ns;
}

/* The first attempt after a loss is immediate: most losses are one backend, not the server. */
static void close_slot(struct connection_set *set, struct slot *slot, const char *reason)
{
    slot_watch(slot, set->config->loop, -1, 0, false);
    set->up_count--;
    put_down(set, slot, 0);
    if (set->up_count == 0)
        set->fault = FAULT_DATABASE_UNAVAILABLE;
    if (reason != NULL)
        log_outage(set, "database_connection_lost", reason);
    pipeline_close(&slot->pipeline);
    if (set->up_count == 0)
        fail_queued(set, set->fault);
}

static void watch_pipeline(struct connection_set *set, struct slot *slot, bool is_new)
{
    uint32_t events = slot->pipeline.wants_writable ? EPOLLIN | EPOLLOUT : EPOLLIN;
    slot_watch(slot, set->config->loop, PQsocket(slot->pipeline.connection), events, is_new);
}

static void flush_slot(struct connection_set *set, struct slot *slot)
{
    if (slot->state != SLOT_UP)
        return;
    if (!pipeline_flush(&slot->pipeline))
        close_slot(set, slot, PQerrorMessage(slot->pipeline.connection));
    else
        watch_pipeline(set, slot, false);
}

static void receive_slot(struct connection_set *set, struct slot *slot)
{
    if (!pipeline_receive(&slot->pipeline, set->now_ns))
        close_slot(set, slot, PQerrorMessage(slot->pipeline.connection));
    else if (slot->pipeline.is_retired && slot->pipeline.count == 0)
        close_slot(set, slot, NULL);
    else
        watch_pipeline(set, slot, false);
}

static void take_connection(struct connection_set *set, struct slot *slot)
{
    slot->schema_version = slot->connector.schema_version;
    pipeline_open(&slot->pipeline, connector_take(&slot->connector), set->config->prepared, set->now_ns);
    slot->state = SLOT_UP;
    slot->failures = 0;
    set->up_count++;
    watch_pipeline(set, slot, true);
    if (set->up_count == 1) {
        set->fault = FAULT_NONE;
        set->outage_is_logged = false;
        log_event(LOG_LEVEL_INFO, "database_connected", LOG_INT("schema_version", slot->schema_version));
    }
}

static void look_after_connector(struct connection_set *set, struct slot *slot, bool is_new)
{
    switch (slot->connector.state) {
    case CONNECTOR_UP:
        take_connection(set, slot);
        break;
    case CONNECTOR_FAILED:
        slot_watch(slot, set->config->loop, -1, 0, false);
        put_down(set, slot, slot_backoff_ns(slot->failures++, set->config->reconnect_max_ns, next_random(set)));
        if (set->up_count == 0)
            set->fault = slot->connector.fault;
        log_outage(set, "database_connect_failed", slot->connector.message);
        break;
    case CONNECTOR_CONNECTING:
    case CONNECTOR_PREPARING:
        slot_watch(slot, set->config->loop, connector_socket(&slot->connector), slot->connector.wanted_events,
                   is_new);
        break;
    case CONNECTOR_IDLE:
        break;
    }
}

static void slot_ready(struct event_source *source, uint32_t events)
{
    struct slot *slot = (struct slot *)((char *)source - offsetof(struct slot, source));
    struct connection_set *set = slot->set;
    (void)events;
    set->now_ns = clock_now_ns();
    if (slot->state == SLOT_UP) {
        receive_slot(set, slot);
    } else if (slot->state == SLOT_CONNECTING) {
        connector_step(&slot->connector);
        /* While libpq connects, every step may have replaced the socket. */
        look_after_connector(set, slot, slot->connector.state == CONNECTOR_CONNECTING);
    }
}

static void start_connecting(struct connection_set *set, struct slot *slot)
{
    switch (db_target_refresh(&set->target, set->now_ns)) {
    case DB_TARGET_PENDING:
        put_down(set, slot, LOOKUP_POLL_NS);
        return;
    case DB_TARGET_FAILED:
        put_down(set, slot, slot_backoff_ns(slot->failures++, set->config->reconnect_max_ns, next_random(set)));
        log_outage(set, "database_connect_failed", "the host name cannot be looked up");
        return;
    case DB_TARGET_READY:
        break;
    }
    slot->state = SLOT_CONNECTING;
    connector_start(&slot->connector, set->config, &set->target, set->now_ns);
    look_after_connector(set, slot, true);
}

/* ---- what pipelines tell ---- */

static bool may_send_again(const struct query *query, enum query_return why)
{
    switch (why) {
    case QUERY_RETURN_ABORTED:
        return true;
    case QUERY_RETURN_AGAIN:
        return query->sent_count < TRIES_MAX;
    case QUERY_RETURN_LOST:
        return query->repeat != QUERY_REPEAT_NEVER && query->sent_count < 2;
    }
    return false;
}

static void take_back(void *argument, struct query *query, enum query_return why, enum fault fault)
{
    struct connection_set *set = argument;
    query->alone = true; /* whatever happened to it happens to no other query again */
    if (why == QUERY_RETURN_LOST && query_is_write(query))
        query->outcome_open = true;
    if (set->up_count > 0 && may_send_again(query, why) && set->now_ns < query->deadline_ns)
        enqueue(set, query);
    else
        fail(query, query->outcome_open ? FAULT_OUTCOME_UNKNOWN : fault);
}

static void take_trouble(void *argument, struct pipeline *pipeline, bool all_connections)
{
    struct connection_set *set = argument;
    pipeline->is_retired = true;
    set->maintenance_ns = set->now_ns;
    /* A server that stays read-only must not have every write replace every connection. */
    if (!all_connections || set->now_ns - set->replaced_ns < REPLACE_INTERVAL_NS)
        return;
    set->replaced_ns = set->now_ns;
    for (unsigned i = 0; i < set->slot_count; i++)
        set->slots[i].pipeline.is_retired = true;
}

static void take_measure(void *argument, enum statement statement, uint64_t each_ns)
{
    struct connection_set *set = argument;
    uint64_t *expected = &set->expected_ns[statement];
    *expected += each_ns / 8;
    *expected -= *expected / 8;
}

/* ---- time ---- */

/* A server that was stopped closes nothing and answers nothing: only the clock notices. */
static bool is_silent(const struct connection_set *set, const struct pipeline *pipeline)
{
    if (pipeline->count == 0)
        return false;
    uint64_t limit_ns =
        pipeline->queries == 0 ? PING_TIMEOUT_NS : set->config->statement_timeout_ns + SILENCE_MARGIN_NS;
    return set->now_ns - pipeline->progress_ns > limit_ns;
}

static void close_silent(struct connection_set *set, struct slot *slot)
{
    set->is_suspect = true;
    close_slot(set, slot, "no answer from the database in time");
}

static void maintain_slot(struct connection_set *set, struct slot *slot)
{
    switch (slot->state) {
    case SLOT_DOWN:
        if (set->now_ns >= slot->retry_ns)
            start_connecting(set, slot);
        break;
    case SLOT_CONNECTING:
        connector_check_deadline(&slot->connector, set->now_ns);
        if (slot->connector.state == CONNECTOR_FAILED)
            look_after_connector(set, slot, false);
        break;
    case SLOT_UP:
        if (slot->pipeline.is_retired && slot->pipeline.count == 0)
            close_slot(set, slot, NULL);
        else if (is_silent(set, &slot->pipeline))
            close_silent(set, slot);
        break;
    }
}

static void ping_slot(struct connection_set *set, struct slot *slot)
{
    if (slot->state != SLOT_UP || slot->pipeline.count > 0)
        return;
    if (!pipeline_ping(&slot->pipeline, set->now_ns))
        close_slot(set, slot, PQerrorMessage(slot->pipeline.connection));
}

/* One idle connection at a time is asked for a sign of life; all of them once one has given none. */
static void ping(struct connection_set *set)
{
    if (!set->is_suspect && set->now_ns - set->pinged_ns < PING_INTERVAL_NS)
        return;
    set->pinged_ns = set->now_ns;
    ping_slot(set, &set->slots[set->ping_next++ % set->slot_count]);
    for (unsigned i = 0; set->is_suspect && i < set->slot_count; i++)
        ping_slot(set, &set->slots[i]);
    set->is_suspect = false;
}

static void maintain(struct connection_set *set)
{
    set->maintenance_ns = set->now_ns + MAINTENANCE_NS;
    for (unsigned i = 0; i < set->slot_count; i++)
        maintain_slot(set, &set->slots[i]);
    ping(set);
}

/* ---- sending ---- */

static void send_queue(struct connection_set *set, struct query_queue *queue)
{
    for (struct query *query; (query = queue->first) != NULL;) {
        struct pipeline *pipeline =
            schedule_choose(set->slots, set->slot_count, query->queue, set->expected_ns[query->statement]);
        if (pipeline == NULL)
            return;
        dequeue(set, query);
        if (!pipeline_submit(pipeline, query, set->expected_ns[query->statement], set->now_ns)) {
            enqueue(set, query); /* never sent: nothing of it can have been applied */
            close_slot(set, slot_of(pipeline), PQerrorMessage(pipeline->connection));
        }
    }
}

void connection_set_flush(struct connection_set *set, uint64_t now_ns)
{
    set->now_ns = now_ns;
    if (set->queued > 0)
        for (unsigned kind = 0; kind < QUERY_QUEUE_COUNT; kind++)
            send_queue(set, &set->queues[kind]);
    for (unsigned i = 0; i < set->slot_count; i++)
        if (set->slots[i].pipeline.has_unsent)
            flush_slot(set, &set->slots[i]);
    if (set->queued > 0)
        fail_late(set);
    if (now_ns >= set->maintenance_ns)
        maintain(set);
}

/* Blocking mode: waits for the answers of everything that is open. */
static void wait_for_answers(struct connection_set *set)
{
    set->is_waiting = true;
    for (;;) {
        connection_set_flush(set, clock_now_ns());
        struct slot *busy = NULL;
        for (unsigned i = 0; busy == NULL && i < set->slot_count; i++)
            if (set->slots[i].state == SLOT_UP && set->slots[i].pipeline.queries > 0)
                busy = &set->slots[i];
        if (busy == NULL && set->queued == 0)
            break;
        struct pollfd descriptor = {.fd = busy == NULL ? -1 : busy->watched_socket, .events = POLLIN};
        if (busy != NULL && busy->pipeline.wants_writable)
            descriptor.events |= POLLOUT;
        if (poll(&descriptor, 1, 10) > 0) {
            set->now_ns = clock_now_ns();
            receive_slot(set, busy);
        }
    }
    set->is_waiting = false;
}

void connection_set_submit(struct connection_set *set, struct query *query)
{
    set->now_ns = set->config->blocking ? clock_now_ns() : set->now_ns;
    if (set->up_count == 0) {
        fail(query, set->fault);
        return;
    }
    if (set->queued >= set->config->queue_max) {
        fail(query, FAULT_OVERLOADED);
        return;
    }
    enqueue(set, query);
    if (set->config->blocking && !set->is_waiting)
        wait_for_answers(set);
}

void connection_set_abandon(struct connection_set *set, struct query *query)
{
    if (query->state == QUERY_QUEUED)
        dequeue(set, query);
    else if (query->state == QUERY_IN_FLIGHT)
        pipeline_abandon(query->pipeline, query);
    query->state = QUERY_DONE;
}

uint64_t connection_set_wake_ns(const struct connection_set *set)
{
    return set->maintenance_ns;
}

enum fault connection_set_readiness(const struct connection_set *set)
{
    if (set->up_count == 0)
        return set->fault;
    for (unsigned i = 0; i < set->slot_count; i++)
        if (set->slots[i].state == SLOT_UP && set->slots[i].schema_version > (int64_t)set->config->schema_version)
            return FAULT_SCHEMA_UNKNOWN;
    return FAULT_NONE;
}

/* ---- life ---- */

static enum fault init_slots(struct connection_set *set)
{
    set->slots = calloc(set->config->connections, sizeof *set->slots);
    if (set->slots == NULL)
        return FAULT_MEMORY;
    for (unsigned i = 0; i < set->config->connections; i++) {
        struct slot *slot = &set->slots[i];
        enum fault fault = pipeline_init(&slot->pipeline, set->config->in_flight_max, &set->owner);
        if (fault)
            return fault;
        slot->source = (struct event_source){.ready = slot_ready, .descriptor = -1};
        slot->watched_socket = -1;
        slot->set = set;
        set->slot_count++;
    }
    return FAULT_NONE;
}

enum fault connection_set_new(const struct postgres_config *config, struct connection_set **ret_set)
{
    struct connection_set *set = calloc(1, sizeof *set);
    if (set == NULL)
        return FAULT_MEMORY;
    set->config = config;
    set->owner = (struct pipeline_owner){take_back, take_trouble, take_measure, set};
    set->fault = FAULT_DATABASE_UNAVAILABLE;
    set->now_ns = clock_now_ns();
    if (getrandom(&set->random, sizeof set->random, 0) != (ssize_t)sizeof set->random || set->random == 0)
        set->random = set->now_ns;
    for (unsigned i = 0; i < STATEMENT_COUNT; i++)
        set->expected_ns[i] = EXPECTED_FIRST_NS;
    enum fault fault = db_target_init(&set->target, config->database_url, config->application_name);
    if (!fault)
        fault = init_slots(set);
    if (fault) {
        connection_set_free(set);
        return fault;
    }
    maintain(set);
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
}

void connection_set_free(struct connection_set *set)
{
    if (set == NULL)
        return;
    set->owner.returned = forget;
    for (unsigned i = 0; i < set->slot_count; i++) {
        slot_watch(&set->slots[i], set->config->loop, -1, 0, false);
        connector_stop(&set->slots[i].connector);
        pipeline_release(&set->slots[i].pipeline);
    }
    free(set->slots);
    db_target_release(&set->target);
    free(set);
}
