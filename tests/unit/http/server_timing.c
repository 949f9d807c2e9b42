#include "http/server_timing.h"

#include "suite.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static uint64_t random_state = 0x9E3779B97F4A7C15;

/* xorshift64: the same numbers in every run. */
static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static const char *const names[] = {"read", "parse", "queue", "db", "json", "other", "total"};
enum { NAMES = sizeof names / sizeof names[0], TOTAL = NAMES - 1 };

/* What was printed, in microseconds. */
struct printed {
    uint64_t us[NAMES];
};

/* Takes a value apart; fails unless it has every metric in order, each with three digits behind the point. */
static struct printed parse(const char *value)
{
    struct printed printed;
    const char *at = value;
    for (size_t i = 0; i < NAMES; i++) {
        size_t name_size = strlen(names[i]);
        ck_assert_int_eq(strncmp(at, names[i], name_size), 0);
        ck_assert_int_eq(strncmp(at + name_size, ";dur=", 5), 0);
        at += name_size + 5;
        size_t whole = strspn(at, "0123456789");
        ck_assert(whole == 1 || (whole > 1 && at[0] != '0'));
        ck_assert(at[whole] == '.' && strspn(at + whole + 1, "0123456789") == 3);
        printed.us[i] = 0;
        for (const char *end = at + whole + 4; at < end; at++)
            if (*at != '.') printed.us[i] = printed.us[i] * 10 + (uint64_t)(*at - '0');
        if (i == TOTAL) continue;
        ck_assert_int_eq(strncmp(at, ", ", 2), 0);
        at += 2;
    }
    ck_assert_int_eq(*at, '\0');
    return printed;
}

static struct printed print(const struct ledger *ledger)
{
    char value[SERVER_TIMING_SIZE_MAX];
    server_timing_write(ledger, value);
    return parse(value);
}

START_TEST(phases_are_milliseconds_in_order_and_sending_is_left_out)
{
    struct ledger ledger = {.spent_ns = {12000, 0, 3456789, 15000000, 999, 77000000, 1000000000}};
    char value[SERVER_TIMING_SIZE_MAX];
    server_timing_write(&ledger, value);
    ck_assert_str_eq(value, "read;dur=0.012, parse;dur=0.000, queue;dur=3.457, db;dur=15.000, "
                            "json;dur=0.001, other;dur=1000.000, total;dur=1018.470");
}
END_TEST

START_TEST(an_empty_ledger_has_zeros)
{
    struct ledger ledger = {0};
    char value[SERVER_TIMING_SIZE_MAX];
    server_timing_write(&ledger, value);
    ck_assert_str_eq(value, "read;dur=0.000, parse;dur=0.000, queue;dur=0.000, db;dur=0.000, "
                            "json;dur=0.000, other;dur=0.000, total;dur=0.000");
}
END_TEST

START_TEST(half_a_microsecond_is_rounded_up)
{
    struct ledger below = {.spent_ns = {499}}, at = {.spent_ns = {500}};
    ck_assert_uint_eq(print(&below).us[TOTAL], 0);
    ck_assert_uint_eq(print(&at).us[TOTAL], 1);
}
END_TEST

static uint64_t difference(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

START_TEST(printed_phases_sum_to_the_printed_total_and_each_is_right_to_a_microsecond)
{
    for (int round = 0; round < 20000; round++) {
        struct ledger ledger = {0};
        uint64_t total_ns = 0, sum_us = 0;
        for (size_t phase = 0; phase < PHASE_COUNT; phase++) {
            ledger.spent_ns[phase] = random_number() >> (4 + random_number() % 60);
            if (phase != PHASE_SEND) total_ns += ledger.spent_ns[phase];
        }
        struct printed printed = print(&ledger);
        for (size_t i = 0; i < TOTAL; i++) {
            size_t phase = i < PHASE_SEND ? i : i + 1;
            sum_us += printed.us[i];
            if (difference(printed.us[i], ledger.spent_ns[phase] / 1000) > 1)
                ck_abort_msg("%s: %llu ns", names[i], (unsigned long long)ledger.spent_ns[phase]);
        }
        ck_assert_uint_eq(sum_us, printed.us[TOTAL]);
        ck_assert_uint_le(difference(printed.us[TOTAL], total_ns / 1000), 1);
    }
}
END_TEST

START_TEST(the_longest_times_fit_and_still_add_up)
{
    for (unsigned largest = 0; largest < 1u << PHASE_COUNT; largest++) {
        struct ledger ledger = {0};
        uint64_t sum_us = 0;
        for (size_t phase = 0; phase < PHASE_COUNT; phase++)
            ledger.spent_ns[phase] = largest >> phase & 1 ? UINT64_MAX : UINT64_MAX / 8;
        struct printed printed = print(&ledger);
        for (size_t i = 0; i < TOTAL; i++)
            sum_us += printed.us[i];
        ck_assert_uint_eq(sum_us, printed.us[TOTAL]);
        ck_assert_uint_ge(printed.us[TOTAL], UINT64_MAX / 8 * 6 / 1000);
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("server_timing");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, phases_are_milliseconds_in_order_and_sending_is_left_out);
    tcase_add_test(all, an_empty_ledger_has_zeros);
    tcase_add_test(all, half_a_microsecond_is_rounded_up);
    tcase_add_test(all, printed_phases_sum_to_the_printed_total_and_each_is_right_to_a_microsecond);
    tcase_add_test(all, the_longest_times_fit_and_still_add_up);
    suite_add_tcase(suite, all);
    return suite;
}
