#include "lab/knobs.h"

#include "http/request_fixture.h"
#include "suite.h"

#include <stdio.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct request *request;
static struct knobs knobs;
static struct field_error errors[KNOBS_ERRORS_MAX];
static size_t error_count;

static void set_up(void)
{
    request = request_fixture_new(METHOD_GET, "/lab/users");
    knobs = (struct knobs){.rows = 77};
    error_count = 0;
}

static void tear_down(void)
{
    request_fixture_free(request);
}

static enum fault read_query(const char *query)
{
    request->query = text_of(query);
    return knobs_read(request, &knobs, errors, &error_count);
}

static void assert_knobs(const char *query, struct knobs expected)
{
    ck_assert_msg(read_query(query) == FAULT_NONE, "%s", query);
    ck_assert_msg(knobs_equal(&knobs, &expected), "%s", query);
}

static void assert_error(size_t index, const char *field, const char *reason)
{
    ck_assert_uint_lt(index, error_count);
    ck_assert(text_equal(errors[index].field, text_of(field)));
    ck_assert_str_eq(errors[index].reason, reason);
}

static void assert_only_error(const char *query, const char *field, const char *reason)
{
    ck_assert_msg(read_query(query) == FAULT_VALIDATION, "%s", query);
    ck_assert_uint_eq(error_count, 1);
    assert_error(0, field, reason);
    ck_assert_uint_eq(knobs.rows, 77);
}

START_TEST(an_empty_query_has_the_defaults)
{
    assert_knobs("", (struct knobs){.rows = 100});
    assert_knobs("&&", (struct knobs){.rows = 100});
}
END_TEST

START_TEST(every_knob_is_read)
{
    assert_knobs("rows=1&delay_ms=15&serializer=jansson&spin_us=250",
                 (struct knobs){.rows = 1, .delay_ms = 15, .serializer = SERIALIZER_JANSSON, .spin_us = 250});
    assert_knobs("fan_out=20&serializer=none",
                 (struct knobs){.rows = 20, .fan_out = 20, .serializer = SERIALIZER_NONE});
    assert_knobs("serializer=%70ostgres", (struct knobs){.rows = 100, .serializer = SERIALIZER_POSTGRES});
    assert_knobs("serializer=direct", (struct knobs){.rows = 100, .serializer = SERIALIZER_DIRECT});
}
END_TEST

START_TEST(a_knob_may_be_at_its_limits)
{
    assert_knobs("rows=1", (struct knobs){.rows = 1});
    assert_knobs("rows=1000", (struct knobs){.rows = 1000});
    assert_knobs("delay_ms=0&spin_us=0", (struct knobs){.rows = 100});
    assert_knobs("delay_ms=1000&spin_us=100000",
                 (struct knobs){.rows = 100, .delay_ms = 1000, .spin_us = 100000});
    assert_knobs("fan_out=1", (struct knobs){.rows = 1, .fan_out = 1});
    assert_knobs("fan_out=500", (struct knobs){.rows = 500, .fan_out = 500});
}
END_TEST

static const struct {
    const char *name;
    const char *reason;
    const char *values[8];
} wrong_values[] = {
    {"rows",
     "must be a whole number from 1 to 1000",
     {"", "0", "1001", "-1", "1.5", "x", "18446744073709551617", " 1"}},
    {"delay_ms",
     "must be a whole number from 0 to 1000",
     {"", "1001", "-1", "1e2", "0x1", "15ms", "99999999999999999999", "+1"}},
    {"spin_us",
     "must be a whole number from 0 to 100000",
     {"", "100001", "-1", "1,000", "1_000", "4294967296", "1 ", "%00"}},
    {"fan_out",
     "must be a whole number from 1 to 500",
     {"", "0", "501", "-1", "many", "4294967297", "1%00", "%EF%BC%91"}},
    {"serializer",
     "must be direct, jansson, postgres or none",
     {"", "Direct", "direct ", "json", "serde", "0", "none%00", "nonee"}},
};

START_TEST(a_value_that_is_wrong_is_named_with_what_it_must_be)
{
    char query[64];
    for (size_t i = 0; i < 8; i++) {
        (void)snprintf(query, sizeof(query), "%s=%s", wrong_values[_i].name, wrong_values[_i].values[i]);
        assert_only_error(query, wrong_values[_i].name, wrong_values[_i].reason);
    }
    assert_only_error(wrong_values[_i].name, wrong_values[_i].name, wrong_values[_i].reason);
}
END_TEST

