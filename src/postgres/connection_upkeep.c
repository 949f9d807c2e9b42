#include "postgres/connection_upkeep.h"

#include "base/clock.h"
#include "base/log.h"
#include "postgres/connection_queue.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>

#define MAINTENANCE_NS   (50 * NS_PER_MS)
#define LOOKUP_POLL_NS   (2 * NS_PER_MS)
#define PING_INTERVAL_NS (250 * NS_PER_MS)
#define PING_TIMEOUT_NS  (500 * NS_PER_MS)
/* Beyond the server's own statement timeout: a server that misses it by so much is not there. */
#define SILENCE_MARGIN_NS   (1 * NS_PER_S)
#define REPLACE_INTERVAL_NS (1 * NS_PER_S)
#define LOG_INTERVAL_NS     (10 * NS_PER_S)
#define MESSAGE_SIZE_MAX    512 /* of one that names a file */

#define CONNECT_HINT                                                                                         \
    "check database-url (host, user, password, database), and that PostgreSQL can be reached there"
#define AHEAD_MESSAGE                                                                                        \
    "a newer version of this program has migrated the database: this one serves as long as its statements "  \
    "work"
#define SHORT_MESSAGE                                                                                        \
    "replicas x workers x db-connections is more than max_connections less what is reserved: lower one of "  \
    "the three, raise max_connections, or put a pooler in between"
#define FILE_HINT "mount the secret there, or correct database-url-file: it is read at every attempt"

static uint64_t next_random(struct connection_set *set)
{
    set->random ^= set->random << 13;
    set->random ^= set->random >> 7;
    set->random ^= set->random << 17;
    return set->random;
}

/* hint: what to do; NULL when the message says it. */
static void log_outage(struct connection_set *set, const char *event, const char *message, const char *hint)
{
    if (set->outage_is_logged && set->now_ns - set->logged_ns < LOG_INTERVAL_NS) return;
    set->outage_is_logged = true;
    set->logged_ns = set->now_ns;
    log_event(LOG_LEVEL_WARNING, event, LOG_STRING("message", message),
              LOG_INT("connections_up", set->up_count), LOG_INT("connections", set->slot_count),
              hint == NULL ? (struct log_field){0} : LOG_STRING("hint", hint));
}

static void put_down(struct connection_set *set, struct slot *slot, uint64_t wait_ns)
{
    slot->state = SLOT_DOWN;
    slot->retry_ns = set->now_ns + wait_ns;
    if (set->maintenance_ns > slot->retry_ns) set->maintenance_ns = slot->retry_ns;
}

/* The first attempt after a loss is immediate: most losses are one backend, not the server. */
static void close_slot(struct connection_set *set, struct slot *slot, const char *reason,
                       enum query_return why)
{
    slot_watch(slot, set->config->loop, -1, 0, false);
    (void)pipeline_busy_ns(&slot->pipeline, set->now_ns);
    set->up_count--;
    if (set->up_count == 0) set->outage_is_logged = false; /* whatever lesser trouble was logged just now */
    put_down(set, slot, 0);
    if (reason != NULL) {
        statistics_count(&set->statistics.shared.lost);
        log_outage(set, "database_connection_lost", reason, NULL);
    }
    pipeline_close(&slot->pipeline, why);
}

void connection_upkeep_close(struct connection_set *set, struct slot *slot, const char *reason)
{
    close_slot(set, slot, reason, QUERY_RETURN_LOST);
}

/* Another slot connects, or is about to. */
static bool is_attempt_left(const struct connection_set *set)
{
    for (unsigned i = 0; i < set->slot_count; i++) {
        const struct slot *slot = &set->slots[i];
        if (slot->state == SLOT_CONNECTING || (slot->state == SLOT_DOWN && slot->retry_ns <= set->now_ns))
            return true;
    }
    return false;
}

/* After a loss, what is in the queue waits for the attempts that follow at once: the last one decides. */
static void note_failure(struct connection_set *set, enum fault fault)
{
    if (set->up_count > 0 || (set->fault == FAULT_NONE && is_attempt_left(set))) return;
    set->fault = fault;
    connection_queue_fail_all(set, fault);
}

static void watch_pipeline(struct connection_set *set, struct slot *slot, bool is_new)
{
    uint32_t events = slot->pipeline.wants_writable ? EPOLLIN | EPOLLOUT : EPOLLIN;
    slot_watch(slot, set->config->loop, PQsocket(slot->pipeline.connection), events, is_new);
}

void connection_upkeep_flush(struct connection_set *set, struct slot *slot)
{
    if (slot->state != SLOT_UP) return;
    if (!pipeline_flush(&slot->pipeline))
        connection_upkeep_close(set, slot, PQerrorMessage(slot->pipeline.connection));
    else
        watch_pipeline(set, slot, false);
}

/*
 * When what is to be read had come. That is known when the loop has waited for it, or had just sent the
 * query. Else it came between the loop's last look and this one, while the loop worked for others or was not
 * allowed to run; the work is not the database's time.
 */
