#include "postgres/query_batch.h"

#include "base/clock.h"
#include "postgres/connection_set_state.h"
#include "postgres/connection_upkeep.h"
#include "scripted_libpq.h"
#include "suite.h"

#include <endian.h>
#include <string.h>

#define ASKED_MAX (2 * QUERY_BATCH_MAX + 2)
#define HEAD_SIZE 20 /* of an array in binary form */
#define ITEM_SIZE 12

/* One request that looks a user up, and what became of it. */
struct asked {
    struct query query;
    struct ledger ledger;
    int64_t id;
    unsigned done;
    enum fault fault;
    int row; /* as many as the result has: there is none */
    int rows;
    enum phase phase; /* when it was done */
};

static struct asked asked[ASKED_MAX];
static unsigned order[ASKED_MAX]; /* in which they were done */
static unsigned done_count;
static struct asked *leaves_when_next_is_done;
static struct postgres_config config;
static struct event_loop *loop;
static struct connection_set *set;

/* Connections that are up without having connected: they all answer from the one script. */
static void make_set(void)
{
    memset(asked, 0, sizeof asked);
    done_count = 0;
    leaves_when_next_is_done = NULL;
    ck_assert_int_eq(event_loop_new(&loop), FAULT_NONE);
    config = (struct postgres_config){.database_url = "host=/nowhere",
                                      .application_name = "test",
                                      .prepared = true,
                                      .combine = true,
                                      .connections = 2,
                                      .queue_max = ASKED_MAX,
                                      .in_flight_max = 8,
                                      .queue_timeout_ns = NS_PER_S,
                                      .statement_timeout_ns = NS_PER_S,
                                      .connect_timeout_ns = NS_PER_S,
                                      .reconnect_max_ns = NS_PER_S,
                                      .loop = loop};
    ck_assert_int_eq(connection_set_new(&config, &set), FAULT_NONE);
    pipeline_open(&set->slots[0].pipeline, scripted_libpq_start(), true, set->now_ns);
    set->slots[0].state = SLOT_UP;
    set->up_count = 1;
    set->fault = FAULT_NONE;
    set->pinged_ns = set->now_ns + NS_PER_S; /* no ping gets in between */
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
    one->done++;
    one->fault = fault;
    one->row = query->row;
    one->rows = result != NULL ? PQntuples(result) : 0;
    one->phase = one->ledger.phase;
    order[done_count++] = (unsigned)(one - asked);
    struct asked *other = leaves_when_next_is_done;
    leaves_when_next_is_done = NULL;
    if (other != NULL) connection_set_abandon(set, &other->query);
}

static void submit(unsigned number, enum statement statement, int64_t id)
{
    struct asked *one = &asked[number];
    one->id = id;
    one->query.statement = statement;
    one->query.done = take_done;
    one->query.deadline_ns = UINT64_MAX;
    one->query.ledger = &one->ledger;
    query_set_number(&one->query, 0, id);
    ledger_start(one->query.ledger, clock_now_ns());
    ledger_enter(one->query.ledger, PHASE_OTHER);
    connection_set_submit(set, &one->query);
}

static void flush(void)
{
    connection_set_flush(set, clock_now_ns());
}

/* Look-ups of the ids in one tick. */
static void look_up(const int64_t *ids, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        submit(i, STATEMENT_USER_FIND, ids[i]);
    flush();
}

