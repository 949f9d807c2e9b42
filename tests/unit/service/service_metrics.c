#include "service/service_metrics.h"

#include "base/clock.h"
#include "operations/metrics_fixture.h"
#include "service/observation.h"
#include "suite.h"

#define WORKERS 3
#define POOL    "{db_client_connection_pool_name=\"splits\"}"

static struct observation observation;
static struct postgres_statistics databases[WORKERS];
static char *text;

static void set_up(void)
{
    ck_assert_int_eq((int)observation_init(&observation, WORKERS, false), FAULT_NONE);
    for (unsigned i = 0; i < WORKERS; i++) {
        databases[i] = (struct postgres_statistics){.connections_max = 4, .pending_max = 100};
        observation.workers[i].database = &databases[i];
    }
    text = NULL;
}

static void tear_down(void)
{
    observation_release(&observation);
    free(text);
}

/* As a worker does when it has started. */
static void start(unsigned worker, unsigned connections_max)
{
    atomic_store(&observation.workers[worker].connections_max, connections_max);
    atomic_store(&observation.workers[worker].readiness, FAULT_NONE);
    atomic_store(&observation.workers[worker].is_running, true);
}

static void stop_serving(unsigned worker, enum fault fault)
{
    atomic_store(&observation.workers[worker].readiness, (int)fault);
}

/* The value of a sample now. */
static double value_of(const char *sample)
{
    struct metrics_fixture fixture;
    metrics_fixture_init(&fixture);
    service_metrics_write(&observation, &fixture.text);
    free(text);
    text = metrics_fixture_take(&fixture);
    return metrics_fixture_value(text, sample);
}

#define UNREADY(code) value_of("splits_unready_workers{code=\"" code "\"}")

START_TEST(it_is_ready_when_all_workers_are)
{
    ck_assert_double_eq(value_of("splits_ready"), 0);
    start(0, 1);
    start(1, 1);
    ck_assert_double_eq(value_of("splits_ready"), 0);
    ck_assert_double_eq(UNREADY("database_unavailable"), 1);
    start(2, 1);
    ck_assert_double_eq(value_of("splits_ready"), 1);
    ck_assert_double_eq(UNREADY("database_unavailable"), 0);
}
END_TEST

START_TEST(workers_that_are_not_ready_are_counted_by_the_reason)
{
    for (unsigned i = 0; i < WORKERS; i++)
        start(i, 1);
    stop_serving(0, FAULT_SCHEMA_BEHIND);
    stop_serving(1, FAULT_DRAINING);
    stop_serving(2, FAULT_DRAINING);
    ck_assert_double_eq(UNREADY("schema_behind"), 1);
    ck_assert_double_eq(UNREADY("draining"), 2);
    ck_assert_double_eq(UNREADY("schema_unknown"), 0);
    ck_assert_double_eq(UNREADY("database_unavailable"), 0);
    ck_assert_uint_eq(metrics_fixture_lines(text, "splits_unready_workers{"), 4);
}
END_TEST

START_TEST(bounds_stand_beside_what_they_bound)
{
    start(0, 34);
    start(1, 33);
    ck_assert_double_eq(value_of("splits_worker_connections_max{worker=\"0\"}"), 34);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_worker_connections_max{worker=\"1\"}"), 33);
    ck_assert_double_eq(metrics_fixture_value(text, "db_client_connection_max" POOL), 8);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_db_pending_requests_max" POOL), 200);
}
END_TEST

START_TEST(connections_to_the_database_are_told_apart_by_state)
{
    start(0, 1);
    start(2, 1);
    atomic_store(&databases[0].idle, 3);
    atomic_store(&databases[2].used, 2);
    atomic_store(&databases[2].pending, 5);
#define STATE(name) "{db_client_connection_pool_name=\"splits\",db_client_connection_state=\"" name "\"}"
    ck_assert_double_eq(value_of("db_client_connection_open" STATE("idle")), 3);
    ck_assert_double_eq(metrics_fixture_value(text, "db_client_connection_open" STATE("used")), 2);
#undef STATE
    ck_assert_double_eq(metrics_fixture_value(text, "db_client_connection_pending_requests" POOL), 5);
}
END_TEST

START_TEST(ages_are_those_of_loops_that_run)
{
    observation.stall_limit_ns = 14 * NS_PER_S + NS_PER_S / 2;
    ck_assert_double_eq(value_of("splits_turn_age_max_seconds"), 14.5);
    ck_assert_uint_eq(metrics_fixture_lines(text, "splits_worker_turn_age_seconds{"), 0);
    ck_assert_uint_eq(metrics_fixture_lines(text, "splits_main_turn_age_seconds "), 0);
    atomic_store(&observation.workers[1].turned_ns, clock_now_ns() - 7 * NS_PER_S);
    atomic_store(&observation.main_turned_ns, clock_now_ns() + 7 * NS_PER_S);
    double age = value_of("splits_worker_turn_age_seconds{worker=\"1\"}");
    ck_assert(age >= 7 && age < 9);
    ck_assert_uint_eq(metrics_fixture_lines(text, "splits_worker_turn_age_seconds{"), 1);
    ck_assert_double_eq(metrics_fixture_value(text, "splits_main_turn_age_seconds"), 0);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("service/service_metrics");
    TCase *tcase = tcase_create("families");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, it_is_ready_when_all_workers_are);
    tcase_add_test(tcase, workers_that_are_not_ready_are_counted_by_the_reason);
    tcase_add_test(tcase, bounds_stand_beside_what_they_bound);
    tcase_add_test(tcase, connections_to_the_database_are_told_apart_by_state);
    tcase_add_test(tcase, ages_are_those_of_loops_that_run);
    suite_add_tcase(suite, tcase);
    return suite;
}
