#include "users/user_json.h"

#include "suite.h"

#include <jansson.h>
#include <stdlib.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static _Alignas(16) char memory[1 << 16];
static struct arena arena;
static struct user user;
static struct user_json_flaws flaws;

static void set_up(void)
{
    arena_init(&arena, memory, sizeof(memory), 1 << 20);
    user = (struct user){.id = 7};
    memset(&flaws, 0, sizeof(flaws));
}

static void tear_down(void)
{
    arena_release(&arena);
}

/* Reads an exact copy on the heap, so that the sanitizer sees the end, and it is gone afterwards. */
static enum fault read_text(struct text body, enum user_json_form form)
{
    char *copy = malloc(body.size + 1);
    ck_assert_ptr_nonnull(copy);
    char *exact = realloc(copy, body.size > 0 ? body.size : 1);
    ck_assert_ptr_nonnull(exact);
    if (body.size > 0) memcpy(exact, body.bytes, body.size);
    enum fault fault = user_json_read(&arena, (struct text){exact, body.size}, form, &user, &flaws);
    free(exact);
    return fault;
}

static enum fault read_whole(const char *body)
{
    return read_text(text_of(body), USER_JSON_WHOLE);
}

static enum fault read_patch(const char *body)
{
    return read_text(text_of(body), USER_JSON_PATCH);
}

static void assert_text(struct text text, const char *expected)
{
    ck_assert_msg(text_equal(text, text_of(expected)), "\"%.*s\" is not \"%s\"", (int)text.size, text.bytes,
                  expected);
}

static void assert_error(size_t index, const char *field, const char *reason)
{
    ck_assert_uint_lt(index, flaws.count);
    assert_text(flaws.errors[index].field, field);
    ck_assert_str_eq(flaws.errors[index].reason, reason);
}

static void assert_only_error(enum fault fault, const char *field, const char *reason)
{
    ck_assert_int_eq((int)fault, FAULT_VALIDATION);
    ck_assert_uint_eq(flaws.count, 1);
    assert_error(0, field, reason);
}

START_TEST(a_user_is_written_with_all_its_members)
{
    char body[512];
    struct user ada = {.id = 42,
                       .name = TEXT("Ada \"L\""),
                       .email = TEXT("ada@example.org"),
                       .created_at_us = INT64_C(1709210096000001),
                       .updated_at_us = INT64_C(1709210097000000),
                       .version = 3};
    char *end = user_json_write(body, &ada);
    assert_text(
        (struct text){body, (size_t)(end - body)},
        "{\"id\":42,\"name\":\"Ada \\\"L\\\"\",\"email\":\"ada@example.org\","
        "\"created_at\":\"2024-02-29T12:34:56.000001Z\",\"updated_at\":\"2024-02-29T12:34:57.000000Z\","
        "\"version\":3}");
}
END_TEST

START_TEST(the_largest_user_fits_the_promised_size)
{
    char name[800], email[254];
    memset(name, 1, sizeof(name));
    memset(email, 1, sizeof(email));
    struct user largest = {.id = INT64_MIN,
                           .name = {name, sizeof(name)},
                           .email = {email, sizeof(email)},
                           .created_at_us = INT64_MAX,
                           .updated_at_us = INT64_MIN,
                           .version = INT64_MIN};
    size_t size_max = user_json_size_max(&largest);
    char *body = malloc(size_max);
    ck_assert_ptr_nonnull(body);
    char *end = user_json_write(body, &largest);
    ck_assert_uint_le((size_t)(end - body), size_max);
    ck_assert_uint_ge((size_t)(end - body) + 2,
                      size_max - 1); /* the bound is tight: only its own end is spare */
    free(body);
}
END_TEST

START_TEST(name_and_email_are_read_and_kept)
{
    ck_assert_int_eq(
        (int)read_whole(" {\"email\":\"ada@example.org\",\n\"name\":\"Ada\\u0020\\u00e9 \xC3\xA9\"} "),
        FAULT_NONE);
    assert_text(user.name, "Ada \u00e9 \u00e9");
    assert_text(user.email, "ada@example.org");
    ck_assert_int_eq(user.id, 7);
}
END_TEST

START_TEST(a_surrogate_pair_is_one_character)
{
    ck_assert_int_eq((int)read_whole("{\"name\":\"\\ud83d\\ude00\",\"email\":\"a@b\"}"), FAULT_NONE);
    assert_text(user.name, "😀");
}
END_TEST

