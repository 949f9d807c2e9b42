#include "operations/debug_routes.h"

#include "http/problem.h"
#include "http/request_fixture.h"
#include "operations/metrics_fixture.h"
#include "suite.h"

#include <jansson.h>
#include <stdio.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct route user = {.path = "/users/{id}"};
static struct request_metrics *worker;
static struct request *request;
static json_t *body;

/* A database that answers when a test wants it to. */
static struct {
    enum fault refusal;                   /* what asking gives */
    const struct database_report *report; /* answered at once, if there is one */
    struct database_question *question;   /* that waits */
    unsigned abandoned;
} database;

static enum fault ask_database(void *argument, struct database_question *question)
{
    ck_assert_ptr_eq(argument, &database);
    if (database.refusal) return database.refusal;
    if (database.report)
        question->done(question, FAULT_NONE, database.report);
    else
        database.question = question;
    return FAULT_NONE;
}

static void abandon_database(void *argument, struct database_question *question)
{
    ck_assert_ptr_eq(argument, &database);
    ck_assert_ptr_eq(question, database.question);
    database.question = NULL;
    database.abandoned++;
}

static void set_up(void)
{
    ck_assert_int_eq((int)request_metrics_new(&worker), FAULT_NONE);
    memset(&database, 0, sizeof(database));
    request = NULL;
    body = NULL;
}

static void end_request(void)
{
    json_decref(body);
    body = NULL;
    if (request) request_fixture_free(request);
    request = NULL;
}

static void tear_down(void)
{
    end_request();
    request_metrics_free(worker);
}

static struct debug_services services_of_test(void)
{
    return (struct debug_services){{&worker, 1}, ask_database, abandon_database, &database};
}

static void begin(enum method method, const char *path, const char *query)
{
    end_request();
    request = request_fixture_new(method, path);
    request->query = text_of(query);
}

static enum fault dispatch(void)
{
    static struct debug_services services;
    services = services_of_test();
    struct route_table table = {.routes = debug_routes, .services = &services};
    struct router router = {&table, 1};
    return router_dispatch(&router, request);
}

static enum fault get(const char *path, const char *query)
{
    begin(METHOD_GET, path, query);
    return dispatch();
}

static const json_t *load_body(unsigned status)
{
    json_error_t error;
    ck_assert_uint_eq(request->response.status, status);
    ck_assert_ptr_null(body);
    body =
        json_loadb(request->response.body.bytes, request->response.body.size, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(body != NULL, "%s in %s", error.text, request_fixture_body(request));
    return body;
}

static const json_t *get_slowest(const char *query)
{
    ck_assert_int_eq((int)get("/debug/slowest", query), FAULT_NONE);
    return load_body(200);
}

static void record(const struct route *route, uint64_t total_ns)
{
    struct request ended = request_of(route, total_ns);
    request_metrics_record(worker, &ended);
}

/* The phases of an object must sum to its total, which is given. */
static json_int_t assert_sum(const json_t *object)
{
    json_int_t sum = 0;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%s_ns", phase_name(phase));
        const json_t *value = json_object_get(object, name);
        ck_assert_msg(json_is_integer(value), "%s is no integer", name);
        ck_assert_int_ge(json_integer_value(value), 0);
        sum += json_integer_value(value);
    }
    ck_assert(json_is_integer(json_object_get(object, "total_ns")));
    ck_assert_int_eq(sum, json_integer_value(json_object_get(object, "total_ns")));
    return sum;
}

/* ---- slowest ---- */

START_TEST(without_requests_nothing_is_slow)
{
    ck_assert_int_eq((int)get("/debug/slowest", ""), FAULT_NONE);
    ck_assert_str_eq(request->response.content_type, "application/json");
    ck_assert_str_eq(request_fixture_body(request), "{\"requests\":[],\"routes\":[]}");
}
END_TEST

