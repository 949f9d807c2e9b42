#include "operations/request_metrics.h"
#include "operations/request_records.h"

#include <stdio.h>
#include <string.h>

typedef void record_visitor(void *argument, const struct route_record *record);

/* The records of one path, or, for NULL, all. Routes are told apart by their paths, as their labels are. */
static void visit_records(struct request_metrics_group group, const char *path, record_visitor *visit,
                          void *argument)
{
    for (size_t w = 0; w < group.count; w++) {
        const struct request_metrics *metrics = group.workers[w];
        size_t count = atomic_load_explicit(&metrics->record_count, memory_order_acquire);
        for (size_t i = 0; i < count; i++)
            if (!path || strcmp(metrics->records[i]->path, path) == 0) visit(argument, metrics->records[i]);
    }
}

/* The paths that any worker was asked for. */
struct path_list {
    size_t count;
    const char *paths[REQUEST_METRICS_ROUTES_MAX];
};

static void list_path(void *argument, const struct route_record *record)
{
    struct path_list *list = argument;
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->paths[i], record->path) == 0) return;
    if (list->count < REQUEST_METRICS_ROUTES_MAX) list->paths[list->count++] = record->path;
}

static struct path_list list_paths(struct request_metrics_group group)
{
    struct path_list list = {.count = 0};
    visit_records(group, NULL, list_path, &list);
    return list;
}

/* Methods and statuses that any worker had on one path. */
struct series_list {
    size_t count;
    struct {
        enum method method;
        unsigned status;
    } items[REQUEST_METRICS_SERIES_MAX];
};

static void list_one_series(struct series_list *list, const struct series *series)
{
    for (size_t i = 0; i < list->count; i++)
        if (series_is(series, list->items[i].method, list->items[i].status)) return;
    if (list->count == REQUEST_METRICS_SERIES_MAX) return;
    list->items[list->count].method = series->method;
    list->items[list->count].status = series->status;
    list->count++;
}

static void list_series(void *argument, const struct route_record *record)
{
    struct series_list *list = argument;
    size_t count = atomic_load_explicit(&record->series_count, memory_order_acquire);
    for (size_t i = 0; i < count; i++)
        list_one_series(list, record->series[i]);
}

/* What is summed over all workers. */
struct sum {
    enum method method; /* of a duration … */
    unsigned status;
    enum phase phase; /* … or of a phase */
    struct histogram_counts counts;
};

static void sum_duration(void *argument, const struct route_record *record)
{
    struct sum *sum = argument;
    size_t count = atomic_load_explicit(&record->series_count, memory_order_acquire);
    for (size_t i = 0; i < count; i++)
        if (series_is(record->series[i], sum->method, sum->status))
            histogram_read(&record->series[i]->duration, &sum->counts);
}

static void sum_failures(void *argument, const struct route_record *record)
{
    struct sum *sum = argument;
    size_t count = atomic_load_explicit(&record->series_count, memory_order_acquire);
    for (size_t i = 0; i < count; i++)
        if (response_is_failure(record->series[i]->status))
            histogram_read(&record->series[i]->duration, &sum->counts);
}

static void sum_phase(void *argument, const struct route_record *record)
{
    struct sum *sum = argument;
    histogram_read(&record->phases[sum->phase], &sum->counts);
}

static void sum_overhead(void *argument, const struct route_record *record)
{
    struct sum *sum = argument;
    histogram_read(&record->overhead, &sum->counts);
}

static void write_durations(struct request_metrics_group group, const char *path, struct metrics_text *text)
{
    struct series_list list = {.count = 0};
    visit_records(group, path, list_series, &list);
    for (size_t i = 0; i < list.count; i++) {
        struct sum sum = {.method = list.items[i].method, .status = list.items[i].status};
        char status[16];
        (void)snprintf(status, sizeof(status), "%u", sum.status);
        visit_records(group, path, sum_duration, &sum);
        metrics_text_histogram(text,
                               METRIC_LABELS({"http_request_method", method_name(sum.method)},
                                             {"http_route", path}, {"http_response_status_code", status}),
                               &sum.counts);
    }
}

static void write_phases(struct request_metrics_group group, const char *path, struct metrics_text *text)
{
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        struct sum sum = {.phase = phase};
        visit_records(group, path, sum_phase, &sum);
        metrics_text_histogram(text, METRIC_LABELS({"http_route", path}, {"phase", phase_name(phase)}),
                               &sum.counts);
    }
}

static void write_overhead(struct request_metrics_group group, const char *path, struct metrics_text *text)
{
    struct sum sum = {.counts = {.sum_us = 0}};
    visit_records(group, path, sum_overhead, &sum);
    metrics_text_histogram(text, METRIC_LABELS({"http_route", path}), &sum.counts);
}

