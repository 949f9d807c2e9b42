#include "lab/selftest_judge.h"

#include "base/clock.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

#define COUNT       40
#define DELAY_NS    (20 * NS_PER_MS)
#define DELAY_LESS  (5 * NS_PER_MS)
#define SPIN_NS     (10 * NS_PER_MS)
#define SPIN_LESS   (5 * NS_PER_MS)
#define CPU_NS      (50 * NS_PER_US)
#define WORKERS     2
#define CONNECTIONS 16
#define CROWD       64

/* One experiment and its reference: what an honest service would show, for the test to spoil. */
static struct selftest_record records[2][COUNT];
static struct selftest_run runs[2];
static struct selftest_checks checks;

enum { REFERENCE, INJECTED };

static void set_header(struct selftest_record *record)
{
    record->header_us.total = 0;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        uint64_t us = phase == PHASE_SEND ? 0 : record->log_ns.spent[phase] / NS_PER_US;
        record->header_us.spent[phase] = us;
        record->header_us.total += us;
    }
}

/* Makes total, header and client follow the phases. */
static void settle(struct selftest_record *record)
{
    record->log_ns.total = 0;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        record->log_ns.total += record->log_ns.spent[phase];
    set_header(record);
    record->client_ns = record->log_ns.total + 60 * NS_PER_US;
}

static void make_record(struct selftest_record *record, const struct selftest_experiment *experiment)
{
    static const uint64_t phases_us[PHASE_COUNT] = {
        [PHASE_READ] = 5, [PHASE_PARSE] = 2, [PHASE_QUEUE] = 1,  [PHASE_DB] = 100,
        [PHASE_JSON] = 3, [PHASE_SEND] = 20, [PHASE_OTHER] = 10,
    };
    *record = (struct selftest_record){.status = 200, .is_logged = true};
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        record->log_ns.spent[phase] = phases_us[phase] * NS_PER_US;
    record->log_ns.spent[PHASE_DB] += experiment->delay_ns;
    record->log_ns.spent[PHASE_JSON] += experiment->spin_ns;
    if (experiment->concurrency > CONNECTIONS)
        record->log_ns.spent[PHASE_QUEUE] =
            (experiment->concurrency / CONNECTIONS - 1) * experiment->delay_ns;
    settle(record);
}

static void make(unsigned concurrency, uint64_t delay_ns, uint64_t spin_ns)
{
    for (unsigned which = 0; which < 2; which++) {
        bool is_less = which == REFERENCE;
        runs[which] = (struct selftest_run){
            .experiment = {.concurrency = concurrency,
                           .workers = WORKERS,
                           .connections = CONNECTIONS,
                           .delay_ns = is_less && delay_ns > 0 ? DELAY_LESS : delay_ns,
                           .spin_ns = is_less && spin_ns > 0 ? SPIN_LESS : spin_ns},
            .records = {.items = records[which], .count = COUNT, .logged = COUNT},
            .client_cpu_ns = COUNT * CPU_NS,
        };
        for (size_t i = 0; i < COUNT; i++)
            make_record(&records[which][i], &runs[which].experiment);
    }
}

/* Every request books ns more, or less, in this phase, and really takes as much. */
static void shift(enum phase phase, int64_t ns)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct selftest_record *record = &records[INJECTED][i];
        record->log_ns.spent[phase] = (uint64_t)((int64_t)record->log_ns.spent[phase] + ns);
        settle(record);
    }
}

static void judge(void)
{
    struct selftest_summary summaries[2];
    for (unsigned which = 0; which < 2; which++)
        ck_assert_int_eq(selftest_summarize(&runs[which], &summaries[which]), FAULT_NONE);
    selftest_judge(&summaries[INJECTED], &summaries[REFERENCE], &checks);
}

static void judge_alone(void)
{
    struct selftest_summary summary;
    ck_assert_int_eq(selftest_summarize(&runs[INJECTED], &summary), FAULT_NONE);
    selftest_judge_alone(&summary, &checks);
}

