#include "base/text.h"

static unsigned char lower_case(char byte)
{
    return (unsigned char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
}

bool text_equal_nocase(struct text a, struct text b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower_case(a.bytes[i]) != lower_case(b.bytes[i])) return false;
    return true;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct text text_trim(struct text text)
{
    while (text.size > 0 && is_blank(text.bytes[0])) {
        text.bytes++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.bytes[text.size - 1]))
        text.size--;
    return text;
}

struct text text_take_until(struct text *rest, char separator)
{
    if (rest->size == 0) return *rest;
    const char *found = memchr(rest->bytes, separator, rest->size);
    struct text part = {rest->bytes, found ? (size_t)(found - rest->bytes) : rest->size};
    size_t taken = part.size + (found ? 1 : 0);
    *rest = (struct text){rest->bytes + taken, rest->size - taken};
    return part;
}

bool text_to_uint64(struct text text, uint64_t limit, uint64_t *ret_value)
{
    if (text.size == 0) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned char)text.bytes[i] - (unsigned)'0';
        if (digit > 9 || digit > limit || value > (limit - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

static bool is_ascii_16(const char *bytes)
{
    uint64_t words[2];
    memcpy(words, bytes, sizeof words);
    return ((words[0] | words[1]) & UINT64_C(0x8080808080808080)) == 0;
}

/* The size of the well-formed sequence at bytes, or 0: table 3-7 of the Unicode standard, chapter 3.9. */
static size_t sequence_size(const unsigned char *bytes, size_t left)
{
    unsigned char lead = bytes[0];
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (size > left) return 0;

    unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (bytes[1] < lowest || bytes[1] > highest) return 0;
    for (size_t i = 2; i < size; i++)
        if ((bytes[i] & 0xC0) != 0x80) return 0;
    return size;
}

bool text_is_utf8(struct text text, size_t *ret_count)
{
    size_t count = 0;
    for (size_t at = 0; at < text.size;) {
        if (text.size - at >= 16 && is_ascii_16(text.bytes + at)) {
            at += 16;
            count += 16;
            continue;
        }
        size_t size = sequence_size((const unsigned char *)text.bytes + at, text.size - at);
        if (size == 0) return false;
        at += size;
        count++;
    }
    if (ret_count) *ret_count = count;
    return true;
}

bool text_has_control(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte < 0x20 || byte == 0x7F) return true;
        /* U+0080 to U+009F are C2 80 to C2 9F. */
        if (byte == 0xC2 && i + 1 < text.size && (unsigned char)text.bytes[i + 1] < 0xA0) return true;
    }
    return false;
}
