#include "lab/selftest.h"

#include "base/clock.h"
#include "lab/knobs.h"
#include "lab/selftest_client.h"
#include "lab/selftest_judge.h"
#include "lab/selftest_service.h"

#include <stdio.h>
#include <time.h>

#define CROWD         64 /* requests at a time */
#define ROWS          10
#define ATTEMPTS_MAX  3
#define READY_MS_MAX  15000
#define READY_NAP_MS  50
#define QUICK_DIVISOR 4
#define WARM_UP_COUNT 256

struct injection {
    unsigned delay_ms;
    unsigned spin_us;
};

/* What is compared with what, and how many requests of either give a steady median in bounded time. */
struct experiment {
    unsigned concurrency;
    struct injection reference, injection; /* nothing injected: nothing is compared */
    unsigned count;
};

/*
 * 15 ms are added, or 5 ms, or both. Alone, what is there before makes the reference as cold as the
 * experiment; in a crowd, it keeps the database from being busier in the reference.
 */
static const struct experiment experiments[] = {
    {1, {0, 0}, {0, 0}, 400},           {1, {10, 0}, {25, 0}, 80},
    {1, {0, 10000}, {0, 15000}, 100},   {1, {10, 10000}, {25, 15000}, 60},
    {CROWD, {0, 0}, {0, 0}, 2048},      {CROWD, {15, 0}, {30, 0}, 640},
    {CROWD, {0, 1000}, {0, 6000}, 256}, {CROWD, {15, 1000}, {30, 6000}, 256},
};

#define EXPERIMENT_COUNT (sizeof experiments / sizeof *experiments)

struct selftest {
    struct selftest_service service;
    bool is_quick;
    unsigned passed, failed;
};

/* ---- asking ---- */

static enum fault ask(const struct selftest *selftest, struct injection injection,
                      struct selftest_client_task task, struct selftest_run *ret_run)
{
    char target[KNOBS_TEXT_SIZE_MAX];
    const struct knobs knobs = {.rows = ROWS, .delay_ms = injection.delay_ms, .spin_us = injection.spin_us};
    knobs_write(&knobs, target);
    task.port = selftest->service.port;
    task.target = target;
    *ret_run = (struct selftest_run){
        .experiment = {.concurrency = task.concurrency,
                       .workers = selftest->service.workers,
                       .connections = selftest->service.connections,
                       .delay_ns = injection.delay_ms * NS_PER_MS,
                       .spin_ns = injection.spin_us * NS_PER_US},
    };
    return selftest_client_run(&task, &ret_run->records, &ret_run->client_cpu_ns);
}

/* The first status that is not 200; 200 when there is none. */
static unsigned worst_status(const struct selftest_records *records)
{
    for (size_t i = 0; i < records->count; i++)
        if (records->items[i].status != 200) return records->items[i].status;
    return 200;
}

static enum fault take_down(struct selftest *selftest, struct selftest_run *run,
                            struct selftest_summary *ret_summary)
{
    unsigned status = worst_status(&run->records);
    if (status != 200) {
        (void)fprintf(stderr, "splits: selftest: the laboratory answered %u instead of 200\n", status);
        return FAULT_INTERNAL;
    }
    enum fault fault = selftest_service_join(&selftest->service, &run->records);
    if (fault) return fault;
    fault = selftest_summarize(run, ret_summary);
    if (fault) (void)fprintf(stderr, "splits: selftest: curl asked nothing, or memory is short\n");
    return fault;
}

static enum fault measure(struct selftest *selftest, struct injection injection,
                          struct selftest_client_task task, struct selftest_summary *ret_summary)
{
    struct selftest_run run;
    enum fault fault = ask(selftest, injection, task, &run);
    if (fault) return fault;
    fault = take_down(selftest, &run, ret_summary);
    selftest_records_release(&run.records);
    return fault;
}

/* ---- getting ready ---- */

/* 200, or another status that came. */
static enum fault ask_unjudged(const struct selftest *selftest, struct selftest_client_task task,
                               unsigned *ret_status)
{
    struct selftest_run run;
    enum fault fault = ask(selftest, (struct injection){0}, task, &run);
    if (fault) return fault;
    *ret_status = worst_status(&run.records);
    selftest_records_release(&run.records);
    return FAULT_NONE;
}

static enum fault wait_until_ready(const struct selftest *selftest)
{
    const struct selftest_client_task once = {.concurrency = 1, .count = 1};
    uint64_t deadline_ns = clock_now_ns() + READY_MS_MAX * NS_PER_MS;
    for (;;) {
        unsigned status;
        enum fault fault = ask_unjudged(selftest, once, &status);
        if (fault || status == 200) return fault;
        if (clock_now_ns() > deadline_ns) {
            (void)fprintf(stderr,
                          "splits: selftest: the laboratory answers %u: is the database there, its schema "
                          "current, and are there users in it?\n",
                          status);
            return FAULT_INTERNAL;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = READY_NAP_MS * NS_PER_MS}, NULL);
    }
}

