#include "asking.h"
#include "base/clock.h"
#include "postgres/query_batch.h"
#include "suite.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(...) (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))
/* Creates in one tick. */
#define CREATE(...) create((const char *const[]){__VA_ARGS__}, COUNT_OF(__VA_ARGS__))
/* The users of these addresses, and the Sync. */
#define RECEIVE_USERS(...) receive_users((const char *const[]){__VA_ARGS__}, COUNT_OF(__VA_ARGS__))

static void create(const char *const *emails, int count)
{
    for (int i = 0; i < count; i++)
        asking_create((unsigned)i, emails[i]);
    asking_flush();
}

static void receive_users(const char *const *emails, int count)
{
    static const char *kept[ASKED_MAX]; /* until they are read */
    for (int i = 0; i < count; i++)
        kept[i] = emails[i];
    scripted_libpq_users(kept, count);
    scripted_libpq_null();
    scripted_libpq_sync();
    asking_receive();
}

static void assert_sent(const char *sent)
{
    ck_assert_str_eq(scripted_libpq.sent, sent);
}

/* The elements of the last array that was sent, with a blank behind each. */
static const char *addresses_sent(void)
{
    static char sent[sizeof scripted_libpq.parameter];
    size_t size = 0;
    for (int at = 20; at < scripted_libpq.parameter_size;) {
        uint32_t bytes;
        memcpy(&bytes, scripted_libpq.parameter + at, sizeof bytes);
        bytes = be32toh(bytes);
        memcpy(sent + size, scripted_libpq.parameter + at + 4, bytes);
        size += bytes;
        sent[size++] = ' ';
        at += 4 + (int)bytes;
    }
    sent[size] = '\0';
    return sent;
}

/* ---- what is sent ---- */

START_TEST(creates_of_a_tick_are_one_query_under_one_sync)
{
    CREATE("b@x", "a@x", "c@x");
    assert_sent("user_create_many Sync ");
    ck_assert_uint_eq(asking.set->queued, 0);
}
END_TEST

START_TEST(one_create_alone_is_the_ordinary_query)
{
    CREATE("a@x");
    assert_sent("user_create Sync ");
}
END_TEST

START_TEST(without_the_option_each_create_is_a_query)
{
    asking.config.combine_creates = false;
    CREATE("a@x", "b@x");
    assert_sent("user_create Sync user_create Sync ");
}
END_TEST

START_TEST(addresses_are_sent_in_the_order_of_the_index)
{
    CREATE("b@x", "A@x", "Ab@x", "a@w", "a@", "B@w");
    ck_assert_str_eq(addresses_sent(), "a@ a@w A@x Ab@x B@w b@x ");
}
END_TEST

START_TEST(no_more_than_the_most_are_one_query)
{
    static char emails[QUERY_BATCH_MAX + 1][8];
    for (unsigned i = 0; i <= QUERY_BATCH_MAX; i++) {
        (void)snprintf(emails[i], sizeof emails[i], "%02u@x", i);
        asking_create(i, emails[i]);
    }
    asking_flush();
    assert_sent("user_create_many Sync user_create Sync ");
}
END_TEST

START_TEST(other_writes_keep_a_sync_of_their_own)
{
    asking_create(0, "a@x");
    asked[1].query.repeat = QUERY_REPEAT_WRITE;
    asking_submit(1, STATEMENT_USER_CREATE_ONCE, 0);
    asking_create(2, "b@x");
    asking_flush();
    assert_sent("user_create_many Sync user_create_once Sync ");
}
END_TEST

START_TEST(a_batch_that_libpq_refuses_stays_in_the_queue)
{
    scripted_libpq.refuses_queries = true;
    CREATE("b@x", "a@x");
    ck_assert_uint_eq(asking.set->queued, 2);
    ck_assert_uint_eq(asking.done_count, 0);
    for (unsigned i = 0; i < 2; i++) {
        asking_assert_phase(i, PHASE_QUEUE);
        ck_assert_uint_eq(asked[i].query.sent_count, 0);
        ck_assert(!asked[i].query.outcome_open);
    }
}
END_TEST

/* ---- answers ---- */

START_TEST(rows_find_their_askers)
{
    CREATE("b@x", "a@x", "c@x");
    RECEIVE_USERS("a@x", "b@x", "c@x");
    asking_assert_found(0, 1);
    asking_assert_found(1, 0);
    asking_assert_found(2, 2);
}
END_TEST