START_TEST(a_knob_cannot_be_repeated)
{
    char query[64];
    const char *name = wrong_values[_i].name;
    (void)snprintf(query, sizeof(query), "%s=1&%s=1", name, name);
    assert_only_error(query, name, "must not be repeated");
    (void)snprintf(query, sizeof(query), "%s=x&%s=x&%s=x", name, name, name);
    assert_only_error(query, name, "must not be repeated");
}
END_TEST

START_TEST(rows_cannot_be_given_beside_fan_out)
{
    assert_only_error("rows=10&fan_out=10", "rows", "cannot be given beside fan_out");
    assert_only_error("fan_out=10&rows=0", "rows", "cannot be given beside fan_out");
    assert_only_error("fan_out=10&rows=1&rows=1", "rows", "cannot be given beside fan_out");
    ck_assert_int_eq((int)read_query("fan_out=0&rows=1"), FAULT_VALIDATION);
    ck_assert_uint_eq(error_count, 2);
    assert_error(0, "rows", "cannot be given beside fan_out");
    assert_error(1, "fan_out", "must be a whole number from 1 to 500");
}
END_TEST

START_TEST(what_is_no_knob_is_unknown)
{
    assert_only_error("limit=1", "limit", "is unknown");
    assert_only_error("Rows=1", "Rows", "is unknown");
    assert_only_error("=1", "", "is unknown");
    assert_only_error("a=1&a=2&a", "a", "is unknown");
    ck_assert_int_eq((int)read_query("rows%00=1"), FAULT_VALIDATION);
    ck_assert(text_equal(errors[0].field, TEXT("rows\0")));
}
END_TEST

START_TEST(every_wrong_parameter_is_named_once)
{
    ck_assert_int_eq((int)read_query("x=1&rows=0&spin_us=-1&y&delay_ms=a&serializer=b&x=2"),
                     FAULT_VALIDATION);
    ck_assert_uint_eq(error_count, 6);
    assert_error(0, "x", "is unknown");
    assert_error(1, "y", "is unknown");
    assert_error(2, "rows", "must be a whole number from 1 to 1000");
    assert_error(3, "delay_ms", "must be a whole number from 0 to 1000");
    assert_error(4, "serializer", "must be direct, jansson, postgres or none");
    assert_error(5, "spin_us", "must be a whole number from 0 to 100000");
}
END_TEST

START_TEST(errors_beyond_the_limit_are_left_out)
{
    char query[256], *end = query;
    for (int i = 0; i < KNOBS_ERRORS_MAX + 1; i++)
        end += snprintf(end, 16, "x%d=1&", i);
    (void)snprintf(end, 16, "rows=0");
    ck_assert_int_eq((int)read_query(query), FAULT_VALIDATION);
    ck_assert_uint_eq(error_count, KNOBS_ERRORS_MAX);
    assert_error(KNOBS_ERRORS_MAX - 1, "x15", "is unknown");
}
END_TEST

START_TEST(a_malformed_escape_is_a_malformed_target)
{
    ck_assert_int_eq((int)read_query("rows=%"), FAULT_TARGET);
    ck_assert_int_eq((int)read_query("x=1&rows=%zz"), FAULT_TARGET);
    ck_assert_int_eq((int)read_query("%ff=1"), FAULT_TARGET);
}
END_TEST

START_TEST(no_memory_is_a_fault_of_its_own)
{
    request_fixture_exhaust(request);
    ck_assert_int_eq((int)read_query("rows=1"), FAULT_MEMORY);
}
END_TEST

static const struct {
    struct knobs knobs;
    const char *text;
} written[] = {
    {{.rows = 100}, "/lab/users?rows=100&delay_ms=0&serializer=direct"},
    {{.rows = 100, .delay_ms = 15, .serializer = SERIALIZER_JANSSON},
     "/lab/users?rows=100&delay_ms=15&serializer=jansson"},
    {{.rows = 1, .serializer = SERIALIZER_NONE, .spin_us = 1},
     "/lab/users?rows=1&delay_ms=0&serializer=none&spin_us=1"},
    {{.rows = 20, .fan_out = 20}, "/lab/users?fan_out=20&delay_ms=0&serializer=direct"},
    {{.rows = 500, .fan_out = 500, .delay_ms = 1000, .serializer = SERIALIZER_POSTGRES, .spin_us = 100000},
     "/lab/users?fan_out=500&delay_ms=1000&serializer=postgres&spin_us=100000"},
};

