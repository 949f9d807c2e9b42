#include "service/notifier.h"

#include "base/clock.h"
#include "suite.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND NS_PER_S

static int manager = -1;
static struct worker_counters workers[2];
static const struct observation observation = {.count = 2, .workers = workers};
static struct notifier notifier;

static void forget_environment(void)
{
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

/* A service manager; "@" makes the name an abstract one. */
static void start_manager(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, strlen(name));
    if (*name == '@') address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, size), 0);
    (void)setenv("NOTIFY_SOCKET", name, 1);
}

static void set_up(void)
{
    memset(workers, 0, sizeof workers);
    forget_environment();
}

static void tear_down(void)
{
    notifier_close(&notifier);
    (void)close(manager);
}

/* What has come; "" for nothing. */
static const char *heard(void)
{
    static char message[256];
    ssize_t size = recv(manager, message, sizeof message - 1, 0);
    message[size > 0 ? size : 0] = '\0';
    return message;
}

static void turn_all(uint64_t now_ns)
{
    workers[0].turned_ns = workers[1].turned_ns = now_ns;
}

static void start_watched(const char *interval_us)
{
    start_manager("@splits-notifier-test");
    (void)setenv("WATCHDOG_USEC", interval_us, 1);
    notifier_open(&notifier, &observation);
    notifier_ready(&notifier, SECOND);
    ck_assert_str_eq(heard(), "READY=1\nSTATUS=ready");
}

START_TEST(without_a_manager_nothing_happens)
{
    notifier_open(&notifier, &observation);
    notifier_ready(&notifier, 1);
    notifier_stopping(&notifier);
    notifier_tick(&notifier, UINT64_MAX);
    ck_assert_int_eq(notifier_sleep_ms(&notifier, 1), -1);
}
END_TEST

START_TEST(a_socket_may_be_a_path)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/splits-notifier-%d", (int)getpid());
    start_manager(path);
    notifier_open(&notifier, &observation);
    notifier_ready(&notifier, 1);
    ck_assert_str_eq(heard(), "READY=1\nSTATUS=ready");
    (void)unlink(path);
}
END_TEST

START_TEST(an_unusable_socket_is_given_up)
{
    static const char *const names[] = {"/no/such/socket", "vsock:2:1234", "relative", "@"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)setenv("NOTIFY_SOCKET", names[i], 1);
        notifier_open(&notifier, &observation);
        ck_assert_int_eq(notifier.socket, -1);
    }
    char name[200];
    memset(name, 'x', sizeof name - 1);
    name[0] = '@';
    name[sizeof name - 1] = '\0';
    (void)setenv("NOTIFY_SOCKET", name, 1);
    notifier_open(&notifier, &observation);
    ck_assert_int_eq(notifier.socket, -1);
}
END_TEST

START_TEST(the_status_is_told_when_it_changes)
{
    start_manager("@splits-notifier-test");
    workers[1].readiness = FAULT_DATABASE_UNAVAILABLE;
    notifier_open(&notifier, &observation);
    notifier_ready(&notifier, SECOND);
    ck_assert_str_eq(heard(), "READY=1\nSTATUS=database_unavailable");
    ck_assert_int_eq(notifier_sleep_ms(&notifier, SECOND), 1001);
    workers[1].readiness = FAULT_NONE;
    notifier_tick(&notifier, 2 * SECOND - 1);
    ck_assert_str_eq(heard(), "");
    notifier_tick(&notifier, 2 * SECOND);
    ck_assert_str_eq(heard(), "STATUS=ready");
    notifier_tick(&notifier, 3 * SECOND);
    ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(stopping_is_told_once)
{
    start_manager("@splits-notifier-test");
    notifier_open(&notifier, &observation);
    notifier_ready(&notifier, SECOND);
    (void)heard();
    notifier_stopping(&notifier);
    ck_assert_str_eq(heard(), "STOPPING=1\nSTATUS=draining");
    workers[0].readiness = FAULT_DRAINING;
    notifier_stopping(&notifier);
    notifier_tick(&notifier, 9 * SECOND);
    ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(the_watchdog_is_told_four_times_in_its_interval)
{
    start_watched("2000000");
    ck_assert_int_eq(notifier_sleep_ms(&notifier, SECOND), 501);
    for (unsigned i = 1; i < 5; i++) {
        turn_all(SECOND + i * SECOND / 2);
        notifier_tick(&notifier, SECOND + i * SECOND / 2);
        ck_assert_str_eq(heard(), "WATCHDOG=1");
    }
}
END_TEST

START_TEST(the_watchdog_is_not_told_while_a_worker_hangs)
{
    start_watched("4000000");
    turn_all(2 * SECOND);
    notifier_tick(&notifier, 2 * SECOND);
    ck_assert_str_eq(heard(), "WATCHDOG=1");
    workers[0].turned_ns = 3 * SECOND;
    notifier_tick(&notifier, 3 * SECOND);
    ck_assert_str_eq(heard(), "");
    workers[1].turned_ns = 4 * SECOND;
    notifier_tick(&notifier, 4 * SECOND);
    ck_assert_str_eq(heard(), "WATCHDOG=1");
    notifier_tick(&notifier, 5 * SECOND);
    ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(workers_may_end_while_the_service_stops)
{
    start_watched("4000000");
    notifier_stopping(&notifier);
    (void)heard();
    notifier_tick(&notifier, 2 * SECOND);
    ck_assert_str_eq(heard(), "WATCHDOG=1");
}
END_TEST

START_TEST(a_watchdog_of_another_process_does_not_count)
{
    (void)setenv("WATCHDOG_PID", "1", 1);
    start_watched("4000000");
    turn_all(9 * SECOND);
    notifier_tick(&notifier, 9 * SECOND);
    ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(ones_own_watchdog_counts)
{
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    (void)setenv("WATCHDOG_PID", pid, 1);
    start_watched("4000000");
    turn_all(9 * SECOND);
    notifier_tick(&notifier, 9 * SECOND);
    ck_assert_str_eq(heard(), "WATCHDOG=1");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("notifier");
    TCase *tcase = tcase_create("notifier");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, without_a_manager_nothing_happens);
    tcase_add_test(tcase, a_socket_may_be_a_path);
    tcase_add_test(tcase, an_unusable_socket_is_given_up);
    tcase_add_test(tcase, the_status_is_told_when_it_changes);
    tcase_add_test(tcase, stopping_is_told_once);
    tcase_add_test(tcase, the_watchdog_is_told_four_times_in_its_interval);
    tcase_add_test(tcase, the_watchdog_is_not_told_while_a_worker_hangs);
    tcase_add_test(tcase, workers_may_end_while_the_service_stops);
    tcase_add_test(tcase, a_watchdog_of_another_process_does_not_count);
    tcase_add_test(tcase, ones_own_watchdog_counts);
    suite_add_tcase(suite, tcase);
    return suite;
}
