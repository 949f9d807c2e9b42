#include "lab/lab_routes.h"

#include "http/problem.h"
#include "http/request_fixture.h"
#include "lab/memory_lab_store.h"
#include "lab/serializer.h"
#include "suite.h"

#include <jansson.h>
#include <stdio.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define USERS           5

static struct memory_lab_store *store;
static struct experiments *experiments;
static struct lab_services services;
static struct request *request;
static unsigned answers; /* to the current request */

static void observe(void *argument, struct verdict_machine *ret_machine)
{
    ck_assert_ptr_eq(argument, &services);
    *ret_machine = (struct verdict_machine){
        .loops = 2,
        .cpus = 2,
        .connections = 4,
        .seconds = 10,
        .request_rate = 100,
        .loops_busy = 0.1,
        .cpus_busy = 0.1,
        .connections_busy = 0.5,
        .fixed_loop_ns = 10000,
    };
}

static void each_route(void *argument,
                       void (*each)(void *each_argument, const char *route,
                                    const struct ledger_profile *profile),
                       void *each_argument)
{
    static struct ledger_profile profile;
    struct ledger_recorder *recorder;
    struct ledger ledger = {.started_ns = NS_PER_S, .since_ns = NS_PER_S + 20 * NS_PER_MS};
    ck_assert_ptr_eq(argument, &services);
    ledger.spent_ns[PHASE_DB] = 19 * NS_PER_MS;
    ledger.spent_ns[PHASE_JSON] = NS_PER_MS;
    ck_assert_int_eq((int)ledger_recorder_new(&recorder), FAULT_NONE);
    ledger_recorder_add(recorder, &ledger, ledger.since_ns);
    ledger_recorder_read(recorder, ledger.since_ns, &profile);
    ledger_recorder_free(recorder);
    each(each_argument, "/users/{id}", &profile);
}

static void set_up(void)
{
    store = memory_lab_store_new();
    ck_assert_int_eq((int)experiments_new(&experiments), FAULT_NONE);
    services = (struct lab_services){
        .store = &store->interface,
        .experiments = experiments,
        .all = {&experiments, 1},
        .observe = observe,
        .each_route = each_route,
        .argument = &services,
    };
}

static void set_up_with_users(void)
{
    set_up();
    memory_lab_store_fill(store, USERS);
}

static void end_request(void)
{
    if (request) request_fixture_free(request);
    request = NULL;
}

static void tear_down(void)
{
    end_request();
    constant_json_release(&services.constant);
    experiments_free(experiments);
    memory_lab_store_free(store);
}

/* As the server does. */
static void count_answer(struct request *answered)
{
    answers++;
    ledger_enter(&answered->ledger, PHASE_OTHER);
}

static void begin_request(const char *path, const char *query)
{
    end_request();
    answers = 0;
    request = request_fixture_new(METHOD_GET, path);
    request->query = text_of(query);
    request->deadline_ns = 12345;
    request->answered = count_answer;
    ledger_start(&request->ledger, clock_now_ns());
    ledger_enter(&request->ledger, PHASE_OTHER);
}

/* Does as the server does: what a handler gives becomes a problem. */
static void send_request(void *to)
{
    struct route_table table = {.routes = lab_routes, .services = to};
    struct router router = {&table, 1};
    enum fault fault = router_dispatch(&router, request);
    if (fault) response_problem(request, fault, NULL, NULL, 0);
}

static void get(const char *path, const char *query)
{
    begin_request(path, query);
    send_request(&services);
}

static void get_users(const char *query)
{
    get("/lab/users", query);
}

static void assert_problem(enum fault fault)
{
    ck_assert_msg(request->response.fault == fault, "fault %s, not %s", fault_code(request->response.fault),
                  fault_code(fault));
    ck_assert_uint_eq(request->response.status, problem_of(fault)->status);
    ck_assert_uint_eq(answers, 1);
    ck_assert_ptr_null((void *)request->abandon);
}