START_TEST(nobody_is_answered_before_the_sync)
{
    static const char *const emails[] = {"a@x", "b@x"};
    CREATE("a@x", "b@x");
    scripted_libpq_users(emails, 2);
    scripted_libpq_null();
    scripted_libpq_pause();
    scripted_libpq_sync();
    asking_receive();
    ck_assert_uint_eq(asking.done_count, 0);
    asking_receive();
    asking_assert_found(0, 0);
    asking_assert_found(1, 1);
}
END_TEST

START_TEST(who_has_no_row_is_sent_again_to_learn_why)
{
    CREATE("c@x", "b@x", "a@x");
    RECEIVE_USERS("a@x", "c@x");
    asking_assert_found(0, 1);
    asking_assert_found(2, 0);
    ck_assert_uint_eq(asked[1].done, 0);
    asking_assert_phase(1, PHASE_QUEUE);
    asking_flush();
    assert_sent("user_create_many Sync user_create Sync ");
    asking_receive_fault("23505");
    asking_assert_done(1, FAULT_EMAIL_TAKEN);
}
END_TEST

START_TEST(who_has_no_row_may_be_created_after_all)
{
    CREATE("a@x", "b@x");
    RECEIVE_USERS("b@x");
    asking_flush();
    RECEIVE_USERS("a@x");
    asking_assert_found(0, 0);
    asking_assert_found(1, 0);
}
END_TEST

START_TEST(without_rows_all_are_sent_again)
{
    CREATE("a@x", "b@x");
    receive_users(NULL, 0);
    ck_assert_uint_eq(asking.done_count, 0);
    asking_flush();
    assert_sent("user_create_many Sync user_create Sync user_create Sync ");
}
END_TEST

START_TEST(of_one_address_in_two_cases_one_is_created)
{
    CREATE("A@x", "a@x");
    RECEIVE_USERS("A@x");
    asking_assert_found(0, 0);
    asking_flush();
    asking_receive_fault("23505");
    asking_assert_done(1, FAULT_EMAIL_TAKEN);
}
END_TEST

START_TEST(rewritten_addresses_find_their_askers_when_none_is_missing)
{
    CREATE("B@x", "A@x");
    RECEIVE_USERS("a@y", "b@y");
    asking_assert_found(0, 1);
    asking_assert_found(1, 0);
}
END_TEST

/* One of the two has a user, under an address that is not the one sent: nobody knows which. */
START_TEST(among_rewritten_addresses_who_is_missing_is_unknown)
{
    CREATE("A@x", "b@x", "C@x");
    RECEIVE_USERS("a@x", "b@x");
    ck_assert_uint_eq(asking.set->queued, 0);
    asking_assert_done(0, FAULT_OUTCOME_UNKNOWN);
    asking_assert_done(1, FAULT_OUTCOME_UNKNOWN);
    asking_assert_done(2, FAULT_OUTCOME_UNKNOWN);
}
END_TEST

/* It was "A@x" before a trigger rewrote it, and is the first one's by its name. */
START_TEST(a_row_of_another_name_is_not_the_members)
{
    asking_create(0, "A@x");
    asking_create(1, "a@x");
    query_set_text(&asked[1].query, 0, TEXT("Grace"));
    asking_flush();
    RECEIVE_USERS("a@x");
    asking_assert_done(0, FAULT_OUTCOME_UNKNOWN);
    asking_assert_done(1, FAULT_OUTCOME_UNKNOWN);
}
END_TEST

START_TEST(the_query_is_counted_once_under_its_own_name)
{
    CREATE("a@x", "b@x");
    RECEIVE_USERS("a@x", "b@x");
    if (!SPLITS_LEDGER) return;
    ck_assert_uint_eq(asking_operations_of(STATEMENT_USER_CREATE_MANY), 1);
    ck_assert_uint_eq(asking_operations_of(STATEMENT_USER_CREATE), 0);
}
END_TEST

START_TEST(each_was_in_the_database_until_the_sync)
{
    CREATE("a@x", "b@x");
    asking_spin(NS_PER_MS);
    RECEIVE_USERS("a@x", "b@x");
    for (unsigned i = 0; i < 2; i++) {
        asking_assert_found(i, (int)i);
        ck_assert_uint_ge(asked[i].ledger.spent_ns[PHASE_DB], NS_PER_MS);
        ck_assert_int_eq(asked[i].phase, PHASE_PARSE);
    }
}
END_TEST

