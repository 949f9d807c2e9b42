#include "base/log_line.h"

#include "suite.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct log_line_style json = {.json = true};
static const struct log_line_style columns = {.json = false};

/* The line that these arguments make, which ends with its only line feed, as a string. */
static const char *line_of(const struct log_line_style *style, enum log_level level, const char *event,
                           const struct log_field *fields)
{
    static char string[LOG_LINE_SIZE_MAX + 1];
    struct log_line line;
    log_line_write(&line, style, level, event, fields);
    ck_assert_uint_le(line.size, LOG_LINE_SIZE_MAX);
    ck_assert_ptr_eq(memchr(line.bytes, '\n', line.size), line.bytes + line.size - 1);
    memcpy(string, line.bytes, line.size);
    string[line.size] = '\0';
    return string;
}
#define LINE(style, level, event, ...)                                                                       \
    line_of((style), (level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

/* The shape of the time, of which every digit may be another, and then exactly the rest. */
static void check_line(const char *line, const char *time, const char *rest)
{
    ck_assert_uint_ge(strlen(line), strlen(time));
    for (size_t i = 0; i < strlen(time); i++) {
        if (isdigit((unsigned char)time[i]))
            ck_assert(isdigit((unsigned char)line[i]));
        else
            ck_assert_int_eq(line[i], time[i]);
    }
    ck_assert_str_eq(line + strlen(time), rest);
}

static void check_json(const char *line, const char *rest)
{
    check_line(line, "{\"time\":\"2024-02-29T12:34:56.000001Z\",", rest);
}

static void check_columns(const char *line, const char *rest)
{
    check_line(line, "12:34:56.789", rest);
}

START_TEST(json_has_time_level_event_and_fields)
{
    check_json(LINE(&json, LOG_LEVEL_INFO, "server_started", LOG_STRING("address", "127.0.0.1"),
                    LOG_INT("port", 8080)),
               "\"level\":\"info\",\"event\":\"server_started\",\"address\":\"127.0.0.1\",\"port\":8080}\n");
    check_json(LINE(&json, LOG_LEVEL_DEBUG, "d"), "\"level\":\"debug\",\"event\":\"d\"}\n");
    check_json(LINE(&json, LOG_LEVEL_WARNING, "w"), "\"level\":\"warning\",\"event\":\"w\"}\n");
    check_json(
        LINE(&json, LOG_LEVEL_ERROR, "e", LOG_INT("least", INT64_MIN), LOG_TEXT("empty", (struct text){0})),
        "\"level\":\"error\",\"event\":\"e\",\"least\":-9223372036854775808,\"empty\":\"\"}\n");
}
END_TEST

/* Of the very clock: time() may be some milliseconds behind it, and so in the second before. */
static void write_now(char now[20])
{
    struct timespec time;
    ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &time), 0);
    ck_assert_uint_ne(strftime(now, 20, "%Y-%m-%dT%H:%M:%S", gmtime(&time.tv_sec)), 0);
}

START_TEST(the_time_of_json_is_now_in_utc)
{
    char before[20], after[20], written[20] = "";
    write_now(before);
    memcpy(written, LINE(&json, LOG_LEVEL_INFO, "e") + strlen("{\"time\":\""), sizeof written - 1);
    write_now(after);
    ck_assert_str_ge(written, before);
    ck_assert_str_le(written, after);
}
END_TEST

START_TEST(people_get_columns_and_bare_words)
{
    check_columns(LINE(&columns, LOG_LEVEL_INFO, "server_started", LOG_STRING("address", "127.0.0.1"),
                       LOG_INT("port", 8080)),
                  " INFO  server_started address=127.0.0.1 port=8080\n");
    check_columns(LINE(&columns, LOG_LEVEL_DEBUG, "d"), " DEBUG d\n");
    check_columns(LINE(&columns, LOG_LEVEL_WARNING, "w"), " WARN  w\n");
    check_columns(LINE(&columns, LOG_LEVEL_ERROR, "e"), " ERROR e\n");
}
END_TEST

START_TEST(people_get_quotes_where_a_word_could_be_misread)
{
    check_columns(LINE(&columns, LOG_LEVEL_INFO, "e", LOG_STRING("a", ""), LOG_STRING("b", "x y"),
                       LOG_STRING("c", "x=y"), LOG_STRING("d", "\"x\""), LOG_STRING("e", "\\x"),
                       LOG_STRING("f", "\u00e9")),
                  " INFO  e a=\"\" b=\"x y\" c=\"x=y\" d=\"\\\"x\\\"\" e=\"\\\\x\" f=\"\u00e9\"\n");
}
END_TEST

static const struct {
    struct text text;
    const char *escaped; /* with its quotes */
} hostile[] = {
    {TEXT("\"}\n{\"level\":\"error\""), "\"\\\"}\\n{\\\"level\\\":\\\"error\\\"\""},
    {TEXT("a\r\nb"), "\"a\\r\\nb\""},
    {TEXT("\x1B[2J\x1B]0;x\x07"), "\"\\u001b[2J\\u001b]0;x\\u0007\""},
    {TEXT("\x7F"), "\"\\u007f\""},
    {TEXT("a\0b"), "\"a\\u0000b\""},
    {TEXT("\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0"), "\"\\u0080\\u009b\\u009f\u00A0\""},
    {TEXT("\u2027\u2028\u2029\u202A\u202E\u202F"), "\"\u2027\\u2028\\u2029\\u202a\\u202e\u202F\""},
    {TEXT("\u2065\u2066\u2069\u206A\u200D\u200E\u200F\u061C"),
     "\"\u2065\\u2066\\u2069\u206A\u200D\\u200e\\u200f\\u061c\""},
    {TEXT("\x9B[2J\xFF"), "\"\uFFFD[2J\uFFFD\""},
    {TEXT("\xC3"), "\"\uFFFD\""},
    {TEXT("\xC3("), "\"\uFFFD(\""},
    {TEXT("\xED\xA0\x80"), "\"\uFFFD\uFFFD\uFFFD\""},
    {TEXT("\xF0\x9F\x98"), "\"\uFFFD\uFFFD\uFFFD\""},
    {TEXT("\u4e2d\u6587 \U0001F600"), "\"\u4e2d\u6587 \U0001F600\""},
};

