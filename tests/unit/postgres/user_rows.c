#include "postgres/user_rows.h"

#include "suite.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

static PGresult *result;

/* A result of binary columns, as the server would send them. */
static void make_result(int columns)
{
    static PGresAttDesc descriptions[8];
    static char name[] = "column";
    result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    ck_assert_ptr_nonnull(result);
    for (int i = 0; i < columns; i++)
        descriptions[i] = (PGresAttDesc){.name = name, .format = 1, .typlen = -1, .atttypmod = -1};
    ck_assert_int_eq(PQsetResultAttrs(result, columns, descriptions), 1);
}

static void set_bytes(int row, int column, const void *bytes, size_t size)
{
    char copy[64];
    ck_assert_uint_le(size, sizeof copy);
    memcpy(copy, bytes, size);
    ck_assert_int_eq(PQsetvalue(result, row, column, copy, (int)size), 1);
}

static void set_int64(int row, int column, int64_t value)
{
    uint64_t number = htobe64((uint64_t)value);
    set_bytes(row, column, &number, sizeof number);
}

static void set_user(int row, int first, int64_t id)
{
    set_int64(row, first, id);
    set_bytes(row, first + 1, "Zoë", 4);
    set_bytes(row, first + 2, "z@example.org", 13);
    set_int64(row, first + 3, 0);
    set_int64(row, first + 4, 1);
    set_int64(row, first + 5, 7);
}

static void release_result(void)
{
    PQclear(result);
}

START_TEST(a_row_becomes_a_user)
{
    make_result(6);
    set_user(0, 0, 42);
    set_user(1, 0, INT64_MAX);
    struct user user;
    user_rows_get(result, 0, 0, &user);
    ck_assert_int_eq(user.id, 42);
    ck_assert(text_equal(user.name, TEXT("Zoë")));
    ck_assert(text_equal(user.email, TEXT("z@example.org")));
    ck_assert_int_eq(user.version, 7);
    user_rows_get(result, 1, 0, &user);
    ck_assert_int_eq(user.id, INT64_MAX);
}
END_TEST

START_TEST(times_count_from_1970_not_from_2000)
{
    make_result(6);
    set_user(0, 0, 1);
    struct user user;
    user_rows_get(result, 0, 0, &user);
    ck_assert_int_eq(user.created_at_us, INT64_C(946684800000000)); /* 2000-01-01T00:00:00Z */
    ck_assert_int_eq(user.updated_at_us, INT64_C(946684800000001));
}
END_TEST

START_TEST(columns_in_front_are_passed_over)
{
    make_result(7);
    set_bytes(0, 0, "\0\1", 2);
    set_user(0, 1, 42);
    struct user user;
    user_rows_get(result, 0, 1, &user);
    ck_assert_int_eq(user.id, 42);
    ck_assert_int_eq(user.version, 7);
}
END_TEST

START_TEST(numbers_are_signed_and_in_network_order)
{
    make_result(3);
    set_int64(0, 0, INT64_MIN);
    set_int64(0, 1, -1);
    set_bytes(0, 2, "\1\2\3\4\5\6\7\10", 8);
    ck_assert_int_eq(user_rows_int64(result, 0, 0), INT64_MIN);
    ck_assert_int_eq(user_rows_int64(result, 0, 1), -1);
    ck_assert_int_eq(user_rows_int64(result, 0, 2), INT64_C(0x0102030405060708));
}
END_TEST

START_TEST(a_column_of_another_width_is_no_number)
{
    make_result(3);
    set_bytes(0, 0, "\1\2\3\4", 4);
    set_bytes(0, 1, "\1\2\3\4\5\6\7\10\11", 9);
    ck_assert_int_eq(PQsetvalue(result, 0, 2, NULL, -1), 1); /* NULL */
    for (int column = 0; column < 3; column++)
        ck_assert_int_eq(user_rows_int64(result, 0, column), 0);
}
END_TEST

static TCase *user_rows_case(void)
{
    TCase *tcase = tcase_create("user_rows");
    tcase_add_checked_fixture(tcase, NULL, release_result);
    tcase_add_test(tcase, a_row_becomes_a_user);
    tcase_add_test(tcase, times_count_from_1970_not_from_2000);
    tcase_add_test(tcase, columns_in_front_are_passed_over);
    tcase_add_test(tcase, numbers_are_signed_and_in_network_order);
    tcase_add_test(tcase, a_column_of_another_width_is_no_number);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("user_rows");
    suite_add_tcase(suite, user_rows_case());
    return suite;
}
