#include "operations/request_metrics.h"

#include "operations/metrics_fixture.h"
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define DURATION    "http_server_request_duration_seconds"
#define WORKERS     3
#define ROUTES_MANY (REQUEST_METRICS_ROUTES_MAX + 1)

static const struct route users = {.path = "/users"}, user = {.path = "/users/{id}"};
static struct request_metrics *workers[WORKERS];
static const struct request_metrics_group group = {workers, WORKERS};
static char *text;

static void set_up(void)
{
    for (size_t i = 0; i < WORKERS; i++)
        ck_assert_int_eq((int)request_metrics_new(&workers[i]), FAULT_NONE);
    text = NULL;
}

static void tear_down(void)
{
    for (size_t i = 0; i < WORKERS; i++)
        request_metrics_free(workers[i]);
    free(text);
}

static void record(size_t worker, struct request request)
{
    request_metrics_record(workers[worker], &request);
}

static void record_as(enum method method, const struct route *route, unsigned status)
{
    struct request request = request_of(route, 1000);
    request.method = method;
    request.response.status = status;
    record(0, request);
}

/* The text of the first count workers, until the next call. */
static const char *write_text(size_t count)
{
    struct metrics_fixture fixture;
    metrics_fixture_init(&fixture);
    request_metrics_write((struct request_metrics_group){workers, count}, &fixture.text);
    free(text);
    text = metrics_fixture_take(&fixture);
    return text;
}

static double value_of(const char *sample)
{
    return metrics_fixture_value(write_text(WORKERS), sample);
}

START_TEST(without_requests_histograms_have_no_samples_and_counters_are_zero)
{
    const char *counters = strstr(write_text(WORKERS), "# HELP splits_requests_failed_total");
    ck_assert_ptr_nonnull(counters);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_requests_failed_total{http_route=\"\"}"), 0);
    ck_assert_uint_eq(metrics_fixture_lines(counters, "splits_problems_total{"), FAULT_COUNT - 1);
    for (enum fault fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        char sample[128];
        (void)snprintf(sample, sizeof(sample), "splits_problems_total{code=\"%s\"}", fault_code(fault));
        ck_assert_double_eq(metrics_fixture_value(text, sample), 0);
    }
    ck_assert_double_eq(metrics_fixture_value(text, "splits_outcomes_unknown_total"), 0);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_metrics_dropped_total"), 0);
    text[counters - text] = '\0';
    ck_assert_str_eq(
        text, "# HELP http_server_request_duration_seconds From a request's first byte to the last one "
              "of its answer.\n"
              "# TYPE http_server_request_duration_seconds histogram\n"
              "# HELP splits_request_phase_seconds Where a request's time went; its phases sum to its "
              "duration.\n"
              "# TYPE splits_request_phase_seconds histogram\n"
              "# HELP splits_request_overhead_seconds A request's duration without the database and the "
              "queue before it.\n"
              "# TYPE splits_request_overhead_seconds histogram\n");
}
END_TEST

START_TEST(a_request_goes_to_its_duration_its_phases_and_its_overhead)
{
    static const uint64_t spent_ns[PHASE_COUNT] = {1000, 2000, 30000, 400000, 5000, 60000, 7000};
    record(0, ended_request(&user, spent_ns));
    write_text(WORKERS);
#define SERIES "{http_request_method=\"GET\",http_route=\"/users/{id}\",http_response_status_code=\"200\""
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_bucket" SERIES ",le=\"0.0005\"}"), 0);
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_bucket" SERIES ",le=\"0.001\"}"), 1);
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_sum" SERIES "}"), 0.000505);
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_count" SERIES "}"), 1);
#undef SERIES
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        char sample[128];
        (void)snprintf(sample, sizeof(sample),
                       "splits_request_phase_seconds_sum{http_route=\"/users/{id}\",phase=\"%s\"}",
                       phase_name(phase));
        ck_assert_double_eq(metrics_fixture_value(text, sample), (double)spent_ns[phase] / 1e9);
    }
    ck_assert_double_eq(value_of("splits_request_overhead_seconds_sum{http_route=\"/users/{id}\"}"),
                        0.000075);
    ck_assert_double_eq(value_of("splits_request_overhead_seconds_count{http_route=\"/users/{id}\"}"), 1);
}
END_TEST

