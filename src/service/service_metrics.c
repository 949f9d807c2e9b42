#include "service/service_metrics.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/build_info.h"
#include "service/observation.h"

#include <stdio.h>

#define POOL "splits" /* db_client_connection_pool_name: all connections are of one kind */

typedef uint64_t database_reader(const struct postgres_statistics *database);

static const struct postgres_statistics *database_of(const struct worker_counters *worker)
{
    return atomic_load_explicit(&worker->is_running, memory_order_acquire) ? worker->database : NULL;
}

static uint64_t sum_over_databases(const struct observation *observation, database_reader *read)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < observation->count; i++) {
        const struct postgres_statistics *database = database_of(&observation->workers[i]);
        if (database != NULL) sum += read(database);
    }
    return sum;
}

static uint64_t used(const struct postgres_statistics *database)
{
    return atomic_load_explicit(&database->used, memory_order_relaxed);
}

static uint64_t idle(const struct postgres_statistics *database)
{
    return atomic_load_explicit(&database->idle, memory_order_relaxed);
}

static uint64_t pending(const struct postgres_statistics *database)
{
    return atomic_load_explicit(&database->pending, memory_order_relaxed);
}

static uint64_t timeouts(const struct postgres_statistics *database)
{
    return atomic_load_explicit(&database->timeouts, memory_order_relaxed);
}

static uint64_t rejected(const struct postgres_statistics *database)
{
    return atomic_load_explicit(&database->rejected, memory_order_relaxed);
}

static uint64_t lost(const struct postgres_statistics *database)
{
    return atomic_load_explicit(&database->lost, memory_order_relaxed);
}

static uint64_t connections_max(const struct postgres_statistics *database)
{
    return database->connections_max;
}

static uint64_t pending_max(const struct postgres_statistics *database)
{
    return database->pending_max;
}

static uint64_t busy_us(const struct postgres_statistics *database)
{
    return atomic_load_explicit(&database->busy_us, memory_order_relaxed);
}

/* The families of the pool that are one number. */
static void write_numbers(const struct observation *observation, struct metrics_text *text)
{
    static const struct {
        const char *name, *type, *help;
        database_reader *read;
    } families[] = {
        {"db_client_connection_max", "gauge",
         "Connections to the database that are kept open while it can be reached.", connections_max},
        {"db_client_connection_pending_requests", "gauge", "Queries that wait for a place on a connection.",
         pending},
        {"splits_db_pending_requests_max", "gauge",
         "Queries that may wait; one more is refused. Each worker has its part.", pending_max},
        {"db_client_connection_timeouts_total", "counter",
         "Queries given up because they had waited too long for a connection.", timeouts},
        {"splits_db_rejected_total", "counter", "Queries refused because the queue was full.", rejected},
        {"splits_db_connections_lost_total", "counter", "Connections to the database that were lost.", lost},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        metrics_text_family(text, families[i].name, families[i].type, families[i].help);
        metrics_text_integer(text, METRIC_LABELS({"db_client_connection_pool_name", POOL}),
                             sum_over_databases(observation, families[i].read));
    }
}

static void write_states(const struct observation *observation, struct metrics_text *text)
{
    static const struct {
        const char *name;
        database_reader *read;
    } states[] = {{"idle", idle}, {"used", used}};
    metrics_text_family(text, "db_client_connection_open", "gauge",
                        "Open connections to the database, by whether a query is on them.");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        metrics_text_integer(text,
                             METRIC_LABELS({"db_client_connection_pool_name", POOL},
                                           {"db_client_connection_state", states[i].name}),
                             sum_over_databases(observation, states[i].read));
}

/* One histogram of the pool, over all workers. */
static void write_pool_histogram(const struct observation *observation, struct metrics_text *text,
                                 size_t offset)
{
    struct histogram_counts counts = {0};
    for (size_t i = 0; i < observation->count; i++) {
        const struct postgres_statistics *database = database_of(&observation->workers[i]);
        if (database != NULL)
            histogram_read((const struct histogram *)((const char *)database + offset), &counts);
    }
    metrics_text_histogram(text, METRIC_LABELS({"db_client_connection_pool_name", POOL}), &counts);
}

static void read_statement(const struct observation *observation, unsigned statement,
                           struct histogram_counts *counts)
{
    for (size_t i = 0; i < observation->count; i++) {
        const struct postgres_statistics *database = database_of(&observation->workers[i]);
        if (database != NULL) histogram_read(&database->operations[statement], counts);
    }
}

static void write_operations(const struct observation *observation, struct metrics_text *text)
{
    struct histogram_counts all = {0};
    metrics_text_family(text, "db_client_operation_duration_seconds", "histogram",
                        "From a query's writing to its answer: wire, server, and queries before it.");
    for (unsigned i = 0; postgres_statement_name(i) != NULL; i++) {
        struct histogram_counts counts = {0};
        read_statement(observation, i, &counts);
        read_statement(observation, i, &all);
        metrics_text_histogram(text, METRIC_LABELS({"db_operation_name", postgres_statement_name(i)}),
                               &counts);
    }
    metrics_text_family(text, "db_client_connection_use_time_seconds", "histogram",
                        "How long a query has its place on a connection: all operations together.");
    metrics_text_histogram(text, METRIC_LABELS({"db_client_connection_pool_name", POOL}), &all);
}

