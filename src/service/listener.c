#include "service/listener.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/socket_address.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTED_MAX 64 /* a turn */
#define PAUSE_NS     (100 * NS_PER_MS)

static unsigned port_of(int socket)
{
    union socket_address address = {0};
    socklen_t size = sizeof address;
    (void)getsockname(socket, &address.any, &size);
    return socket_address_port(&address);
}

enum fault listener_socket(const char *address, const char *setting, unsigned port, int *ret_socket,
                           unsigned *ret_port)
{
    union socket_address name;
    socklen_t size = socket_address_make(address, port, &name);
    int on = 1;
    int descriptor = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(descriptor, &name.any, size) != 0 || listen(descriptor, SOMAXCONN) != 0) {
        (void)fprintf(stderr, "splits: cannot listen on %s port %u (--%s): %s\n", address, port, setting,
                      strerror(errno));
        if (descriptor >= 0) (void)close(descriptor);
        return FAULT_INTERNAL;
    }
    *ret_socket = descriptor;
    *ret_port = port_of(descriptor);
    return FAULT_NONE;
}

void listener_open(struct listener *listener, int socket)
{
    *listener = (struct listener){.source.descriptor = socket};
}

static struct worker *least_busy(const struct listener *listener)
{
    struct worker *best = listener->workers[0];
    for (unsigned i = 1; i < listener->worker_count; i++)
        if (worker_connections(listener->workers[i]) < worker_connections(best)) best = listener->workers[i];
    return best;
}

static void pause_accepting(struct listener *listener, int error)
{
    if (!listener->is_short)
        log_event(LOG_LEVEL_ERROR, "accept_failed", LOG_STRING("message", strerror(error)));
    listener->is_short = true;
    event_loop_remove(listener->loop, &listener->source);
    listener->paused_until_ns = clock_now_ns() + PAUSE_NS;
}

/* Are there perhaps more? */
static bool accept_some(struct listener *listener)
{
    for (unsigned i = 0; i < ACCEPTED_MAX; i++) {
        int on = 1;
        int socket = accept4(listener->source.descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket >= 0) {
            listener->is_short = false;
            (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            (void)worker_hand_over(least_busy(listener), socket);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(listener, errno);
        if (errno != ECONNABORTED && errno != EINTR) return false;
    }
    return true;
}

static void accept_connections(struct event_source *source, uint32_t events)
{
    (void)events;
    (void)accept_some((struct listener *)source);
}

/* To their clients these are open: closing the socket would reset them. */
static void accept_waiting(struct listener *listener)
{
    for (unsigned i = 0; i < SOMAXCONN / ACCEPTED_MAX; i++)
        if (!accept_some(listener)) return;
}

enum fault listener_start(struct listener *listener, struct event_loop *loop, struct worker **workers,
                          unsigned worker_count)
{
    listener->loop = loop;
    listener->workers = workers;
    listener->worker_count = worker_count;
    listener->source.ready = accept_connections;
    return event_loop_add(loop, &listener->source, EPOLLIN);
}

void listener_check_pause(struct listener *listener, uint64_t now_ns)
{
    if (listener->paused_until_ns == 0 || now_ns < listener->paused_until_ns) return;
    listener->paused_until_ns = 0;
    if (event_loop_add(listener->loop, &listener->source, EPOLLIN))
        listener->paused_until_ns = now_ns + PAUSE_NS;
}

void listener_close(struct listener *listener)
{
    if (listener->source.descriptor < 0) return;
    if (listener->loop != NULL) {
        accept_waiting(listener);
        event_loop_remove(listener->loop, &listener->source);
    }
    (void)close(listener->source.descriptor);
    listener->source.descriptor = -1;
    listener->paused_until_ns = 0;
}
