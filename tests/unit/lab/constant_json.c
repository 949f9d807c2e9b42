#include "lab/constant_json.h"

#include "lab/random_user.h"
#include "lab/serializer.h"
#include "suite.h"

#include <jansson.h>

#define USERS_MAX 300
#define HEAP_SIZE (8 << 20)

static _Alignas(16) char memory[16];
static struct arena arena;
static struct constant_json constant;
static struct random_user randoms[USERS_MAX];
static struct user users[USERS_MAX];

static void set_up(void)
{
    arena_init(&arena, memory, sizeof(memory), HEAP_SIZE);
    for (size_t i = 0; i < USERS_MAX; i++) {
        random_user_make(&randoms[i]);
        users[i] = randoms[i].user;
    }
}

static void tear_down(void)
{
    constant_json_release(&constant);
    arena_release(&arena);
}

static struct text get_json(const struct user *some, size_t count)
{
    struct text json;
    ck_assert_int_eq((int)constant_json_get(&constant, &arena, some, count, &json), FAULT_NONE);
    return json;
}

static size_t direct_size(const struct user *some, size_t count)
{
    struct text body;
    ck_assert_int_eq((int)serializer_direct(&arena, some, count, &body), FAULT_NONE);
    return body.size;
}

static void assert_sound(struct text json)
{
    json_t *root = json_loadb(json.bytes, json.size, 0, NULL);
    ck_assert(json_is_array(json_object_get(root, "users")));
    json_decref(root);
}

START_TEST(the_size_is_that_of_the_direct_body)
{
    static const size_t counts[] = {0, 1, 2, 17, USERS_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct text json = get_json(users, counts[i]);
        ck_assert_uint_eq(json.size, direct_size(users, counts[i]));
        assert_sound(json);
    }
}
END_TEST

/* More sets than are remembered, twice. */
START_TEST(sets_that_push_each_other_out_keep_their_sizes)
{
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < USERS_MAX; i++)
            ck_assert_uint_eq(get_json(&users[i], 1).size, direct_size(&users[i], 1));
}
END_TEST

START_TEST(users_seen_before_cost_no_memory)
{
    size_t size = get_json(users, USERS_MAX).size;
    arena_release(&arena);
    arena_init(&arena, memory, 0, 0);
    ck_assert_uint_eq(get_json(users, USERS_MAX).size, size);
}
END_TEST

START_TEST(a_changed_user_is_another_one)
{
    users[0].version = 1;
    (void)get_json(users, 1);
    users[0].version = 1000;
    ck_assert_uint_eq(get_json(users, 1).size, direct_size(users, 1));
    users[0].id = users[0].id == 1 ? 10 : 1;
    ck_assert_uint_eq(get_json(users, 1).size, direct_size(users, 1));
    users[0].name = TEXT("Ada");
    ck_assert_uint_eq(get_json(users, 1).size, direct_size(users, 1));
    users[0].email = TEXT("a@b");
    ck_assert_uint_eq(get_json(users, 1).size, direct_size(users, 1));
}
END_TEST

START_TEST(what_was_given_stays_while_longer_ones_are_made)
{
    struct text first = get_json(users, 1);
    for (size_t count = 2; count <= USERS_MAX; count++) {
        (void)get_json(users, count);
        arena_reset(&arena);
    }
    ck_assert_uint_eq(first.size, direct_size(users, 1));
    assert_sound(first);
}
END_TEST

START_TEST(no_memory_is_a_fault_and_nothing_is_remembered)
{
    struct text json = {NULL, 77};
    arena_release(&arena);
    arena_init(&arena, memory, 0, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq((int)constant_json_get(&constant, &arena, users, 1, &json), FAULT_MEMORY);
    ck_assert_uint_eq(json.size, 77);
}
END_TEST

START_TEST(a_released_one_can_be_used_again)
{
    constant_json_release(&constant);
    size_t size = get_json(users, 2).size;
    constant_json_release(&constant);
    ck_assert_ptr_null(constant.lines);
    ck_assert_uint_eq(get_json(users, 2).size, size);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/constant_json");
    TCase *tests = tcase_create("constant");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_size_is_that_of_the_direct_body);
    tcase_add_test(tests, sets_that_push_each_other_out_keep_their_sizes);
    tcase_add_test(tests, users_seen_before_cost_no_memory);
    tcase_add_test(tests, a_changed_user_is_another_one);
    tcase_add_test(tests, what_was_given_stays_while_longer_ones_are_made);
    tcase_add_test(tests, no_memory_is_a_fault_and_nothing_is_remembered);
    tcase_add_test(tests, a_released_one_can_be_used_again);
    suite_add_tcase(suite, tests);
    return suite;
}
