#include "lab/serializer.h"

#include "base/json_writer.h"
#include "users/user_json.h"

#define PREFIX     "{\"users\":["
#define SUFFIX     "]}"
#define FRAME_SIZE (sizeof(PREFIX SUFFIX) - 1)

enum fault serializer_direct(struct arena *arena, const struct user *users, size_t count,
                             struct text *ret_body)
{
    size_t size_max = FRAME_SIZE;
    for (size_t i = 0; i < count; i++)
        size_max += user_json_size_max(&users[i]) + 1;
    char *body = arena_take(arena, size_max);
    if (!body) return FAULT_MEMORY;
    char *end = JSON_WRITER_LITERAL(body, PREFIX);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) *end++ = ',';
        end = user_json_write(end, &users[i]);
    }
    end = JSON_WRITER_LITERAL(end, SUFFIX);
    *ret_body = (struct text){body, (size_t)(end - body)};
    return FAULT_NONE;
}

enum fault serializer_postgres(struct arena *arena, const struct text *parts, size_t count,
                               struct text *ret_body)
{
    size_t size_max = FRAME_SIZE;
    for (size_t i = 0; i < count; i++)
        size_max += parts[i].size + 1;
    char *body = arena_take(arena, size_max);
    if (!body) return FAULT_MEMORY;
    char *end = JSON_WRITER_LITERAL(body, PREFIX);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) *end++ = ',';
        end = json_writer_raw(end, parts[i].bytes, parts[i].size);
    }
    end = JSON_WRITER_LITERAL(end, SUFFIX);
    *ret_body = (struct text){body, (size_t)(end - body)};
    return FAULT_NONE;
}
