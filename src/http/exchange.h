/*
 * One request and its answer, with the memory of both: from the request's first byte until its answer
 * is sent. Bytes are read from the socket straight into the exchange; nothing that a request needs
 * lives anywhere else.
 *
 * A message that is refused is read no further; its exchange is complete, too, and is answered with
 * `refusal`.
 */
#pragma once

#include "base/fault.h"
#include "http/chunked_body.h"
#include "http/request.h"
#include "http/request_head.h"
#include "http/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_INPUT_SIZE 2048               /* bytes of input without an allocation */
#define EXCHANGE_ARENA_SIZE 2048               /* bytes of answer without an allocation */
#define EXCHANGE_MEMORY_MAX (32 * 1024 * 1024) /* bytes that one request and its answer may take */

enum exchange_phase {
    EXCHANGE_READING_HEAD,
    EXCHANGE_READING_BODY,
    EXCHANGE_READ,     /* complete or refused, and not handled yet */
    EXCHANGE_HANDLED,  /* its handler has it */
    EXCHANGE_ANSWERED, /* request.response is complete */
    EXCHANGE_SENDING   /* the library has the answer */
};

struct connection;

struct exchange {
    struct request request;        /* first member: handlers' pointers lead back to here */
    struct connection *connection; /* whose exchange it is */
    struct exchange *next;         /* in the list of free ones */
    enum exchange_phase phase;
    enum fault refusal; /* why the message is refused; FAULT_NONE */
    bool is_passed_on;  /* the library was told of this request */
    bool keeps_alive;   /* the client lets the connection persist */
    bool is_http_1_0;
    bool wants_continue; /* waits for "100 Continue" before it sends its content */
    bool may_have_more;  /* the last read filled all there was room for */
    struct head_scan scan;
    struct chunked_body chunked;
    bool is_chunked;
    char *input;       /* input_first, or on the heap */
    size_t input_size; /* bytes in it */
    size_t input_capacity;
    size_t message_end;   /* input bytes behind this belong to the next request */
    char *body;           /* in input or in the arena */
    size_t body_size;     /* bytes of content so far */
    size_t body_capacity; /* with Content-Length: all of it */
    char input_first[EXCHANGE_INPUT_SIZE];
    _Alignas(16) char arena_first[EXCHANGE_ARENA_SIZE];
};

/* A zeroed or used exchange becomes an empty one. */
void exchange_init(struct exchange *exchange, struct connection *connection,
                   const struct head_limits *limits);

/* Frees what it holds on the heap; the struct itself is the caller's. */
void exchange_release(struct exchange *exchange);

/* Has any byte of a request come? */
bool exchange_is_begun(const struct exchange *exchange);

enum exchange_outcome {
    EXCHANGE_NEEDS_MORE, /* nothing more to read for now */
    EXCHANGE_COMPLETE,   /* phase is EXCHANGE_READ */
    EXCHANGE_CLOSED      /* the client has closed, or the socket failed */
};

/* Reads from the non-blocking socket until the request is complete or nothing is left to read. */
enum exchange_outcome exchange_read(struct exchange *exchange, int socket,
                                    const struct server_limits *limits);

/* Ends the reading: the request is refused. */
void exchange_refuse(struct exchange *exchange, enum fault fault);

/* Moves the bytes that came behind exchange's message to the empty exchange next. FAULT_MEMORY. */
enum fault exchange_hand_over(struct exchange *exchange, struct exchange *next);

/* Are there such bytes? */
bool exchange_has_more(const struct exchange *exchange);
