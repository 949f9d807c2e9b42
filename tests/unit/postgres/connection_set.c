#include "postgres/connection_set.h"

#include "base/clock.h"
#include "postgres/connection_upkeep.h"
#include "scripted_libpq.h"
#include "suite.h"

#include <string.h>

#define SLOTS     2
#define QUEUE_MAX 3

/* One request with one query, and what became of it. */
struct asked {
    struct query query;
    struct ledger ledger;
    unsigned done;
    enum fault fault;
    enum phase phase; /* when it was done */
};

static struct asked asked[8];
static struct postgres_config config;
static struct event_loop *loop;
static struct connection_set *set;

/* Connections that are up without having connected: they all answer from the one script. */
static void open_slots(unsigned count)
{
    PGconn *connection = scripted_libpq_start();
    for (unsigned i = 0; i < count; i++) {
        pipeline_open(&set->slots[i].pipeline, connection, true, set->now_ns);
        set->slots[i].state = SLOT_UP;
        set->up_count++;
    }
    set->fault = FAULT_NONE;
    set->pinged_ns = set->now_ns + NS_PER_S; /* no ping gets in between */
}

static void make_set(void)
{
    memset(asked, 0, sizeof asked);
    ck_assert_int_eq(event_loop_new(&loop), FAULT_NONE);
    config = (struct postgres_config){.database_url = "host=/nowhere",
                                      .application_name = "test",
                                      .prepared = true,
                                      .connections = SLOTS,
                                      .queue_max = QUEUE_MAX,
                                      .in_flight_max = 4,
                                      .queue_timeout_ns = NS_PER_S,
                                      .statement_timeout_ns = NS_PER_S,
                                      .connect_timeout_ns = NS_PER_S,
                                      .reconnect_max_ns = NS_PER_S,
                                      .loop = loop};
    ck_assert_int_eq(connection_set_new(&config, &set), FAULT_NONE);
}

static void make_set_that_is_up(void)
{
    make_set();
    open_slots(1);
}

static void free_set(void)
{
    connection_set_free(set);
    event_loop_free(loop);
    ck_assert_uint_eq(scripted_libpq.results_alive, 0);
}

static void take_done(struct query *query, enum fault fault, const PGresult *result)
{
    struct asked *one = (struct asked *)((char *)query - offsetof(struct asked, query));
    (void)result;
    one->done++;
    one->fault = fault;
    one->phase = one->ledger.phase;
}

static void submit_of(unsigned number, enum query_repeat repeat)
{
    struct query *query = &asked[number].query;
    query->statement = repeat == QUERY_REPEAT_READ ? STATEMENT_USER_FIND : STATEMENT_USER_CREATE;
    query->repeat = repeat;
    query->done = take_done;
    query->deadline_ns = UINT64_MAX;
    query->ledger = &asked[number].ledger;
    ledger_start(query->ledger, clock_now_ns());
    ledger_enter(query->ledger, PHASE_OTHER);
    connection_set_submit(set, query);
}

static void submit(unsigned number)
{
    submit_of(number, QUERY_REPEAT_READ);
}

static void flush(void)
{
    connection_set_flush(set, clock_now_ns());
}

static void receive(void)
{
    connection_upkeep_ready(&set->slots[0].source, 0);
}

static void answer(ExecStatusType status, const char *state)
{
    scripted_libpq_result(status, state);
    scripted_libpq_null();
}

static void assert_phase(unsigned number, enum phase phase)
{
    ck_assert_str_eq(phase_name(asked[number].ledger.phase), phase_name(phase));
}

/* Done once, with this fault, in this phase, and all its time is in some phase. */
static void assert_done(unsigned number, enum fault fault, enum phase phase)
{
    const struct asked *one = &asked[number];
    ck_assert_uint_eq(one->done, 1);
    ck_assert_int_eq(one->fault, fault);
    ck_assert_str_eq(phase_name(one->phase), phase_name(phase));
    uint64_t sum = 0;
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        sum += one->ledger.spent_ns[i];
    ck_assert_uint_eq(sum, ledger_total_ns(&one->ledger));
}

static uint64_t count_of(const struct histogram *histogram)
{
    struct histogram_counts counts = {0};
    histogram_read(histogram, &counts);
    return histogram_count(&counts);
}

