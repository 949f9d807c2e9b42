/*
 * One experiment in the few numbers that are judged: medians, and how many requests break a rule that has
 * no exceptions. Pure: records in, numbers out.
 *
 * A small or busy machine has outliers: times are judged by their medians; sums, for every request. Whatever
 * else runs on the machine can only add time, and half of the requests may be too many to be left alone. So
 * at concurrency 1 the medians are of the undisturbed requests: the quarter that was the fastest for the
 * client, an independent witness, who does not know the phases.
 */
#pragma once

#include "base/fault.h"
#include "lab/selftest_record.h"

#include <stddef.h>
#include <stdint.h>

/* What was done. */
struct selftest_experiment {
    unsigned concurrency; /* requests at a time */
    unsigned workers;     /* of the service */
    unsigned connections; /* to the database, of all workers */
    uint64_t delay_ns;    /* injected into each request's query */
    uint64_t spin_ns;     /* injected into each request's serialization */
};

/* What one run of the client brought. */
struct selftest_run {
    struct selftest_experiment experiment;
    struct selftest_records records; /* owned by the caller; all are logged, and their status is 200 */
    uint64_t client_cpu_ns;          /* of the client's process, for all requests */
};

/* Requests that break a rule. */
struct selftest_breaches {
    size_t sum;        /* the log's phases do not sum to its total */
    size_t header_sum; /* Server-Timing's phases do not sum to its total */
    size_t agreement;  /* a phase, or the total, differs between the two by more than their rounding */
    size_t client;     /* the client had the answer in less time than the service took to make it */
};

struct selftest_summary {
    struct selftest_experiment experiment;
    size_t count; /* of requests, from 1 */
    struct selftest_breaches breaches;
    int64_t median_ns[PHASE_COUNT]; /* of each phase by itself, from the log */
    int64_t outside_ns;             /* median of: the client's latency − total */
    uint64_t client_cpu_ns;         /* of the client's process, per request */
};

/* Sorts the records by the client's latency. FAULT_MEMORY; FAULT_VALIDATION without records. */
enum fault selftest_summarize(struct selftest_run *run, struct selftest_summary *ret_summary);