START_TEST(absent_members_of_a_patch_have_no_bytes)
{
    ck_assert_int_eq((int)read_patch("{}"), FAULT_NONE);
    ck_assert_ptr_null(user.name.bytes);
    ck_assert_ptr_null(user.email.bytes);
    ck_assert_int_eq((int)read_patch("{\"name\":\"Ada\"}"), FAULT_NONE);
    assert_text(user.name, "Ada");
    ck_assert_ptr_null(user.email.bytes);
    ck_assert_int_eq((int)read_patch("{\"email\":\"a@b\"}"), FAULT_NONE);
    ck_assert_ptr_null(user.name.bytes);
    assert_text(user.email, "a@b");
}
END_TEST

START_TEST(absent_members_of_a_whole_user_are_flaws)
{
    ck_assert_int_eq((int)read_whole("{}"), FAULT_VALIDATION);
    ck_assert_uint_eq(flaws.count, 2);
    assert_error(0, "name", "is required");
    assert_error(1, "email", "is required");
}
END_TEST

START_TEST(null_cannot_remove_a_member)
{
    assert_only_error(read_patch("{\"name\":null}"), "name", "cannot be removed");
    assert_only_error(read_whole("{\"name\":\"Ada\",\"email\":null}"), "email", "must be a string");
}
END_TEST

START_TEST(every_wrong_member_is_named)
{
    ck_assert_int_eq((int)read_whole("{\"name\":1,\"email\":\"x\",\"id\":5,\"admin\":true}"),
                     FAULT_VALIDATION);
    ck_assert_uint_eq(flaws.count, 4);
    assert_error(0, "name", "must be a string");
    assert_error(1, "email", "must have an @");
    assert_error(2, "id", "cannot be set");
    assert_error(3, "admin", "is unknown");
}
END_TEST

