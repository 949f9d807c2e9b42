#include "http/socket_events.h"

#include "http/socket_input.h"

#include <assert.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_EPOLL (-2) /* no descriptor, not even a wrong one */

static _Thread_local struct {
    int epoll;
    TAILQ_HEAD(, connection) pending;
} thread = {.epoll = NO_EPOLL};

void socket_events_use(int epoll)
{
    assert(thread.epoll == NO_EPOLL);
    thread.epoll = epoll;
    TAILQ_INIT(&thread.pending);
}

void socket_events_end(void)
{
    thread.epoll = NO_EPOLL;
}

void socket_events_give(struct connection *connection, uint32_t events)
{
    if (connection->library_events == 0) TAILQ_INSERT_TAIL(&thread.pending, connection, library_entry);
    connection->library_events |= events;
}

bool socket_events_are_pending(void)
{
    return !TAILQ_EMPTY(&thread.pending);
}

void socket_events_forget(struct connection *connection)
{
    if (connection->library_events != 0) TAILQ_REMOVE(&thread.pending, connection, library_entry);
    connection->library_events = 0;
}

/*
 * The library's view of libc's. Taking a socket out of its set comes after the connection is forgotten here,
 * and has nothing to do: closing takes a descriptor out of every set.
 */
int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event)
{
    if (epoll != thread.epoll) return (int)syscall(SYS_epoll_ctl, epoll, operation, descriptor, event);
    if (operation == EPOLL_CTL_DEL) return 0;
    struct connection *connection = socket_input_find(descriptor);
    if (connection == NULL) return (int)syscall(SYS_epoll_ctl, epoll, operation, descriptor, event);
    connection->library_data = event->data;
    return 0;
}

int epoll_wait(int epoll, struct epoll_event *events, int count_max, int timeout_ms)
{
    if (epoll != thread.epoll) return epoll_pwait(epoll, events, count_max, timeout_ms, NULL);
    int count = 0;
    for (struct connection *next; count < count_max && (next = TAILQ_FIRST(&thread.pending)) != NULL;
         count++) {
        events[count] = (struct epoll_event){.events = next->library_events, .data = next->library_data};
        socket_events_forget(next);
    }
    return count;
}
