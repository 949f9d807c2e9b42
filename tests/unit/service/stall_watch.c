#include "service/stall_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORKERS 2
#define SECOND  NS_PER_S
#define LIMIT   10 /* seconds */
#define START   100

static struct observation observation;
static struct stall_watch watch;
static int real_stderr, capture; /* a file in memory that stands in for stderr */

static void set_up(void)
{
    ck_assert_int_eq((int)observation_init(&observation, WORKERS, false), FAULT_NONE);
    observation.stall_limit_ns = LIMIT * SECOND;
    ck_assert_int_eq((int)stall_watch_init(&watch, &observation, START * SECOND), FAULT_NONE);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    real_stderr = dup(STDERR_FILENO);
    capture = memfd_create("stderr", MFD_CLOEXEC);
    ck_assert(real_stderr >= 0 && capture >= 0 && dup2(capture, STDERR_FILENO) >= 0);
}

static void tear_down(void)
{
    (void)dup2(real_stderr, STDERR_FILENO);
    (void)close(capture);
    (void)close(real_stderr);
    stall_watch_release(&watch);
    observation_release(&observation);
}

static void turn(unsigned worker, uint64_t second)
{
    atomic_store(&observation.workers[worker].turned_ns, second * SECOND);
}

static void turn_main(uint64_t second)
{
    atomic_store(&observation.main_turned_ns, second * SECOND);
}

static void turn_all(uint64_t second)
{
    turn(0, second);
    turn(1, second);
    turn_main(second);
}

static enum fault look_at_ns(uint64_t now_ns)
{
    stall_watch_tick(&watch, now_ns);
    return stall_watch_liveness(&watch);
}

/* Each second from first to last, the loops standing where they are: what is said at the end. */
static enum fault look(uint64_t first, uint64_t last)
{
    enum fault fault = FAULT_NONE;
    for (uint64_t second = first; second <= last; second++)
        fault = look_at_ns(second * SECOND);
    return fault;
}

/* The lines logged since this was asked last, without their times. */
static const char *logged(void)
{
    static char text[4096], lines[4096];
    ssize_t size = pread(capture, text, sizeof text - 1, 0);
    size_t used = 0;
    text[size > 0 ? size : 0] = lines[0] = '\0';
    ck_assert(ftruncate(capture, 0) == 0 && lseek(capture, 0, SEEK_SET) == 0);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        char *level = strstr(line, "\"level\"");
        ck_assert_ptr_nonnull(level);
        used += (size_t)snprintf(lines + used, sizeof lines - used, "%s\n", level);
    }
    return lines;
}

#define ERROR_LINE(rest) "\"level\":\"error\",\"event\":" rest "}\n"
#define INFO_LINE(rest)  "\"level\":\"info\",\"event\":" rest "}\n"