static void assert_error(const char *field, const char *reason)
{
    char error[256];
    assert_problem(FAULT_VALIDATION);
    (void)snprintf(error, sizeof(error), "\"errors\":[{\"field\":\"%s\",\"reason\":\"%s\"}]", field, reason);
    ck_assert_msg(strstr(request_fixture_body(request), error) != NULL, "%s not in %s", error,
                  request_fixture_body(request));
}

/* Is the answer these users, as the direct serializer writes them? */
static void assert_users(const struct user *users, size_t count)
{
    struct text expected;
    ck_assert_uint_eq(request->response.status, 200);
    ck_assert_uint_eq(answers, 1);
    ck_assert_str_eq(request->response.content_type, "application/json");
    ck_assert_int_eq((int)serializer_direct(&request->arena, users, count, &expected), FAULT_NONE);
    ck_assert(text_equal(request->response.body, expected));
    ck_assert_ptr_null((void *)request->abandon);
}

/* ---- users ---- */

static const char *const real_serializers[] = {"direct", "jansson", "postgres"};

START_TEST(users_are_the_first_ones_whoever_serializes)
{
    char query[64];
    for (unsigned rows = 1; rows <= USERS; rows++) {
        (void)snprintf(query, sizeof(query), "rows=%u&serializer=%s", rows, real_serializers[_i]);
        get_users(query);
        assert_users(store->users, rows);
        (void)snprintf(query, sizeof(query), "fan_out=%u&serializer=%s", rows, real_serializers[_i]);
        get_users(query);
        assert_users(store->users, rows);
    }
}
END_TEST

START_TEST(a_thousand_users_are_answered_whoever_serializes)
{
    char query[64];
    memory_lab_store_fill(store, 1000);
    (void)snprintf(query, sizeof(query), "rows=1000&serializer=%s", real_serializers[_i]);
    get_users(query);
    assert_users(store->users, 1000);
    (void)snprintf(query, sizeof(query), "fan_out=500&serializer=%s", real_serializers[_i]);
    get_users(query);
    assert_users(store->users, 500);
    get_users("");
    assert_users(store->users, 100);
}
END_TEST

START_TEST(no_serializer_gives_json_of_the_same_size)
{
    static const char *const queries[][2] = {
        {"rows=5", "rows=5&serializer=none"},
        {"fan_out=4", "fan_out=4&serializer=none"},
        {"rows=1", "rows=1&serializer=none"},
    };
    for (size_t i = 0; i < 3; i++) {
        get_users(queries[i][0]);
        size_t size = request->response.body.size;
        get_users(queries[i][1]);
        ck_assert_uint_eq(request->response.status, 200);
        ck_assert_uint_eq(request->response.body.size, size);
        json_t *root = json_loadb(request->response.body.bytes, size, 0, NULL);
        ck_assert_ptr_nonnull(json_object_get(root, "users"));
        json_decref(root);
    }
}
END_TEST

START_TEST(one_question_asks_for_all_rows)
{
    get_users("rows=3&delay_ms=15&serializer=postgres");
    ck_assert_uint_eq(store->calls, 1);
    ck_assert_int_eq(store->latest.from_id, 1);
    ck_assert_uint_eq(store->latest.rows, 3);
    ck_assert_uint_eq(store->latest.delay_ms, 15);
    ck_assert(store->latest.as_json);
    ck_assert_ptr_eq(store->operation->arena, &request->arena);
    ck_assert_ptr_eq(store->operation->ledger, &request->ledger);
    ck_assert_uint_eq(store->operation->deadline_ns, 12345);
    get_users("rows=3");
    ck_assert(!store->latest.as_json);
    ck_assert_uint_eq(store->latest.delay_ms, 0);
}
END_TEST

START_TEST(a_fan_out_asks_for_one_user_each_before_any_answer)
{
    store->delayed = true;
    get_users("fan_out=4&delay_ms=7");
    ck_assert_uint_eq(store->pending_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct lab_question *question = &store->pending[i].question;
        ck_assert_int_eq(question->from_id, 1 + i);
        ck_assert_uint_eq(question->rows, 1);
        ck_assert_uint_eq(question->delay_ms, 7);
    }
    ck_assert_uint_eq(answers, 0);
}
END_TEST

