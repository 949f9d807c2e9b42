/*
 * Fuzzes json_writer and user_json_write: whatever UTF-8 goes in comes back from a parser as it was. All of
 * the input is a string; and a user, whose numbers are its first bytes, and whose name and email are the
 * rest.
 */
#include "base/json_writer.h"

#include "users/user_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) abort();
}

static bool can_come_back(struct text text)
{
    /* The parser refuses U+0000, which the writer does not. */
    return text_is_utf8(text, NULL) && (text.size == 0 || !memchr(text.bytes, 0, text.size));
}

/* The caller frees it with json_decref. */
static json_t *load(const char *written, const char *end, size_t size_max)
{
    struct text text = {written, (size_t)(end - written)};
    require(text.size <= size_max && text_is_utf8(text, NULL));
    json_t *loaded = json_loadb(text.bytes, text.size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    require(loaded != NULL);
    return loaded;
}

static bool is_string(const json_t *loaded, struct text text)
{
    return json_is_string(loaded) &&
           text_equal((struct text){json_string_value(loaded), json_string_length(loaded)}, text);
}

/* In the years 1 to 9999, which end at these times. */
static bool is_timestamp(const json_t *loaded, int64_t unix_us)
{
    static const int64_t first_us = INT64_C(-62135596800000000), last_us = INT64_C(253402300799999999);
    int64_t clamped = unix_us < first_us ? first_us : unix_us > last_us ? last_us : unix_us;
    int64_t us = (clamped % 1000000 + 1000000) % 1000000;
    time_t seconds = (clamped - us) / 1000000;
    struct tm utc;
    char date[32], expected[64];
    require(gmtime_r(&seconds, &utc) != NULL);
    require(strftime(date, sizeof date, "-%m-%dT%H:%M:%S", &utc) > 0);
    (void)snprintf(expected, sizeof expected, "%04d%s.%06dZ", utc.tm_year + 1900, date, (int)us);
    return is_string(loaded, text_of(expected));
}

static void check_string(struct text text)
{
    size_t size_max = JSON_WRITER_STRING_MAX(text.size);
    char *written = malloc(size_max);
    require(written != NULL);
    json_t *loaded = load(written, json_writer_string(written, text), size_max);
    require(is_string(loaded, text));
    json_decref(loaded);
    free(written);
}

static bool is_integer(const json_t *loaded, int64_t value)
{
    return json_is_integer(loaded) && json_integer_value(loaded) == value;
}

static void check_user(const struct user *user)
{
    size_t size_max = user_json_size_max(user);
    char *written = malloc(size_max);
    require(written != NULL);
    json_t *loaded = load(written, user_json_write(written, user), size_max);
    require(json_object_size(loaded) == 6);
    require(is_integer(json_object_get(loaded, "id"), user->id));
    require(is_string(json_object_get(loaded, "name"), user->name));
    require(is_string(json_object_get(loaded, "email"), user->email));
    require(is_timestamp(json_object_get(loaded, "created_at"), user->created_at_us));
    require(is_timestamp(json_object_get(loaded, "updated_at"), user->updated_at_us));
    require(is_integer(json_object_get(loaded, "version"), user->version));
    json_decref(loaded);
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t numbers[4];
    struct text rest = {(const char *)data, size};
    if (can_come_back(rest)) check_string(rest);
    if (size < sizeof numbers) return 0;

    memcpy(numbers, data, sizeof numbers);
    rest = (struct text){rest.bytes + sizeof numbers, rest.size - sizeof numbers};
    struct user user = {
        .id = numbers[0],
        .name = text_take_until(&rest, '@'),
        .email = rest,
        .created_at_us = numbers[1],
        .updated_at_us = numbers[2],
        .version = numbers[3],
    };
    if (can_come_back(user.name) && can_come_back(user.email)) check_user(&user);
    return 0;
}
