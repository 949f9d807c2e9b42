#include "base/ledger_profile.h"

#include "suite.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#define START_NS  UINT64_C(5000000000)
#define TOLERANCE 1e-9

static struct ledger_recorder *recorder;

static void begin(void)
{
    ck_assert_int_eq(ledger_recorder_new(&recorder), FAULT_NONE);
}

static void end(void)
{
    ledger_recorder_free(recorder);
}

/* A ledger that spent other_ns in PHASE_OTHER and db_ns in PHASE_DB. */
static struct ledger ledger_of(uint64_t other_ns, uint64_t db_ns)
{
    struct ledger ledger = {.started_ns = 1, .since_ns = 1 + other_ns + db_ns, .phase = PHASE_OTHER};
    ledger.spent_ns[PHASE_OTHER] = other_ns;
    ledger.spent_ns[PHASE_DB] = db_ns;
    return ledger;
}

static void add_at(uint64_t total_ns, uint64_t now_ns)
{
    struct ledger ledger = ledger_of(total_ns, 0);
    ledger_recorder_add(recorder, &ledger, now_ns);
}

static void add(uint64_t other_ns, uint64_t db_ns)
{
    struct ledger ledger = ledger_of(other_ns, db_ns);
    ledger_recorder_add(recorder, &ledger, START_NS);
}

static struct ledger_profile profile_at(uint64_t now_ns)
{
    struct ledger_profile profile = {0};
    ledger_recorder_read(recorder, now_ns, &profile);
    return profile;
}

static uint64_t count_at(uint64_t now_ns)
{
    struct ledger_profile profile = profile_at(now_ns);
    return ledger_profile_count(&profile);
}

static struct ledger_mean mean_at(double quantile)
{
    struct ledger_profile profile = profile_at(START_NS);
    struct ledger_mean mean;
    ledger_profile_at(&profile, quantile, &mean);
    return mean;
}

static double sum_of_phases(const struct ledger_mean *mean)
{
    double sum_ns = 0;
    for (size_t phase = 0; phase < PHASE_COUNT; phase++)
        sum_ns += mean->spent_ns[phase];
    return sum_ns;
}

static void check_nothing(const struct ledger_mean *mean, uint64_t count)
{
    ck_assert_uint_eq(mean->count, count);
    ck_assert(mean->total_ns == 0 && mean->connection_ns == 0 && sum_of_phases(mean) == 0);
}

START_TEST(of_nothing_the_mean_is_nothing)
{
    struct ledger_profile profile = profile_at(START_NS);
    struct ledger_mean mean = {.count = 1, .total_ns = 1, .spent_ns = {1}, .connection_ns = 1};
    ck_assert_uint_eq(ledger_profile_count(&profile), 0);
    ledger_profile_mean(&profile, &mean);
    check_nothing(&mean, 0);
    mean.total_ns = 1;
    ledger_profile_at(&profile, 0.5, &mean);
    check_nothing(&mean, 0);
}
END_TEST

START_TEST(ledgers_without_any_time_have_means_of_zero)
{
    static const struct ledger nothing = {0};
    struct ledger_mean mean;
    for (int round = 0; round < 3; round++)
        ledger_recorder_add(recorder, &nothing, START_NS);
    struct ledger_profile profile = profile_at(START_NS);
    ledger_profile_mean(&profile, &mean);
    check_nothing(&mean, 3);
    mean = mean_at(0.99);
    check_nothing(&mean, 3);
}
END_TEST

START_TEST(the_mean_is_that_of_every_phase)
{
    struct ledger_mean mean;
    for (uint64_t i = 1; i <= 100; i++) {
        struct ledger ledger = {.started_ns = 1, .connection_ns = 4 * i};
        for (size_t phase = 0; phase < PHASE_COUNT; phase++)
            ledger.spent_ns[phase] = i * (phase + 1) * 1000;
        ledger.since_ns = 1 + i * 28 * 1000;
        ledger_recorder_add(recorder, &ledger, START_NS);
    }
    struct ledger_profile profile = profile_at(START_NS);
    ledger_profile_mean(&profile, &mean);
    ck_assert_uint_eq(mean.count, 100);
    ck_assert_double_eq_tol(mean.total_ns, 50.5 * 28 * 1000, TOLERANCE * mean.total_ns);
    ck_assert_double_eq_tol(mean.connection_ns, 50.5 * 4, TOLERANCE * mean.connection_ns);
    for (size_t phase = 0; phase < PHASE_COUNT; phase++)
        ck_assert_double_eq_tol(mean.spent_ns[phase], 50.5 * (double)(phase + 1) * 1000, 0.001);
}
END_TEST

