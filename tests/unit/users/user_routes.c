#include "users/user_routes.h"

#include "http/problem.h"
#include "http/request_fixture.h"
#include "suite.h"
#include "users/memory_user_store.h"
#include "users/user_cursor.h"

#include <jansson.h>
#include <stdio.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define ADA_AND_BOB     2

static struct memory_user_store *store;
static struct request *request;

static void set_up(void)
{
    store = memory_user_store_new();
    (void)memory_user_store_add(store, "Ada", "ada@example.org");
    (void)memory_user_store_add(store, "Bob", "bob@example.org");
}

static void end_request(void)
{
    if (request) request_fixture_free(request);
    request = NULL;
}

static void tear_down(void)
{
    end_request();
    memory_user_store_free(store);
}

/* Does as the server does: what a handler gives becomes a problem. */
static void send_request(void)
{
    struct user_services services = {&store->interface};
    struct route_table table = {.routes = user_routes, .services = &services};
    struct router router = {&table, 1};
    enum fault fault = router_dispatch(&router, request);
    if (fault) response_problem(request, fault, NULL, NULL, 0);
}

static void begin_request(enum method method, const char *path, const char *body)
{
    end_request();
    request = request_fixture_new(method, path);
    request->deadline_ns = 12345;
    if (!body) return;
    request->body = text_of(body);
    request->headers[HEADER_CONTENT_TYPE] = TEXT("application/json");
}

static void ask(enum method method, const char *path, const char *body)
{
    begin_request(method, path, body);
    send_request();
}

static void ask_if(enum method method, const char *path, const char *body, enum header header,
                   const char *value)
{
    begin_request(method, path, body);
    request->headers[header] = text_of(value);
    send_request();
}

static void assert_problem(enum fault fault)
{
    ck_assert_msg(request->response.fault == fault, "fault %s, not %s", fault_code(request->response.fault),
                  fault_code(fault));
    ck_assert_uint_eq(request->response.status, problem_of(fault)->status);
    ck_assert_str_eq(request->response.content_type, "application/problem+json");
    ck_assert_ptr_null(request->response.etag);
    ck_assert_ptr_null(request->response.location);
    json_t *body = json_loadb(request->response.body.bytes, request->response.body.size, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(body, "code")), fault_code(fault));
    json_decref(body);
}

static void assert_empty(unsigned status)
{
    ck_assert_uint_eq(request->response.status, status);
    ck_assert_ptr_null(request->response.content_type);
    ck_assert_uint_eq(request->response.body.size, 0);
}

static void assert_user(unsigned status, const char *etag, const char *body)
{
    ck_assert_uint_eq(request->response.status, status);
    ck_assert_str_eq(request->response.content_type, "application/json");
    ck_assert_str_eq(request_fixture_body(request), body);
    ck_assert_str_eq(request->response.etag, etag);
    ck_assert_ptr_null((void *)request->abandon);
}

#define USER_JSON(id, name, email, second, version)                                                          \
    "{\"id\":" id ",\"name\":\"" name "\",\"email\":\"" email                                                \
    "\",\"created_at\":\"2024-02-29T12:34:56.000001Z\",\"updated_at\":\"2024-02-29T12:34:" second            \
    ".000001Z\",\"version\":" version "}"
#define ADA_JSON USER_JSON("1", "Ada", "ada@example.org", "56", "1")
#define BOB_JSON USER_JSON("2", "Bob", "bob@example.org", "56", "1")
#define EVE_BODY "{\"name\":\"Eve\",\"email\":\"eve@example.org\"}"

START_TEST(get_shows_a_user)
{
    ask(METHOD_GET, "/users/1", NULL);
    assert_user(200, "\"1\"", ADA_JSON);
    ck_assert_uint_eq(store->latest.operation->deadline_ns, 12345);
    ck_assert_ptr_eq(store->latest.operation->arena, &request->arena);
}
END_TEST

START_TEST(head_is_answered_as_get)
{
    ask(METHOD_HEAD, "/users/1", NULL);
    assert_user(200, "\"1\"", ADA_JSON);
}
END_TEST

