#include "service/database_watch.h"

#include "base/clock.h"
#include "suite.h"

#include <string.h>

/* In place of postgres/server_statistics.h: the one look, and its answer. */
static struct {
    enum fault refusal;
    unsigned started, let_go, ended;
    bool is_answered;
    struct server_statistics_answer answer;
} look;

static struct config config = {.database_url = "", .database_url_file = ""};
static struct postgres_statistics database;
static struct worker_counters worker;
static struct observation observation = {.count = 1, .workers = &worker};
static struct database_watch watch;

/* Whoever asks; its question is the first member. */
struct asker {
    struct database_question question;
    unsigned done;
    struct database_report report;
    struct statement_report first; /* of its statements */
    struct database_question *asks, *abandons;
};

enum fault server_statistics_start(const char *database_url, unsigned timeout_ms,
                                   struct server_statistics **ret_statistics)
{
    ck_assert_ptr_eq(database_url, config.database_url);
    ck_assert_uint_gt(timeout_ms, 0);
    if (look.refusal) return look.refusal;
    look.started++;
    look.is_answered = false;
    *ret_statistics = (struct server_statistics *)&look;
    return FAULT_NONE;
}

const struct server_statistics_answer *server_statistics_poll(struct server_statistics *statistics)
{
    ck_assert_ptr_eq(statistics, &look);
    return look.is_answered ? &look.answer : NULL;
}

void server_statistics_let_go(struct server_statistics *statistics)
{
    look.let_go += statistics != NULL;
}

void server_statistics_end(struct server_statistics *statistics, unsigned patience_ms)
{
    ck_assert_uint_le(patience_ms, 200);
    look.ended += statistics != NULL;
}

static void set_up(void)
{
    memset(&look, 0, sizeof look);
    memset(&database, 0, sizeof database);
    worker.database = &database;
    worker.is_running = true;
    database_watch_init(&watch, &config, &observation);
}

static void take_report(struct database_question *question, enum fault fault,
                        const struct database_report *report)
{
    struct asker *asker = (struct asker *)question;
    ck_assert_int_eq((int)fault, FAULT_NONE);
    asker->done++;
    asker->report = *report;
    asker->first = report->statements[0];
    if (asker->asks) ck_assert_int_eq((int)database_watch_ask(&watch, asker->asks), FAULT_NONE);
    if (asker->abandons) database_watch_abandon(&watch, asker->abandons);
}

static struct asker new_asker(void)
{
    return (struct asker){.question = {.done = take_report}};
}

static void ask(struct asker *asker)
{
    ck_assert_int_eq((int)database_watch_ask(&watch, &asker->question), FAULT_NONE);
}

/* What the database says of the first statement. */
static void answer(uint64_t calls, double total_ms)
{
    look.is_answered = true;
    look.answer.statements[0] = (struct server_statement){calls, total_ms};
    database_watch_tick(&watch, clock_now_ns());
}

static struct asker ask_and_answer(uint64_t calls, double total_ms)
{
    struct asker asker = new_asker();
    ask(&asker);
    answer(calls, total_ms);
    ck_assert_uint_eq(asker.done, 1);
    return asker;
}

START_TEST(the_first_look_is_a_second_after_the_start_and_for_nobody)
{
    uint64_t wake_ns = database_watch_wake_ns(&watch, clock_now_ns());
    database_watch_tick(&watch, wake_ns - 1);
    ck_assert_uint_eq(look.started, 0);
    database_watch_tick(&watch, wake_ns);
    ck_assert_uint_eq(look.started, 1);
    answer(7, 1.5);
    ck_assert_uint_eq(look.let_go, 1);
    ck_assert_uint_eq(database_watch_wake_ns(&watch, wake_ns), 0);
    struct asker asker = ask_and_answer(7, 1.5);
    ck_assert_ptr_null(asker.report.absence);
    ck_assert_uint_eq(asker.first.server_calls, 0);
}
END_TEST

START_TEST(both_sides_are_counted_from_the_beginning_of_the_comparison)
{
    histogram_add(&database.operations[0], 900 * NS_PER_US);
    struct asker first = ask_and_answer(100, 50);
    ck_assert_ptr_nonnull(strstr(first.report.absence, "begins now"));
    ck_assert_uint_eq(first.first.client_calls, 1);
    histogram_add(&database.operations[0], 400 * NS_PER_US);
    database.queue_us[0] = 30;
    database.round_trip_ns = 1234;
    struct asker second = ask_and_answer(102, 50.5);
    ck_assert_ptr_null(second.report.absence);
    ck_assert_int_ne(second.report.since_us, 0);
    ck_assert(second.first.has_server);
    ck_assert_uint_eq(second.first.client_calls, 1);
    ck_assert_uint_eq(second.first.client_us, 400);
    ck_assert_uint_eq(second.first.queue_us, 30);
    ck_assert_uint_eq(second.first.round_trip_ns, 1234);
    ck_assert_uint_eq(second.first.server_calls, 2);
    ck_assert_double_eq_tol(second.first.server_ms, 0.5, 1e-9);
}
END_TEST

START_TEST(all_who_ask_during_a_look_get_its_answer)
{
    struct asker askers[] = {new_asker(), new_asker(), new_asker()};
    for (unsigned i = 0; i < 3; i++)
        ask(&askers[i]);
    ck_assert_uint_eq(look.started, 1);
    answer(1, 1);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(askers[i].done, 1);
}
END_TEST

