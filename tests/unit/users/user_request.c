#include "users/user_request.h"

#include "http/request_fixture.h"
#include "suite.h"
#include "users/user_cursor.h"

#include <stdio.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct request *request;
static struct user_json_flaws flaws;

static void set_up(void)
{
    request = request_fixture_new(METHOD_POST, "/users");
}

static void tear_down(void)
{
    request_fixture_free(request);
}

static enum fault read_body(const char *type, const char *coding, enum user_json_form form)
{
    struct user user;
    request->headers[HEADER_CONTENT_TYPE] = type ? text_of(type) : (struct text){NULL, 0};
    request->headers[HEADER_CONTENT_ENCODING] = coding ? text_of(coding) : (struct text){NULL, 0};
    request->body = TEXT("{\"name\":\"Ada\",\"email\":\"a@b\"}");
    return user_request_body(request, form, &user, &flaws);
}

static const char *const json_types[] = {
    "application/json",
    "Application/JSON",
    "application/json;charset=utf-8",
    "application/json; charset=UTF-8",
    "application/json \t; \tCharset=\"Utf-8\"",
    "application/json;",
    "application/json;;charset=utf-8; ",
};

START_TEST(json_is_accepted_everywhere)
{
    ck_assert_int_eq((int)read_body(json_types[_i], NULL, USER_JSON_WHOLE), FAULT_NONE);
    ck_assert_int_eq((int)read_body(json_types[_i], NULL, USER_JSON_PATCH), FAULT_NONE);
    ck_assert_ptr_null(request->response.accept);
}
END_TEST

START_TEST(a_merge_patch_is_accepted_as_a_patch_alone)
{
    ck_assert_int_eq((int)read_body("application/merge-patch+json; charset=utf-8", NULL, USER_JSON_PATCH),
                     FAULT_NONE);
    ck_assert_int_eq((int)read_body("application/merge-patch+json", NULL, USER_JSON_WHOLE), FAULT_MEDIA_TYPE);
    ck_assert_str_eq(request->response.accept, "application/json");
}
END_TEST

static const char *const other_types[] = {
    NULL,
    "",
    "text/plain",
    "application/jsonx",
    "application/json-patch+json",
    "application/vnd.api+json",
    "application/x-www-form-urlencoded",
    "application",
    "*/*",
    "application/json, application/json",
    "application/json charset=utf-8",
    "application/json; charset=latin1",
    "application/json; charset=\"utf-8",
    "application/json; charset= utf-8",
    "application/json; charset",
    "application/json; version=1",
    "application/json; charset=utf-8; version=1",
};

START_TEST(any_other_media_type_is_refused_with_those_accepted)
{
    ck_assert_int_eq((int)read_body(other_types[_i], NULL, USER_JSON_WHOLE), FAULT_MEDIA_TYPE);
    ck_assert_str_eq(request->response.accept, "application/json");
    ck_assert_int_eq((int)read_body(other_types[_i], NULL, USER_JSON_PATCH), FAULT_MEDIA_TYPE);
    ck_assert_str_eq(request->response.accept, "application/merge-patch+json, application/json");
}
END_TEST

START_TEST(identity_is_the_only_content_coding)
{
    static const char *const accepted[] = {"", "identity", "Identity", "identity, identity", ","};
    static const char *const refused[] = {"gzip", "identity, gzip", "identityx", "br", "x"};
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
        ck_assert_int_eq((int)read_body("application/json", accepted[i], USER_JSON_WHOLE), FAULT_NONE);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        ck_assert_int_eq((int)read_body("application/json", refused[i], USER_JSON_WHOLE),
                         FAULT_CONTENT_CODING);
}
END_TEST

static enum fault read_page(const char *query, struct user_page *page)
{
    request->query = text_of(query);
    return user_request_page(request, page, &flaws);
}

static const struct {
    const char *query;
    int limit;
} limits[] = {
    {"", 20}, {"limit=1", 1}, {"limit=20", 20}, {"limit=999", 999}, {"limit=1000", 1000}, {"%6cimit=%37&", 7},
};

START_TEST(a_limit_is_a_number_from_1_to_1000)
{
    struct user_page page = {.after = -1};
    ck_assert_int_eq((int)read_page(limits[_i].query, &page), FAULT_NONE);
    ck_assert_int_eq(page.limit, limits[_i].limit);
    ck_assert_int_eq(page.after, 0);
}
END_TEST