START_TEST(a_fan_out_is_gathered_in_the_order_of_its_questions)
{
    char query[64];
    unsigned random = 1;
    memory_lab_store_fill(store, 64);
    store->delayed = true;
    (void)snprintf(query, sizeof(query), "fan_out=64&serializer=%s", real_serializers[_i]);
    for (int round = 0; round < 20; round++) {
        get_users(query);
        while (store->pending_count > 0) {
            ck_assert_uint_eq(answers, 0);
            random = random * 1103515245 + 12345;
            memory_lab_store_answer(store, (random >> 16) % store->pending_count);
        }
        assert_users(store->users, 64);
    }
}
END_TEST

START_TEST(a_missing_id_is_answered_with_the_next_user)
{
    struct user ada = {.id = 2, .name = TEXT("Ada"), .email = TEXT("a@b"), .version = 1};
    struct user bob = {.id = 4, .name = TEXT("Bob"), .email = TEXT("b@b"), .version = 1};
    char query[64];
    memory_lab_store_add(store, &ada);
    memory_lab_store_add(store, &bob);
    (void)snprintf(query, sizeof(query), "fan_out=4&serializer=%s", real_serializers[_i]);
    get_users(query);
    assert_users((struct user[]){ada, ada, bob, bob}, 4);
    /* The fifth finds nobody; there are two users, though four questions were answered with one. */
    (void)snprintf(query, sizeof(query), "fan_out=6&serializer=%s", real_serializers[_i]);
    get_users(query);
    assert_error("fan_out", "is more than the users there are (2)");
}
END_TEST

static const char *const all_serializers[] = {"direct", "jansson", "postgres", "none"};

START_TEST(more_users_than_there_are_is_refused_with_their_number)
{
    char query[64];
    (void)snprintf(query, sizeof(query), "rows=6&serializer=%s", all_serializers[_i]);
    get_users(query);
    assert_error("rows", "is more than the users there are (5)");
    (void)snprintf(query, sizeof(query), "fan_out=6&serializer=%s", all_serializers[_i]);
    get_users(query);
    assert_error("fan_out", "is more than the users there are (5)");
    (void)snprintf(query, sizeof(query), "fan_out=500&serializer=%s", all_serializers[_i]);
    get_users(query);
    assert_error("fan_out", "is more than the users there are (5)");
    (void)snprintf(query, sizeof(query), "rows=5&serializer=%s", all_serializers[_i]);
    get_users(query);
    ck_assert_uint_eq(request->response.status, 200);
}
END_TEST

START_TEST(an_empty_database_is_said_to_be_empty)
{
    char query[64];
    (void)snprintf(query, sizeof(query), "rows=1&serializer=%s", all_serializers[_i]);
    get_users(query);
    assert_error("rows", "is more than the users there are (0)");
    (void)snprintf(query, sizeof(query), "fan_out=1&serializer=%s", all_serializers[_i]);
    get_users(query);
    assert_error("fan_out", "is more than the users there are (0)");
    (void)snprintf(query, sizeof(query), "fan_out=2&serializer=%s", all_serializers[_i]);
    get_users(query);
    assert_error("fan_out", "is more than the users there are (0)");
}
END_TEST

START_TEST(wrong_knobs_reach_no_store_and_are_named)
{
    get_users("rows=0");
    assert_error("rows", "must be a whole number from 1 to 1000");
    get_users("row=1");
    assert_error("row", "is unknown");
    get_users("rows=1&fan_out=1");
    assert_error("rows", "cannot be given beside fan_out");
    get_users("rows=%");
    assert_problem(FAULT_TARGET);
    ck_assert_uint_eq(store->calls, 0);
}
END_TEST

/* With one question, and with several. */
static const char *const shapes[] = {"rows=3", "fan_out=3"};

START_TEST(every_fault_of_the_store_becomes_its_problem)
{
    for (enum fault fault = FAULT_DATABASE_UNAVAILABLE; fault < FAULT_COUNT; fault++) {
        store->fault = fault;
        get_users(shapes[_i]);
        assert_problem(fault);
        ck_assert_uint_eq(request->response.retry_after_s, problem_of(fault)->retry_after_s);
    }
}
END_TEST

