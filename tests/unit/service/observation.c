#include "service/observation.h"

#include "suite.h"

#define WORKERS 3

static struct observation observation;

static void set_up(void)
{
    ck_assert_int_eq((int)observation_init(&observation, WORKERS, false), FAULT_NONE);
}

static void tear_down(void)
{
    observation_release(&observation);
}

static void turn(unsigned worker, uint64_t now_ns)
{
    atomic_store(&observation.workers[worker].turned_ns, now_ns);
}

START_TEST(before_a_worker_runs_no_loop_is_waited_for)
{
    ck_assert_uint_eq(observation_turned_ns(&observation), UINT64_MAX);
}
END_TEST

START_TEST(the_loop_counts_that_has_not_come_round_for_longest)
{
    turn(0, 30);
    turn(1, 10);
    turn(2, 20);
    ck_assert_uint_eq(observation_turned_ns(&observation), 10);
    turn(1, 40);
    ck_assert_uint_eq(observation_turned_ns(&observation), 20);
}
END_TEST

START_TEST(a_worker_that_has_ended_counts_no_longer)
{
    turn(0, 10);
    turn(1, 20);
    turn(0, 0);
    ck_assert_uint_eq(observation_turned_ns(&observation), 20);
}
END_TEST

START_TEST(a_worker_is_stalled_whose_loop_is_late_by_more_than_the_limit)
{
    turn(0, 100);
    turn(1, 150);
    ck_assert_int_eq((int)observation_liveness(&observation, 109, 10), FAULT_NONE);
    ck_assert_int_eq((int)observation_liveness(&observation, 110, 10), FAULT_NONE);
    ck_assert_int_eq((int)observation_liveness(&observation, 111, 10), FAULT_WORKER_STALLED);
    turn(0, 111);
    ck_assert_int_eq((int)observation_liveness(&observation, 111, 10), FAULT_NONE);
}
END_TEST

START_TEST(a_loop_may_come_round_after_the_clock_was_read)
{
    turn(0, 100);
    ck_assert_int_eq((int)observation_liveness(&observation, 99, 10), FAULT_NONE);
}
END_TEST

START_TEST(nobody_is_stalled_before_the_start_and_after_the_end)
{
    ck_assert_int_eq((int)observation_liveness(&observation, UINT64_MAX, 10), FAULT_NONE);
    turn(0, 100);
    turn(0, 0);
    ck_assert_int_eq((int)observation_liveness(&observation, 1000, 10), FAULT_NONE);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("service/observation");
    TCase *tcase = tcase_create("turns");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, before_a_worker_runs_no_loop_is_waited_for);
    tcase_add_test(tcase, the_loop_counts_that_has_not_come_round_for_longest);
    tcase_add_test(tcase, a_worker_that_has_ended_counts_no_longer);
    tcase_add_test(tcase, a_worker_is_stalled_whose_loop_is_late_by_more_than_the_limit);
    tcase_add_test(tcase, a_loop_may_come_round_after_the_clock_was_read);
    tcase_add_test(tcase, nobody_is_stalled_before_the_start_and_after_the_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