START_TEST(a_total_is_found_again_within_an_eighth_from_1_us_to_100_s)
{
    for (double total_ns = 1000; total_ns < 100e9; total_ns *= 1.003) {
        end();
        begin();
        add((uint64_t)total_ns, 0);
        for (int part = 0; part <= 2; part++) {
            struct ledger_mean mean = mean_at(part / 2.0);
            double error = fabs(mean.total_ns - total_ns) / total_ns;
            if (mean.count != 1 || error > 0.126) ck_abort_msg("%g ns became %g", total_ns, mean.total_ns);
        }
    }
}
END_TEST

START_TEST(what_is_beyond_the_buckets_keeps_its_mean)
{
    add(10, 0);
    struct ledger_mean mean = mean_at(0.5);
    ck_assert_double_eq_tol(mean.total_ns, 10, TOLERANCE);
    end();
    begin();
    add(UINT64_C(1000000000000), 0);
    mean = mean_at(0.5);
    ck_assert_double_eq_tol(mean.total_ns, 1e12, 1000);
    end();
    begin();
    add(UINT64_MAX - 1, 0);
    mean = mean_at(1);
    ck_assert_double_ge(mean.total_ns, 1.8e19);
    ck_assert_uint_eq(mean.count, 1);
}
END_TEST

START_TEST(quantiles_of_an_even_spread_are_where_they_are)
{
    for (uint64_t us = 1; us <= 10000; us++)
        add(us * 1000, 0);
    for (int percent = 1; percent <= 99; percent++) {
        struct ledger_mean mean = mean_at(percent / 100.0);
        double expected_ns = percent * 100e3;
        /* Interpolation is much closer than the bucket is wide. */
        ck_assert_double_eq_tol(mean.total_ns, expected_ns, 0.01 * expected_ns);
        ck_assert_double_eq_tol(sum_of_phases(&mean), mean.total_ns, TOLERANCE * mean.total_ns);
    }
    struct ledger_mean least = mean_at(0), most = mean_at(1);
    ck_assert_double_le(least.total_ns, 1126);
    ck_assert_double_eq_tol(most.total_ns, 10e6, 1000);
}
END_TEST

START_TEST(quantiles_of_a_long_tail_are_within_a_bucket)
{
    const int count = 5000;
    for (int i = 0; i < count; i++)
        add((uint64_t)(-1e6 * log(1 - (i + 0.5) / count)), 0);
    for (int percent = 5; percent <= 99; percent++) {
        double expected_ns = -1e6 * log(1 - percent / 100.0);
        struct ledger_mean mean = mean_at(percent / 100.0);
        ck_assert_double_eq_tol(mean.total_ns, expected_ns, 0.125 * expected_ns);
    }
}
END_TEST

START_TEST(the_slow_ones_spend_their_time_elsewhere_than_the_median)
{
    for (int i = 0; i < 970; i++)
        add(80000, 20000);
    for (int i = 0; i < 30; i++)
        add(100000, 4900000);
    struct ledger_mean median = mean_at(0.5), slow = mean_at(0.99);
    ck_assert_uint_eq(median.count, 970);
    ck_assert_uint_eq(slow.count, 30);
    ck_assert_double_eq_tol(median.total_ns, 100e3, 12.5e3);
    ck_assert_double_eq_tol(median.spent_ns[PHASE_OTHER] / median.total_ns, 0.8, TOLERANCE);
    ck_assert_double_eq_tol(slow.total_ns, 5e6, 625e3);
    ck_assert_double_eq_tol(slow.spent_ns[PHASE_DB] / slow.total_ns, 0.98, TOLERANCE);
    ck_assert_double_eq_tol(sum_of_phases(&slow), slow.total_ns, TOLERANCE * slow.total_ns);
}
END_TEST

START_TEST(connections_are_those_of_all_ledgers_at_every_quantile)
{
    struct ledger quick = ledger_of(1000, 1000), slow = ledger_of(1000, 1000000);
    quick.connection_ns = 500;
    slow.connection_ns = 900500;
    ledger_recorder_add(recorder, &quick, START_NS);
    ledger_recorder_add(recorder, &slow, START_NS);
    ck_assert_double_eq_tol(mean_at(0.01).connection_ns, 450500, TOLERANCE);
    ck_assert_double_eq_tol(mean_at(0.99).connection_ns, 450500, TOLERANCE);
}
END_TEST