static const struct selftest_check *find(const char *what)
{
    for (size_t i = 0; i < checks.count; i++)
        if (strstr(checks.items[i].what, what) != NULL) return &checks.items[i];
    return NULL;
}

static void must_pass(void)
{
    for (size_t i = 0; i < checks.count; i++)
        ck_assert_msg(checks.items[i].is_passed, "%s: expected %s, measured %s", checks.items[i].what,
                      checks.items[i].expected, checks.items[i].measured);
}

/* This check fails, and no other. */
static void must_fail_alone(const char *what)
{
    const struct selftest_check *check = find(what);
    ck_assert_msg(check != NULL, "%s is not checked", what);
    for (size_t i = 0; i < checks.count; i++)
        ck_assert_msg(checks.items[i].is_passed == (&checks.items[i] != check),
                      "%s: expected %s, measured %s", checks.items[i].what, checks.items[i].expected,
                      checks.items[i].measured);
}

START_TEST(an_honest_service_passes)
{
    make(1, DELAY_NS, 0);
    judge();
    must_pass();
    ck_assert_uint_eq(checks.count, 4 + PHASE_COUNT + 1);
    make(1, 0, SPIN_NS);
    judge();
    must_pass();
    make(1, DELAY_NS, SPIN_NS);
    judge();
    must_pass();
    make(CROWD, DELAY_NS, 0);
    judge();
    must_pass();
    make(CROWD, 0, SPIN_NS);
    judge();
    must_pass();
    make(CROWD, 0, 0);
    judge_alone();
    must_pass();
    ck_assert_uint_eq(checks.count, 5);
}
END_TEST

START_TEST(a_check_says_what_was_expected_and_measured)
{
    make(1, DELAY_NS, 0);
    shift(PHASE_DB, 300 * (int64_t)NS_PER_US);
    judge();
    const struct selftest_check *check = find("median db");
    ck_assert_str_eq(check->expected, "20.100 ± 0.450 ms");
    ck_assert_str_eq(check->measured, "20.400 ms");
    check = find("the log's phases sum to its total");
    ck_assert_str_eq(check->expected, "in 80 of 80 requests");
    ck_assert_str_eq(check->measured, "in 80");
}
END_TEST

START_TEST(a_database_phase_that_lies_by_4_percent_fails)
{
    int64_t added = DELAY_NS - DELAY_LESS;
    make(1, DELAY_NS, 0);
    shift(PHASE_DB, added * 4 / 100);
    judge();
    must_fail_alone("median db");
    make(1, DELAY_NS, 0);
    shift(PHASE_DB, -added * 4 / 100);
    judge();
    must_fail_alone("median db");
    make(CROWD, DELAY_NS, 0);
    shift(PHASE_DB, -added * 4 / 100);
    judge();
    must_fail_alone("median db");
}
END_TEST

START_TEST(a_json_phase_that_lies_by_4_percent_fails)
{
    int64_t added = SPIN_NS - SPIN_LESS;
    make(1, 0, SPIN_NS);
    shift(PHASE_JSON, added * 4 / 100);
    judge();
    must_fail_alone("median json");
    make(CROWD, DELAY_NS, SPIN_NS);
    shift(PHASE_JSON, -added * 4 / 100);
    judge();
    must_fail_alone("median json");
}
END_TEST

START_TEST(three_percent_are_tolerated_and_not_a_nanosecond_more)
{
    int64_t limit = (DELAY_NS - DELAY_LESS) * 3 / 100;
    make(1, DELAY_NS, 0);
    shift(PHASE_DB, limit);
    judge();
    must_pass();
    shift(PHASE_DB, 1);
    judge();
    must_fail_alone("median db");
    shift(PHASE_DB, -1 - 2 * limit);
    judge();
    must_pass();
    shift(PHASE_DB, -1);
    judge();
    must_fail_alone("median db");
}
END_TEST

