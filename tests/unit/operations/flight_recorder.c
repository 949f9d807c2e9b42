#include "operations/flight_recorder.h"

#include "operations/metrics_fixture.h"
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define MINUTE_NS (60 * NS_PER_S)
#define NOW_NS    (100 * MINUTE_NS)
#define ALL       (FLIGHTS_KEPT * FLIGHT_RECORDER_MINUTES + 1)

static const struct route route = {.path = "/users/{id}"};
static struct flight_recorder *recorder;
static struct flight flights[ALL];

static void set_up(void)
{
    ck_assert_int_eq((int)flight_recorder_new(&recorder), FAULT_NONE);
}

static void tear_down(void)
{
    flight_recorder_free(recorder);
}

/* A request that took so long, and whose id says so. */
static void add(uint64_t total_ns, uint64_t now_ns)
{
    struct request request = ended_request(&route, (uint64_t[PHASE_COUNT]){[PHASE_DB] = total_ns});
    (void)snprintf(request.id, sizeof(request.id), "%llu", (unsigned long long)total_ns);
    flight_recorder_add(recorder, &request, now_ns);
}

static uint64_t total_at(size_t index)
{
    return ledger_total_ns(&flights[index].ledger);
}

static size_t read_all(uint64_t now_ns)
{
    size_t count = flight_recorder_merge(recorder, now_ns, flights, 0, ALL);
    for (size_t i = 1; i < count; i++)
        ck_assert_uint_ge(total_at(i - 1), total_at(i));
    return count;
}

START_TEST(the_slowest_come_first)
{
    static const uint64_t totals_ns[] = {5, 9, 1, 7, 3, 9, 2};
    for (size_t i = 0; i < 7; i++)
        add(totals_ns[i], NOW_NS);
    ck_assert_uint_eq(read_all(NOW_NS), 7);
    ck_assert_uint_eq(total_at(0), 9);
    ck_assert_uint_eq(total_at(1), 9);
    ck_assert_uint_eq(total_at(2), 7);
    ck_assert_uint_eq(total_at(6), 1);
    ck_assert_str_eq(flights[2].request_id, "7");
}
END_TEST

START_TEST(a_minute_keeps_its_slowest)
{
    for (uint64_t total_ns = 1; total_ns <= FLIGHTS_KEPT; total_ns++)
        add(total_ns, NOW_NS);
    ck_assert_uint_eq(read_all(NOW_NS), FLIGHTS_KEPT);
    ck_assert_uint_eq(total_at(FLIGHTS_KEPT - 1), 1);
    add(1, NOW_NS);
    add(2, NOW_NS);
    ck_assert_uint_eq(read_all(NOW_NS), FLIGHTS_KEPT);
    ck_assert_uint_eq(total_at(FLIGHTS_KEPT - 1), 2);
    ck_assert_uint_eq(total_at(FLIGHTS_KEPT - 2), 2);
    for (uint64_t total_ns = 200; total_ns > 100; total_ns--)
        add(total_ns, NOW_NS);
    ck_assert_uint_eq(read_all(NOW_NS), FLIGHTS_KEPT);
    ck_assert_uint_eq(total_at(0), 200);
    ck_assert_uint_eq(total_at(FLIGHTS_KEPT - 1), 200 - FLIGHTS_KEPT + 1);
}
END_TEST

START_TEST(each_minute_has_its_own_slowest)
{
    for (uint64_t minute = 0; minute < FLIGHT_RECORDER_MINUTES; minute++)
        for (uint64_t i = 0; i < FLIGHTS_KEPT; i++)
            add(1000 - 100 * minute + i, NOW_NS + minute * MINUTE_NS);
    uint64_t now_ns = NOW_NS + (FLIGHT_RECORDER_MINUTES - 1) * MINUTE_NS;
    ck_assert_uint_eq(read_all(now_ns), FLIGHTS_KEPT * FLIGHT_RECORDER_MINUTES);
}
END_TEST

