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

Suite *make_suite(void)
{
    Suite *suite = suite_create("service/observation");
    TCase *tcase = tcase_create("turns");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, before_a_worker_runs_no_loop_is_waited_for);
    tcase_add_test(tcase, the_loop_counts_that_has_not_come_round_for_longest);
    tcase_add_test(tcase, a_worker_that_has_ended_counts_no_longer);
    suite_add_tcase(suite, tcase);
    return suite;
}
