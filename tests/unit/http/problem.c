#include "http/problem.h"

#include "http/request_fixture.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* What the contract with clients says of each fault. */
static const struct {
    enum fault fault;
    unsigned status;
    unsigned retry_after_s;
} contract[] = {
    {FAULT_REQUEST_LINE, 400, 0},
    {FAULT_TARGET, 400, 0},
    {FAULT_HTTP_VERSION, 505, 0},
    {FAULT_METHOD_UNKNOWN, 501, 0},
    {FAULT_FIELD, 400, 0},
    {FAULT_HOST, 400, 0},
    {FAULT_CONTENT_LENGTH, 400, 0},
    {FAULT_TRANSFER_ENCODING, 400, 0},
    {FAULT_TRANSFER_CODING_UNKNOWN, 501, 0},
    {FAULT_CHUNK, 400, 0},
    {FAULT_EXPECTATION, 417, 0},
    {FAULT_TARGET_TOO_LONG, 414, 0},
    {FAULT_HEAD_TOO_LARGE, 431, 0},
    {FAULT_BODY_TOO_LARGE, 413, 0},
    {FAULT_HEAD_TIMEOUT, 408, 0},
    {FAULT_BODY_TIMEOUT, 408, 0},
    {FAULT_TOO_MANY_CONNECTIONS, 503, 1},
    {FAULT_ROUTE_NOT_FOUND, 404, 0},
    {FAULT_METHOD_NOT_ALLOWED, 405, 0},
    {FAULT_BODY_UNEXPECTED, 400, 0},
    {FAULT_MEDIA_TYPE, 415, 0},
    {FAULT_CONTENT_CODING, 415, 0},
    {FAULT_JSON, 400, 0},
    {FAULT_JSON_TOO_DEEP, 400, 0},
    {FAULT_VALIDATION, 422, 0},
    {FAULT_USER_NOT_FOUND, 404, 0},
    {FAULT_EMAIL_TAKEN, 409, 0},
    {FAULT_PRECONDITION, 412, 0},
    {FAULT_IDEMPOTENCY_KEY, 400, 0},
    {FAULT_IDEMPOTENCY_REUSED, 422, 0},
    {FAULT_IDEMPOTENCY_RUNNING, 409, 0},
    {FAULT_LABORATORY_OFF, 403, 0},
    {FAULT_DATABASE_UNAVAILABLE, 503, 1},
    {FAULT_DATABASE_URL, 503, 5},
    {FAULT_SCHEMA_BEHIND, 503, 5},
    {FAULT_SCHEMA_UNKNOWN, 503, 5},
    {FAULT_DRAINING, 503, 1},
    {FAULT_WORKER_STALLED, 503, 0},
    {FAULT_OVERLOADED, 503, 1},
    {FAULT_REQUEST_TIMEOUT, 504, 0},
    {FAULT_STATEMENT_TIMEOUT, 504, 0},
    {FAULT_LOCK_TIMEOUT, 503, 1},
    {FAULT_SERIALIZATION, 503, 1},
    {FAULT_DATABASE_READ_ONLY, 503, 1},
    {FAULT_DATABASE_RESOURCES, 503, 30},
    {FAULT_OUTCOME_UNKNOWN, 503, 0},
    {FAULT_VALUE_REFUSED, 400, 0},
    {FAULT_CONSTRAINT, 422, 0},
    {FAULT_MEMORY, 503, 1},
    {FAULT_INTERNAL, 500, 0},
};

START_TEST(a_fault_has_the_status_of_the_contract)
{
    const struct problem *problem = problem_of(contract[_i].fault);
    ck_assert_uint_eq(problem->status, contract[_i].status);
    ck_assert_uint_eq(problem->retry_after_s, contract[_i].retry_after_s);
}
END_TEST

START_TEST(every_fault_has_words_and_a_known_status)
{
    ck_assert_int_eq(COUNT_OF(contract), FAULT_COUNT - 1);
    for (enum fault fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        const struct problem *problem = problem_of(fault);
        ck_assert_uint_gt(strlen(problem->title), 0);
        ck_assert_int_ne(problem->title[strlen(problem->title) - 1], '.');
        ck_assert_int_eq(problem->detail[strlen(problem->detail) - 1], '.');
    }
}
END_TEST

