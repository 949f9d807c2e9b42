/*
 * A program that the self-test runs. What it writes goes to a file in memory, so that it never waits for
 * somebody to read it; it has no input, and dies with the self-test. Main thread only.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct selftest_process {
    pid_t pid;
    int output;    /* descriptor of the file */
    size_t read;   /* bytes of it that were handed out */
    bool is_ended; /* and the following is known */
    int exit_code; /* 128 + the signal's number when one ended it, as shells have it */
    uint64_t cpu_ns;
};

/*
 * On which of this process's CPUs a program runs; with only one CPU, on that. The client gets one of its own:
 * else it would often wake up, when its answer is there, in the middle of the service's sending it.
 */
enum selftest_cpus { SELFTEST_CPUS_ALL, SELFTEST_CPUS_LAST, SELFTEST_CPUS_BUT_LAST };

struct selftest_program {
    const char *const *arguments;   /* the first is the program, looked up in PATH; ends with NULL */
    const char *const *environment; /* ends with NULL; NULL: this process's own */
    int stream;                     /* STDOUT_FILENO or STDERR_FILENO: which one is kept; the other is lost */
    enum selftest_cpus cpus;
};

/* FAULT_INTERNAL, with errno: it cannot be run; ENOENT when there is no such program. */
enum fault selftest_process_start(const struct selftest_program *program,
                                  struct selftest_process *ret_process);

/* Has it ended? Waits for so long at most. */
bool selftest_process_wait(struct selftest_process *process, unsigned timeout_ms);

/*
 * What it has written since the last call, up to the last line feed, or all when it has ended; the caller
 * frees *ret_bytes, which ret_text borrows. FAULT_MEMORY, FAULT_INTERNAL.
 */
enum fault selftest_process_read(struct selftest_process *process, char **ret_bytes, struct text *ret_text);

/* Ends it, if it still runs: asks, and after so long does not ask. Then forgets what it wrote. */
void selftest_process_stop(struct selftest_process *process, unsigned timeout_ms);