static void write_failures_of(struct request_metrics_group group, const char *path, struct metrics_text *text)
{
    struct sum sum = {.counts = {.sum_us = 0}};
    uint64_t count = 0;
    visit_records(group, path, sum_failures, &sum);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += sum.counts.counts[i];
    metrics_text_integer(text, METRIC_LABELS({"http_route", path}), count);
}

/*
 * The durations count these, too, but a series that begins with the first failures does not show them as an
 * increase. Here a route is at 0 before it fails; and refusals at the door, which have none, from the start.
 */
static void write_failures(struct request_metrics_group group, const struct path_list *list,
                           struct metrics_text *text)
{
    metrics_text_family(text, "splits_requests_failed_total", "counter",
                        "Requests that were answered 500, 503 or 504.");
    write_failures_of(group, "", text);
    for (size_t i = 0; i < list->count; i++)
        if (list->paths[i][0] != '\0') write_failures_of(group, list->paths[i], text);
}

/* Every code from the start, at 0: an increase is seen only of a counter that was there before. */
static void write_problems(struct request_metrics_group group, struct metrics_text *text)
{
    metrics_text_family(text, "splits_problems_total", "counter",
                        "Answers that report a problem, by its code.");
    for (enum fault fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        uint64_t count = 0;
        for (size_t i = 0; i < group.count; i++)
            count += atomic_load_explicit(&group.workers[i]->problems[fault], memory_order_relaxed);
        metrics_text_integer(text, METRIC_LABELS({"code", fault_code(fault)}), count);
    }
    uint64_t unknown = 0;
    for (size_t i = 0; i < group.count; i++)
        unknown += atomic_load_explicit(&group.workers[i]->outcomes_unknown, memory_order_relaxed);
    metrics_text_family(text, "splits_outcomes_unknown_total", "counter",
                        "Answers that say of a change that it may or may not have been made.");
    metrics_text_integer(text, METRIC_NO_LABELS, unknown);
}

static void write_dropped(struct request_metrics_group group, struct metrics_text *text)
{
    uint64_t dropped = 0;
    for (size_t i = 0; i < group.count; i++)
        dropped += atomic_load_explicit(&group.workers[i]->dropped, memory_order_relaxed);
    metrics_text_family(text, "splits_metrics_dropped_total", "counter",
                        "Requests that are in no other family, for want of memory.");
    metrics_text_integer(text, METRIC_NO_LABELS, dropped);
}

void request_metrics_write(struct request_metrics_group group, struct metrics_text *text)
{
    struct path_list list = list_paths(group);
    metrics_text_family(text, "http_server_request_duration_seconds", "histogram",
                        "From a request's first byte to the last one of its answer.");
    for (size_t i = 0; i < list.count; i++)
        write_durations(group, list.paths[i], text);
    metrics_text_family(text, "splits_request_phase_seconds", "histogram",
                        "Where a request's time went; its phases sum to its duration.");
    for (size_t i = 0; i < list.count; i++)
        write_phases(group, list.paths[i], text);
    metrics_text_family(text, "splits_request_overhead_seconds", "histogram",
                        "A request's duration without the database and the queue before it.");
    for (size_t i = 0; i < list.count; i++)
        write_overhead(group, list.paths[i], text);
    write_failures(group, &list, text);
    write_problems(group, text);
    write_dropped(group, text);
}

uint64_t request_metrics_spent_us(const struct request_metrics *metrics, enum phase phase)
{
    struct request_metrics *worker = (struct request_metrics *)(uintptr_t)metrics;
    struct sum sum = {.phase = phase};
    visit_records((struct request_metrics_group){&worker, 1}, NULL, sum_phase, &sum);
    return sum.counts.sum_us;
}

struct profile_sum {
    uint64_t now_ns;
    struct ledger_profile profile;
};

static void sum_profile(void *argument, const struct route_record *record)
{
    struct profile_sum *sum = argument;
    ledger_recorder_read(record->recorder, sum->now_ns, &sum->profile);
}

void request_metrics_each_route(struct request_metrics_group group,
                                void (*each)(void *argument, const char *route,
                                             const struct ledger_profile *profile),
                                void *argument)
{
    struct path_list list = list_paths(group);
    uint64_t now_ns = clock_now_ns();
    for (size_t i = 0; i < list.count; i++) {
        struct profile_sum sum = {.now_ns = now_ns};
        visit_records(group, list.paths[i], sum_profile, &sum);
        each(argument, list.paths[i], &sum.profile);
    }
}

size_t request_metrics_slowest(struct request_metrics_group group, struct flight *ret_flights,
                               size_t count_max)
{
    size_t count = 0;
    uint64_t now_ns = clock_now_ns();
    for (size_t i = 0; i < group.count; i++)
        count = flight_recorder_merge(group.workers[i]->flights, now_ns, ret_flights, count, count_max);
    return count;
}
