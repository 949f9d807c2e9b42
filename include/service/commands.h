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
 * "up" applies what is pending; it waits for the database for as long as db-connect-timeout-ms. "status"
 * lists. arguments are those behind "migrate".
 */
int command_migrate(struct config *config, int argc, char **arguments);

/*
 * COMMAND_OK when the service could serve: the database is there, writable, and its schema is current. With
 * the argument "live" or "ready" it asks the instance that runs with the same settings, and needs no
 * database.
 */
int command_check(struct config *config, int argc, char **arguments);

/*
 * Proves the ledger on this machine with this database (see lab/selftest.h); the argument "quick" makes it
 * short. arguments are those behind "selftest". COMMAND_USAGE in a build without the laboratory.
 */
int command_selftest(struct config *config, int argc, char **arguments);

/*
 * Waits for so many seconds, or until SIGTERM or SIGINT; both are COMMAND_OK. For images without a shell,
 * whose orchestrators let a container wait before they stop it.
 */
int command_sleep(struct config *config, int argc, char **arguments);

/* The versions of the program and of what it was built with. */
int command_version(void);