START_TEST(a_user_that_is_not_there_is_not_found)
{
    ask(METHOD_GET, "/users/3", NULL);
    assert_problem(FAULT_USER_NOT_FOUND);
    ask(METHOD_GET, "/users/9223372036854775807", NULL);
    assert_problem(FAULT_USER_NOT_FOUND);
    ask(METHOD_PUT, "/users/3", EVE_BODY);
    assert_problem(FAULT_USER_NOT_FOUND);
    ask(METHOD_PATCH, "/users/3", EVE_BODY);
    assert_problem(FAULT_USER_NOT_FOUND);
    ask(METHOD_PATCH, "/users/3", "{}");
    assert_problem(FAULT_USER_NOT_FOUND);
    ask(METHOD_DELETE, "/users/3", NULL);
    assert_problem(FAULT_USER_NOT_FOUND);
}
END_TEST

START_TEST(get_answers_304_to_who_has_the_version)
{
    static const char *const tags[] = {"\"1\"", "W/\"1\"", "\"9\", \"1\"", "*"};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        ask_if(METHOD_GET, "/users/1", NULL, HEADER_IF_NONE_MATCH, tags[i]);
        ck_assert_uint_eq(request->response.status, 304);
        ck_assert_ptr_null(request->response.content_type);
        ck_assert_uint_gt(request->response.body.size, 100);
        ck_assert_str_eq(request->response.etag, "\"1\"");
    }
    ask_if(METHOD_GET, "/users/1", NULL, HEADER_IF_NONE_MATCH, "\"2\"");
    assert_user(200, "\"1\"", ADA_JSON);
}
END_TEST

START_TEST(get_honours_if_match)
{
    ask_if(METHOD_GET, "/users/1", NULL, HEADER_IF_MATCH, "\"2\"");
    assert_problem(FAULT_PRECONDITION);
    ask_if(METHOD_GET, "/users/1", NULL, HEADER_IF_MATCH, "\"1\"");
    assert_user(200, "\"1\"", ADA_JSON);
    ask_if(METHOD_GET, "/users/3", NULL, HEADER_IF_MATCH, "*");
    assert_problem(FAULT_USER_NOT_FOUND);
}
END_TEST

START_TEST(a_malformed_precondition_reaches_no_store)
{
    ask_if(METHOD_GET, "/users/1", NULL, HEADER_IF_NONE_MATCH, "1");
    assert_problem(FAULT_FIELD);
    ask_if(METHOD_PUT, "/users/1", EVE_BODY, HEADER_IF_MATCH, "1");
    assert_problem(FAULT_FIELD);
    ask_if(METHOD_DELETE, "/users/1", NULL, HEADER_IF_MATCH, "\"1");
    assert_problem(FAULT_FIELD);
    ck_assert_uint_eq(store->calls, 0);
}
END_TEST

START_TEST(post_adds_a_user)
{
    ask(METHOD_POST, "/users", EVE_BODY);
    assert_user(201, "\"1\"", USER_JSON("3", "Eve", "eve@example.org", "56", "1"));
    ck_assert_str_eq(request->response.location, "/users/3");
    ck_assert_ptr_nonnull(memory_user_store_get(store, 3));
}
END_TEST

START_TEST(post_refuses_an_address_that_is_taken)
{
    ask(METHOD_POST, "/users", "{\"name\":\"Ada\",\"email\":\"ADA@example.org\"}");
    assert_problem(FAULT_EMAIL_TAKEN);
    ck_assert_uint_eq(store->count, ADA_AND_BOB);
}
END_TEST