START_TEST(one_failure_answers_all_and_the_others_are_abandoned)
{
    for (unsigned failing = 1; failing <= 4; failing++) {
        store->delayed = true;
        store->fault = FAULT_STATEMENT_TIMEOUT;
        store->fault_at = failing;
        store->answered = store->abandoned = 0;
        get_users("fan_out=4");
        for (unsigned i = 1; i < failing; i++)
            memory_lab_store_answer(store, 0);
        ck_assert_uint_eq(answers, 0);
        memory_lab_store_answer(store, store->pending_count - 1);
        assert_problem(FAULT_STATEMENT_TIMEOUT);
        ck_assert_uint_eq(store->pending_count, 0);
        ck_assert_uint_eq(store->abandoned, 4 - failing);
    }
}
END_TEST

START_TEST(a_failure_at_once_asks_no_more)
{
    store->fault = FAULT_OVERLOADED;
    store->fault_at = 2;
    get_users("fan_out=4");
    assert_problem(FAULT_OVERLOADED);
    ck_assert_uint_eq(store->calls, 2);
    ck_assert_uint_eq(store->abandoned, 0);
}
END_TEST

START_TEST(an_abandoned_request_is_never_called_back)
{
    store->delayed = true;
    for (unsigned answered = 0; answered < 3; answered++) {
        store->abandoned = 0;
        get_users("fan_out=3");
        for (unsigned i = 0; i < answered; i++)
            memory_lab_store_answer(store, 1);
        ck_assert_ptr_nonnull((void *)request->abandon);
        request->abandon(request);
        ck_assert_uint_eq(store->abandoned, 3 - answered);
        ck_assert_uint_eq(store->pending_count, 0);
        ck_assert_uint_eq(answers, 0);
        end_request(); /* a call from now on would touch freed memory */
    }
}
END_TEST

START_TEST(an_abandoned_question_is_never_called_back)
{
    store->delayed = true;
    get_users("rows=3");
    request->abandon(request);
    ck_assert_uint_eq(store->abandoned, 1);
    ck_assert_uint_eq(store->pending_count, 0);
}
END_TEST

/* Sends the request with a little more room each time, until it succeeds. */
START_TEST(a_short_arena_is_a_fault_and_leaves_nothing_outstanding)
{
    char query[64];
    for (unsigned shape = 0; shape < 2; shape++) {
        (void)snprintf(query, sizeof(query), "%s&serializer=%s", shapes[shape], all_serializers[_i]);
        unsigned status = 0;
        store->delayed = true;
        for (size_t room = 0; status != 200; room += 16) {
            ck_assert_uint_lt(room, 1 << 14);
            begin_request("/lab/users", query);
            request_fixture_leave(request, room);
            send_request(&services);
            memory_lab_store_answer_all(store);
            status = request->response.status;
            if (status != 200) assert_problem(FAULT_MEMORY);
        }
    }
}
END_TEST

START_TEST(a_method_that_the_laboratory_does_not_have_is_refused)
{
    begin_request("/lab/users", "");
    request->method = METHOD_POST;
    send_request(&services);
    assert_problem(FAULT_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(request->response.allow, "GET, HEAD, OPTIONS");
    begin_request("/lab/users", "rows=2");
    request->method = METHOD_HEAD;
    send_request(&services);
    assert_users(store->users, 2);
}
END_TEST

START_TEST(a_laboratory_that_is_off_says_so)
{
    static const char *const targets[][2] = {
        {"/lab/users", ""}, {"/lab/users", "rows=0"}, {"/lab/verdict", ""}, {"/lab/verdict", "x=1"}};
    for (size_t i = 0; i < 4; i++) {
        begin_request(targets[i][0], targets[i][1]);
        send_request(NULL);
        assert_problem(FAULT_LABORATORY_OFF);
    }
    ck_assert_uint_eq(store->calls, 0);
}
END_TEST

/* ---- the ledger ---- */

START_TEST(a_request_waits_in_the_database_until_the_last_answer)
{
    if (!SPLITS_LEDGER) return;
    store->delayed = true;
    get_users("fan_out=3");
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(request->ledger.phase, PHASE_DB);
        memory_lab_store_answer(store, 0);
    }
    ck_assert_int_eq(request->ledger.phase, PHASE_DB);
    memory_lab_store_answer(store, 0);
    ck_assert_int_eq(request->ledger.phase, PHASE_OTHER);
    ck_assert_uint_gt(request->ledger.spent_ns[PHASE_PARSE], 0);
    ck_assert_uint_gt(request->ledger.spent_ns[PHASE_DB], 0);
    ck_assert_uint_gt(request->ledger.spent_ns[PHASE_JSON], 0);
}
END_TEST

