#include "lab/experiments.h"

#include "suite.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORKERS 3

static struct experiments *workers[WORKERS];
static time_t jump_s; /* how far the monotonic clock is ahead */

/* In place of libc's, so that minutes pass when told to. */
int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, ret_time);
    if (clock == CLOCK_MONOTONIC) ret_time->tv_sec += jump_s;
    return result;
}

static void set_up(void)
{
    jump_s = 0;
    for (size_t i = 0; i < WORKERS; i++)
        ck_assert_int_eq((int)experiments_new(&workers[i]), FAULT_NONE);
}

static void tear_down(void)
{
    for (size_t i = 0; i < WORKERS; i++)
        experiments_free(workers[i]);
}

/* Adds a request of 10 ms, 8 of them in the database. */
static void add_ledger(struct experiments *experiments, struct knobs knobs)
{
    uint64_t now_ns = clock_now_ns();
    struct ledger ledger = {.started_ns = now_ns - 10 * NS_PER_MS, .since_ns = now_ns};
    ledger.spent_ns[PHASE_DB] = 8 * NS_PER_MS;
    ledger.spent_ns[PHASE_JSON] = 2 * NS_PER_MS;
    experiments_add(experiments, &knobs, &ledger, now_ns);
}

/* What experiments_each gave. */
#define SEEN_MAX (WORKERS * EXPERIMENTS_MAX)
static struct {
    struct knobs knobs[SEEN_MAX];
    struct ledger_mean mean[SEEN_MAX];
    size_t count;
} seen;

static void note(void *argument, const struct knobs *knobs, const struct ledger_profile *profile)
{
    ck_assert_ptr_eq(argument, &seen);
    ck_assert_uint_lt(seen.count, SEEN_MAX);
    seen.knobs[seen.count] = *knobs;
    ledger_profile_mean(profile, &seen.mean[seen.count++]);
}

static void look(size_t worker_count)
{
    seen.count = 0;
    struct experiments_group group = {workers, worker_count};
    ck_assert_int_eq((int)experiments_each(group, note, &seen), FAULT_NONE);
}

static void assert_seen(size_t index, struct knobs knobs, uint64_t count)
{
    ck_assert_uint_lt(index, seen.count);
    ck_assert(knobs_equal(&seen.knobs[index], &knobs));
    ck_assert_uint_eq(seen.mean[index].count, count);
}

START_TEST(without_ledgers_there_are_no_experiments)
{
    look(WORKERS);
    ck_assert_uint_eq(seen.count, 0);
    look(0);
    ck_assert_uint_eq(seen.count, 0);
}
END_TEST

START_TEST(ledgers_are_kept_apart_by_their_knobs)
{
    add_ledger(workers[0], (struct knobs){.rows = 1});
    add_ledger(workers[0], (struct knobs){.rows = 2});
    add_ledger(workers[0], (struct knobs){.rows = 1});
    add_ledger(workers[0], (struct knobs){.rows = 1, .serializer = SERIALIZER_JANSSON});
    add_ledger(workers[0], (struct knobs){.rows = 1, .fan_out = 1});
    look(1);
    ck_assert_uint_eq(seen.count, 4);
    assert_seen(0, (struct knobs){.rows = 1}, 2);
    assert_seen(1, (struct knobs){.rows = 1, .serializer = SERIALIZER_JANSSON}, 1);
    assert_seen(2, (struct knobs){.rows = 2}, 1);
    assert_seen(3, (struct knobs){.rows = 1, .fan_out = 1}, 1);
}
END_TEST

START_TEST(a_ledger_is_recorded_with_its_phases)
{
    add_ledger(workers[0], (struct knobs){.rows = 1});
    look(1);
    ck_assert_double_eq_tol(seen.mean[0].total_ns, 10e6, 1);
    ck_assert_double_eq_tol(seen.mean[0].spent_ns[PHASE_DB], 8e6, 1);
    ck_assert_double_eq_tol(seen.mean[0].spent_ns[PHASE_JSON], 2e6, 1);
}
END_TEST

START_TEST(experiments_of_several_workers_are_summed_in_the_order_of_knobs)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        add_ledger(workers[i], (struct knobs){.rows = 10 - i});
        add_ledger(workers[i], (struct knobs){.rows = 5});
    }
    add_ledger(workers[2], (struct knobs){.rows = 5});
    look(WORKERS);
    ck_assert_uint_eq(seen.count, 4);
    assert_seen(0, (struct knobs){.rows = 5}, 4);
    assert_seen(1, (struct knobs){.rows = 8}, 1);
    assert_seen(2, (struct knobs){.rows = 9}, 1);
    assert_seen(3, (struct knobs){.rows = 10}, 1);
    look(2);
    ck_assert_uint_eq(seen.count, 3);
    assert_seen(0, (struct knobs){.rows = 5}, 2);
}
END_TEST

