/*
 * The limits that the system sets to this process, beside what its settings may need: what is too little is
 * told at the start, one line each, rather than found out under load.
 */
#pragma once

#include "base/fault.h"
#include "service/config.h"

#include <stdint.h>

/* What a process with these settings may need. */
struct needs {
    uint64_t descriptors;
    uint64_t threads;
    uint64_t memory_bytes; /* with every connection open, and a request of ordinary size under way on each */
};

struct needs limits_needs(const struct config *config);

/*
 * Raises the limit of descriptors as far as it goes, and logs a warning for each limit that is too low: of
 * descriptors, and of the control group's CPU time, memory and threads. root as for cgroup_visit. Before the
 * workers start.
 */
void limits_check(const struct config *config, const char *root);

/* Logs that no thread could be started; error is errno's number. FAULT_INTERNAL. */
enum fault limits_no_thread(const char *name, int error);
