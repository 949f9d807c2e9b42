#include "http/request_head.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LITERAL(literal)                                                                                     \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct head_limits limits = {.target_size_max = 100, .head_size_max = 4000};

/* What became of a head. Its texts stay until the next parse. */
struct outcome {
    enum head_progress progress;
    enum fault fault;
    size_t looked_at; /* bytes that were there when the result was */
    struct request_head head;
};

/* A copy that ends with its memory, so that a read behind it is seen; *memory is freed first. */
static char *copy_text(char **memory, struct text text)
{
    free(*memory);
    *memory = malloc(1 + text.size);
    ck_assert_ptr_nonnull(*memory);
    memcpy(*memory + 1, text.bytes, text.size);
    return *memory + 1;
}

static struct outcome parse_whole(struct text bytes, const struct head_limits *under)
{
    static char *memory;
    struct outcome outcome = {.looked_at = bytes.size};
    struct head_scan scan;
    head_scan_init(&scan, under);
    outcome.progress =
        request_head_parse(copy_text(&memory, bytes), bytes.size, &scan, &outcome.head, &outcome.fault);
    return outcome;
}

/* Byte by byte, and at another place each time. */
static struct outcome parse_bytewise(struct text bytes, const struct head_limits *under)
{
    static char *memory[2];
    struct outcome outcome = {.progress = HEAD_INCOMPLETE};
    struct head_scan scan;
    head_scan_init(&scan, under);
    for (size_t size = 0; size <= bytes.size && outcome.progress == HEAD_INCOMPLETE; size++) {
        char *copy = copy_text(&memory[size % 2], (struct text){bytes.bytes, size});
        outcome.looked_at = size;
        outcome.progress = request_head_parse(copy, size, &scan, &outcome.head, &outcome.fault);
    }
    return outcome;
}

static void assert_same(struct outcome a, struct outcome b, const char *bytes)
{
    ck_assert_msg(a.progress == b.progress && a.fault == b.fault, "%d %d, bytewise %d %d: %s",
                  (int)a.progress, (int)a.fault, (int)b.progress, (int)b.fault, bytes);
    ck_assert_msg(a.head.method == b.head.method, "%s", bytes);
    ck_assert_msg(a.head.size == b.head.size, "%s", bytes);
    ck_assert_msg(text_equal(a.head.path, b.head.path), "%s", bytes);
    ck_assert_msg(text_equal(a.head.query, b.head.query), "%s", bytes);
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        ck_assert_msg((a.head.headers[i].bytes == NULL) == (b.head.headers[i].bytes == NULL), "%s", bytes);
        ck_assert_msg(text_equal(a.head.headers[i], b.head.headers[i]), "%s", bytes);
    }
}

static struct outcome parse_under(struct text bytes, const struct head_limits *under)
{
    struct outcome whole = parse_whole(bytes, under);
    assert_same(whole, parse_bytewise(bytes, under), bytes.bytes);
    return whole;
}

static struct outcome parse(struct text bytes)
{
    return parse_under(bytes, &limits);
}

/* The head of a sound request. */
static struct request_head parse_sound(const char *bytes)
{
    struct outcome outcome = parse(text_of(bytes));
    ck_assert_msg(outcome.progress == HEAD_COMPLETE, "fault %d: %s", (int)outcome.fault, bytes);
    return outcome.head;
}

static void assert_refused(struct text bytes, enum fault fault)
{
    struct outcome outcome = parse(bytes);
    ck_assert_msg(outcome.progress == HEAD_REFUSED && outcome.fault == fault,
                  "progress %d, fault %d, not %d: %s", (int)outcome.progress, (int)outcome.fault, (int)fault,
                  bytes.bytes);
}

static void assert_text(struct text actual, const char *expected)
{
    ck_assert_msg(text_equal(actual, text_of(expected)), "'%.*s', not '%s'", (int)actual.size, actual.bytes,
                  expected);
}

START_TEST(a_simple_request_is_taken_apart)
{
    static const char bytes[] = "GET /users/12345?a=b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
    struct request_head head = parse_sound(bytes);
    ck_assert_int_eq(head.method, METHOD_GET);
    ck_assert_uint_eq(head.minor_version, 1);
    assert_text(head.path, "/users/12345");
    assert_text(head.query, "a=b");
    ck_assert_uint_eq(head.size, sizeof bytes - 1);
    ck_assert(head.keep_alive);
    ck_assert(!head.has_content_length && !head.chunked && !head.expects_continue &&
              !head.is_options_asterisk);
    for (size_t i = 0; i < HEADER_COUNT; i++)
        ck_assert_ptr_null(head.headers[i].bytes);
}
END_TEST

