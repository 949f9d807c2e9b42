#include "base/text_buffer.h"

#include "suite.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256, HEAP_SIZE_MAX = 1 << 20 };

static _Alignas(16) char first[FIRST_SIZE];
static struct arena arena;
static struct text_buffer buffer;

static uint64_t random_state = 0x9E3779B97F4A7C15;

/* xorshift64: the same numbers in every run. */
static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void begin(void)
{
    arena_init(&arena, first, sizeof first, HEAP_SIZE_MAX);
    text_buffer_init(&buffer, &arena);
}

static void end(void)
{
    arena_release(&arena);
}

/* An arena that has size_max bytes in all. */
static void begin_with(size_t size_max)
{
    arena_release(&arena);
    arena_init(&arena, first, 0, size_max);
    text_buffer_init(&buffer, &arena);
}

static struct text take(void)
{
    struct text text;
    ck_assert_int_eq(text_buffer_take(&buffer, &text), FAULT_NONE);
    return text;
}

static void check_taken(const char *expected)
{
    struct text text = take();
    if (!text_equal(text, text_of(expected)))
        ck_abort_msg("\"%.*s\", not \"%s\"", (int)text.size, text.bytes, expected);
}

START_TEST(nothing_appended_is_an_empty_text)
{
    ck_assert_uint_eq(take().size, 0);
    text_buffer_text(&buffer, (struct text){0});
    text_buffer_string(&buffer, "");
    text_buffer_format(&buffer, "%s", "");
    ck_assert_uint_eq(take().size, 0);
}
END_TEST

START_TEST(pieces_follow_each_other)
{
    text_buffer_text(&buffer, TEXT("a\0b"));
    text_buffer_string(&buffer, "c");
    text_buffer_format(&buffer, "[%d %s]", -5, "six");
    text_buffer_json_string(&buffer, TEXT("\"\n\x01 \u00e9"));
    text_buffer_int64(&buffer, 7);
    text_buffer_double(&buffer, 0.5);
    ck_assert(text_equal(take(), TEXT("a\0bc[-5 six]\"\\\"\\n\\u0001 \u00e9\"70.5")));
}
END_TEST

START_TEST(pieces_stay_when_the_buffer_grows)
{
    char expected[20000];
    size_t size = 0;
    while (size < sizeof expected) {
        char piece[700];
        size_t piece_size = 1 + random_number() % sizeof piece;
        if (piece_size > sizeof expected - size) piece_size = sizeof expected - size;
        memset(piece, (int)('a' + random_number() % 26), piece_size);
        memcpy(expected + size, piece, piece_size);
        size += piece_size;
        if (random_number() % 2 == 0)
            text_buffer_text(&buffer, (struct text){piece, piece_size});
        else
            text_buffer_format(&buffer, "%.*s", (int)piece_size, piece);
    }
    ck_assert(text_equal(take(), (struct text){expected, sizeof expected}));
}
END_TEST

START_TEST(a_taken_text_stays_and_the_next_one_is_beside_it)
{
    text_buffer_string(&buffer, "one");
    struct text one = take();
    text_buffer_string(&buffer, "two");
    struct text two = take();
    ck_assert(text_equal(one, TEXT("one")) && text_equal(two, TEXT("two")));
}
END_TEST

START_TEST(what_was_reserved_but_not_used_goes_back)
{
    begin_with(4096);
    for (int round = 0; round < 100; round++) {
        text_buffer_string(&buffer, "0123456789abcdef");
        (void)take();
    }
    ck_assert_ptr_nonnull(arena_take(&arena, 4096 - 1600));
}
END_TEST

START_TEST(text_fills_all_the_memory_there_is_and_no_more)
{
    static const char bytes[4097];
    for (size_t size = 4095; size <= 4097; size++) {
        struct text text = TEXT("untouched");
        begin_with(4096);
        text_buffer_text(&buffer, (struct text){bytes, 1});
        text_buffer_text(&buffer, (struct text){bytes, size - 1});
        ck_assert_int_eq(text_buffer_take(&buffer, &text), size <= 4096 ? FAULT_NONE : FAULT_MEMORY);
        ck_assert(size <= 4096 ? text.size == size : text_equal(text, TEXT("untouched")));
    }
}
END_TEST