START_TEST(a_body_with_flaws_reaches_no_store_and_is_told_them)
{
    static const enum method methods[] = {METHOD_POST, METHOD_PUT, METHOD_PATCH};
    static const char *const paths[] = {"/users", "/users/1", "/users/1"};
    for (size_t i = 0; i < 3; i++) {
        ask(methods[i], paths[i], "{\"name\":\"\",\"email\":\"x\",\"extra\":1}");
        assert_problem(FAULT_VALIDATION);
        ck_assert_ptr_nonnull(strstr(request_fixture_body(request),
                                     "\"errors\":[{\"field\":\"name\",\"reason\":\"must not be empty\"},"
                                     "{\"field\":\"email\",\"reason\":\"must have an @\"},"
                                     "{\"field\":\"extra\",\"reason\":\"is unknown\"}]"));
        ask(methods[i], paths[i], "{\"name\":");
        assert_problem(FAULT_JSON);
        ck_assert_ptr_nonnull(strstr(request_fixture_body(request), "\"detail\":\"line 1, column 8: "));
        ask(methods[i], paths[i], "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
        assert_problem(FAULT_JSON_TOO_DEEP);
    }
    ck_assert_uint_eq(store->calls, 0);
}
END_TEST

START_TEST(a_body_of_another_kind_reaches_no_store)
{
    ask_if(METHOD_POST, "/users", EVE_BODY, HEADER_CONTENT_TYPE, "text/plain");
    assert_problem(FAULT_MEDIA_TYPE);
    ck_assert_str_eq(request->response.accept, "application/json");
    ask_if(METHOD_PUT, "/users/1", EVE_BODY, HEADER_CONTENT_TYPE, "application/merge-patch+json");
    assert_problem(FAULT_MEDIA_TYPE);
    ask_if(METHOD_PATCH, "/users/1", EVE_BODY, HEADER_CONTENT_ENCODING, "gzip");
    assert_problem(FAULT_CONTENT_CODING);
    ck_assert_uint_eq(store->calls, 0);
}
END_TEST

START_TEST(a_write_without_a_body_is_malformed)
{
    begin_request(METHOD_POST, "/users", "");
    send_request();
    assert_problem(FAULT_JSON);
    begin_request(METHOD_POST, "/users", NULL);
    send_request();
    assert_problem(FAULT_MEDIA_TYPE);
}
END_TEST

START_TEST(post_with_a_key_again_gives_the_same_user)
{
    ask_if(METHOD_POST, "/users", EVE_BODY, HEADER_IDEMPOTENCY_KEY, "k-1");
    ck_assert_uint_eq(request->response.status, 201);
    const char *other_spelling = "{ \"email\":\"eve@example.org\", \"name\":\"\\u0045ve\" }";
    ask_if(METHOD_POST, "/users", other_spelling, HEADER_IDEMPOTENCY_KEY, "\"k-1\"");
    ck_assert_uint_eq(request->response.status, 201);
    ck_assert_str_eq(request->response.location, "/users/3");
    ck_assert_uint_eq(store->count, ADA_AND_BOB + 1);
}
END_TEST

START_TEST(post_with_a_key_and_other_content_is_refused)
{
    ask_if(METHOD_POST, "/users", "{\"name\":\"ab\",\"email\":\"c@d\"}", HEADER_IDEMPOTENCY_KEY, "k-1");
    ck_assert_uint_eq(request->response.status, 201);
    ask_if(METHOD_POST, "/users", "{\"name\":\"a\",\"email\":\"bc@d\"}", HEADER_IDEMPOTENCY_KEY, "k-1");
    assert_problem(FAULT_IDEMPOTENCY_REUSED);
}
END_TEST

START_TEST(a_malformed_key_reaches_no_store)
{
    ask_if(METHOD_POST, "/users", EVE_BODY, HEADER_IDEMPOTENCY_KEY, "a b");
    assert_problem(FAULT_IDEMPOTENCY_KEY);
    ck_assert_uint_eq(store->calls, 0);
}
END_TEST

START_TEST(put_replaces_a_user)
{
    ask(METHOD_PUT, "/users/1", EVE_BODY);
    assert_user(200, "\"2\"", USER_JSON("1", "Eve", "eve@example.org", "57", "2"));
    ask(METHOD_PUT, "/users/1", "{\"name\":\"Eve\"}");
    assert_problem(FAULT_VALIDATION);
    ask(METHOD_PUT, "/users/1", "{\"name\":\"Eve\",\"email\":\"bob@example.org\"}");
    assert_problem(FAULT_EMAIL_TAKEN);
}
END_TEST

START_TEST(patch_changes_what_it_names)
{
    ask(METHOD_PATCH, "/users/1", "{\"name\":\"Eve\"}");
    assert_user(200, "\"2\"", USER_JSON("1", "Eve", "ada@example.org", "57", "2"));
    ask_if(METHOD_PATCH, "/users/1", "{\"email\":\"eve@example.org\"}", HEADER_CONTENT_TYPE,
           "application/merge-patch+json");
    assert_user(200, "\"3\"", USER_JSON("1", "Eve", "eve@example.org", "58", "3"));
}
END_TEST

START_TEST(a_patch_of_nothing_shows_the_user_as_it_is)
{
    ask(METHOD_PATCH, "/users/1", "{}");
    assert_user(200, "\"1\"", ADA_JSON);
    ask_if(METHOD_PATCH, "/users/1", "{}", HEADER_IF_MATCH, "\"1\"");
    assert_user(200, "\"1\"", ADA_JSON);
    ask_if(METHOD_PATCH, "/users/1", "{}", HEADER_IF_MATCH, "\"2\"");
    assert_problem(FAULT_PRECONDITION);
    ask_if(METHOD_PATCH, "/users/1", "{}", HEADER_IF_NONE_MATCH, "*");
    assert_problem(FAULT_PRECONDITION);
    ck_assert_int_eq(store->latest.call, MEMORY_FIND);
}
END_TEST

START_TEST(delete_removes_a_user)
{
    ask(METHOD_DELETE, "/users/1", NULL);
    assert_empty(204);
    ck_assert_ptr_null(memory_user_store_get(store, 1));
    ask(METHOD_DELETE, "/users/1", NULL);
    assert_problem(FAULT_USER_NOT_FOUND);
}
END_TEST

/* The requests that change or remove Ada. */
static const struct {
    enum method method;
    const char *body;
    unsigned status;
} writes[] = {{METHOD_PUT, EVE_BODY, 200}, {METHOD_PATCH, EVE_BODY, 200}, {METHOD_DELETE, NULL, 204}};

START_TEST(a_write_goes_through_where_its_precondition_holds)
{
    static const struct {
        enum header header;
        const char *value;
        unsigned calls; /* of the store */
    } conditions[] = {
        {HEADER_IF_MATCH, "\"1\"", 1},        {HEADER_IF_MATCH, "*", 1},
        {HEADER_IF_MATCH, "\"7\", \"1\"", 2}, {HEADER_IF_NONE_MATCH, "\"2\"", 2},
        {HEADER_IF_MATCH, "\"x\",\"1\"", 2},
    };
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        tear_down();
        set_up();
        ask_if(writes[_i].method, "/users/1", writes[_i].body, conditions[i].header, conditions[i].value);
        ck_assert_uint_eq(request->response.status, writes[_i].status);
        ck_assert_uint_eq(store->calls, conditions[i].calls);
    }
}
END_TEST