START_TEST(a_slow_request_is_shown_whole)
{
    struct request ended = ended_request(&user, (uint64_t[PHASE_COUNT]){1, 2, 3, 4000, 5, 6, 7});
    uint64_t now_ns = clock_now_ns();
    ended.ledger.started_ns = now_ns - (ended.ledger.since_ns - ended.ledger.started_ns);
    ended.ledger.since_ns = now_ns;
    ended.method = METHOD_PUT;
    ended.response.status = 0;
    memcpy(ended.id, "a\"b", 4);
    request_metrics_record(worker, &ended);
    get_slowest("");
    static const char start[] =
        "{\"requests\":[{\"total_ns\":4024,\"read_ns\":1,\"parse_ns\":2,\"queue_ns\":3,"
        "\"db_ns\":4000,\"json_ns\":5,\"send_ns\":6,\"other_ns\":7,\"method\":\"PUT\","
        "\"route\":\"/users/{id}\",\"status\":499,\"request_id\":\"a\\\"b\","
        "\"ended_at\":\"2";
    ck_assert_int_eq(strncmp(request_fixture_body(request), start, sizeof(start) - 1), 0);
    assert_sum(json_array_get(json_object_get(body, "requests"), 0));
}
END_TEST

START_TEST(the_slowest_come_first_up_to_the_limit)
{
    static const struct {
        const char *query;
        size_t count;
    } cases[] = {{"", 20},           {"limit=1", 1},    {"limit=20", 20},
                 {"&limit=99&", 30}, {"limit=100", 30}, {"limit=007", 7}};
    for (uint64_t i = 1; i <= 30; i++)
        record(i % 2 == 0 ? &user : NULL, i * 1000);
    for (int i = 0; i < COUNT_OF(cases); i++) {
        const json_t *requests = json_object_get(get_slowest(cases[i].query), "requests");
        ck_assert_uint_eq(json_array_size(requests), cases[i].count);
        for (size_t k = 0; k < cases[i].count; k++)
            ck_assert_int_eq(assert_sum(json_array_get(requests, k)), (json_int_t)(30 - k) * 1000);
    }
}
END_TEST

static const struct {
    const char *query, *field, *reason;
} wrong[] = {
    {"limit=0", "limit", "must be a whole number from 1 to 100"},
    {"limit=101", "limit", "must be a whole number from 1 to 100"},
    {"limit=", "limit", "must be a whole number from 1 to 100"},
    {"limit", "limit", "must be a whole number from 1 to 100"},
    {"limit=-1", "limit", "must be a whole number from 1 to 100"},
    {"limit=1.5", "limit", "must be a whole number from 1 to 100"},
    {"limit=18446744073709551617", "limit", "must be a whole number from 1 to 100"},
    {"limit=5&limit=5", "limit", "must not be repeated"},
    {"count=5", "count", "is unknown"},
    {"Limit=5", "Limit", "is unknown"},
    {"limit=5&a%22=1&a%22=2", "a\"", "is unknown"},
};

START_TEST(a_wrong_parameter_is_named)
{
    ck_assert_int_eq((int)get("/debug/slowest", wrong[_i].query), FAULT_NONE);
    ck_assert(request->response.fault == FAULT_VALIDATION);
    const json_t *errors = json_object_get(load_body(422), "errors");
    ck_assert_uint_eq(json_array_size(errors), 1);
    const json_t *error = json_array_get(errors, 0);
    ck_assert_str_eq(json_string_value(json_object_get(error, "field")), wrong[_i].field);
    ck_assert_str_eq(json_string_value(json_object_get(error, "reason")), wrong[_i].reason);
}
END_TEST

START_TEST(errors_are_listed_up_to_a_bound)
{
    ck_assert_int_eq((int)get("/debug/slowest", "a=&b=&limit=0&c=&d=&e=&f=&g="), FAULT_NONE);
    ck_assert_uint_eq(json_array_size(json_object_get(load_body(422), "errors")), 8);
    ck_assert_int_eq((int)get("/debug/slowest", "a&b&c&d&e&f&g&h&i&limit=0"), FAULT_NONE);
    ck_assert_uint_eq(json_array_size(json_object_get(load_body(422), "errors")), 8);
}
END_TEST

START_TEST(a_malformed_query_is_a_malformed_target)
{
    ck_assert_int_eq((int)get("/debug/slowest", "limit=%4"), FAULT_TARGET);
}
END_TEST

static const json_t *find_route(const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(body, "routes"), i,
                       entry) if (strcmp(json_string_value(json_object_get(entry, "route")), name) ==
                                  0) return entry;
    ck_abort_msg("no route \"%s\"", name);
}

