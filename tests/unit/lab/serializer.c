#include "lab/serializer.h"

#include "lab/random_user.h"
#include "lab/serializer_jansson.h"
#include "suite.h"
#include "users/user_json.h"

#include <jansson.h>
#include <stdlib.h>

#define USERS_MAX    1000
#define HEAP_SIZE    (32 << 20)
#define RANDOM_USERS 20000

static _Alignas(16) char memory[16];
static struct arena arena;
static struct random_user randoms[USERS_MAX];
static struct user users[USERS_MAX];

static void set_up(void)
{
    arena_init(&arena, memory, sizeof(memory), HEAP_SIZE);
}

static void tear_down(void)
{
    arena_release(&arena);
}

static void make_users(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        random_user_make(&randoms[i]);
        users[i] = randoms[i].user;
    }
}

static void assert_text(struct text text, struct text expected)
{
    ck_assert_msg(text_equal(text, expected), "%.*s is not %.*s", (int)text.size, text.bytes,
                  (int)expected.size, expected.bytes);
}

static struct text direct(size_t count)
{
    struct text body;
    ck_assert_int_eq((int)serializer_direct(&arena, users, count, &body), FAULT_NONE);
    return body;
}

static struct text by_jansson(size_t count)
{
    struct text body;
    ck_assert_int_eq((int)serializer_jansson(&arena, users, count, &body), FAULT_NONE);
    return body;
}

static const struct user ada = {.id = 1,
                                .name = {"Ada \"L\\", 7},
                                .email = {"ada/x@example.org", 17},
                                .created_at_us = INT64_C(1709210096000001),
                                .updated_at_us = -1,
                                .version = 3};
#define ADA_JSON                                                                                             \
    "{\"id\":1,\"name\":\"Ada \\\"L\\\\\",\"email\":\"ada/x@example.org\","                                  \
    "\"created_at\":\"2024-02-29T12:34:56.000001Z\",\"updated_at\":\"1969-12-31T23:59:59.999999Z\","         \
    "\"version\":3}"

START_TEST(users_are_an_array_in_an_object)
{
    users[0] = users[1] = ada;
    assert_text(direct(0), TEXT("{\"users\":[]}"));
    assert_text(by_jansson(0), TEXT("{\"users\":[]}"));
    assert_text(direct(1), TEXT("{\"users\":[" ADA_JSON "]}"));
    assert_text(by_jansson(1), TEXT("{\"users\":[" ADA_JSON "]}"));
    assert_text(direct(2), TEXT("{\"users\":[" ADA_JSON "," ADA_JSON "]}"));
    assert_text(by_jansson(2), TEXT("{\"users\":[" ADA_JSON "," ADA_JSON "]}"));
}
END_TEST

START_TEST(the_serializers_agree_on_every_kind_of_user)
{
    for (int round = 0; round < RANDOM_USERS; round++) {
        make_users(1);
        assert_text(by_jansson(1), direct(1));
        arena_reset(&arena);
    }
}
END_TEST

START_TEST(the_serializers_agree_on_any_number_of_users)
{
    make_users(USERS_MAX);
    for (size_t count = 0; count <= USERS_MAX; count += count < 10 ? 1 : 198) {
        assert_text(by_jansson(count), direct(count));
        arena_reset(&arena);
    }
}
END_TEST

START_TEST(the_largest_user_is_written_alike)
{
    char name[4 * USER_NAME_CHARACTERS_MAX], email[USER_EMAIL_BYTES_MAX];
    memset(name, '"', sizeof(name));
    memset(email, '\\', sizeof(email));
    users[0] = (struct user){INT64_MIN, {name, sizeof(name)}, {email, sizeof(email)}, INT64_MIN, INT64_MAX,
                             INT64_MIN};
    assert_text(by_jansson(1), direct(1));
}
END_TEST

static void assert_member(const json_t *object, const char *name, struct text expected)
{
    const json_t *value = json_object_get(object, name);
    assert_text((struct text){json_string_value(value), json_string_length(value)}, expected);
}

