/*
 * Feeds arbitrary bytes to the parsers of heads and of chunked bodies, in one piece and byte by byte: the
 * results must be the same, and the invariants of the headers must hold.
 */
#include "http/request_head.h"

#include "http/chunked_body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) abort();                                                                           \
    } while (0)

static const struct head_limits limits = {.target_size_max = 64, .head_size_max = 512};

struct head_outcome {
    enum head_progress progress;
    enum fault fault;
    struct request_head head;
    char *bytes; /* what the head borrows from */
};

static char *copy_of(const char *bytes, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    CHECK(copy != NULL);
    if (size > 0) memcpy(copy, bytes, size);
    return copy;
}

static struct head_outcome parse_whole(const char *bytes, size_t size)
{
    struct head_outcome outcome = {.bytes = copy_of(bytes, size)};
    struct head_scan scan;
    head_scan_init(&scan, &limits);
    outcome.progress = request_head_parse(outcome.bytes, size, &scan, &outcome.head, &outcome.fault);
    return outcome;
}

/* Each time at another place. */
static struct head_outcome parse_bytewise(const char *bytes, size_t size)
{
    struct head_outcome outcome = {.progress = HEAD_INCOMPLETE};
    struct head_scan scan;
    head_scan_init(&scan, &limits);
    for (size_t end = 0; end <= size && outcome.progress == HEAD_INCOMPLETE; end++) {
        free(outcome.bytes);
        outcome.bytes = copy_of(bytes, end);
        outcome.progress = request_head_parse(outcome.bytes, end, &scan, &outcome.head, &outcome.fault);
    }
    return outcome;
}

static void check_same_head(const struct request_head *a, const struct request_head *b)
{
    CHECK(a->method == b->method && a->minor_version == b->minor_version);
    CHECK(a->is_options_asterisk == b->is_options_asterisk);
    CHECK(a->content_length == b->content_length && a->has_content_length == b->has_content_length);
    CHECK(a->chunked == b->chunked && a->keep_alive == b->keep_alive);
    CHECK(a->expects_continue == b->expects_continue && a->size == b->size);
    CHECK(text_equal(a->path, b->path) && text_equal(a->query, b->query));
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        CHECK((a->headers[i].bytes == NULL) == (b->headers[i].bytes == NULL));
        CHECK(text_equal(a->headers[i], b->headers[i]));
    }
}

static void check_complete(const struct request_head *head, const char *bytes, size_t size)
{
    CHECK(head->size >= 18 && head->size <= size && head->size <= limits.head_size_max);
    CHECK(memcmp(bytes + head->size - 4, "\r\n\r\n", 4) == 0);
    CHECK(memchr(bytes, '\0', head->size) == NULL);
    CHECK(head->method < METHOD_COUNT && head->path.size > 0 && head->path.size <= limits.target_size_max);
    CHECK(head->path.bytes[0] == '/' || head->is_options_asterisk);
    CHECK(!(head->chunked && (head->has_content_length || head->minor_version == 0)));
}

static void fuzz_head(const char *bytes, size_t size)
{
    struct head_outcome whole = parse_whole(bytes, size);
    struct head_outcome bytewise = parse_bytewise(bytes, size);
    CHECK(whole.progress == bytewise.progress && whole.fault == bytewise.fault);
    CHECK((whole.progress == HEAD_REFUSED) == (whole.fault != FAULT_NONE));
    CHECK(whole.progress != HEAD_INCOMPLETE || size < limits.head_size_max);
    check_same_head(&whole.head, &bytewise.head);
    if (whole.progress == HEAD_COMPLETE) check_complete(&whole.head, bytes, size);
    if (whole.progress != HEAD_COMPLETE && size > 0) CHECK(memcmp(whole.bytes, bytes, size) == 0);
    free(whole.bytes);
    free(bytewise.bytes);
}

struct body_outcome {
    enum chunk_progress progress;
    struct chunk_piece sum;
    char *content;
};

static struct body_outcome feed(const char *bytes, size_t size, size_t piece_size)
{
    struct body_outcome outcome = {.content = copy_of(bytes, size)};
    struct chunked_body body;
    chunked_body_init(&body, 100);
    while (outcome.progress == CHUNK_MORE && outcome.sum.consumed < size) {
        size_t left = size - outcome.sum.consumed;
        size_t given = left < piece_size ? left : piece_size;
        char *memory = copy_of(bytes + outcome.sum.consumed, given);
        struct chunk_piece piece;
        outcome.progress = chunked_body_feed(&body, memory, given, &piece);
        CHECK(piece.written <= piece.consumed && piece.consumed <= given);
        CHECK((outcome.progress == CHUNK_REFUSED) == (piece.fault != FAULT_NONE));
        memcpy(outcome.content + outcome.sum.written, memory, piece.written);
        free(memory);
        outcome.sum.written += piece.written;
        outcome.sum.consumed += piece.consumed;
        outcome.sum.fault = piece.fault;
    }
    return outcome;
}

static void fuzz_body(const char *bytes, size_t size)
{
    struct body_outcome whole = feed(bytes, size, SIZE_MAX);
    for (size_t piece_size = 1; piece_size <= 5; piece_size += 4) {
        struct body_outcome pieces = feed(bytes, size, piece_size);
        CHECK(whole.progress == pieces.progress && whole.sum.fault == pieces.sum.fault);
        CHECK(whole.sum.consumed == pieces.sum.consumed && whole.sum.written == pieces.sum.written);
        CHECK(memcmp(whole.content, pieces.content, whole.sum.written) == 0);
        free(pieces.content);
    }
    CHECK(whole.sum.written <= 100);
    free(whole.content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_head((const char *)data, size);
    fuzz_body((const char *)data, size);
    return 0;
}