START_TEST(a_route_shows_what_grows_from_the_median_to_the_slowest)
{
    for (unsigned i = 0; i < 200; i++) {
        uint64_t now_ns = clock_now_ns(), db_ns = i < 190 ? 100003 : 5000017;
        struct request ended =
            ended_request(&user, (uint64_t[PHASE_COUNT]){1001, 0, 2003, db_ns, 507, 3001, 11});
        ended.ledger.started_ns = now_ns - ledger_total_ns(&ended.ledger);
        ended.ledger.since_ns = now_ns;
        request_metrics_record(worker, &ended);
    }
    record(NULL, 70000);
    get_slowest("");
    ck_assert_uint_eq(json_array_size(json_object_get(body, "routes")), 2);
    const json_t *route = find_route("/users/{id}");
    ck_assert_int_eq(json_integer_value(json_object_get(route, "requests")), 200);
    const json_t *p50 = json_object_get(route, "p50"), *p99 = json_object_get(route, "p99");
    json_int_t growth = 0;
    ck_assert_double_eq_tol((double)assert_sum(p50), 106526, 0.125 * 106526);
    ck_assert_double_eq_tol((double)assert_sum(p99), 5006540, 0.125 * 5006540);
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        growth += json_integer_value(json_object_get(json_object_get(route, "growth_ns"), phase_name(phase)));
    ck_assert_int_eq(growth, assert_sum(p99) - assert_sum(p50));
    ck_assert_str_eq(json_string_value(json_object_get(route, "grew_most")), "db");
}
END_TEST

START_TEST(a_route_with_one_request_may_not_grow)
{
    uint64_t now_ns = clock_now_ns();
    struct request ended = request_of(NULL, 0);
    ended.ledger.started_ns = ended.ledger.since_ns = now_ns;
    request_metrics_record(worker, &ended);
    get_slowest("");
    const json_t *route = find_route("");
    ck_assert(json_is_null(json_object_get(route, "grew_most")));
    ck_assert_int_eq(assert_sum(json_object_get(route, "p99")), 0);
}
END_TEST

START_TEST(half_an_answer_is_not_sent)
{
    for (size_t room = 0; room < 8192; room += 512) {
        tear_down();
        set_up();
        record(&user, 1000);
        begin(METHOD_GET, "/debug/slowest", "limit=1");
        request_fixture_leave(request, room);
        enum fault fault = dispatch();
        ck_assert(fault == FAULT_MEMORY || fault == FAULT_NONE);
        ck_assert_uint_eq(request->response.status, fault ? 0 : 200);
        if (room == 0) ck_assert(fault == FAULT_MEMORY);
        if (!fault) return;
    }
    ck_abort_msg("never enough memory");
}
END_TEST

/* ---- database ---- */

static const struct statement_report typical = {
    .name = "user_find",
    .client_calls = 1000,
    .client_us = 500000,
    .queue_us = 20500,
    .round_trip_ns = 80000,
    .has_server = true,
    .server_calls = 1000,
    .server_ms = 150.25,
};

/* Asks for a report about one statement, and gives the answer. */
static const char *ask_about(const struct statement_report *statement)
{
    static struct database_report report;
    report = (struct database_report){.statements = statement, .count = 1};
    database.report = &report;
    ck_assert_int_eq((int)get("/debug/database", ""), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 200);
    ck_assert_ptr_null((void *)request->abandon);
    return request_fixture_body(request);
}

static const json_t *statement_of(const struct statement_report *statement)
{
    ask_about(statement);
    return json_array_get(json_object_get(load_body(200), "statements"), 0);
}

static void assert_split(const struct statement_report *statement, double execution, double wire, double wait)
{
    const json_t *split = json_object_get(statement_of(statement), "split");
    ck_assert_double_eq(json_number_value(json_object_get(split, "execution_us")), execution);
    ck_assert_double_eq(json_number_value(json_object_get(split, "wire_us")), wire);
    ck_assert_double_eq(json_number_value(json_object_get(split, "wait_us")), wait);
}

START_TEST(a_statement_is_split_in_execution_wire_and_wait)
{
    ck_assert_str_eq(ask_about(&typical),
                     "{\"since\":null,\"statements\":[{\"name\":\"user_find\","
                     "\"client\":{\"calls\":1000,\"mean_us\":500,\"queue_mean_us\":20.5},"
                     "\"server\":{\"calls\":1000,\"mean_us\":150.25},"
                     "\"split\":{\"execution_us\":150.25,\"wire_us\":80,\"wait_us\":269.75}}],"
                     "\"absence\":null}");
    ck_assert_str_eq(request->response.content_type, "application/json");
}
END_TEST

