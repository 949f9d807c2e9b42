/*
 * What one worker's requests came to: how many, how long, and where the time went, per route. The worker
 * records; any thread reads, without a lock.
 *
 * Everything is bounded: routes are those of the router's tables and one for what matches none, statuses
 * and methods those that the service gives. Nothing that a client writes becomes a label. What goes beyond
 * a bound, or has no memory, is counted as dropped.
 */
#pragma once

#include "base/ledger_profile.h"
#include "http/request.h"
#include "operations/flight_recorder.h"
#include "operations/metrics_text.h"

#include <stddef.h>
#include <stdint.h>

#define REQUEST_METRICS_ROUTES_MAX 64  /* per worker, and of all workers together */
#define REQUEST_METRICS_SERIES_MAX 192 /* pairs of method and status per route, in the same manner */

struct request_metrics;

/* FAULT_MEMORY. */
enum fault request_metrics_new(struct request_metrics **ret_metrics);
void request_metrics_free(struct request_metrics *metrics); /* takes NULL */

/*
 * For struct server_observer: argument is the struct request_metrics. The time is the end of the ledger's
 * last phase. The worker's thread only.
 */
void request_metrics_record(void *argument, const struct request *request);

/* Requests recorded so far, those dropped among them. Any thread, as all below. */
uint64_t request_metrics_count(const struct request_metrics *metrics);

/* Time that they have spent in a phase, in microseconds. */
uint64_t request_metrics_spent_us(const struct request_metrics *metrics, enum phase phase);

/* Several workers' metrics, to be summed. */
struct request_metrics_group {
    struct request_metrics *const *workers; /* borrowed */
    size_t count;
};

/*
 * The families
 * http_server_request_duration_seconds{http_request_method,http_route,http_response_status_code},
 * splits_request_phase_seconds{http_route,phase}, splits_request_overhead_seconds{http_route},
 * splits_requests_failed_total{http_route}, splits_problems_total{code}, splits_outcomes_unknown_total and
 * splits_metrics_dropped_total. What matched no route has the route "", and its method may be a guess; a
 * request whose client left before there was an answer has the status 499.
 */
void request_metrics_write(struct request_metrics_group group, struct metrics_text *text);

/* Calls each for every route that was asked for, with its ledgers of the last minutes; "" for no route. */
void request_metrics_each_route(struct request_metrics_group group,
                                void (*each)(void *argument, const char *route,
                                             const struct ledger_profile *profile),
                                void *argument);

/* The slowest requests of the last minutes, slowest first; gives how many there are, at most count_max. */
size_t request_metrics_slowest(struct request_metrics_group group, struct flight *ret_flights,
                               size_t count_max);
