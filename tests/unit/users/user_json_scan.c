#include "users/user_json_scan.h"

#include "suite.h"

#include <stdlib.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(a_place_counts_lines_and_characters_from_1)
{
    struct text json = TEXT("ab\nc\xC3\xA9\xF0\x9F\x98\x80x");
    static const struct {
        size_t offset, line, column;
    } expected[] = {{0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {4, 2, 2}, {6, 2, 3}, {10, 2, 4}, {99, 2, 5}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct user_json_place place = user_json_scan_place(json, expected[i].offset);
        ck_assert_uint_eq(place.line, expected[i].line);
        ck_assert_uint_eq(place.column, expected[i].column);
    }
}
END_TEST

static const struct {
    struct text json;
    size_t offset;
} encoded[] = {
    {{"", 0}, 0},
    {{"abc", 3}, 3},
    {{"a\xC3\xA9", 3}, 3},
    {{"ab\xFF", 3}, 2},
    {{"\x80", 1}, 0},
    {{"a\xC3", 2}, 1},
    {{"a\xC3(", 3}, 1},
    {{"\xE2\x82\xAC\xE2\x82", 5}, 3},
    {{"\xED\xA0\x80", 3}, 0},
    {{"x\xF4\x90\x80\x80", 5}, 1},
    {{"x\xC0\xAF", 3}, 1},
};

START_TEST(the_first_byte_that_is_not_utf8_is_found)
{
    ck_assert_uint_eq(user_json_scan_utf8(encoded[_i].json), encoded[_i].offset);
}
END_TEST

static const struct {
    const char *json;
    size_t depth;
} nested[] = {
    {"", 0},        {"1", 0},          {"[]", 1},        {"{\"a\":[{}]}", 3}, {"[][][]", 1},
    {"\"[[[\"", 0}, {"\"\\\"[[\"", 0}, {"\"\\\\\"[", 1}, {"\"[[", 0},         {"]]]][", 1},
    {"\"\\", 0},    {"[\"]\",[]]", 2}, {"{{[[", 4},
};

START_TEST(depth_is_what_is_open_at_once_outside_strings)
{
    ck_assert_uint_eq(user_json_scan_depth(text_of(nested[_i].json)), nested[_i].depth);
}
END_TEST

static const struct {
    const char *json;
    size_t end, depth_max;
    const char *name; /* NULL: none */
} named[] = {
    {"{\"a\":1,\"b\":2}", 4, 1, "a"},
    {"{\"a\":1,\"b\":2}", 3, 1, NULL},
    {"{\"a\":1,\"b\":2}", 13, 1, "b"},
    {"{\"a\":\"b\" , \"c\"\n\t: 1}", 20, 1, "c"},
    {"{\"a\":\"b\"}", 9, 1, "a"},
    {"{\"x\":{\"y\":1}}", 13, 1, "x"},
    {"{\"x\":{\"y\":1}}", 13, 2, "y"},
    {"[1]", 3, 1, NULL},
    {"\"a\"", 3, 9, NULL},
    {"{\"a\\\"b\":1}", 9, 1, "a\\\"b"},
    {"{\"\":1}", 9, 1, ""},
    {"{\"a", 3, 1, NULL},
};

START_TEST(the_last_name_before_a_place_is_found)
{
    struct text name = user_json_scan_name(text_of(named[_i].json), named[_i].end, named[_i].depth_max);
    if (!named[_i].name) {
        ck_assert_ptr_null(name.bytes);
        return;
    }
    ck_assert_ptr_nonnull(name.bytes);
    ck_assert(text_equal(name, text_of(named[_i].name)));
}
END_TEST

START_TEST(nothing_is_read_beyond_the_end)
{
    static const char pieces[][6] = {"\"", "\"\\", "{\"a\"", "{\"a\" ", "\xE2\x82"};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        size_t size = strlen(pieces[i]);
        char *exact = malloc(size); /* so that the sanitizer sees the end */
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, pieces[i], size);
        struct text json = {exact, size};
        ck_assert_uint_le(user_json_scan_depth(json), 1);
        ck_assert_ptr_null(user_json_scan_name(json, size + 9, 9).bytes);
        ck_assert_uint_le(user_json_scan_utf8(json), size);
        free(exact);
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("users/user_json_scan");
    TCase *tests = tcase_create("scans");
    tcase_add_test(tests, a_place_counts_lines_and_characters_from_1);
    tcase_add_loop_test(tests, the_first_byte_that_is_not_utf8_is_found, 0, COUNT_OF(encoded));
    tcase_add_loop_test(tests, depth_is_what_is_open_at_once_outside_strings, 0, COUNT_OF(nested));
    tcase_add_loop_test(tests, the_last_name_before_a_place_is_found, 0, COUNT_OF(named));
    tcase_add_test(tests, nothing_is_read_beyond_the_end);
    suite_add_tcase(suite, tests);
    return suite;
}
