/*
 * Reads the head of an HTTP/1.1 request (RFC 9112, sections 2 to 6; RFC 9110) out of a buffer that
 * fills bit by bit. Pure functions over bytes, without allocation.
 *
 * What the grammar does not allow is refused, never repaired: two parsers that repair differently are
 * request smuggling. The result depends on the bytes alone, not on the pieces in which they come, and
 * the time is linear in the bytes, however many pieces there are. What is wrong is reported as soon as
 * it is there, so that garbage need not wait for the end of a head that will never come.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"
#include "http/request.h"
#include "http/request_fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_METHOD_SIZE_MAX 32  /* bytes; beyond: FAULT_METHOD_UNKNOWN */
#define REQUEST_FIELDS_MAX      200 /* header lines; beyond: FAULT_HEAD_TOO_LARGE */

enum head_progress {
    HEAD_INCOMPLETE, /* sound so far: call again with more bytes */
    HEAD_COMPLETE,
    HEAD_REFUSED
};

struct head_limits {
    size_t target_size_max; /* bytes of the request target; beyond: FAULT_TARGET_TOO_LONG */
    size_t head_size_max;   /* bytes of the whole head, below 4 GiB; beyond: FAULT_HEAD_TOO_LARGE */
};

enum head_phase {
    HEAD_PHASE_EMPTY_LINES, /* nothing of the request itself has come yet */
    HEAD_PHASE_METHOD,
    HEAD_PHASE_TARGET,
    HEAD_PHASE_VERSION,
    HEAD_PHASE_FIELDS,
    HEAD_PHASE_END
};

/* How far the head under way has been read; all but phase is private. */
struct head_scan {
    const struct head_limits *limits;
    enum head_phase phase;
    enum fault fault;   /* why the head was refused */
    uint32_t at;        /* offset of the next byte to look at */
    uint32_t mark;      /* where the method, target, version or field line under way begins */
    uint32_t colon;     /* offset of the colon of the field line under way; 0 before it */
    unsigned lines;     /* field lines begun */
    enum method method; /* METHOD_COUNT until known, and when it is not implemented */
    unsigned major_version;
    unsigned minor_version;
    struct slice path;
    struct slice query;
    bool is_asterisk;
    struct request_fields fields;
};

struct request_head {
    enum method method;                /* METHOD_COUNT while not known, or not implemented */
    bool is_options_asterisk;          /* OPTIONS of the server as a whole */
    unsigned minor_version;            /* 0 or 1: HTTP/1.2 to 1.9 count as 1; 1 while not known */
    struct text path;                  /* normalised; "/" when the target has none; "*" as it came */
    struct text query;                 /* raw, after the '?'; size 0 when there is none */
    struct text headers[HEADER_COUNT]; /* trimmed; bytes NULL when absent; first of repeats */
    unsigned repeated_lists;           /* as in struct request_fields: see request_fields_join */
    uint64_t content_length;           /* 0 without Content-Length; at most 2^63 - 1 */
    bool has_content_length;
    bool chunked;          /* the content comes in the chunked coding */
    bool keep_alive;       /* the client lets the connection persist */
    bool expects_continue; /* Expect: 100-continue, in HTTP/1.1 */
    size_t size;           /* bytes up to and with its empty line, leading ones included */
};

/* Starts a new head. limits is borrowed for as long as scan is in use. */
void head_scan_init(struct head_scan *scan, const struct head_limits *limits);

/*
 * Reads on in the size bytes at bytes, which begin where the head does, and hold all that came
 * before; they may have moved meanwhile. Bytes behind the head are not looked at. Call it no more once it has
 * said something else than HEAD_INCOMPLETE.
 *
 * HEAD_COMPLETE: all of ret_head is set, its texts point into bytes, and the path was normalised
 * there. Otherwise bytes are untouched, and ret_head has what is known by then: method,
 * minor_version and headers; the rest is zero.
 *
 * HEAD_REFUSED: *ret_fault is the first of these that the head deserves; the connection cannot be used for
 * another request.
 * - What stands first in the bytes: FAULT_REQUEST_LINE (grammar, control characters), FAULT_TARGET,
 *   FAULT_TARGET_TOO_LONG, FAULT_FIELD (name, blanks around it, folding, control characters, a
 *   list in Connection that is none, contradicting repeats), FAULT_HEAD_TOO_LARGE,
 *   FAULT_METHOD_UNKNOWN for a method over REQUEST_METHOD_SIZE_MAX.
 * - When the head is complete: FAULT_HTTP_VERSION, then those of request_fields_judge, then
 *   FAULT_METHOD_UNKNOWN, FAULT_TRANSFER_CODING_UNKNOWN (chunked, but with another coding before
 *   it), FAULT_EXPECTATION.
 */
enum head_progress request_head_parse(char *bytes, size_t size, struct head_scan *scan,
                                      struct request_head *ret_head, enum fault *ret_fault);