static uint64_t arrival_ns(const struct connection_set *set, struct slot *slot)
{
    const struct event_loop_times *times = event_loop_times(set->config->loop);
    if (set->is_waiting || times->woken_ns == 0) return set->now_ns; /* it is not the loop that has looked */
    if (times->has_slept || pipeline_oldest_ns(&slot->pipeline) >= times->looked_ns) return times->woken_ns;
    return times->woken_ns - (times->done_ns - times->looked_ns);
}

void connection_upkeep_receive(struct connection_set *set, struct slot *slot)
{
    if (!pipeline_receive(&slot->pipeline, arrival_ns(set, slot), set->now_ns))
        connection_upkeep_close(set, slot, PQerrorMessage(slot->pipeline.connection));
    else if (slot->pipeline.is_retired && slot->pipeline.count == 0)
        connection_upkeep_close(set, slot, NULL);
    else
        watch_pipeline(set, slot, false);
}

static void ping_slot(struct connection_set *set, struct slot *slot)
{
    if (slot->state != SLOT_UP || slot->pipeline.count > 0) return;
    if (!pipeline_ping(&slot->pipeline, set->now_ns))
        connection_upkeep_close(set, slot, PQerrorMessage(slot->pipeline.connection));
    else
        watch_pipeline(set, slot, false);
}

/* What an operator should know, once: it may be another server next time, or a migration may have come. */
static void tell_facts(struct connection_set *set, const struct connector *connector)
{
    int64_t version = connector->schema_version, allowed = connector->connections_allowed;
    const struct postgres_config *config = set->config;
    if (version > (int64_t)config->schema_version && version != set->schema_told) {
        set->schema_told = version;
        log_event(LOG_LEVEL_WARNING, "schema_ahead", LOG_INT("schema_version", version),
                  LOG_INT("known", config->schema_version), LOG_STRING("message", AHEAD_MESSAGE));
    }
    if ((int64_t)config->connections_sum > allowed && allowed != set->allowed_told) {
        set->allowed_told = allowed;
        log_event(LOG_LEVEL_WARNING, "database_connections_short", LOG_INT("needed", config->connections_sum),
                  LOG_INT("allowed", allowed), LOG_STRING("message", SHORT_MESSAGE));
    }
}

static void take_connection(struct connection_set *set, struct slot *slot)
{
    pipeline_open(&slot->pipeline, connector_take(&slot->connector), set->config->prepared, set->now_ns);
    histogram_add(&set->statistics.shared.create, set->now_ns - slot->started_ns);
    slot->state = SLOT_UP;
    slot->failures = 0;
    set->up_count++;
    watch_pipeline(set, slot, true);
    if (set->up_count == 1) {
        set->maintenance_ns = set->now_ns; /* the others follow */
        set->fault = FAULT_NONE;
        set->outage_is_logged = false;
        set->knows_round_trip = false; /* it may be another server */
        log_event(LOG_LEVEL_INFO, "database_connected",
                  LOG_INT("schema_version", slot->connector.schema_version));
    }
    tell_facts(set, &slot->connector);
    /* How far the database is must be known before answers are judged: see take_measure. */
    if (set->knows_round_trip) return;
    connection_set_advance(set, clock_now_ns()); /* the work above is none of the way */
    ping_slot(set, slot);
}

