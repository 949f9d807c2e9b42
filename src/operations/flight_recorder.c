#include "operations/flight_recorder.h"

#include "http/router.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MINUTE     (60 * NS_PER_S)
#define FLIGHTS_KEPT_EVER (FLIGHTS_KEPT * FLIGHT_RECORDER_MINUTES)

/* The slowest requests of one minute, in no order. */
struct minute {
    uint64_t number; /* minutes of the monotonic clock */
    size_t count;
    struct flight flights[FLIGHTS_KEPT];
};

struct flight_recorder {
    uint64_t floor_ns; /* the writer's own: what takes no longer is not kept … */
    uint64_t until_ns; /* … before this time, the end of the current minute */
    pthread_mutex_t mutex;
    struct minute minutes[FLIGHT_RECORDER_MINUTES]; /* a ring; under the mutex */
};

enum fault flight_recorder_new(struct flight_recorder **ret_recorder)
{
    struct flight_recorder *recorder = calloc(1, sizeof(*recorder));
    if (!recorder) return FAULT_MEMORY;
    (void)pthread_mutex_init(&recorder->mutex, NULL);
    *ret_recorder = recorder;
    return FAULT_NONE;
}

void flight_recorder_free(struct flight_recorder *recorder)
{
    if (!recorder) return;
    (void)pthread_mutex_destroy(&recorder->mutex);
    free(recorder);
}

static uint64_t total_of(const struct flight *flight)
{
    return ledger_total_ns(&flight->ledger);
}

static struct flight *find_fastest(struct minute *minute)
{
    struct flight *fastest = minute->flights;
    for (size_t i = 1; i < minute->count; i++)
        if (total_of(&minute->flights[i]) < total_of(fastest)) fastest = &minute->flights[i];
    return fastest;
}

static void fill_flight(struct flight *flight, const struct request *request)
{
    flight->ledger = request->ledger;
    flight->ended_us = clock_wall_us();
    flight->method = method_name(request->method);
    flight->route = request->route ? request->route->path : "";
    flight->status = flight_status(request);
    memcpy(flight->request_id, request->id, sizeof(flight->request_id));
}

/* The slot of this minute, emptied if another one was in it. A clock that is late stays where it is. */
static struct minute *enter_minute(struct flight_recorder *recorder, uint64_t now_ns)
{
    if (now_ns < recorder->until_ns) now_ns = recorder->until_ns - 1;
    uint64_t number = now_ns / NS_PER_MINUTE;
    struct minute *minute = &recorder->minutes[number % FLIGHT_RECORDER_MINUTES];
    if (minute->number != number) minute->count = 0;
    minute->number = number;
    recorder->until_ns = (number + 1) * NS_PER_MINUTE;
    return minute;
}

static void keep(struct flight_recorder *recorder, const struct request *request, uint64_t now_ns)
{
    struct minute *minute = enter_minute(recorder, now_ns);
    bool is_full = minute->count == FLIGHTS_KEPT;
    struct flight *place = is_full ? find_fastest(minute) : &minute->flights[minute->count++];
    if (!is_full || ledger_total_ns(&request->ledger) > total_of(place)) fill_flight(place, request);
    recorder->floor_ns = minute->count == FLIGHTS_KEPT ? total_of(find_fastest(minute)) : 0;
}

void flight_recorder_add(struct flight_recorder *recorder, const struct request *request, uint64_t now_ns)
{
    uint64_t total_ns = ledger_total_ns(&request->ledger);
    if (total_ns <= recorder->floor_ns && now_ns < recorder->until_ns) return;
    if (total_ns == 0 || pthread_mutex_trylock(&recorder->mutex)) return;
    keep(recorder, request, now_ns);
    (void)pthread_mutex_unlock(&recorder->mutex);
}

/* Into a list of count, slowest first. */
static void insert_flight(const struct flight **list, size_t count, const struct flight *flight)
{
    size_t at = count;
    for (; at > 0 && total_of(list[at - 1]) < total_of(flight); at--)
        list[at] = list[at - 1];
    list[at] = flight;
}

/* Those of the last minutes, slowest first. */
static size_t list_flights(const struct flight_recorder *recorder, uint64_t now_ns,
                           const struct flight *ret_list[FLIGHTS_KEPT_EVER])
{
    uint64_t current = now_ns / NS_PER_MINUTE;
    size_t count = 0;
    for (size_t i = 0; i < FLIGHT_RECORDER_MINUTES; i++) {
        const struct minute *minute = &recorder->minutes[i];
        if (minute->number + FLIGHT_RECORDER_MINUTES <= current) continue;
        for (size_t k = 0; k < minute->count; k++)
            insert_flight(ret_list, count++, &minute->flights[k]);
    }
    return count;
}

/* Merges from the end, so that what is there already moves at most once. */
static size_t merge_lists(struct flight *flights, size_t count, size_t count_max,
                          const struct flight *const *list, size_t list_count)
{
    size_t kept = 0, added = 0;
    while (kept + added < count_max && (kept < count || added < list_count)) {
        bool keeps =
            added == list_count || (kept < count && total_of(&flights[kept]) >= total_of(list[added]));
        kept += keeps;
        added += !keeps;
    }
    size_t merged = kept + added;
    for (size_t at = merged; added > 0; at--) {
        bool adds = kept == 0 || total_of(&flights[kept - 1]) >= total_of(list[added - 1]);
        flights[at - 1] = adds ? *list[--added] : flights[--kept];
    }
    return merged;
}

size_t flight_recorder_merge(struct flight_recorder *recorder, uint64_t now_ns, struct flight *flights,
                             size_t count, size_t count_max)
{
    const struct flight *list[FLIGHTS_KEPT_EVER];
    (void)pthread_mutex_lock(&recorder->mutex);
    size_t list_count = list_flights(recorder, now_ns, list);
    size_t merged = merge_lists(flights, count, count_max, list, list_count);
    (void)pthread_mutex_unlock(&recorder->mutex);
    return merged;
}
