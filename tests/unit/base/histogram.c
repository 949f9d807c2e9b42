#include "base/histogram.h"

#include "suite.h"

#include <pthread.h>
#include <stdbool.h>

static uint64_t random_state = 0x9E3779B97F4A7C15;

/* xorshift64: the same numbers in every run. */
static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* The bucket that a duration alone is counted in; fails when it is not in exactly one. */
static unsigned bucket_of(uint64_t duration_ns)
{
    struct histogram histogram = {0};
    struct histogram_counts counts = {0};
    histogram_add(&histogram, duration_ns);
    histogram_read(&histogram, &counts);
    if (histogram_count(&counts) != 1) ck_abort_msg("%llu ns", (unsigned long long)duration_ns);
    unsigned bucket = 0;
    while (counts.counts[bucket] == 0)
        bucket++;
    return bucket;
}

static unsigned expected_bucket_of(uint64_t duration_ns)
{
    unsigned bucket = 0;
    while (bucket < HISTOGRAM_BOUNDS && duration_ns > histogram_bounds_ns[bucket])
        bucket++;
    return bucket;
}

static void check_bucket(uint64_t duration_ns)
{
    unsigned bucket = bucket_of(duration_ns), expected = expected_bucket_of(duration_ns);
    if (bucket != expected)
        ck_abort_msg("%llu ns: bucket %u, not %u", (unsigned long long)duration_ns, bucket, expected);
}

START_TEST(bounds_are_1_and_2_5_and_5_per_decade_from_1_us_to_10_s)
{
    uint64_t decade_ns = 1000;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        uint64_t expected[] = {decade_ns, decade_ns * 5 / 2, decade_ns * 5};
        ck_assert_uint_eq(histogram_bounds_ns[i], expected[i % 3]);
        if (i % 3 == 2) decade_ns *= 10;
    }
    ck_assert_uint_eq(histogram_bounds_ns[HISTOGRAM_BOUNDS - 1], UINT64_C(10000000000));
}
END_TEST

START_TEST(a_bound_belongs_to_the_bucket_below_it)
{
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        ck_assert_uint_eq(bucket_of(histogram_bounds_ns[i] - 1), i);
        ck_assert_uint_eq(bucket_of(histogram_bounds_ns[i]), i);
        ck_assert_uint_eq(bucket_of(histogram_bounds_ns[i] + 1), i + 1);
    }
}
END_TEST

START_TEST(every_duration_is_in_the_first_bucket_whose_bound_it_does_not_pass)
{
    check_bucket(0);
    check_bucket(UINT64_MAX);
    for (unsigned bit = 0; bit < 64; bit++) {
        check_bucket((UINT64_C(1) << bit) - 1);
        check_bucket(UINT64_C(1) << bit);
        check_bucket((UINT64_C(1) << bit) + 1);
    }
    for (int round = 0; round < 100000; round++)
        check_bucket(random_number() >> (random_number() % 64));
}
END_TEST

START_TEST(nanoseconds_below_a_microsecond_are_carried)
{
    struct histogram histogram = {0};
    struct histogram_counts counts = {0};
    uint64_t sum_ns = 0;
    for (int round = 0; round < 10000; round++) {
        uint64_t duration_ns = random_number() % 3000;
        sum_ns += duration_ns;
        histogram_add(&histogram, duration_ns);
        counts = (struct histogram_counts){0};
        histogram_read(&histogram, &counts);
        if (counts.sum_us != sum_ns / 1000) ck_abort_msg("after %d durations", round + 1);
    }
    ck_assert_uint_eq(histogram_count(&counts), 10000);
}
END_TEST

START_TEST(the_rest_is_carried_at_one_microsecond_and_not_below)
{
    struct histogram histogram = {0};
    struct histogram_counts below = {0}, at = {0};
    histogram_add(&histogram, 999);
    histogram_read(&histogram, &below);
    ck_assert_uint_eq(below.sum_us, 0);
    histogram_add(&histogram, 1);
    histogram_read(&histogram, &at);
    ck_assert_uint_eq(at.sum_us, 1);
}
END_TEST

START_TEST(a_sum_beyond_64_bits_of_nanoseconds_goes_on_in_microseconds)
{
    struct histogram histogram = {0};
    struct histogram_counts counts = {0};
    for (int round = 0; round < 900; round++)
        histogram_add(&histogram, UINT64_MAX);
    histogram_read(&histogram, &counts);
    unsigned __int128 sum_ns = (unsigned __int128)UINT64_MAX * 900;
    ck_assert_uint_eq(counts.sum_us, (uint64_t)(sum_ns / 1000));
    ck_assert_uint_eq(counts.counts[HISTOGRAM_BUCKETS - 1], 900);
}
END_TEST

START_TEST(several_are_read_into_one)
{
    struct histogram one = {0}, other = {0};
    struct histogram_counts counts = {0};
    ck_assert_uint_eq(histogram_count(&counts), 0);
    histogram_add(&one, 1000);
    histogram_add(&one, 3000);
    histogram_add(&other, 4000);
    histogram_add(&other, UINT64_C(20000000000));
    histogram_read(&one, &counts);
    histogram_read(&other, &counts);
    ck_assert_uint_eq(counts.counts[0], 1);
    ck_assert_uint_eq(counts.counts[2], 2);
    ck_assert_uint_eq(counts.counts[HISTOGRAM_BUCKETS - 1], 1);
    ck_assert_uint_eq(histogram_count(&counts), 4);
    ck_assert_uint_eq(counts.sum_us, 8 + 20000000);
}
END_TEST

enum { ADDED = 200000 };

static struct histogram shared;

static void *add_many(void *argument)
{
    for (uint64_t i = 0; i < ADDED; i++)
        histogram_add(&shared, i % 2 == 0 ? 1000 : 9000);
    return argument;
}

START_TEST(a_reader_beside_the_writer_sees_counts_that_only_grow)
{
    pthread_t writer;
    ck_assert_int_eq(pthread_create(&writer, NULL, add_many, NULL), 0);
    struct histogram_counts before = {0};
    while (histogram_count(&before) < ADDED) {
        struct histogram_counts now = {0};
        histogram_read(&shared, &now);
        bool has_shrunk = now.sum_us < before.sum_us;
        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
            has_shrunk = has_shrunk || now.counts[i] < before.counts[i];
        if (has_shrunk || histogram_count(&now) > ADDED) ck_abort_msg("a count that was not there");
        before = now;
    }
    ck_assert_int_eq(pthread_join(writer, NULL), 0);
    ck_assert_uint_eq(before.counts[0], ADDED / 2);
    ck_assert_uint_eq(before.counts[3], ADDED / 2);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("histogram");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, bounds_are_1_and_2_5_and_5_per_decade_from_1_us_to_10_s);
    tcase_add_test(all, a_bound_belongs_to_the_bucket_below_it);
    tcase_add_test(all, every_duration_is_in_the_first_bucket_whose_bound_it_does_not_pass);
    tcase_add_test(all, nanoseconds_below_a_microsecond_are_carried);
    tcase_add_test(all, the_rest_is_carried_at_one_microsecond_and_not_below);
    tcase_add_test(all, a_sum_beyond_64_bits_of_nanoseconds_goes_on_in_microseconds);
    tcase_add_test(all, several_are_read_into_one);
    tcase_add_test(all, a_reader_beside_the_writer_sees_counts_that_only_grow);
    suite_add_tcase(suite, all);
    return suite;
}