static void look_after_connector(struct connection_set *set, struct slot *slot, bool is_new)
{
    switch (slot->connector.state) {
    case CONNECTOR_UP:
        take_connection(set, slot);
        break;
    case CONNECTOR_FAILED:
        slot_watch(slot, set->config->loop, -1, 0, false);
        connector_stop(&slot->connector);
        put_down(set, slot,
                 slot_backoff_ns(slot->failures++, set->config->reconnect_max_ns, next_random(set)));
        log_outage(set, "database_connect_failed", slot->connector.message,
                   slot->connector.fault == FAULT_DATABASE_UNAVAILABLE ? CONNECT_HINT : NULL);
        note_failure(set, slot->connector.fault);
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

void connection_upkeep_ready(struct event_source *source, uint32_t events)
{
    struct slot *slot = (struct slot *)((char *)source - offsetof(struct slot, source));
    struct connection_set *set = slot->set;
    (void)events;
    uint64_t now_ns = clock_now_ns();
    if (now_ns > set->now_ns) set->now_ns = now_ns;
    if (slot->state == SLOT_UP) {
        connection_upkeep_receive(set, slot);
    } else if (slot->state == SLOT_CONNECTING) {
        connector_step(&slot->connector);
        /* While libpq connects, every step may have replaced the socket. */
        look_after_connector(set, slot, slot->connector.state == CONNECTOR_CONNECTING);
    }
}

/* There is nowhere to connect to. */
static void fail_to_start(struct connection_set *set, struct slot *slot, enum fault fault)
{
    char message[MESSAGE_SIZE_MAX];
    put_down(set, slot, slot_backoff_ns(slot->failures++, set->config->reconnect_max_ns, next_random(set)));
    if (fault == FAULT_DATABASE_URL) {
        (void)snprintf(message, sizeof message, "database-url-file %s: %s", set->target.url_file,
                       set->target.flaw);
        log_outage(set, "database_url_missing", message, FILE_HINT);
    } else {
        log_outage(set, "database_connect_failed", "the host name cannot be looked up", CONNECT_HINT);
    }
    note_failure(set, fault);
}

static void start_connecting(struct connection_set *set, struct slot *slot)
{
    switch (db_target_refresh(&set->target, set->now_ns)) {
    case DB_TARGET_PENDING:
        put_down(set, slot, LOOKUP_POLL_NS);
        return;
    case DB_TARGET_FAILED:
        fail_to_start(set, slot, FAULT_DATABASE_UNAVAILABLE);
        return;
    case DB_TARGET_NO_URL:
        fail_to_start(set, slot, FAULT_DATABASE_URL);
        return;
    case DB_TARGET_READY:
        break;
    }
    slot->state = SLOT_CONNECTING;
    slot->started_ns = set->now_ns;
    connector_start(&slot->connector, set->config, &set->target, set->now_ns);
    look_after_connector(set, slot, true);
}

void connection_upkeep_retire(struct connection_set *set, struct pipeline *pipeline, bool all_connections)
{
    /* A server that stays read-only must not have every write replace a connection. */
    if (all_connections && set->now_ns - set->replaced_ns < REPLACE_INTERVAL_NS) return;
    pipeline->is_retired = true;
    set->maintenance_ns = set->now_ns;
    if (!all_connections) return;
    set->replaced_ns = set->now_ns;
    for (unsigned i = 0; i < set->slot_count; i++)
        set->slots[i].pipeline.is_retired = true;
}

/* A server that was stopped closes nothing and answers nothing: only the clock notices. */
static bool is_silent(const struct connection_set *set, const struct pipeline *pipeline)
{
    if (pipeline->count == 0) return false;
    uint64_t limit_ns =
        pipeline->queries == 0 ? PING_TIMEOUT_NS : set->config->statement_timeout_ns + SILENCE_MARGIN_NS;
    return set->now_ns - pipeline->progress_ns > limit_ns;
}

static void close_silent(struct connection_set *set, struct slot *slot)
{
    set->is_suspect = true;
    /* A new connection to a server that does not answer is not worth waiting for. */
    if (set->up_count == 1) set->fault = FAULT_DATABASE_UNAVAILABLE;
    close_slot(set, slot, "no answer from the database in time", QUERY_RETURN_SILENT);
    if (set->up_count == 0) connection_queue_fail_all(set, set->fault);
}

/*
 * As long as the database is known to be away, only the first connection knocks: that is enough to
 * learn that it is back, and a database that starts is not met by a crowd.
 */
static bool may_connect(const struct connection_set *set, const struct slot *slot)
{
    bool is_away = set->up_count == 0 && set->fault != FAULT_NONE;
    return set->now_ns >= slot->retry_ns && (!is_away || slot == &set->slots[0]);
}

static void maintain_slot(struct connection_set *set, struct slot *slot)
{
    switch (slot->state) {
    case SLOT_DOWN:
        if (may_connect(set, slot)) start_connecting(set, slot);
        break;
    case SLOT_CONNECTING:
        connector_check_deadline(&slot->connector, set->now_ns);
        if (slot->connector.state == CONNECTOR_FAILED) look_after_connector(set, slot, false);
        break;
    case SLOT_UP:
        if (slot->pipeline.is_retired && slot->pipeline.count == 0)
            connection_upkeep_close(set, slot, NULL);
        else if (is_silent(set, &slot->pipeline))
            close_silent(set, slot);
        break;
    }
}

/* One idle connection at a time is asked for a sign of life; all of them once one has given none. */
static void ping(struct connection_set *set)
{
    if (!set->is_suspect && set->now_ns - set->pinged_ns < PING_INTERVAL_NS) return;
    set->pinged_ns = set->now_ns;
    assert(set->slot_count > 0);
    ping_slot(set, &set->slots[set->ping_next++ % set->slot_count]);
    for (unsigned i = 0; set->is_suspect && i < set->slot_count; i++)
        ping_slot(set, &set->slots[i]);
    set->is_suspect = false;
}

void connection_upkeep_maintain(struct connection_set *set)
{
    set->maintenance_ns = set->now_ns + MAINTENANCE_NS;
    for (unsigned i = 0; i < set->slot_count; i++)
        maintain_slot(set, &set->slots[i]);
    ping(set);
}

static bool is_quiet(const struct slot *slot)
{
    return slot->state == SLOT_UP && slot->pipeline.count == 0 && !slot->pipeline.is_retired;
}

/* While nothing is open, closing or under way, only the next ping is due. */
uint64_t connection_upkeep_wake_ns(const struct connection_set *set)
{
    uint64_t ping_ns = set->pinged_ns + PING_INTERVAL_NS;
    if (set->is_suspect || ping_ns < set->maintenance_ns) return set->maintenance_ns;
    for (unsigned i = 0; i < set->slot_count; i++)
        if (!is_quiet(&set->slots[i])) return set->maintenance_ns;
    return ping_ns;
}
