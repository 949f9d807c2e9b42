#include "http/chunked_body.h"

#include "http/characters.h"

#include <stdbool.h>
#include <string.h>

static enum fault go_to(struct chunked_body *body, enum chunk_state state)
{
    body->state = state;
    return FAULT_NONE;
}

static enum fault add_digit(struct chunked_body *body, char byte)
{
    unsigned digit = character_hex_value(byte);
    /* Leading zeros are allowed, so that the number of digits says nothing. */
    if (body->left > (UINT64_MAX >> 4)) return FAULT_BODY_TOO_LARGE;
    body->left = body->left << 4 | digit;
    if (body->left > body->room) return FAULT_BODY_TOO_LARGE;
    return go_to(body, CHUNK_SIZE);
}

/* What may stand behind a complete size, extension name or extension value. */
static enum fault end_extension(struct chunked_body *body, char byte, enum chunk_state after_blank)
{
    if (byte == ';') return go_to(body, CHUNK_EXTENSION_NAME_FIRST);
    if (character_is_blank(byte)) return go_to(body, after_blank);
    /* Blanks may stand before a ";" or "=" only, not before the line's end. */
    bool is_after_blank = body->state == after_blank;
    return byte == '\r' && !is_after_blank ? go_to(body, CHUNK_SIZE_LF) : FAULT_CHUNK;
}

static enum fault read_quoted(struct chunked_body *body, char byte)
{
    if (!character_is(byte, CHARACTER_FIELD)) return FAULT_CHUNK;
    if (body->state == CHUNK_EXTENSION_QUOTED_PAIR) return go_to(body, CHUNK_EXTENSION_QUOTED);
    if (byte == '"') return go_to(body, CHUNK_EXTENSION_QUOTED_END);
    if (byte == '\\') return go_to(body, CHUNK_EXTENSION_QUOTED_PAIR);
    return FAULT_NONE;
}

static enum fault read_value_first(struct chunked_body *body, char byte)
{
    if (byte == '"') return go_to(body, CHUNK_EXTENSION_QUOTED);
    if (character_is(byte, CHARACTER_TOKEN)) return go_to(body, CHUNK_EXTENSION_VALUE);
    return character_is_blank(byte) ? FAULT_NONE : FAULT_CHUNK;
}

/* chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) */
static enum fault read_extension(struct chunked_body *body, char byte)
{
    bool is_token = character_is(byte, CHARACTER_TOKEN);
    switch ((unsigned)body->state) {
    case CHUNK_EXTENSION_NAME_FIRST:
        if (is_token) return go_to(body, CHUNK_EXTENSION_NAME);
        return character_is_blank(byte) ? FAULT_NONE : FAULT_CHUNK;
    case CHUNK_EXTENSION_NAME:
        if (is_token) return FAULT_NONE;
        if (byte == '=') return go_to(body, CHUNK_EXTENSION_VALUE_FIRST);
        return end_extension(body, byte, CHUNK_EXTENSION_NAME_END);
    case CHUNK_EXTENSION_NAME_END:
        if (byte == '=') return go_to(body, CHUNK_EXTENSION_VALUE_FIRST);
        return end_extension(body, byte, CHUNK_EXTENSION_NAME_END);
    case CHUNK_EXTENSION_VALUE_FIRST:
        return read_value_first(body, byte);
    case CHUNK_EXTENSION_VALUE:
        return is_token ? FAULT_NONE : end_extension(body, byte, CHUNK_EXTENSION_END);
    case CHUNK_EXTENSION_QUOTED:
    case CHUNK_EXTENSION_QUOTED_PAIR:
        return read_quoted(body, byte);
    default:
        return end_extension(body, byte, CHUNK_EXTENSION_END);
    }
}

/* The line feed of a chunk line: the size is known. */
static enum fault end_chunk_line(struct chunked_body *body, char byte)
{
    if (byte != '\n') return FAULT_CHUNK;
    body->line_size = 0;
    body->room -= body->left;
    return go_to(body, body->left > 0 ? CHUNK_DATA : CHUNK_TRAILER_FIRST);
}

