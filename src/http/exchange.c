#include "http/exchange.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK_WORK_SIZE 4096 /* bytes of room, at least, to read chunked content into */

void exchange_init(struct exchange *exchange, struct connection *connection, const struct head_limits *limits)
{
    memset(exchange, 0, offsetof(struct exchange, input_first));
    exchange->connection = connection;
    exchange->request.method = METHOD_COUNT;
    exchange->input = exchange->input_first;
    exchange->input_capacity = sizeof exchange->input_first;
    head_scan_init(&exchange->scan, limits);
    arena_init(&exchange->request.arena, exchange->arena_first, sizeof exchange->arena_first,
               EXCHANGE_MEMORY_MAX);
}

void exchange_release(struct exchange *exchange)
{
    arena_release(&exchange->request.arena);
    if (exchange->input != exchange->input_first) free(exchange->input);
    exchange->input = NULL;
}

bool exchange_is_begun(const struct exchange *exchange)
{
    return exchange->input_size > 0;
}

bool exchange_has_more(const struct exchange *exchange)
{
    return exchange->refusal == FAULT_NONE && exchange->input_size > exchange->message_end;
}

void exchange_refuse(struct exchange *exchange, enum fault fault)
{
    exchange->refusal = fault;
    exchange->phase = EXCHANGE_READ;
    exchange->keeps_alive = false;
}

/* Only while no text points into the input. */
static enum fault grow_input(struct exchange *exchange, size_t capacity)
{
    if (capacity <= exchange->input_capacity) return FAULT_NONE;
    bool is_first = exchange->input == exchange->input_first;
    char *input = realloc(is_first ? NULL : exchange->input, capacity);
    if (input == NULL) return FAULT_MEMORY;
    if (is_first) memcpy(input, exchange->input_first, exchange->input_size);
    exchange->input = input;
    exchange->input_capacity = capacity;
    return FAULT_NONE;
}

/* ---- the body ---- */

static void complete(struct exchange *exchange)
{
    exchange->phase = EXCHANGE_READ;
    exchange->request.body = (struct text){exchange->body, exchange->body_size};
}

/* Content that fits stays where it was read to; else it gets a place of its own, exactly as large. */
static enum fault begin_sized_body(struct exchange *exchange, size_t head_size, size_t content_size)
{
    size_t here = exchange->input_size - head_size;
    if (here > content_size) here = content_size;
    exchange->message_end = head_size + here;
    exchange->body = exchange->input + head_size;
    exchange->body_size = here;
    exchange->body_capacity = content_size;
    if (here == content_size || head_size + content_size <= exchange->input_capacity) return FAULT_NONE;
    char *body = arena_take(&exchange->request.arena, content_size);
    if (body == NULL) return FAULT_MEMORY;
    memcpy(body, exchange->body, here);
    exchange->body = body;
    return FAULT_NONE;
}

static enum fault append_content(struct exchange *exchange, const char *bytes, size_t size)
{
    size_t needed = exchange->body_size + size;
    if (needed > exchange->body_capacity) {
        size_t capacity = needed < 1024 ? 1024 : 2 * needed;
        struct arena *arena = &exchange->request.arena;
        char *body = exchange->body == NULL
                         ? arena_take(arena, capacity)
                         : arena_resize(arena, exchange->body, exchange->body_capacity, capacity);
        if (body == NULL) return FAULT_MEMORY;
        exchange->body = body;
        exchange->body_capacity = capacity;
    }
    if (size > 0) memcpy(exchange->body + exchange->body_size, bytes, size);
    exchange->body_size = needed;
    return FAULT_NONE;
}