/* Connections open, statements are prepared, caches fill. */
static enum fault prepare(const struct selftest *selftest)
{
    const struct selftest_client_task crowd = {.concurrency = CROWD, .count = WARM_UP_COUNT};
    unsigned status;
    enum fault fault = wait_until_ready(selftest);
    return fault ? fault : ask_unjudged(selftest, crowd, &status);
}

/* ---- judging ---- */

static bool is_all_passed(const struct selftest_checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        if (!checks->items[i].is_passed) return false;
    return true;
}

/* Is there hope that it was not the ledger? */
static bool may_try_again(const struct selftest_checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        if (checks->items[i].is_exact && !checks->items[i].is_passed) return false;
    return true;
}

static void print_check(const char *verdict, const struct selftest_experiment *experiment,
                        const struct selftest_check *check)
{
    (void)printf("%-5s concurrency %u, delay %u ms, spin %u ms: %s: expected %s, measured %s\n", verdict,
                 experiment->concurrency, (unsigned)(experiment->delay_ns / NS_PER_MS),
                 (unsigned)(experiment->spin_ns / NS_PER_MS), check->what, check->expected, check->measured);
}

static void print_checks(struct selftest *selftest, const struct selftest_experiment *experiment,
                         const struct selftest_checks *checks)
{
    for (size_t i = 0; i < checks->count; i++) {
        const struct selftest_check *check = &checks->items[i];
        print_check(check->is_passed ? "ok" : "FAIL", experiment, check);
        selftest->passed += check->is_passed;
        selftest->failed += !check->is_passed;
    }
}

static void print_retry(const struct selftest_experiment *experiment, const struct selftest_checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        if (!checks->items[i].is_passed) print_check("again", experiment, &checks->items[i]);
}

/* Right after each other, so that both see the same machine. */
static enum fault compare(struct selftest *selftest, const struct experiment *experiment,
                          struct selftest_checks *ret_checks, struct selftest_experiment *ret_done)
{
    struct selftest_summary reference, summary;
    bool is_compared = experiment->injection.delay_ms + experiment->injection.spin_us > 0;
    const struct selftest_client_task task = {
        .concurrency = experiment->concurrency,
        .count = experiment->count / (selftest->is_quick ? QUICK_DIVISOR : 1),
    };
    enum fault fault = is_compared ? measure(selftest, experiment->reference, task, &reference) : FAULT_NONE;
    if (!fault) fault = measure(selftest, experiment->injection, task, &summary);
    if (fault) return fault;
    if (is_compared)
        selftest_judge(&summary, &reference, ret_checks);
    else
        selftest_judge_alone(&summary, ret_checks);
    *ret_done = summary.experiment;
    return FAULT_NONE;
}

/*
 * Other programs may get in the way at any time, and no median stands everything; but a phase that lies does
 * so every time. So what fails may try again, except for what has no exceptions.
 */
static enum fault run_experiment(struct selftest *selftest, const struct experiment *experiment)
{
    for (unsigned attempt = 1;; attempt++) {
        struct selftest_checks checks;
        struct selftest_experiment done;
        enum fault fault = compare(selftest, experiment, &checks, &done);
        if (fault) return fault;
        if (is_all_passed(&checks) || !may_try_again(&checks) || attempt == ATTEMPTS_MAX) {
            print_checks(selftest, &done, &checks);
            return FAULT_NONE;
        }
        print_retry(&done, &checks);
    }
}

static enum fault run_experiments(struct selftest *selftest)
{
    enum fault fault = prepare(selftest);
    for (size_t i = 0; i < EXPERIMENT_COUNT && !fault; i++)
        fault = run_experiment(selftest, &experiments[i]);
    return fault;
}

int selftest_run(const struct selftest_config *config)
{
    struct selftest selftest = {.is_quick = config->is_quick};
    if (!SPLITS_LEDGER) {
        (void)fprintf(stderr, "splits: selftest: this build has no ledger\n");
        return 1;
    }
    enum fault fault = selftest_service_start(config, &selftest.service);
    if (fault) return 1;
    fault = run_experiments(&selftest);
    selftest_service_stop(&selftest.service);
    if (fault) return 1;
    (void)printf("%u passed, %u failed\n", selftest.passed, selftest.failed);
    return selftest.failed == 0 ? 0 : 1;
}
