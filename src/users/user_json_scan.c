#include "users/user_json_scan.h"

struct user_json_place user_json_scan_place(struct text json, size_t offset)
{
    struct user_json_place place = {1, 1};
    for (size_t i = 0; i < offset && i < json.size; i++) {
        unsigned char byte = (unsigned char)json.bytes[i];
        if (byte == '\n')
            place = (struct user_json_place){place.line + 1, 1};
        else if ((byte & 0xC0) != 0x80)
            place.column++;
    }
    return place;
}

size_t user_json_scan_utf8(struct text json)
{
    if (text_is_utf8(json, NULL)) return json.size;
    size_t offset = 0;
    while (offset < json.size) {
        size_t size = 1, left = json.size - offset;
        while (size <= 4 && size <= left && !text_is_utf8((struct text){json.bytes + offset, size}, NULL))
            size++;
        if (size > 4 || size > left) break;
        offset += size;
    }
    return offset;
}

/* The offset after the string whose opening quote is at start. */
static size_t skip_string(struct text json, size_t start)
{
    size_t i = start + 1;
    while (i < json.size && json.bytes[i] != '"')
        i += json.bytes[i] == '\\' ? 2 : 1;
    return i < json.size ? i + 1 : json.size;
}

static bool is_followed_by_colon(struct text json, size_t offset)
{
    while (offset < json.size && memchr(" \t\r\n", json.bytes[offset], 4))
        offset++;
    return offset < json.size && json.bytes[offset] == ':';
}

/* The nesting after this byte, which is in no string. */
static size_t next_depth(size_t depth, char byte)
{
    if (byte == '{' || byte == '[') return depth + 1;
    if ((byte == '}' || byte == ']') && depth > 0) return depth - 1;
    return depth;
}

size_t user_json_scan_depth(struct text json)
{
    size_t depth = 0, depth_max = 0, i = 0;
    while (i < json.size) {
        depth = next_depth(depth, json.bytes[i]);
        if (depth > depth_max) depth_max = depth;
        i = json.bytes[i] == '"' ? skip_string(json, i) : i + 1;
    }
    return depth_max;
}

struct text user_json_scan_name(struct text json, size_t end, size_t depth_max)
{
    struct text name = {NULL, 0};
    size_t depth = 0, i = 0;
    while (i < end && i < json.size) {
        depth = next_depth(depth, json.bytes[i]);
        if (json.bytes[i] != '"') {
            i++;
            continue;
        }
        size_t after = skip_string(json, i);
        if (after > end) break;
        if (depth <= depth_max && is_followed_by_colon(json, after))
            name = (struct text){json.bytes + i + 1, after - i - 2};
        i = after;
    }
    return name;
}
