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
    TAILQ_ENTRY(lingering) entry;
    uint64_t end_ns;
    size_t bytes;
};

void lingering_init(struct lingering_list *list)
{
    TAILQ_INIT(&list->head);
    list->count = 0;
}

static void end(struct lingering *lingering)
{
    TAILQ_REMOVE(&lingering->list->head, lingering, entry);
    lingering->list->count--;
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
    TAILQ_INSERT_TAIL(&list->head, lingering, entry);
    list->count++;
}

void lingering_expire(struct lingering_list *list, uint64_t now_ns)
{
    struct lingering *next;
    for (struct lingering *at = TAILQ_FIRST(&list->head); at != NULL && now_ns >= at->end_ns; at = next) {
        next = TAILQ_NEXT(at, entry);
        end(at);
    }
}

void lingering_release(struct lingering_list *list)
{
    lingering_expire(list, UINT64_MAX);
}
