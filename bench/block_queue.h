/*
 * Bytes between two sockets, in blocks: read into the last, sent from the first, never copied. Blocks that
 * are empty go to a pool, which gives the one used last first: it is still in the cache. For one thread.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct block;

/* All zero at first. Keeps its blocks until the end of the process. */
struct block_pool {
    struct block *spare;
};

/* All zero but for the pool at first. */
struct block_queue {
    struct block_pool *pool;    /* borrowed */
    struct block *first, *last; /* NULL when it is empty */
    size_t first_at;            /* where the bytes begin in first */
    size_t last_size;           /* where they end in last */
    size_t size;                /* bytes in all */
};

/* Back to empty; the blocks go to the pool. */
void block_queue_clear(struct block_queue *queue);

/* Appends what one call reads, at most 128 KiB. Gives what read gives; ENOMEM is one of the errors. */
ssize_t block_queue_read(struct block_queue *queue, int descriptor);

/* Sends and drops the first bytes, at most size of them, by one call and without SIGPIPE. Gives what send
 * gives. */
ssize_t block_queue_send(struct block_queue *queue, int descriptor, size_t size);