static void write_database(const struct observation *observation, struct metrics_text *text)
{
    write_states(observation, text);
    write_numbers(observation, text);
    metrics_text_family(text, "splits_db_connection_busy_seconds_total", "counter",
                        "Time with a query on it, of all connections.");
    metrics_text_number(text, METRIC_LABELS({"db_client_connection_pool_name", POOL}),
                        (double)sum_over_databases(observation, busy_us) / 1e6);
    metrics_text_family(text, "db_client_connection_wait_time_seconds", "histogram",
                        "How long a query waits for a place on a connection.");
    write_pool_histogram(observation, text, offsetof(struct postgres_statistics, wait));
    metrics_text_family(text, "db_client_connection_create_time_seconds", "histogram",
                        "How long a new connection takes until it can be used.");
    write_pool_histogram(observation, text, offsetof(struct postgres_statistics, create));
    write_operations(observation, text);
}

struct worker_name {
    char text[24];
};

static struct worker_name name_of(size_t index)
{
    struct worker_name name;
    (void)snprintf(name.text, sizeof name.text, "%zu", index);
    return name;
}

static void write_workers(const struct observation *observation, struct metrics_text *text)
{
    metrics_text_family(text, "splits_worker_connections", "gauge", "Open client connections, by worker.");
    for (size_t i = 0; i < observation->count; i++)
        metrics_text_integer(
            text, METRIC_LABELS({"worker", name_of(i).text}),
            atomic_load_explicit(&observation->workers[i].connections, memory_order_relaxed));
    metrics_text_family(text, "splits_worker_connections_max", "gauge",
                        "Client connections that a worker may have; one more is refused.");
    for (size_t i = 0; i < observation->count; i++)
        metrics_text_integer(
            text, METRIC_LABELS({"worker", name_of(i).text}),
            atomic_load_explicit(&observation->workers[i].connections_max, memory_order_relaxed));
    metrics_text_family(text, "splits_worker_cpu_seconds_total", "counter", "CPU time, by worker.");
    for (size_t i = 0; i < observation->count; i++)
        metrics_text_number(text, METRIC_LABELS({"worker", name_of(i).text}),
                            (double)worker_counters_cpu_ns(&observation->workers[i]) / 1e9);
    metrics_text_family(text, "splits_worker_turn_seconds", "histogram",
                        "A worker loop's work between two waits; the sum is its busy time.");
    for (size_t i = 0; i < observation->count; i++) {
        struct histogram_counts counts = {0};
        histogram_read(&observation->workers[i].turns, &counts);
        metrics_text_histogram(text, METRIC_LABELS({"worker", name_of(i).text}), &counts);
    }
}

/* None of a loop that does not run. */
static void write_age(struct metrics_text *text, struct metric_labels labels,
                      const atomic_uint_fast64_t *turned)
{
    uint64_t now_ns = clock_now_ns(), turned_ns = atomic_load_explicit(turned, memory_order_relaxed);
    if (turned_ns == 0) return;
    metrics_text_number(text, labels, now_ns > turned_ns ? (double)(now_ns - turned_ns) / NS_PER_S : 0);
}

static void write_ages(const struct observation *observation, struct metrics_text *text)
{
    metrics_text_family(text, "splits_worker_turn_age_seconds", "gauge",
                        "Since a worker's loop came round; it does so each second at least.");
    for (size_t i = 0; i < observation->count; i++)
        write_age(text, METRIC_LABELS({"worker", name_of(i).text}), &observation->workers[i].turned_ns);
    metrics_text_family(text, "splits_main_turn_age_seconds", "gauge",
                        "Since the loop that accepts came round; it does so each second at least.");
    write_age(text, METRIC_NO_LABELS, &observation->main_turned_ns);
    metrics_text_family(text, "splits_turn_age_max_seconds", "gauge",
                        "How long that may be; beyond, the instance counts as hanging.");
    metrics_text_number(text, METRIC_NO_LABELS, (double)observation->stall_limit_ns / NS_PER_S);
}

/* Workers that cannot serve for this reason. */
static uint64_t count_unready(const struct observation *observation, enum fault fault)
{
    uint64_t count = 0;
    for (size_t i = 0; i < observation->count; i++)
        count += (enum fault)atomic_load(&observation->workers[i].readiness) == fault;
    return count;
}

/* The reasons are those that a worker's readiness knows. */
static void write_readiness(const struct observation *observation, struct metrics_text *text)
{
    static const enum fault reasons[] = {FAULT_DATABASE_UNAVAILABLE, FAULT_SCHEMA_BEHIND,
                                         FAULT_SCHEMA_UNKNOWN, FAULT_DRAINING};
    metrics_text_family(text, "splits_ready", "gauge", "1 when every worker can serve.");
    metrics_text_integer(text, METRIC_NO_LABELS, observation_readiness(observation) == FAULT_NONE);
    metrics_text_family(text, "splits_unready_workers", "gauge", "Workers that cannot serve, by the reason.");
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        metrics_text_integer(text, METRIC_LABELS({"code", fault_code(reasons[i])}),
                             count_unready(observation, reasons[i]));
}

void service_metrics_write(void *argument, struct metrics_text *text)
{
    const struct observation *observation = argument;
    metrics_text_family(text, "splits_build_info", "gauge", "What runs here; always 1.");
    metrics_text_integer(text, METRIC_LABELS({"version", SPLITS_VERSION}, {"compiler", BUILD_COMPILER}), 1);
    metrics_text_family(text, "splits_log_lines_dropped_total", "counter",
                        "Log lines that nobody took in time.");
    metrics_text_integer(text, METRIC_NO_LABELS, log_dropped());
    write_readiness(observation, text);
    write_workers(observation, text);
    write_ages(observation, text);
    write_database(observation, text);
}