START_TEST(no_two_faults_share_a_title)
{
    for (enum fault a = FAULT_NONE + 1; a < FAULT_COUNT; a++)
        for (enum fault b = a + 1; b < FAULT_COUNT; b++)
            ck_assert_str_ne(problem_of(a)->title, problem_of(b)->title);
}
END_TEST

START_TEST(what_is_no_fault_is_a_defect)
{
    ck_assert_ptr_eq(problem_of(FAULT_NONE), problem_of(FAULT_INTERNAL));
    ck_assert_ptr_eq(problem_of(FAULT_COUNT), problem_of(FAULT_INTERNAL));
}
END_TEST

/* The body, written into exactly the promised room; the caller frees it. */
static char *write_exactly(enum fault fault, const char *detail, struct text id,
                           const struct field_error *errors, size_t count)
{
    struct problem_details details = {detail, id, errors, count, false};
    size_t size_max = problem_size_max(fault, &details);
    char *room = malloc(size_max), *body = NULL;
    ck_assert_ptr_nonnull(room);
    char *end = problem_write(room, fault, &details);
    ck_assert_uint_le((size_t)(end - room), size_max);
    body = strndup(room, (size_t)(end - room));
    free(room);
    return body;
}

START_TEST(a_problem_has_the_members_of_rfc_9457_and_ours)
{
    char *body = write_exactly(FAULT_USER_NOT_FOUND, NULL, TEXT("abc-1"), NULL, 0);
    ck_assert_str_eq(body,
                     "{\"type\":\"/problems/user_not_found\",\"title\":\"User not found\",\"status\":404,"
                     "\"detail\":\"No user has this id.\",\"code\":\"user_not_found\","
                     "\"request_id\":\"abc-1\"}");
    free(body);
}
END_TEST

START_TEST(a_problem_lists_every_wrong_field)
{
    struct field_error errors[] = {{TEXT("name"), "must not be empty"}, {TEXT("a\"\x01"), "is unknown"}};
    char *body = write_exactly(FAULT_VALIDATION, NULL, TEXT("r"), errors, 2);
    ck_assert_ptr_nonnull(strstr(body, "\"request_id\":\"r\",\"errors\":["
                                       "{\"field\":\"name\",\"reason\":\"must not be empty\"},"
                                       "{\"field\":\"a\\\"\\u0001\",\"reason\":\"is unknown\"}]}"));
    free(body);
}
END_TEST

START_TEST(a_better_detail_replaces_the_usual_one)
{
    char *body = write_exactly(FAULT_JSON, "line 1, column 2: near '\"'", TEXT("r"), NULL, 0);
    ck_assert_ptr_nonnull(strstr(body, "\"detail\":\"line 1, column 2: near '\\\"'\","));
    ck_assert_ptr_null(strstr(body, problem_of(FAULT_JSON)->detail));
    free(body);
}
END_TEST

START_TEST(an_unknown_outcome_says_so)
{
    char *body = write_exactly(FAULT_OUTCOME_UNKNOWN, NULL, TEXT("r"), NULL, 0);
    ck_assert_ptr_nonnull(strstr(body, ",\"outcome\":\"unknown\"}"));
    free(body);
    body = write_exactly(FAULT_DATABASE_UNAVAILABLE, NULL, TEXT("r"), NULL, 0);
    ck_assert_ptr_null(strstr(body, "outcome"));
    free(body);
}
END_TEST

START_TEST(a_request_without_an_id_gets_none)
{
    char *body = write_exactly(FAULT_HEAD_TIMEOUT, NULL, (struct text){NULL, 0}, NULL, 0);
    ck_assert_ptr_null(strstr(body, "request_id"));
    free(body);
}
END_TEST

