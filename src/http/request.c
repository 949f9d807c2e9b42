#include "http/request.h"

#include "http/characters.h"

#include <stdlib.h>

bool method_is_safe(enum method method)
{
    return method == METHOD_GET || method == METHOD_HEAD || method == METHOD_OPTIONS;
}

const char *method_name(enum method method)
{
    switch (method) {
    case METHOD_GET:
        return "GET";
    case METHOD_HEAD:
        return "HEAD";
    case METHOD_POST:
        return "POST";
    case METHOD_PUT:
        return "PUT";
    case METHOD_PATCH:
        return "PATCH";
    case METHOD_DELETE:
        return "DELETE";
    case METHOD_OPTIONS:
        return "OPTIONS";
    case METHOD_COUNT:
        return "_OTHER";
    }
    abort();
}

/* Decodes a name or a value to *at, which it moves on. */
static enum fault decode_part(struct text raw, char **at, struct text *ret_part)
{
    char *start = *at, *end = start;
    for (size_t i = 0; i < raw.size; i++) {
        if (raw.bytes[i] != '%') {
            *end++ = raw.bytes[i] == '+' ? ' ' : raw.bytes[i];
            continue;
        }
        if (raw.size - i < 3) return FAULT_TARGET;
        char high = raw.bytes[i + 1], low = raw.bytes[i + 2];
        if (!character_is(high, CHARACTER_HEX) || !character_is(low, CHARACTER_HEX)) return FAULT_TARGET;
        *end++ = (char)(character_hex_value(high) << 4 | character_hex_value(low));
        i += 2;
    }
    struct text part = {start, (size_t)(end - start)};
    if (!text_is_utf8(part, NULL)) return FAULT_TARGET;
    *at = end;
    *ret_part = part;
    return FAULT_NONE;
}

static enum fault decode_parameter(struct text raw, char **at, struct text *ret_name, struct text *ret_value)
{
    struct text name = text_take_until(&raw, '=');
    enum fault fault = decode_part(name, at, ret_name);
    if (fault) return fault;
    return decode_part(raw, at, ret_value);
}

enum fault request_each_parameter(struct request *request,
                                  enum fault (*each)(void *argument, struct text name, struct text value),
                                  void *argument)
{
    struct text rest = request->query;
    if (rest.size == 0) return FAULT_NONE;
    char *at = arena_take(&request->arena, rest.size);
    if (!at) return FAULT_MEMORY;
    while (rest.size > 0) {
        struct text raw = text_take_until(&rest, '&'), name, value;
        if (raw.size == 0) continue;
        enum fault fault = decode_parameter(raw, &at, &name, &value);
        if (fault) return fault;
        fault = each(argument, name, value);
        if (fault) return fault;
    }
    return FAULT_NONE;
}
