#include "http/request.h"

#include "http/request_fixture.h"
#include "suite.h"

#include <stdio.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* What was seen, as "name=value;", bytes that are not printable as <xx>. */
struct record {
    char text[512];
    size_t size;
    int left; /* parameters to take before refusing; -1: all */
};

static void record_text(struct record *record, struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        record->size += (size_t)snprintf(record->text + record->size, 8, byte < ' ' ? "<%02x>" : "%c", byte);
    }
}

static enum fault record_parameter(void *argument, struct text name, struct text value)
{
    struct record *record = argument;
    if (record->left == 0) return FAULT_VALIDATION;
    if (record->left > 0) record->left--;
    record_text(record, name);
    record_text(record, TEXT("="));
    record_text(record, value);
    record_text(record, TEXT(";"));
    return FAULT_NONE;
}

static enum fault take_apart(struct text query, struct record *record)
{
    struct request *request = request_fixture_new(METHOD_GET, "/");
    request->query = query;
    enum fault fault = request_each_parameter(request, record_parameter, record);
    request_fixture_free(request);
    return fault;
}

static const struct {
    struct text query;
    const char *seen;
} queries[] = {
    {{NULL, 0}, ""},
    {{"", 0}, ""},
    {{"a=1", 3}, "a=1;"},
    {{"a=1&b=2", 7}, "a=1;b=2;"},
    {{"b=2&a=1&b=3", 11}, "b=2;a=1;b=3;"},
    {{"a", 1}, "a=;"},
    {{"a=", 2}, "a=;"},
    {{"=", 1}, "=;"},
    {{"=1", 2}, "=1;"},
    {{"a=b=c", 5}, "a=b=c;"},
    {{"&&a=1&&", 7}, "a=1;"},
    {{"&", 1}, ""},
    {{"a+b=c+d", 7}, "a b=c d;"},
    {{"%61%3D=%26%2b", 13}, "a==&+;"},
    {{"x=%C3%A9", 8}, "x=\u00e9;"},
    {{"x=%c3%a9", 8}, "x=\u00e9;"},
    {{"x=%00y", 6}, "x=<00>y;"},
    {{"x=%2541", 7}, "x=%41;"},
    {{"a=1;b=2", 7}, "a=1;b=2;"},
};

START_TEST(a_query_is_taken_apart_and_decoded)
{
    struct record record = {.left = -1};
    ck_assert_int_eq((int)take_apart(queries[_i].query, &record), FAULT_NONE);
    ck_assert_str_eq(record.text, queries[_i].seen);
}
END_TEST

static const char *const malformed[] = {
    "a=%",   "a=%4",    "a=%4g",       "a=%g4",    "%=1",   "a=1&b=%zz",
    "a=%ff", "%c3=%a9", "a=%ed%a0%80", "a=%C0%AF", "a=%+1",
};

START_TEST(a_malformed_escape_is_refused)
{
    struct record record = {.left = -1};
    ck_assert_int_eq((int)take_apart(text_of(malformed[_i]), &record), FAULT_TARGET);
}
END_TEST

START_TEST(the_first_fault_of_the_callback_ends_it)
{
    struct record record = {.left = 1};
    ck_assert_int_eq((int)take_apart(TEXT("a=1&b=2&c=%"), &record), FAULT_VALIDATION);
    ck_assert_str_eq(record.text, "a=1;");
}
END_TEST

static enum fault keep_parameter(void *argument, struct text name, struct text value)
{
    struct text *kept = argument;
    if (!kept[0].bytes) {
        kept[0] = name;
        kept[1] = value;
    }
    return FAULT_NONE;
}

START_TEST(names_and_values_stay_in_the_arena)
{
    struct text kept[2] = {{NULL, 0}, {NULL, 0}};
    struct request *request = request_fixture_new(METHOD_GET, "/");
    request->query = TEXT("%6eame=%76alue&other=parameters");
    ck_assert_int_eq((int)request_each_parameter(request, keep_parameter, kept), FAULT_NONE);
    ck_assert(text_equal(kept[0], TEXT("name")));
    ck_assert(text_equal(kept[1], TEXT("value")));
    request_fixture_free(request);
}
END_TEST

START_TEST(a_full_arena_is_a_fault)
{
    struct record record = {.left = -1};
    struct request *request = request_fixture_new(METHOD_GET, "/");
    request_fixture_exhaust(request);
    request->query = TEXT("a=1");
    ck_assert_int_eq((int)request_each_parameter(request, record_parameter, &record), FAULT_MEMORY);
    request_fixture_free(request);
}
END_TEST

START_TEST(every_method_has_its_name)
{
    static const char *const names[METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                    "PATCH", "DELETE", "OPTIONS"};
    for (enum method method = 0; method < METHOD_COUNT; method++)
        ck_assert_str_eq(method_name(method), names[method]);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("http/request");
    TCase *tests = tcase_create("parameters");
    tcase_add_loop_test(tests, a_query_is_taken_apart_and_decoded, 0, COUNT_OF(queries));
    tcase_add_loop_test(tests, a_malformed_escape_is_refused, 0, COUNT_OF(malformed));
    tcase_add_test(tests, the_first_fault_of_the_callback_ends_it);
    tcase_add_test(tests, names_and_values_stay_in_the_arena);
    tcase_add_test(tests, a_full_arena_is_a_fault);
    tcase_add_test(tests, every_method_has_its_name);
    suite_add_tcase(suite, tests);
    return suite;
}
