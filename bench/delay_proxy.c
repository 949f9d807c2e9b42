/*
 * Puts PostgreSQL further away: delay_proxy LISTEN TARGET DELAY_US
 *
 * LISTEN is the path of a Unix socket (/folder/.s.PGSQL.5432 is host=/folder to clients) or a port on
 * 127.0.0.1, TARGET the path of the server's Unix socket. What comes from one side leaves to the other half
 * of DELAY_US microseconds later, so that a round trip takes DELAY_US longer, however much is under way: up
 * to 4 MiB per direction of a connection, then the sender waits. The end of a stream is delayed as its bytes
 * are; connecting is not. Prints "ready" when it listens; ends upon SIGTERM or SIGINT with exit code 0.
 *
 * One thread. The delay is the same for all, so that what came first leaves first: one queue of chunks, which
 * say whose bytes leave when, serves every connection.
 */
#include "base/clock.h"
#include "base/text.h"
#include "block_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    DELAY_US_MAX = 10000000,
    LINKS_MAX = 4096,
    CHUNKS_MAX = 1 << 16,
    UNSENT_SIZE_MAX = 4 << 20,
    EVENTS_MAX = 64,
    BACKLOG = 1024,
    PRIORITY = -10, /* 20 is the lowest, −20 the highest */
};

#define LATENESS_NS_MAX (200 * NS_PER_US)

/* One side of a link, and the bytes from it that have not left to the other. */
struct end {
    struct link *link;
    struct end *other;
    int descriptor;   /* -1 once it is closed */
    uint32_t watched; /* the events that epoll reports; 0: it is not in the set */
    bool has_ended;   /* nothing more comes from it */
    bool is_full;     /* its socket takes nothing for now */
    bool is_over;     /* its end is due, too */
    bool is_told;     /* of the other's end */
    struct block_queue unsent;
    size_t due; /* bytes of unsent that may leave */
};

/* A connection: the client, and the server on its behalf. */
struct link {
    struct proxy *proxy;
    struct link *next_closed;
    size_t under_way; /* chunks that are not due yet */
    struct end ends[2];
};

/* Bytes that came in one call, or the end of them. */
struct chunk {
    uint64_t due_ns;
    struct end *from;
    size_t size; /* 0: the end */
};

struct proxy {
    int epoll, listener;
    const char *path, *target; /* path: to be removed at the end; NULL at a port */
    uint64_t delay_ns;         /* in one direction */
    uint64_t now_ns;           /* when this turn began */
    uint64_t lateness_ns;      /* of the last wake-ups, on average */
    bool is_early;             /* awake, waiting for the first chunk to be due */
    size_t link_count;
    struct link *closed; /* to be freed when their last chunks are due */
    struct block_pool pool;
    size_t first_chunk, chunk_count;
    struct chunk chunks[CHUNKS_MAX];
};

[[gnu::noreturn]] static void die(const char *what)
{
    (void)fprintf(stderr, "delay_proxy: %s: %s\n", what, strerrordesc_np(errno));
    exit(EXIT_FAILURE);
}

/* ---- links ---- */

/* An end that wants nothing is taken out of the set, which would go on reporting that its peer is gone. */
static void watch(struct end *end)
{
    bool may_read = !end->has_ended && end->unsent.size < UNSENT_SIZE_MAX;
    uint32_t wanted = (may_read ? (uint32_t)EPOLLIN : 0) | (end->is_full ? (uint32_t)EPOLLOUT : 0);
    if (wanted == end->watched) return;
    int operation = wanted == 0 ? EPOLL_CTL_DEL : end->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    struct epoll_event event = {.events = wanted, .data.ptr = end};
    if (epoll_ctl(end->link->proxy->epoll, operation, end->descriptor, &event) != 0) die("epoll_ctl");
    end->watched = wanted;
}

static void close_link(struct link *link)
{
    for (size_t i = 0; i < 2; i++) {
        struct end *end = &link->ends[i];
        (void)close(end->descriptor);
        end->descriptor = -1;
        end->due = 0;
        block_queue_clear(&end->unsent);
    }
    link->next_closed = link->proxy->closed;
    link->proxy->closed = link;
}

static void free_closed(struct proxy *proxy)
{
    for (struct link **at = &proxy->closed, *link; (link = *at);) {
        if (link->under_way > 0) {
            at = &link->next_closed;
            continue;
        }
        *at = link->next_closed;
        proxy->link_count--;
        free(link);
    }
}

