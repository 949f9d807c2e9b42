#include "base/ledger.h"

#include "suite.h"

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

static uint64_t sum_of_phases(const struct ledger *ledger)
{
    uint64_t sum_ns = 0;
    for (size_t phase = 0; phase < PHASE_COUNT; phase++)
        sum_ns += ledger->spent_ns[phase];
    return sum_ns;
}

START_TEST(each_phase_gets_the_time_until_the_next)
{
    struct ledger ledger = {0};
    ledger_start(&ledger, 1000);
    ledger_enter_at(&ledger, PHASE_PARSE, 1007);
    ledger_enter_at(&ledger, PHASE_QUEUE, 1020);
    ledger_enter_at(&ledger, PHASE_DB, 1050);
    ledger_enter_at(&ledger, PHASE_JSON, 1950);
    ledger_enter_at(&ledger, PHASE_SEND, 1960);
    ledger_enter_at(&ledger, PHASE_OTHER, 1975);
    ledger_enter_at(&ledger, PHASE_OTHER, 1978);
    static const uint64_t expected[PHASE_COUNT] = {7, 13, 30, 900, 10, 15, 3};
    ck_assert_mem_eq(ledger.spent_ns, expected, sizeof expected);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 978);
    ck_assert_uint_eq(ledger_overhead_ns(&ledger), 978 - 900 - 30);
}
END_TEST

START_TEST(a_phase_that_comes_again_goes_on_counting)
{
    struct ledger ledger = {0};
    ledger_start(&ledger, 1);
    ledger_enter_at(&ledger, PHASE_DB, 2);
    ledger_enter_at(&ledger, PHASE_QUEUE, 12);
    ledger_enter_at(&ledger, PHASE_DB, 13);
    ledger_enter_at(&ledger, PHASE_DB, 33);
    ck_assert_uint_eq(ledger.spent_ns[PHASE_DB], 30);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 32);
}
END_TEST

START_TEST(the_current_phase_counts_when_it_ends)
{
    struct ledger ledger = {0};
    ledger_start(&ledger, 5);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 0);
    ledger_enter_at(&ledger, PHASE_OTHER, 9);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 4);
    ck_assert_int_eq(ledger.phase, PHASE_OTHER);
}
END_TEST

START_TEST(random_walks_sum_to_the_total_exactly)
{
    for (int walk = 0; walk < 2000; walk++) {
        struct ledger ledger = {0};
        uint64_t started_ns = 1 + random_number() % UINT64_C(1000000000000);
        uint64_t now_ns = started_ns, latest_ns = started_ns;
        ledger_start(&ledger, now_ns);
        for (uint64_t steps = random_number() % 50; steps > 0; steps--) {
            uint64_t step_ns = random_number() >> (20 + random_number() % 44);
            bool goes_back = random_number() % 8 == 0;
            now_ns = goes_back ? now_ns - step_ns % now_ns : now_ns + step_ns;
            if (now_ns > latest_ns) latest_ns = now_ns;
            ledger_enter_at(&ledger, (enum phase)(random_number() % PHASE_COUNT), now_ns);
            if (sum_of_phases(&ledger) != ledger_total_ns(&ledger)) ck_abort_msg("walk %d", walk);
        }
        ck_assert_uint_eq(ledger_total_ns(&ledger), latest_ns - started_ns);
        uint64_t database_ns = ledger.spent_ns[PHASE_DB] + ledger.spent_ns[PHASE_QUEUE];
        ck_assert_uint_eq(ledger_overhead_ns(&ledger) + database_ns, ledger_total_ns(&ledger));
    }
}
END_TEST

START_TEST(time_that_runs_backwards_is_no_time)
{
    struct ledger ledger = {0};
    ledger_start(&ledger, 1000);
    ledger_enter_at(&ledger, PHASE_DB, 990);
    ck_assert_int_eq(ledger.phase, PHASE_DB);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 0);
    ledger_enter_at(&ledger, PHASE_JSON, 1000);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 0);
    ledger_enter_at(&ledger, PHASE_OTHER, 1001);
    ck_assert_uint_eq(ledger.spent_ns[PHASE_DB], 0);
    ck_assert_uint_eq(ledger.spent_ns[PHASE_JSON], 1);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 1);
}
END_TEST

START_TEST(now_is_when_the_clock_says_so)
{
    static const struct timespec pause = {.tv_nsec = 2000000};
    struct ledger ledger = {0};
    uint64_t before_ns = clock_now_ns();
    ledger_start(&ledger, before_ns);
    (void)nanosleep(&pause, NULL);
    ledger_enter(&ledger, PHASE_READ);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 0);
    ledger_enter(&ledger, PHASE_OTHER);
    ck_assert_uint_ge(ledger.spent_ns[PHASE_READ], 2000000);
    ck_assert_uint_le(ledger_total_ns(&ledger), clock_now_ns() - before_ns);
    ck_assert_uint_eq(sum_of_phases(&ledger), ledger_total_ns(&ledger));
}
END_TEST

START_TEST(nothing_is_booked_before_the_start)
{
    static const struct ledger nothing = {0};
    struct ledger ledger = {0};
    ledger_enter_at(&ledger, PHASE_DB, 1000);
    ledger_enter(&ledger, PHASE_JSON);
    ck_assert_mem_eq(&ledger, &nothing, sizeof ledger);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 0);
    ck_assert_uint_eq(ledger_overhead_ns(&ledger), 0);
}
END_TEST

START_TEST(switched_off_it_stays_empty)
{
    struct ledger ledger = {0};
    ledger_start(&ledger, 1000);
    ledger_enter_at(&ledger, PHASE_DB, 2000);
    ledger_enter(&ledger, PHASE_JSON);
    ck_assert_uint_eq(ledger_total_ns(&ledger), 0);
    ck_assert_uint_eq(ledger_overhead_ns(&ledger), 0);
    ck_assert_uint_eq(sum_of_phases(&ledger), 0);
}
END_TEST

START_TEST(phases_have_the_names_that_people_see)
{
    static const char *const names[PHASE_COUNT] = {"read", "parse", "queue", "db", "json", "send", "other"};
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        ck_assert_str_eq(phase_name((enum phase)phase), names[phase]);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger");
    TCase *all = tcase_create("all");
    if (SPLITS_LEDGER) {
        tcase_add_test(all, each_phase_gets_the_time_until_the_next);
        tcase_add_test(all, a_phase_that_comes_again_goes_on_counting);
        tcase_add_test(all, the_current_phase_counts_when_it_ends);
        tcase_add_test(all, random_walks_sum_to_the_total_exactly);
        tcase_add_test(all, time_that_runs_backwards_is_no_time);
        tcase_add_test(all, now_is_when_the_clock_says_so);
    } else {
        tcase_add_test(all, switched_off_it_stays_empty);
    }
    tcase_add_test(all, nothing_is_booked_before_the_start);
    tcase_add_test(all, phases_have_the_names_that_people_see);
    suite_add_tcase(suite, all);
    return suite;
}
