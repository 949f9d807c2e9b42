/*
 * What a byte may be in an HTTP/1.1 message (RFC 9110, section 5.6; RFC 9112) and in the URI of its
 * target (RFC 3986): one table, a bit per class.
 */
#pragma once

#include <stdbool.h>

enum character_class {
    CHARACTER_TOKEN = 1,       /* tchar */
    CHARACTER_FIELD = 2,       /* in a field value: VCHAR, obs-text, SP, HTAB */
    CHARACTER_TARGET = 4,      /* anywhere in a request target, '%' and brackets included */
    CHARACTER_PATH = 8,        /* pchar or '/', but for '%' */
    CHARACTER_QUERY = 16,      /* the same, or '?' */
    CHARACTER_REG_NAME = 32,   /* unreserved or sub-delims */
    CHARACTER_UNRESERVED = 64, /* ALPHA, DIGIT, "-", ".", "_", "~" */
    CHARACTER_HEX = 128        /* HEXDIG, in either case */
};

extern const unsigned char character_classes[256];

/* Is byte of this class? */
static inline bool character_is(char byte, enum character_class class)
{
    return (character_classes[(unsigned char)byte] & class) != 0;
}

/* The value, 0 to 15, of a byte that is CHARACTER_HEX. */
static inline unsigned character_hex_value(char byte)
{
    unsigned code = (unsigned char)byte;
    return (code & 0x0F) + 9 * (code >> 6);
}

/* SP or HTAB: what OWS and BWS are made of. */
static inline bool character_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}