START_TEST(a_report_may_be_of_several_statements_and_has_its_beginning)
{
    static const struct statement_report statements[] = {{.name = "a"}, {.name = "b", .has_server = true}};
    struct database_report report = {
        .statements = statements, .count = 2, .since_us = INT64_C(1709210096000001)};
    database.report = &report;
    ck_assert_int_eq((int)get("/debug/database", ""), FAULT_NONE);
    ck_assert_str_eq(request_fixture_body(request),
                     "{\"since\":\"2024-02-29T12:34:56.000001Z\",\"statements\":["
                     "{\"name\":\"a\",\"client\":{\"calls\":0,\"mean_us\":null,\"queue_mean_us\":null},"
                     "\"server\":null,\"split\":null},"
                     "{\"name\":\"b\",\"client\":{\"calls\":0,\"mean_us\":null,\"queue_mean_us\":null},"
                     "\"server\":{\"calls\":0,\"mean_us\":null},\"split\":null}],\"absence\":null}");
}
END_TEST

START_TEST(a_database_that_tells_nothing_says_why)
{
    struct statement_report alone = typical;
    alone.has_server = false;
    struct database_report report = {
        .statements = &alone, .count = 1, .absence = "\"pg_stat_statements\" is missing."};
    database.report = &report;
    ck_assert_int_eq((int)get("/debug/database", ""), FAULT_NONE);
    ck_assert_str_eq(
        request_fixture_body(request),
        "{\"since\":null,\"statements\":[{\"name\":\"user_find\","
        "\"client\":{\"calls\":1000,\"mean_us\":500,\"queue_mean_us\":20.5},"
        "\"server\":null,\"split\":null}],\"absence\":\"\\\"pg_stat_statements\\\" is missing.\"}");
}
END_TEST

START_TEST(no_part_of_the_split_is_negative)
{
    struct statement_report statement = typical;
    statement.round_trip_ns = 349750; /* all that is left */
    assert_split(&statement, 150.25, 349.75, 0);
    statement.round_trip_ns = 349751;
    assert_split(&statement, 150.25, 349.75, 0);
    statement.round_trip_ns = 0;
    assert_split(&statement, 150.25, 0, 349.75);
    statement.round_trip_ns = 80000;
    statement.server_ms = 500; /* as the client */
    assert_split(&statement, 500, 0, 0);
    ck_assert_ptr_null(strstr(ask_about(&statement), "note"));
    statement.server_ms = 600;
    assert_split(&statement, 600, 0, 0);
    ck_assert_ptr_nonnull(strstr(ask_about(&statement), "\"note\":\"The database counted other calls"));
}
END_TEST

START_TEST(without_calls_on_either_side_there_is_no_split)
{
    struct statement_report statement = typical;
    statement.server_calls = 0;
    ck_assert(json_is_null(json_object_get(statement_of(&statement), "split")));
    statement = typical;
    statement.client_calls = 0;
    ck_assert(json_is_null(json_object_get(statement_of(&statement), "split")));
}
END_TEST

static const struct {
    uint64_t client_calls, server_calls;
    bool is_noted;
} populations[] = {
    {0, 100, false},
    {0, 101, true},
    {100, 0, false},
    {102, 0, true},
    {10000, 10200, false},
    {10000, 10201, true},
    {10000, 9800, false},
    {10000, 9799, true},
    {1000000, 0, true},
    {100, UINT32_MAX, true},
    {50000000, 50500100, false},
};

START_TEST(other_calls_than_ours_are_noted)
{
    struct statement_report statement = typical;
    statement.client_calls = populations[_i].client_calls;
    statement.server_calls = populations[_i].server_calls;
    statement.client_us = 500 * statement.client_calls;
    statement.server_ms = 0.1 * (double)statement.server_calls;
    bool is_noted = json_object_get(statement_of(&statement), "note") != NULL;
    ck_assert_int_eq(is_noted, populations[_i].is_noted);
}
END_TEST

START_TEST(a_report_may_come_later)
{
    struct database_report report = {.statements = &typical, .count = 1};
    ck_assert_int_eq((int)get("/debug/database", ""), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 0);
    ck_assert_ptr_nonnull((void *)request->abandon);
    database.question->done(database.question, FAULT_NONE, &report);
    ck_assert_ptr_null((void *)request->abandon);
    ck_assert_uint_eq(request->response.status, 200);
    ck_assert_uint_eq(database.abandoned, 0);
}
END_TEST

