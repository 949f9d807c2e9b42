#include "block_queue.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { BLOCK_SIZE = 64 * 1024, PARTS_MAX = 16 };

struct block {
    struct block *next;
    char bytes[BLOCK_SIZE];
};

static struct block *take_block(struct block_pool *pool)
{
    struct block *block = pool->spare;
    if (block)
        pool->spare = block->next;
    else
        block = malloc(sizeof *block);
    if (block) block->next = NULL;
    return block;
}

static void give_back(struct block_pool *pool, struct block *block)
{
    block->next = pool->spare;
    pool->spare = block;
}

static size_t end_of(const struct block_queue *queue, const struct block *block)
{
    return block == queue->last ? queue->last_size : BLOCK_SIZE;
}

static void drop(struct block_queue *queue, size_t size)
{
    queue->size -= size;
    queue->first_at += size;
    for (struct block *block; (block = queue->first);) {
        size_t end = end_of(queue, block);
        if (queue->first_at < end) return;
        queue->first_at -= end;
        queue->first = block->next;
        give_back(queue->pool, block);
    }
    queue->last = NULL;
    queue->last_size = 0;
}

void block_queue_clear(struct block_queue *queue)
{
    drop(queue, queue->size);
}

/* Into what is left of the last block, and one more. */
ssize_t block_queue_read(struct block_queue *queue, int descriptor)
{
    struct block *last = queue->last, *more = take_block(queue->pool);
    if (!more) return -1;
    size_t left = last ? BLOCK_SIZE - queue->last_size : 0;
    struct iovec parts[] = {{last ? last->bytes + queue->last_size : NULL, left}, {more->bytes, BLOCK_SIZE}};
    ssize_t got = readv(descriptor, parts, 2);
    size_t size = got > 0 ? (size_t)got : 0;
    queue->size += size;
    if (size <= left) {
        queue->last_size += size;
        give_back(queue->pool, more);
        return got;
    }
    *(last ? &last->next : &queue->first) = more;
    queue->last = more;
    queue->last_size = size - left;
    return got;
}

ssize_t block_queue_send(struct block_queue *queue, int descriptor, size_t size)
{
    struct iovec parts[PARTS_MAX];
    struct msghdr message = {.msg_iov = parts};
    size_t at = queue->first_at;
    for (struct block *block = queue->first; size > 0 && block && message.msg_iovlen < PARTS_MAX; at = 0) {
        size_t part = end_of(queue, block) - at;
        if (part > size) part = size;
        parts[message.msg_iovlen++] = (struct iovec){block->bytes + at, part};
        size -= part;
        block = block->next;
    }
    ssize_t sent = sendmsg(descriptor, &message, MSG_NOSIGNAL);
    if (sent > 0) drop(queue, (size_t)sent);
    return sent;
}
