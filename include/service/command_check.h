/*
 * The command check: whether the service could serve, or the running instance does. Main thread only.
 */
#pragma once

#include "service/config.h"

/*
 * COMMAND_OK when the service could serve: the database is there, writable, and its schema is current. With
 * the argument "live" or "ready" it asks the instance that runs with the same settings, and needs no
 * database.
 */
int command_check(struct config *config, int argc, char **arguments);
