#include "base/event_loop.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { TURN_EVENTS_MAX = 256 };

struct event_loop {
    int epoll;
    int ready_count; /* of this turn; 0 between turns */
    struct event_loop_times times;
    struct epoll_event ready[TURN_EVENTS_MAX];
};

static enum fault log_failure(const char *event)
{
    log_event(LOG_LEVEL_ERROR, event, LOG_STRING("error", strerrordesc_np(errno)));
    return FAULT_INTERNAL;
}

enum fault event_loop_new(struct event_loop **ret_loop)
{
    struct event_loop *loop = malloc(sizeof *loop);
    if (!loop) return FAULT_MEMORY;
    loop->ready_count = 0;
    loop->times = (struct event_loop_times){0};
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll == -1) {
        enum fault fault = log_failure("epoll_create_failed");
        free(loop);
        return fault;
    }
    *ret_loop = loop;
    return FAULT_NONE;
}

void event_loop_free(struct event_loop *loop)
{
    if (!loop) return;
    (void)close(loop->epoll);
    free(loop);
}

static enum fault control(struct event_loop *loop, int operation, struct event_source *source,
                          uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(loop->epoll, operation, source->descriptor, &event) == -1)
        return log_failure("epoll_control_failed");
    return FAULT_NONE;
}

enum fault event_loop_add(struct event_loop *loop, struct event_source *source, uint32_t events)
{
    return control(loop, EPOLL_CTL_ADD, source, events);
}

enum fault event_loop_change(struct event_loop *loop, struct event_source *source, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, source, events);
}

void event_loop_remove(struct event_loop *loop, struct event_source *source)
{
    if (source->descriptor == -1) return;
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->descriptor, NULL);
    for (int i = 0; i < loop->ready_count; i++)
        if (loop->ready[i].data.ptr == source) loop->ready[i].data.ptr = NULL;
}

static int wait_for_events(struct event_loop *loop, int timeout_ms)
{
    struct event_loop_times *times = &loop->times;
    times->looked_ns = times->woken_ns;
    times->done_ns = clock_now_ns();
    (void)sched_yield();
    /* Asked first: how long the wait takes would not tell whether there was one, on a busy processor. */
    int count = epoll_wait(loop->epoll, loop->ready, TURN_EVENTS_MAX, 0);
    times->has_slept = count == 0 && timeout_ms != 0;
    if (times->has_slept) count = epoll_wait(loop->epoll, loop->ready, TURN_EVENTS_MAX, timeout_ms);
    times->woken_ns = clock_now_ns();
    return count;
}

void event_loop_turn(struct event_loop *loop, int timeout_ms)
{
    assert(loop->ready_count == 0);
    int count = wait_for_events(loop, timeout_ms);
    if (count == -1) {
        assert(errno == EINTR);
        return;
    }
    loop->ready_count = count;
    for (int i = 0; i < count; i++) {
        struct event_source *source = loop->ready[i].data.ptr;
        if (source) source->ready(source, loop->ready[i].events);
    }
    loop->ready_count = 0;
}

const struct event_loop_times *event_loop_times(const struct event_loop *loop)
{
    return &loop->times;
}
