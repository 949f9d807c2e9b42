#include "postgres/pipeline.h"

#include "base/clock.h"
#include "scripted_libpq.h"
#include "suite.h"

#include <string.h>

#define IN_FLIGHT_MAX 8
#define EACH_NS       100
#define NOW_NS        1000

/* One query and what became of it. */
struct asked {
    struct query query;
    unsigned done, returned;
    enum fault fault;
    enum query_return why;
    bool had_result;
    unsigned turn; /* the how-manieth answer it was, from 1 */
    struct ledger ledger;
    enum phase phase; /* of the ledger, when it was done or returned */
};

static struct asked asked[32];
static struct pipeline pipeline;
static unsigned turns;
static struct {
    unsigned troubled, troubled_all;
    unsigned measured, count;
    uint64_t elapsed_ns;
    enum statement statement;
    unsigned answered;
    const struct query *answered_query;
    uint64_t received_ns;
} told;

static struct asked *asked_of(struct query *query)
{
    return (struct asked *)((char *)query - offsetof(struct asked, query));
}

static void take_done(struct query *query, enum fault fault, const PGresult *result)
{
    struct asked *one = asked_of(query);
    one->done++;
    one->fault = fault;
    one->had_result = result != NULL;
    one->turn = ++turns;
    one->phase = one->ledger.phase;
    ck_assert_ptr_eq(told.answered_query, query); /* told before */
    ck_assert(one->had_result == (fault == FAULT_NONE));
    ck_assert_int_eq(query->state, QUERY_DONE);
}

static void take_returned(void *owner, struct query *query, enum query_return why, enum fault fault)
{
    ck_assert_ptr_eq(owner, &told);
    struct asked *one = asked_of(query);
    one->returned++;
    one->why = why;
    one->fault = fault;
    one->turn = ++turns;
    one->phase = one->ledger.phase;
    ck_assert_ptr_null(query->pipeline);
}

static void take_trouble(void *owner, struct pipeline *from, bool all_connections)
{
    ck_assert_ptr_eq(owner, &told);
    ck_assert_ptr_eq(from, &pipeline);
    told.troubled++;
    told.troubled_all += all_connections;
}

static void take_measure(void *owner, enum statement statement, unsigned count, uint64_t elapsed_ns)
{
    ck_assert_ptr_eq(owner, &told);
    told.measured++;
    told.statement = statement;
    told.count = count;
    told.elapsed_ns = elapsed_ns;
}

static void take_answer(void *owner, const struct query *query, uint64_t received_ns)
{
    ck_assert_ptr_eq(owner, &told);
    told.answered++;
    told.answered_query = query;
    told.received_ns = received_ns;
}

static const struct pipeline_owner owner = {take_returned, take_trouble, take_measure, take_answer, &told};

static void open_with(unsigned in_flight_max, bool prepared)
{
    memset(asked, 0, sizeof asked);
    memset(&told, 0, sizeof told);
    turns = 0;
    ck_assert_int_eq(pipeline_init(&pipeline, in_flight_max, &owner), FAULT_NONE);
    pipeline_open(&pipeline, scripted_libpq_start(), prepared, NOW_NS);
}

static void open_pipeline(void)
{
    open_with(IN_FLIGHT_MAX, true);
}

/* Everything that was given is over, once, and nothing is left behind. */
static void release_pipeline(void)
{
    pipeline_release(&pipeline);
    ck_assert_uint_eq(pipeline.count, 0);
    ck_assert_uint_eq(pipeline.queries, 0);
    ck_assert_uint_eq(pipeline.writes, 0);
    ck_assert_uint_eq(pipeline.backlog_ns, 0);
    ck_assert_uint_eq(scripted_libpq.results_alive, 0);
    ck_assert_uint_eq(scripted_libpq.finished, 1);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        const struct query *query = &asked[i].query;
        bool was_sent = query->sent_count > 0;
        bool was_abandoned = query->state == QUERY_DONE && asked[i].done == 0;
        ck_assert_uint_eq(asked[i].done + asked[i].returned, was_sent && !was_abandoned);
    }
}

static bool submit(unsigned number, enum statement statement, enum query_repeat repeat)
{
    struct query *query = &asked[number].query;
    query->statement = statement;
    query->repeat = repeat;
    query->done = take_done;
    return pipeline_submit(&pipeline, query, EACH_NS, NOW_NS);
}

static void submit_read(unsigned number)
{
    ck_assert(submit(number, STATEMENT_USER_FIND, QUERY_REPEAT_READ));
}

static void submit_write(unsigned number)
{
    ck_assert(submit(number, STATEMENT_USER_CREATE, QUERY_REPEAT_NEVER));
}

static void answer(ExecStatusType status, const char *state)
{
    scripted_libpq_result(status, state);
    scripted_libpq_null();
}

static void answer_rows(void)
{
    answer(PGRES_TUPLES_OK, NULL);
}

static void answer_error(const char *state)
{
    answer(PGRES_FATAL_ERROR, state);
}

static bool receive(void)
{
    return pipeline_receive(&pipeline, NOW_NS + 500, NOW_NS + 500);
}

static void assert_answered(unsigned number, enum fault fault)
{
    ck_assert_uint_eq(asked[number].done, 1);
    ck_assert_uint_eq(asked[number].returned, 0);
    ck_assert_int_eq(asked[number].fault, fault);
}

static void assert_returned(unsigned number, enum query_return why)
{
    ck_assert_uint_eq(asked[number].returned, 1);
    ck_assert_uint_eq(asked[number].done, 0);
    ck_assert_int_eq(asked[number].why, why);
}

static void assert_open(unsigned number)
{
    ck_assert_uint_eq(asked[number].done + asked[number].returned, 0);
    ck_assert_int_eq(asked[number].query.state, QUERY_IN_FLIGHT);
}

/* ---- sending ---- */

START_TEST(reads_of_a_tick_share_one_sync)
{
    submit_read(0);
    submit_read(1);
    submit_read(2);
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_str_eq(scripted_libpq.sent, "user_find user_find user_find Sync ");
    ck_assert_uint_eq(scripted_libpq.flushes, 1);
    ck_assert(!pipeline.has_unsent);
}
END_TEST

