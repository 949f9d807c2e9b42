/*
 * The admin listener: /health, /health/ready, /metrics and /debug on an address and a thread of their own, so
 * that they answer whatever the workers do, and are not there for the public. It serves until the very end of
 * a drain.
 *
 * All functions are for the main thread.
 */
#pragma once

#include "base/fault.h"
#include "service/config.h"
#include "service/observation.h"

#define ADMIN_CONNECTIONS_MAX 64

struct admin;

/*
 * Starts serving on descriptor, a listening socket, which is the admin's from now on. The others are
 * borrowed until admin_stop. FAULT_MEMORY, FAULT_INTERNAL.
 */
enum fault admin_start(const struct config *config, const struct observation *observation, int descriptor,
                       struct admin **ret_admin);

/* Answers what is under way, closes, and ends the thread. Takes NULL. */
void admin_stop(struct admin *admin);
