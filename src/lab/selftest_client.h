/*
 * The self-test's client: the curl program, an HTTP client that is not of our making.
 */
#pragma once

#include "base/fault.h"
#include "lab/selftest_record.h"

#include <stddef.h>
#include <stdint.h>

struct selftest_client_task {
    unsigned port;
    const char *target;   /* asked for again and again */
    unsigned concurrency; /* connections, each with a request at a time */
    unsigned count;       /* of requests */
};

/*
 * Asks, and takes down what came. *ret_cpu_ns is curl's CPU time for all of it. FAULT_INTERNAL, FAULT_MEMORY
 * with the reason on stderr, in one line. The caller releases ret_records.
 */
enum fault selftest_client_run(const struct selftest_client_task *task, struct selftest_records *ret_records,
                               uint64_t *ret_cpu_ns);
