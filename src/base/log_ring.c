#include "base/log_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((LOG_RING_SIZE & (LOG_RING_SIZE - 1)) == 0, "positions are taken by a mask");

static size_t position(size_t count)
{
    return count & (LOG_RING_SIZE - 1);
}

static size_t until_the_edge(size_t count, size_t size)
{
    size_t left = LOG_RING_SIZE - position(count);
    return size < left ? size : left;
}

struct log_ring *log_ring_new(void)
{
    struct log_ring *ring = aligned_alloc(_Alignof(struct log_ring), sizeof *ring);
    if (!ring) return NULL;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->ended, false);
    ring->next = NULL;
    return ring;
}

bool log_ring_put(struct log_ring *ring, const char *bytes, size_t size)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (size > LOG_RING_SIZE - (head - tail)) return false;

    size_t together = until_the_edge(head, size);
    memcpy(ring->bytes + position(head), bytes, together);
    memcpy(ring->bytes, bytes + together, size - together);
    /* Sequentially consistent, as the log then looks whether its writer sleeps, and the writer looks here
     * after it has said that it will. */
    atomic_store(&ring->head, head + size);
    return true;
}

size_t log_ring_size(struct log_ring *ring)
{
    size_t tail = atomic_load(&ring->tail);
    return atomic_load(&ring->head) - tail;
}

struct text log_ring_peek(struct log_ring *ring)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t size = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
    return (struct text){ring->bytes + position(tail), until_the_edge(tail, size)};
}

void log_ring_skip(struct log_ring *ring, size_t size)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    atomic_store_explicit(&ring->tail, tail + size, memory_order_release);
}
