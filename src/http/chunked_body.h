/*
 * Decodes the chunked transfer coding (RFC 9112, section 7.1) as it comes in, in place. Pure
 * functions over bytes, without allocation.
 *
 * Strict as the head is: lines end with CRLF alone, and nothing is repaired. The result depends on the
 * bytes alone, not on the pieces in which they come. Extensions and trailer fields are checked, bounded and
 * forgotten; the content may be anything.
 */
#pragma once

#include "base/fault.h"

#include <stddef.h>
#include <stdint.h>

#define CHUNK_LINE_SIZE_MAX       256   /* bytes of a chunk's size and extensions; beyond: FAULT_CHUNK */
#define CHUNK_EXTENSIONS_SIZE_MAX 16384 /* bytes of all extensions of a body; beyond: FAULT_CHUNK */
#define CHUNK_TRAILER_SIZE_MAX    4096  /* bytes of the trailer fields; beyond: FAULT_HEAD_TOO_LARGE */

enum chunk_progress {
    CHUNK_MORE, /* sound so far: feed the bytes that follow */
    CHUNK_COMPLETE,
    CHUNK_REFUSED
};

/* Where in the grammar the next byte stands; private. */
enum chunk_state {
    CHUNK_SIZE_FIRST,
    CHUNK_SIZE,
    CHUNK_SIZE_LF,
    CHUNK_EXTENSION_END, /* blanks behind a size or an extension: another extension must follow */
    CHUNK_EXTENSION_NAME_FIRST,
    CHUNK_EXTENSION_NAME,
    CHUNK_EXTENSION_NAME_END,
    CHUNK_EXTENSION_VALUE_FIRST,
    CHUNK_EXTENSION_VALUE,
    CHUNK_EXTENSION_QUOTED,
    CHUNK_EXTENSION_QUOTED_PAIR,
    CHUNK_EXTENSION_QUOTED_END,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_FIRST,
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
    CHUNK_END
};

/* All private. */
struct chunked_body {
    enum chunk_state state;
    uint64_t left;            /* the chunk's size as far as it is read, then what is missing of its data */
    uint64_t room;            /* content bytes that may follow the chunks before this one */
    unsigned line_size;       /* bytes of the chunk line under way */
    unsigned extensions_size; /* bytes of all extensions */
    unsigned trailer_size;    /* bytes of the trailer section, line ends included */
};

/* What one piece came to. */
struct chunk_piece {
    size_t consumed;  /* bytes that belong to this body; what follows them is the next request's */
    size_t written;   /* content bytes, now at the piece's front */
    enum fault fault; /* CHUNK_REFUSED: why; else FAULT_NONE */
};

/* Starts a body whose content may have body_size_max bytes. */
void chunked_body_init(struct chunked_body *body, uint64_t body_size_max);

/*
 * Decodes the next size bytes of the body in place. Call it no more once it has said something else than
 * CHUNK_MORE.
 *
 * CHUNK_REFUSED: FAULT_CHUNK (grammar or bounds of a chunk line, or data of another size than
 * announced), FAULT_BODY_TOO_LARGE (as soon as a size is announced that is over the limit),
 * FAULT_FIELD (grammar of the trailer), FAULT_HEAD_TOO_LARGE. The connection cannot be used for another
 * request.
 */
enum chunk_progress chunked_body_feed(struct chunked_body *body, char *bytes, size_t size,
                                      struct chunk_piece *ret_piece);