START_TEST(nothing_may_come_to_another_phase_but_50_us)
{
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        if (phase == PHASE_DB) continue;
        make(1, DELAY_NS, 0);
        shift(phase, 50 * (int64_t)NS_PER_US);
        judge();
        must_pass();
        shift(phase, 1);
        judge();
        char what[SELFTEST_TEXT_SIZE_MAX];
        (void)snprintf(what, sizeof what, "median %s", phase_name(phase));
        must_fail_alone(what);
    }
}
END_TEST

START_TEST(a_delay_that_is_booked_in_the_wrong_phase_fails)
{
    for (unsigned concurrency = 1; concurrency <= CROWD; concurrency += CROWD - 1) {
        make(concurrency, DELAY_NS, 0);
        shift(PHASE_DB, -(int64_t)(DELAY_NS - DELAY_LESS));
        shift(PHASE_JSON, (int64_t)(DELAY_NS - DELAY_LESS));
        judge();
        ck_assert(!find("median db")->is_passed);
        ck_assert(!find("median json")->is_passed);
        ck_assert(!find("median db")->is_exact);
    }
}
END_TEST

START_TEST(a_wait_for_a_connection_that_is_booked_in_db_fails)
{
    make(CROWD, DELAY_NS, 0);
    shift(PHASE_QUEUE, -2 * (int64_t)DELAY_NS);
    shift(PHASE_DB, 2 * (int64_t)DELAY_NS);
    judge();
    ck_assert(!find("median db")->is_passed);
    ck_assert(!find("median queue")->is_passed);
}
END_TEST

START_TEST(a_single_sum_that_is_off_by_a_nanosecond_fails)
{
    make(1, DELAY_NS, 0);
    records[INJECTED][COUNT - 1].log_ns.total += 1;
    judge();
    must_fail_alone("the log's phases sum to its total");
    ck_assert(find("the log's phases sum to its total")->is_exact);
    ck_assert_str_eq(find("the log's phases sum to its total")->measured, "in 79");
}
END_TEST

START_TEST(the_references_sums_count_as_well)
{
    make(1, DELAY_NS, 0);
    records[REFERENCE][0].log_ns.spent[PHASE_OTHER] -= 1;
    judge();
    must_fail_alone("the log's phases sum to its total");
}
END_TEST

START_TEST(a_server_timing_whose_sum_is_off_by_a_microsecond_fails)
{
    make(1, DELAY_NS, 0);
    records[INJECTED][7].header_us.total += 1;
    judge();
    must_fail_alone("Server-Timing's phases sum to its total");
    ck_assert(find("Server-Timing's phases")->is_exact);
}
END_TEST

START_TEST(a_server_timing_that_differs_from_the_log_fails)
{
    make(1, DELAY_NS, 0);
    records[INJECTED][7].header_us.spent[PHASE_DB] += 2;
    records[INJECTED][7].header_us.spent[PHASE_OTHER] -= 2;
    judge();
    must_fail_alone("Server-Timing and log agree");
    ck_assert(find("Server-Timing and log agree")->is_exact);
}
END_TEST

START_TEST(server_timing_may_be_rounded_by_a_microsecond_and_not_more)
{
    make(1, DELAY_NS, 0);
    struct selftest_record *record = &records[INJECTED][7];
    record->log_ns.spent[PHASE_DB] = 20100999;
    record->header_us.spent[PHASE_DB] = 20100;
    record->log_ns.total = 20141999;
    judge();
    must_pass();
    record->log_ns.spent[PHASE_DB] += 2;
    record->log_ns.total += 2;
    judge();
    must_fail_alone("Server-Timing and log agree");
}
END_TEST

START_TEST(a_client_that_waited_less_than_the_service_worked_fails)
{
    make(CROWD, DELAY_NS, 0);
    struct selftest_record *record = &records[INJECTED][3];
    uint64_t least_ns = record->log_ns.total - record->log_ns.spent[PHASE_SEND];
    record->client_ns = least_ns - 2 * NS_PER_US; /* what its clock cannot tell apart */
    judge();
    must_pass();
    make(CROWD, DELAY_NS, 0);
    record->client_ns = least_ns - 2 * NS_PER_US - 1;
    judge();
    must_fail_alone("client's latency ≥ total − send");
    ck_assert(find("client's latency ≥")->is_exact);
}
END_TEST

