#include "http/chunked_body.h"

#include "base/text.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LITERAL(literal)                                                                                     \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define BODY_SIZE_MAX UINT64_C(1000)

struct outcome {
    enum chunk_progress progress;
    enum fault fault;
    size_t consumed;
    struct text content; /* stays until the next outcome of the same piece size */
};

/* Feeds bytes in pieces, each of which ends with its memory, so that a read behind it is seen. */
static struct outcome feed_pieces(struct text bytes, size_t piece_size, uint64_t body_size_max)
{
    static char contents[2][32768];
    char *content = contents[piece_size == 1];
    struct outcome outcome = {.content = {content, 0}};
    struct chunked_body body;
    chunked_body_init(&body, body_size_max);
    while (outcome.progress == CHUNK_MORE && outcome.consumed < bytes.size) {
        size_t left = bytes.size - outcome.consumed;
        size_t size = left < piece_size ? left : piece_size;
        char *memory = malloc(1 + size);
        if (memory == NULL) ck_abort();
        memcpy(memory + 1, bytes.bytes + outcome.consumed, size);
        struct chunk_piece piece;
        outcome.progress = chunked_body_feed(&body, memory + 1, size, &piece);
        /* Each assertion of Check is a system call, too slow for every byte. */
        if (piece.written > piece.consumed) ck_abort_msg("more written than consumed");
        if ((piece.fault != FAULT_NONE) != (outcome.progress == CHUNK_REFUSED))
            ck_abort_msg("fault or no fault?");
        if (outcome.progress == CHUNK_MORE && piece.consumed < size) ck_abort_msg("bytes left over");
        memcpy(content + outcome.content.size, memory + 1, piece.written);
        free(memory);
        outcome.content.size += piece.written;
        outcome.consumed += piece.consumed;
        outcome.fault = piece.fault;
    }
    return outcome;
}

/* In one piece and byte by byte: the outcome must be the same. */
static struct outcome feed_up_to(struct text bytes, uint64_t body_size_max)
{
    struct outcome whole = feed_pieces(bytes, SIZE_MAX, body_size_max);
    struct outcome bytewise = feed_pieces(bytes, 1, body_size_max);
    ck_assert_msg(whole.progress == bytewise.progress && whole.fault == bytewise.fault, "%s", bytes.bytes);
    ck_assert_msg(whole.consumed == bytewise.consumed, "%s", bytes.bytes);
    ck_assert_msg(text_equal(whole.content, bytewise.content), "%s", bytes.bytes);
    return whole;
}

static struct outcome feed(struct text bytes)
{
    return feed_up_to(bytes, BODY_SIZE_MAX);
}

static void assert_content(struct text bytes, struct text content)
{
    struct outcome outcome = feed(bytes);
    ck_assert_msg(outcome.progress == CHUNK_COMPLETE, "progress %d, fault %d: %s", (int)outcome.progress,
                  (int)outcome.fault, bytes.bytes);
    ck_assert_uint_eq(outcome.consumed, bytes.size);
    ck_assert_msg(text_equal(outcome.content, content), "'%.*s': %s", (int)outcome.content.size,
                  outcome.content.bytes, bytes.bytes);
}

static void assert_refused(struct text bytes, enum fault fault)
{
    struct outcome outcome = feed(bytes);
    ck_assert_msg(outcome.progress == CHUNK_REFUSED && outcome.fault == fault,
                  "progress %d, fault %d, not %d: %s", (int)outcome.progress, (int)outcome.fault, (int)fault,
                  bytes.bytes);
}

START_TEST(chunks_are_put_together)
{
    assert_content(TEXT("0\r\n\r\n"), TEXT(""));
    assert_content(TEXT("5\r\nhello\r\n0\r\n\r\n"), TEXT("hello"));
    assert_content(TEXT("5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n"), TEXT("hello, world"));
    assert_content(TEXT("a\r\n0123456789\r\n0B\r\n0123456789A\r\n000\r\n\r\n"),
                   TEXT("01234567890123456789A"));
    assert_content(TEXT("00000000000000000000000000000000001\r\nx\r\n0\r\n\r\n"), TEXT("x"));
}
END_TEST

START_TEST(content_may_be_anything)
{
    assert_content(TEXT("7\r\n0\r\n\r\n\0\r\r\n0\r\n\r\n"), TEXT("0\r\n\r\n\0\r"));
    char bytes[300] = "100\r\n";
    for (int code = 0; code < 256; code++)
        bytes[5 + code] = (char)code;
    memcpy(bytes + 261, "\r\n0\r\n\r\n", 7);
    char content[256];
    memcpy(content, bytes + 5, sizeof content);
    assert_content((struct text){bytes, 268}, (struct text){content, sizeof content});
}
END_TEST

