#include "base/json_writer.h"

#include <stdbool.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What follows the backslash for each byte that is escaped; 'u' for \u00xx, 0 for bytes that are copied. */
static const char escape_letter[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',         'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

static const char two_digits[200] = "00010203040506070809101112131415161718192021222324"
                                    "25262728293031323334353637383940414243444546474849"
                                    "50515253545556575859606162636465666768697071727374"
                                    "75767778798081828384858687888990919293949596979899";

/* Sixteen bytes that are looked at together. */
#ifdef __SSE2__
struct block {
    __m128i bytes;
};

static struct block block_of_words(uint64_t low, uint64_t high)
{
    return (struct block){_mm_set_epi64x((long long)high, (long long)low)};
}

static bool needs_escapes(struct block block)
{
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block.bytes, _mm_set1_epi8(0x1F)), block.bytes);
    __m128i quote = _mm_cmpeq_epi8(block.bytes, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(block.bytes, _mm_set1_epi8('\\'));
    return _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))) != 0;
}
#else
#define EVERY_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

struct block {
    uint64_t words[2];
};

static struct block block_of_words(uint64_t low, uint64_t high)
{
    return (struct block){{low, high}};
}

/* Subtracting from each byte at once may also mark one above a byte that is marked rightly. */
static uint64_t find_escapes(uint64_t word)
{
    uint64_t quote = word ^ EVERY_BYTE('"');
    uint64_t backslash = word ^ EVERY_BYTE('\\');
    uint64_t hits = ((word - EVERY_BYTE(0x20)) & ~word) | ((quote - EVERY_BYTE(1)) & ~quote) |
                    ((backslash - EVERY_BYTE(1)) & ~backslash);
    return hits & EVERY_BYTE(0x80);
}

static bool needs_escapes(struct block block)
{
    return (find_escapes(block.words[0]) | find_escapes(block.words[1])) != 0;
}
#endif

static char *write_bytes(char *at, const char *bytes, size_t size)
{
    static const char hexadecimal[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        char letter = escape_letter[byte];
        if (letter == 0) {
            *at++ = bytes[i];
            continue;
        }
        *at++ = '\\';
        *at++ = letter;
        if (letter != 'u') continue;
        at = JSON_WRITER_LITERAL(at, "00");
        *at++ = hexadecimal[byte >> 4];
        *at++ = hexadecimal[byte & 0xF];
    }
    return at;
}

/* Fewer bytes than a block: as two words that overlap where there are enough bytes for it. */
static char *write_short(char *at, const char *bytes, size_t size)
{
    if (size >= sizeof(uint64_t)) {
        uint64_t first, last;
        memcpy(&first, bytes, sizeof first);
        memcpy(&last, bytes + size - sizeof last, sizeof last);
        if (needs_escapes(block_of_words(first, last))) return write_bytes(at, bytes, size);
        memcpy(at, &first, sizeof first);
        memcpy(at + size - sizeof last, &last, sizeof last);
        return at + size;
    }
    if (size >= sizeof(uint32_t)) {
        uint32_t first, last;
        memcpy(&first, bytes, sizeof first);
        memcpy(&last, bytes + size - sizeof last, sizeof last);
        uint64_t both = (uint64_t)first << 32 | last;
        if (needs_escapes(block_of_words(both, both))) return write_bytes(at, bytes, size);
        memcpy(at, &first, sizeof first);
        memcpy(at + size - sizeof last, &last, sizeof last);
        return at + size;
    }
    return write_bytes(at, bytes, size);
}

/* The last block overlaps the one before it: if it is plain, so is what it writes once more. */
static char *write_long(char *at, const char *bytes, size_t size)
{
    struct block block;
    const char *last = bytes + size - sizeof block;
    for (; bytes < last; bytes += sizeof block) {
        memcpy(&block, bytes, sizeof block);
        if (needs_escapes(block)) {
            at = write_bytes(at, bytes, sizeof block);
        } else {
            memcpy(at, &block, sizeof block);
            at += sizeof block;
        }
    }
    size_t left = sizeof block - (size_t)(bytes - last);
    memcpy(&block, last, sizeof block);
    if (needs_escapes(block)) return write_bytes(at, bytes, left);
    at += left;
    memcpy(at - sizeof block, &block, sizeof block);
    return at;
}

