#include "operations/metrics_routes.h"

#include "http/request_fixture.h"
#include "suite.h"

static void write_number(void *argument, struct metrics_text *text)
{
    const unsigned *number = argument;
    metrics_text_family(text, *number == 1 ? "first" : "second", "gauge", "A number.");
    metrics_text_integer(text, METRIC_NO_LABELS, *number);
}

static unsigned one = 1, two = 2;
static const struct metrics_source sources[] = {{write_number, &one}, {write_number, &two}};

static enum fault dispatch(struct request *request, size_t source_count)
{
    struct metrics_services services = {sources, source_count};
    struct route_table table = {.routes = metrics_routes, .services = &services};
    struct router router = {&table, 1};
    return router_dispatch(&router, request);
}

START_TEST(metrics_are_what_all_sources_tell_in_their_order)
{
    struct request *request = request_fixture_new(METHOD_GET, "/metrics");
    request->query = TEXT("name[]=whatever");
    ck_assert_int_eq((int)dispatch(request, 2), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 200);
    ck_assert_str_eq(request->response.content_type, "text/plain; version=0.0.4; charset=utf-8");
    ck_assert_str_eq(request_fixture_body(request),
                     "# HELP first A number.\n# TYPE first gauge\nfirst 1\n"
                     "# HELP second A number.\n# TYPE second gauge\nsecond 2\n");
    request_fixture_free(request);
}
END_TEST

START_TEST(nothing_to_tell_is_an_empty_text)
{
    struct request *request = request_fixture_new(METHOD_GET, "/metrics");
    ck_assert_int_eq((int)dispatch(request, 0), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 200);
    ck_assert_uint_eq(request->response.body.size, 0);
    request_fixture_free(request);
}
END_TEST

START_TEST(half_a_text_is_not_sent)
{
    struct request *request = request_fixture_new(METHOD_GET, "/metrics");
    request_fixture_leave(request, 80);
    ck_assert_int_eq((int)dispatch(request, 1), FAULT_NONE);
    request_fixture_free(request);
    request = request_fixture_new(METHOD_GET, "/metrics");
    request_fixture_leave(request, 80);
    ck_assert_int_eq((int)dispatch(request, 2), FAULT_MEMORY);
    ck_assert_uint_eq(request->response.status, 0);
    request_fixture_free(request);
}
END_TEST

START_TEST(metrics_can_only_be_read)
{
    struct request *request = request_fixture_new(METHOD_POST, "/metrics");
    ck_assert_int_eq((int)dispatch(request, 2), FAULT_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(request->response.allow, "GET, HEAD, OPTIONS");
    request_fixture_free(request);
    request = request_fixture_new(METHOD_HEAD, "/metrics");
    ck_assert_int_eq((int)dispatch(request, 2), FAULT_NONE);
    request_fixture_free(request);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("operations/metrics_routes");
    TCase *tests = tcase_create("metrics");
    tcase_add_test(tests, metrics_are_what_all_sources_tell_in_their_order);
    tcase_add_test(tests, nothing_to_tell_is_an_empty_text);
    tcase_add_test(tests, half_a_text_is_not_sent);
    tcase_add_test(tests, metrics_can_only_be_read);
    suite_add_tcase(suite, tests);
    return suite;
}