START_TEST(the_next_tick_has_a_sync_of_its_own)
{
    submit_read(0);
    ck_assert(pipeline_flush(&pipeline));
    submit_read(1);
    ck_assert(pipeline.has_unsent);
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_str_eq(scripted_libpq.sent, "user_find Sync user_find Sync ");
}
END_TEST

START_TEST(a_flush_without_reads_sends_no_sync)
{
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_str_eq(scripted_libpq.sent, "");
}
END_TEST

START_TEST(each_write_is_alone_under_its_sync)
{
    submit_read(0);
    submit_write(1);
    submit_write(2);
    submit_read(3);
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_str_eq(scripted_libpq.sent, "user_find Sync user_create Sync user_create Sync user_find Sync ");
}
END_TEST

START_TEST(a_read_that_must_be_alone_has_a_sync_of_its_own)
{
    asked[1].query.alone = true;
    submit_read(0);
    submit_read(1);
    submit_read(2);
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_str_eq(scripted_libpq.sent, "user_find Sync user_find Sync user_find Sync ");
}
END_TEST

START_TEST(without_prepared_statements_the_text_is_sent)
{
    pipeline_release(&pipeline);
    open_with(IN_FLIGHT_MAX, false);
    submit_read(0);
    ck_assert_int_eq(strncmp(scripted_libpq.sent, "SELECT ", 7), 0);
}
END_TEST

START_TEST(what_the_socket_does_not_take_waits_for_it)
{
    submit_read(0);
    scripted_libpq.flush_result = 1;
    ck_assert(pipeline_flush(&pipeline));
    ck_assert(pipeline.wants_writable);
    scripted_libpq.flush_result = 0;
    ck_assert(receive());
    ck_assert(!pipeline.wants_writable);
    ck_assert_uint_eq(scripted_libpq.flushes, 2);
}
END_TEST

START_TEST(a_broken_socket_fails_the_flush)
{
    submit_read(0);
    scripted_libpq.flush_result = -1;
    ck_assert(!pipeline_flush(&pipeline));
}
END_TEST

START_TEST(a_query_that_libpq_refuses_stays_the_callers)
{
    scripted_libpq.refuses_queries = true;
    ck_assert(!submit(0, STATEMENT_USER_FIND, QUERY_REPEAT_READ));
    ck_assert(!submit(1, STATEMENT_USER_CREATE, QUERY_REPEAT_NEVER));
    ck_assert_uint_eq(asked[0].query.sent_count, 0);
    ck_assert_uint_eq(pipeline.count, 0);
    ck_assert_uint_eq(pipeline.backlog_ns, 0);
}
END_TEST

START_TEST(a_write_whose_sync_is_refused_may_have_been_sent)
{
    scripted_libpq.refuses_syncs = true;
    submit_write(0);
    ck_assert(!pipeline_flush(&pipeline)); /* nothing would ever answer it */
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(a_write_behind_reads_whose_sync_is_refused_was_not_sent)
{
    submit_read(0);
    scripted_libpq.refuses_syncs = true;
    ck_assert(!submit(1, STATEMENT_USER_CREATE, QUERY_REPEAT_NEVER));
    ck_assert_str_eq(scripted_libpq.sent, "user_find ");
    ck_assert_uint_eq(asked[1].query.sent_count, 0);
}
END_TEST

/* ---- room ---- */

START_TEST(there_is_room_for_as_many_queries_as_configured)
{
    for (unsigned i = 0; i < IN_FLIGHT_MAX; i++) {
        ck_assert(pipeline_has_room(&pipeline));
        submit_read(i);
    }
    ck_assert(!pipeline_has_room(&pipeline));
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    ck_assert(receive());
    ck_assert(pipeline_has_room(&pipeline));
}
END_TEST

START_TEST(there_is_room_for_as_many_writes_and_a_ping)
{
    for (unsigned limit = 1; limit < 9; limit++) {
        pipeline_release(&pipeline);
        open_with(limit, true);
        for (unsigned i = 0; i < limit; i++) {
            ck_assert(pipeline_has_room(&pipeline));
            submit_write(i);
        }
        ck_assert(!pipeline_has_room(&pipeline));
        ck_assert(pipeline_ping(&pipeline, NOW_NS));
    }
}
END_TEST

START_TEST(a_closed_pipeline_has_no_room)
{
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    ck_assert(!pipeline_has_room(&pipeline));
}
END_TEST

START_TEST(a_retired_pipeline_takes_no_more_but_answers_what_it_has)
{
    submit_read(0);
    ck_assert(pipeline_flush(&pipeline));
    pipeline.is_retired = true;
    ck_assert(!pipeline_has_room(&pipeline));
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_NONE);
    ck_assert_uint_eq(pipeline.count, 0);
}
END_TEST

/* ---- answers ---- */

START_TEST(results_come_in_the_order_of_the_queries)
{
    submit_read(0);
    submit_write(1);
    submit_read(2);
    ck_assert(pipeline_flush(&pipeline));
    for (unsigned i = 0; i < 3; i++) {
        answer_rows();
        scripted_libpq_sync();
    }
    ck_assert(receive());
    for (unsigned i = 0; i < 3; i++) {
        assert_answered(i, FAULT_NONE);
        ck_assert_uint_eq(asked[i].turn, i + 1);
    }
    ck_assert_uint_eq(scripted_libpq_left(), 0);
}
END_TEST

START_TEST(a_read_is_answered_before_its_sync)
{
    submit_read(0);
    submit_read(1);
    ck_assert(pipeline_flush(&pipeline));
    scripted_libpq_result(PGRES_TUPLES_OK, NULL);
    ck_assert(receive());
    assert_answered(0, FAULT_NONE);
    assert_open(1);
}
END_TEST

START_TEST(a_writes_row_before_its_sync_is_no_answer)
{
    submit_write(0);
    answer_rows();
    ck_assert(receive());
    assert_open(0);
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_NONE);
    ck_assert(asked[0].had_result);
}
END_TEST

START_TEST(a_write_without_rows_is_answered_at_its_sync_as_well)
{
    submit_write(0);
    answer(PGRES_COMMAND_OK, NULL);
    ck_assert(receive());
    assert_open(0);
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_NONE);
}
END_TEST