START_TEST(phases_sum_to_the_duration)
{
    uint64_t seed = 1;
    for (size_t i = 0; i < 1000; i++) {
        uint64_t spent_ns[PHASE_COUNT];
        for (size_t phase = 0; phase < PHASE_COUNT; phase++) {
            seed = seed * UINT64_C(6364136223846793005) + 1;
            spent_ns[phase] = seed >> 44;
        }
        record(i % WORKERS, ended_request(&users, spent_ns));
    }
    write_text(WORKERS);
    double sum = 0;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        char sample[128];
        (void)snprintf(sample, sizeof(sample),
                       "splits_request_phase_seconds_sum{http_route=\"/users\",phase=\"%s\"}",
                       phase_name(phase));
        sum += metrics_fixture_value(text, sample);
    }
    /* Each sum may lack up to a microsecond per worker. */
    ck_assert_double_eq_tol(sum,
                            metrics_fixture_value(text,
                                                  DURATION "_sum{http_request_method=\"GET\",http_route="
                                                           "\"/users\",http_response_status_code=\"200\"}"),
                            WORKERS * PHASE_COUNT * 1e-6);
}
END_TEST

START_TEST(workers_are_summed)
{
    record(0, request_of(&users, 3 * NS_PER_MS));
    record(1, request_of(&user, NS_PER_S));
    record(1, request_of(&users, 4 * NS_PER_MS));
    record(2, request_of(&users, 20 * NS_PER_S));
    write_text(WORKERS);
#define SERIES "{http_request_method=\"GET\",http_route=\"/users\",http_response_status_code=\"200\""
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_bucket" SERIES ",le=\"0.0025\"}"), 0);
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_bucket" SERIES ",le=\"0.005\"}"), 2);
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_bucket" SERIES ",le=\"10.0\"}"), 2);
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_bucket" SERIES ",le=\"+Inf\"}"), 3);
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_count" SERIES "}"), 3);
    ck_assert_double_eq(metrics_fixture_value(text, DURATION "_sum" SERIES "}"), 20.007);
#undef SERIES
    ck_assert_double_eq(value_of("splits_request_overhead_seconds_count{http_route=\"/users\"}"), 3);
    ck_assert_double_eq(value_of("splits_request_overhead_seconds_count{http_route=\"/users/{id}\"}"), 1);
    ck_assert_uint_eq(request_metrics_count(workers[0]), 1);
    ck_assert_uint_eq(request_metrics_count(workers[1]), 2);
    ck_assert_uint_eq(metrics_fixture_lines(write_text(1), DURATION "_count"), 1);
}
END_TEST

START_TEST(methods_and_statuses_are_told_apart)
{
    record_as(METHOD_GET, &user, 200);
    record_as(METHOD_GET, &user, 404);
    record_as(METHOD_DELETE, &user, 404);
    record_as(METHOD_GET, &user, 200);
    write_text(WORKERS);
    ck_assert_uint_eq(metrics_fixture_lines(text, DURATION "_count"), 3);
#define COUNT(method, status)                                                                                \
    metrics_fixture_value(text, DURATION "_count{http_request_method=\"" method                              \
                                         "\",http_route=\"/users/{id}\",http_response_status_code=\"" status \
                                         "\"}")
    ck_assert_double_eq(COUNT("GET", "200"), 2);
    ck_assert_double_eq(COUNT("GET", "404"), 1);
    ck_assert_double_eq(COUNT("DELETE", "404"), 1);
#undef COUNT
    ck_assert_double_eq(
        value_of("splits_request_phase_seconds_count{http_route=\"/users/{id}\",phase=\"db\"}"), 4);
}
END_TEST

