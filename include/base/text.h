/*
 * Bytes with a length: the only form in which text from outside is handled. A struct text borrows
 * its bytes, may hold NUL, and is not terminated.
 */
#pragma once

#include "base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *bytes; /* not terminated; may be NULL when size is 0 */
    size_t size;       /* in bytes */
};

/* The text of a string literal. */
#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})

static inline struct text text_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

static inline bool text_equal(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* Equal but for the case of ASCII letters. */
bool text_equal_nocase(struct text a, struct text b);

/* Without leading and trailing blanks (SP, HTAB): OWS of RFC 9110, section 5.6.3. */
struct text text_trim(struct text text);

/*
 * Takes what stands before the first separator, or all, from the front of *rest, and the separator
 * with it.
 */
struct text text_take_until(struct text *rest, char separator);

/*
 * All of text as a decimal number from 0 to limit: digits only, at least one, leading zeros allowed.
 * False, and *ret_value untouched, when it is anything else or larger.
 */
bool text_to_uint64(struct text text, uint64_t limit, uint64_t *ret_value);

/*
 * Is it well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF)?
 * *ret_count, which may be NULL, gets the number of code points when it is.
 */
bool text_is_utf8(struct text text, size_t *ret_count);

/* Has it a control character: U+0000 to U+001F, U+007F, U+0080 to U+009F? text must be UTF-8. */
bool text_has_control(struct text text);
