#include "base/text_buffer.h"

#include "base/json_writer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 1024, DOUBLE_SIZE_MAX = 64, DOUBLE_DIGITS_MIN = 15, DOUBLE_DIGITS_MAX = 17 };

void text_buffer_init(struct text_buffer *buffer, struct arena *arena)
{
    *buffer = (struct text_buffer){.arena = arena};
}

static bool set_capacity(struct text_buffer *buffer, size_t capacity)
{
    char *bytes = arena_resize(buffer->arena, buffer->bytes, buffer->capacity, capacity);
    if (!bytes) return false;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

/* Where size more bytes have room; NULL, now and from now on, when there is none. */
static char *reserve(struct text_buffer *buffer, size_t size)
{
    if (buffer->is_short) return NULL;
    size_t needed = buffer->size + size;
    size_t wanted = 2 * buffer->capacity;
    if (wanted < CAPACITY_MIN) wanted = CAPACITY_MIN;
    if (wanted < needed) wanted = needed;
    if (needed > buffer->capacity || !buffer->bytes)
        buffer->is_short = !set_capacity(buffer, wanted) && !set_capacity(buffer, needed);
    return buffer->is_short ? NULL : buffer->bytes + buffer->size;
}

/* What was written at the place that reserve gave ends here. */
static void end_at(struct text_buffer *buffer, const char *end)
{
    buffer->size = (size_t)(end - buffer->bytes);
}

void text_buffer_text(struct text_buffer *buffer, struct text text)
{
    char *at = text.size > 0 ? reserve(buffer, text.size) : NULL;
    if (at) end_at(buffer, json_writer_raw(at, text.bytes, text.size));
}

void text_buffer_string(struct text_buffer *buffer, const char *string)
{
    text_buffer_text(buffer, text_of(string));
}

void text_buffer_format(struct text_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) buffer->is_short = true;
    char *at = size > 0 ? reserve(buffer, (size_t)size + 1) : NULL;
    if (!at) return;
    va_start(arguments, format);
    (void)vsnprintf(at, (size_t)size + 1, format, arguments);
    va_end(arguments);
    end_at(buffer, at + size);
}

void text_buffer_json_string(struct text_buffer *buffer, struct text text)
{
    char *at = reserve(buffer, JSON_WRITER_STRING_MAX(text.size));
    if (at) end_at(buffer, json_writer_string(at, text));
}

void text_buffer_int64(struct text_buffer *buffer, int64_t value)
{
    char *at = reserve(buffer, JSON_WRITER_INT64_MAX);
    if (at) end_at(buffer, json_writer_int64(at, value));
}

static bool is_number_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == 'e';
}

/* printf's number with a point, whatever the locale has in its place; gives the size. */
static size_t put_point(char *number)
{
    size_t size = 0;
    for (const char *from = number; *from != '\0'; from++) {
        if (is_number_byte(*from))
            number[size++] = *from;
        else if (is_number_byte(from[1]))
            number[size++] = '.';
    }
    return size;
}

void text_buffer_double(struct text_buffer *buffer, double value)
{
    char number[DOUBLE_SIZE_MAX];
    double finite = isfinite(value) ? value : 0;
    int digits = DOUBLE_DIGITS_MIN;
    do {
        (void)snprintf(number, sizeof number, "%.*g", digits, finite);
    } while (strtod(number, NULL) != finite && ++digits <= DOUBLE_DIGITS_MAX);
    text_buffer_text(buffer, (struct text){number, put_point(number)});
}

enum fault text_buffer_take(struct text_buffer *buffer, struct text *ret_text)
{
    struct arena *arena = buffer->arena;
    struct text text = {buffer->bytes, buffer->size};
    bool is_short = buffer->is_short;
    if (buffer->bytes) (void)arena_resize(arena, buffer->bytes, buffer->capacity, buffer->size);
    text_buffer_init(buffer, arena);
    if (is_short) return FAULT_MEMORY;
    *ret_text = text;
    return FAULT_NONE;
}
