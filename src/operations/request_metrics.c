#include "operations/request_metrics.h"

#include "http/router.h"
#include "operations/request_records.h"

#include <stdlib.h>
#include <string.h>

enum fault request_metrics_new(struct request_metrics **ret_metrics)
{
    struct request_metrics *metrics = aligned_alloc(CACHE_LINE, sizeof(*metrics));
    if (!metrics) return FAULT_MEMORY;
    memset(metrics, 0, sizeof(*metrics));
    enum fault fault = flight_recorder_new(&metrics->flights);
    if (fault) {
        free(metrics);
        return fault;
    }
    *ret_metrics = metrics;
    return FAULT_NONE;
}

static void free_record(struct route_record *record)
{
    for (size_t i = 0; i < record->series_count; i++)
        free(record->series[i]);
    ledger_recorder_free(record->recorder);
    free(record);
}

void request_metrics_free(struct request_metrics *metrics)
{
    if (!metrics) return;
    for (size_t i = 0; i < metrics->record_count; i++)
        free_record(metrics->records[i]);
    flight_recorder_free(metrics->flights);
    free(metrics);
}

/* There is one writer: a reading and a writing are cheaper than an atomic addition. */
static void add_one(atomic_uint_fast64_t *counter)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static struct route_record *record_new(const struct route *route)
{
    struct route_record *record = calloc(1, sizeof(*record));
    if (!record) return NULL;
    if (ledger_recorder_new(&record->recorder)) {
        free(record);
        return NULL;
    }
    record->route = route;
    record->path = route ? route->path : "";
    return record;
}

/* NULL when there is no memory or room for another one. */
static struct route_record *get_record(struct request_metrics *metrics, const struct route *route)
{
    if (metrics->last && metrics->last->route == route) return metrics->last;
    size_t count = atomic_load_explicit(&metrics->record_count, memory_order_relaxed);
    for (size_t i = 0; i < count; i++)
        if (metrics->records[i]->route == route) return metrics->last = metrics->records[i];
    if (count == REQUEST_METRICS_ROUTES_MAX) return NULL;

    struct route_record *record = record_new(route);
    if (!record) return NULL;
    metrics->records[count] = record;
    atomic_store_explicit(&metrics->record_count, count + 1, memory_order_release);
    return metrics->last = record;
}

/* The same. */
static struct series *get_series(struct route_record *record, enum method method, unsigned status)
{
    if (record->last && series_is(record->last, method, status)) return record->last;
    size_t count = atomic_load_explicit(&record->series_count, memory_order_relaxed);
    for (size_t i = 0; i < count; i++)
        if (series_is(record->series[i], method, status)) return record->last = record->series[i];
    if (count == REQUEST_METRICS_SERIES_MAX) return NULL;

    struct series *series = calloc(1, sizeof(*series));
    if (!series) return NULL;
    series->method = method;
    series->status = status;
    record->series[count] = series;
    atomic_store_explicit(&record->series_count, count + 1, memory_order_release);
    return record->last = series;
}

static void add_ledger(struct route_record *record, const struct ledger *ledger)
{
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        histogram_add(&record->phases[phase], ledger->spent_ns[phase]);
    histogram_add(&record->overhead, ledger_overhead_ns(ledger));
    ledger_recorder_add(record->recorder, ledger, ledger->since_ns);
}

static void count_problem(struct request_metrics *metrics, const struct response *response)
{
    if (response->fault == FAULT_NONE) return;
    add_one(&metrics->problems[response->fault]);
    if (response->is_outcome_unknown) add_one(&metrics->outcomes_unknown);
}

void request_metrics_record(void *argument, const struct request *request)
{
    struct request_metrics *metrics = argument;
    const struct ledger *ledger = &request->ledger;
    add_one(&metrics->count);
    count_problem(metrics, &request->response);
    flight_recorder_add(metrics->flights, request, ledger->since_ns);
    struct route_record *record = get_record(metrics, request->route);
    struct series *series = record ? get_series(record, request->method, flight_status(request)) : NULL;
    if (!series) {
        add_one(&metrics->dropped);
        return;
    }
    histogram_add(&series->duration, ledger_total_ns(ledger));
    add_ledger(record, ledger);
}

uint64_t request_metrics_count(const struct request_metrics *metrics)
{
    return atomic_load_explicit(&metrics->count, memory_order_relaxed);
}
