/*
 * What the server takes for granted in libmicrohttpd, tried on the library alone: a newer version that
 * behaves otherwise fails here first.
 */
#include "http/socket_events.h"
#include "http/socket_input.h"
#include "suite.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_SIZE 1536

/* As in src/http/server.c: from 0.9.77 on a connection is taken over at once only with it. */
#if MHD_VERSION >= 0x00097707
#define SINGLE_THREAD MHD_USE_NO_THREAD_SAFETY
#else
#define SINGLE_THREAD 0u
#endif

static struct MHD_Daemon *httpd;
static struct connection connection;
static const char *input; /* what the reader gives next; NULL: nothing */
static bool is_ended;     /* the reader tells of the end */
static size_t room;       /* the most that the library asked for */
static unsigned reads, calls;
static bool is_over, is_closed;
static const char *body;
static size_t body_size;
static int client;

static ssize_t read_input(struct connection *reading, char *buffer, size_t size)
{
    (void)reading;
    reads++;
    if (size > room) room = size;
    if (is_ended) return 0;
    if (input == NULL) {
        errno = EAGAIN;
        return -1;
    }
    ck_assert_uint_ge(size, SOCKET_INPUT_SIZE_MIN);
    size_t written = strlen(input);
    memcpy(buffer, input, written);
    input = NULL;
    return (ssize_t)written;
}

static enum MHD_Result handle(void *argument, struct MHD_Connection *handled, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **context)
{
    (void)argument, (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
    if (*context == NULL) {
        *context = &connection;
        return MHD_YES;
    }
    calls++;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body_size, (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(handled, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static void note_connection(void *argument, struct MHD_Connection *noted, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    (void)argument, (void)noted, (void)context;
    is_closed = code == MHD_CONNECTION_NOTIFY_CLOSED;
}

static void complete(void *argument, struct MHD_Connection *completed, void **context,
                     enum MHD_RequestTerminationCode code)
{
    (void)argument, (void)completed, (void)context;
    is_over = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
}

static void begin(void)
{
    int pair[2];
    struct sockaddr address = {.sa_family = AF_INET};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    client = pair[0];
    connection = (struct connection){.socket = pair[1]};
    socket_input_use(read_input);
    ck_assert(socket_input_add(&connection) == FAULT_NONE);
    httpd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | SINGLE_THREAD, 0, NULL, NULL, handle,
                             NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_SIZE,
                             MHD_OPTION_NOTIFY_CONNECTION, note_connection, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                             complete, NULL, MHD_OPTION_END);
    ck_assert_ptr_nonnull(httpd);
    socket_events_use(MHD_get_daemon_info(httpd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    ck_assert_int_eq(MHD_add_connection(httpd, pair[1], &address, sizeof address), MHD_YES);
    body = "ok";
    body_size = 2;
}

static void end(void)
{
    MHD_stop_daemon(httpd);
    socket_events_end();
    socket_input_end();
    (void)close(client);
}

static void ask(void)
{
    input = "GET / HTTP/1.1\r\nHost:x\r\n\r\n";
    socket_events_give(&connection, EPOLLIN | EPOLLOUT);
}

static void run(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        ck_assert_int_eq(MHD_run(httpd), MHD_YES);
}

static bool is_answered(void)
{
    char answer[512];
    ssize_t size = recvfrom(client, answer, sizeof answer, MSG_DONTWAIT, NULL, NULL);
    if (size < 0) return false;
    ck_assert_int_eq(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
    ck_assert_mem_eq(answer + size - 2, "ok", 2);
    return true;
}

START_TEST(it_reads_with_the_programs_recv)
{
    ask();
    run(1);
    ck_assert_uint_gt(reads, 0);
    ck_assert(is_answered());
}
END_TEST

START_TEST(it_gives_room_for_the_smallest_request)
{
    ask();
    run(1);
    ck_assert_uint_ge(room, SOCKET_INPUT_SIZE_MIN);
    ck_assert_uint_le(room, MEMORY_SIZE);
}
END_TEST

START_TEST(it_hears_of_its_sockets_by_the_programs_epoll_alone)
{
    input = "GET / HTTP/1.1\r\nHost:x\r\n\r\n";
    ck_assert_int_eq(send(client, "x", 1, MSG_NOSIGNAL), 1);
    run(5);
    ck_assert_uint_eq(reads, 0);
    socket_events_give(&connection, EPOLLIN | EPOLLOUT);
    run(1);
    ck_assert(is_answered());
}
END_TEST

START_TEST(the_run_that_reads_a_request_sends_its_answer)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 1;
    for (unsigned i = 0; i < 5; i++) {
        is_over = false;
        ask();
        run(1);
        ck_assert(is_answered());
        ck_assert(is_over);
        ck_assert_uint_eq(calls, i + 1);
        ck_assert(MHD_get_timeout(httpd, &timeout_ms) != MHD_YES || timeout_ms > 0);
    }
}
END_TEST

START_TEST(after_a_read_that_does_not_fill_the_buffer_it_waits_for_an_event)
{
    ask();
    run(1);
    ck_assert(is_answered());
    input = "GET / HTTP/1.1\r\nHost:x\r\n\r\n";
    unsigned reads_before = reads;
    run(5);
    ck_assert_uint_eq(reads, reads_before);
}
END_TEST

START_TEST(what_a_full_socket_does_not_take_is_sent_at_the_next_event)
{
    static char large[4 * 1024 * 1024];
    char sink[65536];
    size_t received = 0;
    body = large;
    body_size = sizeof large;
    ask();
    for (unsigned turns = 0; !is_over && turns < 10000; turns++) {
        run(1);
        for (ssize_t size; (size = recvfrom(client, sink, sizeof sink, MSG_DONTWAIT, NULL, NULL)) > 0;)
            received += (size_t)size;
        socket_events_give(&connection, EPOLLOUT);
    }
    ck_assert(is_over);
    ck_assert_uint_gt(received, sizeof large);
}
END_TEST

START_TEST(it_closes_a_connection_whose_end_it_reads)
{
    ask();
    run(1);
    ck_assert(is_answered());
    is_ended = true;
    socket_events_give(&connection, EPOLLIN);
    run(2);
    ck_assert(is_closed);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("library");
    TCase *cases = tcase_create("library");
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, it_reads_with_the_programs_recv);
    tcase_add_test(cases, it_gives_room_for_the_smallest_request);
    tcase_add_test(cases, it_hears_of_its_sockets_by_the_programs_epoll_alone);
    tcase_add_test(cases, the_run_that_reads_a_request_sends_its_answer);
    tcase_add_test(cases, after_a_read_that_does_not_fill_the_buffer_it_waits_for_an_event);
    tcase_add_test(cases, what_a_full_socket_does_not_take_is_sent_at_the_next_event);
    tcase_add_test(cases, it_closes_a_connection_whose_end_it_reads);
    suite_add_tcase(suite, cases);
    return suite;
}