/* ---- leaving ---- */

START_TEST(who_has_left_does_not_shift_the_rows_of_others)
{
    CREATE("a@x", "b@x", "c@x", "d@x");
    connection_set_abandon(asking.set, &asked[0].query);
    RECEIVE_USERS("a@x", "b@x", "d@x");
    ck_assert_uint_eq(asked[0].done, 0);
    asking_assert_found(1, 1);
    asking_assert_found(3, 2);
    ck_assert_uint_eq(asked[2].done, 0);
    ck_assert_uint_eq(asking.set->queued, 1);
}
END_TEST

START_TEST(who_has_no_row_may_leave_while_another_is_answered)
{
    CREATE("a@x", "b@x", "c@x");
    asking.leaves_when_next_is_done = &asked[1];
    RECEIVE_USERS("a@x", "c@x");
    asking_assert_found(0, 0);
    asking_assert_found(2, 1);
    ck_assert_uint_eq(asked[1].done, 0);
    ck_assert_uint_eq(asking.set->queued, 0);
}
END_TEST

START_TEST(a_set_is_freed_with_creates_on_their_way)
{
    CREATE("a@x", "b@x");
    connection_set_abandon(asking.set, &asked[0].query);
}
END_TEST

/* ---- failures ---- */

START_TEST(what_may_be_the_fault_of_one_is_found_out_one_by_one)
{
    static const struct {
        const char *state;
        enum fault fault;
    } faults[] = {
        {"23514", FAULT_CONSTRAINT},        {"23502", FAULT_CONSTRAINT},    {"22001", FAULT_CONSTRAINT},
        {"22021", FAULT_VALUE_REFUSED},     {"22003", FAULT_VALUE_REFUSED}, {"23505", FAULT_EMAIL_TAKEN},
        {"57014", FAULT_STATEMENT_TIMEOUT}, {"55P03", FAULT_LOCK_TIMEOUT},  {"XX001", FAULT_INTERNAL}};
    CREATE("a@x", "b@x");
    asking_receive_fault(faults[_i].state);
    ck_assert_uint_eq(asking.done_count, 0);
    asking_flush();
    assert_sent("user_create_many Sync user_create Sync user_create Sync ");
    asking_receive_fault(faults[_i].state);
    RECEIVE_USERS("b@x");
    asking_assert_done(0, faults[_i].fault);
    asking_assert_found(1, 0);
}
END_TEST

START_TEST(a_deadlock_sends_each_again_by_itself)
{
    static const char *const states[] = {"40P01", "40001"};
    CREATE("a@x", "b@x");
    asking_receive_fault(states[_i]);
    asking_flush();
    assert_sent("user_create_many Sync user_create Sync user_create Sync ");
}
END_TEST

START_TEST(what_the_server_could_not_do_all_are_told)
{
    static const struct {
        const char *state;
        enum fault fault;
    } faults[] = {{"57P01", FAULT_DATABASE_UNAVAILABLE},
                  {"25006", FAULT_DATABASE_READ_ONLY},
                  {"53100", FAULT_DATABASE_RESOURCES}};
    CREATE("a@x", "b@x");
    asking_receive_fault(faults[_i].state);
    asking_assert_done(0, faults[_i].fault);
    asking_assert_done(1, faults[_i].fault);
    ck_assert_uint_eq(asking.set->queued, 0);
}
END_TEST

START_TEST(a_lost_connection_leaves_every_outcome_unknown)
{
    CREATE("a@x", "b@x");
    scripted_libpq_lose();
    asking_receive();
    asking_assert_done(0, FAULT_OUTCOME_UNKNOWN);
    asking_assert_done(1, FAULT_OUTCOME_UNKNOWN);
    ck_assert_uint_eq(asking.set->queued, 0);
}
END_TEST

START_TEST(rows_without_their_sync_prove_nothing)
{
    static const char *const emails[] = {"a@x", "b@x"};
    CREATE("a@x", "b@x");
    scripted_libpq_users(emails, 2);
    scripted_libpq_null();
    scripted_libpq_lose();
    asking_receive(); /* the rows */
    asking_receive(); /* the end */
    asking_assert_done(0, FAULT_OUTCOME_UNKNOWN);
    asking_assert_done(1, FAULT_OUTCOME_UNKNOWN);
}
END_TEST