/* Sends what is due from an end to the other, and tells it the end. */
static void flush(struct end *from)
{
    struct end *to = from->other;
    if (to->descriptor == -1) return;
    if (from->due > 0) {
        ssize_t size = block_queue_send(&from->unsent, to->descriptor, from->due);
        if (size < 0 && errno != EAGAIN) {
            close_link(from->link);
            return;
        }
        if (size > 0) from->due -= (size_t)size;
    }
    to->is_full = from->due > 0;
    if (from->is_over && from->due == 0 && !to->is_told) {
        (void)shutdown(to->descriptor, SHUT_WR);
        to->is_told = true;
        if (from->is_told) {
            close_link(from->link);
            return;
        }
    }
    watch(from);
    watch(to);
}

/* A connection that was reset has ended, too. */
static void receive(struct end *from)
{
    struct proxy *proxy = from->link->proxy;
    if (from->has_ended || from->unsent.size >= UNSENT_SIZE_MAX || proxy->chunk_count == CHUNKS_MAX) return;
    ssize_t size = block_queue_read(&from->unsent, from->descriptor);
    if (size < 0 && errno == EAGAIN) return;
    from->has_ended = size <= 0;
    size_t last = (proxy->first_chunk + proxy->chunk_count++) % CHUNKS_MAX;
    proxy->chunks[last] = (struct chunk){proxy->now_ns + proxy->delay_ns, from, size > 0 ? (size_t)size : 0};
    from->link->under_way++;
    watch(from);
}

/* ---- clients ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path)); /* which main has measured */
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) die("socket");
    /* Waits while the server's queue of clients is full; only then is it non-blocking. */
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(descriptor);
        return -1;
    }
    if (fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0) die("fcntl");
    return descriptor;
}

static void open_link(struct proxy *proxy, int client, int server)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link) die("calloc");
    link->proxy = proxy;
    proxy->link_count++;
    for (size_t i = 0; i < 2; i++) {
        link->ends[i] = (struct end){.link = link,
                                     .other = &link->ends[1 - i],
                                     .descriptor = i == 0 ? client : server,
                                     .unsent.pool = &proxy->pool};
        watch(&link->ends[i]);
    }
}

static void accept_client(struct proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
        if (errno == EAGAIN || errno == ECONNABORTED) return;
        die("accept");
    }
    int server = proxy->link_count < LINKS_MAX ? connect_to(proxy->target) : -1;
    if (server < 0) {
        (void)close(client);
        return;
    }
    int at_once = 1; /* refused by a Unix socket, which needs no telling */
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    open_link(proxy, client, server);
}

/* ---- turns ---- */

/* All that is due first, so that one call sends what came in several. */
static void release_due(struct proxy *proxy)
{
    size_t first = proxy->first_chunk, count = 0;
    for (; count < proxy->chunk_count; count++) {
        const struct chunk *chunk = &proxy->chunks[(first + count) % CHUNKS_MAX];
        if (chunk->due_ns > proxy->now_ns) break;
        chunk->from->link->under_way--;
        if (chunk->from->descriptor == -1) continue;
        chunk->from->due += chunk->size;
        chunk->from->is_over = chunk->size == 0;
    }
    for (size_t i = 0; i < count; i++)
        flush(proxy->chunks[(first + i) % CHUNKS_MAX].from);
    proxy->first_chunk = (first + count) % CHUNKS_MAX;
    proxy->chunk_count -= count;
    if (count > 0) proxy->is_early = false;
}

/*
 * How long to sleep when the first chunk is due so much later. A processor that slept for long wakes late, on
 * an idle virtual machine by 0.1 ms: so it is woken earlier by what it was late of late, and spends the rest
 * awake.
 */
static uint64_t choose_sleep(const struct proxy *proxy, uint64_t until_due_ns)
{
    if (proxy->is_early) return 0;
    return until_due_ns > 2 * proxy->lateness_ns ? until_due_ns - proxy->lateness_ns : until_due_ns;
}

static void learn_lateness(struct proxy *proxy, uint64_t wanted_ns)
{
    uint64_t late_ns = proxy->now_ns > wanted_ns ? proxy->now_ns - wanted_ns : 0;
    if (late_ns > LATENESS_NS_MAX) late_ns = LATENESS_NS_MAX;
    proxy->lateness_ns = (proxy->lateness_ns * 7 + late_ns) / 8;
}

