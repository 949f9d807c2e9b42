/*
 * The service that the self-test tests: this very program, as a child, with the laboratory on and a line in
 * the log for every request.
 */
#pragma once

#include "base/fault.h"
#include "lab/selftest.h"
#include "lab/selftest_process.h"
#include "lab/selftest_record.h"

struct selftest_service {
    struct selftest_process process;
    unsigned port;
    unsigned workers;     /* that it was told to have */
    unsigned connections; /* to the database, of all workers */
};

/*
 * Starts it, and returns when it listens. FAULT_INTERNAL, FAULT_MEMORY with the reason on stderr, in one
 * line. Stop it with selftest_service_stop.
 */
enum fault selftest_service_start(const struct selftest_config *config, struct selftest_service *ret_service);

/*
 * Adds what the log says to each of records; waits for lines that are under way. The same faults, also when a
 * line is missing.
 */
enum fault selftest_service_join(struct selftest_service *service, struct selftest_records *records);

/* Ends it.. */
void selftest_service_stop(struct selftest_service *service);
