#include "http/lingering.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGERING_NS        (2 * NS_PER_S)
#define LINGERING_BYTES_MAX (4 * 1024 * 1024) /* who sends more does not listen */

struct lingering {
    struct event_source source; /* first member */
    struct event_loop *loop;
    struct lingering_list *list;
    struct lingering *next, *previous;
    uint64_t end_ns;
    size_t bytes;
};

static void end(struct lingering *lingering)
{
    struct lingering_list *list = lingering->list;
    *(lingering->previous == NULL ? &list->first : &lingering->previous->next) = lingering->next;
    *(lingering->next == NULL ? &list->last : &lingering->next->previous) = lingering->previous;
    list->count--;
    event_loop_remove(lingering->loop, &lingering->source);
    (void)close(lingering->source.descriptor);
    free(lingering);
}

static void read_and_forget(struct event_source *source, uint32_t events)
{
    struct lingering *lingering = (struct lingering *)source;
    char forgotten[16384];
    (void)events;
    ssize_t size = recvfrom(source->descriptor, forgotten, sizeof forgotten, MSG_DONTWAIT, NULL, NULL);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    lingering->bytes += size > 0 ? (size_t)size : 0;
    if (size <= 0 || lingering->bytes > LINGERING_BYTES_MAX) end(lingering);
}

void lingering_add(struct lingering_list *list, struct event_loop *loop, int socket, uint64_t now_ns)
{
    struct lingering *lingering = list->count < LINGERING_COUNT_MAX ? calloc(1, sizeof *lingering) : NULL;
    if (lingering == NULL) {
        (void)close(socket);
        return;
    }
    lingering->source = (struct event_source){.ready = read_and_forget, .descriptor = socket};
    lingering->loop = loop;
    lingering->list = list;
    lingering->end_ns = now_ns + LINGERING_NS;
    if (event_loop_add(loop, &lingering->source, EPOLLIN)) {
        (void)close(socket);
        free(lingering);
        return;
    }
    lingering->previous = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = lingering;
    list->last = lingering;
    list->count++;
}

void lingering_expire(struct lingering_list *list, uint64_t now_ns)
{
    while (list->first != NULL && now_ns >= list->first->end_ns)
        end(list->first);
}

void lingering_release(struct lingering_list *list)
{
    while (list->first != NULL)
        end(list->first);
}