START_TEST(a_client_that_left_is_counted_as_499)
{
    record_as(METHOD_POST, &users, 0);
    ck_assert_double_eq(value_of(DURATION "_count{http_request_method=\"POST\",http_route=\"/users\","
                                          "http_response_status_code=\"499\"}"),
                        1);
}
END_TEST

START_TEST(failures_are_counted_by_their_route_which_is_at_zero_before)
{
    record_as(METHOD_GET, &users, 200);
    ck_assert_double_eq(value_of("splits_requests_failed_total{http_route=\"/users\"}"), 0);
    ck_assert_uint_eq(metrics_fixture_lines(text, "splits_requests_failed_total{"), 2);
    for (unsigned status = 499; status <= 506; status++)
        record_as(METHOD_POST, &users, status);
    record_as(METHOD_GET, &users, 503);
    record_as(METHOD_COUNT, NULL, 503);
    ck_assert_double_eq(value_of("splits_requests_failed_total{http_route=\"/users\"}"), 6);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_requests_failed_total{http_route=\"\"}"), 1);
    ck_assert_uint_eq(metrics_fixture_lines(text, "splits_requests_failed_total{"), 2);
}
END_TEST

START_TEST(problems_are_counted_by_their_code)
{
    struct request request = request_of(&users, 1000);
    request.response.fault = FAULT_OVERLOADED;
    record(0, request);
    record(2, request);
    request.response.fault = FAULT_REQUEST_TIMEOUT;
    record(0, request);
    request.response.is_outcome_unknown = true;
    record(1, request);
    record_as(METHOD_GET, &users, 200);
    write_text(WORKERS);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_problems_total{code=\"overloaded\"}"), 2);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_problems_total{code=\"request_timeout\"}"), 2);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_problems_total{code=\"internal\"}"), 0);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_outcomes_unknown_total"), 1);
}
END_TEST

START_TEST(problems_are_counted_also_when_their_route_is_dropped)
{
    for (unsigned i = 0; i <= REQUEST_METRICS_SERIES_MAX; i++) {
        struct request request = request_of(&users, 1000);
        request.response.status = 200 + i;
        request.response.fault = FAULT_INTERNAL;
        record(0, request);
    }
    ck_assert_double_eq(value_of("splits_metrics_dropped_total"), 1);
    ck_assert_double_eq(value_of("splits_problems_total{code=\"internal\"}"), REQUEST_METRICS_SERIES_MAX + 1);
}
END_TEST

START_TEST(what_matches_no_route_is_one_route)
{
    for (unsigned i = 0; i < 1000; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/hostile\"\n%u", i);
        struct request request = request_of(NULL, 1000);
        request.path = text_of(path);
        request.response.status = 404;
        record(i % WORKERS, request);
    }
    write_text(WORKERS);
    ck_assert_uint_eq(metrics_fixture_lines(text, DURATION "_count"), 1);
    ck_assert_uint_eq(metrics_fixture_lines(text, "splits_request_phase_seconds_count"), PHASE_COUNT);
    ck_assert_ptr_null(strstr(text, "hostile"));
    ck_assert_double_eq(value_of(DURATION "_count{http_request_method=\"GET\",http_route=\"\","
                                          "http_response_status_code=\"404\"}"),
                        1000);
}
END_TEST

START_TEST(routes_with_one_path_are_one)
{
    static const struct route same = {.path = "/users"};
    record(0, request_of(&users, 1000));
    record(0, request_of(&same, 1000));
    record(1, request_of(&same, 1000));
    ck_assert_double_eq(value_of("splits_request_overhead_seconds_count{http_route=\"/users\"}"), 3);
    ck_assert_uint_eq(metrics_fixture_lines(text, DURATION "_count"), 1);
}
END_TEST