static uint64_t sum_of_phases(const struct ledger *ledger)
{
    uint64_t sum = 0;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        sum += ledger->spent_ns[phase];
    return sum;
}

/* The spin is a known time. What else there is depends on the machine: it is looked at in the best of many.
 */
START_TEST(the_spin_is_in_the_serialization_and_nowhere_else)
{
    if (!SPLITS_LEDGER) return;
    static const uint64_t spin_ns = 2 * NS_PER_MS;
    uint64_t rest_min_ns = UINT64_MAX, excess_min_ns = UINT64_MAX;
    char query[64];
    (void)snprintf(query, sizeof(query), "rows=5&spin_us=2000&serializer=%s", all_serializers[_i]);
    for (int attempt = 0; attempt < 10; attempt++) {
        get_users(query);
        const struct ledger *ledger = &request->ledger;
        uint64_t json_ns = ledger->spent_ns[PHASE_JSON];
        uint64_t rest_ns = ledger_total_ns(ledger) - json_ns;
        ck_assert_uint_eq(sum_of_phases(ledger), ledger_total_ns(ledger));
        ck_assert_uint_ge(json_ns, spin_ns);
        if (rest_ns < rest_min_ns) rest_min_ns = rest_ns;
        if (json_ns - spin_ns < excess_min_ns) excess_min_ns = json_ns - spin_ns;
    }
    ck_assert_uint_lt(rest_min_ns, spin_ns / 2);
    ck_assert_uint_lt(excess_min_ns, spin_ns / 2);
}
END_TEST

START_TEST(a_refusal_does_not_spin)
{
    uint64_t best_ns = UINT64_MAX;
    for (int attempt = 0; attempt < 10; attempt++) {
        uint64_t start_ns = clock_now_ns();
        get_users("rows=6&spin_us=20000");
        assert_problem(FAULT_VALIDATION);
        uint64_t duration_ns = clock_now_ns() - start_ns;
        if (duration_ns < best_ns) best_ns = duration_ns;
    }
    ck_assert_uint_lt(best_ns, 20 * NS_PER_MS);
}
END_TEST

/* ---- experiments ---- */

static struct knobs seen[4];
static struct ledger_mean seen_mean[4];
static size_t seen_count;

static void note_experiment(void *argument, const struct knobs *knobs, const struct ledger_profile *profile)
{
    (void)argument;
    ck_assert_uint_lt(seen_count, 4);
    seen[seen_count] = *knobs;
    ledger_profile_mean(profile, &seen_mean[seen_count++]);
}

static void look_at_experiments(void)
{
    seen_count = 0;
    ck_assert_int_eq((int)experiments_each(services.all, note_experiment, NULL), FAULT_NONE);
}

/* What the server does at the very end of a request. */
static void finish_request(void)
{
    ledger_enter_at(&request->ledger, PHASE_OTHER, clock_now_ns());
    if (request->ended) request->ended(request);
}

START_TEST(the_ledger_of_a_request_goes_to_its_experiment)
{
    get_users("rows=2&delay_ms=3&serializer=jansson&spin_us=4");
    look_at_experiments();
    ck_assert_uint_eq(seen_count, 0);
    finish_request();
    get_users("fan_out=2");
    finish_request();
    get_users("fan_out=2");
    finish_request();
    look_at_experiments();
    ck_assert_uint_eq(seen_count, 2);
    struct knobs expected = {
        .rows = 2, .delay_ms = 3, .serializer = SERIALIZER_JANSSON, .spin_us = 4, .fan_out = 0};
    ck_assert(knobs_equal(&seen[0], &expected));
    ck_assert_uint_eq(seen_mean[0].count, 1);
    ck_assert(knobs_equal(&seen[1], &(struct knobs){.rows = 2, .fan_out = 2}));
    ck_assert_uint_eq(seen_mean[1].count, 2);
}
END_TEST

