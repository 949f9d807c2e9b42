/*
 * What the server takes for granted in libmicrohttpd, tried on the library alone: a newer version that
 * behaves otherwise fails here first.
 */
#include "http/socket_input.h"
#include "suite.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_SIZE 1536

static struct MHD_Daemon *httpd;
static struct MHD_Connection *library;
static struct connection connection;
static const char *input; /* what the reader gives next; NULL: nothing */
static bool fills;        /* the reader fills the buffer behind it */
static size_t room;       /* the most that the library asked for */
static unsigned reads, calls, calls_to_answer;
static bool suspends, is_over;
static int client;

/* A request line and one field that fills size bytes. */
static size_t fill(char *buffer, size_t size)
{
    size_t begin = strlen(input) - 2;
    memcpy(buffer, input, begin);
    memcpy(buffer + begin, "X:", 2);
    memset(buffer + begin + 2, 'x', size - begin - 6);
    memcpy(buffer + size - 4, "\r\n\r\n", 4);
    return size;
}

static ssize_t read_input(struct connection *reading, char *buffer, size_t size)
{
    (void)reading;
    reads++;
    if (size > room) room = size;
    if (input == NULL) {
        errno = EAGAIN;
        return -1;
    }
    ck_assert_uint_ge(size, SOCKET_INPUT_SIZE_MIN);
    size_t written = strlen(input);
    if (fills)
        written = fill(buffer, size);
    else
        memcpy(buffer, input, written);
    input = NULL;
    return (ssize_t)written;
}

static enum MHD_Result handle(void *argument, struct MHD_Connection *handled, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **context)
{
    (void)argument, (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
    library = handled;
    if (*context == NULL) {
        *context = &connection;
        return MHD_YES;
    }
    calls++;
    if (suspends) {
        MHD_suspend_connection(handled);
        return MHD_YES;
    }
    if (calls < calls_to_answer) return MHD_YES;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(2, (void *)(uintptr_t) "ok", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(handled, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
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
    httpd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
                             NULL, handle, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_SIZE,
                             MHD_OPTION_NOTIFY_COMPLETED, complete, NULL, MHD_OPTION_END);
    ck_assert_ptr_nonnull(httpd);
    ck_assert_int_eq(MHD_add_connection(httpd, pair[1], &address, sizeof address), MHD_YES);
    calls_to_answer = 1;
}

static void end(void)
{
    MHD_stop_daemon(httpd);
    socket_input_end();
    (void)close(client);
}

/* The client's bytes do not matter, but wake the library. */
static void ask(void)
{
    input = "GET / HTTP/1.1\r\nHost:x\r\n\r\n";
    ck_assert_int_eq(send(client, "x", 1, MSG_NOSIGNAL), 1);
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
    run(3);
    ck_assert_uint_gt(reads, 0);
    ck_assert(is_answered());
}
END_TEST

START_TEST(it_gives_room_for_the_smallest_request)
{
    ask();
    run(3);
    ck_assert_uint_ge(room, SOCKET_INPUT_SIZE_MIN);
    ck_assert_uint_le(room, MEMORY_SIZE);
}
END_TEST

START_TEST(it_asks_a_handler_that_has_not_answered_again_on_every_run)
{
    calls_to_answer = 50;
    ask();
    run(1);
    for (unsigned i = 0; i < 10; i++) {
        unsigned calls_before = calls;
        run(1);
        ck_assert_uint_gt(calls, calls_before);
    }
    ck_assert(!is_answered());
}
END_TEST

START_TEST(an_answer_to_such_a_request_is_out_two_runs_later)
{
    calls_to_answer = 20;
    ask();
    while (calls < 20)
        run(1);
    run(2);
    ck_assert(is_answered());
    ck_assert(is_over);
}
END_TEST

START_TEST(the_next_request_on_the_connection_is_read_as_well)
{
    for (unsigned i = 0; i < 5; i++) {
        calls = 0;
        calls_to_answer = 1 + i * 3;
        ask();
        run(4 + i * 3);
        ck_assert(is_answered());
    }
}
END_TEST

/* No event tells of a request that has been read already: the filled buffer makes the library read again. */
START_TEST(after_a_read_that_filled_the_buffer_it_reads_on_by_itself)
{
    fills = true;
    ask();
    run(3);
    ck_assert(is_answered());
    fills = false;
    input = "GET / HTTP/1.1\r\nHost:x\r\n\r\n";
    run(3);
    ck_assert(is_answered());
}
END_TEST

START_TEST(a_suspended_request_is_left_alone_until_it_is_resumed)
{
    suspends = true;
    ask();
    run(2);
    ck_assert_uint_eq(calls, 1);
    run(5);
    ck_assert_uint_eq(calls, 1);
    suspends = false;
    MHD_resume_connection(library);
    run(4);
    ck_assert_uint_eq(calls, 2);
    ck_assert(is_answered());
}
END_TEST

/* That is how a client that never sends the end of its request gets an answer. */
START_TEST(resuming_a_connection_that_waits_for_a_request_makes_it_read)
{
    ask();
    run(4);
    ck_assert(is_answered());
    run(2);
    unsigned reads_before = reads;
    input = "GET / HTTP/1.1\r\nHost:x\r\n\r\n";
    run(2);
    ck_assert_uint_eq(reads, reads_before);
    MHD_suspend_connection(library);
    MHD_resume_connection(library);
    run(4);
    ck_assert_uint_gt(reads, reads_before);
    ck_assert(is_answered());
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("library");
    TCase *cases = tcase_create("library");
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, it_reads_with_the_programs_recv);
    tcase_add_test(cases, it_gives_room_for_the_smallest_request);
    tcase_add_test(cases, it_asks_a_handler_that_has_not_answered_again_on_every_run);
    tcase_add_test(cases, an_answer_to_such_a_request_is_out_two_runs_later);
    tcase_add_test(cases, the_next_request_on_the_connection_is_read_as_well);
    tcase_add_test(cases, after_a_read_that_filled_the_buffer_it_reads_on_by_itself);
    tcase_add_test(cases, a_suspended_request_is_left_alone_until_it_is_resumed);
    tcase_add_test(cases, resuming_a_connection_that_waits_for_a_request_makes_it_read);
    suite_add_tcase(suite, cases);
    return suite;
}
