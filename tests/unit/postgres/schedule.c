#include "postgres/schedule.h"

#include "base/clock.h"
#include "suite.h"

#include <stdint.h>
#include <string.h>

#define SLOTS_MAX     4
#define IN_FLIGHT_MAX 16
#define CHEAP_NS      (50 * NS_PER_US)

static struct slot slots[SLOTS_MAX];

/* Only whether there is a connection matters: nothing is sent. */
static PGconn *any_connection(void)
{
    return (PGconn *)(uintptr_t)slots;
}

static void open_slots(void)
{
    memset(slots, 0, sizeof slots);
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        slots[i].pipeline =
            (struct pipeline){.connection = any_connection(), .capacity = 64, .in_flight_max = IN_FLIGHT_MAX};
}

static void add_reads(unsigned slot, unsigned count, uint64_t each_ns)
{
    slots[slot].pipeline.queries += count;
    slots[slot].pipeline.count += count;
    slots[slot].pipeline.backlog_ns += count * each_ns;
}

static void add_writes(unsigned slot, unsigned count)
{
    add_reads(slot, count, CHEAP_NS);
    slots[slot].pipeline.writes += count;
}

/* Number of the slot that is chosen among the first count; -1 for none. */
static int choose_of(unsigned count, enum query_queue_kind kind)
{
    const struct pipeline *pipeline = schedule_choose(slots, count, kind, CHEAP_NS);
    for (unsigned i = 0; pipeline != NULL && i < count; i++)
        if (pipeline == &slots[i].pipeline) return (int)i;
    ck_assert_ptr_null(pipeline);
    return -1;
}

static int choose(enum query_queue_kind kind)
{
    return choose_of(SLOTS_MAX, kind);
}

/* ---- kinds ---- */

START_TEST(a_query_that_writes_waits_among_the_writes_whatever_it_takes)
{
    struct query query = {.repeat = QUERY_REPEAT_WRITE};
    ck_assert_int_eq(schedule_queue(&query, CHEAP_NS), QUERY_QUEUE_WRITE);
    ck_assert_int_eq(schedule_queue(&query, NS_PER_S), QUERY_QUEUE_WRITE);
    query.repeat = QUERY_REPEAT_NEVER;
    ck_assert_int_eq(schedule_queue(&query, CHEAP_NS), QUERY_QUEUE_WRITE);
}
END_TEST

START_TEST(a_read_is_cheap_up_to_a_millisecond)
{
    struct query query = {.repeat = QUERY_REPEAT_READ};
    ck_assert_int_eq(schedule_queue(&query, NS_PER_MS - 1), QUERY_QUEUE_CHEAP);
    ck_assert_int_eq(schedule_queue(&query, NS_PER_MS), QUERY_QUEUE_CHEAP);
    ck_assert_int_eq(schedule_queue(&query, NS_PER_MS + 1), QUERY_QUEUE_SLOW);
}
END_TEST

/* ---- cheap reads ---- */

START_TEST(cheap_reads_are_packed_on_the_first_connection)
{
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 0);
    add_reads(0, 10, CHEAP_NS);
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 0);
}
END_TEST

START_TEST(a_millisecond_of_work_is_packed_and_the_next_connection_takes_the_rest)
{
    slots[0].pipeline.backlog_ns = NS_PER_MS - CHEAP_NS;
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 0);
    slots[0].pipeline.backlog_ns++;
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 1);
}
END_TEST

START_TEST(when_all_are_packed_the_least_loaded_takes_it)
{
    slots[0].pipeline.backlog_ns = 3 * NS_PER_MS;
    slots[1].pipeline.backlog_ns = 2 * NS_PER_MS;
    slots[2].pipeline.backlog_ns = 4 * NS_PER_MS;
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 1);
}
END_TEST

START_TEST(a_cheap_read_waits_rather_than_stand_behind_five_milliseconds)
{
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        slots[i].pipeline.backlog_ns = 5 * NS_PER_MS;
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 0);
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        slots[i].pipeline.backlog_ns++;
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), -1);
}
END_TEST

START_TEST(a_read_does_not_join_writes)
{
    add_writes(0, 1);
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 1);
}
END_TEST

START_TEST(the_last_connection_is_kept_free_of_cheap_reads)
{
    for (unsigned i = 0; i < SLOTS_MAX - 1; i++)
        add_writes(i, 1);
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), -1);
}
END_TEST

/* ---- slow reads ---- */

START_TEST(a_slow_read_gets_an_idle_connection_from_the_far_end)
{
    ck_assert_int_eq(choose(QUERY_QUEUE_SLOW), 3);
    add_reads(3, 1, NS_PER_S);
    ck_assert_int_eq(choose(QUERY_QUEUE_SLOW), 2);
}
END_TEST

START_TEST(a_slow_read_waits_when_no_connection_is_idle)
{
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        add_reads(i, 1, CHEAP_NS);
    ck_assert_int_eq(choose(QUERY_QUEUE_SLOW), -1);
}
END_TEST

/* ---- writes ---- */

START_TEST(writes_are_spread_from_the_far_end)
{
    static const int expected[] = {3, 2, 1, 3, 2, 1};
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ck_assert_int_eq(choose(QUERY_QUEUE_WRITE), expected[i]);
        add_writes((unsigned)expected[i], 1);
    }
}
END_TEST

START_TEST(a_write_does_not_join_reads)
{
    add_reads(3, 1, CHEAP_NS);
    ck_assert_int_eq(choose(QUERY_QUEUE_WRITE), 2);
}
END_TEST