START_TEST(a_request_with_everything_is_taken_apart)
{
    struct request_head head = parse_sound("PATCH /users/1 HTTP/1.1\r\n"
                                           "host:localhost\r\n"
                                           "User-Agent: Mozilla/5.0 (X11; \xC3\xA4)\r\n"
                                           "Accept: \t application/json \t\r\n"
                                           "Content-Type: application/merge-patch+json\r\n"
                                           "Content-Encoding: identity\r\n"
                                           "Content-Length: 17\r\n"
                                           "Idempotency-Key: \"a\tb\"\r\n"
                                           "If-Match: \"3\"\r\n"
                                           "If-None-Match:\r\n"
                                           "X-Request-Id:abc\r\n"
                                           "Expect: 100-continue\r\n"
                                           "Connection: close\r\n"
                                           "!#$%&'*+-.^_`|~: any token is a name\r\n"
                                           "\r\n");
    ck_assert_int_eq(head.method, METHOD_PATCH);
    assert_text(head.headers[HEADER_ACCEPT], "application/json");
    assert_text(head.headers[HEADER_CONTENT_TYPE], "application/merge-patch+json");
    assert_text(head.headers[HEADER_CONTENT_ENCODING], "identity");
    assert_text(head.headers[HEADER_IDEMPOTENCY_KEY], "\"a\tb\"");
    assert_text(head.headers[HEADER_IF_MATCH], "\"3\"");
    assert_text(head.headers[HEADER_IF_NONE_MATCH], "");
    ck_assert_ptr_nonnull(head.headers[HEADER_IF_NONE_MATCH].bytes);
    assert_text(head.headers[HEADER_X_REQUEST_ID], "abc");
    ck_assert(head.has_content_length && !head.chunked);
    ck_assert_uint_eq(head.content_length, 17);
    ck_assert(head.expects_continue && !head.keep_alive);
}
END_TEST