START_TEST(routes_beyond_the_bound_are_dropped_and_counted)
{
    static struct route routes[ROUTES_MANY];
    static char paths[ROUTES_MANY][8];
    for (size_t i = 0; i < ROUTES_MANY; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "/%zu", i);
        routes[i].path = paths[i];
    }
    for (size_t i = 0; i < REQUEST_METRICS_ROUTES_MAX; i++)
        record(0, request_of(&routes[i], 1000));
    ck_assert_double_eq(value_of("splits_metrics_dropped_total"), 0);
    ck_assert_uint_eq(metrics_fixture_lines(text, DURATION "_count"), REQUEST_METRICS_ROUTES_MAX);
    record(0, request_of(&routes[REQUEST_METRICS_ROUTES_MAX], 1000));
    record(0, request_of(&routes[0], 1000));
    ck_assert_double_eq(value_of("splits_metrics_dropped_total"), 1);
    ck_assert_uint_eq(metrics_fixture_lines(text, DURATION "_count"), REQUEST_METRICS_ROUTES_MAX);
    ck_assert_double_eq(value_of("splits_request_overhead_seconds_count{http_route=\"/0\"}"), 2);
    ck_assert_uint_eq(request_metrics_count(workers[0]), REQUEST_METRICS_ROUTES_MAX + 2);
}
END_TEST

START_TEST(series_beyond_the_bound_are_dropped_and_counted)
{
    for (unsigned i = 0; i < REQUEST_METRICS_SERIES_MAX; i++)
        record_as(METHOD_GET, &users, 200 + i);
    ck_assert_double_eq(value_of("splits_metrics_dropped_total"), 0);
    ck_assert_uint_eq(metrics_fixture_lines(text, DURATION "_count"), REQUEST_METRICS_SERIES_MAX);
    record_as(METHOD_PUT, &users, 200);
    record_as(METHOD_GET, &users, 200);
    ck_assert_double_eq(value_of("splits_metrics_dropped_total"), 1);
    ck_assert_uint_eq(metrics_fixture_lines(text, DURATION "_count"), REQUEST_METRICS_SERIES_MAX);
    ck_assert_double_eq(value_of("splits_request_overhead_seconds_count{http_route=\"/users\"}"),
                        REQUEST_METRICS_SERIES_MAX + 1);
}
END_TEST

struct route_seen {
    const char *route;
    uint64_t requests;
    double mean_ns;
};

struct routes_seen {
    size_t count;
    struct route_seen routes[4];
};

static void see_route(void *argument, const char *route, const struct ledger_profile *profile)
{
    struct routes_seen *seen = argument;
    struct ledger_mean mean;
    ledger_profile_mean(profile, &mean);
    ck_assert_uint_lt(seen->count, 4);
    seen->routes[seen->count++] = (struct route_seen){route, mean.count, mean.total_ns};
}

START_TEST(each_route_has_the_ledgers_of_all_workers)
{
    struct routes_seen seen = {.count = 0};
    record(0, request_of(&users, 1000));
    record(1, request_of(NULL, 5000));
    record(2, request_of(&users, 2000));
    record(2, request_of(&users, 6000));
    request_metrics_each_route(group, see_route, &seen);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert_str_eq(seen.routes[0].route, "/users");
    ck_assert_uint_eq(seen.routes[0].requests, 3);
    ck_assert_double_eq_tol(seen.routes[0].mean_ns, 3000, 0.01);
    ck_assert_str_eq(seen.routes[1].route, "");
    ck_assert_uint_eq(seen.routes[1].requests, 1);
    ck_assert_double_eq_tol(seen.routes[1].mean_ns, 5000, 0.01);
}
END_TEST

START_TEST(the_slowest_are_those_of_all_workers)
{
    struct flight flights[4];
    ck_assert_uint_eq(request_metrics_slowest(group, flights, 4), 0);
    for (uint64_t i = 1; i <= 6; i++)
        record(i % WORKERS, request_of(i % 2 == 0 ? &users : NULL, i * 1000));
    ck_assert_uint_eq(request_metrics_slowest(group, flights, 4), 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(ledger_total_ns(&flights[i].ledger), (6 - i) * 1000);
        ck_assert_str_eq(flights[i].route, i % 2 == 0 ? "/users" : "");
    }
}
END_TEST