START_TEST(an_abandoned_question_is_given_up)
{
    ck_assert_int_eq((int)get("/debug/database", ""), FAULT_NONE);
    request->abandon(request);
    ck_assert_uint_eq(database.abandoned, 1);
}
END_TEST

START_TEST(a_refused_question_is_a_fault)
{
    database.refusal = FAULT_OVERLOADED;
    ck_assert_int_eq((int)get("/debug/database", ""), FAULT_OVERLOADED);
    ck_assert_ptr_null((void *)request->abandon);
    ck_assert_uint_eq(request->response.status, 0);
}
END_TEST

START_TEST(a_report_that_fails_is_a_problem)
{
    ck_assert_int_eq((int)get("/debug/database", ""), FAULT_NONE);
    database.question->done(database.question, FAULT_MEMORY, NULL);
    ck_assert(request->response.fault == FAULT_MEMORY);
    ck_assert_uint_eq(request->response.status, problem_of(FAULT_MEMORY)->status);
    ck_assert_ptr_null((void *)request->abandon);
}
END_TEST

START_TEST(without_memory_for_the_report_there_is_a_problem)
{
    struct database_report report = {.statements = &typical, .count = 1};
    begin(METHOD_GET, "/debug/database", "");
    request_fixture_leave(request, 64);
    ck_assert_int_eq((int)dispatch(), FAULT_NONE);
    database.question->done(database.question, FAULT_NONE, &report);
    ck_assert(request->response.fault == FAULT_MEMORY);
    begin(METHOD_GET, "/debug/database", "");
    request_fixture_exhaust(request);
    ck_assert_int_eq((int)dispatch(), FAULT_MEMORY);
}
END_TEST

START_TEST(these_resources_can_only_be_read)
{
    static const char *const paths[] = {"/debug/slowest", "/debug/database"};
    for (int i = 0; i < COUNT_OF(paths); i++) {
        begin(METHOD_POST, paths[i], "");
        ck_assert_int_eq((int)dispatch(), FAULT_METHOD_NOT_ALLOWED);
        ck_assert_str_eq(request->response.allow, "GET, HEAD, OPTIONS");
        begin(METHOD_HEAD, paths[i], "");
        ck_assert_int_eq((int)dispatch(), FAULT_NONE);
    }
}
END_TEST

static TCase *test_case(const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    return tests;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("operations/debug_routes");
    TCase *slowest = test_case("slowest");
    tcase_add_test(slowest, without_requests_nothing_is_slow);
    tcase_add_test(slowest, a_slow_request_is_shown_whole);
    tcase_add_test(slowest, the_slowest_come_first_up_to_the_limit);
    tcase_add_loop_test(slowest, a_wrong_parameter_is_named, 0, COUNT_OF(wrong));
    tcase_add_test(slowest, errors_are_listed_up_to_a_bound);
    tcase_add_test(slowest, a_malformed_query_is_a_malformed_target);
    tcase_add_test(slowest, a_route_shows_what_grows_from_the_median_to_the_slowest);
    tcase_add_test(slowest, a_route_with_one_request_may_not_grow);
    tcase_add_test(slowest, half_an_answer_is_not_sent);
    tcase_add_test(slowest, these_resources_can_only_be_read);
    suite_add_tcase(suite, slowest);

    TCase *reports = test_case("database");
    tcase_add_test(reports, a_statement_is_split_in_execution_wire_and_wait);
    tcase_add_test(reports, a_report_may_be_of_several_statements_and_has_its_beginning);
    tcase_add_test(reports, a_database_that_tells_nothing_says_why);
    tcase_add_test(reports, no_part_of_the_split_is_negative);
    tcase_add_test(reports, without_calls_on_either_side_there_is_no_split);
    tcase_add_loop_test(reports, other_calls_than_ours_are_noted, 0, COUNT_OF(populations));
    tcase_add_test(reports, a_report_may_come_later);
    tcase_add_test(reports, an_abandoned_question_is_given_up);
    tcase_add_test(reports, a_refused_question_is_a_fault);
    tcase_add_test(reports, a_report_that_fails_is_a_problem);
    tcase_add_test(reports, without_memory_for_the_report_there_is_a_problem);
    suite_add_tcase(suite, reports);
    return suite;
}
