#include "lab/random_user.h"

#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t random_state = 0x9E3779B97F4A7C15;

/* xorshift64: the same numbers in every run. */
static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Characters that some writer or other treats in a way of its own. */
static const uint32_t special[] = {
    '"',     '\\',    '/',     '<',     '>',     '&',     '\'',     '{',      '}',    ' ',
    0xA0,    0xAD,    0xE9,    0x300,   0x301,   0x7FF,   0x800,    0x200B,   0x200D, 0x2028,
    0x2029,  0x202E,  0xD7FF,  0xE000,  0xFDD0,  0xFEFF,  0xFFFD,   0xFFFE,   0xFFFF, 0x10000,
    0x1F468, 0x1F600, 0x1FFFF, 0x20000, 0xE0001, 0xF0000, 0x10FFFD, 0x10FFFF,
};

/* Of any plane, and no control character. */
static uint32_t random_character(void)
{
    static const uint32_t limits[] = {0x7F, 0x7F, 0x800, 0x10000, 0x110000};
    uint64_t number = random_number();
    if (number % 4 == 0) return special[number / 4 % COUNT_OF(special)];
    uint32_t limit = limits[number / 4 % COUNT_OF(limits)];
    uint32_t character = ' ' + (uint32_t)((number >> 8) % (limit - ' '));
    bool is_control = character >= 0x7F && character < 0xA0;
    bool is_surrogate = character >= 0xD800 && character <= 0xDFFF;
    return is_control || is_surrogate ? 'x' : character;
}

static size_t encode(uint32_t character, char bytes[4])
{
    size_t size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    if (size == 1) {
        bytes[0] = (char)character;
        return 1;
    }
    for (size_t i = size - 1; i > 0; i--, character >>= 6)
        bytes[i] = (char)(0x80 | (character & 0x3F));
    bytes[0] = (char)((0xF00 >> size & 0xFF) | character);
    return size;
}

static struct text random_name(char bytes[4 * USER_NAME_CHARACTERS_MAX])
{
    struct text name = {bytes, 0};
    uint64_t number = random_number();
    uint64_t count = number % 8 == 0 ? USER_NAME_CHARACTERS_MAX : 1 + number / 8 % USER_NAME_CHARACTERS_MAX;
    for (; count > 0; count--)
        name.size += encode(random_character(), bytes + name.size);
    return name;
}

/* Appends characters that leave text what is_sound says; at most size_max bytes in all, and at least one. */
static void append_part(struct text *text, char *bytes, size_t size_max, const char *allowed)
{
    for (size_t start = text->size; text->size == start || random_number() % 16 != 0;) {
        uint32_t character = random_character();
        char encoded[4];
        bool fits = character >= 0xA0 || (character != 0 && strchr(allowed, (int)character));
        size_t size = encode(fits ? character : 'a', encoded);
        if (text->size + size > size_max) return;
        memcpy(bytes + text->size, encoded, size);
        text->size += size;
    }
}

static struct text random_email(char bytes[USER_EMAIL_BYTES_MAX])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char atom[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "!#$%&'*+-/=?^_`{|}~";
    struct text email = {bytes, 0};
    append_part(&email, bytes, 64, atom);
    bytes[email.size++] = '@';
    append_part(&email, bytes, email.size + 63, letters);
    while (random_number() % 2 == 0 && email.size + 1 + 63 <= USER_EMAIL_BYTES_MAX) {
        bytes[email.size++] = '.';
        append_part(&email, bytes, email.size + 63, letters);
    }
    return email;
}

static int64_t random_time(void)
{
    static const int64_t extremes[] = {
        INT64_MIN,
        INT64_C(-62135596800000001), /* before 0001-01-01T00:00:00Z */
        INT64_C(-62135596800000000),
        INT64_C(-62135596799999999),
        INT64_C(-1),
        0,
        1,
        INT64_C(951782400000000),    /* 2000-02-29 */
        INT64_C(253402300799999999), /* 9999-12-31T23:59:59.999999Z */
        INT64_C(253402300800000000),
        INT64_MAX,
    };
    uint64_t number = random_number();
    if (number % 4 == 0) return extremes[number / 4 % COUNT_OF(extremes)];
    return (int64_t)(random_number() % UINT64_C(315537897600000000)) - INT64_C(62135596800000000);
}

/* From 1, of every length. */
static int64_t random_count(void)
{
    uint64_t number = random_number();
    if (number % 8 == 0) return number % 16 == 0 ? INT64_MAX : 1;
    return 1 + (int64_t)(random_number() >> (2 + number / 8 % 61));
}

void random_user_make(struct random_user *random)
{
    do {
        random->user = (struct user){
            .id = random_count(),
            .name = random_name(random->name),
            .email = random_email(random->email),
            .created_at_us = random_time(),
            .updated_at_us = random_time(),
            .version = random_count(),
        };
    } while (user_name_flaw(random->user.name) || user_email_flaw(random->user.email));
}
