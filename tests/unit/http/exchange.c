#include "http/exchange.h"

#include "suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TARGET_SIZE_MAX 8000
#define HEAD_SIZE_MAX   16384
#define BODY_SIZE_MAX   (64 * 1024)

static const struct head_limits head_limits = {TARGET_SIZE_MAX, HEAD_SIZE_MAX};
static struct server_limits limits;
static struct exchange *exchange;
static int client = -1; /* writes what exchange reads from */
static int server = -1;

static void open_sockets(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    client = pair[0];
    server = pair[1];
}

static void close_client(void)
{
    if (client >= 0) (void)close(client);
    client = -1;
}

static void close_sockets(void)
{
    close_client();
    (void)close(server);
}

static struct exchange *exchange_new(void)
{
    struct exchange *made = malloc(sizeof *made);
    ck_assert_ptr_nonnull(made);
    exchange_init(made, NULL, &head_limits);
    return made;
}

static void exchange_free(struct exchange *used)
{
    exchange_release(used);
    free(used);
}

static void begin(void)
{
    limits = (struct server_limits){.body_size_max = BODY_SIZE_MAX};
    open_sockets();
    exchange = exchange_new();
}

static void end(void)
{
    exchange_free(exchange);
    close_sockets();
}

static void start_again(void)
{
    end();
    begin();
}

