/*
 * Takes field values apart (RFC 9110, section 5.6). The values have no control characters: the gate has
 * refused those.
 */
#pragma once

#include "base/text.h"
#include "http/characters.h"

#include <stdbool.h>
#include <stddef.h>

/* What is left to read of a value. */
struct field_reader {
    const char *at;
    const char *end;
};

static inline struct field_reader field_reader_of(struct text text)
{
    return (struct field_reader){text.bytes, text.bytes + text.size};
}

static inline void field_reader_skip_blanks(struct field_reader *reader)
{
    while (reader->at < reader->end && character_is_blank(*reader->at))
        reader->at++;
}

/* Over byte; false when something else is there, or nothing. */
static inline bool field_reader_skip_byte(struct field_reader *reader, char byte)
{
    if (reader->at == reader->end || *reader->at != byte) return false;
    reader->at++;
    return true;
}

/* The token at the reader; size 0 when there is none. */
static inline struct text field_reader_take_token(struct field_reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && character_is(*reader->at, CHARACTER_TOKEN))
        reader->at++;
    return (struct text){start, (size_t)(reader->at - start)};
}

/* Over a quoted-string; false when there is none, or it does not end. */
static inline bool field_reader_skip_quoted(struct field_reader *reader)
{
    if (!field_reader_skip_byte(reader, '"')) return false;
    while (reader->at < reader->end) {
        char byte = *reader->at++;
        if (byte == '"') return true;
        if (byte == '\\' && reader->at < reader->end) reader->at++;
    }
    return false;
}

/*
 * Goes to the next element of a list, over empty ones (section 5.6.1.2). False at the end. To be called at
 * the beginning and behind a comma.
 */
static inline bool field_reader_find_element(struct field_reader *reader)
{
    do {
        field_reader_skip_blanks(reader);
    } while (field_reader_skip_byte(reader, ','));
    return reader->at < reader->end;
}

/* Over what stands behind an element: the end, or a comma. False for all else. */
static inline bool field_reader_end_element(struct field_reader *reader)
{
    field_reader_skip_blanks(reader);
    return reader->at == reader->end || field_reader_skip_byte(reader, ',');
}