START_TEST(once_memory_was_short_nothing_more_is_appended)
{
    static const char bytes[8192];
    for (int piece = 0; piece < 6; piece++) {
        struct text text;
        begin_with(4096);
        text_buffer_string(&buffer, "begin");
        text_buffer_text(&buffer, (struct text){bytes, sizeof bytes});
        ck_assert(buffer.is_short);
        if (piece == 0) text_buffer_text(&buffer, TEXT("a"));
        if (piece == 1) text_buffer_string(&buffer, "a");
        if (piece == 2) text_buffer_format(&buffer, "%d", 1);
        if (piece == 3) text_buffer_json_string(&buffer, TEXT("a"));
        if (piece == 4) text_buffer_int64(&buffer, 1);
        if (piece == 5) text_buffer_double(&buffer, 1);
        ck_assert_uint_eq(buffer.size, 5);
        ck_assert_int_eq(text_buffer_take(&buffer, &text), FAULT_MEMORY);
        text_buffer_string(&buffer, "anew");
        check_taken("anew");
    }
}
END_TEST

START_TEST(every_kind_of_piece_may_be_the_one_that_does_not_fit)
{
    static const char bytes[4090];
    for (int piece = 0; piece < 4; piece++) {
        struct text text;
        begin_with(4096);
        text_buffer_text(&buffer, (struct text){bytes, sizeof bytes});
        ck_assert(!buffer.is_short);
        if (piece == 0) text_buffer_format(&buffer, "%d", 1234567);
        if (piece == 1) text_buffer_json_string(&buffer, TEXT("abcde"));
        if (piece == 2) text_buffer_int64(&buffer, INT64_MIN);
        if (piece == 3) text_buffer_double(&buffer, 0.1234567);
        ck_assert_int_eq(text_buffer_take(&buffer, &text), FAULT_MEMORY);
    }
}
END_TEST

START_TEST(integers_are_decimal)
{
    text_buffer_int64(&buffer, INT64_MIN);
    text_buffer_int64(&buffer, 0);
    text_buffer_int64(&buffer, INT64_MAX);
    check_taken("-922337203685477580809223372036854775807");
}
END_TEST

static void check_double(double value, const char *expected)
{
    text_buffer_double(&buffer, value);
    check_taken(expected);
}

START_TEST(doubles_have_no_more_digits_than_they_need)
{
    check_double(0, "0");
    check_double(-0.0, "-0");
    check_double(1, "1");
    check_double(-2.5, "-2.5");
    check_double(0.1, "0.1");
    check_double(0.1 + 0.2, "0.30000000000000004");
    check_double(0.000001, "1e-06");
    check_double(123456789012345, "123456789012345");
    check_double(9007199254740993.0, "9007199254740992");
    check_double(1e21, "1e+21");
    check_double(5e-324, "4.94065645841247e-324");
    check_double(1.7976931348623157e308, "1.7976931348623157e+308");
    check_double(-2.2250738585072014e-308, "-2.2250738585072014e-308");
}
END_TEST

START_TEST(what_is_no_number_is_written_as_0)
{
    check_double((double)INFINITY, "0");
    check_double((double)-INFINITY, "0");
    check_double((double)NAN, "0");
}
END_TEST

static void check_reads_back(double value)
{
    char terminated[64];
    text_buffer_double(&buffer, value);
    struct text text = take();
    ck_assert_uint_lt(text.size, sizeof terminated);
    memcpy(terminated, text.bytes, text.size);
    terminated[text.size] = '\0';
    if (strtod(terminated, NULL) != value) ck_abort_msg("%s is not %a", terminated, value);
    arena_reset(&arena);
    text_buffer_init(&buffer, &arena);
}

START_TEST(every_double_reads_back_as_it_was)
{
    for (int round = 0; round < 100000; round++) {
        uint64_t bits = random_number();
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) check_reads_back(value);
        check_reads_back((double)(random_number() % 1000000000) / 1e9);
    }
}
END_TEST

START_TEST(doubles_have_a_point_in_every_locale)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "fa_IR.UTF-8"};
    for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++) {
        if (!setlocale(LC_ALL, locales[i])) continue;
        check_double(-1234567.25, "-1234567.25");
        check_double(1.5e-300, "1.5e-300");
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("text_buffer");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, nothing_appended_is_an_empty_text);
    tcase_add_test(all, pieces_follow_each_other);
    tcase_add_test(all, pieces_stay_when_the_buffer_grows);
    tcase_add_test(all, a_taken_text_stays_and_the_next_one_is_beside_it);
    tcase_add_test(all, what_was_reserved_but_not_used_goes_back);
    tcase_add_test(all, text_fills_all_the_memory_there_is_and_no_more);
    tcase_add_test(all, once_memory_was_short_nothing_more_is_appended);
    tcase_add_test(all, every_kind_of_piece_may_be_the_one_that_does_not_fit);
    tcase_add_test(all, integers_are_decimal);
    tcase_add_test(all, doubles_have_no_more_digits_than_they_need);
    tcase_add_test(all, what_is_no_number_is_written_as_0);
    tcase_add_test(all, every_double_reads_back_as_it_was);
    tcase_add_test(all, doubles_have_a_point_in_every_locale);
    suite_add_tcase(suite, all);
    return suite;
}
