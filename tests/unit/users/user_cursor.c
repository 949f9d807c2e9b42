#include "users/user_cursor.h"

#include "suite.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const int64_t ids[] = {1, 2, 63, 64, 255, 256, 100000, INT32_MAX, INT64_MAX - 1, INT64_MAX};

START_TEST(what_was_encoded_is_decoded)
{
    char cursor[USER_CURSOR_SIZE];
    int64_t id = 0;
    ck_assert_ptr_eq(user_cursor_encode(cursor, ids[_i]), cursor + USER_CURSOR_SIZE);
    ck_assert(user_cursor_decode((struct text){cursor, sizeof(cursor)}, &id));
    ck_assert_int_eq(id, ids[_i]);
}
END_TEST

START_TEST(a_cursor_needs_no_escape_in_a_uri)
{
    char cursor[USER_CURSOR_SIZE];
    (void)user_cursor_encode(cursor, ids[_i]);
    for (size_t i = 0; i < sizeof(cursor); i++)
        ck_assert_msg(
            memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", cursor[i], 64) != NULL,
            "character %d", cursor[i]);
}
END_TEST

START_TEST(a_cursor_with_any_character_changed_is_refused)
{
    char cursor[USER_CURSOR_SIZE];
    int64_t id = -1;
    for (size_t i = 0; i < sizeof(cursor); i++) {
        for (unsigned value = 0; value < 256; value++) {
            (void)user_cursor_encode(cursor, 42);
            if (cursor[i] == (char)value) continue;
            cursor[i] = (char)value;
            ck_assert(!user_cursor_decode((struct text){cursor, sizeof(cursor)}, &id));
        }
    }
    ck_assert_int_eq(id, -1);
}
END_TEST

START_TEST(a_cursor_of_another_length_is_refused)
{
    char cursor[USER_CURSOR_SIZE + 4];
    int64_t id = -1;
    (void)user_cursor_encode(cursor, 42);
    memcpy(cursor + USER_CURSOR_SIZE, "AAAA", 4);
    for (size_t size = 0; size <= sizeof(cursor); size++)
        if (size != USER_CURSOR_SIZE) ck_assert(!user_cursor_decode((struct text){cursor, size}, &id));
    ck_assert(!user_cursor_decode((struct text){NULL, 0}, &id));
    ck_assert_int_eq(id, -1);
}
END_TEST

START_TEST(a_cursor_for_no_user_is_refused)
{
    static const int64_t none[] = {0, -1, INT64_MIN};
    char cursor[USER_CURSOR_SIZE];
    int64_t id = -1;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        (void)user_cursor_encode(cursor, none[i]);
        ck_assert(!user_cursor_decode((struct text){cursor, sizeof(cursor)}, &id));
    }
    ck_assert_int_eq(id, -1);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("users/user_cursor");
    TCase *tests = tcase_create("cursors");
    tcase_add_loop_test(tests, what_was_encoded_is_decoded, 0, COUNT_OF(ids));
    tcase_add_loop_test(tests, a_cursor_needs_no_escape_in_a_uri, 0, COUNT_OF(ids));
    tcase_add_test(tests, a_cursor_with_any_character_changed_is_refused);
    tcase_add_test(tests, a_cursor_of_another_length_is_refused);
    tcase_add_test(tests, a_cursor_for_no_user_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
