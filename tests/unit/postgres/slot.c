#include "postgres/slot.h"

#include "base/clock.h"
#include "suite.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct event_loop *loop;
static struct slot slot;
static int sockets[2];
static unsigned calls;
static uint32_t events_seen;

static void take_events(struct event_source *source, uint32_t events)
{
    ck_assert_ptr_eq(source, &slot.source);
    calls++;
    events_seen = events;
}

static void set_up(void)
{
    memset(&slot, 0, sizeof slot);
    slot.source = (struct event_source){.ready = take_events, .descriptor = -1};
    slot.watched_socket = -1;
    calls = 0;
    ck_assert_int_eq(event_loop_new(&loop), FAULT_NONE);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    ck_assert_int_eq(write(sockets[1], "x", 1), 1);
}

static void tear_down(void)
{
    slot_watch(&slot, loop, -1, 0, false);
    event_loop_free(loop);
    (void)close(sockets[0]);
    (void)close(sockets[1]);
}

/* ---- watching ---- */

START_TEST(a_watched_socket_calls_its_slot)
{
    slot_watch(&slot, loop, sockets[0], EPOLLIN, true);
    event_loop_turn(loop, 0);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(events_seen, EPOLLIN);
}
END_TEST

START_TEST(what_is_watched_for_can_change)
{
    slot_watch(&slot, loop, sockets[0], EPOLLIN, true);
    slot_watch(&slot, loop, sockets[0], EPOLLOUT, false);
    event_loop_turn(loop, 0);
    ck_assert_uint_eq(events_seen, EPOLLOUT);
}
END_TEST

START_TEST(no_socket_watches_nothing_and_may_be_said_twice)
{
    slot_watch(&slot, loop, sockets[0], EPOLLIN, true);
    slot_watch(&slot, loop, -1, 0, false);
    slot_watch(&slot, loop, -1, 0, false);
    event_loop_turn(loop, 0);
    ck_assert_uint_eq(calls, 0);
    ck_assert_uint_eq(slot.watched_events, 0);
}
END_TEST

/* libpq, when its first address has failed, closes the socket and may get the same number again. */
START_TEST(another_socket_of_the_same_number_is_watched_when_it_is_said_to_be_new)
{
    slot_watch(&slot, loop, sockets[0], EPOLLIN, true);
    int number = sockets[0], others[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, others), 0);
    ck_assert_int_eq(dup2(others[0], number), number); /* closes the first, as epoll notices */
    (void)close(others[0]);
    ck_assert_int_eq(write(others[1], "y", 1), 1);
    slot_watch(&slot, loop, number, EPOLLIN, true);
    event_loop_turn(loop, 0);
    ck_assert_uint_eq(calls, 1);
    (void)close(others[1]);
}
END_TEST

START_TEST(another_number_is_watched_instead)
{
    slot_watch(&slot, loop, sockets[0], EPOLLIN, true);
    slot_watch(&slot, loop, sockets[1], EPOLLOUT, false);
    event_loop_turn(loop, 0);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(events_seen, EPOLLOUT);
    ck_assert_int_eq(slot.watched_socket, sockets[1]);
}
END_TEST

/* ---- backoff ---- */

static void assert_between(unsigned failures, uint64_t most_ns, uint64_t whole_ns)
{
    ck_assert_uint_eq(slot_backoff_ns(failures, most_ns, 0), whole_ns / 2);
    ck_assert_uint_eq(slot_backoff_ns(failures, most_ns, whole_ns / 2), whole_ns / 2 + whole_ns / 2);
    for (uint64_t random = 1; random != 0; random *= 3) {
        uint64_t wait_ns = slot_backoff_ns(failures, most_ns, random);
        ck_assert_uint_ge(wait_ns, whole_ns / 2);
        ck_assert_uint_le(wait_ns, whole_ns);
        if (random > UINT64_MAX / 3) break;
    }
}

START_TEST(a_pause_starts_at_25_ms_and_doubles_half_of_it_random)
{
    assert_between(0, NS_PER_S, 25 * NS_PER_MS);
    assert_between(1, NS_PER_S, 50 * NS_PER_MS);
    assert_between(5, NS_PER_S, 800 * NS_PER_MS);
}
END_TEST

START_TEST(a_pause_stays_within_its_limit)
{
    assert_between(6, NS_PER_S, NS_PER_S);
    assert_between(1000000, NS_PER_S, NS_PER_S);
    assert_between(0, NS_PER_MS, NS_PER_MS);
    assert_between(UINT32_MAX, 3600 * NS_PER_S, (25 * NS_PER_MS) << 16);
}
END_TEST

static TCase *watching_case(void)
{
    TCase *tcase = tcase_create("watching");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_watched_socket_calls_its_slot);
    tcase_add_test(tcase, what_is_watched_for_can_change);
    tcase_add_test(tcase, no_socket_watches_nothing_and_may_be_said_twice);
    tcase_add_test(tcase, another_socket_of_the_same_number_is_watched_when_it_is_said_to_be_new);
    tcase_add_test(tcase, another_number_is_watched_instead);
    return tcase;
}

static TCase *backoff_case(void)
{
    TCase *tcase = tcase_create("backoff");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_pause_starts_at_25_ms_and_doubles_half_of_it_random);
    tcase_add_test(tcase, a_pause_stays_within_its_limit);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("slot");
    suite_add_tcase(suite, watching_case());
    suite_add_tcase(suite, backoff_case());
    return suite;
}