START_TEST(hostile_text_breaks_no_line_and_reaches_no_terminal)
{
    char expected[256];
    const struct log_field fields[] = {LOG_TEXT("t", hostile[_i].text), LOG_INT("n", 1), {0}};
    (void)snprintf(expected, sizeof expected, "\"level\":\"info\",\"event\":\"e\",\"t\":%s,\"n\":1}\n",
                   hostile[_i].escaped);
    check_json(line_of(&json, LOG_LEVEL_INFO, "e", fields), expected);
    (void)snprintf(expected, sizeof expected, " INFO  e t=%s n=1\n", hostile[_i].escaped);
    check_columns(line_of(&columns, LOG_LEVEL_INFO, "e", fields), expected);
}
END_TEST

static void check_printable(const char *line)
{
    struct text text = {line, strlen(line) - 1};
    ck_assert(text_is_utf8(text, NULL));
    ck_assert(!text_has_control(text));
}

START_TEST(random_bytes_give_one_line_of_printable_utf8)
{
    unsigned seed = 1;
    for (int round = 0; round < 5000; round++) {
        char bytes[700];
        size_t size = (size_t)rand_r(&seed) % sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)rand_r(&seed);
        const struct log_field fields[] = {LOG_TEXT("t", ((struct text){bytes, size})), {0}};
        check_printable(line_of(&json, LOG_LEVEL_INFO, "e", fields));
        check_printable(line_of(&columns, LOG_LEVEL_INFO, "e", fields));
    }
}
END_TEST

static size_t size_with(const struct log_line_style *style, char byte, size_t size)
{
    static char bytes[LOG_LINE_SIZE_MAX];
    memset(bytes, byte, sizeof bytes);
    return strlen(
        LINE(style, LOG_LEVEL_INFO, "e", LOG_TEXT("t", ((struct text){bytes, size})), LOG_INT("after", 1)));
}

static void check_limit(const struct log_line_style *style, const char *after, const char *whole_field)
{
    size_t bare = size_with(style, 'a', 1) - 1; /* all but the value */
    size_t fits_all = LOG_LINE_SIZE_MAX - bare;
    ck_assert_uint_eq(size_with(style, 'a', fits_all), LOG_LINE_SIZE_MAX);
    ck_assert_uint_eq(size_with(style, 'a', fits_all + 1), LOG_LINE_SIZE_MAX + 1 - strlen(after));

    size_t fits_alone = fits_all + strlen(after);
    size_t without_both = bare - strlen(whole_field) - strlen(after);
    ck_assert_uint_eq(size_with(style, 'a', fits_alone), LOG_LINE_SIZE_MAX);
    ck_assert_uint_eq(size_with(style, 'a', fits_alone + 1), without_both);
    ck_assert_uint_eq(size_with(style, 'a', LOG_LINE_SIZE_MAX), without_both);
}

START_TEST(a_line_reaches_its_limit_and_ends_before_the_field_that_does_not_fit)
{
    check_limit(&json, ",\"after\":1", ",\"t\":\"\"");
    check_limit(&columns, " after=1", " t=");
}
END_TEST

START_TEST(a_text_of_absurd_size_is_not_looked_at)
{
    check_json(LINE(&json, LOG_LEVEL_INFO, "e", LOG_TEXT("t", ((struct text){"", SIZE_MAX}))),
               "\"level\":\"info\",\"event\":\"e\"}\n");
}
END_TEST

START_TEST(escapes_count_as_long_as_they_are_written)
{
    static char bytes[LOG_LINE_SIZE_MAX];
    memset(bytes, '\x01', sizeof bytes);
    size_t escape = strlen("\\u0001");
    size_t bare = strlen(LINE(&json, LOG_LEVEL_INFO, "e", LOG_STRING("t", "")));
    size_t fits = (LOG_LINE_SIZE_MAX - bare) / escape;
    ck_assert_uint_eq(strlen(LINE(&json, LOG_LEVEL_INFO, "e", LOG_TEXT("t", ((struct text){bytes, fits})))),
                      bare + fits * escape);
    check_json(LINE(&json, LOG_LEVEL_INFO, "e", LOG_TEXT("t", ((struct text){bytes, fits + 1}))),
               "\"level\":\"info\",\"event\":\"e\"}\n");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("log_line");
    TCase *form = tcase_create("form");
    tcase_add_test(form, json_has_time_level_event_and_fields);
    tcase_add_test(form, the_time_of_json_is_now_in_utc);
    tcase_add_test(form, people_get_columns_and_bare_words);
    tcase_add_test(form, people_get_quotes_where_a_word_could_be_misread);
    suite_add_tcase(suite, form);

    TCase *input = tcase_create("input");
    tcase_set_timeout(input, 30);
    tcase_add_loop_test(input, hostile_text_breaks_no_line_and_reaches_no_terminal, 0,
                        (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test(input, random_bytes_give_one_line_of_printable_utf8);
    tcase_add_test(input, a_line_reaches_its_limit_and_ends_before_the_field_that_does_not_fit);
    tcase_add_test(input, a_text_of_absurd_size_is_not_looked_at);
    tcase_add_test(input, escapes_count_as_long_as_they_are_written);
    suite_add_tcase(suite, input);
    return suite;
}