START_TEST(the_first_connection_is_kept_free_of_writes)
{
    for (unsigned i = 1; i < SLOTS_MAX; i++)
        add_reads(i, 1, CHEAP_NS);
    ck_assert_int_eq(choose(QUERY_QUEUE_WRITE), -1);
}
END_TEST

/* ---- connections that are missing ---- */

START_TEST(a_full_connection_is_passed_over)
{
    slots[0].pipeline.queries = IN_FLIGHT_MAX;
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 1);
    slots[3].pipeline.queries = slots[3].pipeline.writes = IN_FLIGHT_MAX;
    ck_assert_int_eq(choose(QUERY_QUEUE_WRITE), 2);
}
END_TEST

START_TEST(a_retired_connection_is_passed_over)
{
    slots[0].pipeline.is_retired = true;
    slots[3].pipeline.is_retired = true;
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 1);
    ck_assert_int_eq(choose(QUERY_QUEUE_WRITE), 2);
    ck_assert_int_eq(choose(QUERY_QUEUE_SLOW), 2);
}
END_TEST

START_TEST(the_first_and_the_last_are_those_that_are_open)
{
    slots[0].pipeline.connection = NULL;
    slots[3].pipeline.connection = NULL;
    add_reads(1, 1, CHEAP_NS);
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), 1);
    add_writes(2, 1);
    ck_assert_int_eq(choose(QUERY_QUEUE_WRITE), 2);
    slots[1].pipeline.writes = 1; /* now the only one that cheap reads may use has writes */
    ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), -1);
}
END_TEST

START_TEST(a_single_open_connection_takes_everything)
{
    for (unsigned only = 0; only < SLOTS_MAX; only++) {
        open_slots();
        for (unsigned i = 0; i < SLOTS_MAX; i++)
            if (i != only) slots[i].pipeline.connection = NULL;
        ck_assert_int_eq(choose(QUERY_QUEUE_SLOW), (int)only);
        add_reads(only, 1, CHEAP_NS);
        ck_assert_int_eq(choose(QUERY_QUEUE_WRITE), (int)only);
        add_writes(only, 1);
        ck_assert_int_eq(choose(QUERY_QUEUE_CHEAP), (int)only);
    }
}
END_TEST

START_TEST(a_single_connection_takes_everything)
{
    add_reads(0, 1, CHEAP_NS);
    ck_assert_int_eq(choose_of(1, QUERY_QUEUE_WRITE), 0);
    add_writes(0, 1);
    ck_assert_int_eq(choose_of(1, QUERY_QUEUE_CHEAP), 0);
}
END_TEST

START_TEST(without_a_connection_everything_waits)
{
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        slots[i].pipeline.connection = NULL;
    for (enum query_queue_kind kind = 0; kind < QUERY_QUEUE_COUNT; kind++)
        ck_assert_int_eq(choose(kind), -1);
}
END_TEST

static TCase *kinds_case(void)
{
    TCase *tcase = tcase_create("kinds");
    tcase_add_checked_fixture(tcase, open_slots, NULL);
    tcase_add_test(tcase, a_query_that_writes_waits_among_the_writes_whatever_it_takes);
    tcase_add_test(tcase, a_read_is_cheap_up_to_a_millisecond);
    return tcase;
}

static TCase *cheap_reads_case(void)
{
    TCase *tcase = tcase_create("cheap reads");
    tcase_add_checked_fixture(tcase, open_slots, NULL);
    tcase_add_test(tcase, cheap_reads_are_packed_on_the_first_connection);
    tcase_add_test(tcase, a_millisecond_of_work_is_packed_and_the_next_connection_takes_the_rest);
    tcase_add_test(tcase, when_all_are_packed_the_least_loaded_takes_it);
    tcase_add_test(tcase, a_cheap_read_waits_rather_than_stand_behind_five_milliseconds);
    tcase_add_test(tcase, a_read_does_not_join_writes);
    tcase_add_test(tcase, the_last_connection_is_kept_free_of_cheap_reads);
    return tcase;
}

static TCase *slow_reads_case(void)
{
    TCase *tcase = tcase_create("slow reads");
    tcase_add_checked_fixture(tcase, open_slots, NULL);
    tcase_add_test(tcase, a_slow_read_gets_an_idle_connection_from_the_far_end);
    tcase_add_test(tcase, a_slow_read_waits_when_no_connection_is_idle);
    return tcase;
}

static TCase *writes_case(void)
{
    TCase *tcase = tcase_create("writes");
    tcase_add_checked_fixture(tcase, open_slots, NULL);
    tcase_add_test(tcase, writes_are_spread_from_the_far_end);
    tcase_add_test(tcase, a_write_does_not_join_reads);
    tcase_add_test(tcase, the_first_connection_is_kept_free_of_writes);
    return tcase;
}

static TCase *connections_that_are_missing_case(void)
{
    TCase *tcase = tcase_create("connections that are missing");
    tcase_add_checked_fixture(tcase, open_slots, NULL);
    tcase_add_test(tcase, a_full_connection_is_passed_over);
    tcase_add_test(tcase, a_retired_connection_is_passed_over);
    tcase_add_test(tcase, the_first_and_the_last_are_those_that_are_open);
    tcase_add_test(tcase, a_single_open_connection_takes_everything);
    tcase_add_test(tcase, a_single_connection_takes_everything);
    tcase_add_test(tcase, without_a_connection_everything_waits);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("schedule");
    suite_add_tcase(suite, kinds_case());
    suite_add_tcase(suite, cheap_reads_case());
    suite_add_tcase(suite, slow_reads_case());
    suite_add_tcase(suite, writes_case());
    suite_add_tcase(suite, connections_that_are_missing_case());
    return suite;
}
