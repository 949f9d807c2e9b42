/*
 * How a command ends that could not do its work.
 */
#pragma once

#include "base/fault.h"

/* Prints the line that explains fault, and frees message. COMMAND_FAILED. */
int command_fail(enum fault fault, char *message);
