/*
 * The lines that one thread has logged and the log's writer has not taken yet: a ring of bytes for
 * exactly one producer and one consumer, without locks. Lines go in whole, so that whatever the
 * consumer finds ends with a line.
 */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

#define LOG_RING_SIZE ((size_t)128 * 1024)

struct log_ring {
    _Alignas(64) _Atomic size_t head; /* bytes ever put; written by the producer */
    _Atomic bool ended;               /* the producer puts no more */
    _Alignas(64) _Atomic size_t tail; /* bytes ever taken; written by the consumer */
    struct log_ring *next;            /* in a list of the log's */
    _Alignas(64) char bytes[LOG_RING_SIZE];
};

/* An empty ring, freed with free(); NULL when memory is short. */
struct log_ring *log_ring_new(void);

/* The producer appends size bytes, or nothing and gives false when there is no room for all. */
bool log_ring_put(struct log_ring *ring, const char *bytes, size_t size);

/* The bytes that are waiting: a lower bound for the consumer, an upper one for the producer. */
size_t log_ring_size(struct log_ring *ring);

/* The consumer sees the oldest bytes, as many as lie together, borrowed until it skips them. */
struct text log_ring_peek(struct log_ring *ring);

/* The consumer is done with the oldest size bytes. */
void log_ring_skip(struct log_ring *ring, size_t size);