START_TEST(a_request_that_failed_is_no_experiment)
{
    get_users("rows=6");
    finish_request();
    get_users("rows=0");
    finish_request();
    store->fault = FAULT_OVERLOADED;
    get_users("rows=1");
    finish_request();
    get_users("fan_out=2");
    finish_request();
    store->fault = FAULT_NONE;
    store->delayed = true;
    get_users("fan_out=2");
    request->abandon(request);
    finish_request(); /* the client is gone */
    look_at_experiments();
    ck_assert_uint_eq(seen_count, 0);
}
END_TEST

/* ---- the verdict ---- */

static void get_verdict(const char *query, const char *accept)
{
    begin_request("/lab/verdict", query);
    if (accept) request->headers[HEADER_ACCEPT] = text_of(accept);
    send_request(&services);
}

START_TEST(the_verdict_is_json_by_default)
{
    static const char *const accepts[] = {NULL, "*/*", "application/json", "image/png", "text/*;q=0.5, */*"};
    for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++) {
        get_verdict("", accepts[i]);
        ck_assert_uint_eq(request->response.status, 200);
        ck_assert_str_eq(request->response.content_type, "application/json");
        ck_assert_uint_eq(answers, 1);
        json_t *root = json_loadb(request->response.body.bytes, request->response.body.size, 0, NULL);
        ck_assert(json_is_object(root));
        json_decref(root);
    }
}
END_TEST

START_TEST(the_verdict_is_text_for_who_wants_that)
{
    static const char *const accepts[] = {"text/plain", "text/*", "text/plain, */*;q=0.1"};
    for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++) {
        get_verdict("", accepts[i]);
        ck_assert_uint_eq(request->response.status, 200);
        ck_assert_str_eq(request->response.content_type, "text/plain; charset=utf-8");
        ck_assert_int_ne(request_fixture_body(request)[0], '{');
        ck_assert_uint_eq(answers, 1);
    }
}
END_TEST

START_TEST(the_verdict_is_about_every_route_and_experiment)
{
    static const char *const accepts[] = {"application/json", "text/plain"};
    get_users("rows=2&serializer=jansson");
    finish_request();
    get_users("fan_out=3");
    finish_request();
    get_verdict("", accepts[_i]);
    const char *body = request_fixture_body(request);
    ck_assert_ptr_nonnull(strstr(body, "/users/{id}"));
    if (!SPLITS_LEDGER) return;
    ck_assert_ptr_nonnull(strstr(body, "/lab/users?rows=2&delay_ms=0&serializer=jansson"));
    ck_assert_ptr_nonnull(strstr(body, "/lab/users?fan_out=3&delay_ms=0&serializer=direct"));
}
END_TEST

START_TEST(writing_the_verdict_is_serialization)
{
    if (!SPLITS_LEDGER) return;
    get_verdict("", NULL);
    ck_assert_uint_gt(request->ledger.spent_ns[PHASE_JSON], 0);
    ck_assert_int_eq(request->ledger.phase, PHASE_OTHER);
}
END_TEST

START_TEST(the_verdict_has_no_parameters)
{
    get_verdict("rows=1", NULL);
    assert_error("rows", "is unknown");
    get_verdict("a=1&a=2", "text/plain");
    assert_error("a", "is unknown");
    get_verdict("a=%", NULL);
    assert_problem(FAULT_TARGET);
    get_verdict("&", NULL);
    ck_assert_uint_eq(request->response.status, 200);
    get_verdict("a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q", NULL);
    assert_problem(FAULT_VALIDATION);
    ck_assert_ptr_nonnull(strstr(request_fixture_body(request), "\"field\":\"p\""));
    ck_assert_ptr_null(strstr(request_fixture_body(request), "\"field\":\"q\""));
}
END_TEST

