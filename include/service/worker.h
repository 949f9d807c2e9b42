/*
 * One thread of the pool: an event loop with an HTTP server and a user store on it, sharing nothing
 * with the other workers. Sockets come from the listener through a pipe; no lock is taken and nothing
 * changes threads after that.
 *
 * All functions are for the main thread.
 */
#pragma once

#include "base/fault.h"
#include "service/config.h"

#include <stdbool.h>

struct worker;

/* What the whole process is doing; only ever moves forward. */
enum service_phase {
    SERVICE_SERVING,
    SERVICE_DRAINING, /* not ready any more, everything is still served */
    SERVICE_CLOSING,  /* answers end their connections; workers end with their last connection */
    SERVICE_STOPPING  /* workers end now */
};

/*
 * Starts one. config is borrowed; connections_max is this worker's share. FAULT_MEMORY, FAULT_VALIDATION
 * for a malformed database URL, FAULT_INTERNAL.
 */
enum fault worker_start(const struct config *config, unsigned connections_max, unsigned schema_version,
                        struct worker **ret_worker);

/* Gives it an accepted, non-blocking socket. False, and the socket closed, when it cannot take any. */
bool worker_hand_over(struct worker *worker, int socket);

/* Connections it has, those handed over just now included. */
unsigned worker_connections(const struct worker *worker);

/* Tells it what the process is doing now. */
void worker_set_phase(struct worker *worker, enum service_phase phase);

/* Has its thread ended? */
bool worker_is_done(const struct worker *worker);

/* Waits for its end and frees it. */
void worker_join(struct worker *worker);