START_TEST(a_cursor_says_where_a_page_starts)
{
    struct user_page page;
    char query[64] = "after=";
    (void)user_cursor_encode(query + 6, 12345);
    ck_assert_int_eq((int)read_page(query, &page), FAULT_NONE);
    ck_assert_int_eq(page.after, 12345);
    ck_assert_int_eq(page.limit, 20);
}
END_TEST

#define LIMIT_FLAW "must be a whole number from 1 to 1000"
#define AFTER_FLAW "must be the `next` of an earlier page"

static const struct {
    const char *query;
    const char *fields[3];
    const char *reasons[3];
} wrong_queries[] = {
    {"limit=0", {"limit"}, {LIMIT_FLAW}},
    {"limit=1001", {"limit"}, {LIMIT_FLAW}},
    {"limit=-1", {"limit"}, {LIMIT_FLAW}},
    {"limit=", {"limit"}, {LIMIT_FLAW}},
    {"limit", {"limit"}, {LIMIT_FLAW}},
    {"limit=ten", {"limit"}, {LIMIT_FLAW}},
    {"limit=1.5", {"limit"}, {LIMIT_FLAW}},
    {"limit=+1", {"limit"}, {LIMIT_FLAW}},
    {"limit=99999999999999999999", {"limit"}, {LIMIT_FLAW}},
    {"limit=1%00", {"limit"}, {LIMIT_FLAW}},
    {"limit=1&limit=1", {"limit"}, {"must not be repeated"}},
    {"limit=1&limit=1&limit=x", {"limit"}, {"must not be repeated"}},
    {"after=", {"after"}, {AFTER_FLAW}},
    {"after=1", {"after"}, {AFTER_FLAW}},
    {"after=AQAAAAAAAAAAAAAA", {"after"}, {AFTER_FLAW}},
    {"offset=5", {"offset"}, {"is unknown"}},
    {"Limit=5", {"Limit"}, {"is unknown"}},
    {"=5", {""}, {"is unknown"}},
    {"x=1&x=2", {"x"}, {"is unknown"}},
    {"after=x&limit=0&page=1", {"page", "limit", "after"}, {"is unknown", LIMIT_FLAW, AFTER_FLAW}},
};

START_TEST(every_wrong_parameter_is_named_once)
{
    struct user_page page = {.limit = -1};
    ck_assert_int_eq((int)read_page(wrong_queries[_i].query, &page), FAULT_VALIDATION);
    ck_assert_int_eq(page.limit, -1);
    size_t count = 0;
    for (; count < 3 && wrong_queries[_i].fields[count]; count++) {
        ck_assert_uint_lt(count, flaws.count);
        ck_assert(text_equal(flaws.errors[count].field, text_of(wrong_queries[_i].fields[count])));
        ck_assert_str_eq(flaws.errors[count].reason, wrong_queries[_i].reasons[count]);
    }
    ck_assert_uint_eq(flaws.count, count);
}
END_TEST

START_TEST(wrong_parameters_beyond_the_limit_are_left_out)
{
    struct user_page page;
    char query[256], *end = query;
    for (int i = 0; i < USER_JSON_ERRORS_MAX + 1; i++)
        end += snprintf(end, 8, "x%d&", i);
    ck_assert_int_eq((int)read_page(query, &page), FAULT_VALIDATION);
    ck_assert_uint_eq(flaws.count, USER_JSON_ERRORS_MAX);
}
END_TEST

START_TEST(a_malformed_query_is_a_malformed_target)
{
    struct user_page page;
    ck_assert_int_eq((int)read_page("limit=%zz", &page), FAULT_TARGET);
    ck_assert_int_eq((int)read_page("%ff=1", &page), FAULT_TARGET);
}
END_TEST

static enum fault read_key(struct text field, struct text *ret_key)
{
    request->headers[HEADER_IDEMPOTENCY_KEY] = field;
    return user_request_key(request, ret_key);
}

