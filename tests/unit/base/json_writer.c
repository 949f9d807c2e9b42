#include "base/json_writer.h"

#include "suite.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t random_state = 0x9E3779B97F4A7C15;

/* xorshift64: the same numbers in every run. */
static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/*
 * The string as it is written, from a copy and into a buffer that are exactly as large as promised, so that
 * the sanitizer sees a step beyond either. The caller frees it.
 */
static char *written_string(struct text text, size_t *ret_size)
{
    size_t size_max = JSON_WRITER_STRING_MAX(text.size);
    char *copy = malloc(text.size > 0 ? text.size : 1);
    char *written = malloc(size_max);
    ck_assert(copy && written);
    if (text.size > 0) memcpy(copy, text.bytes, text.size);
    *ret_size = (size_t)(json_writer_string(written, (struct text){copy, text.size}) - written);
    ck_assert_uint_le(*ret_size, size_max);
    free(copy);
    return written;
}

static void check_string(struct text text, struct text expected)
{
    size_t size;
    char *written = written_string(text, &size);
    ck_assert(text_equal((struct text){written, size}, expected));
    free(written);
}

START_TEST(plain_text_is_copied_between_quotes)
{
    check_string((struct text){0}, TEXT("\"\""));
    check_string(TEXT("a"), TEXT("\"a\""));
    check_string(TEXT("</script> \x7F"), TEXT("\"</script> \x7F\""));
    check_string(TEXT("Zo\u00eb \u4e2d\u6587 \U0001F600"), TEXT("\"Zo\u00eb \u4e2d\u6587 \U0001F600\""));
}
END_TEST

START_TEST(escapes_are_short_where_json_has_short_ones)
{
    check_string(TEXT("\b\f\n\r\t\"\\"), TEXT("\"\\b\\f\\n\\r\\t\\\"\\\\\""));
}
END_TEST

START_TEST(other_controls_are_escaped_in_lower_case)
{
    check_string(TEXT("\0\x01\x0B\x1B\x1F"), TEXT("\"\\u0000\\u0001\\u000b\\u001b\\u001f\""));
}
END_TEST

START_TEST(every_byte_is_escaped_alike_at_every_place)
{
    char bytes[48];
    char expected[sizeof bytes + 8];
    for (unsigned byte = 0; byte < 256; byte++) {
        char single[8];
        char symbol = (char)byte;
        size_t single_size = (size_t)(json_writer_string(single, (struct text){&symbol, 1}) - single) - 2;
        for (size_t size = 1; size <= sizeof bytes; size++) {
            for (size_t at = 0; at < size; at++) {
                memset(bytes, '~', sizeof bytes);
                memset(expected, '~', sizeof expected);
                bytes[at] = symbol;
                expected[0] = '"';
                memcpy(expected + 1 + at, single + 1, single_size);
                expected[size + single_size] = '"';
                check_string((struct text){bytes, size}, (struct text){expected, size + single_size + 1});
            }
        }
    }
}
END_TEST

/* Of any plane, but with many of the characters that matter; never U+0000, which the parser refuses. */
static size_t random_character(char *bytes)
{
    static const uint32_t limits[] = {0x20, 0x7F, 0x80, 0x800, 0x10000, 0x110000};
    uint64_t number = random_number();
    uint32_t code_point = 1 + (uint32_t)((number >> 8) % (limits[number % 6] - 1));
    if (number >> 60 == 0) code_point = '"';
    if (number >> 60 == 1) code_point = '\\';
    if (code_point >= 0xD800 && code_point <= 0xDFFF) code_point = 0xFFFD;

    size_t size = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    if (size == 1) {
        bytes[0] = (char)code_point;
        return 1;
    }
    for (size_t i = size - 1; i > 0; i--, code_point >>= 6)
        bytes[i] = (char)(0x80 | (code_point & 0x3F));
    bytes[0] = (char)((0xF00 >> size & 0xFF) | code_point);
    return size;
}

static void check_round_trip(struct text text)
{
    size_t size;
    char *written = written_string(text, &size);
    json_error_t error;
    json_t *loaded = json_loadb(written, size, JSON_DECODE_ANY, &error);
    ck_assert_msg(loaded != NULL, "%s", error.text);
    struct text back = {json_string_value(loaded), json_string_length(loaded)};
    ck_assert(text_equal(back, text));
    json_decref(loaded);
    free(written);
}

START_TEST(random_text_comes_back_from_a_parser_as_it_was)
{
    for (int round = 0; round < 20000; round++) {
        char bytes[4 * 64];
        size_t size = 0;
        bool ascii = random_number() % 2 == 0;
        for (size_t count = random_number() % 64; count > 0; count--) {
            size_t character_size = random_character(bytes + size);
            if (ascii) bytes[size] = (char)(' ' + random_number() % 95);
            size += ascii ? 1 : character_size;
        }
        check_round_trip((struct text){bytes, size});
    }
}
END_TEST

static void check_int64(int64_t value)
{
    char *written = malloc(JSON_WRITER_INT64_MAX);
    ck_assert_ptr_nonnull(written);
    char expected[32];
    int expected_size = snprintf(expected, sizeof expected, "%" PRId64, value);
    char *end = json_writer_int64(written, value);
    ck_assert_int_eq(end - written, expected_size);
    ck_assert_mem_eq(written, expected, (size_t)expected_size);
    free(written);
}