START_TEST(a_write_is_refused_where_its_precondition_fails)
{
    static const struct {
        enum header header;
        const char *value;
    } conditions[] = {
        {HEADER_IF_MATCH, "\"2\""},       {HEADER_IF_MATCH, "W/\"1\""},    {HEADER_IF_MATCH, "\"abc\""},
        {HEADER_IF_MATCH, "\"2\",\"3\""}, {HEADER_IF_NONE_MATCH, "\"1\""}, {HEADER_IF_NONE_MATCH, "*"},
    };
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        ask_if(writes[_i].method, "/users/1", writes[_i].body, conditions[i].header, conditions[i].value);
        assert_problem(FAULT_PRECONDITION);
        ck_assert_int_eq(memory_user_store_get(store, 1)->version, 1);
    }
}
END_TEST

START_TEST(a_user_that_is_not_there_fails_no_precondition)
{
    static const char *const tags[] = {"\"1\"", "*", "\"abc\"", "\"1\", \"2\""};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        ask_if(writes[_i].method, "/users/9", writes[_i].body, HEADER_IF_MATCH, tags[i]);
        assert_problem(FAULT_USER_NOT_FOUND);
    }
}
END_TEST

START_TEST(a_write_that_loses_a_race_after_its_look_is_refused)
{
    store->delayed = true;
    ask_if(writes[_i].method, "/users/1", writes[_i].body, HEADER_IF_MATCH, "\"1\", \"9\"");
    ck_assert_uint_eq(memory_user_store_answer(store), 1);
    ck_assert_uint_eq(request->response.status, 0);
    store->users[0].version = 5;
    ck_assert_uint_eq(memory_user_store_answer(store), 1);
    assert_problem(FAULT_PRECONDITION);
}
END_TEST

static json_t *list(const char *query)
{
    begin_request(METHOD_GET, "/users", NULL);
    request->query = text_of(query);
    send_request();
    ck_assert_uint_eq(request->response.status, 200);
    json_t *page = json_loadb(request->response.body.bytes, request->response.body.size, 0, NULL);
    ck_assert_ptr_nonnull(page);
    return page;
}

START_TEST(a_page_that_is_the_last_has_no_next)
{
    ask(METHOD_GET, "/users", NULL);
    ck_assert_uint_eq(request->response.status, 200);
    ck_assert_str_eq(request_fixture_body(request), "{\"users\":[" ADA_JSON "," BOB_JSON "],\"next\":null}");
    ck_assert_ptr_null(request->response.link);
    json_decref(list("limit=2"));
    ck_assert_ptr_null(request->response.link);
}
END_TEST

