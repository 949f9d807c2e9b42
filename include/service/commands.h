/*
 * The commands that are not the service itself. They print for people: results on stdout, what is wrong
 * on stderr, one line each; and give the exit code. Main thread only.
 */
#pragma once

#include "service/config.h"

/* Exit codes. */
enum {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1,
    COMMAND_USAGE = 2,      /* the command line or a setting is wrong */
    COMMAND_NOT_CURRENT = 3 /* migrate status: a migration is pending, changed or unknown */
};

/*
 * Proves the ledger on this machine with this database (see lab/selftest.h); the argument "quick" makes it
 * short. arguments are those behind "selftest". COMMAND_USAGE in a build without the laboratory.
 */
int command_selftest(struct config *config, int argc, char **arguments);

/* The versions of the program and of what it was built with. */
int command_version(void);