START_TEST(integers_are_decimal)
{
    for (int64_t value = -20000; value <= 20000; value++)
        check_int64(value);
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        for (int64_t near = -2; near <= 2; near++) {
            check_int64(power * 10 + near);
            check_int64(-power * 10 + near);
        }
    }
    for (int round = 0; round < 20000; round++)
        check_int64((int64_t)(random_number() >> (random_number() % 64)));
    check_int64(INT64_MAX);
    check_int64(INT64_MIN);
}
END_TEST

static const int64_t first_us = INT64_C(-62135596800000000);
static const int64_t last_us = INT64_C(253402300799999999);

static void check_timestamp(int64_t unix_us, const char *expected)
{
    char *written = malloc(JSON_WRITER_TIMESTAMP_MAX);
    ck_assert_ptr_nonnull(written);
    char *end = json_writer_timestamp(written, unix_us);
    ck_assert_int_eq(end - written, JSON_WRITER_TIMESTAMP_MAX);
    if (memcmp(written, expected, JSON_WRITER_TIMESTAMP_MAX) != 0)
        ck_abort_msg("%" PRId64 ": %.*s, not %s", unix_us, JSON_WRITER_TIMESTAMP_MAX, written, expected);
    free(written);
}

static void check_timestamp_against_libc(int64_t unix_us)
{
    int64_t us = unix_us % 1000000;
    if (us < 0) us += 1000000;
    time_t seconds = (unix_us - us) / 1000000;
    struct tm utc;
    ck_assert_ptr_nonnull(gmtime_r(&seconds, &utc));
    char expected[64];
    ck_assert_int_eq(snprintf(expected, sizeof expected, "\"%04d-%02d-%02dT%02d:%02d:%02d.%06" PRId64 "Z\"",
                              utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                              utc.tm_sec, us),
                     JSON_WRITER_TIMESTAMP_MAX);
    check_timestamp(unix_us, expected);
}

START_TEST(known_times_are_written_right)
{
    check_timestamp(0, "\"1970-01-01T00:00:00.000000Z\"");
    check_timestamp(-1, "\"1969-12-31T23:59:59.999999Z\"");
    check_timestamp(INT64_C(1709210096000001), "\"2024-02-29T12:34:56.000001Z\"");
    check_timestamp(INT64_C(951782400000000), "\"2000-02-29T00:00:00.000000Z\"");
    check_timestamp(INT64_C(-2203891200000000), "\"1900-03-01T00:00:00.000000Z\"");
    check_timestamp(INT64_C(4107542400000000) - 1, "\"2100-02-28T23:59:59.999999Z\"");
}
END_TEST

START_TEST(times_outside_of_years_1_to_9999_become_the_nearest_inside)
{
    check_timestamp(first_us, "\"0001-01-01T00:00:00.000000Z\"");
    check_timestamp(first_us - 1, "\"0001-01-01T00:00:00.000000Z\"");
    check_timestamp(INT64_MIN, "\"0001-01-01T00:00:00.000000Z\"");
    check_timestamp(last_us, "\"9999-12-31T23:59:59.999999Z\"");
    check_timestamp(last_us + 1, "\"9999-12-31T23:59:59.999999Z\"");
    check_timestamp(INT64_MAX, "\"9999-12-31T23:59:59.999999Z\"");
}
END_TEST

START_TEST(times_are_written_as_libc_has_them)
{
    for (int round = 0; round < 50000; round++) {
        int64_t unix_us = first_us + (int64_t)(random_number() % (uint64_t)(last_us - first_us));
        check_timestamp_against_libc(unix_us);
        check_timestamp_against_libc(unix_us % INT64_C(4102444800000000));
    }
}
END_TEST

START_TEST(every_day_begins_and_ends_as_libc_has_it)
{
    static const int64_t us_per_day = INT64_C(86400000000);
    for (int64_t day_us = first_us; day_us < last_us; day_us += 17 * us_per_day) {
        check_timestamp_against_libc(day_us);
        check_timestamp_against_libc(day_us + us_per_day - 1);
    }
    for (int64_t day_us = 0; day_us < 150 * 366 * us_per_day; day_us += us_per_day)
        check_timestamp_against_libc(day_us);
}
END_TEST

START_TEST(raw_bytes_and_literals_go_in_as_they_are)
{
    char written[16];
    char *end = JSON_WRITER_LITERAL(written, "{\"id\":");
    end = json_writer_raw(end, "\"\n\0", 3);
    ck_assert(text_equal((struct text){written, (size_t)(end - written)}, TEXT("{\"id\":\"\n\0")));
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("json_writer");
    TCase *strings = tcase_create("strings");
    tcase_set_timeout(strings, 30);
    tcase_add_test(strings, plain_text_is_copied_between_quotes);
    tcase_add_test(strings, escapes_are_short_where_json_has_short_ones);
    tcase_add_test(strings, other_controls_are_escaped_in_lower_case);
    tcase_add_test(strings, every_byte_is_escaped_alike_at_every_place);
    tcase_add_test(strings, random_text_comes_back_from_a_parser_as_it_was);
    tcase_add_test(strings, raw_bytes_and_literals_go_in_as_they_are);
    suite_add_tcase(suite, strings);

    TCase *numbers = tcase_create("numbers");
    tcase_set_timeout(numbers, 30);
    tcase_add_test(numbers, integers_are_decimal);
    tcase_add_test(numbers, known_times_are_written_right);
    tcase_add_test(numbers, times_outside_of_years_1_to_9999_become_the_nearest_inside);
    tcase_add_test(numbers, times_are_written_as_libc_has_them);
    tcase_add_test(numbers, every_day_begins_and_ends_as_libc_has_it);
    suite_add_tcase(suite, numbers);
    return suite;
}
