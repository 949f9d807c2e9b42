#include "http/router.h"

#include "http/request_fixture.h"
#include "suite.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const char *called; /* the handler that ran last */

static enum fault list_things(struct request *request)
{
    called = "list";
    response_json(request, 200, TEXT("[]"));
    return FAULT_NONE;
}

static enum fault add_thing(struct request *request)
{
    called = "add";
    response_empty(request, 204);
    return FAULT_NONE;
}

static enum fault get_thing(struct request *request)
{
    (void)request;
    called = "get";
    return FAULT_USER_NOT_FOUND;
}

static enum fault get_part(struct request *request)
{
    called = "part";
    response_empty(request, 204);
    return FAULT_NONE;
}

static const struct route thing_routes[] = {
    {.path = "/things",
     .handlers = {[METHOD_GET] = list_things, [METHOD_POST] = add_thing},
     .takes_body = {[METHOD_POST] = true}},
    {.path = "/things/{id}", .handlers = {[METHOD_GET] = get_thing}},
    {.path = "/things/{id}/part", .handlers = {[METHOD_DELETE] = get_part}},
    {.path = NULL},
};

static const struct route other_routes[] = {
    {.path = "/other", .handlers = {[METHOD_POST] = add_thing}, .takes_body = {[METHOD_POST] = true}},
    {.path = "/", .handlers = {[METHOD_GET] = list_things}},
    {.path = NULL},
};

static int thing_services, other_services;

static const struct route_table tables[] = {
    {.routes = thing_routes, .services = &thing_services},
    {.routes = other_routes, .services = &other_services},
};
static const struct router router = {tables, 2};

static struct request *request;

static void tear_down(void)
{
    if (request) request_fixture_free(request);
    request = NULL;
    called = NULL;
}

static enum fault dispatch(enum method method, const char *path)
{
    tear_down();
    request = request_fixture_new(method, path);
    return router_dispatch(&router, request);
}

START_TEST(a_path_finds_its_handler)
{
    ck_assert_int_eq((int)dispatch(METHOD_GET, "/things"), FAULT_NONE);
    ck_assert_str_eq(called, "list");
    ck_assert_ptr_eq(request->route, &thing_routes[0]);
    ck_assert_int_eq(request->path_id, 0);
    ck_assert_int_eq((int)dispatch(METHOD_POST, "/things"), FAULT_NONE);
    ck_assert_str_eq(called, "add");
    ck_assert_int_eq((int)dispatch(METHOD_DELETE, "/things/5/part"), FAULT_NONE);
    ck_assert_str_eq(called, "part");
    ck_assert_int_eq(request->path_id, 5);
    ck_assert_int_eq((int)dispatch(METHOD_GET, "/"), FAULT_NONE);
    ck_assert_str_eq(called, "list");
}
END_TEST

START_TEST(a_handler_gets_the_services_of_its_table)
{
    (void)dispatch(METHOD_GET, "/things/1");
    ck_assert_ptr_eq(request->services, &thing_services);
    (void)dispatch(METHOD_POST, "/other");
    ck_assert_ptr_eq(request->services, &other_services);
}
END_TEST

START_TEST(the_fault_of_a_handler_is_passed_on)
{
    ck_assert_int_eq((int)dispatch(METHOD_GET, "/things/9"), FAULT_USER_NOT_FOUND);
    ck_assert_str_eq(called, "get");
}
END_TEST

static const struct {
    const char *path;
    int64_t id;
} ids[] = {
    {"/things/1", 1},
    {"/things/10", 10},
    {"/things/9223372036854775806", INT64_MAX - 1},
    {"/things/9223372036854775807", INT64_MAX},
};

START_TEST(an_id_is_a_64_bit_number_from_1)
{
    ck_assert_int_eq((int)dispatch(METHOD_GET, ids[_i].path), FAULT_USER_NOT_FOUND);
    ck_assert_int_eq(request->path_id, ids[_i].id);
    ck_assert_ptr_eq(request->route, &thing_routes[1]);
}
END_TEST

static const char *const unknown_paths[] = {
    "",
    "*",
    "things",
    "//",
    "/thing",
    "/thingss",
    "/Things",
    "/things/",
    "//things",
    "/things//",
    "/things//1",
    "/things/1/",
    "/things/0",
    "/things/01",
    "/things/-1",
    "/things/+1",
    "/things/ 1",
    "/things/1 ",
    "/things/1.0",
    "/things/1e1",
    "/things/0x1",
    "/things/abc",
    "/things/{id}",
    "/things/9223372036854775808",
    "/things/18446744073709551617",
    "/things/99999999999999999999999999",
    "/things/1/par",
    "/things/1/part/x",
    "/things/x/part",
    "/things/../other",
    "/other/1",
};

START_TEST(any_other_path_is_not_found)
{
    ck_assert_int_eq((int)dispatch(METHOD_GET, unknown_paths[_i]), FAULT_ROUTE_NOT_FOUND);
    ck_assert_int_eq((int)dispatch(METHOD_POST, unknown_paths[_i]), FAULT_ROUTE_NOT_FOUND);
    ck_assert_ptr_null(called);
    ck_assert_ptr_null(request->route);
}
END_TEST

START_TEST(a_nul_in_a_path_is_not_its_end)
{
    tear_down();
    request = request_fixture_new(METHOD_GET, "");
    request->path = TEXT("/things\0");
    ck_assert_int_eq((int)router_dispatch(&router, request), FAULT_ROUTE_NOT_FOUND);
    request->path = TEXT("/things/1\0");
    ck_assert_int_eq((int)router_dispatch(&router, request), FAULT_ROUTE_NOT_FOUND);
}
END_TEST