START_TEST(nothing_is_asked_of_libpq_while_it_is_busy)
{
    submit_read(0);
    ck_assert(pipeline_flush(&pipeline));
    ck_assert(receive());
    assert_open(0);
    scripted_libpq_result(PGRES_TUPLES_OK, NULL);
    scripted_libpq_pause();
    scripted_libpq_null();
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_NONE);
    ck_assert_uint_eq(pipeline.queries, 1);
    ck_assert(receive());
    ck_assert_uint_eq(pipeline.count, 0);
}
END_TEST

START_TEST(a_null_without_a_result_is_a_lost_connection)
{
    submit_read(0);
    ck_assert(pipeline_flush(&pipeline));
    scripted_libpq_null();
    ck_assert(!receive());
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(a_second_null_behind_a_write_is_a_lost_connection)
{
    submit_write(0);
    answer_rows();
    scripted_libpq_null();
    ck_assert(!receive());
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(a_sync_in_place_of_a_result_is_a_lost_connection)
{
    submit_write(0);
    scripted_libpq_sync();
    ck_assert(!receive());
    assert_open(0);
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(a_null_in_place_of_a_sync_is_a_lost_connection)
{
    ck_assert(pipeline_ping(&pipeline, NOW_NS));
    scripted_libpq_null();
    ck_assert(!receive());
}
END_TEST

START_TEST(what_nobody_asked_for_is_a_lost_connection)
{
    ck_assert(pipeline_ping(&pipeline, NOW_NS));
    scripted_libpq_result(PGRES_FATAL_ERROR, "57P05");
    ck_assert(!receive());
    ck_assert_uint_eq(told.troubled, 0);
}
END_TEST

START_TEST(a_ring_that_wraps_keeps_the_order)
{
    for (unsigned round = 0; round < 20; round++) {
        memset(asked, 0, sizeof asked);
        turns = 0;
        for (unsigned i = 0; i < 5; i++)
            submit_write(i);
        for (unsigned i = 0; i < 5; i++) {
            answer_rows();
            scripted_libpq_sync();
        }
        ck_assert(receive());
        for (unsigned i = 0; i < 5; i++)
            ck_assert_uint_eq(asked[i].turn, i + 1);
        pipeline_close(&pipeline, QUERY_RETURN_LOST);
        pipeline_open(&pipeline, scripted_libpq_start(), true, NOW_NS);
    }
}
END_TEST

/* ---- losses ---- */

START_TEST(a_write_with_its_row_but_without_its_sync_is_lost)
{
    submit_write(0);
    answer_rows();
    scripted_libpq_lose();
    ck_assert(receive());
    ck_assert(!receive());
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
    ck_assert_int_eq(asked[0].fault, FAULT_DATABASE_UNAVAILABLE);
}
END_TEST

START_TEST(a_farewell_between_a_writes_row_and_its_sync_makes_it_lost)
{
    submit_write(0);
    answer_rows();
    scripted_libpq_result(PGRES_FATAL_ERROR, "57P01");
    ck_assert(!receive());
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(closing_returns_what_is_open_in_order_and_answers_nothing_twice)
{
    submit_read(0);
    submit_read(1);
    submit_write(2);
    ck_assert(pipeline_flush(&pipeline));
    scripted_libpq_result(PGRES_TUPLES_OK, NULL);
    scripted_libpq_lose();
    ck_assert(receive());
    ck_assert(!receive());
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_answered(0, FAULT_NONE);
    assert_returned(1, QUERY_RETURN_LOST);
    assert_returned(2, QUERY_RETURN_LOST);
    ck_assert_uint_lt(asked[1].turn, asked[2].turn);
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    ck_assert_uint_eq(scripted_libpq.finished, 1);
}
END_TEST

START_TEST(closing_tells_why)
{
    submit_write(0);
    pipeline_close(&pipeline, QUERY_RETURN_SILENT);
    assert_returned(0, QUERY_RETURN_SILENT);
}
END_TEST

START_TEST(a_reopened_pipeline_starts_afresh)
{
    submit_read(0);
    pipeline.is_retired = true;
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    pipeline_open(&pipeline, scripted_libpq_start(), true, NOW_NS);
    ck_assert(pipeline_has_room(&pipeline));
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_str_eq(scripted_libpq.sent, ""); /* the Sync that was due was the old connection's */
}
END_TEST

/* ---- errors ---- */

START_TEST(a_failing_read_gets_its_fault_and_those_behind_it_come_back_as_aborted)
{
    for (unsigned i = 0; i < 4; i++)
        submit_read(i);
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    answer_error("57014");
    answer(PGRES_PIPELINE_ABORTED, NULL);
    answer(PGRES_PIPELINE_ABORTED, NULL);
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_NONE);
    assert_answered(1, FAULT_STATEMENT_TIMEOUT);
    assert_returned(2, QUERY_RETURN_ABORTED);
    assert_returned(3, QUERY_RETURN_ABORTED);
    ck_assert_uint_eq(pipeline.count, 0);
    ck_assert_uint_eq(told.troubled, 0);
}
END_TEST

START_TEST(a_failing_write_gets_its_fault_and_hurts_no_other)
{
    submit_write(0);
    submit_write(1);
    answer_error("23505");
    scripted_libpq_sync();
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_EMAIL_TAKEN);
    assert_answered(1, FAULT_NONE);
}
END_TEST

START_TEST(a_serialization_failure_comes_back_to_be_tried_again)
{
    submit_write(0);
    answer_error("40001");
    scripted_libpq_sync();
    ck_assert(receive());
    assert_returned(0, QUERY_RETURN_AGAIN);
    ck_assert_int_eq(asked[0].fault, FAULT_SERIALIZATION);
    ck_assert_uint_eq(told.troubled, 0);
}
END_TEST

START_TEST(a_terminated_backend_returns_a_read_and_fails_a_write)
{
    submit_read(0);
    ck_assert(pipeline_flush(&pipeline));
    answer_error("57P01");
    ck_assert(receive());
    assert_returned(0, QUERY_RETURN_MOVED);
    ck_assert_uint_eq(told.troubled, 1);
    ck_assert_uint_eq(told.troubled_all, 0);
    pipeline_close(&pipeline, QUERY_RETURN_LOST);

    pipeline_open(&pipeline, scripted_libpq_start(), true, NOW_NS);
    submit_write(1);
    answer_error("57P01");
    ck_assert(receive());
    assert_answered(1, FAULT_DATABASE_UNAVAILABLE);
    ck_assert_uint_eq(told.troubled, 2);
}
END_TEST

START_TEST(a_crash_elsewhere_makes_a_write_lost)
{
    submit_write(0);
    answer_error("57P02");
    ck_assert(!receive());
    assert_open(0);
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(a_pooler_that_has_lost_the_server_makes_a_write_lost)
{
    scripted_libpq.severity = "FATAL";
    submit_write(0);
    answer_error("08P01");
    ck_assert(!receive());
    assert_open(0);
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(an_unknown_end_of_the_session_makes_a_write_lost)
{
    scripted_libpq.severity = "FATAL";
    submit_write(0);
    answer_error("XX000");
    ck_assert(!receive());
    assert_open(0);
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(a_duplicate_of_another_index_is_not_a_taken_email)
{
    scripted_libpq.constraint = "users_name_key";
    submit_write(0);
    answer_error("23505");
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_INTERNAL);
}
END_TEST

START_TEST(an_idle_timeout_in_band_moves_even_a_write)
{
    scripted_libpq.severity = "FATAL";
    submit_write(0);
    answer_error("57P05");
    ck_assert(receive());
    assert_returned(0, QUERY_RETURN_MOVED);
    ck_assert_uint_eq(told.troubled, 1);
}
END_TEST

START_TEST(an_error_without_a_state_is_libpqs_own_and_a_lost_connection)
{
    submit_read(0);
    ck_assert(pipeline_flush(&pipeline));
    answer_error(NULL);
    ck_assert(!receive());
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(0, QUERY_RETURN_LOST);
}
END_TEST

START_TEST(a_forgotten_statement_moves_and_the_connection_is_to_be_replaced)
{
    submit_write(0);
    answer_error("26000");
    scripted_libpq_sync();
    ck_assert(receive());
    assert_returned(0, QUERY_RETURN_MOVED);
    ck_assert_uint_eq(told.troubled, 1);
    ck_assert_uint_eq(told.troubled_all, 0);
}
END_TEST

START_TEST(a_demoted_server_is_trouble_for_all_connections)
{
    submit_write(0);
    answer_error("25006");
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_DATABASE_READ_ONLY);
    ck_assert_uint_eq(told.troubled_all, 1);
}
END_TEST

START_TEST(a_failed_second_attempt_says_nothing_of_the_first)
{
    static const struct {
        const char *state;
        enum fault fault;
    } cases[] = {
        {"55P03", FAULT_OUTCOME_UNKNOWN}, {"57014", FAULT_OUTCOME_UNKNOWN}, {"57P01", FAULT_OUTCOME_UNKNOWN},
        {"25006", FAULT_OUTCOME_UNKNOWN}, {"53100", FAULT_OUTCOME_UNKNOWN}, {"XX000", FAULT_OUTCOME_UNKNOWN},
        {"23505", FAULT_EMAIL_TAKEN},     {"23514", FAULT_CONSTRAINT},      {"22021", FAULT_VALUE_REFUSED}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        asked[i].query.outcome_open = true;
        ck_assert(submit(i, STATEMENT_USER_CHANGE, QUERY_REPEAT_WRITE));
        answer_error(cases[i].state);
        scripted_libpq_sync();
        ck_assert(receive());
        assert_answered(i, cases[i].fault);
    }
}
END_TEST

/* ---- abandoning ---- */

START_TEST(who_has_abandoned_a_query_hears_no_more_of_it)
{
    submit_read(0);
    submit_read(1);
    submit_write(2);
    ck_assert(pipeline_flush(&pipeline));
    for (unsigned i = 0; i < 3; i++)
        pipeline_abandon(&pipeline, &asked[i].query);
    ck_assert_int_eq(asked[0].query.state, QUERY_DONE);
    ck_assert_uint_eq(pipeline.queries, 3);
    answer_rows();
    answer_error("57014");
    scripted_libpq_sync();
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(asked[i].done + asked[i].returned, 0);
    ck_assert_uint_eq(pipeline.count, 0);
}
END_TEST

START_TEST(an_abandoned_write_whose_row_is_held_is_let_go_with_its_sync)
{
    submit_write(0);
    answer_rows();
    ck_assert(receive());
    pipeline_abandon(&pipeline, &asked[0].query);
    ck_assert_uint_eq(scripted_libpq.results_alive, 1);
    scripted_libpq_sync();
    ck_assert(receive());
    ck_assert_uint_eq(scripted_libpq.results_alive, 0);
    ck_assert_uint_eq(asked[0].done + asked[0].returned, 0);
}
END_TEST

START_TEST(closing_forgets_what_was_abandoned)
{
    submit_write(0);
    submit_write(1);
    answer_rows();
    ck_assert(receive());
    pipeline_abandon(&pipeline, &asked[0].query);
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    ck_assert_uint_eq(asked[0].returned, 0);
    assert_returned(1, QUERY_RETURN_LOST);
    ck_assert_uint_eq(scripted_libpq.results_alive, 0);
}
END_TEST

/* ---- accounts ---- */

START_TEST(the_backlog_is_what_is_expected_of_open_queries_and_returns_to_zero)
{
    submit_read(0);
    submit_read(1);
    submit_write(2);
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_uint_eq(pipeline.backlog_ns, 3 * EACH_NS);
    ck_assert_uint_eq(pipeline.writes, 1);
    answer_rows();
    ck_assert(receive());
    ck_assert_uint_eq(pipeline.backlog_ns, 2 * EACH_NS);
    answer_error("57014");
    scripted_libpq_sync();
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    ck_assert_uint_eq(pipeline.backlog_ns, 0);
    ck_assert_uint_eq(pipeline.writes, 0);
    ck_assert_uint_eq(pipeline.queries, 0);
}
END_TEST

START_TEST(what_comes_back_together_is_measured_together)
{
    submit_read(0);
    submit_read(1);
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    ck_assert_uint_eq(told.measured, 1);
    ck_assert_int_eq(told.statement, STATEMENT_USER_FIND);
    ck_assert_uint_eq(told.count, 2);
    ck_assert_uint_eq(told.elapsed_ns, 500);
}
END_TEST

START_TEST(a_ping_is_answered_by_its_sync_alone_and_measures_the_round_trip)
{
    ck_assert(pipeline_ping(&pipeline, NOW_NS));
    ck_assert_str_eq(scripted_libpq.sent, "Sync ");
    ck_assert_uint_eq(scripted_libpq.flushes, 1);
    ck_assert_uint_eq(pipeline.count, 1);
    scripted_libpq_sync();
    ck_assert(receive());
    ck_assert_uint_eq(pipeline.count, 0);
    ck_assert_uint_eq(told.measured, 1);
    ck_assert_uint_eq(told.count, 0);
    ck_assert_uint_eq(told.elapsed_ns, 500);
}
END_TEST

START_TEST(what_comes_back_together_with_a_ping_measures_nothing)
{
    ck_assert(pipeline_ping(&pipeline, NOW_NS));
    submit_write(0);
    ck_assert(pipeline_flush(&pipeline));
    scripted_libpq_sync();
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    assert_answered(0, FAULT_NONE);
    ck_assert_uint_eq(told.measured, 0);
}
END_TEST

START_TEST(a_sync_that_comes_later_than_its_results_measures_nothing)
{
    submit_read(0);
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    ck_assert(receive());
    ck_assert_uint_eq(told.measured, 1);
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 501, NOW_NS + 501));
    ck_assert_uint_eq(pipeline.count, 0);
    ck_assert_uint_eq(told.measured, 1);
}
END_TEST

START_TEST(a_ping_on_a_broken_connection_fails)
{
    scripted_libpq.refuses_syncs = true;
    ck_assert(!pipeline_ping(&pipeline, NOW_NS));
    scripted_libpq.refuses_syncs = false;
    scripted_libpq.flush_result = -1;
    ck_assert(!pipeline_ping(&pipeline, NOW_NS));
}
END_TEST

START_TEST(progress_is_when_something_came_or_the_first_query_went)
{
    ck_assert_uint_eq(pipeline.progress_ns, NOW_NS);
    struct query *query = &asked[0].query;
    query->done = take_done;
    ck_assert(pipeline_submit(&pipeline, query, EACH_NS, NOW_NS + 50));
    ck_assert_uint_eq(pipeline.progress_ns, NOW_NS + 50);
    asked[1].query.done = take_done;
    ck_assert(pipeline_submit(&pipeline, &asked[1].query, EACH_NS, NOW_NS + 60));
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_uint_eq(pipeline.progress_ns, NOW_NS + 50);
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 70, NOW_NS + 70)); /* nothing has come */
    ck_assert_uint_eq(pipeline.progress_ns, NOW_NS + 50);
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 80, NOW_NS + 80));
    ck_assert_uint_eq(pipeline.progress_ns, NOW_NS + 80);
}
END_TEST

