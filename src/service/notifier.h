/*
 * Tells a service manager how the service is, in the protocol of sd_notify(3): datagrams to the socket that
 * the environment variable NOTIFY_SOCKET names. Without that, all of this does nothing.
 *
 * READY=1 means that the service listens; STATUS says whether it can serve as well. A database that is away
 * must not have the manager give the start up. With WATCHDOG_USEC the manager is told four times in its
 * interval that all is well, provided that every worker's loop has turned since the last time. The main
 * thread's own need not be asked: when it stands still, nobody tells the manager anything.
 *
 * Main thread only.
 */
#pragma once

#include "service/observation.h"

#include <stdbool.h>
#include <stdint.h>

struct notifier {
    int socket; /* -1: nobody wants to know */
    const struct observation *observation;
    bool is_stopping;
    bool is_watched;
    uint64_t period_ns; /* between two looks */
    uint64_t next_ns;   /* when the next one is due; 0: before notifier_ready */
    uint64_t seen_ns;   /* when all loops were last seen to have turned */
    const char *status; /* told last */
};

/* Reads the environment. observation is borrowed until notifier_close. An unusable socket is logged. */
void notifier_open(struct notifier *notifier, const struct observation *observation);
void notifier_close(struct notifier *notifier);

/* The service listens, and all workers run. */
void notifier_ready(struct notifier *notifier, uint64_t now_ns);

/* It was told to stop: it drains. Workers may end from here on. */
void notifier_stopping(struct notifier *notifier);

/* Looks whether there is something to tell. */
void notifier_tick(struct notifier *notifier, uint64_t now_ns);

/* How long the caller may sleep before the next tick, in milliseconds; -1: for ever. */
int notifier_sleep_ms(const struct notifier *notifier, uint64_t now_ns);
