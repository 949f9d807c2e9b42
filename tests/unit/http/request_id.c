#include "http/request_id.h"

#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct request_ids ids;
static struct request request;

static void begin(void)
{
    ids = (struct request_ids){1};
    request = (struct request){0};
}

static const char *id_for(const char *given, size_t size)
{
    request.headers[HEADER_X_REQUEST_ID] = (struct text){given, size};
    request_id_set(&request, &ids);
    return request.id;
}

static void check_made(const char *id)
{
    ck_assert_uint_eq(strlen(id), 16);
    ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 16);
}

START_TEST(a_safe_id_is_kept)
{
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/+=@-";
    ck_assert_str_eq(id_for("x", 1), "x");
    ck_assert_str_eq(id_for(all, sizeof all - 1), all);
}
END_TEST

START_TEST(an_id_may_have_128_characters)
{
    char given[130];
    memset(given, 'a', sizeof given);
    const char *id = id_for(given, 128);
    ck_assert_uint_eq(strlen(id), 128);
    ck_assert_mem_eq(id, given, 128);
    check_made(id_for(given, 129));
    check_made(id_for(given, 130));
}
END_TEST

START_TEST(a_shorter_id_leaves_nothing_of_a_longer_one)
{
    ck_assert_str_eq(id_for("a-long-one", 10), "a-long-one");
    ck_assert_str_eq(id_for("short", 5), "short");
}
END_TEST

START_TEST(any_other_byte_anywhere_makes_a_new_id)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        bool is_safe =
            byte != 0 &&
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/+=@-", (int)byte);
        for (unsigned at = 0; at < 3; at++) {
            char given[] = "abc";
            given[at] = (char)byte;
            const char *id = id_for(given, 3);
            if (is_safe)
                ck_assert_str_eq(id, given);
            else
                check_made(id);
        }
    }
}
END_TEST

START_TEST(without_one_there_is_a_new_one)
{
    check_made(id_for(NULL, 0));
    check_made(id_for("", 0));
}
END_TEST

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

START_TEST(new_ids_are_all_different)
{
    static char made[20000][16];
    for (unsigned i = 0; i < 20000; i++)
        memcpy(made[i], id_for(NULL, 0), 16);
    qsort(made, 20000, 16, compare);
    for (unsigned i = 1; i < 20000; i++)
        ck_assert_mem_ne(made[i - 1], made[i], 16);
}
END_TEST

START_TEST(generators_that_start_elsewhere_make_other_ids)
{
    char first[17];
    memcpy(first, id_for(NULL, 0), 17);
    ids.state = 2;
    ck_assert_str_ne(first, id_for(NULL, 0));
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("request_id");
    TCase *cases = tcase_create("ids");
    tcase_add_checked_fixture(cases, begin, NULL);
    tcase_add_test(cases, a_safe_id_is_kept);
    tcase_add_test(cases, an_id_may_have_128_characters);
    tcase_add_test(cases, a_shorter_id_leaves_nothing_of_a_longer_one);
    tcase_add_test(cases, any_other_byte_anywhere_makes_a_new_id);
    tcase_add_test(cases, without_one_there_is_a_new_one);
    tcase_add_test(cases, new_ids_are_all_different);
    tcase_add_test(cases, generators_that_start_elsewhere_make_other_ids);
    suite_add_tcase(suite, cases);
    return suite;
}
