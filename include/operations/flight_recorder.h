/*
 * The slowest requests of the last minutes, with their whole ledgers. One per worker: its thread records
 * and never waits for a reader; a request that ends while somebody reads may be missed.
 */
#pragma once

#include "base/fault.h"
#include "http/request.h"

#include <stddef.h>
#include <stdint.h>

#define FLIGHTS_KEPT            32 /* per worker and minute */
#define FLIGHT_RECORDER_MINUTES 5  /* the current one and those before it */

/* One request that has ended. */
struct flight {
    struct ledger ledger;
    int64_t ended_us;   /* wall clock, microseconds since 1970 */
    const char *method; /* for ever */
    const char *route;  /* the template; for ever; "" for none */
    unsigned status;    /* as flight_status gives it */
    char request_id[129];
};

/* What a request that has ended is counted under: 499 when its client left before there was an answer. */
static inline unsigned flight_status(const struct request *request)
{
    return request->response.status == 0 ? 499 : request->response.status;
}

struct flight_recorder;

/* FAULT_MEMORY. */
enum fault flight_recorder_new(struct flight_recorder **ret_recorder);
void flight_recorder_free(struct flight_recorder *recorder); /* takes NULL */

/*
 * Keeps request if it is one of this minute's slowest; one that took no time is none. The worker's thread
 * only.
 */
void flight_recorder_add(struct flight_recorder *recorder, const struct request *request, uint64_t now_ns);

/*
 * Merges the slowest of the last minutes into the count flights at `flights`, slowest first, which has room
 * for count_max; gives how many there are then. Any thread.
 */
size_t flight_recorder_merge(struct flight_recorder *recorder, uint64_t now_ns, struct flight *flights,
                             size_t count, size_t count_max);
