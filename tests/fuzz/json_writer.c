/*
 * Fuzzes json_writer_string: whatever UTF-8 goes in comes back from a parser as it was.
 */
#include "base/json_writer.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text text = {(const char *)data, size};
    /* The parser refuses U+0000, which the writer does not. */
    if (!text_is_utf8(text, NULL) || (size > 0 && memchr(data, 0, size))) return 0;

    char *written = malloc(JSON_WRITER_STRING_MAX(size));
    require(written != NULL);
    size_t written_size = (size_t)(json_writer_string(written, text) - written);
    require(written_size <= JSON_WRITER_STRING_MAX(size));
    require(text_is_utf8((struct text){written, written_size}, NULL));

    json_error_t error;
    json_t *loaded = json_loadb(written, written_size, JSON_DECODE_ANY, &error);
    require(json_is_string(loaded));
    require(text_equal((struct text){json_string_value(loaded), json_string_length(loaded)}, text));
    json_decref(loaded);
    free(written);
    return 0;
}