START_TEST(what_follows_the_last_chunk_is_not_consumed)
{
    struct outcome outcome = feed(TEXT("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n"));
    ck_assert_int_eq(outcome.progress, CHUNK_COMPLETE);
    ck_assert_uint_eq(outcome.consumed, 11);
    ck_assert_uint_eq(outcome.content.size, 1);
}
END_TEST

START_TEST(every_beginning_of_a_sound_body_wants_more)
{
    static const char bytes[] = "2;a=\"b\\\"\" ; c\r\nxy\r\n0 ;d\r\nA: b\r\n\r\n";
    for (size_t size = 0; size < sizeof bytes - 1; size++)
        ck_assert_int_eq(feed((struct text){bytes, size}).progress, CHUNK_MORE);
    assert_content(text_of(bytes), TEXT("xy"));
}
END_TEST

START_TEST(a_finished_body_consumes_nothing_more)
{
    struct chunked_body body;
    struct chunk_piece piece;
    char bytes[] = "0\r\n\r\n";
    chunked_body_init(&body, BODY_SIZE_MAX);
    ck_assert_int_eq(chunked_body_feed(&body, bytes, sizeof bytes - 1, &piece), CHUNK_COMPLETE);
    ck_assert_int_eq(chunked_body_feed(&body, bytes, sizeof bytes - 1, &piece), CHUNK_COMPLETE);
    ck_assert_uint_eq(piece.consumed, 0);
}
END_TEST

START_TEST(extensions_are_checked_and_forgotten)
{
    static const char *const lines[] = {
        "1;a",
        "1;a=b",
        "1;a=\"b\"",
        "1;a=\"\"",
        "1;a=\"b\\\"c\\\\\"",
        "1;a;b=c;d=\"e;f\"",
        "1 ; a = b",
        "1\t;\ta\t=\tb",
        "1;a=\"\t \x80\xFF\"",
        "1 ;a ;b=c ;d=\"e\" ;f",
        "1;a=\"\\a\"",
    };
    static const char *const last[] = {"0;a=b\r\n\r\n", "0 ; a=\"b\"\r\n\r\n"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        char bytes[128];
        (void)snprintf(bytes, sizeof bytes, "%s\r\nx\r\n%s", lines[i], last[i % 2]);
        assert_content(text_of(bytes), TEXT("x"));
    }
}
END_TEST

