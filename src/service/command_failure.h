/*
 * How a command ends that cannot do its work.
 */
#pragma once

#include "base/fault.h"
#include "service/config.h"

#include <stdbool.h>

/* Prints the line that explains fault, and frees message. COMMAND_FAILED. */
int command_fail(enum fault fault, char *message);

/* Reads the database URL where it is in a file. False, and the line that explains it printed: COMMAND_USAGE.
 */
bool command_load_url(struct config *config);
