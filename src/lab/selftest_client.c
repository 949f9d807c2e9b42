#include "lab/selftest_client.h"

#include "lab/selftest_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URL_SIZE_MAX    256 /* bytes with the end */
#define NUMBER_SIZE_MAX 16
#define RUN_MS_MAX      60000 /* for all requests */
#define REQUEST_SECONDS "10"  /* for one; also a number of curl's options, and so text */
#define STOP_MS_MAX     1000

static enum fault complain(enum fault fault, const char *reason)
{
    (void)fprintf(stderr, "splits: selftest: %s\n", reason);
    return fault;
}

/*
 * -q: no settings of the user's own. The fragment of the URL is a range that curl counts through and does
 * not send: the same request so many times.
 */
static enum fault start(const struct selftest_client_task *task, struct selftest_process *ret_process)
{
    char url[URL_SIZE_MAX], concurrency[NUMBER_SIZE_MAX];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s#[1-%u]", task->port, task->target, task->count);
    (void)snprintf(concurrency, sizeof concurrency, "%u", task->concurrency);
    const char *arguments[] = {"curl", "-q", "--silent", "--noproxy", "*", "--max-time", REQUEST_SECONDS,
                               "--output", "/dev/null", "--write-out", selftest_record_format, url,
                               /* Without the rest: one request after the other. */
                               task->concurrency > 1 ? "--parallel" : NULL, "--parallel-immediate",
                               "--parallel-max", concurrency, NULL};
    const struct selftest_program program = {
        .arguments = arguments, .stream = STDOUT_FILENO, .cpus = SELFTEST_CPUS_LAST};
    enum fault fault = selftest_process_start(&program, ret_process);
    if (!fault) return FAULT_NONE;
    return complain(fault, errno == ENOENT ? "selftest needs curl (Debian: curl)" : strerrordesc_np(errno));
}

static enum fault finish(struct selftest_process *process)
{
    if (!selftest_process_wait(process, RUN_MS_MAX)) return complain(FAULT_INTERNAL, "curl does not end");
    if (process->exit_code == 0) return FAULT_NONE;
    (void)fprintf(stderr, "splits: selftest: curl failed with exit code %d, which its manual explains\n",
                  process->exit_code);
    return FAULT_INTERNAL;
}

static enum fault read_records(struct selftest_process *process, struct selftest_records *ret_records)
{
    char *bytes;
    struct text output;
    enum fault fault = selftest_process_read(process, &bytes, &output);
    if (fault) return complain(fault, "curl's output cannot be read");
    fault = selftest_records_read(output, ret_records);
    free(bytes);
    if (!fault) return FAULT_NONE;
    return complain(fault, "an answer has no X-Request-Id or Server-Timing, or curl is older than 7.84");
}

enum fault selftest_client_run(const struct selftest_client_task *task, struct selftest_records *ret_records,
                               uint64_t *ret_cpu_ns)
{
    struct selftest_process process;
    enum fault fault = start(task, &process);
    if (fault) return fault;
    fault = finish(&process);
    if (!fault) fault = read_records(&process, ret_records);
    if (!fault) *ret_cpu_ns = process.cpu_ns;
    selftest_process_stop(&process, STOP_MS_MAX);
    return fault;
}