START_TEST(a_minute_is_forgotten_after_five)
{
    add(9, NOW_NS + MINUTE_NS - 1);
    add(5, NOW_NS + MINUTE_NS);
    ck_assert_uint_eq(read_all(NOW_NS + 5 * MINUTE_NS - 1), 2);
    ck_assert_uint_eq(read_all(NOW_NS + 5 * MINUTE_NS), 1);
    ck_assert_uint_eq(total_at(0), 5);
    ck_assert_uint_eq(read_all(NOW_NS + 6 * MINUTE_NS), 0);
    add(3, NOW_NS + 5 * MINUTE_NS); /* in the place of the first */
    ck_assert_uint_eq(read_all(NOW_NS + 5 * MINUTE_NS), 2);
    ck_assert_uint_eq(total_at(0), 5);
    ck_assert_uint_eq(total_at(1), 3);
}
END_TEST

START_TEST(a_new_minute_starts_without_the_floor_of_the_last)
{
    for (uint64_t i = 0; i < FLIGHTS_KEPT; i++)
        add(1000, NOW_NS);
    add(1, NOW_NS + MINUTE_NS - 1);
    ck_assert_uint_eq(read_all(NOW_NS), FLIGHTS_KEPT);
    add(1, NOW_NS + MINUTE_NS);
    ck_assert_uint_eq(read_all(NOW_NS + MINUTE_NS), FLIGHTS_KEPT + 1);
}
END_TEST

START_TEST(a_late_clock_does_not_bring_a_minute_back)
{
    add(1, NOW_NS);
    add(2, NOW_NS - 1);
    ck_assert_uint_eq(read_all(NOW_NS), 2);
    ck_assert_uint_eq(read_all(NOW_NS + 5 * MINUTE_NS - 1), 2);
    ck_assert_uint_eq(read_all(NOW_NS - 1), 2);
}
END_TEST

START_TEST(the_first_minute_of_the_clock_is_one)
{
    add(1, 1);
    ck_assert_uint_eq(read_all(1), 1);
    ck_assert_uint_eq(read_all(5 * MINUTE_NS - 1), 1);
    ck_assert_uint_eq(read_all(5 * MINUTE_NS), 0);
}
END_TEST

START_TEST(a_request_that_took_no_time_is_not_kept)
{
    add(0, NOW_NS);
    ck_assert_uint_eq(read_all(NOW_NS), 0);
}
END_TEST

START_TEST(a_flight_has_all_that_is_to_know)
{
    struct request request = ended_request(&route, (uint64_t[PHASE_COUNT]){1, 2, 3, 4, 5, 6, 7});
    request.method = METHOD_PATCH;
    request.response.status = 404;
    memset(request.id, 'x', sizeof(request.id) - 1);
    int64_t before_us = clock_wall_us();
    flight_recorder_add(recorder, &request, NOW_NS);
    ck_assert_uint_eq(read_all(NOW_NS), 1);
    ck_assert_int_ge(flights[0].ended_us, before_us);
    ck_assert_int_le(flights[0].ended_us, clock_wall_us());
    ck_assert_str_eq(flights[0].method, "PATCH");
    ck_assert_str_eq(flights[0].route, "/users/{id}");
    ck_assert_uint_eq(flights[0].status, 404);
    ck_assert_str_eq(flights[0].request_id, request.id);
    ck_assert_uint_eq(total_at(0), 28);
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < PHASE_COUNT; i++) {
        ck_assert_uint_eq(flights[0].ledger.spent_ns[i], i + 1);
        sum_ns += flights[0].ledger.spent_ns[i];
    }
    ck_assert_uint_eq(sum_ns, total_at(0));
}
END_TEST

START_TEST(who_left_has_499_and_what_matched_nothing_no_route)
{
    struct request request = ended_request(NULL, (uint64_t[PHASE_COUNT]){1});
    request.response.status = 0;
    flight_recorder_add(recorder, &request, NOW_NS);
    ck_assert_uint_eq(read_all(NOW_NS), 1);
    ck_assert_uint_eq(flights[0].status, 499);
    ck_assert_str_eq(flights[0].route, "");
}
END_TEST

