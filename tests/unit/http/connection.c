#include "http/connection.h"

#include "suite.h"

static struct connection_list lists[WAIT_COUNT];
static struct connection connections[4];

static void begin(void)
{
    for (unsigned i = 0; i < WAIT_COUNT; i++) {
        lists[i].limit_ns = 100 * (i + 1);
        TAILQ_INIT(&lists[i].head);
    }
    for (unsigned i = 0; i < 4; i++)
        connections[i] = (struct connection){.wait = WAIT_COUNT};
}

/* list holds exactly these, in this order; a negative number ends the row. */
static void check_list(enum connection_wait wait, const int *expected)
{
    const struct connection *connection;
    TAILQ_FOREACH(connection, &lists[wait].head, entry)
    ck_assert_ptr_eq(connection, &connections[*expected++]);
    ck_assert_int_lt(*expected, 0);
}

#define CHECK_LIST(wait, ...) check_list((wait), (const int[]){__VA_ARGS__ __VA_OPT__(, ) - 1})

static void wait_all(enum connection_wait wait)
{
    for (unsigned i = 0; i < 4; i++)
        connection_wait_for(lists, &connections[i], wait, 1000 + i);
}

START_TEST(who_waits_longest_stands_first)
{
    CHECK_LIST(WAIT_IDLE);
    wait_all(WAIT_IDLE);
    CHECK_LIST(WAIT_IDLE, 0, 1, 2, 3);
    ck_assert_uint_eq(connections[2].wait_since_ns, 1002);
    ck_assert_int_eq(connections[2].wait, WAIT_IDLE);
}
END_TEST

START_TEST(a_connection_is_in_one_list_at_most)
{
    wait_all(WAIT_IDLE);
    connection_wait_for(lists, &connections[1], WAIT_HEAD, 2000);
    connection_wait_for(lists, &connections[3], WAIT_HEAD, 2001);
    connection_wait_for(lists, &connections[0], WAIT_HEAD, 2002);
    CHECK_LIST(WAIT_IDLE, 2);
    CHECK_LIST(WAIT_HEAD, 1, 3, 0);
    connection_wait_for(lists, &connections[2], WAIT_SEND, 2003);
    CHECK_LIST(WAIT_IDLE);
    CHECK_LIST(WAIT_SEND, 2);
}
END_TEST

START_TEST(waiting_again_for_the_same_starts_anew_at_the_end)
{
    wait_all(WAIT_BODY);
    connection_wait_for(lists, &connections[0], WAIT_BODY, 5000);
    CHECK_LIST(WAIT_BODY, 1, 2, 3, 0);
    ck_assert_uint_eq(connections[0].wait_since_ns, 5000);
}
END_TEST

START_TEST(a_wait_can_end_anywhere_in_its_list)
{
    wait_all(WAIT_ANSWER);
    connection_wait_end(lists, &connections[2]);
    CHECK_LIST(WAIT_ANSWER, 0, 1, 3);
    connection_wait_end(lists, &connections[3]);
    CHECK_LIST(WAIT_ANSWER, 0, 1);
    connection_wait_end(lists, &connections[0]);
    CHECK_LIST(WAIT_ANSWER, 1);
    connection_wait_end(lists, &connections[1]);
    CHECK_LIST(WAIT_ANSWER);
}
END_TEST

START_TEST(ending_a_wait_twice_is_harmless)
{
    wait_all(WAIT_ANSWER);
    connection_wait_end(lists, &connections[1]);
    connection_wait_end(lists, &connections[1]);
    ck_assert_int_eq(connections[1].wait, WAIT_COUNT);
    CHECK_LIST(WAIT_ANSWER, 0, 2, 3);
}
END_TEST

START_TEST(only_the_first_is_late_and_from_its_limit_on)
{
    ck_assert_ptr_null(connection_list_late(&lists[WAIT_IDLE], UINT64_MAX));
    wait_all(WAIT_IDLE);
    ck_assert_ptr_null(connection_list_late(&lists[WAIT_IDLE], 1000));
    ck_assert_ptr_null(connection_list_late(&lists[WAIT_IDLE], 1099));
    ck_assert_ptr_eq(connection_list_late(&lists[WAIT_IDLE], 1100), &connections[0]);
    ck_assert_ptr_eq(connection_list_late(&lists[WAIT_IDLE], 9999), &connections[0]);
    connection_wait_end(lists, &connections[0]);
    ck_assert_ptr_null(connection_list_late(&lists[WAIT_IDLE], 1100));
    ck_assert_ptr_eq(connection_list_late(&lists[WAIT_IDLE], 1101), &connections[1]);
}
END_TEST

START_TEST(each_list_has_a_limit_of_its_own)
{
    connection_wait_for(lists, &connections[0], WAIT_IDLE, 1000);
    connection_wait_for(lists, &connections[1], WAIT_SEND, 1000);
    ck_assert_ptr_nonnull(connection_list_late(&lists[WAIT_IDLE], 1100));
    ck_assert_ptr_null(connection_list_late(&lists[WAIT_SEND], 1499));
    ck_assert_ptr_nonnull(connection_list_late(&lists[WAIT_SEND], 1500));
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("connection");
    TCase *cases = tcase_create("lists");
    tcase_add_checked_fixture(cases, begin, NULL);
    tcase_add_test(cases, who_waits_longest_stands_first);
    tcase_add_test(cases, a_connection_is_in_one_list_at_most);
    tcase_add_test(cases, waiting_again_for_the_same_starts_anew_at_the_end);
    tcase_add_test(cases, a_wait_can_end_anywhere_in_its_list);
    tcase_add_test(cases, ending_a_wait_twice_is_harmless);
    tcase_add_test(cases, only_the_first_is_late_and_from_its_limit_on);
    tcase_add_test(cases, each_list_has_a_limit_of_its_own);
    suite_add_tcase(suite, cases);
    return suite;
}
