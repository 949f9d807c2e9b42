#include "postgres/statistics.h"

#include "base/clock.h"
#include "suite.h"

#include <string.h>

static struct statistics statistics;

static void empty(void)
{
    memset(&statistics, 0, sizeof statistics);
}

static struct histogram_counts counts_of(const struct histogram *histogram)
{
    struct histogram_counts counts = {0};
    histogram_read(histogram, &counts);
    return counts;
}

static void assert_histogram(const struct histogram *histogram, uint64_t count, uint64_t sum_us)
{
    struct histogram_counts counts = counts_of(histogram);
    ck_assert_uint_eq(histogram_count(&counts), count);
    ck_assert_uint_eq(counts.sum_us, sum_us);
}

static void send_at(struct query *query, uint64_t queued_us, uint64_t sent_us)
{
    query->queued_ns = queued_us * NS_PER_US;
    query->sent_ns = sent_us * NS_PER_US;
    statistics_sent(&statistics, query);
}

START_TEST(every_sending_has_had_a_wait)
{
    struct query query = {.statement = STATEMENT_USER_LIST};
    send_at(&query, 100, 130);
    send_at(&query, 150, 155);
    assert_histogram(&statistics.shared.wait, 2, 35);
    ck_assert_uint_eq(query.waited_ns, 35 * NS_PER_US);
}
END_TEST

START_TEST(an_answer_counts_for_its_statement_from_the_last_sending)
{
    struct query query = {.statement = STATEMENT_USER_LIST};
    send_at(&query, 100, 130);
    send_at(&query, 150, 155);
    statistics_answered(&statistics, &query, 165 * NS_PER_US);
    assert_histogram(&statistics.shared.operations[STATEMENT_USER_LIST], 1, 10);
    assert_histogram(&statistics.shared.operations[STATEMENT_USER_FIND], 0, 0);
    ck_assert_uint_eq(statistics.shared.queue_us[STATEMENT_USER_LIST], 35);
    ck_assert_uint_eq(statistics.shared.queue_us[STATEMENT_USER_FIND], 0);
}
END_TEST

START_TEST(parts_of_a_microsecond_in_the_queue_are_carried)
{
    struct query query = {.statement = STATEMENT_USER_FIND, .waited_ns = 400};
    for (unsigned i = 1; i <= 5; i++) {
        statistics_answered(&statistics, &query, 0);
        ck_assert_uint_eq(statistics.shared.queue_us[STATEMENT_USER_FIND], i * 400 / 1000);
    }
}
END_TEST

START_TEST(times_that_run_backwards_are_no_time)
{
    struct query query = {.statement = STATEMENT_USER_FIND};
    send_at(&query, 100, 99);
    statistics_answered(&statistics, &query, 98 * NS_PER_US);
    assert_histogram(&statistics.shared.wait, 1, 0);
    assert_histogram(&statistics.shared.operations[STATEMENT_USER_FIND], 1, 0);
}
END_TEST

START_TEST(counting_adds_one)
{
    statistics_count(&statistics.shared.lost);
    statistics_count(&statistics.shared.lost);
    ck_assert_uint_eq(statistics.shared.lost, 2);
    ck_assert_uint_eq(statistics.shared.rejected, 0);
}
END_TEST

START_TEST(each_statement_has_a_name_of_its_own_and_behind_the_last_is_none)
{
    ck_assert_str_eq(postgres_statement_name(STATEMENT_USER_FIND), "user_find");
    ck_assert_str_eq(postgres_statement_name(STATEMENT_USER_ERASE_IF), "user_erase_if");
    for (unsigned i = 0; i < STATEMENT_COUNT; i++)
        for (unsigned k = 0; k < i; k++)
            ck_assert_str_ne(postgres_statement_name(i), postgres_statement_name(k));
    ck_assert_ptr_null(postgres_statement_name(STATEMENT_COUNT));
    ck_assert_ptr_null(postgres_statement_name(UINT32_MAX));
}
END_TEST

START_TEST(the_laboratorys_statements_come_last)
{
    unsigned count = 0;
    for (enum statement statement = 0; statement < STATEMENT_COUNT; statement++) {
        bool is_last = statement + 2 >= STATEMENT_COUNT && SPLITS_LAB;
        ck_assert_int_eq(statement_is_for_laboratory(statement), is_last);
        count += is_last;
    }
    ck_assert_uint_eq(count, SPLITS_LAB ? 2 : 0);
}
END_TEST

static TCase *times_case(void)
{
    TCase *tcase = tcase_create("times");
    tcase_add_checked_fixture(tcase, empty, NULL);
    tcase_add_test(tcase, every_sending_has_had_a_wait);
    tcase_add_test(tcase, an_answer_counts_for_its_statement_from_the_last_sending);
    tcase_add_test(tcase, parts_of_a_microsecond_in_the_queue_are_carried);
    tcase_add_test(tcase, times_that_run_backwards_are_no_time);
    return tcase;
}

static TCase *statistics_case(void)
{
    TCase *tcase = tcase_create("statistics");
    tcase_add_checked_fixture(tcase, empty, NULL);
    tcase_add_test(tcase, counting_adds_one);
    tcase_add_test(tcase, each_statement_has_a_name_of_its_own_and_behind_the_last_is_none);
    tcase_add_test(tcase, the_laboratorys_statements_come_last);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("statistics");
    suite_add_tcase(suite, statistics_case());
    if (SPLITS_LEDGER) suite_add_tcase(suite, times_case());
    return suite;
}
