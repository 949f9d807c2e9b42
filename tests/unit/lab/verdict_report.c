#include "lab/verdict_report.h"

#include "suite.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const struct verdict_machine machine = {
    .loops = 2,
    .cpus = 2,
    .connections = 16,
    .seconds = 10,
    .request_rate = 800,
    .loops_busy = 0.25,
    .cpus_busy = 0.4,
    .connections_busy = 0.75,
    .fixed_loop_ns = 20e3,
    .cpu_per_loop = 0.9,
};

static struct arena arena;
static struct verdict_report report;

static void start_report(void)
{
    static _Alignas(16) char first[64];
    arena_init(&arena, first, sizeof first, 1 << 22);
    verdict_report_init(&report, &arena, &machine);
}

static void release_report(void)
{
    arena_release(&arena);
}

/* Requests of one kind: microseconds of db, of json, of parsing and in the queue, and no others. */
struct kind {
    unsigned count, db_us, json_us, parse_us, queue_us;
};

/* Borrowed until the next call. */
static const struct ledger_profile *profile_of(struct kind kind)
{
    static struct ledger_profile profile;
    struct ledger ledger = {.started_ns = 1,
                            .spent_ns = {[PHASE_DB] = kind.db_us * NS_PER_US,
                                         [PHASE_JSON] = kind.json_us * NS_PER_US,
                                         [PHASE_QUEUE] = kind.queue_us * NS_PER_US,
                                         [PHASE_PARSE] = kind.parse_us * NS_PER_US},
                            .connection_ns = kind.db_us * NS_PER_US};
    ledger.since_ns = 1 + (kind.db_us + kind.json_us + kind.parse_us + kind.queue_us) * NS_PER_US;
    struct ledger_recorder *recorder;
    ck_assert_int_eq(ledger_recorder_new(&recorder), FAULT_NONE);
    for (unsigned i = 0; i < kind.count; i++)
        ledger_recorder_add(recorder, &ledger, NS_PER_S);
    profile = (struct ledger_profile){0};
    ledger_recorder_read(recorder, NS_PER_S, &profile);
    ledger_recorder_free(recorder);
    return &profile;
}

static const struct kind slow_database = {200, 15100, 180, 50, 10};
static const struct kind large_answer = {200, 1200, 1800, 350, 10};

static struct knobs knobs_of(unsigned rows, unsigned delay_ms, enum serializer serializer)
{
    return (struct knobs){.rows = rows, .delay_ms = delay_ms, .serializer = serializer};
}

static void add_experiment(struct knobs knobs, struct kind kind)
{
    verdict_report_add_experiment(&report, &knobs, profile_of(kind));
}

/* Released with json_decref. */
static json_t *write_json(void)
{
    struct text body;
    ck_assert_int_eq(verdict_report_json(&report, &body), FAULT_NONE);
    json_error_t error;
    json_t *json = json_loadb(body.bytes, body.size, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json != NULL, "%s: %.*s", error.text, (int)body.size, body.bytes);
    return json;
}

/* Terminated; borrowed until the next call. */
static const char *write_text(void)
{
    static char text[1 << 20];
    struct text body;
    ck_assert_int_eq(verdict_report_text(&report, &body), FAULT_NONE);
    ck_assert_uint_lt(body.size, sizeof text);
    memcpy(text, body.bytes, body.size);
    text[body.size] = '\0';
    return text;
}

static const char *string_in(const json_t *object, const char *name)
{
    const char *string = json_string_value(json_object_get(object, name));
    ck_assert_msg(string != NULL, "%s", name);
    return string;
}

static double number_in(const json_t *object, const char *name)
{
    const json_t *number = json_object_get(object, name);
    ck_assert_msg(json_is_number(number), "%s", name);
    return json_number_value(number);
}

