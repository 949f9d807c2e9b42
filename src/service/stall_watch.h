/*
 * Watches whether the loops of the workers and of the main thread, which accepts, come round: for /health of
 * the admin listener, and for the log, which is told which one does not, and when it goes on.
 *
 * A loop is late by the time that has passed since it came round, but none is blamed for a pause of the whole
 * process (SIGSTOP, a frozen control group): the thread that watches notices that it was itself away, and
 * judges those that were not late before from then on.
 *
 * Belongs to the admin's thread, which calls tick at least once a second.
 */
#pragma once

#include "base/fault.h"
#include "service/config.h"
#include "service/observation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stall_watch {
    const struct observation *observation;
    uint64_t looked_ns;  /* when it looked last */
    uint64_t resumed_ns; /* the end of the last pause of the process; 0: there was none */
    size_t stalled;      /* how many loops are, as of that look */
    bool *are_stalled;   /* which: the workers' by index, then the main thread's */
};

/* For how long a loop may not come round, before that is a defect. */
unsigned stall_watch_limit_ms(const struct config *config);

/*
 * observation is borrowed, its stall_limit_ns set. The first tick is due within a second of now.
 * FAULT_MEMORY: then stall_watch_release all the same.
 */
enum fault stall_watch_init(struct stall_watch *watch, const struct observation *observation,
                            uint64_t now_ns);
void stall_watch_release(struct stall_watch *watch);

/* Looks at all loops; logs worker_stalled, worker_went_on, main_stalled and main_went_on, once per change. */
void stall_watch_tick(struct stall_watch *watch, uint64_t now_ns);

/* What the last look has shown: FAULT_NONE, or FAULT_WORKER_STALLED, also for the main thread's loop. */
enum fault stall_watch_liveness(const struct stall_watch *watch);
