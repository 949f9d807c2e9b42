#include "postgres/query_batch.h"

#include "asking.h"
#include "base/clock.h"
#include "suite.h"

#include <endian.h>
#include <string.h>

#define HEAD_SIZE 20 /* of an array in binary form */
#define ITEM_SIZE 12

/* Look-ups of the ids in one tick. */
static void look_up(const int64_t *ids, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        asking_submit(i, STATEMENT_USER_FIND, ids[i]);
    asking_flush();
}

#define LOOK_UP(...)                                                                                         \
    look_up((const int64_t[]){__VA_ARGS__},                                                                  \
            (unsigned)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

static void receive_rows(const int64_t *ids, int count)
{
    scripted_libpq_rows(ids, count);
    scripted_libpq_null();
    scripted_libpq_sync();
    asking_receive();
}

#define RECEIVE_ROWS(...)                                                                                    \
    receive_rows((const int64_t[]){__VA_ARGS__},                                                             \
                 (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

static uint32_t number_at(unsigned offset)
{
    uint32_t number;
    memcpy(&number, scripted_libpq.parameter + offset, sizeof number);
    return be32toh(number);
}

static int64_t id_at(unsigned index)
{
    uint64_t id;
    ck_assert_uint_eq(number_at(HEAD_SIZE + index * ITEM_SIZE), sizeof id);
    memcpy(&id, scripted_libpq.parameter + HEAD_SIZE + index * ITEM_SIZE + 4, sizeof id);
    return (int64_t)be64toh(id);
}

static unsigned ids_sent(void)
{
    return ((unsigned)scripted_libpq.parameter_size - HEAD_SIZE) / ITEM_SIZE;
}

/* ---- what is sent ---- */

START_TEST(look_ups_of_a_tick_are_one_query)
{
    LOOK_UP(7, -1, INT64_MAX);
    ck_assert_str_eq(scripted_libpq.sent, "user_find_many Sync ");
    ck_assert_int_eq(scripted_libpq.parameter_size, HEAD_SIZE + 3 * ITEM_SIZE);
    ck_assert_uint_eq(number_at(0), 1);  /* dimensions */
    ck_assert_uint_eq(number_at(4), 0);  /* without NULL */
    ck_assert_uint_eq(number_at(8), 20); /* int8 */
    ck_assert_uint_eq(number_at(12), 3);
    ck_assert_uint_eq(number_at(16), 1); /* the first index */
    ck_assert_int_eq(id_at(0), 7);
    ck_assert_int_eq(id_at(1), -1);
    ck_assert_int_eq(id_at(2), INT64_MAX);
}
END_TEST

START_TEST(one_look_up_alone_is_the_ordinary_query)
{
    LOOK_UP(7);
    ck_assert_str_eq(scripted_libpq.sent, "user_find Sync ");
}
END_TEST

START_TEST(without_the_option_each_look_up_is_a_query)
{
    asking.config.combine_lookups = false;
    LOOK_UP(7, 8);
    ck_assert_str_eq(scripted_libpq.sent, "user_find user_find Sync ");
}
END_TEST

START_TEST(the_most_are_one_query)
{
    int64_t ids[QUERY_BATCH_MAX];
    for (unsigned i = 0; i < QUERY_BATCH_MAX; i++)
        ids[i] = i;
    look_up(ids, QUERY_BATCH_MAX);
    ck_assert_str_eq(scripted_libpq.sent, "user_find_many Sync ");
    ck_assert_uint_eq(ids_sent(), QUERY_BATCH_MAX);
}
END_TEST

START_TEST(one_more_than_the_most_goes_alone)
{
    int64_t ids[QUERY_BATCH_MAX + 1] = {0};
    look_up(ids, QUERY_BATCH_MAX + 1);
    ck_assert_str_eq(scripted_libpq.sent, "user_find_many user_find Sync ");
}
END_TEST

START_TEST(two_more_than_the_most_go_together)
{
    int64_t ids[QUERY_BATCH_MAX + 2] = {0};
    look_up(ids, QUERY_BATCH_MAX + 2);
    ck_assert_str_eq(scripted_libpq.sent, "user_find_many user_find_many Sync ");
    ck_assert_uint_eq(ids_sent(), 2);
}
END_TEST

START_TEST(what_stands_between_look_ups_stays_where_it_is)
{
    asking_submit(0, STATEMENT_USER_FIND, 1);
    asking_submit(1, STATEMENT_USER_LIST, 0);
    asking_submit(2, STATEMENT_USER_FIND, 2);
    asking_flush();
    ck_assert_str_eq(scripted_libpq.sent, "user_find_many user_list Sync ");
}
END_TEST

START_TEST(company_is_not_looked_for_far_away)
{
    asking_submit(0, STATEMENT_USER_FIND, 1);
    for (unsigned i = 1; i < QUERY_BATCH_MAX; i++)
        asking_submit(i, STATEMENT_USER_LIST, 0);
    asking_submit(QUERY_BATCH_MAX, STATEMENT_USER_FIND, 2);
    ck_assert(!query_batch_is_possible(&lookup_batch_kind, &asked[0].query));
    connection_set_abandon(asking.set, &asked[1].query);
    ck_assert(query_batch_is_possible(&lookup_batch_kind, &asked[0].query));
}
END_TEST

START_TEST(slow_look_ups_are_not_combined)
{
    asking.set->expected_ns[STATEMENT_USER_FIND] = 20 * NS_PER_MS;
    LOOK_UP(7, 8);
    ck_assert_str_eq(scripted_libpq.sent, "user_find Sync ");
}
END_TEST

START_TEST(a_batch_that_libpq_refuses_stays_in_the_queue)
{
    scripted_libpq.refuses_queries = true;
    LOOK_UP(7, 8);
    ck_assert_uint_eq(asking.set->queued, 2);
    ck_assert_uint_eq(asking.done_count, 0);
    asking_assert_phase(0, PHASE_QUEUE);
    ck_assert_uint_eq(asked[1].query.sent_count, 0);
    ck_assert_uint_eq(asked[1].ledger.spent_ns[PHASE_DB], 0);
}
END_TEST

/* ---- answers ---- */

START_TEST(rows_in_any_order_find_their_askers)
{
    LOOK_UP(7, 3, 9);
    RECEIVE_ROWS(9, 7, 3);
    asking_assert_found(0, 1);
    asking_assert_found(1, 2);
    asking_assert_found(2, 0);
    ck_assert_uint_eq(asking.order[0], 0); /* who asked first is answered first */
    ck_assert_uint_eq(asking.order[2], 2);
}
END_TEST

START_TEST(an_id_without_a_row_is_absent)
{
    LOOK_UP(7, 404, 0, -7);
    RECEIVE_ROWS(7);
    asking_assert_found(0, 0);
    for (unsigned i = 1; i < 4; i++)
        asking_assert_absent(i);
}
END_TEST

START_TEST(without_rows_all_are_absent)
{
    LOOK_UP(7, 8);
    receive_rows(NULL, 0);
    asking_assert_absent(0);
    asking_assert_absent(1);
}
END_TEST

START_TEST(several_may_ask_for_the_same_id)
{
    LOOK_UP(7, 8, 7, 7);
    RECEIVE_ROWS(8, 7);
    asking_assert_found(0, 1);
    asking_assert_found(1, 0);
    asking_assert_found(2, 1);
    asking_assert_found(3, 1);
}
END_TEST

/* Multiples of a power of two, as far apart as ids can be, and all of them in one query. */
START_TEST(a_full_batch_finds_all_its_rows)
{
    int64_t ids[QUERY_BATCH_MAX], rows[QUERY_BATCH_MAX];
    for (int i = 0; i < QUERY_BATCH_MAX; i++) {
        ids[i] = INT64_MIN + ((int64_t)i << 57);
        rows[QUERY_BATCH_MAX - 1 - i] = ids[i];
    }
    look_up(ids, QUERY_BATCH_MAX);
    receive_rows(rows, QUERY_BATCH_MAX);
    for (int i = 0; i < QUERY_BATCH_MAX; i++)
        asking_assert_found((unsigned)i, QUERY_BATCH_MAX - 1 - i);
}
END_TEST

START_TEST(the_query_is_counted_once_under_its_own_name)
{
    LOOK_UP(7, 8, 9);
    RECEIVE_ROWS(7, 8, 9);
    struct histogram_counts waits = {0};
    histogram_read(&connection_set_statistics(asking.set)->wait, &waits);
    if (!SPLITS_LEDGER) return;
    ck_assert_uint_eq(asking_operations_of(STATEMENT_USER_FIND_MANY), 1);
    ck_assert_uint_eq(asking_operations_of(STATEMENT_USER_FIND), 0);
    ck_assert_uint_eq(histogram_count(&waits), 3); /* each has waited */
}
END_TEST

/* ---- leaving ---- */

START_TEST(who_is_abandoned_hears_no_more_of_it_and_the_others_do)
{
    LOOK_UP(7, 8, 9);
    connection_set_abandon(asking.set, &asked[1].query);
    RECEIVE_ROWS(7, 8, 9);
    asking_assert_found(0, 0);
    ck_assert_uint_eq(asked[1].done, 0);
    asking_assert_phase(1, PHASE_DB);
    asking_assert_found(2, 2);
}
END_TEST

START_TEST(a_batch_without_anybody_comes_back_to_nobody)
{
    LOOK_UP(7, 8);
    connection_set_abandon(asking.set, &asked[0].query);
    connection_set_abandon(asking.set, &asked[1].query);
    RECEIVE_ROWS(7, 8);
    ck_assert_uint_eq(asking.done_count, 0);
    ck_assert_uint_eq(scripted_libpq_left(), 0);
}
END_TEST

START_TEST(one_may_leave_while_another_is_answered)
{
    LOOK_UP(7, 8, 9);
    asking.leaves_when_next_is_done = &asked[1];
    RECEIVE_ROWS(7, 8, 9);
    asking_assert_found(0, 0);
    ck_assert_uint_eq(asked[1].done, 0);
    asking_assert_ledger_is_whole(&asked[1].ledger);
    asking_assert_found(2, 2);
}
END_TEST

START_TEST(the_last_one_may_leave_while_another_is_answered)
{
    LOOK_UP(7, 8);
    asking.leaves_when_next_is_done = &asked[1];
    RECEIVE_ROWS(7, 8);
    asking_assert_found(0, 0);
    ck_assert_uint_eq(asked[1].done, 0);
}
END_TEST

START_TEST(a_set_is_freed_with_a_batch_on_its_way)
{
    LOOK_UP(7, 8);
    connection_set_abandon(asking.set, &asked[0].query);
}
END_TEST

/* ---- failures ---- */

START_TEST(a_lost_connection_sends_each_member_again_by_itself)
{
    LOOK_UP(7, 8);
    scripted_libpq_lose();
    asking_receive();
    ck_assert_uint_eq(asking.done_count, 0);
    ck_assert_uint_eq(asking.set->queued, 2);
    for (unsigned i = 0; i < 2; i++) {
        asking_assert_phase(i, PHASE_QUEUE);
        ck_assert(asked[i].query.alone);
        ck_assert_uint_eq(asked[i].query.sent_count, 1);
    }
}
END_TEST

START_TEST(who_is_late_is_not_sent_again)
{
    LOOK_UP(7, 8);
    asked[0].query.deadline_ns = 1;
    scripted_libpq_lose();
    asking_receive();
    asking_assert_done(0, FAULT_DATABASE_UNAVAILABLE);
    ck_assert_uint_eq(asked[1].done, 0);
    ck_assert_uint_eq(asking.set->queued, 1);
}
END_TEST

START_TEST(who_was_abandoned_is_not_sent_again)
{
    LOOK_UP(7, 8);
    connection_set_abandon(asking.set, &asked[0].query);
    scripted_libpq_lose();
    asking_receive();
    ck_assert_uint_eq(asking.set->queued, 1);
}
END_TEST

START_TEST(a_value_that_is_refused_is_found_out_one_by_one)
{
    LOOK_UP(7, 8);
    asking_receive_fault("22003");
    ck_assert_uint_eq(asking.done_count, 0);
    asking_flush();
    ck_assert_str_eq(scripted_libpq.sent, "user_find_many Sync user_find Sync user_find Sync ");
    asking_receive_fault("22003");
    RECEIVE_ROWS(8);
    asking_assert_done(0, FAULT_VALUE_REFUSED);
    asking_assert_found(1, 0);
}
END_TEST

START_TEST(a_batch_whose_companion_under_the_sync_fails_is_sent_again_one_by_one)
{
    asking_submit(0, STATEMENT_USER_LIST, 0);
    asking_submit(1, STATEMENT_USER_FIND, 7);
    asking_submit(2, STATEMENT_USER_FIND, 8);
    asking_flush();
    scripted_libpq_result(PGRES_FATAL_ERROR, "22003");
    scripted_libpq_null();
    scripted_libpq_result(PGRES_PIPELINE_ABORTED, NULL);
    scripted_libpq_null();
    scripted_libpq_sync();
    asking_receive();
    asking_assert_done(0, FAULT_VALUE_REFUSED);
    asking_flush();
    ck_assert_str_eq(scripted_libpq.sent, "user_list user_find_many Sync user_find Sync user_find Sync ");
}
END_TEST

START_TEST(what_the_server_could_not_do_all_are_told)
{
    static const struct {
        const char *state;
        enum fault fault;
    } faults[] = {{"57014", FAULT_STATEMENT_TIMEOUT}, {"55P03", FAULT_LOCK_TIMEOUT}};
    LOOK_UP(7, 8);
    asking_receive_fault(faults[_i].state);
    asking_assert_done(0, faults[_i].fault);
    asking_assert_done(1, faults[_i].fault);
    ck_assert_uint_eq(asking.set->queued, 0);
}
END_TEST

START_TEST(more_rows_than_there_can_be_are_asked_for_one_by_one)
{
    static const int64_t rows[QUERY_BATCH_MAX + 1];
    LOOK_UP(0, 1);
    receive_rows(rows, QUERY_BATCH_MAX + 1);
    ck_assert_uint_eq(asking.done_count, 0);
    ck_assert_uint_eq(asking.set->queued, 2);
}
END_TEST

/* ---- phases ---- */

START_TEST(each_member_is_in_the_database_from_its_sending_to_the_arrival)
{
    asking_submit(0, STATEMENT_USER_FIND, 7);
    asking_spin(2 * NS_PER_MS);
    asking_submit(1, STATEMENT_USER_FIND, 8);
    asking_flush();
    for (unsigned i = 0; i < 2; i++) {
        asking_assert_phase(i, PHASE_DB);
        ck_assert_uint_eq(asked[i].ledger.since_ns, asked[i].query.sent_ns);
    }
    ck_assert_uint_ge(asked[0].ledger.spent_ns[PHASE_QUEUE], 2 * NS_PER_MS);
    ck_assert_uint_lt(asked[1].ledger.spent_ns[PHASE_QUEUE], asked[0].ledger.spent_ns[PHASE_QUEUE]);
    asking_spin(NS_PER_MS);
    RECEIVE_ROWS(7, 8);
    for (unsigned i = 0; i < 2; i++) {
        asking_assert_found(i, (int)i);
        ck_assert_str_eq(phase_name(asked[i].phase), phase_name(PHASE_PARSE));
        ck_assert_uint_ge(asked[i].ledger.spent_ns[PHASE_DB], NS_PER_MS);
    }
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_DB], asked[1].ledger.spent_ns[PHASE_DB]);
}
END_TEST

/* The loop looks, works for 20 ms, and looks again without waiting: the answer came before that work. */
START_TEST(what_came_while_the_loop_worked_had_come_before_that_work)
{
    LOOK_UP(7, 8);
    event_loop_turn(asking.loop, 0);
    asking_spin(20 * NS_PER_MS);
    event_loop_turn(asking.loop, 0);
    RECEIVE_ROWS(7, 8);
    for (unsigned i = 0; i < 2; i++) {
        asking_assert_found(i, (int)i);
        ck_assert_uint_ge(asked[i].ledger.spent_ns[PHASE_OTHER], 20 * NS_PER_MS);
    }
}
END_TEST

START_TEST(who_is_abandoned_was_in_the_database_until_then)
{
    LOOK_UP(7, 8);
    asking_spin(NS_PER_MS);
    connection_set_abandon(asking.set, &asked[0].query);
    ledger_enter(&asked[0].ledger, PHASE_JSON);
    ck_assert_uint_ge(asked[0].ledger.spent_ns[PHASE_DB], NS_PER_MS);
    asking_assert_ledger_is_whole(&asked[0].ledger);
}
END_TEST

START_TEST(the_connections_time_is_charged_once)
{
    LOOK_UP(7, 8, 9);
    asking_spin(NS_PER_MS);
    connection_set_abandon(asking.set, &asked[0].query);
    RECEIVE_ROWS(7, 8, 9);
    ck_assert_uint_eq(asked[0].ledger.connection_ns, 0);
    ck_assert_uint_ge(asked[1].ledger.connection_ns, NS_PER_MS);
    ck_assert_uint_eq(asked[2].ledger.connection_ns, 0);
}
END_TEST

START_TEST(a_member_needs_no_ledger)
{
    asking_submit(0, STATEMENT_USER_FIND, 7);
    asking_submit(1, STATEMENT_USER_FIND, 8);
    asked[0].query.ledger = asked[1].query.ledger = NULL;
    asking_flush();
    connection_set_abandon(asking.set, &asked[1].query);
    RECEIVE_ROWS(7);
    ck_assert_uint_eq(asked[0].done, 1);
}
END_TEST

static TCase *sending_case(void)
{
    TCase *tcase = tcase_create("what is sent");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_test(tcase, look_ups_of_a_tick_are_one_query);
    tcase_add_test(tcase, one_look_up_alone_is_the_ordinary_query);
    tcase_add_test(tcase, without_the_option_each_look_up_is_a_query);
    tcase_add_test(tcase, the_most_are_one_query);
    tcase_add_test(tcase, one_more_than_the_most_goes_alone);
    tcase_add_test(tcase, two_more_than_the_most_go_together);
    tcase_add_test(tcase, what_stands_between_look_ups_stays_where_it_is);
    tcase_add_test(tcase, company_is_not_looked_for_far_away);
    tcase_add_test(tcase, slow_look_ups_are_not_combined);
    tcase_add_test(tcase, a_batch_that_libpq_refuses_stays_in_the_queue);
    return tcase;
}

static TCase *answers_case(void)
{
    TCase *tcase = tcase_create("answers");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_test(tcase, rows_in_any_order_find_their_askers);
    tcase_add_test(tcase, an_id_without_a_row_is_absent);
    tcase_add_test(tcase, without_rows_all_are_absent);
    tcase_add_test(tcase, several_may_ask_for_the_same_id);
    tcase_add_test(tcase, a_full_batch_finds_all_its_rows);
    tcase_add_test(tcase, the_query_is_counted_once_under_its_own_name);
    return tcase;
}

static TCase *leaving_case(void)
{
    TCase *tcase = tcase_create("leaving");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_test(tcase, who_is_abandoned_hears_no_more_of_it_and_the_others_do);
    tcase_add_test(tcase, a_batch_without_anybody_comes_back_to_nobody);
    tcase_add_test(tcase, one_may_leave_while_another_is_answered);
    tcase_add_test(tcase, the_last_one_may_leave_while_another_is_answered);
    tcase_add_test(tcase, a_set_is_freed_with_a_batch_on_its_way);
    return tcase;
}

static TCase *failures_case(void)
{
    TCase *tcase = tcase_create("failures");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_test(tcase, a_lost_connection_sends_each_member_again_by_itself);
    tcase_add_test(tcase, who_is_late_is_not_sent_again);
    tcase_add_test(tcase, who_was_abandoned_is_not_sent_again);
    tcase_add_test(tcase, a_value_that_is_refused_is_found_out_one_by_one);
    tcase_add_test(tcase, a_batch_whose_companion_under_the_sync_fails_is_sent_again_one_by_one);
    tcase_add_loop_test(tcase, what_the_server_could_not_do_all_are_told, 0, 2);
    tcase_add_test(tcase, more_rows_than_there_can_be_are_asked_for_one_by_one);
    return tcase;
}

static TCase *phases_case(void)
{
    TCase *tcase = tcase_create("phases");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_test(tcase, each_member_is_in_the_database_from_its_sending_to_the_arrival);
    tcase_add_test(tcase, what_came_while_the_loop_worked_had_come_before_that_work);
    tcase_add_test(tcase, who_is_abandoned_was_in_the_database_until_then);
    tcase_add_test(tcase, the_connections_time_is_charged_once);
    tcase_add_test(tcase, a_member_needs_no_ledger);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("query_batch");
    suite_add_tcase(suite, sending_case());
    suite_add_tcase(suite, answers_case());
    suite_add_tcase(suite, leaving_case());
    suite_add_tcase(suite, failures_case());
    if (SPLITS_LEDGER) suite_add_tcase(suite, phases_case());
    return suite;
}