START_TEST(fifteen_milliseconds_of_database_are_reported_to_hide_the_serializer)
{
    add_experiment(knobs_of(100, 15, SERIALIZER_JANSSON), slow_database);
    json_t *json = write_json();
    const json_t *subject = json_array_get(json_object_get(json, "experiments"), 0);
    ck_assert_str_eq(string_in(subject, "target"), "/lab/users?rows=100&delay_ms=15&serializer=jansson");
    ck_assert(json_is_false(json_object_get(subject, "matters")));
    ck_assert(json_is_false(json_object_get(subject, "is_preliminary")));
    ck_assert_double_eq(number_in(subject, "requests"), 200);
    ck_assert_ptr_nonnull(strstr(string_in(subject, "sentence"), "does not matter here"));
    const json_t *p50 = json_object_get(subject, "p50");
    ck_assert_double_eq_tol(number_in(p50, "json_share"), 180.0 / 15340, 1e-6);
    ck_assert_double_eq_tol(number_in(p50, "database_share"), 15100.0 / 15340, 1e-6);
    ck_assert_double_eq_tol(number_in(p50, "queue_share"), 10.0 / 15340, 1e-6);
    ck_assert_double_eq_tol(number_in(p50, "cpu_share"), 230.0 / 15340, 1e-6);
    ck_assert_double_eq_tol(number_in(p50, "total_ms") - number_in(p50, "free_total_ms"),
                            number_in(json_object_get(p50, "phases_ms"), "json"), 2e-6);
    ck_assert_double_eq(number_in(subject, "json_ms"), 0.18);
    ck_assert_double_eq(number_in(subject, "cpu_ms"), 0.225);
    const json_t *capacity = json_object_get(subject, "capacity");
    ck_assert_str_eq(string_in(capacity, "binding"), "connections");
    ck_assert_double_eq_tol(number_in(capacity, "request_rate"), 16 / 0.0151, 1e-6);
    ck_assert_double_eq_tol(number_in(json_object_get(capacity, "bounds"), "cpus"), 2 / 0.000225, 1e-6);
    ck_assert_double_eq(number_in(json_object_get(capacity, "bounds"), "loops"), 8000);
    ck_assert_double_gt(number_in(subject, "latency_limit_ms"), 17);
    json_decref(json);
}
END_TEST

START_TEST(a_thousand_rows_are_reported_to_show_the_serializer)
{
    add_experiment(knobs_of(1000, 0, SERIALIZER_JANSSON), large_answer);
    json_t *json = write_json();
    const json_t *subject = json_array_get(json_object_get(json, "experiments"), 0);
    ck_assert(json_is_true(json_object_get(subject, "matters")));
    ck_assert_ptr_nonnull(strstr(string_in(subject, "sentence"), "The serializer matters here"));
    ck_assert_str_eq(string_in(json_object_get(subject, "capacity"), "binding"), "loops");
    ck_assert_double_eq_tol(number_in(json_object_get(subject, "capacity_free"), "request_rate"), 2 / 0.00037,
                            1e-6);
    json_decref(json);
    ck_assert_ptr_nonnull(strstr(write_text(), "The serializer matters here"));
}
END_TEST

START_TEST(the_machine_and_what_binds_now_stand_above)
{
    verdict_report_add_route(&report, "/users/{id}", profile_of(large_answer));
    json_t *json = write_json();
    const json_t *binding = json_object_get(json, "binding_now");
    ck_assert_str_eq(string_in(binding, "resource"), "connections");
    ck_assert_double_eq(number_in(binding, "utilization"), 0.75);
    ck_assert_double_eq_tol(number_in(binding, "request_rate"), 800 / 0.75, 1e-6);
    ck_assert_double_eq(number_in(json_object_get(json, "machine"), "fixed_loop_ms"), 0.02);
    ck_assert_double_eq(number_in(json_object_get(json, "machine"), "cpu_per_loop"), 0.9);
    const json_t *route = json_array_get(json_object_get(json, "routes"), 0);
    ck_assert_str_eq(string_in(route, "route"), "/users/{id}");
    json_decref(json);
    const char *line = "Now: 800 requests/s. Busiest: database connections, 75.0 % in use, used up at 1,070 "
                       "requests/s.\n";
    ck_assert_int_eq(strncmp(write_text(), line, strlen(line)), 0);
}
END_TEST

