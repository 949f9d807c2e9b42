/*
 * Proves the ledger: starts the service, injects a known delay into the database and a known spin into the
 * CPU, through real HTTP, and compares what the ledgers say with what is known. The client is the curl
 * program, from 7.84. src/lab/selftest_judge.h says what is compared, and why it is known. Main thread only.
 *
 * The service and the client run at a higher priority, where the user may ask for that (root, CAP_SYS_NICE):
 * a machine whose CPUs are all taken by others then does not disturb what is measured.
 */
#pragma once

#include <stdbool.h>

struct selftest_config {
    const char *program;      /* the service's own executable */
    const char *database_url; /* with its schema current and at least 10 users; "": libpq's own settings */
    const char *migrations_dir;
    bool is_quick; /* fewer requests, 4 s instead of 15: for a test of the test */
};

/*
 * Prints a line per check on stdout, "ok …" or "FAIL …", and last "N passed, N failed". What fails is
 * measured up to two times more, after a line "again …", since others may have disturbed it; but not sums,
 * which have no such excuse. 0: all passed; 1: a phase lies, or the test could not be run (the reason is on
 * stderr, in one line).
 */
int selftest_run(const struct selftest_config *config);
