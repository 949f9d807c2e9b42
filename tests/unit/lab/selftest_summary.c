#include "lab/selftest_summary.h"

#include "base/clock.h"
#include "suite.h"

#define COUNT 8

static struct selftest_record records[COUNT];

/* The n-th record has n µs in json and n ms for the client, but in another order. */
static struct selftest_run make(unsigned concurrency, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = (i * 3 + 1) % COUNT + 1;
        records[i] = (struct selftest_record){
            .client_ns = number * NS_PER_MS,
            .log_ns = {.spent = {[PHASE_JSON] = number * NS_PER_US}, .total = number * NS_PER_US},
            .header_us = {.spent = {[PHASE_JSON] = number}, .total = number},
        };
    }
    return (struct selftest_run){
        .experiment = {.concurrency = concurrency},
        .records = {.items = records, .count = count},
        .client_cpu_ns = 8000,
    };
}

START_TEST(in_a_crowd_the_median_is_of_all)
{
    struct selftest_summary summary;
    struct selftest_run run = make(2, COUNT);
    ck_assert_int_eq(selftest_summarize(&run, &summary), FAULT_NONE);
    ck_assert_uint_eq(summary.count, COUNT);
    ck_assert_uint_eq(summary.experiment.concurrency, 2);
    ck_assert_int_eq(summary.median_ns[PHASE_JSON], 4500);
    ck_assert_int_eq(summary.median_ns[PHASE_DB], 0);
    ck_assert_int_eq(summary.outside_ns, 4495500);
    ck_assert_uint_eq(summary.client_cpu_ns, 1000);
}
END_TEST

START_TEST(alone_the_median_is_of_the_quarter_that_was_fastest_for_the_client)
{
    struct selftest_summary summary;
    struct selftest_run run = make(1, COUNT);
    ck_assert_int_eq(selftest_summarize(&run, &summary), FAULT_NONE);
    ck_assert_int_eq(summary.median_ns[PHASE_JSON], 1500);
    ck_assert_int_eq(summary.outside_ns, 1498500);
    ck_assert_uint_eq(summary.count, COUNT);
}
END_TEST

START_TEST(a_single_request_is_its_own_median)
{
    struct selftest_summary summary;
    struct selftest_run run = make(1, 1);
    ck_assert_int_eq(selftest_summarize(&run, &summary), FAULT_NONE);
    ck_assert_int_eq(summary.median_ns[PHASE_JSON], 2000);
}
END_TEST

START_TEST(an_odd_number_has_a_middle)
{
    struct selftest_summary summary;
    struct selftest_run run = make(2, 3); /* 2, 5 and 8 */
    ck_assert_int_eq(selftest_summarize(&run, &summary), FAULT_NONE);
    ck_assert_int_eq(summary.median_ns[PHASE_JSON], 5000);
}
END_TEST

START_TEST(rules_are_for_all_requests_and_not_for_the_undisturbed_alone)
{
    struct selftest_summary summary;
    struct selftest_run run = make(1, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        if (records[i].client_ns != COUNT * NS_PER_MS) continue; /* the slowest */
        records[i].log_ns.total += 1;
    }
    ck_assert_int_eq(selftest_summarize(&run, &summary), FAULT_NONE);
    ck_assert_uint_eq(summary.breaches.sum, 1);
    ck_assert_uint_eq(summary.breaches.header_sum, 0);
    ck_assert_uint_eq(summary.breaches.agreement, 0);
    ck_assert_uint_eq(summary.breaches.client, 0);
}
END_TEST

START_TEST(more_send_than_total_breaks_the_rules)
{
    struct selftest_summary summary;
    struct selftest_run run = make(1, 1);
    records[0].log_ns.spent[PHASE_SEND] = records[0].log_ns.total + 1;
    ck_assert_int_eq(selftest_summarize(&run, &summary), FAULT_NONE);
    ck_assert_uint_eq(summary.breaches.sum, 1);
    ck_assert_uint_eq(summary.breaches.agreement, 1);
}
END_TEST

START_TEST(no_records_have_no_median)
{
    struct selftest_summary summary;
    struct selftest_run run = make(1, 0);
    ck_assert_int_eq(selftest_summarize(&run, &summary), FAULT_VALIDATION);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("selftest_summary");
    TCase *tcase = tcase_create("selftest_summary");
    tcase_add_test(tcase, in_a_crowd_the_median_is_of_all);
    tcase_add_test(tcase, alone_the_median_is_of_the_quarter_that_was_fastest_for_the_client);
    tcase_add_test(tcase, a_single_request_is_its_own_median);
    tcase_add_test(tcase, an_odd_number_has_a_middle);
    tcase_add_test(tcase, rules_are_for_all_requests_and_not_for_the_undisturbed_alone);
    tcase_add_test(tcase, more_send_than_total_breaks_the_rules);
    tcase_add_test(tcase, no_records_have_no_median);
    suite_add_tcase(suite, tcase);
    return suite;
}