static const struct {
    enum method method;
    const char *path;
    const char *allow;
} refused[] = {
    {METHOD_DELETE, "/things", "GET, HEAD, POST, OPTIONS"},
    {METHOD_PUT, "/things", "GET, HEAD, POST, OPTIONS"},
    {METHOD_POST, "/things/1", "GET, HEAD, OPTIONS"},
    {METHOD_GET, "/things/1/part", "DELETE, OPTIONS"},
    {METHOD_HEAD, "/other", "POST, OPTIONS"},
    {METHOD_PATCH, "/", "GET, HEAD, OPTIONS"},
};

START_TEST(a_method_that_a_resource_lacks_is_refused_with_those_it_has)
{
    ck_assert_int_eq((int)dispatch(refused[_i].method, refused[_i].path), FAULT_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(request->response.allow, refused[_i].allow);
    ck_assert_ptr_null(called);
}
END_TEST

START_TEST(options_lists_the_methods_of_a_resource)
{
    ck_assert_int_eq((int)dispatch(METHOD_OPTIONS, "/things"), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 204);
    ck_assert_str_eq(request->response.allow, "GET, HEAD, POST, OPTIONS");
    ck_assert_ptr_null(called);
    ck_assert_int_eq((int)dispatch(METHOD_OPTIONS, "/nothing"), FAULT_ROUTE_NOT_FOUND);
}
END_TEST

START_TEST(options_of_an_asterisk_lists_all_methods)
{
    ck_assert_int_eq((int)dispatch(METHOD_OPTIONS, "*"), FAULT_NONE);
    ck_assert_uint_eq(request->response.status, 204);
    ck_assert_str_eq(request->response.allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}
END_TEST

START_TEST(head_runs_get)
{
    ck_assert_int_eq((int)dispatch(METHOD_HEAD, "/things"), FAULT_NONE);
    ck_assert_str_eq(called, "list");
    ck_assert_int_eq((int)request->method, METHOD_HEAD);
}
END_TEST

static enum fault dispatch_body(enum method method, const char *path)
{
    tear_down();
    request = request_fixture_new(method, path);
    request->body = TEXT("x");
    return router_dispatch(&router, request);
}

START_TEST(a_body_is_refused_where_none_is_meant)
{
    ck_assert_int_eq((int)dispatch_body(METHOD_POST, "/things"), FAULT_NONE);
    ck_assert_str_eq(called, "add");
    ck_assert_int_eq((int)dispatch_body(METHOD_GET, "/things"), FAULT_BODY_UNEXPECTED);
    ck_assert_int_eq((int)dispatch_body(METHOD_HEAD, "/things"), FAULT_BODY_UNEXPECTED);
    ck_assert_int_eq((int)dispatch_body(METHOD_OPTIONS, "/things"), FAULT_BODY_UNEXPECTED);
    ck_assert_int_eq((int)dispatch_body(METHOD_OPTIONS, "*"), FAULT_BODY_UNEXPECTED);
    ck_assert_int_eq((int)dispatch_body(METHOD_DELETE, "/things/1/part"), FAULT_BODY_UNEXPECTED);
    ck_assert_ptr_null(called);
}
END_TEST

START_TEST(path_and_method_are_judged_before_the_body)
{
    ck_assert_int_eq((int)dispatch_body(METHOD_GET, "/nothing"), FAULT_ROUTE_NOT_FOUND);
    ck_assert_int_eq((int)dispatch_body(METHOD_DELETE, "/things"), FAULT_METHOD_NOT_ALLOWED);
}
END_TEST

START_TEST(a_full_arena_is_a_fault)
{
    static const enum method methods[] = {METHOD_OPTIONS, METHOD_DELETE};
    for (size_t i = 0; i < 2; i++) {
        tear_down();
        request = request_fixture_new(methods[i], "/things");
        request_fixture_exhaust(request);
        ck_assert_int_eq((int)router_dispatch(&router, request), FAULT_MEMORY);
    }
}
END_TEST

START_TEST(a_router_without_tables_finds_nothing)
{
    static const struct router empty = {NULL, 0};
    tear_down();
    request = request_fixture_new(METHOD_GET, "/things");
    ck_assert_int_eq((int)router_dispatch(&empty, request), FAULT_ROUTE_NOT_FOUND);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("http/router");
    TCase *tests = tcase_create("dispatch");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, a_path_finds_its_handler);
    tcase_add_test(tests, a_handler_gets_the_services_of_its_table);
    tcase_add_test(tests, the_fault_of_a_handler_is_passed_on);
    tcase_add_loop_test(tests, an_id_is_a_64_bit_number_from_1, 0, COUNT_OF(ids));
    tcase_add_loop_test(tests, any_other_path_is_not_found, 0, COUNT_OF(unknown_paths));
    tcase_add_test(tests, a_nul_in_a_path_is_not_its_end);
    tcase_add_loop_test(tests, a_method_that_a_resource_lacks_is_refused_with_those_it_has, 0,
                        COUNT_OF(refused));
    tcase_add_test(tests, options_lists_the_methods_of_a_resource);
    tcase_add_test(tests, options_of_an_asterisk_lists_all_methods);
    tcase_add_test(tests, head_runs_get);
    tcase_add_test(tests, a_body_is_refused_where_none_is_meant);
    tcase_add_test(tests, path_and_method_are_judged_before_the_body);
    tcase_add_test(tests, a_full_arena_is_a_fault);
    tcase_add_test(tests, a_router_without_tables_finds_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}