START_TEST(knobs_are_written_as_their_target)
{
    char text[KNOBS_TEXT_SIZE_MAX];
    knobs_write(&written[_i].knobs, text);
    ck_assert_str_eq(text, written[_i].text);
}
END_TEST

START_TEST(what_is_written_is_read_as_it_was)
{
    assert_knobs(strchr(written[_i].text, '?') + 1, written[_i].knobs);
}
END_TEST

START_TEST(even_absurd_knobs_fit_their_text)
{
    char text[KNOBS_TEXT_SIZE_MAX];
    knobs_write(&(struct knobs){UINT32_MAX, UINT32_MAX, SERIALIZER_POSTGRES, UINT32_MAX, UINT32_MAX}, text);
    ck_assert_str_eq(text, "/lab/users?fan_out=4294967295&delay_ms=4294967295&serializer=postgres"
                           "&spin_us=4294967295");
}
END_TEST

/* Each stands before the next. */
static const struct knobs ordered[] = {
    {.rows = 1},
    {.rows = 1, .serializer = SERIALIZER_JANSSON},
    {.rows = 1, .serializer = SERIALIZER_NONE},
    {.rows = 1, .spin_us = 1},
    {.rows = 1, .spin_us = 2, .serializer = SERIALIZER_JANSSON},
    {.rows = 1, .delay_ms = 1},
    {.rows = 1, .delay_ms = 15, .spin_us = 1},
    {.rows = 2},
    {.rows = 1000, .delay_ms = 1000, .serializer = SERIALIZER_NONE, .spin_us = 100000},
    {.rows = 1, .fan_out = 1},
    {.rows = 2, .fan_out = 2},
};

START_TEST(knobs_have_an_order)
{
    for (int i = 0; i < COUNT_OF(ordered); i++) {
        int expected = _i < i ? -1 : _i > i;
        int order = knobs_compare(&ordered[_i], &ordered[i]);
        ck_assert_int_eq(order < 0 ? -1 : order > 0, expected);
        ck_assert_int_eq(knobs_equal(&ordered[_i], &ordered[i]), _i == i);
    }
}
END_TEST

START_TEST(every_serializer_has_its_name)
{
    ck_assert_str_eq(serializer_name(SERIALIZER_DIRECT), "direct");
    ck_assert_str_eq(serializer_name(SERIALIZER_JANSSON), "jansson");
    ck_assert_str_eq(serializer_name(SERIALIZER_POSTGRES), "postgres");
    ck_assert_str_eq(serializer_name(SERIALIZER_NONE), "none");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/knobs");
    TCase *tests = tcase_create("knobs");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_empty_query_has_the_defaults);
    tcase_add_test(tests, every_knob_is_read);
    tcase_add_test(tests, a_knob_may_be_at_its_limits);
    tcase_add_loop_test(tests, a_value_that_is_wrong_is_named_with_what_it_must_be, 0,
                        COUNT_OF(wrong_values));
    tcase_add_loop_test(tests, a_knob_cannot_be_repeated, 0, COUNT_OF(wrong_values));
    tcase_add_test(tests, rows_cannot_be_given_beside_fan_out);
    tcase_add_test(tests, what_is_no_knob_is_unknown);
    tcase_add_test(tests, every_wrong_parameter_is_named_once);
    tcase_add_test(tests, errors_beyond_the_limit_are_left_out);
    tcase_add_test(tests, a_malformed_escape_is_a_malformed_target);
    tcase_add_test(tests, no_memory_is_a_fault_of_its_own);
    tcase_add_loop_test(tests, knobs_are_written_as_their_target, 0, COUNT_OF(written));
    tcase_add_loop_test(tests, what_is_written_is_read_as_it_was, 0, COUNT_OF(written));
    tcase_add_test(tests, even_absurd_knobs_fit_their_text);
    tcase_add_loop_test(tests, knobs_have_an_order, 0, COUNT_OF(ordered));
    tcase_add_test(tests, every_serializer_has_its_name);
    suite_add_tcase(suite, tests);
    return suite;
}
