/*
 * The header fields of one request, as they come in line by line: keeps the few that handlers see,
 * takes those apart that decide about framing and the connection, and judges them when all are in.
 *
 * Values are kept as slices, because the buffer may move between two lines.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

/* A piece of the head; at 0 means that there is none, for the request line comes first. */
struct slice {
    uint32_t at;   /* offset from the head's first byte */
    uint32_t size; /* in bytes */
};

static inline struct text slice_text(struct slice slice, const char *bytes)
{
    return (struct text){bytes + slice.at, slice.size};
}

/* All Transfer-Encoding lines as one list (RFC 9112, section 6.1). */
struct transfer_codings {
    bool is_present;   /* there was a line, perhaps an empty one */
    bool is_malformed; /* no list of codings, or parameters on chunked */
    bool has_other;    /* a coding other than chunked */
    bool ends_chunked; /* chunked is the last so far */
    unsigned chunked;  /* how often chunked was named */
};

/* Zeroed before the first line. */
struct request_fields {
    struct slice kept[HEADER_COUNT];
    unsigned repeated_lists; /* bits 1 << HEADER_IF_MATCH, …: lists that came on several lines */
    struct transfer_codings codings;
    unsigned hosts;             /* Host lines */
    unsigned content_lengths;   /* Content-Length lines */
    uint64_t content_length;    /* of the first of them */
    enum fault length_fault;    /* what is wrong with it: FAULT_CONTENT_LENGTH, FAULT_BODY_TOO_LARGE */
    bool has_host_flaw;         /* a Host that is no uri-host [ ":" port ] */
    bool has_close;             /* Connection: close */
    bool has_keep_alive;        /* Connection: keep-alive */
    bool has_continue;          /* Expect: 100-continue */
    bool has_other_expectation; /* any other Expect */
};

/*
 * Takes in one line whose name is a token and whose value is trimmed and free of control characters.
 * FAULT_FIELD for a Connection that is no list of tokens, and for a second Content-Type or Idempotency-Key
 * that differs from the first: nobody can say which one is meant.
 */
enum fault request_fields_take(struct request_fields *fields, const char *bytes, struct slice name,
                               struct slice value);

/*
 * A list that came on several lines, as one (RFC 9110, section 5.3): writes the values of all lines of that
 * name in a head, in order, with commas between them, at `at`, which has room
 * for head.size bytes.
 */
struct text request_fields_join(struct text head, enum header header, char *at);

/*
 * Is the framing of the message unambiguous, and its Host as the version wants it? In this order:
 * FAULT_TRANSFER_ENCODING (beside Content-Length, in HTTP/1.0, or not exactly one chunked, which is
 * last), FAULT_CONTENT_LENGTH (repeated or no number), FAULT_BODY_TOO_LARGE (over 2^63 - 1),
 * FAULT_HOST (more than one, malformed, or none in HTTP/1.1).
 */
enum fault request_fields_judge(const struct request_fields *fields, unsigned minor_version);