START_TEST(a_page_without_users_is_empty)
{
    char query[64] = "after=";
    (void)user_cursor_encode(query + 6, 2);
    json_decref(list(query));
    ck_assert_str_eq(request_fixture_body(request), "{\"users\":[],\"next\":null}");
}
END_TEST

START_TEST(a_page_says_where_the_next_one_starts)
{
    char cursor[USER_CURSOR_SIZE + 1] = "", link[128];
    (void)user_cursor_encode(cursor, 1);
    json_t *page = list("limit=1");
    ck_assert_uint_eq(json_array_size(json_object_get(page, "users")), 1);
    ck_assert_str_eq(json_string_value(json_object_get(page, "next")), cursor);
    (void)snprintf(link, sizeof(link), "</users?limit=1&after=%s>; rel=\"next\"", cursor);
    ck_assert_str_eq(request->response.link, link);
    json_decref(page);
}
END_TEST

/* Follows `next` to the end; gives the number of pages, and checks that each user comes once, in order. */
static int walk_pages(int limit, int users)
{
    char query[128];
    int pages = 0, last_id = 0, seen = 0;
    (void)snprintf(query, sizeof(query), "limit=%d", limit);
    for (bool more = true; more; pages++) {
        json_t *page = list(query), *user;
        size_t i;
        json_array_foreach(json_object_get(page, "users"), i, user)
        {
            int id = (int)json_integer_value(json_object_get(user, "id"));
            ck_assert_int_gt(id, last_id);
            last_id = id;
            seen++;
        }
        const char *next = json_string_value(json_object_get(page, "next"));
        more = next != NULL;
        if (more) (void)snprintf(query, sizeof(query), "limit=%d&after=%s", limit, next);
        json_decref(page);
    }
    ck_assert_int_eq(seen, users);
    return pages;
}

START_TEST(the_pages_together_hold_every_user_once)
{
    char email[32];
    for (int i = 0; i < 1099; i++) {
        (void)snprintf(email, sizeof(email), "u%d@example.org", i);
        (void)memory_user_store_add(store, "\"Quoted\" \xC3\xA9", email);
    }
    ask(METHOD_DELETE, "/users/700", NULL);
    ck_assert_int_eq(walk_pages(1000, 1100), 2);
    ck_assert_int_eq(walk_pages(100, 1100), 11);
    ck_assert_int_eq(walk_pages(7, 1100), 158);
    json_t *page = list("");
    ck_assert_uint_eq(json_array_size(json_object_get(page, "users")), 20);
    json_decref(page);
}
END_TEST

START_TEST(wrong_parameters_reach_no_store_and_are_all_named)
{
    begin_request(METHOD_GET, "/users", NULL);
    request->query = TEXT("limit=0&after=x&offset=1");
    send_request();
    assert_problem(FAULT_VALIDATION);
    const char *body = request_fixture_body(request);
    ck_assert_ptr_nonnull(strstr(body, "{\"field\":\"offset\",\"reason\":\"is unknown\"}"));
    ck_assert_ptr_nonnull(strstr(body, "{\"field\":\"limit\""));
    ck_assert_ptr_nonnull(strstr(body, "{\"field\":\"after\""));
    begin_request(METHOD_GET, "/users", NULL);
    request->query = TEXT("x=1&limit=%");
    send_request();
    assert_problem(FAULT_TARGET);
    ck_assert_ptr_null(strstr(request_fixture_body(request), "errors"));
    ck_assert_uint_eq(store->calls, 0);
}
END_TEST

/* One request of each kind, with what it is answered when all goes well. */
static const struct {
    enum method method;
    const char *path;
    const char *body;
    const char *if_match; /* NULL: none */
    unsigned status;
    unsigned calls; /* of the store */
} kinds[] = {
    {METHOD_GET, "/users/1", NULL, NULL, 200, 1},
    {METHOD_GET, "/users", NULL, NULL, 200, 1},
    {METHOD_POST, "/users", EVE_BODY, NULL, 201, 1},
    {METHOD_PUT, "/users/1", EVE_BODY, NULL, 200, 1},
    {METHOD_PATCH, "/users/1", EVE_BODY, NULL, 200, 1},
    {METHOD_PATCH, "/users/1", "{}", NULL, 200, 1},
    {METHOD_DELETE, "/users/1", NULL, NULL, 204, 1},
    {METHOD_PUT, "/users/1", EVE_BODY, "\"1\", \"2\"", 200, 2},
    {METHOD_DELETE, "/users/1", NULL, "\"1\", \"2\"", 204, 2},
};