static const struct postgres_statistics *statistics(void)
{
    return connection_set_statistics(set);
}

/* ---- phases ---- */

START_TEST(a_query_waits_in_the_queue_and_then_in_the_database)
{
    submit(0);
    assert_phase(0, PHASE_QUEUE);
    flush();
    assert_phase(0, PHASE_DB);
    ck_assert_uint_eq(asked[0].query.sent_ns, asked[0].ledger.since_ns);
    ck_assert_uint_gt(asked[0].ledger.spent_ns[PHASE_QUEUE], 0);
    answer(PGRES_TUPLES_OK, NULL);
    scripted_libpq_sync();
    receive();
    assert_done(0, FAULT_NONE, PHASE_PARSE);
    ck_assert_uint_gt(asked[0].ledger.spent_ns[PHASE_DB], 0);
}
END_TEST

static void spin(uint64_t ns)
{
    for (uint64_t begin_ns = clock_now_ns(); clock_now_ns() - begin_ns < ns;)
        continue;
}

/* Sent, and then the loop looks, works for so long, and looks again for at most wait_ms: the answer is there.
 */
static const struct ledger *receive_after(uint64_t work_ns, int wait_ms)
{
    submit(0);
    flush();
    event_loop_turn(loop, 0);
    spin(work_ns);
    event_loop_turn(loop, wait_ms);
    answer(PGRES_TUPLES_OK, NULL);
    receive();
    ck_assert_uint_eq(asked[0].done, 1);
    return &asked[0].ledger;
}

START_TEST(what_came_while_the_loop_worked_had_come_before_that_work)
{
    const struct ledger *ledger = receive_after(20 * NS_PER_MS, 0);
    if (SPLITS_LEDGER) ck_assert_uint_ge(ledger->spent_ns[PHASE_OTHER], 20 * NS_PER_MS);
}
END_TEST

START_TEST(what_the_loop_has_waited_for_came_when_it_woke_up)
{
    const struct ledger *ledger = receive_after(20 * NS_PER_MS, 10);
    if (SPLITS_LEDGER) ck_assert_uint_ge(ledger->spent_ns[PHASE_DB], 30 * NS_PER_MS);
}
END_TEST

/* The loop may have slept, and the caller's clock reading may be from before its handlers ran. */
START_TEST(the_wait_begins_and_ends_when_it_does_and_not_when_the_loop_last_looked)
{
    uint64_t before_ns = clock_now_ns();
    ck_assert_uint_lt(set->now_ns, before_ns);
    submit(0);
    ck_assert_uint_gt(asked[0].query.queued_ns, before_ns);
    uint64_t queued_ns = clock_now_ns();
    connection_set_flush(set, before_ns);
    ck_assert_uint_gt(asked[0].query.sent_ns, queued_ns);
}
END_TEST

START_TEST(an_aborted_read_goes_back_to_the_queue)
{
    submit(0);
    submit(1);
    flush();
    answer(PGRES_FATAL_ERROR, "57014");
    answer(PGRES_PIPELINE_ABORTED, NULL);
    scripted_libpq_sync();
    receive();
    assert_done(0, FAULT_STATEMENT_TIMEOUT, PHASE_PARSE);
    ck_assert_uint_eq(asked[1].done, 0);
    assert_phase(1, PHASE_QUEUE);
    flush();
    assert_phase(1, PHASE_DB);
    answer(PGRES_TUPLES_OK, NULL);
    scripted_libpq_sync();
    receive();
    assert_done(1, FAULT_NONE, PHASE_PARSE);
    ck_assert_uint_eq(count_of(&statistics()->wait), 3);
    ck_assert_uint_eq(count_of(&statistics()->operations[STATEMENT_USER_FIND]), 2);
}
END_TEST

START_TEST(a_lost_connection_sends_reads_back_to_the_queue_and_fails_writes)
{
    submit(0);
    submit_of(1, QUERY_REPEAT_NEVER);
    flush();
    assert_phase(1, PHASE_DB);
    scripted_libpq_lose();
    receive();
    assert_phase(0, PHASE_QUEUE);
    assert_done(1, FAULT_OUTCOME_UNKNOWN, PHASE_OTHER);
    ck_assert_uint_gt(asked[1].ledger.spent_ns[PHASE_DB], 0);
    ck_assert_uint_eq(statistics()->lost, 1);
}
END_TEST

