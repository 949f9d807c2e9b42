/*
 * The running service: workers, listening socket, signals, drain.
 */
#pragma once

#include "service/config.h"

/* Runs the service until it is told to stop; gives the exit code. */
int service_run(const struct config *config);
