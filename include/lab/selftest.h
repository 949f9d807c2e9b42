/*
 * Proves the ledger: starts the service, injects a known delay into the database and a known spin into the
 * CPU, through real HTTP, and compares what the ledgers say with what is known. Main thread only.
 */
#pragma once

#include <stdbool.h>

struct selftest_config {
    const char *program;      /* the service's own executable */
    const char *database_url; /* with its schema current and at least 64 users */
    const char *migrations_dir;
    bool is_quick; /* fewer requests: for a test of the test */
};

/*
 * Prints a line per check on stdout, and last "N passed, N failed". 0: all passed; 1: a phase lies, or the
 * test could not be run (the reason is on stderr).
 */
int selftest_run(const struct selftest_config *config);