START_TEST(neighbours_make_up_for_a_bucket_with_few)
{
    for (uint64_t i = 0; i < 1000; i++)
        add(1000000 + 1000 * i, 0);
    add(2200000, 0);
    struct ledger_mean last = mean_at(1);
    ck_assert_uint_ge(last.count, 16);
    ck_assert_uint_lt(last.count, 300);
    ck_assert_double_eq_tol(last.total_ns, 2.2e6, 275e3);
    ck_assert_double_eq_tol(sum_of_phases(&last), last.total_ns, TOLERANCE * last.total_ns);
}
END_TEST

START_TEST(a_tenth_of_few_is_enough)
{
    for (int i = 0; i < 10; i++)
        add(i < 9 ? 1000000 : 5000000, 0);
    ck_assert_uint_eq(mean_at(1).count, 1);
    add(1000000, 0);
    ck_assert_uint_eq(mean_at(1).count, 11);
}
END_TEST

START_TEST(sixteen_are_enough_of_many)
{
    for (int i = 0; i < 1000; i++)
        add(i < 985 ? 1000000 : 5000000, 0);
    ck_assert_uint_eq(mean_at(1).count, 1000);
    add(5000000, 0);
    ck_assert_uint_eq(mean_at(1).count, 16);
}
END_TEST

START_TEST(a_ledger_is_seen_for_one_to_two_windows)
{
    add_at(1000, START_NS);
    add_at(1000, START_NS + LEDGER_WINDOW_NS - 1);
    ck_assert_uint_eq(count_at(START_NS + LEDGER_WINDOW_NS), 2);
    add_at(1000, START_NS + LEDGER_WINDOW_NS);
    ck_assert_uint_eq(count_at(START_NS + LEDGER_WINDOW_NS), 3);
    ck_assert_uint_eq(count_at(START_NS + 2 * LEDGER_WINDOW_NS - 1), 3);
    ck_assert_uint_eq(count_at(START_NS + 2 * LEDGER_WINDOW_NS), 1);
    ck_assert_uint_eq(count_at(START_NS + 3 * LEDGER_WINDOW_NS - 1), 1);
    ck_assert_uint_eq(count_at(START_NS + 3 * LEDGER_WINDOW_NS), 0);
}
END_TEST

START_TEST(the_third_window_takes_the_place_of_the_first)
{
    for (uint64_t window = 0; window < 10; window++) {
        uint64_t now_ns = START_NS + window * LEDGER_WINDOW_NS;
        for (uint64_t i = 0; i <= window; i++)
            add_at(1000 * (window + 1), now_ns + i);
        struct ledger_profile profile = profile_at(now_ns + window);
        struct ledger_mean mean;
        ledger_profile_mean(&profile, &mean);
        ck_assert_uint_eq(mean.count, window == 0 ? 1 : 2 * window + 1);
        double total_us = (double)((window + 1) * (window + 1) + window * window);
        ck_assert_double_eq_tol(mean.total_ns * (double)mean.count, 1000 * total_us, 0.001);
    }
}
END_TEST

START_TEST(after_a_long_silence_the_past_is_forgotten)
{
    uint64_t later_ns = START_NS + 100 * LEDGER_WINDOW_NS;
    add_at(1000, START_NS);
    add_at(1000, START_NS + LEDGER_WINDOW_NS);
    ck_assert_uint_eq(count_at(later_ns), 0);
    add_at(1000, later_ns);
    ck_assert_uint_eq(count_at(later_ns), 1);
}
END_TEST

START_TEST(a_reader_whose_clock_is_behind_sees_all)
{
    add_at(1000, START_NS);
    ck_assert_uint_eq(count_at(START_NS - 100), 1);
    add_at(1000, START_NS - 100);
    ck_assert_uint_eq(count_at(START_NS), 2);
}
END_TEST