START_TEST(what_was_known_to_take_time_is_not_measured)
{
    asked[0].query.known_ns = 300;
    submit_read(0);
    submit_read(1);
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    ck_assert_uint_eq(told.count, 2);
    ck_assert_uint_eq(told.elapsed_ns, 200);
}
END_TEST

START_TEST(no_less_than_nothing_is_measured)
{
    asked[0].query.known_ns = 501;
    submit_read(0);
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    ck_assert_uint_eq(told.measured, 1);
    ck_assert_uint_eq(told.elapsed_ns, 0);
}
END_TEST

/* The server spends it all the same. */
START_TEST(known_time_is_taken_off_once_and_also_for_who_waits_no_more)
{
    submit_read(0);
    asked[1].query.known_ns = 300;
    submit_read(1);
    ck_assert(pipeline_flush(&pipeline));
    pipeline_abandon(&pipeline, &asked[1].query);
    answer_rows();
    answer_rows();
    scripted_libpq_sync();
    ck_assert(receive());
    ck_assert_uint_eq(told.elapsed_ns, 200);
    submit_read(2);
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 900, NOW_NS + 900));
    ck_assert_uint_eq(told.elapsed_ns, 900);
}
END_TEST

START_TEST(the_owner_hears_of_each_answer_and_of_nothing_else)
{
    submit_read(0);
    submit_read(1);
    submit_read(2);
    submit_write(3);
    ck_assert(pipeline_flush(&pipeline));
    ck_assert_uint_eq(asked[3].query.sent_ns, NOW_NS);
    pipeline_abandon(&pipeline, &asked[0].query);
    answer_rows();
    answer_error("57014");
    answer(PGRES_PIPELINE_ABORTED, NULL);
    scripted_libpq_sync();
    answer_rows();
    ck_assert(receive());
    ck_assert_uint_eq(told.answered, 1); /* a failure is an answer */
    ck_assert_ptr_eq(told.answered_query, &asked[1].query);
    ck_assert_uint_eq(told.received_ns, NOW_NS + 500);
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 700, NOW_NS + 700));
    ck_assert_uint_eq(told.answered, 2);
    ck_assert_ptr_eq(told.answered_query, &asked[3].query);
    ck_assert_uint_eq(told.received_ns, NOW_NS + 700);
}
END_TEST

