/*
 * Writes JSON (RFC 8259) straight into memory that the caller has sized: no tree, no allocation, no
 * formatting library. Each function appends at `at`, which must have room for the stated maximum
 * (all of it may be written over), and gives the new end. Invariant: what was written is UTF-8 if the input
 * is.
 */
#pragma once

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* The most bytes that one value can take. */
#define JSON_WRITER_INT64_MAX     20
#define JSON_WRITER_TIMESTAMP_MAX 29
/* For a string of size bytes: each may become \u00XX, and two quotes. */
#define JSON_WRITER_STRING_MAX(size) (6 * (size) + 2)

/* Bytes as they are: punctuation and literal member names. Room: size. */
static inline char *json_writer_raw(char *at, const char *bytes, size_t size)
{
    __builtin_memcpy(at, bytes, size);
    return at + size;
}
#define JSON_WRITER_LITERAL(at, literal) json_writer_raw(at, literal, sizeof(literal) - 1)

/* A string with its quotes: `"`, `\` and U+0000…U+001F are escaped, as shortly as may be, all else is copied.
 */
char *json_writer_string(char *at, struct text text);

/* A decimal integer. */
char *json_writer_int64(char *at, int64_t value);

/*
 * A quoted RFC 3339 timestamp in UTC with microseconds, "2024-02-29T12:34:56.000001Z", for
 * microseconds since 1970. A time before year 1 or after 9999 becomes the first or last of these years.
 */
char *json_writer_timestamp(char *at, int64_t unix_us);
