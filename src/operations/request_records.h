/*
 * What a worker's requests are recorded in: a list of routes, each with a list of methods and statuses. The
 * worker appends, any thread reads: an entry is complete before the count that covers it is published, and
 * stays where it is.
 */
#pragma once

#include "operations/request_metrics.h"

#include <stdatomic.h>
#include <stdbool.h>

#define CACHE_LINE 64

/* The requests of one route with one method and one status. */
struct series {
    enum method method;
    unsigned status;
    struct histogram duration;
};

/* The requests of one route. */
struct route_record {
    const struct route *route; /* NULL: none */
    const char *path;
    struct ledger_recorder *recorder;
    struct histogram overhead;
    struct histogram phases[PHASE_COUNT];
    struct series *last; /* the writer's own: found last */
    atomic_size_t series_count;
    struct series *series[REQUEST_METRICS_SERIES_MAX];
};

/* Workers' metrics lie on cache lines of their own. */
struct request_metrics {
    _Alignas(CACHE_LINE) struct route_record *last; /* the writer's own: found last */
    struct flight_recorder *flights;
    atomic_uint_fast64_t count, dropped;
    atomic_uint_fast64_t problems[FAULT_COUNT]; /* answers, by what they report */
    atomic_uint_fast64_t outcomes_unknown;      /* those of changes that may have been made, or not */
    atomic_size_t record_count;
    struct route_record *records[REQUEST_METRICS_ROUTES_MAX];
};

static inline bool series_is(const struct series *series, enum method method, unsigned status)
{
    return series->status == status && series->method == method;
}