START_TEST(a_pipeline_is_busy_while_it_has_queries)
{
    ck_assert_uint_eq(pipeline_busy_ns(&pipeline, NOW_NS + 10), 0);
    ck_assert(pipeline_ping(&pipeline, NOW_NS + 20)); /* a ping is no query */
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 30, NOW_NS + 30));
    ck_assert_uint_eq(pipeline_busy_ns(&pipeline, NOW_NS + 40), 0);

    struct query *query = &asked[0].query;
    query->done = take_done;
    ck_assert(pipeline_submit(&pipeline, query, EACH_NS, NOW_NS + 100));
    ck_assert_uint_eq(pipeline_busy_ns(&pipeline, NOW_NS + 150), 50);
    ck_assert_uint_eq(pipeline_busy_ns(&pipeline, NOW_NS + 140), 50); /* an older time takes nothing away */
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 300, NOW_NS + 300));
    ck_assert_uint_eq(pipeline_busy_ns(&pipeline, NOW_NS + 900), 200);
}
END_TEST

/* ---- ledgers ---- */

/* As a request has it when its query is sent: in the queue since the given time. */
static void start_ledger(unsigned number, uint64_t since_ns)
{
    struct ledger *ledger = &asked[number].ledger;
    ledger_start(ledger, since_ns);
    ledger_enter_at(ledger, PHASE_QUEUE, since_ns);
    asked[number].query.ledger = ledger;
}