static const struct {
    const char *field;
    const char *key;
} keys[] = {
    {"a", "a"},
    {"8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"},
    {"\"8e03978e\"", "8e03978e"},
    {"\"a b\"", "a b"},
    {"\"a\\\"b\\\\c\"", "a\"b\\c"},
    {"a\"b", "a\"b"},
    {"!~", "!~"},
};

START_TEST(a_key_is_read_with_or_without_quotes)
{
    struct text key;
    ck_assert_int_eq((int)read_key(text_of(keys[_i].field), &key), FAULT_NONE);
    ck_assert(text_equal(key, text_of(keys[_i].key)));
}
END_TEST

START_TEST(an_absent_key_is_no_fault)
{
    struct text key = TEXT("x");
    ck_assert_int_eq((int)read_key((struct text){NULL, 0}, &key), FAULT_NONE);
    ck_assert_uint_eq(key.size, 0);
}
END_TEST

static const char *const bad_keys[] = {
    "",    "\"\"", "\"",       "\"a",         "\"a\"b", "\"a\"\"", "\"a\\\"",  "\"a\\",    "\"a\\b\"",
    "a b", "a\tb", "\"a\tb\"", "caf\xC3\xA9", "\x7F",   "a\x01",   "\"\x7F\"", "\"a\"; b",
};

START_TEST(a_malformed_key_is_refused)
{
    struct text key;
    ck_assert_int_eq((int)read_key(text_of(bad_keys[_i]), &key), FAULT_IDEMPOTENCY_KEY);
}
END_TEST

START_TEST(a_key_has_at_most_255_characters)
{
    char field[258];
    struct text key;
    memset(field, 'k', sizeof(field));
    ck_assert_int_eq((int)read_key((struct text){field, 254}, &key), FAULT_NONE);
    ck_assert_int_eq((int)read_key((struct text){field, 255}, &key), FAULT_NONE);
    ck_assert_int_eq((int)read_key((struct text){field, 256}, &key), FAULT_IDEMPOTENCY_KEY);
    field[0] = field[256] = '"';
    ck_assert_int_eq((int)read_key((struct text){field, 257}, &key), FAULT_NONE);
    ck_assert_uint_eq(key.size, 255);
    field[256] = 'k';
    field[257] = '"';
    ck_assert_int_eq((int)read_key((struct text){field, 258}, &key), FAULT_IDEMPOTENCY_KEY);
}
END_TEST

START_TEST(a_full_arena_is_a_fault)
{
    struct text key;
    struct user_page page;
    tear_down();
    request = request_fixture_new(METHOD_GET, "/users");
    request_fixture_exhaust(request);
    ck_assert_int_eq((int)read_key(TEXT("\"a\""), &key), FAULT_MEMORY);
    ck_assert_int_eq((int)read_page("limit=1", &page), FAULT_MEMORY);
    ck_assert_int_eq((int)read_body("application/json", NULL, USER_JSON_WHOLE), FAULT_MEMORY);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("users/user_request");
    TCase *tests = tcase_create("reading");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, json_is_accepted_everywhere, 0, COUNT_OF(json_types));
    tcase_add_test(tests, a_merge_patch_is_accepted_as_a_patch_alone);
    tcase_add_loop_test(tests, any_other_media_type_is_refused_with_those_accepted, 0, COUNT_OF(other_types));
    tcase_add_test(tests, identity_is_the_only_content_coding);
    tcase_add_loop_test(tests, a_limit_is_a_number_from_1_to_1000, 0, COUNT_OF(limits));
    tcase_add_test(tests, a_cursor_says_where_a_page_starts);
    tcase_add_loop_test(tests, every_wrong_parameter_is_named_once, 0, COUNT_OF(wrong_queries));
    tcase_add_test(tests, wrong_parameters_beyond_the_limit_are_left_out);
    tcase_add_test(tests, a_malformed_query_is_a_malformed_target);
    tcase_add_loop_test(tests, a_key_is_read_with_or_without_quotes, 0, COUNT_OF(keys));
    tcase_add_test(tests, an_absent_key_is_no_fault);
    tcase_add_loop_test(tests, a_malformed_key_is_refused, 0, COUNT_OF(bad_keys));
    tcase_add_test(tests, a_key_has_at_most_255_characters);
    tcase_add_test(tests, a_full_arena_is_a_fault);
    suite_add_tcase(suite, tests);
    return suite;
}
