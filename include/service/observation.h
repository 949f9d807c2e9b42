/*
 * What is observed of the workers, each in a place of its own, and of the main thread: they write, anybody
 * reads, nobody locks. It is there before the first worker and after the last one.
 */
#pragma once

#include "base/fault.h"
#include "base/histogram.h"
#include "lab/experiments.h"
#include "operations/request_metrics.h"
#include "postgres/postgres_statistics.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define OBSERVATION_CACHE_LINE 64

/* What a worker counts of itself, on cache lines of its own. */
struct worker_counters {
    _Alignas(OBSERVATION_CACHE_LINE) struct histogram turns; /* a loop's work between two waits */
    atomic_uint connections;                                 /* of clients, at present */
    atomic_uint connections_max;                             /* the bound of that */
    atomic_int readiness;              /* enum fault, at present: FAULT_NONE when it can serve */
    atomic_uint_fast64_t turned_ns;    /* its loop came round last, monotonic; 0 while it does not run */
    atomic_bool is_running;            /* cpu_clock and database are there */
    clockid_t cpu_clock;               /* of its thread */
    atomic_uint_fast64_t ended_cpu_ns; /* what that said when the thread ended; 0: it has not */
    const struct postgres_statistics *database;
};

/* CPU time of the worker's thread so far, also after its end. */
uint64_t worker_counters_cpu_ns(const struct worker_counters *worker);

struct observation {
    size_t count; /* workers */
    struct worker_counters *workers;
    struct request_metrics **requests;
    struct experiments **experiments;    /* NULL without the laboratory */
    atomic_uint_fast64_t main_turned_ns; /* as turned_ns, of the main thread's loop, which accepts */
    uint64_t stall_limit_ns; /* how old both may become; more is a defect. Set before threads run */
};

/* Empty places for count workers. FAULT_MEMORY: then observation_release all the same. */
enum fault observation_init(struct observation *observation, size_t count, bool has_laboratory);
void observation_release(struct observation *observation);

/* As a group, to be summed. */
struct request_metrics_group observation_requests(const struct observation *observation);

/* FAULT_NONE when every worker can serve; else why one cannot. */
enum fault observation_readiness(const struct observation *observation);

/*
 * When the loop came round last that has not for longest, of the workers that run; UINT64_MAX when none does.
 * An idle one comes round each second at least, one of db-mode blocking not while it waits for the database.
 */
uint64_t observation_turned_ns(const struct observation *observation);