START_TEST(a_query_that_libpq_refuses_stays_in_the_queue)
{
    submit(0);
    scripted_libpq.refuses_queries = true;
    flush();
    ck_assert_uint_eq(asked[0].done, 0);
    assert_phase(0, PHASE_QUEUE);
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_DB], 0);
    ck_assert_uint_eq(count_of(&statistics()->wait), 0);
}
END_TEST

START_TEST(who_waited_too_long_has_waited_in_the_queue)
{
    config.queue_timeout_ns = 0;
    set->slots[0].pipeline.is_retired = true; /* nothing can be sent */
    submit(0);
    flush();
    assert_done(0, FAULT_OVERLOADED, PHASE_OTHER);
    ck_assert_uint_gt(asked[0].ledger.spent_ns[PHASE_QUEUE], 0);
    ck_assert_uint_eq(statistics()->timeouts, 1);
    ck_assert_uint_eq(statistics()->rejected, 0);
}
END_TEST

START_TEST(a_full_queue_refuses_at_once)
{
    set->slots[0].pipeline.is_retired = true;
    for (unsigned i = 0; i < QUEUE_MAX; i++)
        submit(i);
    ck_assert_uint_eq(statistics()->rejected, 0);
    submit(QUEUE_MAX);
    assert_done(QUEUE_MAX, FAULT_OVERLOADED, PHASE_OTHER);
    ck_assert_uint_eq(asked[QUEUE_MAX].ledger.spent_ns[PHASE_QUEUE], 0);
    ck_assert_uint_eq(statistics()->rejected, 1);
    ck_assert_uint_eq(statistics()->timeouts, 0);
}
END_TEST

START_TEST(who_is_abandoned_in_the_queue_hears_no_more_of_it)
{
    submit(0);
    connection_set_abandon(set, &asked[0].query);
    flush();
    ck_assert_uint_eq(asked[0].done, 0);
    assert_phase(0, PHASE_QUEUE); /* the asker's, who says what comes next */
    ck_assert_str_eq(scripted_libpq.sent, "");
}
END_TEST

START_TEST(a_query_needs_no_ledger)
{
    asked[0].query =
        (struct query){.statement = STATEMENT_USER_FIND, .done = take_done, .deadline_ns = UINT64_MAX};
    connection_set_submit(set, &asked[0].query);
    flush();
    answer(PGRES_TUPLES_OK, NULL);
    scripted_libpq_sync();
    receive();
    ck_assert_uint_eq(asked[0].done, 1);
    ck_assert_uint_eq(count_of(&statistics()->operations[STATEMENT_USER_FIND]), 1);
}
END_TEST

/* ---- known time ---- */

START_TEST(a_query_that_will_take_long_stands_in_front_of_no_cheap_one)
{
    open_slots(SLOTS);
    asked[0].query.known_ns = asked[1].query.known_ns = 15 * NS_PER_MS;
    submit(0);
    submit(1);
    submit(2);
    flush();
    ck_assert_ptr_eq(asked[2].query.pipeline, &set->slots[0].pipeline);
    ck_assert_ptr_eq(asked[0].query.pipeline, &set->slots[1].pipeline);
    ck_assert_int_eq(asked[1].query.state, QUERY_QUEUED);
    ck_assert_uint_ge(set->slots[1].pipeline.backlog_ns, 15 * NS_PER_MS);
    ck_assert_uint_lt(set->slots[0].pipeline.backlog_ns, NS_PER_MS);
}
END_TEST

START_TEST(what_was_known_does_not_make_the_statement_slow)
{
    uint64_t expected_ns = set->expected_ns[STATEMENT_USER_FIND];
    asked[0].query.known_ns = 15 * NS_PER_MS;
    submit(0);
    flush();
    answer(PGRES_TUPLES_OK, NULL);
    scripted_libpq_sync();
    set->now_ns += 15 * NS_PER_MS; /* so long has it taken */
    receive();
    ck_assert_uint_eq(asked[0].done, 1);
    ck_assert_uint_le(set->expected_ns[STATEMENT_USER_FIND], expected_ns);
}
END_TEST

/* ---- at present ---- */

