#include "http/lingering.h"

#include "base/clock.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_NS (1000 * NS_PER_S)

static struct event_loop *loop;
static struct lingering_list list;
static int client, server;

static void begin(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    client = pair[0];
    server = pair[1];
    lingering_init(&list);
    ck_assert(event_loop_new(&loop) == FAULT_NONE);
}

static void end(void)
{
    lingering_release(&list);
    event_loop_free(loop);
    (void)close(client);
}

static void add(void)
{
    lingering_add(&list, loop, server, START_NS);
}

static void turns(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        event_loop_turn(loop, 0);
}

/* The client's side sees the end of a socket that nobody holds any more. */
static bool is_closed(void)
{
    return send(client, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE;
}

START_TEST(it_reads_and_forgets_what_the_client_still_sends)
{
    static const char bytes[50000];
    add();
    for (unsigned i = 0; i < 20; i++) {
        ck_assert_int_eq(send(client, bytes, sizeof bytes, MSG_NOSIGNAL), sizeof bytes);
        turns(4);
    }
    ck_assert_uint_eq(list.count, 1);
    ck_assert(!is_closed());
}
END_TEST

START_TEST(it_ends_when_the_client_closes)
{
    add();
    ck_assert_int_eq(send(client, "x", 1, 0), 1);
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    turns(3);
    ck_assert_uint_eq(list.count, 0);
    ck_assert(TAILQ_EMPTY(&list.head));
    ck_assert_int_eq(fcntl(server, F_GETFD), -1);
}
END_TEST

START_TEST(it_ends_when_its_time_is_over)
{
    add();
    lingering_expire(&list, START_NS + 2 * NS_PER_S - 1);
    ck_assert(!is_closed());
    lingering_expire(&list, START_NS + 2 * NS_PER_S);
    ck_assert(is_closed());
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(who_sends_without_end_is_cut_off)
{
    static const char bytes[65536];
    size_t sent = 0;
    add();
    while (list.count > 0 && sent < 64 * 1024 * 1024) {
        ssize_t size = send(client, bytes, sizeof bytes, MSG_NOSIGNAL);
        sent += size > 0 ? (size_t)size : 0;
        turns(1);
    }
    ck_assert(is_closed());
    ck_assert_uint_gt(sent, 4 * 1024 * 1024);
    ck_assert_uint_lt(sent, 8 * 1024 * 1024);
}
END_TEST

START_TEST(any_of_several_may_end_first)
{
    int sockets[3];
    for (unsigned i = 0; i < 3; i++) {
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        sockets[i] = pair[0];
        lingering_add(&list, loop, pair[1], START_NS + i);
    }
    (void)close(sockets[1]);
    turns(1);
    ck_assert_uint_eq(list.count, 2);
    (void)close(sockets[0]);
    turns(1);
    ck_assert_uint_eq(list.count, 1);
    (void)close(sockets[2]);
    turns(1);
    ck_assert(TAILQ_EMPTY(&list.head));
    (void)close(server);
}
END_TEST

START_TEST(beyond_the_limit_sockets_are_just_closed)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_gt(limit.rlim_cur, LINGERING_COUNT_MAX + 64);
    for (unsigned i = 0; i < LINGERING_COUNT_MAX; i++) {
        int duplicate = dup(server);
        ck_assert_int_ge(duplicate, 0);
        lingering_add(&list, loop, duplicate, START_NS);
    }
    ck_assert_uint_eq(list.count, LINGERING_COUNT_MAX);
    add();
    ck_assert_uint_eq(list.count, LINGERING_COUNT_MAX);
    ck_assert_int_eq(fcntl(server, F_GETFD), -1);
    ck_assert(!is_closed());
    lingering_release(&list);
    ck_assert(is_closed());
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("lingering");
    TCase *cases = tcase_create("lingering");
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, it_reads_and_forgets_what_the_client_still_sends);
    tcase_add_test(cases, it_ends_when_the_client_closes);
    tcase_add_test(cases, it_ends_when_its_time_is_over);
    tcase_add_test(cases, who_sends_without_end_is_cut_off);
    tcase_add_test(cases, any_of_several_may_end_first);
    tcase_add_test(cases, beyond_the_limit_sockets_are_just_closed);
    suite_add_tcase(suite, cases);
    return suite;
}