/* Until something comes, a chunk is due or nearly so, or a signal arrives, which interrupts here only. */
static int wait_for_events(struct proxy *proxy, struct epoll_event *ready, const sigset_t *unblocked)
{
    uint64_t now_ns = clock_now_ns(), sleep_ns = 0;
    bool is_timed = proxy->chunk_count > 0;
    if (is_timed) {
        uint64_t due_ns = proxy->chunks[proxy->first_chunk].due_ns;
        sleep_ns = due_ns > now_ns ? choose_sleep(proxy, due_ns - now_ns) : 0;
        if (proxy->is_early) (void)sched_yield();
    }
    struct timespec sleep = {(time_t)(sleep_ns / NS_PER_S), (long)(sleep_ns % NS_PER_S)};
    int count = epoll_pwait2(proxy->epoll, ready, EVENTS_MAX, is_timed ? &sleep : NULL, unblocked);
    if (count < 0 && errno != EINTR) die("epoll_pwait2");
    proxy->now_ns = clock_now_ns();
    if (count == 0 && sleep_ns > 0) {
        proxy->is_early = true;
        learn_lateness(proxy, now_ns + sleep_ns);
    }
    return count;
}

static void turn(struct proxy *proxy, const sigset_t *unblocked)
{
    struct epoll_event ready[EVENTS_MAX];
    int count = wait_for_events(proxy, ready, unblocked);
    for (int i = 0; i < count; i++) {
        struct end *end = ready[i].data.ptr;
        uint32_t events = ready[i].events;
        if (!end) {
            accept_client(proxy);
            continue;
        }
        if (end->descriptor != -1 && (events & ~(uint32_t)EPOLLOUT) != 0) receive(end);
        if (end->descriptor != -1 && (events & ~(uint32_t)EPOLLIN) != 0) flush(end->other);
    }
    release_due(proxy);
    free_closed(proxy);
}

/* ---- start and end ---- */

static volatile sig_atomic_t is_ending;

static void end_soon(int number)
{
    (void)number;
    is_ending = 1;
}

/* Gives the signals that are unblocked during a wait. */
static sigset_t handle_signals(void)
{
    struct sigaction action = {.sa_handler = end_soon};
    sigset_t ending, unblocked;
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGTERM);
    (void)sigaddset(&ending, SIGINT);
    if (sigprocmask(SIG_BLOCK, &ending, &unblocked) != 0) die("sigprocmask");
    (void)sigdelset(&unblocked, SIGTERM);
    (void)sigdelset(&unblocked, SIGINT);
    if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0) die("sigaction");
    return unblocked;
}

/* A network keeps its time on a busy machine: exact timers, and the first turn if the user may have it. */
static void ask_for_resources(void)
{
    struct rlimit files;
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    (void)setpriority(PRIO_PROCESS, 0, PRIORITY);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

static void listen_at(struct proxy *proxy, const char *where)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint64_t port;
    bool is_port = text_to_uint64(text_of(where), UINT16_MAX, &port);
    if (is_port)
        loopback.sin_port = htons((uint16_t)port);
    else
        memcpy(local.sun_path, where, strlen(where));
    int on = 1;
    struct epoll_event event = {.events = EPOLLIN};
    proxy->epoll = epoll_create1(EPOLL_CLOEXEC);
    proxy->listener = socket(is_port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (proxy->epoll < 0 || proxy->listener < 0) die("socket");
    (void)setsockopt(proxy->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const struct sockaddr *address = is_port ? (struct sockaddr *)&loopback : (struct sockaddr *)&local;
    if (bind(proxy->listener, address, is_port ? sizeof loopback : sizeof local) != 0) die(where);
    if (listen(proxy->listener, BACKLOG) != 0) die(where);
    if (epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, proxy->listener, &event) != 0) die("epoll_ctl");
    if (!is_port) proxy->path = where;
}

static bool is_path_short(const char *path)
{
    return strlen(path) < sizeof((struct sockaddr_un){0}).sun_path;
}

int main(int count, char **arguments)
{
    static struct proxy proxy;
    uint64_t delay_us;
    if (count != 4 || !is_path_short(arguments[1]) || !is_path_short(arguments[2]) ||
        !text_to_uint64(text_of(arguments[3]), DELAY_US_MAX, &delay_us)) {
        (void)fprintf(stderr, "usage: %s PATH|PORT TARGET_PATH DELAY_US\n", arguments[0]);
        return 2;
    }
    proxy.target = arguments[2];
    proxy.delay_ns = delay_us * NS_PER_US / 2;
    sigset_t unblocked = handle_signals();
    ask_for_resources();
    listen_at(&proxy, arguments[1]);
    (void)puts("ready");
    (void)fflush(stdout);
    while (!is_ending)
        turn(&proxy, &unblocked);
    if (proxy.path) (void)unlink(proxy.path);
    return EXIT_SUCCESS;
}