START_TEST(an_unknown_machine_is_reported_as_unknown)
{
    verdict_report_init(&report, &arena, &(struct verdict_machine){.loops = 1});
    verdict_report_add_route(&report, "/users", profile_of(large_answer));
    json_t *json = write_json();
    ck_assert(json_is_null(json_object_get(json, "binding_now")));
    ck_assert(json_is_null(json_object_get(json_object_get(json, "machine"), "fixed_loop_ms")));
    ck_assert(json_is_null(json_object_get(json_object_get(json, "machine"), "cpu_per_loop")));
    const json_t *route = json_array_get(json_object_get(json, "routes"), 0);
    ck_assert(json_is_null(json_object_get(route, "cpu_ms")));
    const json_t *capacity = json_object_get(route, "capacity");
    ck_assert(json_is_null(json_object_get(capacity, "binding")));
    ck_assert(json_is_null(json_object_get(capacity, "request_rate")));
    ck_assert(json_is_null(json_object_get(json_object_get(capacity, "bounds"), "connections")));
    json_decref(json);
    ck_assert_ptr_nonnull(strstr(write_text(), "What binds now is not known"));
}
END_TEST

START_TEST(a_machine_that_is_hardly_busy_has_no_rates)
{
    struct verdict_machine idle = machine;
    idle.loops_busy = 0.021;
    idle.cpus_busy = idle.connections_busy = 0.01;
    idle.request_rate = 15;
    verdict_report_init(&report, &arena, &idle);
    verdict_report_add_route(&report, "/users", profile_of((struct kind){200, 900, 1800, 350, 0}));
    json_t *json = write_json();
    const json_t *binding = json_object_get(json, "binding_now");
    ck_assert_str_eq(string_in(binding, "resource"), "loops");
    ck_assert_double_eq(number_in(binding, "utilization"), 0.021);
    ck_assert(json_is_null(json_object_get(binding, "request_rate")));
    const json_t *route = json_array_get(json_object_get(json, "routes"), 0);
    ck_assert(json_is_true(json_object_get(route, "matters")));
    ck_assert(json_is_null(json_object_get(route, "cpu_ms")));
    const json_t *capacity = json_object_get(route, "capacity"),
                 *bounds = json_object_get(capacity, "bounds");
    ck_assert(json_is_null(json_object_get(capacity, "request_rate")));
    ck_assert(json_is_null(json_object_get(bounds, "cpus")));
    ck_assert(json_is_null(json_object_get(bounds, "loops")));
    ck_assert_double_gt(number_in(bounds, "connections"), 0);
    json_decref(json);
    const char *text = write_text();
    ck_assert_ptr_nonnull(strstr(text, "Now: 15 requests/s; nothing is busy: loops 2.1 %.\n"));
    ck_assert_ptr_nonnull(strstr(text, "shows under load."));
}
END_TEST

START_TEST(a_machine_that_waits_is_at_its_service_and_has_no_limit)
{
    struct verdict_machine blocking = machine;
    add_experiment(knobs_of(1000, 0, SERIALIZER_JANSSON), large_answer);
    ck_assert_ptr_nonnull(strstr(write_text(), "queue 0.3 %, CPU 64.0 %; p99 "));
    ck_assert_ptr_nonnull(strstr(write_text(), "Serialization is below 1 %"));
    blocking.is_blocking = true;
    verdict_report_init(&report, &arena, &blocking);
    add_experiment(knobs_of(1000, 0, SERIALIZER_JANSSON), large_answer);
    json_t *json = write_json();
    const json_t *subject = json_array_get(json_object_get(json, "experiments"), 0);
    ck_assert(json_is_null(json_object_get(subject, "latency_limit_ms")));
    json_decref(json);
    ck_assert_ptr_nonnull(strstr(write_text(), "queue 0.3 %, service 64.0 %; p99 "));
    ck_assert_ptr_null(strstr(write_text(), "Serialization is below"));
}
END_TEST

/* Is there a route so named, in both kinds of report? */
static bool is_reported(const char *route, struct kind kind)
{
    verdict_report_init(&report, &arena, &machine);
    verdict_report_add_route(&report, route, profile_of(kind));
    json_t *json = write_json();
    bool is_there = json_array_size(json_object_get(json, "routes")) > 0;
    json_decref(json);
    ck_assert_int_eq(strncmp(write_text(), "There is nothing to judge yet", 29) != 0, is_there);
    ck_assert_uint_eq(report.left_out, 0);
    return is_there;
}