static void submit_booked(unsigned number, enum query_repeat repeat, uint64_t now_ns)
{
    struct query *query = &asked[number].query;
    query->statement = STATEMENT_USER_FIND;
    query->repeat = repeat;
    query->done = take_done;
    ck_assert(pipeline_submit(&pipeline, query, EACH_NS, now_ns));
}

static void assert_sums(unsigned number)
{
    const struct ledger *ledger = &asked[number].ledger;
    uint64_t sum = 0;
    for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
        sum += ledger->spent_ns[phase];
    ck_assert_uint_eq(sum, ledger_total_ns(ledger));
}

START_TEST(a_read_is_in_the_database_from_its_sending_until_its_result_has_come)
{
    uint64_t now_ns = clock_now_ns();
    start_ledger(0, now_ns - 900);
    submit_booked(0, QUERY_REPEAT_READ, now_ns - 700);
    ck_assert_int_eq(asked[0].ledger.phase, PHASE_DB);
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_QUEUE], 200);
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    ck_assert_int_eq(asked[0].phase, PHASE_PARSE);
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_DB], 600);
    ck_assert_uint_eq(asked[0].ledger.since_ns, now_ns - 100); /* the first one waits for nobody */
    assert_sums(0);
}
END_TEST

START_TEST(who_waits_for_its_turn_behind_others_is_not_in_the_database)
{
    uint64_t now_ns = clock_now_ns();
    for (unsigned i = 0; i < 3; i++) {
        start_ledger(i, now_ns - 900);
        submit_booked(i, QUERY_REPEAT_READ, now_ns - 700);
        answer_rows();
    }
    ck_assert(pipeline_flush(&pipeline));
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(asked[i].phase, PHASE_PARSE);
        ck_assert_uint_eq(asked[i].ledger.spent_ns[PHASE_DB], 600);
        assert_sums(i);
    }
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_OTHER], 0);
    ck_assert_uint_ge(asked[1].ledger.spent_ns[PHASE_OTHER], 100); /* until it had its turn, just now */
    ck_assert_uint_ge(asked[2].ledger.spent_ns[PHASE_OTHER], asked[1].ledger.spent_ns[PHASE_OTHER]);
}
END_TEST

START_TEST(an_incomplete_result_goes_back_to_the_database)
{
    uint64_t now_ns = clock_now_ns();
    start_ledger(0, now_ns - 900);
    submit_booked(0, QUERY_REPEAT_READ, now_ns - 700);
    ck_assert(pipeline_flush(&pipeline));
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    ck_assert_int_eq(asked[0].ledger.phase, PHASE_DB);
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_DB], 600);
    ck_assert_uint_ge(asked[0].ledger.spent_ns[PHASE_PARSE], 100); /* what there was of it */
    uint64_t back_ns = asked[0].ledger.since_ns;
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, back_ns + 50, back_ns + 50));
    ck_assert_int_eq(asked[0].phase, PHASE_PARSE);
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_DB], 650);
    assert_sums(0);
}
END_TEST

/* What came was for the first; of the second nothing is known to be here. */
START_TEST(who_becomes_first_without_a_result_never_leaves_the_database)
{
    uint64_t now_ns = clock_now_ns();
    for (unsigned i = 0; i < 2; i++) {
        start_ledger(i, now_ns - 900);
        submit_booked(i, QUERY_REPEAT_READ, now_ns - 700);
    }
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    ck_assert_int_eq(asked[0].phase, PHASE_PARSE);
    ck_assert_int_eq(asked[1].ledger.phase, PHASE_DB);
    ck_assert_uint_eq(asked[1].ledger.since_ns, now_ns - 700);
}
END_TEST

START_TEST(a_write_whose_sync_is_not_there_yet_is_in_the_database_until_it_is)
{
    uint64_t now_ns = clock_now_ns();
    start_ledger(0, now_ns - 900);
    submit_booked(0, QUERY_REPEAT_WRITE, now_ns - 700);
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    assert_open(0);
    ck_assert_int_eq(asked[0].ledger.phase, PHASE_DB);
    uint64_t back_ns = asked[0].ledger.since_ns;
    uint64_t db_ns = asked[0].ledger.spent_ns[PHASE_DB];
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, back_ns + 40, back_ns + 40));
    ck_assert_int_eq(asked[0].phase, PHASE_PARSE);
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_DB], db_ns + 40);
    assert_sums(0);
}
END_TEST

START_TEST(a_write_that_comes_with_its_sync_is_parsed_in_one_go)
{
    uint64_t now_ns = clock_now_ns();
    start_ledger(0, now_ns - 900);
    submit_booked(0, QUERY_REPEAT_WRITE, now_ns - 700);
    answer_rows();
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    ck_assert_int_eq(asked[0].phase, PHASE_PARSE);
    ck_assert_uint_eq(asked[0].ledger.spent_ns[PHASE_DB], 600);
    assert_sums(0);
}
END_TEST

START_TEST(a_failure_is_parsed_like_a_result)
{
    uint64_t now_ns = clock_now_ns();
    start_ledger(0, now_ns - 900);
    submit_booked(0, QUERY_REPEAT_READ, now_ns - 700);
    ck_assert(pipeline_flush(&pipeline));
    answer_error("57014");
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    assert_answered(0, FAULT_STATEMENT_TIMEOUT);
    ck_assert_int_eq(asked[0].phase, PHASE_PARSE);
    assert_sums(0);
}
END_TEST

START_TEST(an_abandoned_querys_ledger_is_left_alone)
{
    uint64_t now_ns = clock_now_ns();
    start_ledger(0, now_ns - 900);
    submit_booked(0, QUERY_REPEAT_READ, now_ns - 700);
    ck_assert(pipeline_flush(&pipeline));
    pipeline_abandon(&pipeline, &asked[0].query);
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    ck_assert_int_eq(asked[0].ledger.phase, PHASE_DB);
    ck_assert_uint_eq(asked[0].ledger.since_ns, now_ns - 700);
    ck_assert_uint_eq(asked[0].ledger.connection_ns, 0);
}
END_TEST

