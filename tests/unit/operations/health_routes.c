#include "operations/health_routes.h"

#include "http/request_fixture.h"
#include "suite.h"

#include <string.h>

static enum fault give_fault(void *argument)
{
    return *(const enum fault *)argument;
}

static enum fault fail_test(void *argument)
{
    (void)argument;
    ck_abort_msg("readiness was asked for");
}

static enum fault dispatch(struct request *request, struct health_services *services)
{
    struct route_table table = {.routes = health_routes, .services = services};
    struct router router = {&table, 1};
    return router_dispatch(&router, request);
}

START_TEST(a_process_that_answers_is_alive_whatever_its_database_does)
{
    struct health_services services = {.readiness = fail_test};
    struct request *request = request_fixture_new(METHOD_GET, "/health");
    ck_assert_int_eq((int)dispatch(request, &services), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 200);
    ck_assert_str_eq(request->response.content_type, "application/json");
    ck_assert_str_eq(request_fixture_body(request), "{\"status\":\"ok\"}");
    request_fixture_free(request);
}
END_TEST

START_TEST(who_can_tell_that_it_works_is_asked)
{
    enum fault fault = FAULT_NONE;
    struct health_services services = {.readiness = fail_test, .liveness = give_fault, .argument = &fault};
    struct request *request = request_fixture_new(METHOD_GET, "/health");
    ck_assert_int_eq((int)dispatch(request, &services), FAULT_NONE);
    ck_assert_str_eq(request_fixture_body(request), "{\"status\":\"ok\"}");
    request_fixture_free(request);
}
END_TEST

START_TEST(a_process_that_does_not_work_says_why_in_its_own_words)
{
    enum fault fault = FAULT_WORKER_STALLED;
    struct health_services services = {
        .readiness = fail_test, .liveness = give_fault, .liveness_detail = "For 7 ms.", .argument = &fault};
    struct request *request = request_fixture_new(METHOD_GET, "/health");
    ck_assert_int_eq((int)dispatch(request, &services), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 503);
    ck_assert_int_eq((int)request->response.fault, FAULT_WORKER_STALLED);
    ck_assert_ptr_nonnull(
        strstr(request_fixture_body(request), "\"detail\":\"For 7 ms.\",\"code\":\"worker_stalled\""));
    request_fixture_free(request);
}
END_TEST

START_TEST(a_service_that_can_serve_is_ready)
{
    enum fault none = FAULT_NONE;
    struct health_services services = {.readiness = give_fault, .argument = &none};
    struct request *request = request_fixture_new(METHOD_GET, "/health/ready");
    ck_assert_int_eq((int)dispatch(request, &services), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 200);
    ck_assert_str_eq(request_fixture_body(request), "{\"status\":\"ready\"}");
    request_fixture_free(request);
}
END_TEST

static enum fault reasons[] = {FAULT_DATABASE_UNAVAILABLE, FAULT_SCHEMA_BEHIND, FAULT_SCHEMA_UNKNOWN,
                               FAULT_DRAINING};

START_TEST(a_service_that_cannot_serve_gives_the_reason)
{
    struct health_services services = {.readiness = give_fault, .argument = &reasons[_i]};
    struct request *request = request_fixture_new(METHOD_GET, "/health/ready");
    ck_assert_int_eq((int)dispatch(request, &services), (int)reasons[_i]);
    ck_assert_uint_eq(request->response.status, 0);
    request_fixture_free(request);
}
END_TEST

START_TEST(health_can_only_be_read)
{
    enum fault none = FAULT_NONE;
    struct health_services services = {.readiness = give_fault, .argument = &none};
    static const char *const paths[] = {"/health", "/health/ready"};
    for (size_t i = 0; i < 2; i++) {
        struct request *request = request_fixture_new(METHOD_POST, paths[i]);
        ck_assert_int_eq((int)dispatch(request, &services), FAULT_METHOD_NOT_ALLOWED);
        ck_assert_str_eq(request->response.allow, "GET, HEAD, OPTIONS");
        request_fixture_free(request);
        request = request_fixture_new(METHOD_HEAD, paths[i]);
        ck_assert_int_eq((int)dispatch(request, &services), FAULT_NONE);
        request_fixture_free(request);
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("operations/health_routes");
    TCase *tests = tcase_create("health");
    tcase_add_test(tests, a_process_that_answers_is_alive_whatever_its_database_does);
    tcase_add_test(tests, who_can_tell_that_it_works_is_asked);
    tcase_add_test(tests, a_process_that_does_not_work_says_why_in_its_own_words);
    tcase_add_test(tests, a_service_that_can_serve_is_ready);
    tcase_add_loop_test(tests, a_service_that_cannot_serve_gives_the_reason, 0,
                        (int)(sizeof(reasons) / sizeof(reasons[0])));
    tcase_add_test(tests, health_can_only_be_read);
    suite_add_tcase(suite, tests);
    return suite;
}