/* What stands behind the head is decoded in place, moved to the body, and its room used again. */
static void advance_chunked(struct exchange *exchange)
{
    char *work = exchange->input + exchange->message_end;
    struct chunk_piece piece = {0};
    enum chunk_progress progress =
        chunked_body_feed(&exchange->chunked, work, exchange->input_size - exchange->message_end, &piece);
    if (progress == CHUNK_REFUSED) {
        exchange_refuse(exchange, piece.fault);
        return;
    }
    enum fault fault = append_content(exchange, work, piece.written);
    if (fault) {
        exchange_refuse(exchange, fault);
    } else if (progress == CHUNK_COMPLETE) {
        exchange->message_end += piece.consumed;
        complete(exchange);
    } else {
        exchange->input_size = exchange->message_end;
    }
}

static void advance_body(struct exchange *exchange)
{
    if (exchange->is_chunked)
        advance_chunked(exchange);
    else if (exchange->body_size == exchange->body_capacity)
        complete(exchange);
}

/* ---- the head ---- */

static void take_head(struct exchange *exchange, const struct request_head *head)
{
    struct request *request = &exchange->request;
    request->method = head->method;
    request->path = head->is_options_asterisk ? TEXT("*") : head->path;
    request->query = head->query;
    memcpy(request->headers, head->headers, sizeof request->headers);
    exchange->keeps_alive = head->keep_alive;
    exchange->is_http_1_0 = head->minor_version == 0;
}

/* A condition of which only a part is looked at could let a change through that the client forbids. */
static enum fault join_lists(struct exchange *exchange, const struct request_head *head)
{
    for (enum header header = 0; head->repeated_lists >> header != 0; header++) {
        if ((head->repeated_lists >> header & 1) == 0) continue;
        char *joined = arena_take(&exchange->request.arena, head->size);
        if (joined == NULL) return FAULT_MEMORY;
        exchange->request.headers[header] =
            request_fields_join((struct text){exchange->input, head->size}, header, joined);
    }
    return FAULT_NONE;
}

/* So that also the answer to a malformed head carries the id that its client gave it. */
static void find_request_id(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    if (request->headers[HEADER_X_REQUEST_ID].bytes != NULL) return;
    char *room = arena_take(&request->arena, exchange->input_size);
    if (room == NULL) return;
    request->headers[HEADER_X_REQUEST_ID] =
        request_fields_join((struct text){exchange->input, exchange->input_size}, HEADER_X_REQUEST_ID, room);
}

static enum fault begin_body(struct exchange *exchange, const struct request_head *head,
                             const struct server_limits *limits)
{
    exchange->phase = EXCHANGE_READING_BODY;
    exchange->message_end = head->size;
    if (head->content_length > limits->body_size_max) return FAULT_BODY_TOO_LARGE;
    exchange->wants_continue = head->expects_continue;
    exchange->is_chunked = head->chunked;
    if (!head->chunked) return begin_sized_body(exchange, head->size, (size_t)head->content_length);
    chunked_body_init(&exchange->chunked, limits->body_size_max);
    return FAULT_NONE;
}

/* text, which may point into size bytes at from, after these have moved; a constant one stays as it is. */
static struct text follow_move(struct text text, const char *from, size_t size, const char *to)
{
    bool is_inside = text.bytes >= from && text.bytes < from + size;
    return is_inside ? (struct text){to + (text.bytes - from), text.size} : text;
}

/*
 * A chunked body is read into the room behind the head. The head's texts point into the input, which
 * may have to move to make that room.
 */
static enum fault make_chunk_room(struct exchange *exchange, struct request_head *head)
{
    size_t capacity = exchange->input_size + CHUNK_WORK_SIZE;
    char *input = malloc(capacity);
    if (input == NULL) return FAULT_MEMORY;
    char *before = exchange->input;
    memcpy(input, before, exchange->input_size);
    head->path = follow_move(head->path, before, exchange->input_size, input);
    head->query = follow_move(head->query, before, exchange->input_size, input);
    for (unsigned i = 0; i < HEADER_COUNT; i++)
        head->headers[i] = follow_move(head->headers[i], before, exchange->input_size, input);
    if (before != exchange->input_first) free(before);
    exchange->input = input;
    exchange->input_capacity = capacity;
    return FAULT_NONE;
}

