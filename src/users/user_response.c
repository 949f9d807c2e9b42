#include "users/user_response.h"

#include "base/json_writer.h"
#include "users/user_cursor.h"
#include "users/user_json.h"

/* A terminated string of prefix, number and suffix in the arena; NULL when memory is short. */
static const char *format_string(struct arena *arena, struct text prefix, int64_t number, struct text suffix)
{
    char *string = arena_take(arena, prefix.size + JSON_WRITER_INT64_MAX + suffix.size + 1);
    if (!string) return NULL;
    char *end = json_writer_raw(string, prefix.bytes, prefix.size);
    end = json_writer_int64(end, number);
    end = json_writer_raw(end, suffix.bytes, suffix.size);
    *end = '\0';
    return string;
}

static enum fault set_etag(struct request *request, int64_t version)
{
    request->response.etag = format_string(&request->arena, TEXT("\""), version, TEXT("\""));
    return request->response.etag ? FAULT_NONE : FAULT_MEMORY;
}

static enum fault set_location(struct request *request, int64_t id)
{
    request->response.location = format_string(&request->arena, TEXT("/users/"), id, TEXT(""));
    return request->response.location ? FAULT_NONE : FAULT_MEMORY;
}

static enum fault write_user(struct request *request, const struct user *user, struct text *ret_body)
{
    ledger_enter(&request->ledger, PHASE_JSON);
    enum fault fault = set_etag(request, user->version);
    if (fault) return fault;
    char *body = arena_take(&request->arena, user_json_size_max(user));
    if (!body) return FAULT_MEMORY;
    char *end = user_json_write(body, user);
    *ret_body = (struct text){body, (size_t)(end - body)};
    return FAULT_NONE;
}

enum fault user_response_one(struct request *request, unsigned status, const struct user *user)
{
    struct text body;
    enum fault fault = write_user(request, user, &body);
    if (!fault) response_json(request, status, body);
    return fault;
}

enum fault user_response_not_modified(struct request *request, const struct user *user)
{
    struct text body;
    enum fault fault = write_user(request, user, &body);
    if (!fault) response_not_modified(request, body);
    return fault;
}

enum fault user_response_created(struct request *request, const struct user *user)
{
    enum fault fault = set_location(request, user->id);
    return fault ? fault : user_response_one(request, 201, user);
}

/* Room for {"users":[…],"next":"…"}. */
static size_t page_size_max(const struct user *users, size_t count)
{
    size_t size = sizeof("{\"users\":[],\"next\":\"\"}") + USER_CURSOR_SIZE;
    for (size_t i = 0; i < count; i++)
        size += user_json_size_max(&users[i]) + 1;
    return size;
}

/* Writes a page; cursor is that of the next page, or NULL. */
static char *write_page(char *at, const struct user *users, size_t count, const char *cursor)
{
    at = JSON_WRITER_LITERAL(at, "{\"users\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) at = JSON_WRITER_LITERAL(at, ",");
        at = user_json_write(at, &users[i]);
    }
    at = JSON_WRITER_LITERAL(at, "],\"next\":");
    if (!cursor) return JSON_WRITER_LITERAL(at, "null}");
    at = JSON_WRITER_LITERAL(at, "\"");
    at = json_writer_raw(at, cursor, USER_CURSOR_SIZE);
    return JSON_WRITER_LITERAL(at, "\"}");
}

/* Link (RFC 8288) to the next page. */
static enum fault set_link(struct request *request, int limit, const char *cursor)
{
    struct text prefix = TEXT("</users?limit="), middle = TEXT("&after="), suffix = TEXT(">; rel=\"next\"");
    size_t size = prefix.size + JSON_WRITER_INT64_MAX + middle.size + USER_CURSOR_SIZE + suffix.size + 1;
    char *link = arena_take(&request->arena, size);
    if (!link) return FAULT_MEMORY;
    char *end = json_writer_raw(link, prefix.bytes, prefix.size);
    end = json_writer_int64(end, limit);
    end = json_writer_raw(end, middle.bytes, middle.size);
    end = json_writer_raw(end, cursor, USER_CURSOR_SIZE);
    end = json_writer_raw(end, suffix.bytes, suffix.size);
    *end = '\0';
    request->response.link = link;
    return FAULT_NONE;
}

enum fault user_response_page(struct request *request, int limit, const struct user *users, size_t found)
{
    ledger_enter(&request->ledger, PHASE_JSON);
    size_t rows_max = (size_t)limit, count = found > rows_max ? rows_max : found;
    char encoded[USER_CURSOR_SIZE], *cursor = NULL;
    if (found > rows_max) {
        (void)user_cursor_encode(encoded, users[count - 1].id);
        cursor = encoded;
    }
    char *body = arena_take(&request->arena, page_size_max(users, count));
    if (!body) return FAULT_MEMORY;
    enum fault fault = cursor ? set_link(request, limit, cursor) : FAULT_NONE;
    if (fault) return fault;
    char *end = write_page(body, users, count, cursor);
    response_json(request, 200, (struct text){body, (size_t)(end - body)});
    return FAULT_NONE;
}
