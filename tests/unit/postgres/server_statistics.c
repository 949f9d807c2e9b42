#include "postgres/server_statistics.h"

#include "base/clock.h"
#include "suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server that takes connections and says nothing. */
static int listener;
static char url[128];

static void set_up(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url, sizeof url, "host=127.0.0.1 port=%u user=ada dbname=splits sslmode=disable",
                   ntohs(address.sin_port));
}

static void tear_down(void)
{
    (void)close(listener);
}

static struct server_statistics *start(unsigned timeout_ms)
{
    struct server_statistics *statistics = NULL;
    ck_assert_int_eq((int)server_statistics_start(url, timeout_ms, &statistics), FAULT_NONE);
    return statistics;
}

/* The look's connection, with its first packet read. */
static int accept_look(void)
{
    char packet[1024];
    int socket = accept(listener, NULL, NULL);
    ck_assert_int_ge(socket, 0);
    ck_assert_int_gt((int)recv(socket, packet, sizeof packet, 0), 0);
    return socket;
}

static bool is_closed(int socket)
{
    char byte;
    return recv(socket, &byte, sizeof byte, MSG_DONTWAIT) == 0;
}

static uint64_t passed_ms(uint64_t begun_ns)
{
    return (clock_now_ns() - begun_ns) / NS_PER_MS;
}

static const struct server_statistics_answer *wait_for_answer(struct server_statistics *statistics)
{
    const struct server_statistics_answer *answer;
    while ((answer = server_statistics_poll(statistics)) == NULL)
        (void)usleep(1000);
    return answer;
}

START_TEST(a_server_that_says_nothing_is_given_up_in_time)
{
    uint64_t begun_ns = clock_now_ns();
    struct server_statistics *statistics = start(120);
    ck_assert_ptr_null(server_statistics_poll(statistics));
    const struct server_statistics_answer *answer = wait_for_answer(statistics);
    ck_assert_uint_ge(passed_ms(begun_ns), 100);
    ck_assert_uint_lt(passed_ms(begun_ns), 2000);
    ck_assert_int_eq((int)answer->fault, FAULT_DATABASE_UNAVAILABLE);
    ck_assert_ptr_nonnull(answer->absence);
    server_statistics_let_go(statistics);
}
END_TEST

START_TEST(a_server_that_is_not_there_is_an_answer_without_secrets)
{
    tear_down();
    struct server_statistics *statistics = start(5000);
    const struct server_statistics_answer *answer = wait_for_answer(statistics);
    ck_assert_int_eq((int)answer->fault, FAULT_DATABASE_UNAVAILABLE);
    ck_assert_ptr_null(strstr(answer->absence, "ada"));
    ck_assert_ptr_null(strstr(answer->absence, "127.0.0.1"));
    server_statistics_let_go(statistics);
    set_up();
}
END_TEST

START_TEST(at_its_end_the_connection_is_closed_long_before_its_time)
{
    struct server_statistics *statistics = start(20000);
    int socket = accept_look();
    uint64_t begun_ns = clock_now_ns();
    server_statistics_end(statistics, 5000);
    ck_assert_uint_lt(passed_ms(begun_ns), 2000);
    ck_assert(is_closed(socket));
    (void)close(socket);
}
END_TEST

START_TEST(patience_has_an_end)
{
    struct server_statistics *statistics = start(20000);
    int socket = accept_look();
    uint64_t begun_ns = clock_now_ns();
    server_statistics_end(statistics, 0);
    ck_assert_uint_lt(passed_ms(begun_ns), 1000);
    (void)close(socket);
}
END_TEST

START_TEST(whoever_lets_go_does_not_wait_and_the_thread_gives_up)
{
    char byte;
    struct server_statistics *statistics = start(20000);
    int socket = accept_look();
    uint64_t begun_ns = clock_now_ns();
    server_statistics_let_go(statistics);
    ck_assert_int_eq((int)recv(socket, &byte, sizeof byte, 0), 0);
    ck_assert_uint_lt(passed_ms(begun_ns), 2000);
    (void)close(socket);
}
END_TEST

START_TEST(the_end_of_an_answered_look_and_of_none_is_at_once)
{
    struct server_statistics *statistics = start(50);
    (void)wait_for_answer(statistics);
    server_statistics_end(statistics, 5000);
    server_statistics_end(NULL, 5000);
    server_statistics_let_go(NULL);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("server_statistics");
    TCase *tcase = tcase_create("a silent server");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_server_that_says_nothing_is_given_up_in_time);
    tcase_add_test(tcase, a_server_that_is_not_there_is_an_answer_without_secrets);
    tcase_add_test(tcase, at_its_end_the_connection_is_closed_long_before_its_time);
    tcase_add_test(tcase, patience_has_an_end);
    tcase_add_test(tcase, whoever_lets_go_does_not_wait_and_the_thread_gives_up);
    tcase_add_test(tcase, the_end_of_an_answered_look_and_of_none_is_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
