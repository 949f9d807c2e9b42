/*
 * Text of unknown length, appended piece by piece in an arena. When memory is short nothing more is
 * appended, and text_buffer_take says so: callers need not look after each piece.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_buffer {
    struct arena *arena; /* nothing else may be taken from it between init and take */
    char *bytes;
    size_t size, capacity;
    bool is_short; /* of memory: what was appended is not all there */
};

/* An empty buffer over the borrowed arena. */
void text_buffer_init(struct text_buffer *buffer, struct arena *arena);

/* Bytes as they are; a terminated string; what printf makes of a format. */
void text_buffer_text(struct text_buffer *buffer, struct text text);
void text_buffer_string(struct text_buffer *buffer, const char *string);
[[gnu::format(printf, 2, 3)]] void text_buffer_format(struct text_buffer *buffer, const char *format, ...);

/* A JSON string with its quotes. */
void text_buffer_json_string(struct text_buffer *buffer, struct text text);

/*
 * Numbers of JSON and of Prometheus, whatever the locale. A double has 15 to 17 digits, as many as it takes
 * to read back as the same, without trailing zeros; infinities and NaN, which JSON has not, become 0.
 */
void text_buffer_int64(struct text_buffer *buffer, int64_t value);
void text_buffer_double(struct text_buffer *buffer, double value);

/* What was appended, in the arena; the buffer is empty again. FAULT_MEMORY when some is missing. */
enum fault text_buffer_take(struct text_buffer *buffer, struct text *ret_text);