START_TEST(a_long_field_name_is_cut_between_characters)
{
    char name[200], expected[160];
    memset(name, 'x', sizeof(name));
    struct field_error error = {{name, 128}, "r"};
    char *body = write_exactly(FAULT_VALIDATION, NULL, TEXT("r"), &error, 1);
    (void)snprintf(expected, sizeof(expected), "\"%.128s\"", name);
    ck_assert_ptr_nonnull(strstr(body, expected));
    free(body);
    error.field.size = 200;
    body = write_exactly(FAULT_VALIDATION, NULL, TEXT("r"), &error, 1);
    ck_assert_ptr_nonnull(strstr(body, expected));
    free(body);
    memcpy(name + 126, "\xE2\x82\xAC", 3);
    body = write_exactly(FAULT_VALIDATION, NULL, TEXT("r"), &error, 1);
    (void)snprintf(expected, sizeof(expected), "\"%.126s\"", name);
    ck_assert_ptr_nonnull(strstr(body, expected));
    free(body);
}
END_TEST

START_TEST(the_largest_problem_fits_the_promised_size)
{
    char name[128], id[128];
    struct field_error errors[16];
    memset(name, 1, sizeof(name));
    memset(id, 1, sizeof(id));
    for (size_t i = 0; i < 16; i++)
        errors[i] = (struct field_error){{name, sizeof(name)}, "\x01\x02\x03\x04\x05\x06\x07"};
    for (enum fault fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++)
        free(write_exactly(fault, "\x01\x02\x03", (struct text){id, sizeof(id)}, errors, 16));
}
END_TEST

START_TEST(a_response_takes_everything_from_the_table)
{
    struct request *request = request_fixture_new(METHOD_GET, "/users/1");
    response_problem(request, FAULT_DATABASE_UNAVAILABLE, NULL, NULL, 0);
    ck_assert_uint_eq(request->response.status, 503);
    ck_assert_str_eq(request->response.content_type, "application/problem+json");
    ck_assert_uint_eq(request->response.retry_after_s, 1);
    ck_assert_int_eq((int)request->response.fault, FAULT_DATABASE_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(request_fixture_body(request), "\"request_id\":\"req-1\""));
    request_fixture_free(request);
}
END_TEST

START_TEST(a_change_that_timed_out_is_not_denied)
{
    struct request *request = request_fixture_new(METHOD_PUT, "/users/1");
    response_problem(request, FAULT_REQUEST_TIMEOUT, NULL, NULL, 0);
    ck_assert_uint_eq(request->response.status, 504);
    ck_assert_ptr_nonnull(strstr(request_fixture_body(request), "\"outcome\":\"unknown\""));
    ck_assert(request->response.is_outcome_unknown);
    request_fixture_free(request);
    request = request_fixture_new(METHOD_GET, "/users/1");
    response_problem(request, FAULT_REQUEST_TIMEOUT, NULL, NULL, 0);
    ck_assert_ptr_null(strstr(request_fixture_body(request), "outcome"));
    ck_assert(!request->response.is_outcome_unknown);
    request_fixture_free(request);
}
END_TEST

START_TEST(a_retry_after_that_is_set_stays)
{
    struct request *request = request_fixture_new(METHOD_GET, "/users/1");
    request->response.retry_after_s = 7;
    response_problem(request, FAULT_OVERLOADED, NULL, NULL, 0);
    ck_assert_uint_eq(request->response.retry_after_s, 7);
    request_fixture_free(request);
}
END_TEST

/* The answer for fault when there is no memory to write it. */
static struct request *answer_without_memory(enum method method, enum fault fault)
{
    struct request *request = request_fixture_new(method, "/");
    request_fixture_exhaust(request);
    response_problem(request, fault, NULL, NULL, 0);
    return request;
}

START_TEST(without_memory_a_problem_still_has_a_body)
{
    struct request *request = answer_without_memory(METHOD_GET, FAULT_USER_NOT_FOUND);
    ck_assert_uint_eq(request->response.status, 503);
    ck_assert_uint_eq(request->response.retry_after_s, 1);
    ck_assert_int_eq((int)request->response.fault, FAULT_MEMORY);
    char *usual = write_exactly(FAULT_MEMORY, NULL, (struct text){NULL, 0}, NULL, 0);
    ck_assert_str_eq(request_fixture_body(request), usual);
    free(usual);
    request_fixture_free(request);
}
END_TEST