static void advance_head(struct exchange *exchange, const struct server_limits *limits)
{
    struct request_head head;
    enum fault fault = FAULT_NONE;
    enum head_progress progress =
        request_head_parse(exchange->input, exchange->input_size, &exchange->scan, &head, &fault);
    if (progress == HEAD_INCOMPLETE) return;
    if (progress == HEAD_COMPLETE && head.chunked) fault = make_chunk_room(exchange, &head);
    take_head(exchange, &head);
    if (progress == HEAD_REFUSED) find_request_id(exchange);
    if (progress == HEAD_COMPLETE && !fault) fault = join_lists(exchange, &head);
    if (progress == HEAD_COMPLETE && !fault) fault = begin_body(exchange, &head, limits);
    if (fault)
        exchange_refuse(exchange, fault);
    else
        advance_body(exchange);
}

/* ---- reading ---- */

static void advance(struct exchange *exchange, const struct server_limits *limits)
{
    if (exchange->phase == EXCHANGE_READING_HEAD && exchange->input_size > 0)
        advance_head(exchange, limits);
    else if (exchange->phase == EXCHANGE_READING_BODY)
        advance_body(exchange);
}

struct room {
    char *at;
    size_t size;
};

static bool reads_into_arena(const struct exchange *exchange)
{
    return exchange->phase == EXCHANGE_READING_BODY && !exchange->is_chunked &&
           (exchange->body < exchange->input || exchange->body >= exchange->input + exchange->input_capacity);
}

static struct room room_to_read(struct exchange *exchange)
{
    if (reads_into_arena(exchange))
        return (struct room){exchange->body + exchange->body_size,
                             exchange->body_capacity - exchange->body_size};
    if (exchange->input_size == exchange->input_capacity && exchange->phase == EXCHANGE_READING_HEAD &&
        grow_input(exchange, 2 * exchange->input_capacity) != FAULT_NONE)
        return (struct room){0};
    return (struct room){exchange->input + exchange->input_size,
                         exchange->input_capacity - exchange->input_size};
}

static void take_bytes(struct exchange *exchange, size_t size)
{
    if (reads_into_arena(exchange)) {
        exchange->body_size += size;
        return;
    }
    exchange->input_size += size;
    if (exchange->phase != EXCHANGE_READING_BODY || exchange->is_chunked) return;
    size_t missing = exchange->body_capacity - exchange->body_size;
    size_t here = size < missing ? size : missing;
    exchange->body_size += here;
    exchange->message_end += here;
}

enum exchange_outcome exchange_read(struct exchange *exchange, int socket, const struct server_limits *limits)
{
    for (;;) {
        advance(exchange, limits);
        if (exchange->phase == EXCHANGE_READ) return EXCHANGE_COMPLETE;
        struct room room = room_to_read(exchange);
        if (room.size == 0) {
            exchange_refuse(exchange, FAULT_MEMORY);
            return EXCHANGE_COMPLETE;
        }
        ssize_t size = recvfrom(socket, room.at, room.size, MSG_DONTWAIT, NULL, NULL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return EXCHANGE_NEEDS_MORE;
        if (size <= 0) return EXCHANGE_CLOSED;
        exchange->may_have_more = (size_t)size == room.size;
        take_bytes(exchange, (size_t)size);
        if (exchange->may_have_more) continue;
        advance(exchange, limits);
        return exchange->phase == EXCHANGE_READ ? EXCHANGE_COMPLETE : EXCHANGE_NEEDS_MORE;
    }
}

enum fault exchange_hand_over(struct exchange *exchange, struct exchange *next)
{
    size_t size = exchange->input_size - exchange->message_end;
    enum fault fault = grow_input(next, size);
    if (fault) return fault;
    memcpy(next->input, exchange->input + exchange->message_end, size);
    next->input_size = size;
    next->may_have_more = exchange->may_have_more;
    return FAULT_NONE;
}