char *json_writer_string(char *at, struct text text)
{
    *at++ = '"';
    at = text.size < sizeof(struct block) ? write_short(at, text.bytes, text.size)
                                          : write_long(at, text.bytes, text.size);
    *at++ = '"';
    return at;
}

static void write_pair(char *at, unsigned value)
{
    memcpy(at, two_digits + (size_t)2 * value, 2);
}

static size_t count_digits(uint64_t value)
{
    size_t count = 1;
    for (; value >= 10000; value /= 10000)
        count += 4;
    return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

char *json_writer_int64(char *at, int64_t value)
{
    uint64_t rest = (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
        rest = -rest;
    }
    char *end = at + count_digits(rest);
    char *pair = end;
    for (; rest >= 100; rest /= 100)
        write_pair(pair -= 2, (unsigned)(rest % 100));
    if (rest >= 10)
        write_pair(at, (unsigned)rest);
    else
        *at = (char)('0' + rest);
    return end;
}

struct date {
    unsigned year, month, day;
};

/*
 * Cassio Neri and Lorenz Schneider, "Euclidean affine functions and their application to calendar
 * algorithms", figure 12. Years start in March there, so that the leap day is the last of its year; days
 * counts from 0000-03-01.
 */
static struct date date_of_day(uint32_t days)
{
    uint32_t quarters = 4 * days + 3;
    uint32_t century = quarters / 146097;
    uint32_t day_of_century = quarters % 146097 / 4;
    uint64_t scaled = UINT64_C(2939745) * (4 * day_of_century + 3);
    uint32_t year_of_century = (uint32_t)(scaled >> 32);
    uint32_t day_of_year = (uint32_t)scaled / 2939745 / 4;
    uint32_t month_and_day = 2141 * day_of_year + 197913;
    uint32_t month = month_and_day >> 16;
    bool is_next_year = day_of_year >= 306;
    return (struct date){
        .year = 100 * century + year_of_century + is_next_year,
        .month = is_next_year ? month - 12 : month,
        .day = (month_and_day & 0xFFFF) / 2141 + 1,
    };
}

static void write_time_of_day(char *at, uint64_t us_of_day)
{
    uint32_t seconds = (uint32_t)(us_of_day / 1000000);
    uint32_t us = (uint32_t)(us_of_day % 1000000);
    uint32_t minutes = seconds / 60;
    uint32_t hundreds_us = us / 100;
    write_pair(at, minutes / 60);
    write_pair(at + 3, minutes % 60);
    write_pair(at + 6, seconds % 60);
    write_pair(at + 9, hundreds_us / 100);
    write_pair(at + 11, hundreds_us % 100);
    write_pair(at + 13, us % 100);
}

char *json_writer_timestamp(char *at, int64_t unix_us)
{
    static const int64_t first_us = INT64_C(-62135596800000000); /* 0001-01-01T00:00:00.000000Z */
    static const int64_t last_us = INT64_C(253402300799999999);  /* 9999-12-31T23:59:59.999999Z */
    static const uint64_t us_per_day = UINT64_C(86400000000);
    static const uint32_t days_before_year_1 = 306; /* from 0000-03-01 */

    int64_t clamped = unix_us < first_us ? first_us : unix_us > last_us ? last_us : unix_us;
    uint64_t us = (uint64_t)(clamped - first_us);
    struct date date = date_of_day((uint32_t)(us / us_per_day) + days_before_year_1);

    char *end = JSON_WRITER_LITERAL(at, "\"0000-00-00T00:00:00.000000Z\"");
    write_pair(at + 1, date.year / 100);
    write_pair(at + 3, date.year % 100);
    write_pair(at + 6, date.month);
    write_pair(at + 9, date.day);
    write_time_of_day(at + 12, us % us_per_day);
    return end;
}