START_TEST(without_memory_an_unknown_outcome_is_not_denied)
{
    struct request *request = answer_without_memory(METHOD_POST, FAULT_OUTCOME_UNKNOWN);
    ck_assert_uint_eq(request->response.status, 503);
    ck_assert_uint_eq(request->response.retry_after_s, 0);
    ck_assert_int_eq((int)request->response.fault, FAULT_OUTCOME_UNKNOWN);
    char *usual = write_exactly(FAULT_OUTCOME_UNKNOWN, NULL, (struct text){NULL, 0}, NULL, 0);
    ck_assert_str_eq(request_fixture_body(request), usual);
    free(usual);
    request_fixture_free(request);
}
END_TEST

START_TEST(without_memory_a_change_that_timed_out_is_not_denied)
{
    struct request *request = answer_without_memory(METHOD_POST, FAULT_REQUEST_TIMEOUT);
    ck_assert_int_eq((int)request->response.fault, FAULT_OUTCOME_UNKNOWN);
    ck_assert(request->response.is_outcome_unknown);
    ck_assert_ptr_nonnull(strstr(request_fixture_body(request), "\"outcome\":\"unknown\""));
    request_fixture_free(request);
    request = answer_without_memory(METHOD_GET, FAULT_REQUEST_TIMEOUT);
    ck_assert_int_eq((int)request->response.fault, FAULT_MEMORY);
    ck_assert(!request->response.is_outcome_unknown);
    request_fixture_free(request);
}
END_TEST

START_TEST(an_answer_has_its_status_and_body)
{
    struct request *request = request_fixture_new(METHOD_GET, "/");
    request->response.etag = "\"1\"";
    response_json(request, 201, TEXT("{}"));
    ck_assert_uint_eq(request->response.status, 201);
    ck_assert_str_eq(request->response.content_type, "application/json");
    ck_assert_str_eq(request_fixture_body(request), "{}");
    ck_assert_str_eq(request->response.etag, "\"1\"");
    ck_assert_int_eq((int)request->response.fault, FAULT_NONE);
    request_fixture_free(request);
}
END_TEST

START_TEST(an_empty_answer_has_no_content_type)
{
    struct request *request = request_fixture_new(METHOD_DELETE, "/");
    response_empty(request, 204);
    ck_assert_uint_eq(request->response.status, 204);
    ck_assert_ptr_null(request->response.content_type);
    ck_assert_uint_eq(request->response.body.size, 0);
    request_fixture_free(request);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("http/problem");
    TCase *table = tcase_create("table");
    tcase_add_loop_test(table, a_fault_has_the_status_of_the_contract, 0, COUNT_OF(contract));
    tcase_add_test(table, every_fault_has_words_and_a_known_status);
    tcase_add_test(table, no_two_faults_share_a_title);
    tcase_add_test(table, what_is_no_fault_is_a_defect);
    suite_add_tcase(suite, table);
    TCase *bodies = tcase_create("bodies");
    tcase_add_test(bodies, a_problem_has_the_members_of_rfc_9457_and_ours);
    tcase_add_test(bodies, a_problem_lists_every_wrong_field);
    tcase_add_test(bodies, a_better_detail_replaces_the_usual_one);
    tcase_add_test(bodies, an_unknown_outcome_says_so);
    tcase_add_test(bodies, a_request_without_an_id_gets_none);
    tcase_add_test(bodies, a_long_field_name_is_cut_between_characters);
    tcase_add_test(bodies, the_largest_problem_fits_the_promised_size);
    suite_add_tcase(suite, bodies);
    TCase *responses = tcase_create("responses");
    tcase_add_test(responses, a_response_takes_everything_from_the_table);
    tcase_add_test(responses, a_change_that_timed_out_is_not_denied);
    tcase_add_test(responses, a_retry_after_that_is_set_stays);
    tcase_add_test(responses, without_memory_a_problem_still_has_a_body);
    tcase_add_test(responses, without_memory_an_unknown_outcome_is_not_denied);
    tcase_add_test(responses, without_memory_a_change_that_timed_out_is_not_denied);
    tcase_add_test(responses, an_answer_has_its_status_and_body);
    tcase_add_test(responses, an_empty_answer_has_no_content_type);
    suite_add_tcase(suite, responses);
    return suite;
}