static void begin_kind(int kind)
{
    begin_request(kinds[kind].method, kinds[kind].path, kinds[kind].body);
    if (kinds[kind].if_match) request->headers[HEADER_IF_MATCH] = text_of(kinds[kind].if_match);
}

START_TEST(every_fault_of_the_store_becomes_its_problem)
{
    for (enum fault fault = FAULT_USER_NOT_FOUND; fault < FAULT_COUNT; fault++) {
        store->fault = fault;
        begin_kind(_i);
        send_request();
        assert_problem(fault);
        ck_assert_uint_eq(request->response.retry_after_s, problem_of(fault)->retry_after_s);
    }
}
END_TEST

START_TEST(a_fault_after_a_look_becomes_its_problem)
{
    store->delayed = true;
    begin_request(METHOD_PUT, "/users/1", EVE_BODY);
    request->headers[HEADER_IF_MATCH] = TEXT("\"1\", \"2\"");
    send_request();
    (void)memory_user_store_answer(store);
    store->fault = FAULT_OUTCOME_UNKNOWN;
    (void)memory_user_store_answer(store);
    assert_problem(FAULT_OUTCOME_UNKNOWN);
    ck_assert_uint_eq(request->response.retry_after_s, 0);
}
END_TEST

START_TEST(an_answer_may_come_late)
{
    store->delayed = true;
    begin_kind(_i);
    send_request();
    for (unsigned call = 1; call <= kinds[_i].calls; call++) {
        ck_assert_uint_eq(request->response.status, 0);
        ck_assert_ptr_nonnull((void *)request->abandon);
        ck_assert_uint_eq(memory_user_store_answer(store), 1);
    }
    ck_assert_uint_eq(request->response.status, kinds[_i].status);
    ck_assert_ptr_null((void *)request->abandon);
    ck_assert_uint_eq(store->pending_count, 0);
}
END_TEST

START_TEST(an_abandoned_request_is_never_called_back)
{
    store->delayed = true;
    for (unsigned answered = 0; answered < kinds[_i].calls; answered++) {
        begin_kind(_i);
        send_request();
        for (unsigned i = 0; i < answered; i++)
            ck_assert_uint_eq(memory_user_store_answer(store), 1);
        request->abandon(request);
        ck_assert_uint_eq(store->abandoned, answered + 1);
        end_request(); /* a call from now on would touch freed memory */
        ck_assert_uint_eq(memory_user_store_answer(store), 0);
    }
}
END_TEST

START_TEST(an_answer_at_once_leaves_nothing_to_abandon)
{
    begin_kind(_i);
    send_request();
    ck_assert_uint_eq(request->response.status, kinds[_i].status);
    ck_assert_uint_eq(store->calls, kinds[_i].calls);
    ck_assert_ptr_null((void *)request->abandon);
}
END_TEST

START_TEST(requests_that_wait_together_get_their_own_answers)
{
    struct request *first, *second;
    store->delayed = true;
    ask(METHOD_GET, "/users/1", NULL);
    first = request;
    request = NULL;
    ask(METHOD_GET, "/users/2", NULL);
    second = request;
    ck_assert_uint_eq(memory_user_store_answer(store), 2);
    assert_user(200, "\"1\"", BOB_JSON);
    request = first;
    assert_user(200, "\"1\"", ADA_JSON);
    request_fixture_free(second);
}
END_TEST

/* Sends the request with room for one more allocation each time, until it succeeds. */
START_TEST(a_short_arena_never_hides_a_write)
{
    unsigned status = 0;
    for (size_t room = 0; status != kinds[_i].status; room += 16) {
        ck_assert_uint_lt(room, 1 << 14);
        tear_down();
        set_up();
        begin_kind(_i);
        request_fixture_leave(request, room);
        send_request();
        status = request->response.status;
        ck_assert(status == kinds[_i].status || status == 503);
        bool wrote = store->count > ADA_AND_BOB || !memory_user_store_get(store, 1) ||
                     memory_user_store_get(store, 1)->version > 1;
        if (status == 503) assert_problem(wrote ? FAULT_OUTCOME_UNKNOWN : FAULT_MEMORY);
        ck_assert_ptr_null((void *)request->abandon);
    }
}
END_TEST