START_TEST(what_the_service_sets_cannot_be_set)
{
    static const char *const names[] = {"id", "created_at", "updated_at", "version"};
    ck_assert_int_eq((int)read_patch("{\"id\":1,\"created_at\":\"x\",\"updated_at\":0,\"version\":null}"),
                     FAULT_VALIDATION);
    ck_assert_uint_eq(flaws.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_error(i, names[i], "cannot be set");
}
END_TEST

START_TEST(member_names_are_compared_with_their_case_and_to_their_end)
{
    assert_only_error(read_patch("{\"Name\":\"Ada\"}"), "Name", "is unknown");
    assert_only_error(read_patch("{\"names\":\"Ada\"}"), "names", "is unknown");
    assert_only_error(read_patch("{\"\":\"Ada\"}"), "", "is unknown");
}
END_TEST

START_TEST(flaws_beyond_the_limit_are_left_out)
{
    char body[512], *end = body;
    *end++ = '{';
    for (int i = 0; i < USER_JSON_ERRORS_MAX + 1; i++)
        end += snprintf(end, 16, "%s\"x%d\":0", i > 0 ? "," : "", i);
    memcpy(end, "}", 2);
    ck_assert_int_eq((int)read_patch(body), FAULT_VALIDATION);
    ck_assert_uint_eq(flaws.count, USER_JSON_ERRORS_MAX);
    assert_error(USER_JSON_ERRORS_MAX - 1, "x15", "is unknown");
}
END_TEST

static const char *const other_values[] = {"null", "true", "1", "-0.5e1", "\"{}\"", "[]", "[{}]", " 1 "};

START_TEST(a_body_that_is_no_object_is_wrong_as_a_whole)
{
    assert_only_error(read_whole(other_values[_i]), "", "must be a JSON object");
    assert_only_error(read_patch(other_values[_i]), "", "must be a JSON object");
}
END_TEST

static const char *const other_types[] = {"true", "1", "1.5", "[\"x\"]", "{\"x\":1}"};

START_TEST(a_value_of_another_type_is_refused)
{
    char body[64];
    (void)snprintf(body, sizeof(body), "{\"name\":%s}", other_types[_i]);
    assert_only_error(read_patch(body), "name", "must be a string");
}
END_TEST

static const struct {
    const char *body;
    const char *field;
    const char *reason;
} unholdable[] = {
    {"{\"name\":\"a\",\"name\":\"b\"}", "name", "must not appear twice"},
    {"{\"name\":\"a\",\"na\\u006de\":\"b\"}", "name", "must not appear twice"},
    {"{\"x\":{\"y\":1,\"y\":2}}", "y", "must not appear twice"},
    {"{\"email\":\"a\",\"name\":\"x\\u0000y\"}", "name", "must not have the character U+0000"},
    {"{\"email\":{\"z\":\"\\u0000\"}}", "email", "must not have the character U+0000"},
    {"[\"\\u0000\"]", "", "must not have the character U+0000"},
    {"{\"a\\u0000b\":1}", "a\\u0000b", "must not have the character U+0000 in its name"},
    {"{\"name\":1e400}", "name", "must not have a number as large as this"},
    {"{\"name\":99999999999999999999}", "name", "must not have a number as large as this"},
    {"{\"id\":-9223372036854775809}", "id", "must not have a number as large as this"},
};

START_TEST(json_that_no_user_can_be_is_invalid_not_malformed)
{
    assert_only_error(read_patch(unholdable[_i].body), unholdable[_i].field, unholdable[_i].reason);
}
END_TEST

static const struct {
    struct text body;
    const char *detail; /* how it begins */
} malformed[] = {
    {{"", 0}, "line 1, column 1: the body is empty"},
    {{" ", 1}, "line 1, column 1: "},
    {{"\n", 1}, "line 2, column 1: "},
    {{"{", 1}, "line 1, column 1: "},
    {{"{\"name\":}", 9}, "line 1, column 9: "},
    {{"{\n\"name\": nul }", 15}, "line 2, column 11: "},
    {{"{\"name\":\"a\",}", 13}, "line 1, column 13: "},
    {{"{'name':1}", 10}, "line 1, column 2: "},
    {{"[1,]", 4}, "line 1, column 4: "},
    {{"01", 2}, "line 1, column "},
    {{"+1", 2}, "line 1, column 1: "},
    {{".5", 2}, "line 1, column 1: "},
    {{"1.", 2}, "line 1, column "},
    {{"NaN", 3}, "line 1, column 3: "},
    {{"{} x", 4}, "line 1, column 4: "},
    {{"{}{}", 4}, "line 1, column 3: "},
    {{"\"\\x\"", 4}, "line 1, column "},
    {{"\"\\ud800\"", 8}, "line 1, column "},
    {{"\"\\udc00\\ud800\"", 14}, "line 1, column "},
    {{"\"a\tb\"", 5}, "line 1, column "},
    {{"\"abc", 4}, "line 1, column "},
    {{"/**/{}", 6}, "line 1, column 1: "},
    {{"\xEF\xBB\xBF{}", 5}, "line 1, column 1: "},
    {{"{\"\xC3\xA9\":\xC3\xA9}", 8}, "line 1, column "},
    {{"\"\\\xC3\xA9\"", 5}, "line 1, column "},
    {{"{}\0", 3}, "line 1, column 3: NUL is not allowed"},
    {{"{\"a\":1\0}", 8}, "line 1, column 7: NUL is not allowed"},
    {{"\0", 1}, "line 1, column 1: NUL is not allowed"},
    {{"{\n\"\xC3\xA9\xFF\"}", 8}, "line 2, column 3: not UTF-8"},
    {{"\xFF\0", 2}, "line 1, column 1: not UTF-8"},
    {{"\0\xFF", 2}, "line 1, column 1: NUL is not allowed"},
    {{"\"\xED\xA0\x80\"", 5}, "line 1, column 2: not UTF-8"},
};

START_TEST(malformed_json_is_refused_with_its_place)
{
    const char *expected = malformed[_i].detail;
    ck_assert_int_eq((int)read_text(malformed[_i].body, USER_JSON_WHOLE), FAULT_JSON);
    ck_assert_ptr_nonnull(flaws.detail);
    ck_assert_msg(strncmp(flaws.detail, expected, strlen(expected)) == 0, "%s", flaws.detail);
    ck_assert_msg(text_is_utf8(text_of(flaws.detail), NULL), "%s", flaws.detail);
    ck_assert_uint_gt(strlen(flaws.detail), strlen("line 1, column 1: "));
    ck_assert_uint_eq(flaws.count, 0);
}
END_TEST

/* depth arrays within each other. */
static struct text nest(size_t depth, char open, char close)
{
    static char body[200000];
    memset(body, open, depth);
    memset(body + depth, close, depth);
    return (struct text){body, 2 * depth};
}

START_TEST(arrays_nest_32_deep_and_no_deeper)
{
    ck_assert_int_eq((int)read_text(nest(31, '[', ']'), USER_JSON_WHOLE), FAULT_VALIDATION);
    ck_assert_int_eq((int)read_text(nest(32, '[', ']'), USER_JSON_WHOLE), FAULT_VALIDATION);
    ck_assert_int_eq((int)read_text(nest(33, '[', ']'), USER_JSON_WHOLE), FAULT_JSON_TOO_DEEP);
    ck_assert_int_eq((int)read_text(nest(100000, '[', ']'), USER_JSON_WHOLE), FAULT_JSON_TOO_DEEP);
    ck_assert_int_eq((int)read_text(nest(100000, '{', '}'), USER_JSON_WHOLE), FAULT_JSON_TOO_DEEP);
}
END_TEST

START_TEST(brackets_in_strings_do_not_nest)
{
    char body[128] = "{\"name\":\"\\\"";
    memset(body + 11, '[', 40);
    memcpy(body + 51, "\"}", 3);
    ck_assert_int_eq((int)read_patch(body), FAULT_NONE);
    ck_assert_uint_eq(user.name.size, 41);
}
END_TEST

START_TEST(a_short_arena_is_a_fault_at_every_piece)
{
    static const char *const bodies[] = {
        "{\"name\":\"Ada\",\"email\":\"a@b\"}", "{\"x\":1,\"y\":2}", "{", "{\"x\":1,\"x\":2}", "\xFF", "[]"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        arena_release(&arena);
        arena_init(&arena, memory, 0, 0);
        ck_assert_int_eq((int)read_whole(bodies[i]), FAULT_MEMORY);
    }
    arena_release(&arena);
    arena_init(&arena, memory, 16, 0);
    ck_assert_int_eq((int)read_whole(bodies[0]), FAULT_MEMORY);
    ck_assert_ptr_null(user.name.bytes);
}
END_TEST

/* jansson's memory, which can run short. */
static size_t allocations_left;
static size_t allocations_held;

static void *scarce_malloc(size_t size)
{
    if (allocations_left == 0) return NULL;
    allocations_left--;
    void *piece = malloc(size);
    if (piece) allocations_held++;
    return piece;
}

static void counting_free(void *piece)
{
    if (piece) allocations_held--;
    free(piece);
}

/* jansson reports some allocations that failed as bad grammar. */
START_TEST(a_short_heap_is_a_fault_and_nothing_is_lost)
{
    static const char body[] = "{\"name\":\"Ada\",\"email\":\"a@b\",\"x\":[1,{\"y\":2.5}]}";
    size_t allowed = 0;
    enum fault fault = FAULT_MEMORY;
    json_set_alloc_funcs(scarce_malloc, counting_free);
    for (; fault != FAULT_VALIDATION && allowed < 1000; allowed++) {
        allocations_left = allowed;
        fault = read_whole(body);
        ck_assert_uint_eq(allocations_held, 0);
        if (allowed == 0) ck_assert_int_eq((int)fault, FAULT_MEMORY);
        ck_assert_int_ne((int)fault, FAULT_NONE);
    }
    ck_assert_int_eq((int)fault, FAULT_VALIDATION);
    ck_assert_uint_gt(allowed, 5);
}
END_TEST

START_TEST(nothing_is_lost_on_any_path)
{
    json_set_alloc_funcs(scarce_malloc, counting_free);
    allocations_left = SIZE_MAX;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        (void)read_text(malformed[i].body, USER_JSON_WHOLE);
    for (size_t i = 0; i < sizeof(unholdable) / sizeof(unholdable[0]); i++)
        (void)read_patch(unholdable[i].body);
    ck_assert_uint_eq(allocations_held, 0);
}
END_TEST

static void add_reading_tests(TCase *reading)
{
    tcase_add_test(reading, name_and_email_are_read_and_kept);
    tcase_add_test(reading, a_surrogate_pair_is_one_character);
    tcase_add_test(reading, absent_members_of_a_patch_have_no_bytes);
    tcase_add_test(reading, absent_members_of_a_whole_user_are_flaws);
    tcase_add_test(reading, null_cannot_remove_a_member);
    tcase_add_test(reading, every_wrong_member_is_named);
    tcase_add_test(reading, what_the_service_sets_cannot_be_set);
    tcase_add_test(reading, member_names_are_compared_with_their_case_and_to_their_end);
    tcase_add_test(reading, flaws_beyond_the_limit_are_left_out);
    tcase_add_loop_test(reading, a_body_that_is_no_object_is_wrong_as_a_whole, 0, COUNT_OF(other_values));
    tcase_add_loop_test(reading, a_value_of_another_type_is_refused, 0, COUNT_OF(other_types));
    tcase_add_loop_test(reading, json_that_no_user_can_be_is_invalid_not_malformed, 0, COUNT_OF(unholdable));
    tcase_add_loop_test(reading, malformed_json_is_refused_with_its_place, 0, COUNT_OF(malformed));
    tcase_add_test(reading, arrays_nest_32_deep_and_no_deeper);
    tcase_add_test(reading, brackets_in_strings_do_not_nest);
    tcase_add_test(reading, a_short_arena_is_a_fault_at_every_piece);
    tcase_add_test(reading, a_short_heap_is_a_fault_and_nothing_is_lost);
    tcase_add_test(reading, nothing_is_lost_on_any_path);
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("users/user_json");
    TCase *writing = tcase_create("writing");
    tcase_add_test(writing, a_user_is_written_with_all_its_members);
    tcase_add_test(writing, the_largest_user_fits_the_promised_size);
    suite_add_tcase(suite, writing);
    TCase *reading = tcase_create("reading");
    tcase_add_checked_fixture(reading, set_up, tear_down);
    add_reading_tests(reading);
    suite_add_tcase(suite, reading);
    return suite;
}
