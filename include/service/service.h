/*
 * The running service: workers, listening socket, signals, drain.
 */
#pragma once

#include "service/config.h"

/*
 * Runs the service until it is told to stop; gives the exit code. What may come later does not keep it from
 * starting: its database, or the file with the database's URL. Until then it is alive, and not ready.
 */
int service_run(struct config *config);