/* One request with several queries: its asker says, after each, that it waits for the others. */
static void take_one_of_several(struct query *query, enum fault fault, const PGresult *result)
{
    take_done(query, fault, result);
    ck_assert_int_eq(query->ledger->phase, PHASE_PARSE);
    ledger_enter(query->ledger, PHASE_DB);
}

START_TEST(queries_may_share_a_ledger)
{
    uint64_t now_ns = clock_now_ns();
    start_ledger(0, now_ns - 900);
    for (unsigned i = 0; i < 3; i++) {
        asked[i].query.ledger = &asked[0].ledger;
        submit_booked(i, QUERY_REPEAT_READ, now_ns - 700);
        asked[i].query.done = take_one_of_several;
    }
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, now_ns - 100, now_ns - 100));
    ck_assert_int_eq(asked[0].ledger.phase, PHASE_DB); /* for the third */
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, clock_now_ns(), clock_now_ns()));
    ck_assert_uint_ge(asked[0].ledger.spent_ns[PHASE_DB], 600);
    assert_sums(0);
    ck_assert_uint_ge(asked[0].ledger.connection_ns, 600);
}
END_TEST

/* What the ledgers are charged is what the connection was busy for. */
START_TEST(the_first_of_a_batch_is_charged_the_time_since_the_last_answer)
{
    for (unsigned i = 0; i < 4; i++)
        start_ledger(i, NOW_NS);
    for (unsigned i = 0; i < 3; i++)
        submit_booked(i, QUERY_REPEAT_READ, NOW_NS + 100);
    ck_assert(pipeline_flush(&pipeline));
    answer_rows();
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 300, NOW_NS + 300));
    ck_assert_uint_eq(asked[0].ledger.connection_ns, 200);
    ck_assert_uint_eq(asked[1].ledger.connection_ns, 0);
    answer_rows();
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 350, NOW_NS + 350));
    ck_assert_uint_eq(asked[2].ledger.connection_ns, 50);
    submit_booked(3, QUERY_REPEAT_WRITE, NOW_NS + 1000); /* it was idle until then */
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 1100, NOW_NS + 1100));
    ck_assert_uint_eq(asked[3].ledger.connection_ns, 0); /* not answered yet */
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 1300, NOW_NS + 1300));
    ck_assert_uint_eq(asked[3].ledger.connection_ns, 300);
    ck_assert_uint_eq(pipeline_busy_ns(&pipeline, NOW_NS + 9999), 550);
}
END_TEST

START_TEST(what_nobody_waits_for_charges_nobody)
{
    start_ledger(0, NOW_NS);
    start_ledger(1, NOW_NS);
    submit_booked(0, QUERY_REPEAT_READ, NOW_NS);
    submit_booked(1, QUERY_REPEAT_READ, NOW_NS);
    ck_assert(pipeline_flush(&pipeline));
    pipeline_abandon(&pipeline, &asked[0].query);
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 200, NOW_NS + 200));
    answer_rows();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 250, NOW_NS + 250));
    ck_assert_uint_eq(asked[0].ledger.connection_ns, 0);
    ck_assert_uint_eq(asked[1].ledger.connection_ns, 50);
}
END_TEST

START_TEST(a_query_that_comes_back_is_charged_for_its_attempt)
{
    start_ledger(0, NOW_NS);
    start_ledger(1, NOW_NS);
    submit_booked(0, QUERY_REPEAT_WRITE, NOW_NS);
    submit_booked(1, QUERY_REPEAT_WRITE, NOW_NS);
    answer_error("40001");
    scripted_libpq_sync();
    ck_assert(pipeline_receive(&pipeline, NOW_NS + 200, NOW_NS + 200));
    assert_returned(0, QUERY_RETURN_AGAIN);
    ck_assert_uint_eq(asked[0].ledger.connection_ns, 200);
    ck_assert_uint_eq(pipeline_busy_ns(&pipeline, NOW_NS + 700), 700);
    pipeline_close(&pipeline, QUERY_RETURN_LOST);
    assert_returned(1, QUERY_RETURN_LOST);
    ck_assert_uint_eq(asked[1].ledger.connection_ns, 500);
}
END_TEST

static TCase *sending_case(void)
{
    TCase *tcase = tcase_create("sending");
    tcase_add_checked_fixture(tcase, open_pipeline, release_pipeline);
    tcase_add_test(tcase, reads_of_a_tick_share_one_sync);
    tcase_add_test(tcase, the_next_tick_has_a_sync_of_its_own);
    tcase_add_test(tcase, a_flush_without_reads_sends_no_sync);
    tcase_add_test(tcase, each_write_is_alone_under_its_sync);
    tcase_add_test(tcase, a_read_that_must_be_alone_has_a_sync_of_its_own);
    tcase_add_test(tcase, without_prepared_statements_the_text_is_sent);
    tcase_add_test(tcase, what_the_socket_does_not_take_waits_for_it);
    tcase_add_test(tcase, a_broken_socket_fails_the_flush);
    tcase_add_test(tcase, a_query_that_libpq_refuses_stays_the_callers);
    tcase_add_test(tcase, a_write_whose_sync_is_refused_may_have_been_sent);
    tcase_add_test(tcase, a_write_behind_reads_whose_sync_is_refused_was_not_sent);
    return tcase;
}

static TCase *room_case(void)
{
    TCase *tcase = tcase_create("room");
    tcase_add_checked_fixture(tcase, open_pipeline, release_pipeline);
    tcase_add_test(tcase, there_is_room_for_as_many_queries_as_configured);
    tcase_add_test(tcase, there_is_room_for_as_many_writes_and_a_ping);
    tcase_add_test(tcase, a_closed_pipeline_has_no_room);
    tcase_add_test(tcase, a_retired_pipeline_takes_no_more_but_answers_what_it_has);
    return tcase;
}

