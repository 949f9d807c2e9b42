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
#include "service/observation.h"

#include <stdbool.h>
#include <stddef.h>

struct laboratory;
struct worker;

/* What the whole process is doing; only ever moves forward. */
enum service_phase {
    SERVICE_SERVING,
    SERVICE_DRAINING, /* not ready any more, everything is still served */
    SERVICE_PARTING,  /* the same, but answers end their connections */
    SERVICE_CLOSING,  /* idle connections are closed, too; workers end with their last connection */
    SERVICE_STOPPING  /* workers end now */
};

struct worker_config {
    const struct config *config;           /* borrowed */
    const struct observation *observation; /* borrowed: what it does is counted there */
    size_t index;                          /* its place there */
    const struct laboratory *laboratory;   /* borrowed; NULL: off */
    unsigned connections_max;              /* of clients: its share */
    unsigned schema_version;               /* the newest migration that there is */
};

/* Starts one. FAULT_MEMORY, FAULT_VALIDATION for a malformed database URL, FAULT_INTERNAL. */
enum fault worker_start(const struct worker_config *config, struct worker **ret_worker);

/* Gives it an accepted, non-blocking socket. False, and the socket closed, when it cannot take any. */
bool worker_hand_over(struct worker *worker, int socket);

/* Connections it has, those handed over just now included. */
unsigned worker_connections(const struct worker *worker);

/* Tells it what the process is doing now. */
void worker_set_phase(struct worker *worker, enum service_phase phase);

/* Has its thread ended? */
bool worker_is_done(const struct worker *worker);

/* Waits for its end. What it counted can still be read. */
void worker_join(struct worker *worker);

/* Frees it, after worker_join; nobody may read its database's statistics any more. */
void worker_free(struct worker *worker);