START_TEST(nobody_is_stalled_before_the_start_and_after_the_end)
{
    ck_assert_int_eq((int)look(START, START + 20), FAULT_NONE);
    turn_all(START + 20);
    turn_all(0);
    ck_assert_int_eq((int)look(START + 21, START + 50), FAULT_NONE);
    ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(a_loop_is_stalled_that_is_late_by_more_than_the_limit)
{
    turn_all(START);
    ck_assert_int_eq((int)look(START, START + LIMIT), FAULT_NONE);
    turn(1, START + LIMIT);
    turn_main(START + LIMIT);
    ck_assert_int_eq((int)look_at_ns((START + LIMIT) * SECOND + 1), FAULT_WORKER_STALLED);
    turn(0, START + LIMIT);
    ck_assert_int_eq((int)look_at_ns((START + LIMIT) * SECOND + 2), FAULT_NONE);
}
END_TEST

START_TEST(the_main_thread_counts_as_well)
{
    turn_all(START);
    ck_assert_int_eq((int)look(START, START + LIMIT), FAULT_NONE);
    turn(0, START + LIMIT);
    turn(1, START + LIMIT);
    ck_assert_int_eq((int)look(START + LIMIT + 1, START + LIMIT + 1), FAULT_WORKER_STALLED);
    turn_main(0);
    ck_assert_int_eq((int)look(START + LIMIT + 2, START + LIMIT + 2), FAULT_NONE);
}
END_TEST

START_TEST(a_loop_may_come_round_after_the_clock_was_read)
{
    turn_all(START + 1);
    ck_assert_int_eq((int)look(START, START), FAULT_NONE);
}
END_TEST

START_TEST(who_stalls_and_who_goes_on_is_logged_once)
{
    turn_all(START);
    ck_assert_int_eq((int)look(START, START + LIMIT), FAULT_NONE);
    turn(0, START + LIMIT);
    ck_assert_str_eq(logged(), "");
    ck_assert_int_eq((int)look(START + LIMIT + 1, START + LIMIT + 5), FAULT_WORKER_STALLED);
    ck_assert_str_eq(logged(), ERROR_LINE("\"worker_stalled\",\"worker\":1,\"since_ms\":11000")
                                   ERROR_LINE("\"main_stalled\",\"since_ms\":11000"));
    turn_all(START + LIMIT + 5);
    ck_assert_int_eq((int)look(START + LIMIT + 6, START + LIMIT + 8), FAULT_NONE);
    ck_assert_str_eq(logged(), INFO_LINE("\"worker_went_on\",\"worker\":1") INFO_LINE("\"main_went_on\""));
}
END_TEST

START_TEST(after_a_pause_of_the_process_loops_are_judged_from_its_end)
{
    turn_all(START);
    ck_assert_int_eq((int)look(START, START + 1), FAULT_NONE);
    ck_assert_int_eq((int)look(START + 60, START + 60 + LIMIT), FAULT_NONE);
    turn(0, START + 60 + LIMIT);
    turn_main(START + 60 + LIMIT);
    ck_assert_str_eq(logged(), "");
    ck_assert_int_eq((int)look(START + 61 + LIMIT, START + 61 + LIMIT), FAULT_WORKER_STALLED);
    ck_assert_str_eq(logged(), ERROR_LINE("\"worker_stalled\",\"worker\":1,\"since_ms\":11000"));
}
END_TEST

START_TEST(a_pause_before_the_first_look_counts_as_well)
{
    turn_all(START);
    ck_assert_int_eq((int)look(START + 60, START + 60 + LIMIT), FAULT_NONE);
    ck_assert_int_eq((int)look(START + 61 + LIMIT, START + 61 + LIMIT), FAULT_WORKER_STALLED);
}
END_TEST

START_TEST(a_look_that_is_late_by_a_second_is_no_pause)
{
    turn_all(START);
    for (uint64_t second = START; second <= START + LIMIT; second += 2)
        ck_assert_int_eq((int)look(second, second), FAULT_NONE);
    ck_assert_int_eq((int)look(START + LIMIT + 2, START + LIMIT + 2), FAULT_WORKER_STALLED);
}
END_TEST

START_TEST(who_was_stalled_before_a_pause_has_not_gone_on_for_that)
{
    turn_all(START);
    ck_assert_int_eq((int)look(START, START + LIMIT + 1), FAULT_WORKER_STALLED);
    turn(1, START + LIMIT + 1);
    turn_main(START + LIMIT + 1);
    ck_assert_int_eq((int)look(START + LIMIT + 2, START + LIMIT + 2), FAULT_WORKER_STALLED);
    (void)logged();
    ck_assert_int_eq((int)look(START + 60, START + 62), FAULT_WORKER_STALLED);
    ck_assert_str_eq(logged(), "");
    turn_all(START + 62);
    ck_assert_int_eq((int)look(START + 63, START + 63), FAULT_NONE);
    ck_assert_str_eq(logged(), INFO_LINE("\"worker_went_on\",\"worker\":0"));
}
END_TEST

START_TEST(a_worker_that_waits_for_the_database_may_stand_still_for_longer)
{
    struct config config = {
        .request_timeout_ms = 2000, .db_queue_timeout_ms = 1000, .db_statement_timeout_ms = 300};
    config.db_mode = DB_MODE_PIPELINED;
    ck_assert_uint_eq(stall_watch_limit_ms(&config), 10000);
    config.db_mode = DB_MODE_BLOCKING;
    ck_assert_uint_eq(stall_watch_limit_ms(&config), 19900);
    config.request_timeout_ms = config.db_queue_timeout_ms = config.db_statement_timeout_ms = 3600000;
    ck_assert_uint_eq(stall_watch_limit_ms(&config), 32410000);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("service/stall_watch");
    TCase *tcase = tcase_create("loops");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, nobody_is_stalled_before_the_start_and_after_the_end);
    tcase_add_test(tcase, a_loop_is_stalled_that_is_late_by_more_than_the_limit);
    tcase_add_test(tcase, the_main_thread_counts_as_well);
    tcase_add_test(tcase, a_loop_may_come_round_after_the_clock_was_read);
    tcase_add_test(tcase, who_stalls_and_who_goes_on_is_logged_once);
    tcase_add_test(tcase, after_a_pause_of_the_process_loops_are_judged_from_its_end);
    tcase_add_test(tcase, a_pause_before_the_first_look_counts_as_well);
    tcase_add_test(tcase, a_look_that_is_late_by_a_second_is_no_pause);
    tcase_add_test(tcase, who_was_stalled_before_a_pause_has_not_gone_on_for_that);
    tcase_add_test(tcase, a_worker_that_waits_for_the_database_may_stand_still_for_longer);
    suite_add_tcase(suite, tcase);
    return suite;
}