START_TEST(a_verdict_without_memory_is_a_fault)
{
    static const char *const accepts[] = {"application/json", "text/plain"};
    begin_request("/lab/verdict", "");
    request->headers[HEADER_ACCEPT] = text_of(accepts[_i]);
    request_fixture_exhaust(request);
    send_request(&services);
    assert_problem(FAULT_MEMORY);
}
END_TEST

static void add_users_tests(Suite *suite)
{
    TCase *tests = tcase_create("users");
    tcase_add_checked_fixture(tests, set_up_with_users, tear_down);
    tcase_add_loop_test(tests, users_are_the_first_ones_whoever_serializes, 0, COUNT_OF(real_serializers));
    tcase_add_test(tests, no_serializer_gives_json_of_the_same_size);
    tcase_add_test(tests, one_question_asks_for_all_rows);
    tcase_add_test(tests, a_fan_out_asks_for_one_user_each_before_any_answer);
    tcase_add_loop_test(tests, more_users_than_there_are_is_refused_with_their_number, 0,
                        COUNT_OF(all_serializers));
    tcase_add_test(tests, wrong_knobs_reach_no_store_and_are_named);
    tcase_add_loop_test(tests, every_fault_of_the_store_becomes_its_problem, 0, COUNT_OF(shapes));
    tcase_add_test(tests, one_failure_answers_all_and_the_others_are_abandoned);
    tcase_add_test(tests, a_failure_at_once_asks_no_more);
    tcase_add_test(tests, an_abandoned_request_is_never_called_back);
    tcase_add_test(tests, an_abandoned_question_is_never_called_back);
    tcase_add_loop_test(tests, a_short_arena_is_a_fault_and_leaves_nothing_outstanding, 0,
                        COUNT_OF(all_serializers));
    tcase_add_test(tests, a_method_that_the_laboratory_does_not_have_is_refused);
    tcase_add_test(tests, a_laboratory_that_is_off_says_so);
    suite_add_tcase(suite, tests);
}

static void add_users_of_their_own_tests(Suite *suite)
{
    TCase *tests = tcase_create("users of the test's own");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_thousand_users_are_answered_whoever_serializes, 0,
                        COUNT_OF(real_serializers));
    tcase_add_loop_test(tests, a_fan_out_is_gathered_in_the_order_of_its_questions, 0,
                        COUNT_OF(real_serializers));
    tcase_add_loop_test(tests, a_missing_id_is_answered_with_the_next_user, 0, COUNT_OF(real_serializers));
    tcase_add_loop_test(tests, an_empty_database_is_said_to_be_empty, 0, COUNT_OF(all_serializers));
    suite_add_tcase(suite, tests);
}

static void add_ledger_tests(Suite *suite)
{
    TCase *tests = tcase_create("ledger and experiments");
    tcase_add_checked_fixture(tests, set_up_with_users, tear_down);
    tcase_add_test(tests, a_request_waits_in_the_database_until_the_last_answer);
    tcase_add_loop_test(tests, the_spin_is_in_the_serialization_and_nowhere_else, 0,
                        COUNT_OF(all_serializers));
    tcase_add_test(tests, a_refusal_does_not_spin);
    tcase_add_test(tests, the_ledger_of_a_request_goes_to_its_experiment);
    tcase_add_test(tests, a_request_that_failed_is_no_experiment);
    suite_add_tcase(suite, tests);
}

static void add_verdict_tests(Suite *suite)
{
    TCase *tests = tcase_create("verdict");
    tcase_add_checked_fixture(tests, set_up_with_users, tear_down);
    tcase_add_test(tests, the_verdict_is_json_by_default);
    tcase_add_test(tests, the_verdict_is_text_for_who_wants_that);
    tcase_add_loop_test(tests, the_verdict_is_about_every_route_and_experiment, 0, 2);
    tcase_add_test(tests, writing_the_verdict_is_serialization);
    tcase_add_test(tests, the_verdict_has_no_parameters);
    tcase_add_loop_test(tests, a_verdict_without_memory_is_a_fault, 0, 2);
    suite_add_tcase(suite, tests);
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/lab_routes");
    add_users_tests(suite);
    add_users_of_their_own_tests(suite);
    add_ledger_tests(suite);
    add_verdict_tests(suite);
    return suite;
}