START_TEST(routes_that_say_nothing_about_serialization_are_left_out)
{
    ck_assert(is_reported("/users", large_answer));
    ck_assert(is_reported("/users", (struct kind){1, 1, 0, 350, 1}));
    ck_assert(is_reported("/users", (struct kind){1, 0, 1, 350, 1}));
    ck_assert(!is_reported("/users", (struct kind){200, 0, 0, 350, 1}));
    ck_assert(!is_reported("", large_answer));
    ck_assert(!is_reported("/lab/users", large_answer));
    ck_assert(!is_reported("/lab/", large_answer));
    ck_assert(is_reported("/lab", large_answer));
    ck_assert(is_reported("/labels", large_answer));
}
END_TEST

START_TEST(json_that_others_make_is_reported_without_a_judgement)
{
    for (unsigned i = 0; i < SERIALIZER_COUNT; i++)
        add_experiment(knobs_of(100, 0, (enum serializer)i), large_answer);
    json_t *json = write_json();
    for (unsigned i = 0; i < SERIALIZER_COUNT; i++) {
        const json_t *subject = json_array_get(json_object_get(json, "experiments"), i);
        bool is_judged = i == SERIALIZER_DIRECT || i == SERIALIZER_JANSSON;
        ck_assert_int_eq(json_is_true(json_object_get(subject, "matters")), is_judged);
        ck_assert_int_eq(json_is_null(json_object_get(subject, "matters")), !is_judged);
        ck_assert_int_eq(json_is_null(json_object_get(subject, "latency_limit_ms")), !is_judged);
    }
    json_decref(json);
}
END_TEST

/* How many lines of text begin so. */
static unsigned count_lines(const char *text, const char *beginning)
{
    unsigned count = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        count += strncmp(line, beginning, strlen(beginning)) == 0;
    }
    return count;
}

START_TEST(the_text_ends_with_what_mattering_means)
{
    const char *end =
        "\n\nIt matters when free serialization takes 5 % or more off the median or adds as much "
        "to the capacity.\n";
    verdict_report_add_route(&report, "/users", profile_of(large_answer));
    const char *text = write_text();
    ck_assert_uint_gt(strlen(text), strlen(end));
    ck_assert_str_eq(text + strlen(text) - strlen(end), end);
    ck_assert_uint_eq(count_lines(text, "It matters"), 1);
}
END_TEST

START_TEST(a_comparison_follows_the_last_of_its_experiments)
{
    add_experiment(knobs_of(10, 0, SERIALIZER_DIRECT), large_answer);
    add_experiment(knobs_of(1000, 0, SERIALIZER_DIRECT), (struct kind){40, 1200, 50, 350, 0});
    add_experiment(knobs_of(1000, 0, SERIALIZER_POSTGRES), large_answer);
    add_experiment(knobs_of(1000, 1, SERIALIZER_DIRECT), large_answer);
    const char *text = write_text();
    const char *last = strstr(text, "/lab/users?rows=1000&delay_ms=0&serializer=postgres (200 requests)\n");
    const char *medians = strstr(text, "\n\nMeasured medians: direct 1.");
    const char *next = strstr(text, "/lab/users?rows=1000&delay_ms=1&serializer=direct (200 requests)\n");
    ck_assert(last && medians && next);
    ck_assert(last < medians && medians < next);
    ck_assert_uint_eq(count_lines(text, "Measured medians"), 1);
    ck_assert_uint_eq(count_lines(text, "/lab/users"), 4);
}
END_TEST

START_TEST(nonsense_in_numbers_stays_json)
{
    struct verdict_machine broken = machine;
    broken.request_rate = 1.0 / 0.0;
    broken.loops_busy = 0.0 / 0.0;
    verdict_report_init(&report, &arena, &broken);
    verdict_report_add_route(&report, "/users\"\\\n{id}", profile_of(large_answer));
    json_t *json = write_json();
    ck_assert_double_eq(number_in(json_object_get(json, "machine"), "loops_busy"), 0);
    json_decref(json);
    (void)write_text();
}
END_TEST

