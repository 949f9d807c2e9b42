#include "users/user_precondition.h"

#include "http/request_fixture.h"
#include "suite.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct text field_of(const char *value)
{
    return value ? text_of(value) : (struct text){NULL, 0};
}

static enum fault read_fields(const char *match, const char *none_match,
                              struct user_precondition *ret_precondition)
{
    struct request *request = request_fixture_new(METHOD_GET, "/users/1");
    request->headers[HEADER_IF_MATCH] = field_of(match);
    request->headers[HEADER_IF_NONE_MATCH] = field_of(none_match);
    enum fault fault = user_precondition_read(request, ret_precondition);
    request_fixture_free(request);
    return fault;
}

/* The verdict for a user of version 3. */
static enum user_verdict judge(const char *match, const char *none_match, enum method method)
{
    struct user_precondition precondition;
    ck_assert_int_eq((int)read_fields(match, none_match, &precondition), FAULT_NONE);
    return user_precondition_judge(&precondition, method, 3);
}

static const char *const malformed[] = {
    "3",   "\"3",     "3\"",       "\"",       "\"3\" \"4\"",  "\"3\"x",   "w/\"3\"",
    "W/3", "W/",      "W",         "\"3\";",   "*, *",         "*,\"3\"",  "\"3\",*",
    "**",  "\"a b\"", "\"a\x7F\"", "\"3\", 4", "\"3\"W/\"4\"", "W/ \"3\"", "\"a\tb\"",
};

START_TEST(a_malformed_list_of_tags_is_refused)
{
    struct user_precondition precondition = {.match = {NULL, 0}};
    ck_assert_int_eq((int)read_fields(malformed[_i], NULL, &precondition), FAULT_FIELD);
    ck_assert_int_eq((int)read_fields(NULL, malformed[_i], &precondition), FAULT_FIELD);
}
END_TEST

static const struct {
    const char *field;
    bool strong, weak; /* does it match version 3 in a strong, in a weak comparison? */
} lists[] = {
    {"\"3\"", true, true},
    {"*", true, true},
    {"W/\"3\"", false, true},
    {"\"2\"", false, false},
    {"\"33\"", false, false},
    {"\"03\"", false, false},
    {"\"\"", false, false},
    {"\"abc\"", false, false},
    {"\"*\"", false, false},
    {"\"\xC3\xA9\"", false, false},
    {"\"0\"", false, false},
    {"\"-3\"", false, false},
    {"\"99999999999999999999\"", false, false},
    {"\"18446744073709551619\"", false, false},
    {"\"1\", \"3\"", true, true},
    {"\"1\",\"2\" ,\t\"3\"", true, true},
    {"\"1\", W/\"3\"", false, true},
    {"W/\"1\", \"3\"", true, true},
    {"\"a,\", \"3\"", true, true},
    {"\"3,\"", false, false},
    {", ,\"3\",,", true, true},
    {"", false, false},
    {",", false, false},
};

START_TEST(if_match_compares_strongly)
{
    enum user_verdict expected = lists[_i].strong ? USER_VERDICT_PROCEED : USER_VERDICT_FAILED;
    ck_assert_int_eq((int)judge(lists[_i].field, NULL, METHOD_PUT), (int)expected);
    ck_assert_int_eq((int)judge(lists[_i].field, NULL, METHOD_GET), (int)expected);
}
END_TEST

START_TEST(if_none_match_compares_weakly)
{
    enum user_verdict expected = lists[_i].weak ? USER_VERDICT_NOT_MODIFIED : USER_VERDICT_PROCEED;
    ck_assert_int_eq((int)judge(NULL, lists[_i].field, METHOD_GET), (int)expected);
    ck_assert_int_eq((int)judge(NULL, lists[_i].field, METHOD_HEAD), (int)expected);
}
END_TEST

START_TEST(if_none_match_fails_a_change)
{
    ck_assert_int_eq((int)judge(NULL, "\"3\"", METHOD_PUT), USER_VERDICT_FAILED);
    ck_assert_int_eq((int)judge(NULL, "*", METHOD_PATCH), USER_VERDICT_FAILED);
    ck_assert_int_eq((int)judge(NULL, "W/\"3\"", METHOD_DELETE), USER_VERDICT_FAILED);
    ck_assert_int_eq((int)judge(NULL, "\"2\"", METHOD_DELETE), USER_VERDICT_PROCEED);
}
END_TEST

START_TEST(if_match_comes_before_if_none_match)
{
    ck_assert_int_eq((int)judge("\"2\"", "\"3\"", METHOD_GET), USER_VERDICT_FAILED);
    ck_assert_int_eq((int)judge("\"3\"", "\"3\"", METHOD_GET), USER_VERDICT_NOT_MODIFIED);
    ck_assert_int_eq((int)judge("\"3\"", "\"2\"", METHOD_GET), USER_VERDICT_PROCEED);
}
END_TEST

START_TEST(without_a_condition_all_proceeds)
{
    ck_assert_int_eq((int)judge(NULL, NULL, METHOD_GET), USER_VERDICT_PROCEED);
    ck_assert_int_eq((int)judge(NULL, NULL, METHOD_DELETE), USER_VERDICT_PROCEED);
}
END_TEST

static const struct {
    const char *match, *none_match;
    int64_t version; /* -1: the user must be looked at */
} simple[] = {
    {NULL, NULL, 0},
    {"*", NULL, 0},
    {"\"3\"", NULL, 3},
    {" \"3\" ,", NULL, 3},
    {"\"9223372036854775807\"", NULL, INT64_MAX},
    {"\"9223372036854775808\"", NULL, -1},
    {"W/\"3\"", NULL, -1},
    {"\"abc\"", NULL, -1},
    {"\"3\", \"4\"", NULL, -1},
    {"", NULL, -1},
    {NULL, "\"3\"", -1},
    {"\"3\"", "\"4\"", -1},
};

START_TEST(one_version_or_any_needs_no_look_at_the_user)
{
    struct user_precondition precondition;
    int64_t version = -1;
    ck_assert_int_eq((int)read_fields(simple[_i].match, simple[_i].none_match, &precondition), FAULT_NONE);
    bool is_simple = user_precondition_version(&precondition, &version);
    ck_assert_int_eq(is_simple, simple[_i].version >= 0);
    if (is_simple) ck_assert_int_eq(version, simple[_i].version);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("users/user_precondition");
    TCase *tests = tcase_create("preconditions");
    tcase_add_loop_test(tests, a_malformed_list_of_tags_is_refused, 0, COUNT_OF(malformed));
    tcase_add_loop_test(tests, if_match_compares_strongly, 0, COUNT_OF(lists));
    tcase_add_loop_test(tests, if_none_match_compares_weakly, 0, COUNT_OF(lists));
    tcase_add_test(tests, if_none_match_fails_a_change);
    tcase_add_test(tests, if_match_comes_before_if_none_match);
    tcase_add_test(tests, without_a_condition_all_proceeds);
    tcase_add_loop_test(tests, one_version_or_any_needs_no_look_at_the_user, 0, COUNT_OF(simple));
    suite_add_tcase(suite, tests);
    return suite;
}
