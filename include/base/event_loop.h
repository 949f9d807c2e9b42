/*
 * One epoll set and what to call for each descriptor in it. Belongs to one thread.
 */
#pragma once

#include "base/fault.h"

#include <stdint.h>

struct event_loop;

/* A descriptor that is watched; embedded in its owner. */
struct event_source {
    void (*ready)(struct event_source *source, uint32_t events); /* EPOLLIN, EPOLLOUT, … */
    int descriptor;                                              /* borrowed; -1: none */
};

/* FAULT_MEMORY; FAULT_INTERNAL, logged, when the kernel has no epoll set to give. */
enum fault event_loop_new(struct event_loop **ret_loop);

/* Sources that are still watched are forgotten; they stay their owners'. NULL is nothing to free. */
void event_loop_free(struct event_loop *loop);

/*
 * Watches source->descriptor for events (EPOLLIN, EPOLLET, …), and changes which. source is borrowed
 * until event_loop_remove. FAULT_INTERNAL, logged, when the kernel refuses.
 */
enum fault event_loop_add(struct event_loop *loop, struct event_source *source, uint32_t events);
enum fault event_loop_change(struct event_loop *loop, struct event_source *source, uint32_t events);

/*
 * Stops watching, and forgets events of this turn that were not delivered yet: source may be freed
 * right after, or added again. source->descriptor stays as it is, and open; who closes it does so
 * afterwards, as its number may then belong to another source. Harmless when it is not watched.
 */
void event_loop_remove(struct event_loop *loop, struct event_source *source);

/*
 * Waits for at most timeout_ms (-1: for ever; 0: not at all) and calls what is ready. A signal ends
 * the wait. Not to be called from a source's ready().
 */
void event_loop_turn(struct event_loop *loop, int timeout_ms);

/* When the latest turn began to wait, and when it woke up; monotonic. 0 before the first turn. */
uint64_t event_loop_slept_ns(const struct event_loop *loop);
uint64_t event_loop_woken_ns(const struct event_loop *loop);