static void set_outside(int64_t ns)
{
    for (size_t i = 0; i < COUNT; i++)
        records[INJECTED][i].client_ns = (uint64_t)((int64_t)records[INJECTED][i].log_ns.total + ns);
}

START_TEST(alone_100_us_may_be_outside_of_the_ledger)
{
    make(1, 0, 0);
    set_outside(100 * (int64_t)NS_PER_US);
    judge_alone();
    must_pass();
    set_outside(100 * (int64_t)NS_PER_US + 1);
    judge_alone();
    must_fail_alone("median client's latency − total");
}
END_TEST

START_TEST(alone_no_more_than_3_percent_of_a_delay_may_be_outside_of_the_ledger)
{
    int64_t limit = 60 * (int64_t)NS_PER_US + (int64_t)(DELAY_NS - DELAY_LESS) * 3 / 100;
    make(1, DELAY_NS, 0);
    set_outside(limit);
    judge();
    must_pass();
    set_outside(limit + 1);
    judge();
    must_fail_alone("median client's latency − total");
}
END_TEST

START_TEST(in_a_crowd_everybody_elses_turn_may_be_outside_of_the_ledger)
{
    make(CROWD, DELAY_NS, 0);
    int64_t limit = (int64_t)(100 * NS_PER_US + CROWD * CPU_NS + CROWD / WORKERS * 5 * NS_PER_US);
    set_outside(limit);
    judge();
    must_pass();
    set_outside(limit + 1);
    judge();
    must_fail_alone("median client's latency − total");
}
END_TEST

START_TEST(a_delay_that_is_hidden_outside_of_the_ledger_fails_in_a_crowd)
{
    make(CROWD, DELAY_NS, 0);
    shift(PHASE_DB, -(int64_t)DELAY_NS);
    set_outside((int64_t)DELAY_NS);
    judge();
    ck_assert(!find("median db")->is_passed);
    ck_assert(!find("median client's latency − total")->is_passed);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("selftest_judge");
    TCase *tcase = tcase_create("selftest_judge");
    tcase_add_test(tcase, an_honest_service_passes);
    tcase_add_test(tcase, a_check_says_what_was_expected_and_measured);
    tcase_add_test(tcase, a_database_phase_that_lies_by_4_percent_fails);
    tcase_add_test(tcase, a_json_phase_that_lies_by_4_percent_fails);
    tcase_add_test(tcase, three_percent_are_tolerated_and_not_a_nanosecond_more);
    tcase_add_test(tcase, nothing_may_come_to_another_phase_but_50_us);
    tcase_add_test(tcase, a_delay_that_is_booked_in_the_wrong_phase_fails);
    tcase_add_test(tcase, a_wait_for_a_connection_that_is_booked_in_db_fails);
    tcase_add_test(tcase, a_single_sum_that_is_off_by_a_nanosecond_fails);
    tcase_add_test(tcase, the_references_sums_count_as_well);
    tcase_add_test(tcase, a_server_timing_whose_sum_is_off_by_a_microsecond_fails);
    tcase_add_test(tcase, a_server_timing_that_differs_from_the_log_fails);
    tcase_add_test(tcase, server_timing_may_be_rounded_by_a_microsecond_and_not_more);
    tcase_add_test(tcase, a_client_that_waited_less_than_the_service_worked_fails);
    tcase_add_test(tcase, alone_100_us_may_be_outside_of_the_ledger);
    tcase_add_test(tcase, alone_no_more_than_3_percent_of_a_delay_may_be_outside_of_the_ledger);
    tcase_add_test(tcase, in_a_crowd_everybody_elses_turn_may_be_outside_of_the_ledger);
    tcase_add_test(tcase, a_delay_that_is_hidden_outside_of_the_ledger_fails_in_a_crowd);
    suite_add_tcase(suite, tcase);
    return suite;
}
