#include "users/user_request.h"

#include "users/user_cursor.h"

#define KEY_SIZE_MAX 255

/* Is it charset=utf-8, or nothing, which RFC 9110, section 5.6.6 allows, too? */
static bool is_known_parameter(struct text parameter)
{
    if (parameter.size == 0) return true;
    struct text name = text_take_until(&parameter, '=');
    if (!text_equal_nocase(name, TEXT("charset"))) return false;
    return text_equal_nocase(parameter, TEXT("utf-8")) || text_equal_nocase(parameter, TEXT("\"utf-8\""));
}

static bool is_media_type_accepted(struct text field, enum user_json_form form)
{
    struct text type = text_trim(text_take_until(&field, ';'));
    bool is_json = text_equal_nocase(type, TEXT("application/json"));
    bool is_patch = text_equal_nocase(type, TEXT("application/merge-patch+json"));
    if (!is_json && !(is_patch && form == USER_JSON_PATCH)) return false;
    while (field.size > 0)
        if (!is_known_parameter(text_trim(text_take_until(&field, ';')))) return false;
    return true;
}

static bool is_coding_accepted(struct text field)
{
    while (field.size > 0) {
        struct text coding = text_trim(text_take_until(&field, ','));
        if (coding.size > 0 && !text_equal_nocase(coding, TEXT("identity"))) return false;
    }
    return true;
}

enum fault user_request_body(struct request *request, enum user_json_form form, struct user *ret_user,
                             struct user_json_flaws *ret_flaws)
{
    *ret_flaws = (struct user_json_flaws){.count = 0};
    if (!is_coding_accepted(request->headers[HEADER_CONTENT_ENCODING])) return FAULT_CONTENT_CODING;
    if (!is_media_type_accepted(request->headers[HEADER_CONTENT_TYPE], form)) {
        bool is_patch = form == USER_JSON_PATCH;
        request->response.accept =
            is_patch ? "application/merge-patch+json, application/json" : "application/json";
        return FAULT_MEDIA_TYPE;
    }
    ledger_enter(&request->ledger, PHASE_PARSE);
    enum fault fault = user_json_read(&request->arena, request->body, form, ret_user, ret_flaws);
    ledger_enter(&request->ledger, PHASE_OTHER);
    return fault;
}

/* A parameter, and what has been seen of it. */
struct parameter {
    struct text name;
    unsigned times;
    struct text value;
};

enum { PARAMETER_LIMIT, PARAMETER_AFTER, PARAMETER_COUNT };

struct page_reading {
    struct parameter parameters[PARAMETER_COUNT];
    struct user_json_flaws *flaws;
};

/* Notes a flaw of a parameter, once; those beyond the limit are left out. */
static void add_error(struct user_json_flaws *flaws, struct text field, const char *reason)
{
    if (flaws->count == USER_JSON_ERRORS_MAX) return;
    for (size_t i = 0; i < flaws->count; i++)
        if (text_equal(flaws->errors[i].field, field)) return;
    flaws->errors[flaws->count++] = (struct field_error){field, reason};
}

static enum fault note_parameter(void *argument, struct text name, struct text value)
{
    struct page_reading *reading = argument;
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        struct parameter *parameter = &reading->parameters[i];
        if (!text_equal(parameter->name, name)) continue;
        parameter->times++;
        parameter->value = value;
        return FAULT_NONE;
    }
    add_error(reading->flaws, name, "is unknown");
    return FAULT_NONE;
}

static const char *limit_flaw(struct text value, struct user_page *page)
{
    uint64_t limit;
    if (!text_to_uint64(value, USER_PAGE_LIMIT_MAX, &limit) || limit == 0)
        return "must be a whole number from 1 to 1000";
    page->limit = (int)limit;
    return NULL;
}

static const char *after_flaw(struct text value, struct user_page *page)
{
    return user_cursor_decode(value, &page->after) ? NULL : "must be the `next` of an earlier page";
}

static void read_parameter(struct page_reading *reading, const struct parameter *parameter,
                           const char *(*flaw_of)(struct text value, struct user_page *page),
                           struct user_page *page)
{
    if (parameter->times == 0) return;
    const char *flaw = parameter->times > 1 ? "must not be repeated" : flaw_of(parameter->value, page);
    if (flaw) add_error(reading->flaws, parameter->name, flaw);
}

enum fault user_request_page(struct request *request, struct user_page *ret_page,
                             struct user_json_flaws *ret_flaws)
{
    struct page_reading reading = {.flaws = ret_flaws};
    struct user_page page = {.after = 0, .limit = USER_PAGE_LIMIT_DEFAULT};
    reading.parameters[PARAMETER_LIMIT].name = TEXT("limit");
    reading.parameters[PARAMETER_AFTER].name = TEXT("after");
    *ret_flaws = (struct user_json_flaws){.count = 0};
    enum fault fault = request_each_parameter(request, note_parameter, &reading);
    if (fault) return fault;
    read_parameter(&reading, &reading.parameters[PARAMETER_LIMIT], limit_flaw, &page);
    read_parameter(&reading, &reading.parameters[PARAMETER_AFTER], after_flaw, &page);
    if (ret_flaws->count > 0) return FAULT_VALIDATION;
    *ret_page = page;
    return FAULT_NONE;
}

/* Copies what the quoted string holds; false when it is malformed. */
static bool unquote(struct text quoted, char *at, size_t *ret_size)
{
    size_t size = 0, i = 1;
    for (; i < quoted.size && quoted.bytes[i] != '"'; i++) {
        if (quoted.bytes[i] == '\\') {
            i++;
            if (i == quoted.size || (quoted.bytes[i] != '"' && quoted.bytes[i] != '\\')) return false;
        }
        at[size++] = quoted.bytes[i];
    }
    *ret_size = size;
    return i + 1 == quoted.size;
}

/* Is all of key ASCII from this byte to '~'? */
static bool is_visible(struct text key, char first)
{
    for (size_t i = 0; i < key.size; i++)
        if (key.bytes[i] < first || key.bytes[i] > '~') return false;
    return true;
}

enum fault user_request_key(struct request *request, struct text *ret_key)
{
    struct text field = request->headers[HEADER_IDEMPOTENCY_KEY], key = field;
    bool is_quoted = field.size > 0 && field.bytes[0] == '"';
    if (is_quoted) {
        char *bytes = arena_take(&request->arena, field.size);
        if (!bytes) return FAULT_MEMORY;
        key.bytes = bytes;
        if (!unquote(field, bytes, &key.size)) return FAULT_IDEMPOTENCY_KEY;
    }
    if (field.bytes && (key.size == 0 || key.size > KEY_SIZE_MAX)) return FAULT_IDEMPOTENCY_KEY;
    if (!is_visible(key, is_quoted ? ' ' : '!')) return FAULT_IDEMPOTENCY_KEY;
    *ret_key = key;
    return FAULT_NONE;
}
