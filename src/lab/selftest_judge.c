#include "lab/selftest_judge.h"

#include "base/clock.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define OUTSIDE "client's latency − total"

/* What is expected, and how far from it a measurement may be. */
struct expectation {
    int64_t value_ns;
    int64_t tolerance_ns;
};

[[gnu::format(printf, 2, 3)]] static void print(char text[SELFTEST_TEXT_SIZE_MAX], const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, SELFTEST_TEXT_SIZE_MAX, format, values);
    va_end(values);
}

static double in_ms(int64_t ns)
{
    return (double)ns / (double)NS_PER_MS;
}

static struct selftest_check *add(struct selftest_checks *checks, bool is_passed)
{
    assert(checks->count < SELFTEST_CHECKS_MAX);
    struct selftest_check *check = &checks->items[checks->count++];
    *check = (struct selftest_check){.is_passed = is_passed};
    return check;
}

/* ---- rules without exceptions ---- */

static void judge_rule(const char *rule, size_t breaches, size_t count, struct selftest_checks *checks)
{
    struct selftest_check *check = add(checks, breaches == 0);
    check->is_exact = true;
    print(check->what, "%s", rule);
    print(check->expected, "in %zu of %zu requests", count, count);
    print(check->measured, "in %zu", count - breaches);
}

/* reference may be NULL. */
static void judge_rules(const struct selftest_summary *summary, const struct selftest_summary *reference,
                        struct selftest_checks *checks)
{
    const struct selftest_summary none = {0};
    if (reference == NULL) reference = &none;
    const struct selftest_breaches *a = &summary->breaches, *b = &reference->breaches;
    size_t count = summary->count + reference->count;
    judge_rule("the log's phases sum to its total", a->sum + b->sum, count, checks);
    judge_rule("Server-Timing's phases sum to its total", a->header_sum + b->header_sum, count, checks);
    judge_rule("Server-Timing and log agree", a->agreement + b->agreement, count, checks);
    judge_rule("client's latency ≥ total − send", a->client + b->client, count, checks);
}

/* ---- what was added ---- */

static void judge_median(const char *name, int64_t measured_ns, struct expectation expectation,
                         struct selftest_checks *checks)
{
    int64_t error_ns = measured_ns - expectation.value_ns;
    struct selftest_check *check =
        add(checks, error_ns >= -expectation.tolerance_ns && error_ns <= expectation.tolerance_ns);
    print(check->what, "median %s", name);
    print(check->expected, "%.3f ± %.3f ms", in_ms(expectation.value_ns), in_ms(expectation.tolerance_ns));
    print(check->measured, "%.3f ms", in_ms(measured_ns));
}

static int64_t tolerance_of(uint64_t added_ns)
{
    int64_t tolerance_ns = (int64_t)(added_ns * SELFTEST_TOLERANCE_PERCENT / 100);
    return tolerance_ns > SELFTEST_TOLERANCE_NS ? tolerance_ns : SELFTEST_TOLERANCE_NS;
}

static struct expectation expect_added(int64_t reference_ns, uint64_t added_ns)
{
    return (struct expectation){reference_ns + (int64_t)added_ns, tolerance_of(added_ns)};
}

/* A turn is what db is expected to be: one connection's query after the other. */
static struct expectation expect_queue(const struct selftest_experiment *experiment, int64_t turn_ns)
{
    int64_t waiting = (int64_t)experiment->concurrency - (int64_t)experiment->connections;
    if (waiting < 0) waiting = 0;
    return (struct expectation){turn_ns * waiting / experiment->connections, turn_ns};
}

static bool is_known(const struct selftest_experiment *experiment, enum phase phase)
{
    if (experiment->concurrency == 1 || phase == PHASE_JSON) return true;
    return (phase == PHASE_DB || phase == PHASE_QUEUE) && experiment->spin_ns == 0;
}

static void judge_phases(const struct selftest_summary *summary, const struct selftest_summary *reference,
                         struct selftest_checks *checks)
{
    const struct selftest_experiment *experiment = &summary->experiment;
    uint64_t delay_ns = experiment->delay_ns - reference->experiment.delay_ns;
    uint64_t spin_ns = experiment->spin_ns - reference->experiment.spin_ns;
    const uint64_t added_ns[PHASE_COUNT] = {[PHASE_DB] = delay_ns, [PHASE_JSON] = spin_ns};
    struct expectation expectations[PHASE_COUNT];
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        expectations[phase] = expect_added(reference->median_ns[phase], added_ns[phase]);
    if (experiment->concurrency > 1)
        expectations[PHASE_QUEUE] = expect_queue(experiment, expectations[PHASE_DB].value_ns);

    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        if (is_known(experiment, phase))
            judge_median(phase_name(phase), summary->median_ns[phase], expectations[phase], checks);
    if (experiment->concurrency == 1)
        judge_median(OUTSIDE, summary->outside_ns,
                     (struct expectation){reference->outside_ns, tolerance_of(delay_ns + spin_ns)}, checks);
}

/* ---- outside of the ledger ---- */

static int64_t turns_ns(const struct selftest_summary *summary)
{
    const struct selftest_experiment *experiment = &summary->experiment;
    int64_t worker_turn_ns = summary->median_ns[PHASE_PARSE] + summary->median_ns[PHASE_JSON];
    return (int64_t)(experiment->concurrency * summary->client_cpu_ns) +
           worker_turn_ns * experiment->concurrency / experiment->workers;
}

static void judge_outside(const struct selftest_summary *summary, struct selftest_checks *checks)
{
    bool is_alone = summary->experiment.concurrency == 1;
    int64_t limit_ns = SELFTEST_OUTSIDE_NS_MAX + (is_alone ? 0 : turns_ns(summary));
    struct selftest_check *check = add(checks, summary->outside_ns <= limit_ns);
    print(check->what, "median " OUTSIDE);
    print(check->expected, "at most %.3f ms", in_ms(limit_ns));
    print(check->measured, "%.3f ms", in_ms(summary->outside_ns));
}

void selftest_judge_alone(const struct selftest_summary *summary, struct selftest_checks *ret_checks)
{
    ret_checks->count = 0;
    judge_rules(summary, NULL, ret_checks);
    judge_outside(summary, ret_checks);
}

void selftest_judge(const struct selftest_summary *summary, const struct selftest_summary *reference,
                    struct selftest_checks *ret_checks)
{
    ret_checks->count = 0;
    judge_rules(summary, reference, ret_checks);
    judge_phases(summary, reference, ret_checks);
    if (summary->experiment.concurrency > 1) judge_outside(summary, ret_checks);
}