static TCase *answers_case(void)
{
    TCase *tcase = tcase_create("answers");
    tcase_add_checked_fixture(tcase, open_pipeline, release_pipeline);
    tcase_add_test(tcase, results_come_in_the_order_of_the_queries);
    tcase_add_test(tcase, a_read_is_answered_before_its_sync);
    tcase_add_test(tcase, a_writes_row_before_its_sync_is_no_answer);
    tcase_add_test(tcase, a_write_without_rows_is_answered_at_its_sync_as_well);
    tcase_add_test(tcase, nothing_is_asked_of_libpq_while_it_is_busy);
    tcase_add_test(tcase, a_null_without_a_result_is_a_lost_connection);
    tcase_add_test(tcase, a_second_null_behind_a_write_is_a_lost_connection);
    tcase_add_test(tcase, a_sync_in_place_of_a_result_is_a_lost_connection);
    tcase_add_test(tcase, a_null_in_place_of_a_sync_is_a_lost_connection);
    tcase_add_test(tcase, what_nobody_asked_for_is_a_lost_connection);
    tcase_add_test(tcase, a_ring_that_wraps_keeps_the_order);
    return tcase;
}

static TCase *losses_case(void)
{
    TCase *tcase = tcase_create("losses");
    tcase_add_checked_fixture(tcase, open_pipeline, release_pipeline);
    tcase_add_test(tcase, a_write_with_its_row_but_without_its_sync_is_lost);
    tcase_add_test(tcase, a_farewell_between_a_writes_row_and_its_sync_makes_it_lost);
    tcase_add_test(tcase, closing_returns_what_is_open_in_order_and_answers_nothing_twice);
    tcase_add_test(tcase, closing_tells_why);
    tcase_add_test(tcase, a_reopened_pipeline_starts_afresh);
    return tcase;
}

static TCase *errors_case(void)
{
    TCase *tcase = tcase_create("errors");
    tcase_add_checked_fixture(tcase, open_pipeline, release_pipeline);
    tcase_add_test(tcase, a_failing_read_gets_its_fault_and_those_behind_it_come_back_as_aborted);
    tcase_add_test(tcase, a_failing_write_gets_its_fault_and_hurts_no_other);
    tcase_add_test(tcase, a_serialization_failure_comes_back_to_be_tried_again);
    tcase_add_test(tcase, a_terminated_backend_returns_a_read_and_fails_a_write);
    tcase_add_test(tcase, a_crash_elsewhere_makes_a_write_lost);
    tcase_add_test(tcase, a_pooler_that_has_lost_the_server_makes_a_write_lost);
    tcase_add_test(tcase, an_unknown_end_of_the_session_makes_a_write_lost);
    tcase_add_test(tcase, a_duplicate_of_another_index_is_not_a_taken_email);
    tcase_add_test(tcase, an_idle_timeout_in_band_moves_even_a_write);
    tcase_add_test(tcase, an_error_without_a_state_is_libpqs_own_and_a_lost_connection);
    tcase_add_test(tcase, a_forgotten_statement_moves_and_the_connection_is_to_be_replaced);
    tcase_add_test(tcase, a_demoted_server_is_trouble_for_all_connections);
    tcase_add_test(tcase, a_failed_second_attempt_says_nothing_of_the_first);
    return tcase;
}

static TCase *abandoning_case(void)
{
    TCase *tcase = tcase_create("abandoning");
    tcase_add_checked_fixture(tcase, open_pipeline, release_pipeline);
    tcase_add_test(tcase, who_has_abandoned_a_query_hears_no_more_of_it);
    tcase_add_test(tcase, an_abandoned_write_whose_row_is_held_is_let_go_with_its_sync);
    tcase_add_test(tcase, closing_forgets_what_was_abandoned);
    return tcase;
}

static TCase *accounts_case(void)
{
    TCase *tcase = tcase_create("accounts");
    tcase_add_checked_fixture(tcase, open_pipeline, release_pipeline);
    tcase_add_test(tcase, the_backlog_is_what_is_expected_of_open_queries_and_returns_to_zero);
    tcase_add_test(tcase, what_comes_back_together_is_measured_together);
    tcase_add_test(tcase, a_ping_is_answered_by_its_sync_alone_and_measures_the_round_trip);
    tcase_add_test(tcase, what_comes_back_together_with_a_ping_measures_nothing);
    tcase_add_test(tcase, a_sync_that_comes_later_than_its_results_measures_nothing);
    tcase_add_test(tcase, a_ping_on_a_broken_connection_fails);
    tcase_add_test(tcase, progress_is_when_something_came_or_the_first_query_went);
    tcase_add_test(tcase, what_was_known_to_take_time_is_not_measured);
    tcase_add_test(tcase, no_less_than_nothing_is_measured);
    tcase_add_test(tcase, known_time_is_taken_off_once_and_also_for_who_waits_no_more);
    tcase_add_test(tcase, the_owner_hears_of_each_answer_and_of_nothing_else);
    tcase_add_test(tcase, a_pipeline_is_busy_while_it_has_queries);
    return tcase;
}

static TCase *ledgers_case(void)
{
    TCase *tcase = tcase_create("ledgers");
    tcase_add_checked_fixture(tcase, open_pipeline, release_pipeline);
    tcase_add_test(tcase, a_read_is_in_the_database_from_its_sending_until_its_result_has_come);
    tcase_add_test(tcase, who_waits_for_its_turn_behind_others_is_not_in_the_database);
    tcase_add_test(tcase, an_incomplete_result_goes_back_to_the_database);
    tcase_add_test(tcase, who_becomes_first_without_a_result_never_leaves_the_database);
    tcase_add_test(tcase, a_write_whose_sync_is_not_there_yet_is_in_the_database_until_it_is);
    tcase_add_test(tcase, a_write_that_comes_with_its_sync_is_parsed_in_one_go);
    tcase_add_test(tcase, a_failure_is_parsed_like_a_result);
    tcase_add_test(tcase, an_abandoned_querys_ledger_is_left_alone);
    tcase_add_test(tcase, queries_may_share_a_ledger);
    tcase_add_test(tcase, the_first_of_a_batch_is_charged_the_time_since_the_last_answer);
    tcase_add_test(tcase, what_nobody_waits_for_charges_nobody);
    tcase_add_test(tcase, a_query_that_comes_back_is_charged_for_its_attempt);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("pipeline");
    suite_add_tcase(suite, sending_case());
    suite_add_tcase(suite, room_case());
    suite_add_tcase(suite, answers_case());
    suite_add_tcase(suite, losses_case());
    suite_add_tcase(suite, errors_case());
    suite_add_tcase(suite, abandoning_case());
    suite_add_tcase(suite, accounts_case());
    if (SPLITS_LEDGER) suite_add_tcase(suite, ledgers_case());
    return suite;
}