START_TEST(nothing_measured_asks_for_a_request)
{
    verdict_report_add_route(&report, "/users", profile_of((struct kind){0}));
    ck_assert_str_eq(write_text(), "There is nothing to judge yet: ask for "
                                   "/lab/users?rows=100&delay_ms=15&serializer=jansson a few\ntimes.\n");
    json_t *json = write_json();
    ck_assert_ptr_nonnull(strstr(string_in(json, "sentence"), "There is nothing to judge yet"));
    ck_assert_uint_eq(json_array_size(json_object_get(json, "routes")), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "experiments")), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "comparisons")), 0);
    json_decref(json);
}
END_TEST

START_TEST(a_single_request_is_preliminary)
{
    struct kind once = large_answer;
    once.count = 1;
    verdict_report_add_route(&report, "/users", profile_of(once));
    json_t *json = write_json();
    const json_t *route = json_array_get(json_object_get(json, "routes"), 0);
    ck_assert(json_is_true(json_object_get(route, "is_preliminary")));
    ck_assert_double_eq(number_in(route, "requests"), 1);
    json_decref(json);
    ck_assert_ptr_nonnull(strstr(write_text(), "/users (1 request)\n"));
}
END_TEST

START_TEST(experiments_that_differ_in_the_serializer_are_compared)
{
    add_experiment(knobs_of(1000, 0, SERIALIZER_NONE), (struct kind){30, 1200, 1, 350, 0});
    add_experiment(knobs_of(1000, 0, SERIALIZER_JANSSON), large_answer);
    add_experiment(knobs_of(1000, 0, SERIALIZER_DIRECT), (struct kind){40, 1200, 50, 350, 0});
    add_experiment(knobs_of(1000, 1, SERIALIZER_DIRECT), (struct kind){40, 2200, 50, 350, 0});
    verdict_report_add_route(&report, "/users", profile_of(large_answer));
    json_t *json = write_json();
    ck_assert_uint_eq(json_array_size(json_object_get(json, "comparisons")), 1);
    const json_t *comparison = json_array_get(json_object_get(json, "comparisons"), 0);
    ck_assert_str_eq(string_in(comparison, "baseline"), "/lab/users?rows=1000&delay_ms=0&serializer=direct");
    const json_t *compared = json_object_get(comparison, "serializers");
    ck_assert_uint_eq(json_array_size(compared), 3);
    const json_t *direct = json_array_get(compared, 0), *jansson = json_array_get(compared, 1);
    ck_assert_str_eq(string_in(direct, "serializer"), "direct");
    ck_assert_double_eq(number_in(direct, "change"), 0);
    ck_assert_str_eq(string_in(jansson, "serializer"), "jansson");
    ck_assert_double_eq_tol(number_in(jansson, "change"),
                            number_in(jansson, "p50_ms") / number_in(direct, "p50_ms") - 1, 1e-5);
    ck_assert_double_gt(number_in(jansson, "change"), 0.5);
    ck_assert_str_eq(string_in(json_array_get(compared, 2), "serializer"), "none");
    json_decref(json);
    const char *text = write_text();
    ck_assert_ptr_nonnull(strstr(text, "Measured medians: direct "));
    ck_assert_ptr_eq(strstr(text, "Measured"), strstr(text, "Measured medians: direct "));
}
END_TEST

START_TEST(a_lone_serializer_is_compared_with_nothing)
{
    add_experiment(knobs_of(1000, 0, SERIALIZER_JANSSON), large_answer);
    add_experiment(knobs_of(999, 0, SERIALIZER_DIRECT), large_answer);
    json_t *json = write_json();
    ck_assert_uint_eq(json_array_size(json_object_get(json, "comparisons")), 0);
    json_decref(json);
}
END_TEST

START_TEST(subjects_beyond_the_limit_are_counted_only)
{
    for (unsigned i = 0; i < VERDICT_REPORT_SUBJECTS_MAX; i++)
        add_experiment(knobs_of(1 + i, 0, SERIALIZER_DIRECT), (struct kind){1, 100, 1, 1, 0});
    ck_assert_uint_eq(report.left_out, 0);
    ck_assert_ptr_null(strstr(write_text(), "left out"));
    add_experiment(knobs_of(1000, 0, SERIALIZER_DIRECT), (struct kind){1, 100, 1, 1, 0});
    verdict_report_add_route(&report, "/users", profile_of((struct kind){0}));
    json_t *json = write_json();
    ck_assert_uint_eq(json_array_size(json_object_get(json, "experiments")), VERDICT_REPORT_SUBJECTS_MAX);
    ck_assert_double_eq(number_in(json, "left_out"), 1);
    json_decref(json);
    ck_assert_ptr_nonnull(strstr(write_text(), "left out: 1.\n"));
}
END_TEST

