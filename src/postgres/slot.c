#include "postgres/slot.h"

#include "base/clock.h"

#include <sys/epoll.h>

#define BACKOFF_FIRST_NS (25 * NS_PER_MS)

void slot_watch(struct slot *slot, struct event_loop *loop, int socket, uint32_t events, bool is_new)
{
    bool is_watched = slot->watched_events != 0;
    if (socket == slot->watched_socket && is_watched && !is_new) {
        if (events != slot->watched_events) (void)event_loop_change(loop, &slot->source, events);
        slot->watched_events = events;
        return;
    }
    if (is_watched) event_loop_remove(loop, &slot->source);
    slot->watched_events = 0;
    slot->watched_socket = socket;
    slot->source.descriptor = socket;
    if (socket >= 0 && !event_loop_add(loop, &slot->source, events)) slot->watched_events = events;
}

uint64_t slot_backoff_ns(unsigned failures, uint64_t most_ns, uint64_t random)
{
    uint64_t wait_ns = BACKOFF_FIRST_NS << (failures < 16 ? failures : 16);
    if (wait_ns > most_ns) wait_ns = most_ns;
    /* Half of it is random, so that many replicas do not come back in step. */
    return wait_ns / 2 + random % (wait_ns / 2 + 1);
}