#define LOOK_UP(...)                                                                                         \
    look_up((const int64_t[]){__VA_ARGS__},                                                                  \
            (unsigned)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

static void receive(void)
{
    connection_upkeep_ready(&set->slots[0].source, 0);
}

static void receive_rows(const int64_t *ids, int count)
{
    scripted_libpq_rows(ids, count);
    scripted_libpq_null();
    scripted_libpq_sync();
    receive();
}

#define RECEIVE_ROWS(...)                                                                                    \
    receive_rows((const int64_t[]){__VA_ARGS__},                                                             \
                 (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

static void receive_fault(const char *state)
{
    scripted_libpq_result(PGRES_FATAL_ERROR, state);
    scripted_libpq_null();
    scripted_libpq_sync();
    receive();
}

static void assert_ledger_is_whole(const struct ledger *ledger)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        sum += ledger->spent_ns[i];
    ck_assert_uint_eq(sum, ledger_total_ns(ledger));
}

static void assert_done(unsigned number, enum fault fault)
{
    const struct asked *one = &asked[number];
    ck_assert_uint_eq(one->done, 1);
    ck_assert_int_eq(one->fault, fault);
    assert_ledger_is_whole(&one->ledger);
}

static void assert_found(unsigned number, int row)
{
    assert_done(number, FAULT_NONE);
    ck_assert_int_lt(asked[number].row, asked[number].rows);
    ck_assert_int_eq(asked[number].row, row);
}

static void assert_absent(unsigned number)
{
    assert_done(number, FAULT_NONE);
    ck_assert_int_ge(asked[number].row, asked[number].rows);
}

static void assert_phase(unsigned number, enum phase phase)
{
    if (SPLITS_LEDGER) ck_assert_str_eq(phase_name(asked[number].ledger.phase), phase_name(phase));
}

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

static uint64_t operations_of(enum statement statement)
{
    struct histogram_counts counts = {0};
    histogram_read(&connection_set_statistics(set)->operations[statement], &counts);
    return histogram_count(&counts);
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
    config.combine = false;
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
    submit(0, STATEMENT_USER_FIND, 1);
    submit(1, STATEMENT_USER_LIST, 0);
    submit(2, STATEMENT_USER_FIND, 2);
    flush();
    ck_assert_str_eq(scripted_libpq.sent, "user_find_many user_list Sync ");
}
END_TEST

START_TEST(company_is_not_looked_for_far_away)
{
    submit(0, STATEMENT_USER_FIND, 1);
    for (unsigned i = 1; i < QUERY_BATCH_MAX; i++)
        submit(i, STATEMENT_USER_LIST, 0);
    submit(QUERY_BATCH_MAX, STATEMENT_USER_FIND, 2);
    ck_assert(!query_batch_is_possible(&lookup_batch_kind, &asked[0].query));
    connection_set_abandon(set, &asked[1].query);
    ck_assert(query_batch_is_possible(&lookup_batch_kind, &asked[0].query));
}
END_TEST

START_TEST(slow_look_ups_are_not_combined)
{
    set->expected_ns[STATEMENT_USER_FIND] = 20 * NS_PER_MS;
    LOOK_UP(7, 8);
    ck_assert_str_eq(scripted_libpq.sent, "user_find Sync ");
}
END_TEST

START_TEST(a_batch_that_libpq_refuses_stays_in_the_queue)
{
    scripted_libpq.refuses_queries = true;
    LOOK_UP(7, 8);
    ck_assert_uint_eq(set->queued, 2);
    ck_assert_uint_eq(done_count, 0);
    assert_phase(0, PHASE_QUEUE);
    ck_assert_uint_eq(asked[1].query.sent_count, 0);
    ck_assert_uint_eq(asked[1].ledger.spent_ns[PHASE_DB], 0);
}
END_TEST

/* ---- answers ---- */

START_TEST(rows_in_any_order_find_their_askers)
{
    LOOK_UP(7, 3, 9);
    RECEIVE_ROWS(9, 7, 3);
    assert_found(0, 1);
    assert_found(1, 2);
    assert_found(2, 0);
    ck_assert_uint_eq(order[0], 0); /* who asked first is answered first */
    ck_assert_uint_eq(order[2], 2);
}
END_TEST

START_TEST(an_id_without_a_row_is_absent)
{
    LOOK_UP(7, 404, 0, -7);
    RECEIVE_ROWS(7);
    assert_found(0, 0);
    for (unsigned i = 1; i < 4; i++)
        assert_absent(i);
}
END_TEST

START_TEST(without_rows_all_are_absent)
{
    LOOK_UP(7, 8);
    receive_rows(NULL, 0);
    assert_absent(0);
    assert_absent(1);
}
END_TEST

START_TEST(several_may_ask_for_the_same_id)
{
    LOOK_UP(7, 8, 7, 7);
    RECEIVE_ROWS(8, 7);
    assert_found(0, 1);
    assert_found(1, 0);
    assert_found(2, 1);
    assert_found(3, 1);
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
        assert_found((unsigned)i, QUERY_BATCH_MAX - 1 - i);
}
END_TEST

START_TEST(the_query_is_counted_once_under_its_own_name)
{
    LOOK_UP(7, 8, 9);
    RECEIVE_ROWS(7, 8, 9);
    struct histogram_counts waits = {0};
    histogram_read(&connection_set_statistics(set)->wait, &waits);
    if (!SPLITS_LEDGER) return;
    ck_assert_uint_eq(operations_of(STATEMENT_USER_FIND_MANY), 1);
    ck_assert_uint_eq(operations_of(STATEMENT_USER_FIND), 0);
    ck_assert_uint_eq(histogram_count(&waits), 3); /* each has waited */
}
END_TEST

/* ---- leaving ---- */

START_TEST(who_is_abandoned_hears_no_more_of_it_and_the_others_do)
{
    LOOK_UP(7, 8, 9);
    connection_set_abandon(set, &asked[1].query);
    RECEIVE_ROWS(7, 8, 9);
    assert_found(0, 0);
    ck_assert_uint_eq(asked[1].done, 0);
    assert_phase(1, PHASE_DB);
    assert_found(2, 2);
}
END_TEST

START_TEST(a_batch_without_anybody_comes_back_to_nobody)
{
    LOOK_UP(7, 8);
    connection_set_abandon(set, &asked[0].query);
    connection_set_abandon(set, &asked[1].query);
    RECEIVE_ROWS(7, 8);
    ck_assert_uint_eq(done_count, 0);
    ck_assert_uint_eq(scripted_libpq_left(), 0);
}
END_TEST

START_TEST(one_may_leave_while_another_is_answered)
{
    LOOK_UP(7, 8, 9);
    leaves_when_next_is_done = &asked[1];
    RECEIVE_ROWS(7, 8, 9);
    assert_found(0, 0);
    ck_assert_uint_eq(asked[1].done, 0);
    assert_ledger_is_whole(&asked[1].ledger);
    assert_found(2, 2);
}
END_TEST

START_TEST(the_last_one_may_leave_while_another_is_answered)
{
    LOOK_UP(7, 8);
    leaves_when_next_is_done = &asked[1];
    RECEIVE_ROWS(7, 8);
    assert_found(0, 0);
    ck_assert_uint_eq(asked[1].done, 0);
}
END_TEST

START_TEST(a_set_is_freed_with_a_batch_on_its_way)
{
    LOOK_UP(7, 8);
    connection_set_abandon(set, &asked[0].query);
}
END_TEST

/* ---- failures ---- */

START_TEST(a_lost_connection_sends_each_member_again_by_itself)
{
    LOOK_UP(7, 8);
    scripted_libpq_lose();
    receive();
    ck_assert_uint_eq(done_count, 0);
    ck_assert_uint_eq(set->queued, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_phase(i, PHASE_QUEUE);
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
    receive();
    assert_done(0, FAULT_DATABASE_UNAVAILABLE);
    ck_assert_uint_eq(asked[1].done, 0);
    ck_assert_uint_eq(set->queued, 1);
}
END_TEST

START_TEST(who_was_abandoned_is_not_sent_again)
{
    LOOK_UP(7, 8);
    connection_set_abandon(set, &asked[0].query);
    scripted_libpq_lose();
    receive();
    ck_assert_uint_eq(set->queued, 1);
}
END_TEST

START_TEST(a_value_that_is_refused_is_found_out_one_by_one)
{
    LOOK_UP(7, 8);
    receive_fault("22003");
    ck_assert_uint_eq(done_count, 0);
    flush();
    ck_assert_str_eq(scripted_libpq.sent, "user_find_many Sync user_find Sync user_find Sync ");
    receive_fault("22003");
    RECEIVE_ROWS(8);
    assert_done(0, FAULT_VALUE_REFUSED);
    assert_found(1, 0);
}
END_TEST

START_TEST(a_batch_whose_companion_under_the_sync_fails_is_sent_again_one_by_one)
{
    submit(0, STATEMENT_USER_LIST, 0);
    submit(1, STATEMENT_USER_FIND, 7);
    submit(2, STATEMENT_USER_FIND, 8);
    flush();
    scripted_libpq_result(PGRES_FATAL_ERROR, "22003");
    scripted_libpq_null();
    scripted_libpq_result(PGRES_PIPELINE_ABORTED, NULL);
    scripted_libpq_null();
    scripted_libpq_sync();
    receive();
    assert_done(0, FAULT_VALUE_REFUSED);
    flush();
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
    receive_fault(faults[_i].state);
    assert_done(0, faults[_i].fault);
    assert_done(1, faults[_i].fault);
    ck_assert_uint_eq(set->queued, 0);
}
END_TEST

START_TEST(more_rows_than_there_can_be_are_asked_for_one_by_one)
{
    static const int64_t rows[QUERY_BATCH_MAX + 1];
    LOOK_UP(0, 1);
    receive_rows(rows, QUERY_BATCH_MAX + 1);
    ck_assert_uint_eq(done_count, 0);
    ck_assert_uint_eq(set->queued, 2);
}
END_TEST

/* ---- phases ---- */

static void spin(uint64_t ns)
{
    for (uint64_t begin_ns = clock_now_ns(); clock_now_ns() - begin_ns < ns;)
        continue;
}

START_TEST(each_member_is_in_the_database_from_its_sending_to_the_arrival)
{
    submit(0, STATEMENT_USER_FIND, 7);
    spin(2 * NS_PER_MS);
    submit(1, STATEMENT_USER_FIND, 8);
    flush();
    for (unsigned i = 0; i < 2; i++) {
        assert_phase(i, PHASE_DB);
        ck_assert_uint_eq(asked[i].ledger.since_ns, asked[i].query.sent_ns);
    }
    ck_assert_uint_ge(asked[0].ledger.spent_ns[PHASE_QUEUE], 2 * NS_PER_MS);
    ck_assert_uint_lt(asked[1].ledger.spent_ns[PHASE_QUEUE], asked[0].ledger.spent_ns[PHASE_QUEUE]);
    spin(NS_PER_MS);
    RECEIVE_ROWS(7, 8);
    for (unsigned i = 0; i < 2; i++) {
        assert_found(i, (int)i);
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
    event_loop_turn(loop, 0);
    spin(20 * NS_PER_MS);
    event_loop_turn(loop, 0);
    RECEIVE_ROWS(7, 8);
    for (unsigned i = 0; i < 2; i++) {
        assert_found(i, (int)i);
        ck_assert_uint_ge(asked[i].ledger.spent_ns[PHASE_OTHER], 20 * NS_PER_MS);
    }
}
END_TEST

START_TEST(who_is_abandoned_was_in_the_database_until_then)
{
    LOOK_UP(7, 8);
    spin(NS_PER_MS);
    connection_set_abandon(set, &asked[0].query);
    ledger_enter(&asked[0].ledger, PHASE_JSON);
    ck_assert_uint_ge(asked[0].ledger.spent_ns[PHASE_DB], NS_PER_MS);
    assert_ledger_is_whole(&asked[0].ledger);
}
END_TEST

START_TEST(the_connections_time_is_charged_once)
{
    LOOK_UP(7, 8, 9);
    spin(NS_PER_MS);
    connection_set_abandon(set, &asked[0].query);
    RECEIVE_ROWS(7, 8, 9);
    ck_assert_uint_eq(asked[0].ledger.connection_ns, 0);
    ck_assert_uint_ge(asked[1].ledger.connection_ns, NS_PER_MS);
    ck_assert_uint_eq(asked[2].ledger.connection_ns, 0);
}
END_TEST

START_TEST(a_member_needs_no_ledger)
{
    submit(0, STATEMENT_USER_FIND, 7);
    submit(1, STATEMENT_USER_FIND, 8);
    asked[0].query.ledger = asked[1].query.ledger = NULL;
    flush();
    connection_set_abandon(set, &asked[1].query);
    RECEIVE_ROWS(7);
    ck_assert_uint_eq(asked[0].done, 1);
}
END_TEST

static TCase *sending_case(void)
{
    TCase *tcase = tcase_create("what is sent");
    tcase_add_checked_fixture(tcase, make_set, free_set);
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
    tcase_add_checked_fixture(tcase, make_set, free_set);
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
    tcase_add_checked_fixture(tcase, make_set, free_set);
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
    tcase_add_checked_fixture(tcase, make_set, free_set);
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
    tcase_add_checked_fixture(tcase, make_set, free_set);
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