START_TEST(every_method_of_the_service_is_known)
{
    static const char *const names[METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                    "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        char bytes[64];
        (void)snprintf(bytes, sizeof bytes, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", names[i]);
        ck_assert_uint_eq(parse_sound(bytes).method, i);
    }
}
END_TEST

START_TEST(any_other_token_is_a_method_that_is_not_implemented)
{
    static const char *const names[] = {"get",   "Get", "GETS", "GE",       "CONNECT",         "TRACE",
                                        "HEADX", "X",   "PRI",  "PROPFIND", "!#$%&'*+-.^_`|~0"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char bytes[64];
        (void)snprintf(bytes, sizeof bytes, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", names[i]);
        assert_refused(text_of(bytes), FAULT_METHOD_UNKNOWN);
    }
    assert_refused(TEXT("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), FAULT_METHOD_UNKNOWN);
}
END_TEST

START_TEST(a_method_is_not_implemented_as_soon_as_it_is_longer_than_any_could_be)
{
    char bytes[128];
    (void)snprintf(bytes, sizeof bytes, "%032d / HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    assert_refused(text_of(bytes), FAULT_METHOD_UNKNOWN);
    ck_assert_int_eq(parse((struct text){bytes, REQUEST_METHOD_SIZE_MAX}).progress, HEAD_INCOMPLETE);
    (void)snprintf(bytes, sizeof bytes, "%033d", 0);
    assert_refused(text_of(bytes), FAULT_METHOD_UNKNOWN);
    assert_refused(TEXT("00000000000000000000000000000000 /\x01"), FAULT_REQUEST_LINE);
}
END_TEST

START_TEST(a_malformed_request_line_is_refused)
{
    static const struct text lines[] = {
        LITERAL(" GET / HTTP/1.1\r\n"),
        LITERAL("\tGET / HTTP/1.1\r\n"),
        LITERAL("G(T / HTTP/1.1\r\n"),
        LITERAL("GET: / HTTP/1.1\r\n"),
        LITERAL("G\xC3\x84T / HTTP/1.1\r\n"),
        LITERAL("\"GET\" / HTTP/1.1\r\n"),
        LITERAL("G\0T / HTTP/1.1\r\n"),
        LITERAL("/ HTTP/1.1\r\n"),
        LITERAL("GET\r\n"),
        LITERAL("GET \r\n"),
        LITERAL("GET /\r\n"),
        LITERAL("GET / \r\n"),
        LITERAL("GET HTTP/1.1\r\n"),
        LITERAL("GET  / HTTP/1.1\r\n"),
        LITERAL("GET\t/ HTTP/1.1\r\n"),
        LITERAL("GET /\tHTTP/1.1\r\n"),
        LITERAL("GET /  HTTP/1.1\r\n"),
        LITERAL("GET / a HTTP/1.1\r\n"),
        LITERAL("GET / HTTP/1.1 \r\n"),
        LITERAL("GET / HTTP/1.1\t\r\n"),
        LITERAL("GET / HTTP/1.1 x\r\n"),
        LITERAL("GET / http/1.1\r\n"),
        LITERAL("GET / Http/1.1\r\n"),
        LITERAL("GET / HTTP/1\r\n"),
        LITERAL("GET / HTTP/1.\r\n"),
        LITERAL("GET / HTTP/.1\r\n"),
        LITERAL("GET / HTTP/11.1\r\n"),
        LITERAL("GET / HTTP/1.10\r\n"),
        LITERAL("GET / HTTP/1.1.1\r\n"),
        LITERAL("GET / HTTP/1,1\r\n"),
        LITERAL("GET / HTTP/a.1\r\n"),
        LITERAL("GET / HTTP/1.a\r\n"),
        LITERAL("GET / HTTP /1.1\r\n"),
        LITERAL("GET / HTTP/ 1.1\r\n"),
        LITERAL("GET / HTTPS/1.1\r\n"),
        LITERAL("GET / XTTP/1.1\r\n"),
        LITERAL("GET / HTTP/1.1\n"),
        LITERAL("GET / HTTP/1.1\r\r\n"),
        LITERAL("GET / HTTP/1.1\rX"),
        LITERAL("GET / HTTP/1.1\0\r\n"),
        LITERAL("GET /\n"),
        LITERAL("GET /\x0bHTTP/1.1\r\n"),
        LITERAL("GET /\0 HTTP/1.1\r\n"),
        LITERAL("GET /a\x7f HTTP/1.1\r\n"),
        LITERAL("GET /\ra HTTP/1.1\r\n"),
        LITERAL("\xEF\xBB\xBFGET / HTTP/1.1\r\n"),
        LITERAL("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        LITERAL("{\"json\":1}\r\n"),
        LITERAL("\x00"),
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        char bytes[128];
        assert_refused(lines[i], FAULT_REQUEST_LINE);
        memcpy(bytes, lines[i].bytes, lines[i].size);
        memcpy(bytes + lines[i].size, "Host: a\r\n\r\n", 11);
        assert_refused((struct text){bytes, lines[i].size + 11}, FAULT_REQUEST_LINE);
    }
}
END_TEST

START_TEST(empty_lines_before_the_request_line_are_skipped_and_counted)
{
    static const char bytes[] = "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct request_head head = parse_sound(bytes);
    ck_assert_uint_eq(head.size, sizeof bytes - 1);
    assert_text(head.path, "/");
    assert_refused(TEXT("\nGET / HTTP/1.1\r\n"), FAULT_REQUEST_LINE);
    assert_refused(TEXT("\rGET / HTTP/1.1\r\n"), FAULT_REQUEST_LINE);
    assert_refused(TEXT("\r\n\nGET / HTTP/1.1\r\n"), FAULT_REQUEST_LINE);
    assert_refused(TEXT("\r\n\r\r\nGET / HTTP/1.1\r\n"), FAULT_REQUEST_LINE);
    assert_refused(TEXT("\r\n GET / HTTP/1.1\r\n"), FAULT_REQUEST_LINE);
}
END_TEST

START_TEST(versions_1_0_to_1_9_are_spoken)
{
    for (unsigned minor = 0; minor <= 9; minor++) {
        char bytes[64];
        (void)snprintf(bytes, sizeof bytes, "GET / HTTP/1.%u\r\nHost: a\r\n\r\n", minor);
        ck_assert_uint_eq(parse_sound(bytes).minor_version, minor == 0 ? 0 : 1);
    }
}
END_TEST

START_TEST(other_major_versions_are_refused_once_the_head_is_complete)
{
    assert_refused(TEXT("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), FAULT_HTTP_VERSION);
    assert_refused(TEXT("GET / HTTP/2.0\r\n\r\n"), FAULT_HTTP_VERSION);
    assert_refused(TEXT("GET / HTTP/0.9\r\n\r\n"), FAULT_HTTP_VERSION);
    assert_refused(TEXT("GET / HTTP/3.1\r\nHost: a\r\nHost: b\r\n\r\n"), FAULT_HTTP_VERSION);
    assert_refused(TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), FAULT_HTTP_VERSION);
    assert_refused(TEXT("GET / HTTP/2.0\r\nHost : a\r\n\r\n"), FAULT_FIELD);
    ck_assert_int_eq(parse(TEXT("GET / HTTP/2.0\r\n")).progress, HEAD_INCOMPLETE);
}
END_TEST

START_TEST(a_path_is_normalised_in_place_when_the_head_is_complete)
{
    struct request_head head =
        parse_sound("GET /%75sers/%31%2f?%61 HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n");
    assert_text(head.path, "/users/1%2f");
    assert_text(head.query, "%61");
    assert_text(head.headers[HEADER_ACCEPT], "b");
    char incomplete[] = "GET /%75sers HTTP/1.1\r\n";
    struct head_scan scan;
    enum fault fault;
    head_scan_init(&scan, &limits);
    ck_assert_int_eq(request_head_parse(incomplete, sizeof incomplete - 1, &scan, &head, &fault),
                     HEAD_INCOMPLETE);
    ck_assert_str_eq(incomplete, "GET /%75sers HTTP/1.1\r\n");
}
END_TEST

START_TEST(every_form_of_target_gives_a_path)
{
    assert_text(parse_sound("GET http://a HTTP/1.1\r\nHost: b\r\n\r\n").path, "/");
    struct request_head head = parse_sound("GET http://a?b HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_text(head.path, "/");
    assert_text(head.query, "b");
    head = parse_sound("GET https://a:1/%61 HTTP/1.1\r\nHost:\r\n\r\n");
    assert_text(head.path, "/a");
    head = parse_sound("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_text(head.path, "*");
    ck_assert(head.is_options_asterisk);
    ck_assert(parse_sound("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").is_options_asterisk);
    ck_assert(!parse_sound("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n").is_options_asterisk);
}
END_TEST

START_TEST(a_host_in_the_target_does_not_make_up_for_host)
{
    assert_refused(TEXT("GET http://a/ HTTP/1.1\r\n\r\n"), FAULT_HOST);
    assert_refused(TEXT("GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n"), FAULT_HOST);
}
END_TEST

START_TEST(a_malformed_target_is_refused_at_its_end)
{
    static const struct text heads[] = {
        LITERAL("GET * "), LITERAL("GET a "),        LITERAL("GET /% "),          LITERAL("GET /%00 "),
        LITERAL("GET /#"), LITERAL("GET /\xC3"),     LITERAL("GET /\""),          LITERAL("GET /[ "),
        LITERAL("GET /|"), LITERAL("GET http:// "),  LITERAL("GET http://u@h/ "), LITERAL("GET a:80 "),
        LITERAL("FOO a "), LITERAL("GET HTTP/1.1 "),
    };
    for (size_t i = 0; i < COUNT(heads); i++) {
        assert_refused(heads[i], FAULT_TARGET);
        ck_assert_int_eq(parse((struct text){heads[i].bytes, heads[i].size - 1}).progress, HEAD_INCOMPLETE);
    }
}
END_TEST

START_TEST(a_malformed_field_is_refused)
{
    static const struct text fields[] = {
        LITERAL("Host : a\r\n"),
        LITERAL("Host\t: a\r\n"),
        LITERAL(" Host: a\r\n"),
        LITERAL("\tHost: a\r\n"),
        LITERAL("Host: a\r\n b\r\n"),
        LITERAL("Host: a\r\n\tb\r\n"),
        LITERAL("Host: a\r\nX: a\r\n b: c\r\n"),
        LITERAL("Host: a\r\n \r\n"),
        LITERAL(": a\r\n"),
        LITERAL("Host\r\n"),
        LITERAL("Host a\r\n"),
        LITERAL("Ho st: a\r\n"),
        LITERAL("Ho(st): a\r\n"),
        LITERAL("\"Host\": a\r\n"),
        LITERAL("Ho\0st: a\r\n"),
        LITERAL("H\xC3\xB6st: a\r\n"),
        LITERAL("Host\r: a\r\n"),
        LITERAL("Host: a\n"),
        LITERAL("Host: a\r"
                "b\r\n"),
        LITERAL("Host: a\r\r\n"),
        LITERAL("Host: a\0\r\n"),
        LITERAL("Host: a\r\nX: \0\r\n"),
        LITERAL("Host: a\r\nX: a\x01"
                "b\r\n"),
        LITERAL("Host: a\r\nX: a\x08\r\n"),
        LITERAL("Host: a\r\nX: \x0b\r\n"),
        LITERAL("Host: a\r\nX: a\x0c\r\n"),
        LITERAL("Host: a\r\nX: aaaaaaaa\x1f\r\n"),
        LITERAL("Host: a\r\nX: aaaaaaa\x7f\r\n"),
        LITERAL("Host: a\r\nX: a\nTransfer-Encoding: chunked\r\n"),
        LITERAL("Host: a\r\n\nX: a\r\n"),
        LITERAL("Host: a\r\n\rX: a\r\n"),
        LITERAL("Host: a\r\n\r\rX: a\r\n"),
        LITERAL("Transfer-Encoding : chunked\r\nHost: a\r\n"),
        LITERAL("Transfer-Encoding: chunked\0\r\nHost: a\r\n"),
        LITERAL("Transfer-Encoding: \x0b"
                "chunked\r\nHost: a\r\n"),
        LITERAL("Host: a\r\nConnection: a b\r\n"),
        LITERAL("Host: a\r\nContent-Type: a\r\nContent-Type: b\r\n"),
    };
    for (size_t i = 0; i < COUNT(fields); i++) {
        char bytes[256] = "GET / HTTP/1.1\r\n";
        size_t size = strlen(bytes);
        memcpy(bytes + size, fields[i].bytes, fields[i].size);
        memcpy(bytes + size + fields[i].size, "\r\n", 2);
        assert_refused((struct text){bytes, size + fields[i].size + 2}, FAULT_FIELD);
    }
}
END_TEST

START_TEST(a_value_may_have_every_character_that_is_no_control_at_every_place)
{
    for (int code = 0; code < 256; code++) {
        for (size_t place = 0; place < 17; place++) {
            char bytes[] = "GET / HTTP/1.1\r\nHost: a\r\nX:aaaaaaaaaaaaaaaaa\r\n\r\n";
            strchr(bytes, 'X')[2 + place] = (char)code;
            bool is_sound = code == '\t' || (code >= ' ' && code != 0x7F);
            struct outcome outcome = parse_whole((struct text){bytes, sizeof bytes - 1}, &limits);
            ck_assert_msg((outcome.progress == HEAD_COMPLETE) == is_sound, "byte %d at %zu", code, place);
            if (!is_sound) ck_assert_int_eq(outcome.fault, FAULT_FIELD);
        }
    }
}
END_TEST

START_TEST(blanks_around_a_value_are_no_part_of_it)
{
    struct request_head head = parse_sound("GET / HTTP/1.1\r\nHost: \t a \t\r\nX-Request-Id:\t \t\r\n"
                                           "Accept:\ta b\t c \r\nTransfer-Encoding: \tchunked\t \r\n\r\n");
    assert_text(head.headers[HEADER_X_REQUEST_ID], "");
    assert_text(head.headers[HEADER_ACCEPT], "a b\t c");
    ck_assert(head.chunked);
}
END_TEST

START_TEST(framing_is_what_the_fields_say)
{
    struct request_head head =
        parse_sound("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    ck_assert(head.chunked && !head.has_content_length);
    head = parse_sound("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    ck_assert(!head.chunked && head.has_content_length);
    ck_assert_uint_eq(head.content_length, 0);
    head = parse_sound("POST / HTTP/1.0\r\nContent-Length: 9223372036854775807\r\n\r\n");
    ck_assert_uint_eq(head.content_length, INT64_MAX);
}
END_TEST

START_TEST(a_connection_persists_as_version_and_connection_say)
{
    static const struct {
        const char *bytes;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: upgrade\r\n\r\n", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        ck_assert_msg(parse_sound(cases[i].bytes).keep_alive == cases[i].keep_alive, "%s", cases[i].bytes);
}
END_TEST

START_TEST(expect_is_ignored_in_http_1_0_unless_it_is_unknown)
{
    ck_assert(parse_sound("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n").expects_continue);
    ck_assert(!parse_sound("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
    assert_refused(TEXT("PUT / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n"), FAULT_EXPECTATION);
    assert_refused(TEXT("PUT / HTTP/1.0\r\nExpect: x\r\n\r\n"), FAULT_EXPECTATION);
}
END_TEST

START_TEST(of_several_faults_the_gravest_is_reported)
{
    /* Each has the fault that is named, and all that come after it. */
    assert_refused(TEXT("F(O * HTTP/2.0\r\nA : b\r\n\r\n"), FAULT_REQUEST_LINE);
    assert_refused(TEXT("GET /% HTTP/2.0\r\nA : b\r\n\r\n"), FAULT_TARGET);
    assert_refused(TEXT("FOO / HTTP/2.0\r\nContent-Length: x\r\nA : b\r\n\r\n"), FAULT_FIELD);
    assert_refused(TEXT("FOO / HTTP/2.0\r\nContent-Length: x\r\n\r\n"), FAULT_HTTP_VERSION);
    assert_refused(
        TEXT("FOO / HTTP/1.1\r\nExpect: x\r\nContent-Length: x\r\nTransfer-Encoding: gzip\r\n\r\n"),
        FAULT_TRANSFER_ENCODING);
    assert_refused(TEXT("FOO / HTTP/1.1\r\nExpect: x\r\nContent-Length: x\r\n\r\n"), FAULT_CONTENT_LENGTH);
    assert_refused(TEXT("FOO / HTTP/1.1\r\nExpect: x\r\nContent-Length: 99999999999999999999\r\n\r\n"),
                   FAULT_BODY_TOO_LARGE);
    assert_refused(TEXT("FOO / HTTP/1.1\r\nExpect: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
                   FAULT_HOST);
    assert_refused(TEXT("FOO / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
                   FAULT_METHOD_UNKNOWN);
    assert_refused(TEXT("PUT / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
                   FAULT_TRANSFER_CODING_UNKNOWN);
    assert_refused(TEXT("PUT / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n"), FAULT_EXPECTATION);
}
END_TEST

START_TEST(a_refusal_tells_what_is_known_by_then)
{
    struct request_head head = parse(TEXT("HEAD / HTTP/1.0\r\nX-Request-Id: abc\r\nX : y\r\n\r\n")).head;
    ck_assert_int_eq(head.method, METHOD_HEAD);
    ck_assert_uint_eq(head.minor_version, 0);
    assert_text(head.headers[HEADER_X_REQUEST_ID], "abc");
    ck_assert_uint_eq(head.size, 0);
    ck_assert_ptr_null(head.path.bytes);
    ck_assert(!head.keep_alive);

    head = parse(TEXT("HEAD /% HTTP/1.0\r\n")).head;
    ck_assert_int_eq(head.method, METHOD_HEAD);
    ck_assert_uint_eq(head.minor_version, 1);
    ck_assert_ptr_null(head.headers[HEADER_X_REQUEST_ID].bytes);

    head = parse(TEXT("head / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc\r\n\r\n")).head;
    ck_assert_int_eq(head.method, METHOD_COUNT);
    assert_text(head.headers[HEADER_X_REQUEST_ID], "abc");
    ck_assert_int_eq(parse(TEXT("HEA(")).head.method, METHOD_COUNT);
}
END_TEST

START_TEST(an_incomplete_head_tells_what_is_known_by_then)
{
    struct outcome outcome = parse(TEXT("HEAD / HTTP/1.1\r\nX-Request-Id: abc\r\nX"));
    ck_assert_int_eq(outcome.progress, HEAD_INCOMPLETE);
    ck_assert_int_eq(outcome.head.method, METHOD_HEAD);
    assert_text(outcome.head.headers[HEADER_X_REQUEST_ID], "abc");
    ck_assert_int_eq(parse(TEXT("HEAD")).head.method, METHOD_COUNT);
}
END_TEST

START_TEST(every_beginning_of_a_sound_head_is_incomplete)
{
    static const char bytes[] = "\r\nGET /a?b HTTP/1.1\r\nHost: a\r\nAccept: b c \r\nX:\r\n\r\n";
    for (size_t size = 0; size < sizeof bytes - 1; size++)
        ck_assert_int_eq(parse((struct text){bytes, size}).progress, HEAD_INCOMPLETE);
    ck_assert_int_eq(parse(TEXT("")).progress, HEAD_INCOMPLETE);
    parse_sound(bytes);
}
END_TEST

START_TEST(what_follows_the_head_is_left_alone)
{
    struct outcome outcome = parse(TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n\0\x16 garbage \r\n"));
    ck_assert_int_eq(outcome.progress, HEAD_COMPLETE);
    ck_assert_uint_eq(outcome.head.size, 27);
}
END_TEST

START_TEST(what_is_wrong_is_reported_with_the_byte_that_makes_it_so)
{
    static const struct text heads[] = {
        LITERAL("\x16"),
        LITERAL("\n"),
        LITERAL("\r\n\rX"),
        LITERAL("GET\t"),
        LITERAL("GET  "),
        LITERAL("GET /\x01"),
        LITERAL("GET /#"),
        LITERAL("GET /% "),
        LITERAL("GET / h"),
        LITERAL("GET / HTTP/1.1\n"),
        LITERAL("GET / HTTP/1.1\r\n "),
        LITERAL("GET / HTTP/1.1\r\nA "),
        LITERAL("GET / HTTP/1.1\r\nA: \x01"),
        LITERAL("GET / HTTP/1.1\r\nA: b\n"),
        LITERAL("GET / HTTP/1.1\r\nA: b\r\r"),
        LITERAL("GET / HTTP/1.1\r\nA: b\r\n\rX"),
    };
    for (size_t i = 0; i < COUNT(heads); i++) {
        char bytes[64] = {0};
        memcpy(bytes, heads[i].bytes, heads[i].size);
        struct outcome outcome = parse_bytewise((struct text){bytes, sizeof bytes}, &limits);
        ck_assert_int_eq(outcome.progress, HEAD_REFUSED);
        ck_assert_msg(outcome.looked_at == heads[i].size, "at %zu: %s", outcome.looked_at, bytes);
    }
}
END_TEST

/* "GET " and a target of this size, and what comes then. */
static struct text make_target(char *at, size_t target_size, const char *rest)
{
    memcpy(at, "GET /", 5);
    memset(at + 5, 'a', target_size - 1);
    memcpy(at + 4 + target_size, rest, strlen(rest) + 1);
    return text_of(at);
}

START_TEST(a_target_up_to_its_limit_is_taken)
{
    char bytes[256];
    for (size_t size = limits.target_size_max - 1; size <= limits.target_size_max; size++) {
        struct outcome outcome = parse(make_target(bytes, size, " HTTP/1.1\r\nHost: a\r\n\r\n"));
        ck_assert_int_eq(outcome.progress, HEAD_COMPLETE);
        ck_assert_uint_eq(outcome.head.path.size, size);
    }
}
END_TEST

START_TEST(a_target_over_its_limit_is_refused_with_its_first_byte_too_many)
{
    char bytes[256];
    size_t size = limits.target_size_max + 1;
    assert_refused(make_target(bytes, size, " HTTP/1.1\r\nHost: a\r\n\r\n"), FAULT_TARGET_TOO_LONG);
    assert_refused(make_target(bytes, size, ""), FAULT_TARGET_TOO_LONG);
    assert_refused(make_target(bytes, size, "#"), FAULT_TARGET_TOO_LONG);
    assert_refused(make_target(bytes, size - 1, "#"), FAULT_TARGET);
    ck_assert_int_eq(parse(make_target(bytes, size - 1, "")).progress, HEAD_INCOMPLETE);
}
END_TEST

/* A sound head of exactly this size. */
static struct text make_head(char *at, size_t size)
{
    static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    memset(at, 'x', size);
    memcpy(at, start, sizeof start - 1);
    memcpy(at + size - 4, "\r\n\r\n", 4);
    return (struct text){at, size};
}

START_TEST(a_head_up_to_its_limit_is_taken)
{
    char bytes[4096];
    for (size_t size = limits.head_size_max - 1; size <= limits.head_size_max; size++) {
        struct outcome outcome = parse(make_head(bytes, size));
        ck_assert_int_eq(outcome.progress, HEAD_COMPLETE);
        ck_assert_uint_eq(outcome.head.size, size);
    }
    struct outcome outcome = parse((struct text){bytes, limits.head_size_max - 1});
    ck_assert_int_eq(outcome.progress, HEAD_INCOMPLETE);
}
END_TEST

START_TEST(a_head_over_its_limit_is_refused)
{
    char bytes[4096];
    struct text head = make_head(bytes, limits.head_size_max + 1);
    assert_refused(head, FAULT_HEAD_TOO_LARGE);
    assert_refused((struct text){bytes, limits.head_size_max}, FAULT_HEAD_TOO_LARGE);
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "GET / HTTP/1.1\r\n", 16);
    assert_refused((struct text){bytes, sizeof bytes}, FAULT_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(empty_lines_count_towards_the_size_of_the_head)
{
    static const char bytes[] = "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct head_limits tight = {.target_size_max = 10, .head_size_max = sizeof bytes - 1};
    ck_assert_int_eq(parse_under(text_of(bytes), &tight).progress, HEAD_COMPLETE);
    tight.head_size_max--;
    ck_assert_int_eq(parse_under(text_of(bytes), &tight).fault, FAULT_HEAD_TOO_LARGE);
    tight.head_size_max = 4;
    ck_assert_int_eq(parse_under(TEXT("\r\n\r\n\r\n"), &tight).fault, FAULT_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(a_head_that_ends_within_its_target_has_a_target_too_long)
{
    struct head_limits wide_target = {.target_size_max = 1000, .head_size_max = 50};
    char bytes[256];
    ck_assert_int_eq(parse_under(make_target(bytes, 60, ""), &wide_target).fault, FAULT_TARGET_TOO_LONG);
    ck_assert_int_eq(parse_under(make_target(bytes, 45, ""), &wide_target).progress, HEAD_INCOMPLETE);
    ck_assert_int_eq(parse_under(make_target(bytes, 45, " HTTP/1.1\r\n"), &wide_target).fault,
                     FAULT_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(fields_up_to_their_maximum_are_taken)
{
    char bytes[1024] = "GET / HTTP/1.1\r\nHost: a\r\n";
    char *at = bytes + strlen(bytes);
    for (unsigned i = 0; i < REQUEST_FIELDS_MAX - 1; i++) {
        memcpy(at, "X:\r\n", 4);
        at += 4;
    }
    memcpy(at, "\r\n", 3);
    parse_sound(bytes);
    memcpy(at, "X", 2);
    assert_refused(text_of(bytes), FAULT_HEAD_TOO_LARGE);
    memcpy(at, " ", 2);
    assert_refused(text_of(bytes), FAULT_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(requests_in_one_buffer_follow_each_other)
{
    char bytes[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nPUT /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    char *at = bytes;
    size_t left = sizeof bytes - 1;
    struct request_head head;
    for (int i = 0; i < 2; i++) {
        struct head_scan scan;
        enum fault fault;
        head_scan_init(&scan, &limits);
        ck_assert_int_eq(request_head_parse(at, left, &scan, &head, &fault), HEAD_COMPLETE);
        assert_text(head.path, i == 0 ? "/1" : "/2");
        at += head.size;
        left -= head.size;
    }
    ck_assert_uint_eq(left, 0);
    ck_assert_int_eq(head.method, METHOD_PUT);
}
END_TEST

static void add_grammar(Suite *suite)
{
    TCase *test_case = tcase_create("grammar");
    tcase_add_test(test_case, a_simple_request_is_taken_apart);
    tcase_add_test(test_case, a_request_with_everything_is_taken_apart);
    tcase_add_test(test_case, every_method_of_the_service_is_known);
    tcase_add_test(test_case, any_other_token_is_a_method_that_is_not_implemented);
    tcase_add_test(test_case, a_malformed_request_line_is_refused);
    tcase_add_test(test_case, empty_lines_before_the_request_line_are_skipped_and_counted);
    tcase_add_test(test_case, versions_1_0_to_1_9_are_spoken);
    tcase_add_test(test_case, other_major_versions_are_refused_once_the_head_is_complete);
    tcase_add_test(test_case, a_path_is_normalised_in_place_when_the_head_is_complete);
    tcase_add_test(test_case, every_form_of_target_gives_a_path);
    tcase_add_test(test_case, a_host_in_the_target_does_not_make_up_for_host);
    tcase_add_test(test_case, a_malformed_target_is_refused_at_its_end);
    tcase_add_test(test_case, a_malformed_field_is_refused);
    tcase_add_test(test_case, a_value_may_have_every_character_that_is_no_control_at_every_place);
    tcase_add_test(test_case, blanks_around_a_value_are_no_part_of_it);
    suite_add_tcase(suite, test_case);
}

static void add_meaning(Suite *suite)
{
    TCase *test_case = tcase_create("meaning");
    tcase_add_test(test_case, framing_is_what_the_fields_say);
    tcase_add_test(test_case, a_connection_persists_as_version_and_connection_say);
    tcase_add_test(test_case, expect_is_ignored_in_http_1_0_unless_it_is_unknown);
    tcase_add_test(test_case, of_several_faults_the_gravest_is_reported);
    tcase_add_test(test_case, a_refusal_tells_what_is_known_by_then);
    suite_add_tcase(suite, test_case);
}

static void add_pieces_and_limits(Suite *suite)
{
    TCase *test_case = tcase_create("pieces and limits");
    tcase_add_test(test_case, a_method_is_not_implemented_as_soon_as_it_is_longer_than_any_could_be);
    tcase_add_test(test_case, an_incomplete_head_tells_what_is_known_by_then);
    tcase_add_test(test_case, every_beginning_of_a_sound_head_is_incomplete);
    tcase_add_test(test_case, what_follows_the_head_is_left_alone);
    tcase_add_test(test_case, what_is_wrong_is_reported_with_the_byte_that_makes_it_so);
    tcase_add_test(test_case, a_target_up_to_its_limit_is_taken);
    tcase_add_test(test_case, a_target_over_its_limit_is_refused_with_its_first_byte_too_many);
    tcase_add_test(test_case, a_head_up_to_its_limit_is_taken);
    tcase_add_test(test_case, a_head_over_its_limit_is_refused);
    tcase_add_test(test_case, empty_lines_count_towards_the_size_of_the_head);
    tcase_add_test(test_case, a_head_that_ends_within_its_target_has_a_target_too_long);
    tcase_add_test(test_case, fields_up_to_their_maximum_are_taken);
    tcase_add_test(test_case, requests_in_one_buffer_follow_each_other);
    suite_add_tcase(suite, test_case);
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("request_head");
    add_grammar(suite);
    add_meaning(suite);
    add_pieces_and_limits(suite);
    return suite;
}