START_TEST(lines_for_people_fit_a_terminal)
{
    struct knobs widest = knobs_of(1000, 1000, SERIALIZER_POSTGRES);
    widest.spin_us = 100000;
    struct kind kind = {3, 1000000, 100000, 5000, 0};
    add_experiment(widest, kind);
    widest.serializer = SERIALIZER_JANSSON;
    add_experiment(widest, kind);
    size_t column = 0;
    for (const char *at = write_text(); *at != '\0'; at++) {
        column = *at == '\n' ? 0 : column + ((*at & 0xC0) != 0x80);
        ck_assert_uint_le(column, 110);
    }
}
END_TEST

START_TEST(memory_that_is_short_is_a_fault_at_the_end)
{
    struct text body = TEXT("as before");
    for (unsigned i = 0; i < 100; i++)
        add_experiment(knobs_of(1 + i, 15, SERIALIZER_JANSSON), slow_database);
    arena.heap_size_max = arena.heap_size;
    ck_assert_int_eq(verdict_report_json(&report, &body), FAULT_MEMORY);
    ck_assert(text_equal(body, TEXT("as before")));
    ck_assert_int_eq(verdict_report_text(&report, &body), FAULT_MEMORY);
    ck_assert(text_equal(body, TEXT("as before")));
}
END_TEST

START_TEST(a_subject_without_memory_is_a_fault_at_the_end)
{
    arena.heap_size_max = 0;
    add_experiment(knobs_of(100, 15, SERIALIZER_JANSSON), slow_database);
    arena.heap_size_max = 1 << 20;
    struct text body;
    ck_assert_int_eq(verdict_report_json(&report, &body), FAULT_MEMORY);
    ck_assert_int_eq(verdict_report_text(&report, &body), FAULT_MEMORY);
}
END_TEST

static TCase *make_report_case(void)
{
    TCase *reports = tcase_create("report");
    tcase_add_checked_fixture(reports, start_report, release_report);
    tcase_add_test(reports, fifteen_milliseconds_of_database_are_reported_to_hide_the_serializer);
    tcase_add_test(reports, a_thousand_rows_are_reported_to_show_the_serializer);
    tcase_add_test(reports, the_machine_and_what_binds_now_stand_above);
    tcase_add_test(reports, an_unknown_machine_is_reported_as_unknown);
    tcase_add_test(reports, a_machine_that_is_hardly_busy_has_no_rates);
    tcase_add_test(reports, a_machine_that_waits_is_at_its_service_and_has_no_limit);
    tcase_add_test(reports, routes_that_say_nothing_about_serialization_are_left_out);
    tcase_add_test(reports, json_that_others_make_is_reported_without_a_judgement);
    tcase_add_test(reports, the_text_ends_with_what_mattering_means);
    tcase_add_test(reports, a_comparison_follows_the_last_of_its_experiments);
    tcase_add_test(reports, nonsense_in_numbers_stays_json);
    tcase_add_test(reports, nothing_measured_asks_for_a_request);
    tcase_add_test(reports, a_single_request_is_preliminary);
    tcase_add_test(reports, experiments_that_differ_in_the_serializer_are_compared);
    tcase_add_test(reports, a_lone_serializer_is_compared_with_nothing);
    tcase_add_test(reports, subjects_beyond_the_limit_are_counted_only);
    tcase_add_test(reports, lines_for_people_fit_a_terminal);
    tcase_add_test(reports, memory_that_is_short_is_a_fault_at_the_end);
    tcase_add_test(reports, a_subject_without_memory_is_a_fault_at_the_end);
    return reports;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/verdict_report");
    suite_add_tcase(suite, make_report_case());
    return suite;
}
