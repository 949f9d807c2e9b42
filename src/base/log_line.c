#include "base/log_line.h"

#include "base/clock.h"
#include "base/json_writer.h"

#include <assert.h>
#include <string.h>

/* The line feed at the end has a place of its own. */
static size_t room(const struct log_line *line)
{
    return sizeof line->bytes - 1 - line->size;
}

/* Each put… appends all of its argument, or gives false; then the caller takes the line back to where it was.
 */
static bool put(struct log_line *line, const char *bytes, size_t size)
{
    if (size > room(line)) return false;
    memcpy(line->bytes + line->size, bytes, size);
    line->size += size;
    return true;
}
#define PUT_LITERAL(line, literal) put(line, literal, sizeof(literal) - 1)

static bool is_printable_ascii(struct text text)
{
    unsigned strange = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        strange |= (unsigned)(byte < 0x20) | (unsigned)(byte > 0x7E);
    }
    return strange == 0;
}

/* The well-formed character at the start of text, or an empty text. */
static struct text first_character(struct text text)
{
    unsigned char lead = (unsigned char)text.bytes[0];
    struct text character = {text.bytes, lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4};
    if (character.size > text.size || !text_is_utf8(character, NULL)) return (struct text){0};
    return character;
}

static uint32_t code_point_of(struct text character)
{
    unsigned char lead = (unsigned char)character.bytes[0];
    uint32_t value = character.size == 1 ? lead : lead & (0x7FU >> character.size);
    for (size_t i = 1; i < character.size; i++)
        value = value << 6 | ((unsigned char)character.bytes[i] & 0x3FU);
    return value;
}

/*
 * Characters that JSON allows but that change what a terminal or a viewer shows: DEL and the C1 controls,
 * line and paragraph separators, and the controls of text direction (Unicode Standard Annex 9).
 */
static bool is_deceptive(uint32_t code_point)
{
    return (code_point >= 0x7F && code_point <= 0x9F) || code_point == 0x61C || code_point == 0x200E ||
           code_point == 0x200F || (code_point >= 0x2028 && code_point <= 0x202E) ||
           (code_point >= 0x2066 && code_point <= 0x2069);
}

static bool put_code_point(struct log_line *line, uint32_t code_point)
{
    static const char hexadecimal[] = "0123456789abcdef";
    const char escape[] = {
        '\\',
        'u',
        hexadecimal[code_point >> 12 & 0xF],
        hexadecimal[code_point >> 8 & 0xF],
        hexadecimal[code_point >> 4 & 0xF],
        hexadecimal[code_point & 0xF],
    };
    return put(line, escape, sizeof escape);
}

static bool put_character(struct log_line *line, struct text character)
{
    uint32_t code_point = code_point_of(character);
    if (is_deceptive(code_point)) return put_code_point(line, code_point);
    char quoted[JSON_WRITER_STRING_MAX(4)];
    const char *end = json_writer_string(quoted, character);
    return put(line, quoted + 1, (size_t)(end - quoted) - 2);
}

static bool put_characters(struct log_line *line, struct text text)
{
    while (text.size > 0) {
        struct text character = first_character(text);
        bool well_formed = character.size > 0;
        if (!(well_formed ? put_character(line, character) : PUT_LITERAL(line, "\uFFFD"))) return false;
        text.bytes += well_formed ? character.size : 1;
        text.size -= well_formed ? character.size : 1;
    }
    return true;
}

static bool put_string(struct log_line *line, struct text text)
{
    if (text.size > room(line)) return false;
    if (JSON_WRITER_STRING_MAX(text.size) <= room(line) && is_printable_ascii(text)) {
        const char *end = json_writer_string(line->bytes + line->size, text);
        line->size = (size_t)(end - line->bytes);
        return true;
    }
    return PUT_LITERAL(line, "\"") && put_characters(line, text) && PUT_LITERAL(line, "\"");
}

static bool put_int64(struct log_line *line, int64_t number)
{
    char digits[JSON_WRITER_INT64_MAX];
    const char *end = json_writer_int64(digits, number);
    return put(line, digits, (size_t)(end - digits));
}

/* For people, a value stands without quotes where it cannot be misread. */
static bool put_word(struct log_line *line, struct text text)
{
    bool bare = text.size > 0 && is_printable_ascii(text);
    for (size_t i = 0; bare && i < text.size; i++)
        bare = strchr(" \"=\\", text.bytes[i]) == NULL;
    return bare ? put(line, text.bytes, text.size) : put_string(line, text);
}

static bool put_json_field(struct log_line *line, const struct log_field *field)
{
    if (!PUT_LITERAL(line, ",") || !put_string(line, text_of(field->name)) || !PUT_LITERAL(line, ":"))
        return false;
    return field->kind == LOG_FIELD_INT ? put_int64(line, field->number) : put_string(line, field->text);
}

static bool put_text_field(struct log_line *line, const struct log_field *field)
{
    if (!PUT_LITERAL(line, " ") || !put_word(line, text_of(field->name)) || !PUT_LITERAL(line, "="))
        return false;
    return field->kind == LOG_FIELD_INT ? put_int64(line, field->number) : put_word(line, field->text);
}

/* Time, level and event. */
static bool put_json_head(struct log_line *line, enum log_level level, const char *event)
{
    static const char *const names[] = {
        [LOG_LEVEL_DEBUG] = "debug",
        [LOG_LEVEL_INFO] = "info",
        [LOG_LEVEL_WARNING] = "warning",
        [LOG_LEVEL_ERROR] = "error",
    };
    char time[JSON_WRITER_TIMESTAMP_MAX];
    const char *end = json_writer_timestamp(time, clock_wall_us());
    return PUT_LITERAL(line, "{\"time\":") && put(line, time, (size_t)(end - time)) &&
           PUT_LITERAL(line, ",\"level\":") && put_string(line, text_of(names[level])) &&
           PUT_LITERAL(line, ",\"event\":") && put_string(line, text_of(event));
}

static bool put_text_head(struct log_line *line, int64_t utc_offset_us, enum log_level level,
                          const char *event)
{
    static const char *const names[] = {
        [LOG_LEVEL_DEBUG] = " DEBUG ",
        [LOG_LEVEL_INFO] = " INFO  ",
        [LOG_LEVEL_WARNING] = " WARN  ",
        [LOG_LEVEL_ERROR] = " ERROR ",
    };
    char time[JSON_WRITER_TIMESTAMP_MAX];
    (void)json_writer_timestamp(time, clock_wall_us() + utc_offset_us);
    return put(line, time + strlen("\"2024-02-29T"), strlen("12:34:56.789")) &&
           put(line, names[level], strlen(names[level])) && put_word(line, text_of(event));
}

void log_line_write(struct log_line *ret_line, const struct log_line_style *style, enum log_level level,
                    const char *event, const struct log_field *fields)
{
    struct log_line *line = ret_line;
    line->size = 0;
    bool fits = style->json ? put_json_head(line, level, event)
                            : put_text_head(line, style->utc_offset_us, level, event);
    assert(fits); /* event is a short name of ours */
    size_t brace = style->json ? 1 : 0;
    for (; fits && fields->name; fields++) {
        size_t size_before = line->size;
        fits = style->json ? put_json_field(line, fields) : put_text_field(line, fields);
        fits = fits && room(line) >= brace;
        if (!fits) line->size = size_before;
    }
    if (style->json) line->bytes[line->size++] = '}';
    line->bytes[line->size++] = '\n';
}
