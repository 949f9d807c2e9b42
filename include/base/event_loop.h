/*
 * One epoll set and what to call for each descriptor in it. Belongs to one thread.
 */
#pragma once

#include "base/fault.h"

#include <stdbool.h>
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
 * Lets other threads go first, which may be about to produce work: larger batches, fewer switches. Then waits
 * for at most timeout_ms (-1: for ever; 0: not at all) and calls what is ready. A signal ends the wait. Not
 * to be called from a source's ready().
 */
void event_loop_turn(struct event_loop *loop, int timeout_ms);

/* The times of the latest turn; monotonic, 0 as long as there was none. */
struct event_loop_times {
    uint64_t looked_ns; /* the turn before it woke up: what is ready now was not ready then */
    uint64_t done_ns;   /* and had done its work */
    uint64_t woken_ns;  /* this turn woke up */
    bool has_slept;     /* it had to wait: what is ready now has only just become so */
};

const struct event_loop_times *event_loop_times(const struct event_loop *loop);