START_TEST(what_is_written_is_what_a_parser_reads)
{
    for (int round = 0; round < RANDOM_USERS / 10; round++) {
        make_users(1);
        struct text body = direct(1);
        json_t *root = json_loadb(body.bytes, body.size, JSON_REJECT_DUPLICATES, NULL);
        const json_t *user = json_array_get(json_object_get(root, "users"), 0);
        ck_assert_uint_eq(json_object_size(user), 6);
        ck_assert_int_eq(json_integer_value(json_object_get(user, "id")), users[0].id);
        ck_assert_int_eq(json_integer_value(json_object_get(user, "version")), users[0].version);
        assert_member(user, "name", users[0].name);
        assert_member(user, "email", users[0].email);
        json_decref(root);
        arena_reset(&arena);
    }
}
END_TEST

START_TEST(parts_are_joined_as_they_are)
{
    static const struct text parts[] = {{"{\"id\":1}", 8}, {"{\"id\":2},{\"id\":3}", 17}, {"{}", 2}};
    struct text body;
    ck_assert_int_eq((int)serializer_postgres(&arena, parts, 0, &body), FAULT_NONE);
    assert_text(body, TEXT("{\"users\":[]}"));
    ck_assert_int_eq((int)serializer_postgres(&arena, parts, 1, &body), FAULT_NONE);
    assert_text(body, TEXT("{\"users\":[{\"id\":1}]}"));
    ck_assert_int_eq((int)serializer_postgres(&arena, parts, 3, &body), FAULT_NONE);
    assert_text(body, TEXT("{\"users\":[{\"id\":1},{\"id\":2},{\"id\":3},{}]}"));
}
END_TEST

/* What the database writes is, but for the control characters, what the direct writer does. */
START_TEST(parts_with_the_same_users_give_the_same_body)
{
    struct text parts[2];
    make_users(2);
    for (size_t i = 0; i < 2; i++) {
        char *json = arena_take(&arena, user_json_size_max(&users[i]));
        ck_assert_ptr_nonnull(json);
        parts[i] = (struct text){json, (size_t)(user_json_write(json, &users[i]) - json)};
    }
    struct text body;
    ck_assert_int_eq((int)serializer_postgres(&arena, parts, 2, &body), FAULT_NONE);
    assert_text(body, direct(2));
}
END_TEST

START_TEST(a_full_arena_is_a_fault)
{
    struct text body = {NULL, 77};
    const struct text part = TEXT("{}");
    users[0] = ada;
    arena_release(&arena);
    arena_init(&arena, memory, 0, 0);
    ck_assert_int_eq((int)serializer_direct(&arena, users, 1, &body), FAULT_MEMORY);
    ck_assert_int_eq((int)serializer_jansson(&arena, users, 1, &body), FAULT_MEMORY);
    ck_assert_int_eq((int)serializer_postgres(&arena, &part, 1, &body), FAULT_MEMORY);
    ck_assert_uint_eq(body.size, 77);
}
END_TEST

static int allocations_left;

static void *scarce_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Lets jansson have one allocation more each time, until it succeeds; the sanitizer sees what it leaks. */
START_TEST(jansson_without_memory_is_a_fault)
{
    struct text body = {NULL, 77};
    enum fault fault = FAULT_MEMORY;
    users[0] = users[1] = ada;
    json_set_alloc_funcs(scarce_malloc, free);
    for (int allocations = 0; fault; allocations++) {
        ck_assert_int_lt(allocations, 1000);
        allocations_left = allocations;
        ck_assert_uint_eq(body.size, 77);
        fault = serializer_jansson(&arena, users, 2, &body);
        ck_assert(fault == FAULT_MEMORY || fault == FAULT_NONE);
    }
    json_set_alloc_funcs(malloc, free);
    assert_text(body, TEXT("{\"users\":[" ADA_JSON "," ADA_JSON "]}"));
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/serializer");
    TCase *tests = tcase_create("serializers");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, users_are_an_array_in_an_object);
    tcase_add_test(tests, the_serializers_agree_on_every_kind_of_user);
    tcase_add_test(tests, the_serializers_agree_on_any_number_of_users);
    tcase_add_test(tests, the_largest_user_is_written_alike);
    tcase_add_test(tests, what_is_written_is_what_a_parser_reads);
    tcase_add_test(tests, parts_are_joined_as_they_are);
    tcase_add_test(tests, parts_with_the_same_users_give_the_same_body);
    tcase_add_test(tests, a_full_arena_is_a_fault);
    tcase_add_test(tests, jansson_without_memory_is_a_fault);
    suite_add_tcase(suite, tests);
    return suite;
}
