/*
 * The command migrate. Main thread only.
 */
#pragma once

#include "service/config.h"

/*
 * "up" applies what is pending; it waits for the database for as long as db-connect-timeout-ms. "status"
 * lists. arguments are those behind "migrate".
 */
int command_migrate(struct config *config, int argc, char **arguments);
