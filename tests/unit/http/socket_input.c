#include "http/socket_input.h"

#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct connection connection;
static struct exchange exchange;
static int client, server;
static unsigned reads; /* how often the reader was called */

static ssize_t read_for_library(struct connection *reading, char *buffer, size_t size)
{
    ck_assert_ptr_eq(reading, &connection);
    ck_assert_uint_gt(size, 4);
    reads++;
    memcpy(buffer, "gate", 4);
    return 4;
}

static void begin(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    client = pair[0];
    server = pair[1];
    connection = (struct connection){.socket = server};
    exchange = (struct exchange){.keeps_alive = true};
    reads = 0;
    socket_input_use(read_for_library);
}

static void end(void)
{
    socket_input_end();
    (void)close(client);
    (void)close(server);
}

static void check_receives(int descriptor, const char *expected)
{
    char buffer[64];
    ssize_t size = recv(descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
    ck_assert_int_eq(size, (ssize_t)strlen(expected));
    ck_assert_mem_eq(buffer, expected, strlen(expected));
}

/* ---- recv ---- */

START_TEST(a_connection_is_read_by_the_reader)
{
    ck_assert(socket_input_add(&connection) == FAULT_NONE);
    ck_assert_int_eq(send(client, "bytes", 5, 0), 5);
    check_receives(server, "gate");
    ck_assert_uint_eq(reads, 1);
    socket_input_remove(&connection);
}
END_TEST

START_TEST(other_descriptors_are_read_as_ever)
{
    ck_assert(socket_input_add(&connection) == FAULT_NONE);
    ck_assert_int_eq(send(server, "bytes", 5, 0), 5);
    char peeked[8];
    ck_assert_int_eq(recv(client, peeked, sizeof peeked, MSG_PEEK), 5);
    check_receives(client, "bytes");
    ck_assert_int_eq(recv(client, peeked, sizeof peeked, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_uint_eq(reads, 0);
}
END_TEST

START_TEST(before_any_connection_all_are_read_as_ever)
{
    ck_assert_int_eq(send(client, "bytes", 5, 0), 5);
    check_receives(server, "bytes");
}
END_TEST

START_TEST(a_removed_connection_is_read_as_ever)
{
    ck_assert(socket_input_add(&connection) == FAULT_NONE);
    socket_input_remove(&connection);
    ck_assert_int_eq(send(client, "bytes", 5, 0), 5);
    check_receives(server, "bytes");
    ck_assert_uint_eq(reads, 0);
}
END_TEST

START_TEST(what_is_no_descriptor_fails_as_ever)
{
    char buffer[8];
    ck_assert(socket_input_add(&connection) == FAULT_NONE);
    ck_assert_int_eq(recv(-1, buffer, sizeof buffer, 0), -1);
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(descriptors_may_be_large)
{
    static const int numbers[] = {511, 512, 1023, 1024, 1025, 2500, 900};
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        connection.socket = dup2(server, numbers[i]);
        ck_assert_int_eq(connection.socket, numbers[i]);
        ck_assert(socket_input_add(&connection) == FAULT_NONE);
        check_receives(numbers[i], "gate");
        ck_assert_int_eq(send(client, "bytes", 5, 0), 5);
        check_receives(server, "bytes");
        socket_input_remove(&connection);
        (void)close(numbers[i]);
    }
    ck_assert_uint_eq(reads, sizeof numbers / sizeof numbers[0]);
}
END_TEST

static void *receive_in_thread(void *argument)
{
    (void)argument;
    check_receives(server, "bytes");
    return NULL;
}

START_TEST(another_thread_has_connections_of_its_own)
{
    pthread_t thread;
    ck_assert(socket_input_add(&connection) == FAULT_NONE);
    ck_assert_int_eq(send(client, "bytes", 5, 0), 5);
    ck_assert_int_eq(pthread_create(&thread, NULL, receive_in_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(reads, 0);
}
END_TEST

/* ---- what the library gets ---- */

static void check_request(const char *expected)
{
    char buffer[SOCKET_INPUT_SIZE_MIN];
    size_t size = socket_input_write_request(&exchange, buffer, sizeof buffer);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_mem_eq(buffer, expected, size);
}

START_TEST(the_library_learns_only_what_decides_about_the_answers_form)
{
    exchange.request.method = METHOD_DELETE;
    exchange.request.path = TEXT("/users/1");
    check_request("GET / HTTP/1.1\r\nHost:x\r\n\r\n");
    exchange.request.method = METHOD_HEAD;
    check_request("HEAD / HTTP/1.1\r\nHost:x\r\n\r\n");
    exchange.is_http_1_0 = true;
    check_request("HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    exchange.keeps_alive = false;
    exchange.request.method = METHOD_PATCH;
    check_request("GET / HTTP/1.0\r\n\r\n");
}
END_TEST

START_TEST(the_buffer_is_never_filled_so_that_the_library_does_not_read_on)
{
    exchange.is_http_1_0 = exchange.keeps_alive = true;
    exchange.request.method = METHOD_HEAD;
    exchange.may_have_more = true;
    exchange.input_size = 101;
    exchange.message_end = 100;
    check_request("HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    ck_assert_uint_lt(strlen("HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), SOCKET_INPUT_SIZE_MIN);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("socket_input");
    TCase *cases = tcase_create("socket_input");
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, a_connection_is_read_by_the_reader);
    tcase_add_test(cases, other_descriptors_are_read_as_ever);
    tcase_add_test(cases, before_any_connection_all_are_read_as_ever);
    tcase_add_test(cases, a_removed_connection_is_read_as_ever);
    tcase_add_test(cases, what_is_no_descriptor_fails_as_ever);
    tcase_add_test(cases, descriptors_may_be_large);
    tcase_add_test(cases, another_thread_has_connections_of_its_own);
    tcase_add_test(cases, the_library_learns_only_what_decides_about_the_answers_form);
    tcase_add_test(cases, the_buffer_is_never_filled_so_that_the_library_does_not_read_on);
    suite_add_tcase(suite, cases);
    return suite;
}
