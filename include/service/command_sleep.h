/*
 * The command sleep. Main thread only.
 */
#pragma once

#include "service/config.h"

/*
 * Waits for so many seconds, or until SIGTERM or SIGINT; both are COMMAND_OK. For images without a shell,
 * whose orchestrators let a container wait before they stop it.
 */
int command_sleep(struct config *config, int argc, char **arguments);
