#include "lab/serializer_jansson.h"

#include "base/json_writer.h"
#include "users/user_json.h"

#include <jansson.h>
#include <stdbool.h>

static json_t *timestamp_node(int64_t unix_us)
{
    char quoted[JSON_WRITER_TIMESTAMP_MAX];
    size_t size = (size_t)(json_writer_timestamp(quoted, unix_us) - quoted);
    return json_stringn(quoted + 1, size - 2);
}

/* Takes value over. False when memory is short, also for object or value, which is NULL then. */
static bool set_member(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static bool set_members(json_t *object, const struct user *user)
{
    return set_member(object, "id", json_integer(user->id)) &&
           set_member(object, "name", json_stringn(user->name.bytes, user->name.size)) &&
           set_member(object, "email", json_stringn(user->email.bytes, user->email.size)) &&
           set_member(object, "created_at", timestamp_node(user->created_at_us)) &&
           set_member(object, "updated_at", timestamp_node(user->updated_at_us)) &&
           set_member(object, "version", json_integer(user->version));
}

static bool append_user(json_t *array, const struct user *user)
{
    json_t *object = json_object();
    if (set_members(object, user)) return json_array_append_new(array, object) == 0;
    json_decref(object);
    return false;
}

/* NULL when memory is short; the caller frees it with json_decref. */
static json_t *make_tree(const struct user *users, size_t count)
{
    json_t *root = json_object(), *array = json_array();
    bool is_made = set_member(root, "users", array);
    for (size_t i = 0; is_made && i < count; i++)
        is_made = append_user(array, &users[i]);
    if (is_made) return root;
    json_decref(root);
    return NULL;
}

enum fault serializer_jansson(struct arena *arena, const struct user *users, size_t count,
                              struct text *ret_body)
{
    size_t size_max = sizeof("{\"users\":[]}");
    for (size_t i = 0; i < count; i++)
        size_max += user_json_size_max(&users[i]) + 1;
    char *body = arena_take(arena, size_max);
    if (!body) return FAULT_MEMORY;
    json_t *root = make_tree(users, count);
    size_t size = root ? json_dumpb(root, body, size_max, JSON_COMPACT) : 0;
    json_decref(root);
    if (size == 0 || size > size_max) return FAULT_MEMORY;
    *ret_body = (struct text){body, size};
    return FAULT_NONE;
}