START_TEST(who_is_late_is_not_sent_again)
{
    CREATE("a@x", "b@x");
    asked[0].query.deadline_ns = 1;
    asking_receive_fault("55P03");
    asking_assert_done(0, FAULT_REQUEST_TIMEOUT);
    ck_assert_uint_eq(asked[1].done, 0);
    ck_assert_uint_eq(asking.set->queued, 1);
}
END_TEST

START_TEST(after_a_wait_in_vain_creates_go_alone_for_a_while)
{
    CREATE("a@x", "b@x");
    asking_receive_fault("55P03");
    asking_flush();
    RECEIVE_USERS("a@x");
    RECEIVE_USERS("b@x");
    asking_create(2, "c@x");
    asking_create(3, "d@x");
    asking_flush();
    assert_sent("user_create_many Sync user_create Sync user_create Sync user_create Sync user_create Sync ");
    asking.set->creates_alone_until_ns = 0;
    asking_create(4, "e@x");
    asking_create(5, "f@x");
    asking_flush();
    ck_assert_ptr_nonnull(strstr(scripted_libpq.sent, "user_create Sync user_create_many Sync "));
}
END_TEST

static TCase *sending_case(void)
{
    TCase *tcase = tcase_create("what is sent");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_test(tcase, creates_of_a_tick_are_one_query_under_one_sync);
    tcase_add_test(tcase, one_create_alone_is_the_ordinary_query);
    tcase_add_test(tcase, without_the_option_each_create_is_a_query);
    tcase_add_test(tcase, addresses_are_sent_in_the_order_of_the_index);
    tcase_add_test(tcase, no_more_than_the_most_are_one_query);
    tcase_add_test(tcase, other_writes_keep_a_sync_of_their_own);
    tcase_add_test(tcase, a_batch_that_libpq_refuses_stays_in_the_queue);
    return tcase;
}

static TCase *answers_case(void)
{
    TCase *tcase = tcase_create("answers");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_test(tcase, rows_find_their_askers);
    tcase_add_test(tcase, nobody_is_answered_before_the_sync);
    tcase_add_test(tcase, who_has_no_row_is_sent_again_to_learn_why);
    tcase_add_test(tcase, who_has_no_row_may_be_created_after_all);
    tcase_add_test(tcase, without_rows_all_are_sent_again);
    tcase_add_test(tcase, of_one_address_in_two_cases_one_is_created);
    tcase_add_test(tcase, rewritten_addresses_find_their_askers_when_none_is_missing);
    tcase_add_test(tcase, among_rewritten_addresses_who_is_missing_is_unknown);
    tcase_add_test(tcase, a_row_of_another_name_is_not_the_members);
    tcase_add_test(tcase, the_query_is_counted_once_under_its_own_name);
    if (SPLITS_LEDGER) tcase_add_test(tcase, each_was_in_the_database_until_the_sync);
    return tcase;
}

static TCase *leaving_case(void)
{
    TCase *tcase = tcase_create("leaving");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_test(tcase, who_has_left_does_not_shift_the_rows_of_others);
    tcase_add_test(tcase, who_has_no_row_may_leave_while_another_is_answered);
    tcase_add_test(tcase, a_set_is_freed_with_creates_on_their_way);
    return tcase;
}

static TCase *failures_case(void)
{
    TCase *tcase = tcase_create("failures");
    tcase_add_checked_fixture(tcase, asking_begin, asking_end);
    tcase_add_loop_test(tcase, what_may_be_the_fault_of_one_is_found_out_one_by_one, 0, 9);
    tcase_add_loop_test(tcase, a_deadlock_sends_each_again_by_itself, 0, 2);
    tcase_add_loop_test(tcase, what_the_server_could_not_do_all_are_told, 0, 3);
    tcase_add_test(tcase, a_lost_connection_leaves_every_outcome_unknown);
    tcase_add_test(tcase, rows_without_their_sync_prove_nothing);
    tcase_add_test(tcase, who_is_late_is_not_sent_again);
    tcase_add_test(tcase, after_a_wait_in_vain_creates_go_alone_for_a_while);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("create_batch");
    suite_add_tcase(suite, sending_case());
    suite_add_tcase(suite, answers_case());
    suite_add_tcase(suite, leaving_case());
    suite_add_tcase(suite, failures_case());
    return suite;
}