START_TEST(merging_keeps_the_slowest_of_both)
{
    for (uint64_t total_ns = 2; total_ns <= 10; total_ns += 2)
        add(total_ns, NOW_NS);
    ck_assert_uint_eq(read_all(NOW_NS), 5);
    tear_down();
    set_up();
    for (uint64_t total_ns = 1; total_ns <= 9; total_ns += 2)
        add(total_ns, NOW_NS);
    struct flight merged[7];
    for (size_t room = 5; room <= 7; room++) {
        memcpy(merged, flights, 5 * sizeof(flights[0]));
        ck_assert_uint_eq(flight_recorder_merge(recorder, NOW_NS, merged, 5, room), room);
        for (size_t i = 0; i < room; i++)
            ck_assert_uint_eq(ledger_total_ns(&merged[i].ledger), 10 - i);
    }
    ck_assert_uint_eq(flight_recorder_merge(recorder, NOW_NS, flights, 5, ALL), 10);
    for (size_t i = 0; i < 10; i++)
        ck_assert_uint_eq(total_at(i), 10 - i);
}
END_TEST

START_TEST(merging_all_alike_loses_and_doubles_none)
{
    for (int i = 0; i < 5; i++)
        add(7, NOW_NS);
    ck_assert_uint_eq(flight_recorder_merge(recorder, NOW_NS, flights, 0, 3), 3);
    memcpy(flights[0].request_id, "old", 4);
    ck_assert_uint_eq(flight_recorder_merge(recorder, NOW_NS, flights, 1, 4), 4);
    ck_assert_str_eq(flights[0].request_id, "old");
    for (size_t i = 1; i < 4; i++)
        ck_assert_str_eq(flights[i].request_id, "7");
    ck_assert_uint_eq(flight_recorder_merge(recorder, NOW_NS, flights, 0, 0), 0);
}
END_TEST

START_TEST(nothing_is_freed_without_a_recorder)
{
    flight_recorder_free(NULL);
}
END_TEST

static atomic_bool is_over;

static void *read_often(void *argument)
{
    (void)argument;
    size_t count = 0;
    do {
        count = read_all(NOW_NS + 2 * MINUTE_NS);
        for (size_t i = 0; i < count; i++) {
            char total[32];
            (void)snprintf(total, sizeof(total), "%llu", (unsigned long long)total_at(i));
            ck_assert_str_eq(flights[i].request_id, total);
        }
    } while (!atomic_load(&is_over));
    return NULL;
}

START_TEST(a_reader_sees_whole_flights_while_the_worker_writes)
{
    pthread_t reader;
    atomic_store(&is_over, false);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_often, NULL), 0);
    for (uint64_t i = 0; i < 100000; i++)
        add(1 + i * 7919 % 100000, NOW_NS + i * (3 * MINUTE_NS / 100000));
    atomic_store(&is_over, true);
    (void)pthread_join(reader, NULL);
    add(200000, NOW_NS + 3 * MINUTE_NS - 1);
    ck_assert_uint_ge(read_all(NOW_NS + 2 * MINUTE_NS), 1);
    ck_assert_uint_eq(total_at(0), 200000);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("operations/flight_recorder");
    TCase *tests = tcase_create("recorder");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_slowest_come_first);
    tcase_add_test(tests, a_minute_keeps_its_slowest);
    tcase_add_test(tests, each_minute_has_its_own_slowest);
    tcase_add_test(tests, a_minute_is_forgotten_after_five);
    tcase_add_test(tests, a_new_minute_starts_without_the_floor_of_the_last);
    tcase_add_test(tests, a_late_clock_does_not_bring_a_minute_back);
    tcase_add_test(tests, the_first_minute_of_the_clock_is_one);
    tcase_add_test(tests, a_request_that_took_no_time_is_not_kept);
    tcase_add_test(tests, a_flight_has_all_that_is_to_know);
    tcase_add_test(tests, who_left_has_499_and_what_matched_nothing_no_route);
    tcase_add_test(tests, merging_keeps_the_slowest_of_both);
    tcase_add_test(tests, merging_all_alike_loses_and_doubles_none);
    tcase_add_test(tests, nothing_is_freed_without_a_recorder);
    tcase_add_test(tests, a_reader_sees_whole_flights_while_the_worker_writes);
    suite_add_tcase(suite, tests);
    return suite;
}