START_TEST(several_recorders_are_read_into_one_profile)
{
    struct ledger_recorder *other;
    struct ledger ledger = ledger_of(3000, 0);
    ledger.connection_ns = 8;
    ck_assert_int_eq(ledger_recorder_new(&other), FAULT_NONE);
    add(1000, 0);
    add(1000, 4000);
    ledger_recorder_add(other, &ledger, START_NS);
    ledger_recorder_add(other, &ledger, START_NS);
    struct ledger_profile profile = profile_at(START_NS);
    ledger_recorder_read(other, START_NS, &profile);
    ledger_recorder_free(other);
    struct ledger_mean mean;
    ledger_profile_mean(&profile, &mean);
    ck_assert_uint_eq(ledger_profile_count(&profile), 4);
    ck_assert_double_eq_tol(mean.total_ns, 3000, TOLERANCE);
    ck_assert_double_eq_tol(mean.spent_ns[PHASE_DB], 1000, TOLERANCE);
    ck_assert_double_eq_tol(mean.connection_ns, 4, TOLERANCE);
}
END_TEST

START_TEST(nothing_can_be_freed)
{
    ledger_recorder_free(NULL);
}
END_TEST

enum { TURNS = 20000, LEDGERS_PER_TURN = 4, CONNECTION_NS = 5000 };

static atomic_uint_fast64_t writers_now_ns;

/* So many ledgers that windows turn all the time. */
static void *add_many(void *argument)
{
    struct ledger ledger = ledger_of(1000, 0);
    ledger.connection_ns = CONNECTION_NS;
    for (uint64_t i = 0; i < TURNS * LEDGERS_PER_TURN; i++) {
        uint64_t now_ns = START_NS + i * (LEDGER_WINDOW_NS / LEDGERS_PER_TURN);
        atomic_store(&writers_now_ns, now_ns);
        ledger_recorder_add(recorder, &ledger, now_ns);
    }
    atomic_store(&writers_now_ns, UINT64_MAX);
    return argument;
}

/*
 * The writer counts a ledger first and adds the connection's time last, and the reader looks in this order,
 * too: in each of the two windows the time of one ledger can be missing, and more only if it was turned.
 */
START_TEST(a_reader_beside_the_writer_sees_no_window_that_is_being_turned)
{
    pthread_t writer;
    atomic_store(&writers_now_ns, START_NS);
    ck_assert_int_eq(pthread_create(&writer, NULL, add_many, NULL), 0);
    for (uint64_t now_ns = START_NS; now_ns != UINT64_MAX; now_ns = atomic_load(&writers_now_ns)) {
        struct ledger_profile profile = profile_at(now_ns);
        uint64_t count = ledger_profile_count(&profile);
        if (profile.connection_ns + (uint64_t)2 * CONNECTION_NS < count * CONNECTION_NS)
            ck_abort_msg("%llu ledgers with %llu ns", (unsigned long long)count,
                         (unsigned long long)profile.connection_ns);
    }
    ck_assert_int_eq(pthread_join(writer, NULL), 0);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_profile");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, of_nothing_the_mean_is_nothing);
    tcase_add_test(all, ledgers_without_any_time_have_means_of_zero);
    tcase_add_test(all, the_mean_is_that_of_every_phase);
    tcase_add_test(all, a_total_is_found_again_within_an_eighth_from_1_us_to_100_s);
    tcase_add_test(all, what_is_beyond_the_buckets_keeps_its_mean);
    tcase_add_test(all, quantiles_of_an_even_spread_are_where_they_are);
    tcase_add_test(all, quantiles_of_a_long_tail_are_within_a_bucket);
    tcase_add_test(all, the_slow_ones_spend_their_time_elsewhere_than_the_median);
    tcase_add_test(all, connections_are_those_of_all_ledgers_at_every_quantile);
    tcase_add_test(all, neighbours_make_up_for_a_bucket_with_few);
    tcase_add_test(all, a_tenth_of_few_is_enough);
    tcase_add_test(all, sixteen_are_enough_of_many);
    tcase_add_test(all, a_ledger_is_seen_for_one_to_two_windows);
    tcase_add_test(all, the_third_window_takes_the_place_of_the_first);
    tcase_add_test(all, after_a_long_silence_the_past_is_forgotten);
    tcase_add_test(all, a_reader_whose_clock_is_behind_sees_all);
    tcase_add_test(all, several_recorders_are_read_into_one_profile);
    tcase_add_test(all, nothing_can_be_freed);
    tcase_add_test(all, a_reader_beside_the_writer_sees_no_window_that_is_being_turned);
    suite_add_tcase(suite, all);
    return suite;
}