START_TEST(malformed_chunks_are_refused)
{
    static const struct text bodies[] = {
        LITERAL("\r\n"),
        LITERAL("\n"),
        LITERAL(" 1\r\nx\r\n0\r\n\r\n"),
        LITERAL("\t1\r\nx\r\n0\r\n\r\n"),
        LITERAL("+1\r\nx\r\n0\r\n\r\n"),
        LITERAL("-1\r\nx\r\n0\r\n\r\n"),
        LITERAL("0x1\r\nx\r\n0\r\n\r\n"),
        LITERAL("1_0\r\n"),
        LITERAL("g\r\n"),
        LITERAL("1g\r\n"),
        LITERAL("1.0\r\n"),
        LITERAL("1 \r\nx\r\n0\r\n\r\n"),
        LITERAL("1\t\r\nx\r\n0\r\n\r\n"),
        LITERAL("1 1\r\n"),
        LITERAL("0 \r\n\r\n"),
        LITERAL("\"1\"\r\n"),
        LITERAL(";a\r\n"),
        LITERAL("1\nx\r\n0\r\n\r\n"),
        LITERAL("1\rx\r\n0\r\n\r\n"),
        LITERAL("1\r\rx"),
        LITERAL("1\0\r\nx"),
        LITERAL("\0"),
        LITERAL("\xB1\r\n"),
        LITERAL("1\r\nxx\r\n0\r\n\r\n"),
        LITERAL("2\r\nx\r\n0\r\n\r\n"),
        LITERAL("1\r\nx0\r\n\r\n"),
        LITERAL("1\r\nx\n0\r\n\r\n"),
        LITERAL("1\r\nx\r0\r\n\r\n"),
        LITERAL("1\r\nx\r\r\n0\r\n\r\n"),
        LITERAL("1\r\nx\n\r0\r\n\r\n"),
        LITERAL("1\r\nx\r\n\r\n"),
        LITERAL("1\r\nx\r\n\r\n0\r\n\r\n"),
        LITERAL("1;\r\nx"),
        LITERAL("1; \r\nx"),
        LITERAL("1;a \r\nx"),
        LITERAL("1;a=\r\nx"),
        LITERAL("1;a= \r\nx"),
        LITERAL("1;a=b \r\nx"),
        LITERAL("1;a=\"b\" \r\nx"),
        LITERAL("1;=b\r\nx"),
        LITERAL("1;;a\r\nx"),
        LITERAL("1;a b\r\nx"),
        LITERAL("1;a=b c\r\nx"),
        LITERAL("1;a=b=c\r\nx"),
        LITERAL("1;a=\"b\"c\r\nx"),
        LITERAL("1;a=\"b\"\"c\"\r\nx"),
        LITERAL("1;a=b\"c\"\r\nx"),
        LITERAL("1;a\"b\"\r\nx"),
        LITERAL("1;a=\"b\r\nx\""),
        LITERAL("1;a=\"b\\\r\nx\""),
        LITERAL("1;a=\"b\n\""),
        LITERAL("1;a=\"b\0\""),
        LITERAL("1;a=\"\\\x01\""),
        LITERAL("1;a\n"),
        LITERAL("1;a\rx"),
        LITERAL("1;a=b\n"),
        LITERAL("1;\n"),
        LITERAL("1;a\0\r\n"),
        LITERAL("1;a\x80\r\n"),
        LITERAL("1;a={}\r\n"),
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_refused(bodies[i], FAULT_CHUNK);
}
END_TEST

START_TEST(trailer_fields_are_checked_and_forgotten)
{
    assert_content(TEXT("1\r\nx\r\n0\r\nA:b\r\n\r\n"), TEXT("x"));
    assert_content(TEXT("0\r\nDigest: \t x y \t\r\nX:\r\n\r\n"), TEXT(""));
    assert_content(TEXT("0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), TEXT(""));
    assert_content(TEXT("0\r\nA: \x80\xFF\r\n\r\n"), TEXT(""));
}
END_TEST

START_TEST(malformed_trailers_are_refused)
{
    static const struct text trailers[] = {
        LITERAL("0\r\n\n"),
        LITERAL("0\r\n\rx"),
        LITERAL("0\r\nA\r\n\r\n"),
        LITERAL("0\r\nA : b\r\n"),
        LITERAL("0\r\n A: b\r\n"),
        LITERAL("0\r\nA: b\r\n c\r\n"),
        LITERAL("0\r\n: b\r\n"),
        LITERAL("0\r\nA: b\n"),
        LITERAL("0\r\nA: b\rx"),
        LITERAL("0\r\nA: \0\r\n"),
        LITERAL("0\r\nA: \x7f\r\n"),
        LITERAL("0\r\nA\0: b\r\n"),
        LITERAL("0\r\nA: b\r\n\n"),
        LITERAL("0\r\nA: b\r\n\rx"),
        LITERAL("0\r\nA(: b\r\n"),
        LITERAL("0\r\n\xC3: b\r\n"),
        LITERAL("0\r\nA: b\r\r\n"),
        LITERAL("0\r\n\0"),
        LITERAL("0\r\nGET / HTTP/1.1\r\n"),
    };
    for (size_t i = 0; i < COUNT(trailers); i++)
        assert_refused(trailers[i], FAULT_FIELD);
}
END_TEST

START_TEST(content_up_to_its_limit_is_taken)
{
    static const struct text bodies[] = {LITERAL("3\r\nabc\r\n0\r\n\r\n"), LITERAL("4\r\nabcd\r\n0\r\n\r\n"),
                                         LITERAL("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")};
    for (size_t i = 0; i < COUNT(bodies); i++)
        ck_assert_int_eq(feed_up_to(bodies[i], 4).progress, CHUNK_COMPLETE);
    ck_assert_int_eq(feed_up_to(TEXT("0\r\n\r\n"), 0).progress, CHUNK_COMPLETE);
}
END_TEST

START_TEST(content_over_its_limit_is_refused_when_its_size_is_announced)
{
    static const struct text bodies[] = {LITERAL("5"), LITERAL("10"), LITERAL("2\r\nab\r\n3"),
                                         LITERAL("4\r\nabcd\r\n1"), LITERAL("0005")};
    for (size_t i = 0; i < COUNT(bodies); i++) {
        ck_assert_int_eq(feed_up_to(bodies[i], 4).fault, FAULT_BODY_TOO_LARGE);
        ck_assert_int_eq(feed_up_to((struct text){bodies[i].bytes, bodies[i].size - 1}, 4).progress,
                         CHUNK_MORE);
    }
    ck_assert_int_eq(feed_up_to(TEXT("1"), 0).fault, FAULT_BODY_TOO_LARGE);
}
END_TEST

START_TEST(sizes_that_overflow_are_too_large_under_any_limit)
{
    ck_assert_int_eq(feed_up_to(TEXT("ffffffffffffffff\r\n"), UINT64_MAX).progress, CHUNK_MORE);
    ck_assert_int_eq(feed_up_to(TEXT("10000000000000000\r\n"), UINT64_MAX).fault, FAULT_BODY_TOO_LARGE);
    ck_assert_int_eq(feed_up_to(TEXT("1\r\na\r\nffffffffffffffff"), UINT64_MAX).fault, FAULT_BODY_TOO_LARGE);
    ck_assert_int_eq(feed_up_to(TEXT("1\r\na\r\nfffffffffffffffe"), UINT64_MAX).progress, CHUNK_MORE);
    assert_refused(TEXT("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF0"), FAULT_BODY_TOO_LARGE);
}
END_TEST

START_TEST(chunk_lines_are_bounded)
{
    char bytes[512];
    for (int size = CHUNK_LINE_SIZE_MAX - 1; size <= CHUNK_LINE_SIZE_MAX + 1; size++) {
        enum chunk_progress expected = size > CHUNK_LINE_SIZE_MAX ? CHUNK_REFUSED : CHUNK_COMPLETE;
        (void)snprintf(bytes, sizeof bytes, "1;%0*d\r\nx\r\n0\r\n\r\n", size - 2, 0);
        ck_assert_int_eq(feed(text_of(bytes)).progress, expected);
        (void)snprintf(bytes, sizeof bytes, "%0*d\r\nx\r\n0\r\n\r\n", size, 1);
        struct outcome outcome = feed(text_of(bytes));
        ck_assert_int_eq(outcome.progress, expected);
        if (expected == CHUNK_REFUSED) ck_assert_int_eq(outcome.fault, FAULT_CHUNK);
    }
}
END_TEST

/* The outcome of one-byte chunks with extension_size bytes of extensions in all. */
static struct outcome feed_extensions(size_t extension_size)
{
    static char bytes[32768];
    size_t size = 0;
    while (extension_size > 0) {
        size_t part = extension_size < 200 ? extension_size : extension_size - 2 < 200 ? 198 : 200;
        size += (size_t)snprintf(bytes + size, sizeof bytes - size, "1;%0*d\r\nx\r\n", (int)part - 1, 0);
        extension_size -= part;
    }
    size += (size_t)snprintf(bytes + size, sizeof bytes - size, "0\r\n\r\n");
    return feed((struct text){bytes, size});
}

START_TEST(extensions_are_bounded_in_all)
{
    ck_assert_int_eq(feed_extensions(CHUNK_EXTENSIONS_SIZE_MAX - 1).progress, CHUNK_COMPLETE);
    ck_assert_int_eq(feed_extensions(CHUNK_EXTENSIONS_SIZE_MAX).progress, CHUNK_COMPLETE);
    ck_assert_int_eq(feed_extensions(CHUNK_EXTENSIONS_SIZE_MAX + 1).fault, FAULT_CHUNK);
}
END_TEST

/* The outcome of an empty body with a trailer section of this size, its last line end included. */
static struct outcome feed_trailer(size_t size)
{
    static char bytes[2 * CHUNK_TRAILER_SIZE_MAX];
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "0\r\nX:", 5);
    memcpy(bytes + 3 + size - 4, "\r\n\r\n", 4);
    return feed((struct text){bytes, 3 + size});
}

START_TEST(trailers_are_bounded)
{
    ck_assert_int_eq(feed_trailer(CHUNK_TRAILER_SIZE_MAX - 1).progress, CHUNK_COMPLETE);
    ck_assert_int_eq(feed_trailer(CHUNK_TRAILER_SIZE_MAX).progress, CHUNK_COMPLETE);
    ck_assert_int_eq(feed_trailer(CHUNK_TRAILER_SIZE_MAX + 1).fault, FAULT_HEAD_TOO_LARGE);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("chunked_body");
    TCase *test_case = tcase_create("all");
    tcase_add_test(test_case, chunks_are_put_together);
    tcase_add_test(test_case, content_may_be_anything);
    tcase_add_test(test_case, what_follows_the_last_chunk_is_not_consumed);
    tcase_add_test(test_case, every_beginning_of_a_sound_body_wants_more);
    tcase_add_test(test_case, a_finished_body_consumes_nothing_more);
    tcase_add_test(test_case, extensions_are_checked_and_forgotten);
    tcase_add_test(test_case, malformed_chunks_are_refused);
    tcase_add_test(test_case, trailer_fields_are_checked_and_forgotten);
    tcase_add_test(test_case, malformed_trailers_are_refused);
    tcase_add_test(test_case, content_up_to_its_limit_is_taken);
    tcase_add_test(test_case, content_over_its_limit_is_refused_when_its_size_is_announced);
    tcase_add_test(test_case, sizes_that_overflow_are_too_large_under_any_limit);
    tcase_add_test(test_case, chunk_lines_are_bounded);
    tcase_add_test(test_case, extensions_are_bounded_in_all);
    tcase_add_test(test_case, trailers_are_bounded);
    suite_add_tcase(suite, test_case);
    return suite;
}