START_TEST(a_method_that_users_do_not_have_is_refused)
{
    ask(METHOD_DELETE, "/users", NULL);
    assert_problem(FAULT_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(request->response.allow, "GET, HEAD, POST, OPTIONS");
    ask(METHOD_POST, "/users/1", EVE_BODY);
    assert_problem(FAULT_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(request->response.allow, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
    ask(METHOD_DELETE, "/users/1", "{}");
    assert_problem(FAULT_BODY_UNEXPECTED);
    ask(METHOD_GET, "/users/1", "{}");
    assert_problem(FAULT_BODY_UNEXPECTED);
    ck_assert_uint_eq(store->calls, 0);
}
END_TEST

static void add_reads(Suite *suite)
{
    TCase *reads = tcase_create("reads");
    tcase_add_checked_fixture(reads, set_up, tear_down);
    tcase_add_test(reads, get_shows_a_user);
    tcase_add_test(reads, head_is_answered_as_get);
    tcase_add_test(reads, a_user_that_is_not_there_is_not_found);
    tcase_add_test(reads, get_answers_304_to_who_has_the_version);
    tcase_add_test(reads, get_honours_if_match);
    tcase_add_test(reads, a_malformed_precondition_reaches_no_store);
    tcase_add_test(reads, a_page_that_is_the_last_has_no_next);
    tcase_add_test(reads, a_page_without_users_is_empty);
    tcase_add_test(reads, a_page_says_where_the_next_one_starts);
    tcase_add_test(reads, the_pages_together_hold_every_user_once);
    tcase_add_test(reads, wrong_parameters_reach_no_store_and_are_all_named);
    tcase_add_test(reads, a_method_that_users_do_not_have_is_refused);
    suite_add_tcase(suite, reads);
}

static void add_writes(Suite *suite)
{
    TCase *tests = tcase_create("writes");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, post_adds_a_user);
    tcase_add_test(tests, post_refuses_an_address_that_is_taken);
    tcase_add_test(tests, a_body_with_flaws_reaches_no_store_and_is_told_them);
    tcase_add_test(tests, a_body_of_another_kind_reaches_no_store);
    tcase_add_test(tests, a_write_without_a_body_is_malformed);
    tcase_add_test(tests, post_with_a_key_again_gives_the_same_user);
    tcase_add_test(tests, post_with_a_key_and_other_content_is_refused);
    tcase_add_test(tests, a_malformed_key_reaches_no_store);
    tcase_add_test(tests, put_replaces_a_user);
    tcase_add_test(tests, patch_changes_what_it_names);
    tcase_add_test(tests, a_patch_of_nothing_shows_the_user_as_it_is);
    tcase_add_test(tests, delete_removes_a_user);
    tcase_add_loop_test(tests, a_write_goes_through_where_its_precondition_holds, 0, COUNT_OF(writes));
    tcase_add_loop_test(tests, a_write_is_refused_where_its_precondition_fails, 0, COUNT_OF(writes));
    tcase_add_loop_test(tests, a_user_that_is_not_there_fails_no_precondition, 0, COUNT_OF(writes));
    tcase_add_loop_test(tests, a_write_that_loses_a_race_after_its_look_is_refused, 0, COUNT_OF(writes));
    suite_add_tcase(suite, tests);
}

static void add_all_kinds(Suite *suite)
{
    TCase *tests = tcase_create("every kind of request");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, every_fault_of_the_store_becomes_its_problem, 0, COUNT_OF(kinds));
    tcase_add_test(tests, a_fault_after_a_look_becomes_its_problem);
    tcase_add_loop_test(tests, an_answer_may_come_late, 0, COUNT_OF(kinds));
    tcase_add_loop_test(tests, an_abandoned_request_is_never_called_back, 0, COUNT_OF(kinds));
    tcase_add_loop_test(tests, an_answer_at_once_leaves_nothing_to_abandon, 0, COUNT_OF(kinds));
    tcase_add_test(tests, requests_that_wait_together_get_their_own_answers);
    tcase_add_loop_test(tests, a_short_arena_never_hides_a_write, 0, COUNT_OF(kinds));
    suite_add_tcase(suite, tests);
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("users/user_routes");
    add_reads(suite);
    add_writes(suite);
    add_all_kinds(suite);
    return suite;
}
