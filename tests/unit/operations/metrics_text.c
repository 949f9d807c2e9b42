#include "operations/metrics_text.h"

#include "operations/metrics_fixture.h"
#include "suite.h"

#include <stdio.h>

static struct metrics_fixture fixture;
static struct metrics_text *text;
static char *written;

static void set_up(void)
{
    metrics_fixture_init(&fixture);
    text = &fixture.text;
    written = NULL;
}

static void tear_down(void)
{
    free(written);
}

static void assert_written(const char *expected)
{
    written = metrics_fixture_take(&fixture);
    ck_assert_str_eq(written, expected);
}

START_TEST(a_family_says_once_what_its_samples_are)
{
    metrics_text_family(text, "apples_total", "counter", "Apples eaten.");
    metrics_text_integer(text, METRIC_LABELS({"kind", "red"}), 3);
    metrics_text_integer(text, METRIC_LABELS({"kind", "green"}, {"size", "small"}), 0);
    metrics_text_family(text, "load", "gauge", "Load of the machine.");
    metrics_text_number(text, METRIC_NO_LABELS, 0.25);
    assert_written("# HELP apples_total Apples eaten.\n"
                   "# TYPE apples_total counter\n"
                   "apples_total{kind=\"red\"} 3\n"
                   "apples_total{kind=\"green\",size=\"small\"} 0\n"
                   "# HELP load Load of the machine.\n"
                   "# TYPE load gauge\n"
                   "load 0.25\n");
}
END_TEST

START_TEST(label_values_are_escaped)
{
    metrics_text_family(text, "g", "gauge", "G.");
    metrics_text_integer(text, METRIC_LABELS({"a", "\\"}, {"b", "\""}, {"c", "\n"}, {"d", ""}), 1);
    metrics_text_integer(text, METRIC_LABELS({"a", "x\\n\"y\"\nz\\"}), 2);
    metrics_text_integer(text, METRIC_LABELS({"a", "\xC3\xA4\t{}=,"}), 3);
    assert_written("# HELP g G.\n# TYPE g gauge\n"
                   "g{a=\"\\\\\",b=\"\\\"\",c=\"\\n\",d=\"\"} 1\n"
                   "g{a=\"x\\\\n\\\"y\\\"\\nz\\\\\"} 2\n"
                   "g{a=\"\xC3\xA4\t{}=,\"} 3\n");
}
END_TEST

START_TEST(counters_have_64_bits)
{
    metrics_text_family(text, "c_total", "counter", "C.");
    metrics_text_integer(text, METRIC_NO_LABELS, INT64_MAX);
    metrics_text_integer(text, METRIC_NO_LABELS, (uint64_t)INT64_MAX + 1);
    metrics_text_integer(text, METRIC_NO_LABELS, UINT64_MAX);
    assert_written("# HELP c_total C.\n# TYPE c_total counter\n"
                   "c_total 9223372036854775807\n"
                   "c_total 9223372036854775808\n"
                   "c_total 18446744073709551615\n");
}
END_TEST

START_TEST(a_histogram_is_cumulative_and_in_seconds)
{
    struct histogram_counts counts = {.counts = {[0] = 1, [1] = 2, [4] = 1, [21] = 1, [22] = 5},
                                      .sum_us = 71500001};
    metrics_text_family(text, "h_seconds", "histogram", "H.");
    metrics_text_histogram(text, METRIC_LABELS({"route", "/a"}), &counts);
    assert_written("# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
                   "h_seconds_bucket{route=\"/a\",le=\"1e-06\"} 1\n"
                   "h_seconds_bucket{route=\"/a\",le=\"2.5e-06\"} 3\n"
                   "h_seconds_bucket{route=\"/a\",le=\"5e-06\"} 3\n"
                   "h_seconds_bucket{route=\"/a\",le=\"1e-05\"} 3\n"
                   "h_seconds_bucket{route=\"/a\",le=\"2.5e-05\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"5e-05\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.0001\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.00025\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.0005\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.001\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.0025\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.005\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.01\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.025\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.05\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.1\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.25\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"0.5\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"1.0\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"2.5\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"5.0\"} 4\n"
                   "h_seconds_bucket{route=\"/a\",le=\"10.0\"} 5\n"
                   "h_seconds_bucket{route=\"/a\",le=\"+Inf\"} 10\n"
                   "h_seconds_sum{route=\"/a\"} 71.500001\n"
                   "h_seconds_count{route=\"/a\"} 10\n");
}
END_TEST

START_TEST(the_bounds_are_those_of_the_histogram)
{
    struct histogram_counts counts = {.sum_us = 0};
    metrics_text_family(text, "h", "histogram", "H.");
    metrics_text_histogram(text, METRIC_NO_LABELS, &counts);
    written = metrics_fixture_take(&fixture);
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        char sample[64], bound[32];
        (void)snprintf(bound, sizeof(bound), "%g", (double)histogram_bounds_ns[i] / 1e9);
        bool is_whole = strspn(bound, "0123456789") == strlen(bound);
        (void)snprintf(sample, sizeof(sample), "h_bucket{le=\"%s%s\"}", bound, is_whole ? ".0" : "");
        ck_assert_double_eq(metrics_fixture_value(written, sample), 0);
    }
    ck_assert_uint_eq(metrics_fixture_lines(written, "h_bucket{"), HISTOGRAM_BUCKETS);
    ck_assert_double_eq(metrics_fixture_value(written, "h_sum"), 0);
    ck_assert_double_eq(metrics_fixture_value(written, "h_count"), 0);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("operations/metrics_text");
    TCase *tests = tcase_create("text");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_family_says_once_what_its_samples_are);
    tcase_add_test(tests, label_values_are_escaped);
    tcase_add_test(tests, counters_have_64_bits);
    tcase_add_test(tests, a_histogram_is_cumulative_and_in_seconds);
    tcase_add_test(tests, the_bounds_are_those_of_the_histogram);
    suite_add_tcase(suite, tests);
    return suite;
}