START_TEST(before_the_first_flush_nothing_is_ready)
{
    ck_assert_int_ne(connection_set_readiness(set), FAULT_NONE);
    ck_assert_uint_eq(statistics()->used + statistics()->idle, 0);
}
END_TEST

START_TEST(connections_are_used_while_they_have_queries)
{
    flush();
    ck_assert_int_eq(connection_set_readiness(set), FAULT_NONE);
    ck_assert_uint_eq(statistics()->used, 0);
    ck_assert_uint_eq(statistics()->idle, 1);
    ck_assert_uint_gt(statistics()->round_trip_ns, 0);
    submit(0);
    flush();
    ck_assert_uint_eq(statistics()->used, 1);
    ck_assert_uint_eq(statistics()->idle, 0);
    ck_assert_uint_eq(statistics()->pending, 0);
}
END_TEST

START_TEST(what_is_in_the_queue_is_pending)
{
    set->slots[0].pipeline.is_retired = true;
    set->slots[0].pipeline.count = 1; /* not closed either */
    submit(0);
    submit(1);
    flush();
    ck_assert_uint_eq(statistics()->pending, 2);
    set->slots[0].pipeline.count = 0;
}
END_TEST

START_TEST(busy_time_grows_while_a_query_is_open_and_never_shrinks)
{
    submit(0);
    flush();
    uint64_t before_us = statistics()->busy_us;
    connection_set_flush(set, set->now_ns + 3 * NS_PER_MS);
    uint64_t busy_us = statistics()->busy_us;
    ck_assert_uint_ge(busy_us, before_us + 2999);
    scripted_libpq_lose();
    receive();
    flush();
    ck_assert_uint_ge(statistics()->busy_us, busy_us);
    ck_assert_uint_eq(statistics()->used + statistics()->idle, 0);
}
END_TEST

static TCase *phases_case(void)
{
    TCase *tcase = tcase_create("phases");
    tcase_add_checked_fixture(tcase, make_set_that_is_up, free_set);
    tcase_add_test(tcase, a_query_waits_in_the_queue_and_then_in_the_database);
    tcase_add_test(tcase, the_wait_begins_and_ends_when_it_does_and_not_when_the_loop_last_looked);
    tcase_add_test(tcase, what_came_while_the_loop_worked_had_come_before_that_work);
    tcase_add_test(tcase, what_the_loop_has_waited_for_came_when_it_woke_up);
    tcase_add_test(tcase, an_aborted_read_goes_back_to_the_queue);
    tcase_add_test(tcase, a_lost_connection_sends_reads_back_to_the_queue_and_fails_writes);
    tcase_add_test(tcase, a_query_that_libpq_refuses_stays_in_the_queue);
    tcase_add_test(tcase, who_waited_too_long_has_waited_in_the_queue);
    tcase_add_test(tcase, a_full_queue_refuses_at_once);
    tcase_add_test(tcase, who_is_abandoned_in_the_queue_hears_no_more_of_it);
    tcase_add_test(tcase, a_query_needs_no_ledger);
    return tcase;
}

static TCase *known_time_case(void)
{
    TCase *tcase = tcase_create("known time");
    tcase_add_checked_fixture(tcase, make_set_that_is_up, free_set);
    tcase_add_test(tcase, what_was_known_does_not_make_the_statement_slow);
    return tcase;
}

static TCase *several_connections_case(void)
{
    TCase *tcase = tcase_create("several connections");
    tcase_add_checked_fixture(tcase, make_set, free_set);
    tcase_add_test(tcase, a_query_that_will_take_long_stands_in_front_of_no_cheap_one);
    tcase_add_test(tcase, before_the_first_flush_nothing_is_ready);
    return tcase;
}

static TCase *at_present_case(void)
{
    TCase *tcase = tcase_create("at present");
    tcase_add_checked_fixture(tcase, make_set_that_is_up, free_set);
    tcase_add_test(tcase, connections_are_used_while_they_have_queries);
    tcase_add_test(tcase, what_is_in_the_queue_is_pending);
    tcase_add_test(tcase, busy_time_grows_while_a_query_is_open_and_never_shrinks);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("connection_set");
    suite_add_tcase(suite, several_connections_case());
    suite_add_tcase(suite, known_time_case());
    suite_add_tcase(suite, at_present_case());
    if (SPLITS_LEDGER) suite_add_tcase(suite, phases_case());
    return suite;
}