/* chunk-size [ chunk-ext ], up to the CR that ends it */
static enum fault read_chunk_line(struct chunked_body *body, char byte)
{
    if (byte != '\r' && ++body->line_size > CHUNK_LINE_SIZE_MAX) return FAULT_CHUNK;
    bool is_digit = character_is(byte, CHARACTER_HEX);
    if (body->state == CHUNK_SIZE_FIRST) return is_digit ? add_digit(body, byte) : FAULT_CHUNK;
    if (body->state == CHUNK_SIZE && is_digit) return add_digit(body, byte);
    if (byte != '\r' && ++body->extensions_size > CHUNK_EXTENSIONS_SIZE_MAX) return FAULT_CHUNK;
    if (body->state == CHUNK_SIZE) return end_extension(body, byte, CHUNK_EXTENSION_END);
    return read_extension(body, byte);
}

/* trailer-section CRLF, with the syntax of header fields */
static enum fault read_trailer(struct chunked_body *body, char byte)
{
    if (++body->trailer_size > CHUNK_TRAILER_SIZE_MAX) return FAULT_HEAD_TOO_LARGE;
    bool is_token = character_is(byte, CHARACTER_TOKEN);
    switch ((unsigned)body->state) {
    case CHUNK_TRAILER_FIRST:
        if (byte == '\r') return go_to(body, CHUNK_LAST_LF);
        return is_token ? go_to(body, CHUNK_TRAILER_NAME) : FAULT_FIELD;
    case CHUNK_TRAILER_NAME:
        if (byte == ':') return go_to(body, CHUNK_TRAILER_VALUE);
        return is_token ? FAULT_NONE : FAULT_FIELD;
    case CHUNK_TRAILER_VALUE:
        if (byte == '\r') return go_to(body, CHUNK_TRAILER_LF);
        return character_is(byte, CHARACTER_FIELD) ? FAULT_NONE : FAULT_FIELD;
    case CHUNK_TRAILER_LF:
        return byte == '\n' ? go_to(body, CHUNK_TRAILER_FIRST) : FAULT_FIELD;
    default:
        return byte == '\n' ? go_to(body, CHUNK_END) : FAULT_FIELD;
    }
}

/* Any byte but those of the data itself. */
static enum fault read_byte(struct chunked_body *body, char byte)
{
    switch ((unsigned)body->state) {
    case CHUNK_SIZE_LF:
        return end_chunk_line(body, byte);
    case CHUNK_DATA_CR:
        return byte == '\r' ? go_to(body, CHUNK_DATA_LF) : FAULT_CHUNK;
    case CHUNK_DATA_LF:
        return byte == '\n' ? go_to(body, CHUNK_SIZE_FIRST) : FAULT_CHUNK;
    case CHUNK_TRAILER_FIRST:
    case CHUNK_TRAILER_NAME:
    case CHUNK_TRAILER_VALUE:
    case CHUNK_TRAILER_LF:
    case CHUNK_LAST_LF:
        return read_trailer(body, byte);
    default:
        return read_chunk_line(body, byte);
    }
}

/* Moves data to where it belongs; gives how much there was. */
static size_t take_data(struct chunked_body *body, char *to, const char *from, size_t size)
{
    size_t taken = body->left < size ? (size_t)body->left : size;
    memmove(to, from, taken);
    body->left -= taken;
    if (body->left == 0) body->state = CHUNK_DATA_CR;
    return taken;
}

void chunked_body_init(struct chunked_body *body, uint64_t body_size_max)
{
    *body = (struct chunked_body){.state = CHUNK_SIZE_FIRST, .room = body_size_max};
}

enum chunk_progress chunked_body_feed(struct chunked_body *body, char *bytes, size_t size,
                                      struct chunk_piece *ret_piece)
{
    struct chunk_piece piece = {0};
    while (piece.consumed < size && body->state != CHUNK_END && !piece.fault) {
        if (body->state == CHUNK_DATA) {
            size_t taken =
                take_data(body, bytes + piece.written, bytes + piece.consumed, size - piece.consumed);
            piece.written += taken;
            piece.consumed += taken;
        } else {
            piece.fault = read_byte(body, bytes[piece.consumed]);
            if (!piece.fault) piece.consumed++;
        }
    }
    *ret_piece = piece;
    if (piece.fault) return CHUNK_REFUSED;
    return body->state == CHUNK_END ? CHUNK_COMPLETE : CHUNK_MORE;
}