static void send_bytes(const char *bytes, size_t size)
{
    ck_assert_int_eq(send(client, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static enum exchange_outcome read_all(void)
{
    return exchange_read(exchange, server, &limits);
}

/* Sends bytes in pieces and reads after each one; gives the last outcome. */
static enum exchange_outcome feed(const char *bytes, size_t size, size_t piece_size)
{
    enum exchange_outcome outcome = EXCHANGE_NEEDS_MORE;
    for (size_t at = 0; at < size && outcome == EXCHANGE_NEEDS_MORE; at += piece_size) {
        size_t piece = size - at < piece_size ? size - at : piece_size;
        send_bytes(bytes + at, piece);
        outcome = read_all();
        if (at + piece < size && exchange->refusal == FAULT_NONE)
            ck_assert_msg(outcome == EXCHANGE_NEEDS_MORE, "complete after %zu of %zu bytes", at + piece,
                          size);
    }
    return outcome;
}

static enum exchange_outcome feed_text(const char *text)
{
    return feed(text, strlen(text), strlen(text));
}

static void check_text(struct text text, const char *expected)
{
    ck_assert_uint_eq(text.size, strlen(expected));
    ck_assert_mem_eq(text.bytes, expected, text.size);
}

static void check_complete(enum exchange_outcome outcome)
{
    ck_assert_int_eq(outcome, EXCHANGE_COMPLETE);
    ck_assert_int_eq(exchange->phase, EXCHANGE_READ);
    ck_assert_str_eq(fault_code(exchange->refusal), fault_code(FAULT_NONE));
}

static void check_refused(enum exchange_outcome outcome, enum fault fault)
{
    ck_assert_int_eq(outcome, EXCHANGE_COMPLETE);
    ck_assert_int_eq(exchange->phase, EXCHANGE_READ);
    ck_assert_str_eq(fault_code(exchange->refusal), fault_code(fault));
    ck_assert(!exchange->keeps_alive);
    ck_assert(!exchange_has_more(exchange));
}

/* ---- messages made to measure; all static memory, good until the next call ---- */

struct message {
    char bytes[512 * 1024];
    size_t size;
    char body[256 * 1024];
    size_t body_size;
};

static struct message message;

static void append(const char *bytes, size_t size)
{
    ck_assert_uint_le(message.size + size, sizeof message.bytes);
    memcpy(message.bytes + message.size, bytes, size);
    message.size += size;
}

static void append_text(const char *text)
{
    append(text, strlen(text));
}

__attribute__((format(printf, 1, 2))) static void append_format(const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    append_text(text);
}

static void make_content(size_t size)
{
    ck_assert_uint_le(size, sizeof message.body);
    for (size_t i = 0; i < size; i++)
        message.body[i] = (char)('a' + (i * 7 + i / 26) % 26);
    message.body_size = size;
}

/* A head with field lines of `padding` bytes in it, as far as the last field. */
static void begin_message(const char *method, size_t padding)
{
    message.size = 0;
    message.body_size = 0;
    append_text(method);
    append_text(" /things/7?limit=3 HTTP/1.1\r\nHost: example\r\nX-Request-Id: first\r\n");
    while (padding > 0) {
        size_t line = padding > 4000 ? 4000 : padding;
        ck_assert_uint_gt(line, 4); /* "p:" and the line's end */
        append_text("p:");
        for (size_t i = 4; i < line; i++)
            append("x", 1);
        append_text("\r\n");
        padding -= line;
    }
    append_text("Content-Type: text/last\r\n");
}

static void make_sized(size_t padding, size_t content_size)
{
    begin_message("POST", padding);
    make_content(content_size);
    append_format("Content-Length: %zu\r\n\r\n", content_size);
    append(message.body, content_size);
}

static void make_chunked(size_t padding, size_t content_size, size_t chunk_size)
{
    begin_message("POST", padding);
    make_content(content_size);
    append_text("Transfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < content_size; at += chunk_size) {
        size_t size = content_size - at < chunk_size ? content_size - at : chunk_size;
        append_format("%zx;a\r\n", size);
        append(message.body + at, size);
        append_text("\r\n");
    }
    append_text("0\r\nTrailer: field\r\n\r\n");
}

static void check_message(void)
{
    const struct request *request = &exchange->request;
    check_text(request->path, "/things/7");
    check_text(request->query, "limit=3");
    check_text(request->headers[HEADER_X_REQUEST_ID], "first");
    check_text(request->headers[HEADER_CONTENT_TYPE], "text/last");
    ck_assert_ptr_null(request->headers[HEADER_IF_MATCH].bytes);
    ck_assert_uint_eq(request->body.size, message.body_size);
    if (message.body_size > 0) ck_assert_mem_eq(request->body.bytes, message.body, message.body_size);
    ck_assert(exchange->keeps_alive);
    ck_assert(!exchange_has_more(exchange));
}

static void check_message_in_pieces(size_t piece_size)
{
    start_again();
    check_complete(feed(message.bytes, message.size, piece_size));
    check_message();
}

/* ---- whole messages ---- */

START_TEST(nothing_has_begun_before_the_first_byte)
{
    ck_assert_int_eq(read_all(), EXCHANGE_NEEDS_MORE);
    ck_assert(!exchange_is_begun(exchange));
    ck_assert_int_eq(feed_text("G"), EXCHANGE_NEEDS_MORE);
    ck_assert(exchange_is_begun(exchange));
    ck_assert_int_eq(exchange->phase, EXCHANGE_READING_HEAD);
    ck_assert_int_eq(read_all(), EXCHANGE_NEEDS_MORE);
}
END_TEST

START_TEST(a_request_without_content_is_complete_with_its_head)
{
    check_complete(feed_text("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
    ck_assert_int_eq(exchange->request.method, METHOD_GET);
    check_text(exchange->request.path, "/health");
    ck_assert_uint_eq(exchange->request.query.size, 0);
    ck_assert_uint_eq(exchange->request.body.size, 0);
    ck_assert(exchange->keeps_alive);
    ck_assert(!exchange->is_http_1_0);
}
END_TEST

START_TEST(the_version_and_the_wish_to_close_are_kept)
{
    check_complete(feed_text("GET / HTTP/1.0\r\n\r\n"));
    ck_assert(exchange->is_http_1_0);
    ck_assert(!exchange->keeps_alive);
    start_again();
    check_complete(feed_text("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    ck_assert(exchange->keeps_alive);
    start_again();
    check_complete(feed_text("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    ck_assert(!exchange->keeps_alive);
}
END_TEST

START_TEST(pieces_of_every_size_make_the_same_request)
{
    for (size_t piece = 1; piece <= 260; piece++) {
        make_sized(0, 0);
        check_message_in_pieces(piece);
        make_sized(0, 90);
        check_message_in_pieces(piece);
        make_chunked(0, 90, 11);
        check_message_in_pieces(piece);
    }
}
END_TEST

START_TEST(large_messages_come_through_in_pieces_of_any_size)
{
    static const size_t pieces[] = {7, 100, 1024, 2047, 2048, 2049, 4096, 9999, 60000};
    for (unsigned i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        make_sized(9000, 30000);
        check_message_in_pieces(pieces[i]);
        make_chunked(9000, 30000, 4500);
        check_message_in_pieces(pieces[i]);
        make_chunked(0, 3000, 1);
        check_message_in_pieces(pieces[i]);
    }
}
END_TEST

START_TEST(a_message_may_end_anywhere_near_the_end_of_the_first_buffer)
{
    make_sized(0, 1000);
    size_t head_size = message.size - 1000;
    for (size_t end_at = EXCHANGE_INPUT_SIZE - 3; end_at <= EXCHANGE_INPUT_SIZE + 3; end_at++) {
        make_sized(0, end_at - head_size);
        ck_assert_uint_eq(message.size, end_at);
        check_message_in_pieces(message.size);
        check_message_in_pieces(EXCHANGE_INPUT_SIZE);
        check_message_in_pieces(1000);
    }
}
END_TEST

START_TEST(a_head_may_end_anywhere_near_the_end_of_the_first_buffer)
{
    make_sized(0, 300);
    size_t head_size = message.size - 300;
    for (size_t end_at = EXCHANGE_INPUT_SIZE - 3; end_at <= EXCHANGE_INPUT_SIZE + 3; end_at++) {
        make_sized(end_at - head_size, 300);
        check_message_in_pieces(message.size);
        check_message_in_pieces(EXCHANGE_INPUT_SIZE);
        make_chunked(end_at - head_size, 300, 100);
        check_message_in_pieces(message.size);
        check_message_in_pieces(EXCHANGE_INPUT_SIZE);
    }
}
END_TEST

START_TEST(conditions_on_several_lines_are_joined)
{
    check_complete(feed_text("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"1\"\r\nX: y\r\n"
                             "If-None-Match: \"2\"\r\n\r\n"));
    check_text(exchange->request.headers[HEADER_IF_NONE_MATCH], "\"1\",\"2\"");
}
END_TEST

START_TEST(conditions_are_joined_when_the_content_is_chunked_too)
{
    check_complete(feed_text("PUT / HTTP/1.1\r\nHost: a\r\nIf-Match: \"1\"\r\nIf-Match: \"2\"\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
    check_text(exchange->request.headers[HEADER_IF_MATCH], "\"1\",\"2\"");
    check_text(exchange->request.body, "abc");
}
END_TEST

START_TEST(who_expects_to_be_told_to_continue_is_known_when_the_head_is_there)
{
    ck_assert_int_eq(
        feed_text("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
        EXCHANGE_NEEDS_MORE);
    ck_assert_int_eq(exchange->phase, EXCHANGE_READING_BODY);
    ck_assert(exchange->wants_continue);
    check_complete(feed_text("ok"));
    check_text(exchange->request.body, "ok");
}
END_TEST

START_TEST(who_does_not_expect_anything_is_not_told_to_continue)
{
    ck_assert_int_eq(feed_text("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"),
                     EXCHANGE_NEEDS_MORE);
    ck_assert(!exchange->wants_continue);
}
END_TEST

/* ---- limits ---- */

START_TEST(sized_content_may_be_as_large_as_the_limit)
{
    limits.body_size_max = 5000;
    make_sized(0, 5000);
    check_complete(feed(message.bytes, message.size, message.size));
    check_message();
}
END_TEST

START_TEST(sized_content_over_the_limit_is_refused_by_its_head_alone)
{
    limits.body_size_max = 5000;
    make_sized(0, 5001);
    size_t head_size = message.size - 5001;
    check_refused(feed(message.bytes, head_size, head_size), FAULT_BODY_TOO_LARGE);
    check_text(exchange->request.headers[HEADER_X_REQUEST_ID], "first");
}
END_TEST

START_TEST(a_length_of_nearly_2_to_the_63_is_only_too_large)
{
    check_refused(feed_text("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n"),
                  FAULT_BODY_TOO_LARGE);
}
END_TEST

START_TEST(chunked_content_may_be_as_large_as_the_limit)
{
    static const size_t chunk_sizes[] = {1, 999, 5000};
    for (unsigned i = 0; i < 3; i++) {
        make_chunked(0, 5000, chunk_sizes[i]);
        start_again();
        limits.body_size_max = 5000;
        check_complete(feed(message.bytes, message.size, 3000));
        check_message();
    }
}
END_TEST

START_TEST(chunked_content_over_the_limit_is_refused)
{
    static const size_t chunk_sizes[] = {1, 999, 5001};
    for (unsigned i = 0; i < 3; i++) {
        make_chunked(0, 5001, chunk_sizes[i]);
        start_again();
        limits.body_size_max = 5000;
        check_refused(feed(message.bytes, message.size, 3000), FAULT_BODY_TOO_LARGE);
    }
}
END_TEST

START_TEST(a_head_may_be_as_large_as_the_limit)
{
    make_sized(0, 0);
    make_sized(HEAD_SIZE_MAX - message.size, 0);
    ck_assert_uint_eq(message.size, HEAD_SIZE_MAX);
    check_message_in_pieces(message.size);
    check_message_in_pieces(1000);
}
END_TEST

START_TEST(a_head_over_the_limit_is_refused)
{
    make_sized(0, 0);
    make_sized(HEAD_SIZE_MAX + 1 - message.size, 0);
    check_refused(feed(message.bytes, message.size, message.size), FAULT_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(a_target_over_the_limit_is_refused_before_it_ends)
{
    char *target = malloc(TARGET_SIZE_MAX + 64);
    ck_assert_ptr_nonnull(target);
    memset(target, 'a', TARGET_SIZE_MAX + 64);
    memcpy(target, "GET /", 5);
    check_refused(feed(target, TARGET_SIZE_MAX + 64, TARGET_SIZE_MAX + 64), FAULT_TARGET_TOO_LONG);
    free(target);
}
END_TEST

START_TEST(content_beyond_what_a_request_may_take_is_refused)
{
    limits.body_size_max = SIZE_MAX;
    begin_message("PUT", 0);
    append_format("Content-Length: %zu\r\n\r\n", (size_t)EXCHANGE_MEMORY_MAX + 4096);
    check_refused(feed(message.bytes, message.size, message.size), FAULT_MEMORY);
}
END_TEST

START_TEST(malformed_bytes_are_refused_at_once)
{
    check_refused(feed_text("\x01"), FAULT_REQUEST_LINE);
    start_again();
    check_refused(feed_text("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
                  FAULT_CONTENT_LENGTH);
    start_again();
    check_refused(feed_text("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz"),
                  FAULT_CHUNK);
}
END_TEST

START_TEST(a_refused_exchange_reads_no_further)
{
    check_refused(feed_text("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), FAULT_HOST);
    send_bytes("GET", 3);
    check_refused(read_all(), FAULT_HOST);
    char left[8];
    ck_assert_int_eq(recvfrom(server, left, sizeof left, MSG_DONTWAIT, NULL, NULL), 3);
}
END_TEST

START_TEST(reading_can_be_ended_by_a_refusal)
{
    ck_assert_int_eq(feed_text("GET / HTTP/1.1\r\nHo"), EXCHANGE_NEEDS_MORE);
    exchange_refuse(exchange, FAULT_HEAD_TIMEOUT);
    check_refused(read_all(), FAULT_HEAD_TIMEOUT);
}
END_TEST

/* ---- what comes behind a message ---- */

#define NEXT "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"

/* Goes on with the next exchange, which begins with what came behind this one. */
static void go_on(void)
{
    struct exchange *next = exchange_new();
    ck_assert(exchange_hand_over(exchange, next) == FAULT_NONE);
    exchange_free(exchange);
    exchange = next;
}

static void check_next(size_t already_here)
{
    ck_assert_uint_eq(exchange_has_more(exchange), already_here > 0);
    go_on();
    ck_assert_uint_eq(exchange_is_begun(exchange), already_here > 0);
    send_bytes(&NEXT[already_here], strlen(NEXT) - already_here);
    check_complete(read_all());
    check_text(exchange->request.path, "/next");
}

static void check_next_after_message(void)
{
    size_t size = message.size;
    for (size_t behind = 0; behind <= strlen(NEXT); behind++) {
        start_again();
        message.size = size;
        append(NEXT, behind);
        send_bytes(message.bytes, message.size);
        check_complete(read_all());
        ck_assert_uint_eq(exchange->request.body.size, message.body_size);
        check_next(behind);
    }
}

START_TEST(what_comes_behind_a_head_is_handed_over)
{
    make_sized(0, 0);
    check_next_after_message();
}
END_TEST

START_TEST(what_comes_behind_content_is_handed_over)
{
    make_sized(0, 77);
    check_next_after_message();
}
END_TEST

START_TEST(a_chunked_request_whose_target_has_no_path_has_the_path_of_the_root)
{
    check_complete(feed_text("POST http://a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "2\r\nhi\r\n0\r\n\r\n"));
    check_text(exchange->request.path, "/");
    check_text(exchange->request.body, "hi");
}
END_TEST

START_TEST(what_comes_behind_chunked_content_is_handed_over)
{
    make_chunked(0, 77, 20);
    check_next_after_message();
}
END_TEST

START_TEST(content_in_a_place_of_its_own_leaves_what_follows_in_the_socket)
{
    make_sized(0, 5000);
    append_text(NEXT);
    send_bytes(message.bytes, message.size);
    check_complete(read_all());
    ck_assert(!exchange_has_more(exchange));
    ck_assert(exchange->may_have_more);
    go_on();
    check_complete(read_all());
    check_text(exchange->request.path, "/next");
}
END_TEST

START_TEST(more_than_the_first_buffer_holds_can_be_handed_over)
{
    char first[1024];
    make_chunked(0, 10, 10);
    size_t first_size = message.size;
    memcpy(first, message.bytes, first_size);
    make_sized(0, 3000);
    /* The first head alone, so that there is room of 4 KiB behind it for all that follows. */
    size_t head_size = (size_t)(strstr(first, "\r\n\r\n") + 4 - first);
    ck_assert_int_eq(feed(first, head_size, head_size), EXCHANGE_NEEDS_MORE);
    send_bytes(first + head_size, first_size - head_size);
    send_bytes(message.bytes, message.size);
    send_bytes(NEXT, strlen(NEXT));
    check_complete(read_all());
    ck_assert_uint_gt(exchange->input_size - exchange->message_end, EXCHANGE_INPUT_SIZE);
    go_on();
    check_complete(read_all());
    ck_assert_uint_eq(exchange->request.body.size, 3000);
    ck_assert_mem_eq(exchange->request.body.bytes, message.body, 3000);
    go_on();
    check_complete(read_all());
    check_text(exchange->request.path, "/next");
}
END_TEST

START_TEST(a_row_of_requests_in_one_packet_comes_through_in_order)
{
    char row[4000];
    size_t size = 0;
    for (int i = 0; i < 60; i++)
        size += (size_t)snprintf(row + size, sizeof row - size, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    send_bytes(row, size);
    for (int i = 0; i < 60; i++) {
        char path[16];
        (void)snprintf(path, sizeof path, "/%d", i);
        check_complete(read_all());
        check_text(exchange->request.path, path);
        go_on();
    }
    ck_assert_int_eq(read_all(), EXCHANGE_NEEDS_MORE);
    ck_assert(!exchange_is_begun(exchange));
}
END_TEST

START_TEST(a_read_that_fills_the_room_says_that_there_may_be_more)
{
    make_sized(0, 0);
    size_t head_size = message.size;
    make_sized(EXCHANGE_INPUT_SIZE - head_size, 0);
    ck_assert_uint_eq(message.size, EXCHANGE_INPUT_SIZE);
    check_complete(feed(message.bytes, message.size, message.size));
    ck_assert(exchange->may_have_more);
    start_again();
    check_complete(feed_text(NEXT));
    ck_assert(!exchange->may_have_more);
}
END_TEST

/* ---- clients that leave ---- */

static void check_end_everywhere(void)
{
    for (size_t size = 0; size < message.size; size++) {
        start_again();
        if (size > 0) ck_assert_int_eq(feed(message.bytes, size, size), EXCHANGE_NEEDS_MORE);
        close_client();
        ck_assert_msg(read_all() == EXCHANGE_CLOSED, "after %zu bytes", size);
        ck_assert_int_lt((int)exchange->phase, EXCHANGE_READ);
    }
}

START_TEST(an_end_anywhere_in_a_message_is_the_end_of_the_connection)
{
    make_sized(0, 20);
    check_end_everywhere();
    make_chunked(0, 20, 8);
    check_end_everywhere();
}
END_TEST

START_TEST(an_end_that_comes_with_the_last_byte_does_not_hide_the_request)
{
    make_sized(0, 20);
    send_bytes(message.bytes, message.size);
    close_client();
    check_complete(read_all());
    check_message();
    go_on();
    ck_assert_int_eq(read_all(), EXCHANGE_CLOSED);
}
END_TEST

START_TEST(a_reset_is_the_end_of_the_connection)
{
    ck_assert_int_eq(feed_text("GET / HT"), EXCHANGE_NEEDS_MORE);
    ck_assert_int_eq(send(server, "unread", 6, 0), 6); /* closing with this unread resets the other side */
    close_client();
    ck_assert_int_eq(read_all(), EXCHANGE_CLOSED);
}
END_TEST

/* ---- memory ---- */

/* Under AddressSanitizer this is what finds a leak, or a use of what an earlier request left. */
START_TEST(one_exchange_serves_many_requests_one_after_the_other)
{
    for (unsigned i = 0; i < 300; i++) {
        if (i % 3 == 0)
            make_sized(i % 2 * 3000, i * 31 % 9000);
        else if (i % 3 == 1)
            make_chunked(i % 2 * 3000, i * 37 % 9000, 1 + i);
        else
            make_sized(0, 0);
        check_complete(feed(message.bytes, message.size, 1500));
        check_message();
        ck_assert_ptr_nonnull(arena_take(&exchange->request.arena, i * 100 + 1));
        exchange_release(exchange);
        exchange_init(exchange, NULL, &head_limits);
    }
}
END_TEST

START_TEST(an_empty_exchange_knows_nothing_of_the_one_before)
{
    check_refused(feed_text("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), FAULT_TRANSFER_ENCODING);
    exchange_release(exchange);
    exchange_init(exchange, NULL, &head_limits);
    ck_assert(!exchange_is_begun(exchange));
    ck_assert_int_eq(exchange->phase, EXCHANGE_READING_HEAD);
    check_complete(feed_text(NEXT));
    ck_assert(!exchange->is_chunked);
    ck_assert(!exchange->is_http_1_0);
}
END_TEST

static TCase *make_case(const char *name)
{
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, begin, end);
    tcase_set_timeout(cases, 60);
    return cases;
}

static TCase *make_message_case(void)
{
    TCase *cases = make_case("messages");
    tcase_add_test(cases, nothing_has_begun_before_the_first_byte);
    tcase_add_test(cases, a_request_without_content_is_complete_with_its_head);
    tcase_add_test(cases, the_version_and_the_wish_to_close_are_kept);
    tcase_add_test(cases, pieces_of_every_size_make_the_same_request);
    tcase_add_test(cases, large_messages_come_through_in_pieces_of_any_size);
    tcase_add_test(cases, a_message_may_end_anywhere_near_the_end_of_the_first_buffer);
    tcase_add_test(cases, a_head_may_end_anywhere_near_the_end_of_the_first_buffer);
    tcase_add_test(cases, conditions_on_several_lines_are_joined);
    tcase_add_test(cases, conditions_are_joined_when_the_content_is_chunked_too);
    tcase_add_test(cases, who_expects_to_be_told_to_continue_is_known_when_the_head_is_there);
    tcase_add_test(cases, who_does_not_expect_anything_is_not_told_to_continue);
    return cases;
}

static TCase *make_limit_case(void)
{
    TCase *cases = make_case("limits");
    tcase_add_test(cases, sized_content_may_be_as_large_as_the_limit);
    tcase_add_test(cases, sized_content_over_the_limit_is_refused_by_its_head_alone);
    tcase_add_test(cases, a_length_of_nearly_2_to_the_63_is_only_too_large);
    tcase_add_test(cases, chunked_content_may_be_as_large_as_the_limit);
    tcase_add_test(cases, chunked_content_over_the_limit_is_refused);
    tcase_add_test(cases, a_head_may_be_as_large_as_the_limit);
    tcase_add_test(cases, a_head_over_the_limit_is_refused);
    tcase_add_test(cases, a_target_over_the_limit_is_refused_before_it_ends);
    tcase_add_test(cases, content_beyond_what_a_request_may_take_is_refused);
    tcase_add_test(cases, malformed_bytes_are_refused_at_once);
    tcase_add_test(cases, a_refused_exchange_reads_no_further);
    tcase_add_test(cases, reading_can_be_ended_by_a_refusal);
    return cases;
}

static TCase *make_next_case(void)
{
    TCase *cases = make_case("what comes behind");
    tcase_add_test(cases, what_comes_behind_a_head_is_handed_over);
    tcase_add_test(cases, what_comes_behind_content_is_handed_over);
    tcase_add_test(cases, a_chunked_request_whose_target_has_no_path_has_the_path_of_the_root);
    tcase_add_test(cases, what_comes_behind_chunked_content_is_handed_over);
    tcase_add_test(cases, content_in_a_place_of_its_own_leaves_what_follows_in_the_socket);
    tcase_add_test(cases, more_than_the_first_buffer_holds_can_be_handed_over);
    tcase_add_test(cases, a_row_of_requests_in_one_packet_comes_through_in_order);
    tcase_add_test(cases, a_read_that_fills_the_room_says_that_there_may_be_more);
    tcase_add_test(cases, an_end_anywhere_in_a_message_is_the_end_of_the_connection);
    tcase_add_test(cases, an_end_that_comes_with_the_last_byte_does_not_hide_the_request);
    tcase_add_test(cases, a_reset_is_the_end_of_the_connection);
    tcase_add_test(cases, one_exchange_serves_many_requests_one_after_the_other);
    tcase_add_test(cases, an_empty_exchange_knows_nothing_of_the_one_before);
    return cases;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("exchange");
    suite_add_tcase(suite, make_message_case());
    suite_add_tcase(suite, make_limit_case());
    suite_add_tcase(suite, make_next_case());
    return suite;
}