START_TEST(nothing_is_freed_without_metrics)
{
    request_metrics_free(NULL);
}
END_TEST

/* ---- a worker and a reader at once ---- */

#define REQUESTS_AT_ONCE 60000

static atomic_bool is_over;

static void *record_many(void *argument)
{
    static struct route routes[8];
    static char paths[8][8];
    for (size_t i = 0; i < 8; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "/%zu", i);
        routes[i].path = paths[i];
    }
    for (unsigned i = 0; i < REQUESTS_AT_ONCE; i++) {
        struct request request = request_of(&routes[i / 1000 % 8], 1 + i % 5000);
        request.response.status = 200 + i / 8000;
        request_metrics_record(argument, &request);
    }
    atomic_store(&is_over, true);
    return NULL;
}

/* The requests in the text, all series together; in each one the last bucket must be the count. */
static double count_requests(void)
{
    double count = 0, last_bucket = -1;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        const char *value = line + strcspn(line, "\n");
        while (value > line && value[-1] != ' ')
            value--;
        if (strncmp(line, DURATION "_bucket", strlen(DURATION "_bucket")) == 0)
            last_bucket = strtod(value, NULL);
        if (strncmp(line, DURATION "_count", strlen(DURATION "_count")) != 0) continue;
        ck_assert_double_eq(strtod(value, NULL), last_bucket);
        count += last_bucket;
    }
    return count;
}

static void count_route(void *argument, const char *route, const struct ledger_profile *profile)
{
    ck_assert_int_eq(route[0], '/');
    *(uint64_t *)argument += ledger_profile_count(profile);
}

START_TEST(a_reader_sees_whole_records_while_the_worker_writes)
{
    pthread_t writer;
    double last = 0, now = 0;
    atomic_store(&is_over, false);
    ck_assert_int_eq(pthread_create(&writer, NULL, record_many, workers[1]), 0);
    while (!atomic_load(&is_over)) {
        struct flight flights[10];
        uint64_t count = 0;
        write_text(WORKERS);
        now = count_requests();
        ck_assert_double_ge(now, last);
        last = now;
        ck_assert_uint_le(request_metrics_slowest(group, flights, 10), 10);
        request_metrics_each_route(group, count_route, &count);
        ck_assert_uint_le(count, request_metrics_count(workers[1]));
    }
    (void)pthread_join(writer, NULL);
    write_text(WORKERS);
    ck_assert_double_eq(count_requests(), REQUESTS_AT_ONCE);
    ck_assert_uint_eq(request_metrics_count(workers[1]), REQUESTS_AT_ONCE);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("operations/request_metrics");
    TCase *tests = tcase_create("metrics");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, without_requests_histograms_have_no_samples_and_counters_are_zero);
    tcase_add_test(tests, a_request_goes_to_its_duration_its_phases_and_its_overhead);
    tcase_add_test(tests, phases_sum_to_the_duration);
    tcase_add_test(tests, workers_are_summed);
    tcase_add_test(tests, methods_and_statuses_are_told_apart);
    tcase_add_test(tests, a_client_that_left_is_counted_as_499);
    tcase_add_test(tests, problems_are_counted_by_their_code);
    tcase_add_test(tests, failures_are_counted_by_their_route_which_is_at_zero_before);
    tcase_add_test(tests, problems_are_counted_also_when_their_route_is_dropped);
    tcase_add_test(tests, what_matches_no_route_is_one_route);
    tcase_add_test(tests, routes_with_one_path_are_one);
    tcase_add_test(tests, routes_beyond_the_bound_are_dropped_and_counted);
    tcase_add_test(tests, series_beyond_the_bound_are_dropped_and_counted);
    tcase_add_test(tests, each_route_has_the_ledgers_of_all_workers);
    tcase_add_test(tests, the_slowest_are_those_of_all_workers);
    tcase_add_test(tests, nothing_is_freed_without_metrics);
    tcase_add_test(tests, a_reader_sees_whole_records_while_the_worker_writes);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return suite;
}
