#include "users/user_json.h"

#include "base/json_writer.h"
#include "users/user_json_scan.h"

#include <jansson.h>
#include <stdio.h>

#define DEPTH_MAX       32
#define DETAIL_SIZE_MAX 256

#define ID_NAME         "{\"id\":"
#define NAME_NAME       ",\"name\":"
#define EMAIL_NAME      ",\"email\":"
#define CREATED_AT_NAME ",\"created_at\":"
#define UPDATED_AT_NAME ",\"updated_at\":"
#define VERSION_NAME    ",\"version\":"
#define NAMES           ID_NAME NAME_NAME EMAIL_NAME CREATED_AT_NAME UPDATED_AT_NAME VERSION_NAME "}"

size_t user_json_size_max(const struct user *user)
{
    const size_t numbers = 2, timestamps = 2;
    return sizeof(NAMES) + numbers * JSON_WRITER_INT64_MAX + timestamps * JSON_WRITER_TIMESTAMP_MAX +
           JSON_WRITER_STRING_MAX(user->name.size) + JSON_WRITER_STRING_MAX(user->email.size);
}

char *user_json_write(char *at, const struct user *user)
{
    at = JSON_WRITER_LITERAL(at, ID_NAME);
    at = json_writer_int64(at, user->id);
    at = JSON_WRITER_LITERAL(at, NAME_NAME);
    at = json_writer_string(at, user->name);
    at = JSON_WRITER_LITERAL(at, EMAIL_NAME);
    at = json_writer_string(at, user->email);
    at = JSON_WRITER_LITERAL(at, CREATED_AT_NAME);
    at = json_writer_timestamp(at, user->created_at_us);
    at = JSON_WRITER_LITERAL(at, UPDATED_AT_NAME);
    at = json_writer_timestamp(at, user->updated_at_us);
    at = JSON_WRITER_LITERAL(at, VERSION_NAME);
    at = json_writer_int64(at, user->version);
    return JSON_WRITER_LITERAL(at, "}");
}

/* One call of user_json_read. */
struct reading {
    struct arena *arena;
    struct text body;
    enum user_json_form form;
    struct user_json_flaws *flaws;
};

static enum fault copy_text(struct arena *arena, struct text text, struct text *ret_copy)
{
    char *bytes = arena_take(arena, text.size + 1);
    if (!bytes) return FAULT_MEMORY;
    if (text.size > 0) memcpy(bytes, text.bytes, text.size);
    *ret_copy = (struct text){bytes, text.size};
    return FAULT_NONE;
}

/* Notes a flaw; those beyond the limit are left out. */
static enum fault add_error(struct reading *reading, struct text field, const char *reason)
{
    struct user_json_flaws *flaws = reading->flaws;
    if (flaws->count == USER_JSON_ERRORS_MAX) return FAULT_NONE;
    struct field_error *error = &flaws->errors[flaws->count];
    enum fault fault = copy_text(reading->arena, field, &error->field);
    if (fault) return fault;
    error->reason = reason;
    flaws->count++;
    return FAULT_NONE;
}

/* Says that the body is not JSON, and where. */
static enum fault refuse_grammar(struct reading *reading, struct user_json_place place, const char *what)
{
    char *detail = arena_take(reading->arena, DETAIL_SIZE_MAX);
    if (!detail) return FAULT_MEMORY;
    (void)snprintf(detail, DETAIL_SIZE_MAX, "line %zu, column %zu: %s", place.line, place.column, what);
    reading->flaws->detail = detail;
    return FAULT_JSON;
}

/* What has to be refused before jansson sees it: NUL, which it may swallow, and depths of its recursion. */
static enum fault check_text(struct reading *reading)
{
    struct text body = reading->body;
    if (body.size == 0) return refuse_grammar(reading, (struct user_json_place){1, 1}, "the body is empty");
    const char *nul = memchr(body.bytes, '\0', body.size);
    size_t nul_offset = nul ? (size_t)(nul - body.bytes) : body.size;
    size_t utf8_size = user_json_scan_utf8(body);
    if (nul_offset < utf8_size)
        return refuse_grammar(reading, user_json_scan_place(body, nul_offset), "NUL is not allowed");
    if (utf8_size < body.size)
        return refuse_grammar(reading, user_json_scan_place(body, utf8_size), "not UTF-8");
    return user_json_scan_depth(body) > DEPTH_MAX ? FAULT_JSON_TOO_DEEP : FAULT_NONE;
}

static enum fault explain_grammar(struct reading *reading, const json_error_t *error)
{
    struct user_json_place place = {(size_t)error->line, error->column > 0 ? (size_t)error->column : 1};
    /* jansson quotes a few bytes of what it could not read, which may end within a character. */
    bool is_sound = text_is_utf8(text_of(error->text), NULL);
    return refuse_grammar(reading, place, is_sound ? error->text : "unexpected bytes");
}

