#include "http/socket_events.h"

#include "http/socket_input.h"
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { COUNT = 5 };

static struct connection connections[COUNT];
static int library_epoll, pipes[COUNT][2];

static ssize_t read_nothing(struct connection *connection, char *buffer, size_t size)
{
    (void)connection, (void)buffer, (void)size;
    return 0;
}

static void watch(int epoll, int operation, int descriptor, uint32_t events, unsigned data)
{
    struct epoll_event event = {.events = events, .data.u32 = data};
    ck_assert_int_eq(epoll_ctl(epoll, operation, descriptor, &event), 0);
}

/* Each connection's "socket" is readable all the time, for the kernel. */
static void begin(void)
{
    library_epoll = epoll_create1(EPOLL_CLOEXEC);
    socket_input_use(read_nothing);
    socket_events_use(library_epoll);
    for (unsigned i = 0; i < COUNT; i++) {
        ck_assert_int_eq(pipe2(pipes[i], O_NONBLOCK | O_CLOEXEC), 0);
        ck_assert_int_eq(write(pipes[i][1], "x", 1), 1);
        connections[i] = (struct connection){.socket = pipes[i][0]};
        ck_assert(socket_input_add(&connections[i]) == FAULT_NONE);
        watch(library_epoll, EPOLL_CTL_ADD, pipes[i][0], EPOLLIN | EPOLLOUT | EPOLLET, i);
    }
}

static void end(void)
{
    socket_events_end();
    socket_input_end();
    for (unsigned i = 0; i < COUNT; i++) {
        (void)close(pipes[i][0]);
        (void)close(pipes[i][1]);
    }
    (void)close(library_epoll);
}

static void expect_nothing(void)
{
    struct epoll_event event;
    ck_assert(!socket_events_are_pending());
    ck_assert_int_eq(epoll_wait(library_epoll, &event, 1, 0), 0);
}

static void expect_one(unsigned data, uint32_t events)
{
    struct epoll_event event;
    ck_assert(socket_events_are_pending());
    ck_assert_int_eq(epoll_wait(library_epoll, &event, 1, 0), 1);
    ck_assert_uint_eq(event.data.u32, data);
    ck_assert_uint_eq(event.events, events);
}

START_TEST(a_readable_socket_is_no_event_until_the_gate_says_so)
{
    expect_nothing();
    socket_events_give(&connections[2], EPOLLIN);
    expect_one(2, EPOLLIN);
    expect_nothing();
}
END_TEST

START_TEST(events_are_told_in_order_and_joined_for_a_connection)
{
    socket_events_give(&connections[3], EPOLLIN);
    socket_events_give(&connections[1], EPOLLOUT);
    socket_events_give(&connections[3], EPOLLOUT);
    expect_one(3, EPOLLIN | EPOLLOUT);
    expect_one(1, EPOLLOUT);
    expect_nothing();
}
END_TEST

START_TEST(what_there_is_no_room_for_is_told_the_next_time)
{
    struct epoll_event events[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        socket_events_give(&connections[i], EPOLLIN);
    ck_assert_int_eq(epoll_wait(library_epoll, events, COUNT - 1, 0), COUNT - 1);
    expect_one(COUNT - 1, EPOLLIN);
    expect_nothing();
}
END_TEST

START_TEST(a_forgotten_connection_is_not_told_of)
{
    socket_events_give(&connections[0], EPOLLIN);
    socket_events_give(&connections[1], EPOLLIN);
    socket_events_forget(&connections[0]);
    socket_events_forget(&connections[4]);
    expect_one(1, EPOLLIN);
    expect_nothing();
}
END_TEST

START_TEST(the_library_may_change_its_mind_about_the_data)
{
    watch(library_epoll, EPOLL_CTL_MOD, pipes[1][0], EPOLLIN, 77);
    socket_events_give(&connections[1], EPOLLIN);
    expect_one(77, EPOLLIN);
}
END_TEST

/* The library ends the process when that fails. */
START_TEST(a_socket_can_be_taken_out_after_its_connection_is_gone)
{
    socket_input_remove(&connections[0]);
    ck_assert_int_eq(epoll_ctl(library_epoll, EPOLL_CTL_DEL, pipes[0][0], NULL), 0);
}
END_TEST

START_TEST(other_epoll_sets_are_the_kernels)
{
    struct epoll_event event;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, EPOLL_CTL_ADD, pipes[0][0], EPOLLIN, 5);
    ck_assert_int_eq(epoll_wait(epoll, &event, 1, 0), 1);
    ck_assert_uint_eq(event.data.u32, 5);
    ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_DEL, pipes[0][0], NULL), 0);
    ck_assert_int_eq(epoll_wait(epoll, &event, 1, 0), 0);
    ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_DEL, pipes[0][0], NULL), -1);
    (void)close(epoll);
}
END_TEST

static void *look_from_another_thread(void *argument)
{
    struct epoll_event event;
    (void)argument;
    return epoll_wait(library_epoll, &event, 1, 0) == 0 ? &library_epoll : NULL;
}

START_TEST(another_threads_sets_are_the_kernels)
{
    pthread_t thread;
    void *result;
    socket_events_give(&connections[0], EPOLLIN);
    ck_assert_int_eq(pthread_create(&thread, NULL, look_from_another_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &library_epoll);
    expect_one(0, EPOLLIN);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("socket_events");
    TCase *cases = tcase_create("socket_events");
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, a_readable_socket_is_no_event_until_the_gate_says_so);
    tcase_add_test(cases, events_are_told_in_order_and_joined_for_a_connection);
    tcase_add_test(cases, what_there_is_no_room_for_is_told_the_next_time);
    tcase_add_test(cases, a_forgotten_connection_is_not_told_of);
    tcase_add_test(cases, the_library_may_change_its_mind_about_the_data);
    tcase_add_test(cases, a_socket_can_be_taken_out_after_its_connection_is_gone);
    tcase_add_test(cases, other_epoll_sets_are_the_kernels);
    tcase_add_test(cases, another_threads_sets_are_the_kernels);
    suite_add_tcase(suite, cases);
    return suite;
}