START_TEST(as_many_as_the_limit_are_kept)
{
    for (unsigned rows = EXPERIMENTS_MAX; rows >= 1; rows--)
        add_ledger(workers[0], (struct knobs){.rows = rows});
    look(1);
    ck_assert_uint_eq(seen.count, EXPERIMENTS_MAX);
    for (unsigned i = 0; i < EXPERIMENTS_MAX; i++)
        assert_seen(i, (struct knobs){.rows = i + 1}, 1);
}
END_TEST

START_TEST(beyond_the_limit_the_one_not_used_for_longest_is_forgotten)
{
    struct ledger ledger = {.started_ns = 1, .since_ns = 2};
    uint64_t now_ns = clock_now_ns();
    for (unsigned rows = 1; rows <= EXPERIMENTS_MAX; rows++)
        experiments_add(workers[0], &(struct knobs){.rows = rows}, &ledger, now_ns++);
    experiments_add(workers[0], &(struct knobs){.rows = 1}, &ledger, now_ns++);
    experiments_add(workers[0], &(struct knobs){.rows = 900}, &ledger, now_ns++);
    experiments_add(workers[0], &(struct knobs){.rows = 800}, &ledger, now_ns++);
    look(1);
    ck_assert_uint_eq(seen.count, EXPERIMENTS_MAX);
    assert_seen(0, (struct knobs){.rows = 1}, 2);
    assert_seen(1, (struct knobs){.rows = 4}, 1);
    assert_seen(EXPERIMENTS_MAX - 2, (struct knobs){.rows = 800}, 1);
    assert_seen(EXPERIMENTS_MAX - 1, (struct knobs){.rows = 900}, 1);
    /* One that was forgotten begins anew. */
    experiments_add(workers[0], &(struct knobs){.rows = 2}, &ledger, now_ns++);
    look(1);
    assert_seen(1, (struct knobs){.rows = 2}, 1);
}
END_TEST

START_TEST(every_worker_has_the_limit_for_itself)
{
    for (unsigned i = 0; i < WORKERS; i++)
        for (unsigned j = 0; j < EXPERIMENTS_MAX; j++)
            add_ledger(workers[i], (struct knobs){.rows = 1 + i * EXPERIMENTS_MAX + j});
    look(WORKERS);
    ck_assert_uint_eq(seen.count, WORKERS * EXPERIMENTS_MAX);
}
END_TEST

START_TEST(experiments_of_long_ago_are_left_out)
{
    add_ledger(workers[0], (struct knobs){.rows = 1});
    jump_s = 60;
    look(1);
    ck_assert_uint_eq(seen.count, 1);
    jump_s = 2 * LEDGER_WINDOW_NS / NS_PER_S + 1;
    add_ledger(workers[1], (struct knobs){.rows = 2});
    look(WORKERS);
    ck_assert_uint_eq(seen.count, 1);
    assert_seen(0, (struct knobs){.rows = 2}, 1);
}
END_TEST

START_TEST(nothing_can_be_freed)
{
    experiments_free(NULL);
}
END_TEST

static void *add_many(void *argument)
{
    for (unsigned i = 0; i < 2000; i++)
        add_ledger(argument, (struct knobs){.rows = 1 + i % (2 * EXPERIMENTS_MAX)});
    return NULL;
}

/* The table turns over while others read it; the thread sanitizer watches. */
START_TEST(any_thread_may_look_while_the_worker_adds)
{
    pthread_t adder;
    ck_assert_int_eq(pthread_create(&adder, NULL, add_many, workers[0]), 0);
    for (int i = 0; i < 100; i++) {
        look(WORKERS);
        ck_assert_uint_le(seen.count, EXPERIMENTS_MAX);
    }
    ck_assert_int_eq(pthread_join(adder, NULL), 0);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/experiments");
    TCase *tests = tcase_create("experiments");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, without_ledgers_there_are_no_experiments);
    tcase_add_test(tests, ledgers_are_kept_apart_by_their_knobs);
    tcase_add_test(tests, a_ledger_is_recorded_with_its_phases);
    tcase_add_test(tests, experiments_of_several_workers_are_summed_in_the_order_of_knobs);
    tcase_add_test(tests, as_many_as_the_limit_are_kept);
    tcase_add_test(tests, beyond_the_limit_the_one_not_used_for_longest_is_forgotten);
    tcase_add_test(tests, every_worker_has_the_limit_for_itself);
    tcase_add_test(tests, experiments_of_long_ago_are_left_out);
    tcase_add_test(tests, nothing_can_be_freed);
    tcase_add_test(tests, any_thread_may_look_while_the_worker_adds);
    suite_add_tcase(suite, tests);
    return suite;
}