START_TEST(whoever_leaves_is_not_told_and_the_others_are)
{
    for (unsigned leaver = 0; leaver < 3; leaver++) {
        struct asker askers[] = {new_asker(), new_asker(), new_asker()};
        for (unsigned i = 0; i < 3; i++)
            ask(&askers[i]);
        database_watch_abandon(&watch, &askers[leaver].question);
        answer(1, 1);
        for (unsigned i = 0; i < 3; i++)
            ck_assert_uint_eq(askers[i].done, i != leaver);
    }
}
END_TEST

START_TEST(an_answer_that_nobody_waits_for_any_more_is_let_go)
{
    struct asker asker = new_asker();
    ask(&asker);
    database_watch_abandon(&watch, &asker.question);
    answer(1, 1);
    ck_assert_uint_eq(asker.done, 0);
    ck_assert_uint_eq(look.let_go, 1);
}
END_TEST

START_TEST(whoever_asks_again_when_told_waits_for_the_next_look)
{
    struct asker asker = new_asker(), later = new_asker();
    asker.asks = &later.question;
    ask(&asker);
    answer(1, 1);
    ck_assert_uint_eq(later.done, 0);
    ck_assert_uint_eq(look.started, 2);
    answer(1, 1);
    ck_assert_uint_eq(later.done, 1);
    ck_assert_uint_eq(asker.done, 1);
}
END_TEST

START_TEST(one_may_leave_while_another_is_told)
{
    struct asker first = new_asker(), second = new_asker();
    first.abandons = &second.question;
    second.abandons = &first.question;
    ask(&first);
    ask(&second);
    answer(1, 1);
    ck_assert_uint_eq(first.done + second.done, 1);
}
END_TEST

START_TEST(a_look_that_cannot_start_is_a_fault)
{
    struct asker asker = new_asker();
    look.refusal = FAULT_MEMORY;
    ck_assert_int_eq((int)database_watch_ask(&watch, &asker.question), FAULT_MEMORY);
    look.refusal = FAULT_NONE;
    (void)ask_and_answer(1, 1);
    ck_assert_uint_eq(asker.done, 0);
}
END_TEST

START_TEST(a_look_that_fails_says_why_and_keeps_the_beginning)
{
    (void)ask_and_answer(100, 50);
    look.answer.fault = FAULT_DATABASE_UNAVAILABLE;
    look.answer.absence = "it is away";
    struct asker absent = ask_and_answer(0, 0);
    ck_assert_str_eq(absent.report.absence, "it is away");
    ck_assert_int_eq(absent.report.since_us, 0);
    ck_assert(!absent.first.has_server);
    look.answer.fault = FAULT_NONE;
    struct asker present = ask_and_answer(101, 51);
    ck_assert_ptr_null(present.report.absence);
    ck_assert_uint_eq(present.first.server_calls, 1);
}
END_TEST

static void assert_reset_is_seen(uint64_t calls, double total_ms)
{
    struct asker asker = ask_and_answer(calls, total_ms);
    ck_assert_ptr_nonnull(strstr(asker.report.absence, "reset"));
    ck_assert(!asker.first.has_server);
    struct asker next = ask_and_answer(calls + 1, total_ms + 1);
    ck_assert_ptr_null(next.report.absence);
    ck_assert_uint_eq(next.first.server_calls, 1);
    ck_assert_double_eq_tol(next.first.server_ms, 1, 1e-9);
}

START_TEST(fewer_calls_than_before_are_a_reset)
{
    (void)ask_and_answer(100, 50);
    assert_reset_is_seen(99, 60);
}
END_TEST

START_TEST(less_time_than_before_is_a_reset_even_with_more_calls)
{
    (void)ask_and_answer(100, 50);
    assert_reset_is_seen(101, 49.9);
}
END_TEST

START_TEST(the_end_waits_for_a_look_that_is_under_way)
{
    database_watch_release(&watch);
    ck_assert_uint_eq(look.ended, 0);
    struct asker asker = new_asker();
    ask(&asker);
    database_watch_release(&watch);
    ck_assert_uint_eq(look.ended, 1);
    ck_assert_uint_eq(asker.done, 0);
}
END_TEST

static TCase *asking_case(void)
{
    TCase *tcase = tcase_create("asking");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, all_who_ask_during_a_look_get_its_answer);
    tcase_add_test(tcase, whoever_leaves_is_not_told_and_the_others_are);
    tcase_add_test(tcase, an_answer_that_nobody_waits_for_any_more_is_let_go);
    tcase_add_test(tcase, whoever_asks_again_when_told_waits_for_the_next_look);
    tcase_add_test(tcase, one_may_leave_while_another_is_told);
    tcase_add_test(tcase, a_look_that_cannot_start_is_a_fault);
    tcase_add_test(tcase, the_end_waits_for_a_look_that_is_under_way);
    return tcase;
}

static TCase *comparison_case(void)
{
    TCase *tcase = tcase_create("comparison");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, the_first_look_is_a_second_after_the_start_and_for_nobody);
    tcase_add_test(tcase, both_sides_are_counted_from_the_beginning_of_the_comparison);
    tcase_add_test(tcase, a_look_that_fails_says_why_and_keeps_the_beginning);
    tcase_add_test(tcase, fewer_calls_than_before_are_a_reset);
    tcase_add_test(tcase, less_time_than_before_is_a_reset_even_with_more_calls);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("database_watch");
    suite_add_tcase(suite, asking_case());
    suite_add_tcase(suite, comparison_case());
    return suite;
}