/* What is wrong with a member that is JSON, but that jansson cannot hold; NULL for all else. */
static const char *unholdable_reason(enum json_error_code code)
{
    if (code == json_error_duplicate_key) return "must not appear twice";
    if (code == json_error_null_character) return "must not have the character U+0000";
    if (code == json_error_null_byte_in_key) return "must not have the character U+0000 in its name";
    if (code == json_error_numeric_overflow) return "must not have a number as large as this";
    return NULL;
}

static struct text string_text(const json_t *string)
{
    return (struct text){json_string_value(string), json_string_length(string)};
}

/* As add_error; the name is as it is written, with its escapes. One with U+0000 stays that way. */
static enum fault add_written_error(struct reading *reading, struct text written, const char *reason)
{
    char *quoted = arena_take(reading->arena, written.size + 2);
    if (!quoted) return FAULT_MEMORY;
    quoted[0] = quoted[written.size + 1] = '"';
    if (written.size > 0) memcpy(quoted + 1, written.bytes, written.size);
    json_t *name = json_loadb(quoted, written.size + 2, JSON_DECODE_ANY, NULL);
    enum fault fault = add_error(reading, name ? string_text(name) : written, reason);
    json_decref(name);
    return fault;
}

static enum fault explain_error(struct reading *reading, const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    if (code == json_error_unknown || code == json_error_out_of_memory) return FAULT_MEMORY;
    const char *reason = unholdable_reason(code);
    if (!reason) return explain_grammar(reading, error);
    bool is_name = code == json_error_duplicate_key || code == json_error_null_byte_in_key;
    struct text name = user_json_scan_name(reading->body, (size_t)error->position, is_name ? DEPTH_MAX : 1);
    enum fault fault = add_written_error(reading, name, reason);
    return fault ? fault : FAULT_VALIDATION;
}

/* A member that a client may set. */
struct member {
    const char *name;
    const char *(*flaw)(struct text value);
};

static const struct member name_member = {"name", user_name_flaw};
static const struct member email_member = {"email", user_email_flaw};

/* What is wrong with the member's value, which is NULL where it is absent; NULL for nothing. */
static const char *value_flaw(const struct member *member, enum user_json_form form, const json_t *value)
{
    if (!value) return form == USER_JSON_WHOLE ? "is required" : NULL;
    if (json_is_null(value) && form == USER_JSON_PATCH) return "cannot be removed";
    if (!json_is_string(value)) return "must be a string";
    return member->flaw(string_text(value));
}

static enum fault read_member(struct reading *reading, const json_t *root, const struct member *member,
                              struct text *ret_value)
{
    const json_t *value = json_object_get(root, member->name);
    const char *flaw = value_flaw(member, reading->form, value);
    *ret_value = (struct text){NULL, 0};
    if (flaw) return add_error(reading, text_of(member->name), flaw);
    return value ? copy_text(reading->arena, string_text(value), ret_value) : FAULT_NONE;
}

/* What is wrong with having a member of this name; NULL for nothing. */
static const char *name_flaw(struct text name)
{
    static const char *const read_only[] = {"id", "created_at", "updated_at", "version"};
    if (text_equal(name, text_of(name_member.name)) || text_equal(name, text_of(email_member.name)))
        return NULL;
    for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++)
        if (text_equal(name, text_of(read_only[i]))) return "cannot be set";
    return "is unknown";
}

static enum fault check_names(struct reading *reading, json_t *root)
{
    for (void *at = json_object_iter(root); at; at = json_object_iter_next(root, at)) {
        struct text name = {json_object_iter_key(at), json_object_iter_key_len(at)};
        const char *flaw = name_flaw(name);
        enum fault fault = flaw ? add_error(reading, name, flaw) : FAULT_NONE;
        if (fault) return fault;
    }
    return FAULT_NONE;
}

static enum fault read_root(struct reading *reading, json_t *root, struct text *ret_name,
                            struct text *ret_email)
{
    enum fault fault = FAULT_NONE;
    if (!json_is_object(root)) {
        fault = add_error(reading, TEXT(""), "must be a JSON object");
        return fault ? fault : FAULT_VALIDATION;
    }
    fault = read_member(reading, root, &name_member, ret_name);
    if (fault) return fault;
    fault = read_member(reading, root, &email_member, ret_email);
    if (fault) return fault;
    fault = check_names(reading, root);
    if (fault) return fault;
    return reading->flaws->count > 0 ? FAULT_VALIDATION : FAULT_NONE;
}

enum fault user_json_read(struct arena *arena, struct text body, enum user_json_form form,
                          struct user *ret_user, struct user_json_flaws *ret_flaws)
{
    struct reading reading = {arena, body, form, ret_flaws};
    struct text name, email;
    json_error_t error = {.line = 0}; /* jansson leaves the code unset where memory is short */
    *ret_flaws = (struct user_json_flaws){.count = 0};
    enum fault fault = check_text(&reading);
    if (fault) return fault;
    json_t *root = json_loadb(body.bytes, body.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root) return explain_error(&reading, &error);
    fault = read_root(&reading, root, &name, &email);
    json_decref(root);
    if (fault) return fault;
    ret_user->name = name;
    ret_user->email = email;
    return FAULT_NONE;
}
