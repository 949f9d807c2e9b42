#include "service/admin.h"

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "http/server.h"
#include "operations/debug_routes.h"
#include "operations/health_routes.h"
#include "operations/metrics_routes.h"
#include "operations/process_metrics.h"
#include "service/database_watch.h"
#include "service/limits.h"
#include "service/service_metrics.h"
#include "service/stall_watch.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAKE_MS_MAX       1000
#define ACCEPT_PAUSE_NS   (100 * NS_PER_MS)
#define HEAD_TIMEOUT_NS   (2 * NS_PER_S)
#define IDLE_TIMEOUT_NS   (20 * NS_PER_S) /* longer than the usual interval of scrapes, 15 s */
#define STALL_DETAIL_SIZE 96

struct admin {
    const struct config *config;
    const struct observation *observation;
    pthread_t thread;
    sem_t started;
    enum fault fault;         /* why it could not start; valid once started */
    struct event_source stop; /* an eventfd */
    atomic_bool is_stopping;

    /* The thread's own from here on. */
    struct event_loop *loop;
    struct event_source listener;
    uint64_t paused_until_ns; /* out of descriptors: accepts nothing meanwhile; 0: not paused */
    struct server *server;
    struct database_watch watch;
    struct stall_watch stalls;
    struct health_services health;
    char stall_detail[STALL_DETAIL_SIZE];
    struct metrics_source sources[3];
    struct metrics_services metrics;
    struct debug_services debug;
    struct route_table tables[3];
    struct router router;
};

static enum fault readiness(void *argument)
{
    const struct admin *admin = argument;
    return observation_readiness(admin->observation);
}

static enum fault liveness(void *argument)
{
    const struct admin *admin = argument;
    return stall_watch_liveness(&admin->stalls);
}

static void write_requests(void *argument, struct metrics_text *text)
{
    request_metrics_write(observation_requests(argument), text);
}

/* ---- the thread ---- */

static void accept_connections(struct event_source *source, uint32_t events)
{
    struct admin *admin = (struct admin *)((char *)source - offsetof(struct admin, listener));
    (void)events;
    int socket;
    while ((socket = accept4(source->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        server_add_connection(admin->server, socket);
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    event_loop_remove(admin->loop, source);
    admin->paused_until_ns = clock_now_ns() + ACCEPT_PAUSE_NS;
}

static void check_pause(struct admin *admin, uint64_t now_ns)
{
    if (admin->paused_until_ns == 0 || now_ns < admin->paused_until_ns) return;
    admin->paused_until_ns =
        event_loop_add(admin->loop, &admin->listener, EPOLLIN) == FAULT_NONE ? 0 : now_ns + ACCEPT_PAUSE_NS;
}

static void take_stop(struct event_source *source, uint32_t events)
{
    eventfd_t count;
    (void)events;
    (void)eventfd_read(source->descriptor, &count);
}

static void set_routes(struct admin *admin)
{
    void *observation = (void *)(uintptr_t)admin->observation;
    (void)snprintf(admin->stall_detail, sizeof admin->stall_detail,
                   "The loop of a worker, or the main one, has not come round for more than %g s.",
                   (double)admin->observation->stall_limit_ns / NS_PER_S);
    admin->health = (struct health_services){
        .readiness = readiness,
        .liveness = liveness,
        .liveness_detail = admin->stall_detail,
        .argument = admin,
    };
    admin->sources[0] = (struct metrics_source){write_requests, observation};
    admin->sources[1] = (struct metrics_source){service_metrics_write, observation};
    admin->sources[2] = (struct metrics_source){process_metrics_write, NULL};
    admin->metrics = (struct metrics_services){admin->sources, 3};
    admin->debug = (struct debug_services){observation_requests(admin->observation), database_watch_ask,
                                           database_watch_abandon, &admin->watch};
    admin->tables[0] = (struct route_table){.routes = health_routes, .services = &admin->health};
    admin->tables[1] = (struct route_table){.routes = metrics_routes, .services = &admin->metrics};
    admin->tables[2] = (struct route_table){.routes = debug_routes, .services = &admin->debug};
    admin->router = (struct router){admin->tables, 3};
}

/* Whoever is slow or idle here makes room soon: a probe must not find the listener full. */
static struct server_limits limits_of(const struct config *config)
{
    struct server_limits limits = config_server_limits(config, ADMIN_CONNECTIONS_MAX);
    limits.head_timeout_ns = limits.body_timeout_ns = HEAD_TIMEOUT_NS;
    limits.idle_timeout_ns = IDLE_TIMEOUT_NS;
    return limits;
}

static enum fault set_up(struct admin *admin)
{
    const struct config *config = admin->config;
    enum fault fault = event_loop_new(&admin->loop);
    if (!fault) fault = event_loop_add(admin->loop, &admin->stop, EPOLLIN);
    if (!fault) fault = event_loop_add(admin->loop, &admin->listener, EPOLLIN);
    if (!fault) fault = stall_watch_init(&admin->stalls, admin->observation, clock_now_ns());
    if (fault) return fault;
    set_routes(admin);
    database_watch_init(&admin->watch, config, admin->observation);
    struct server_config server = {
        .limits = limits_of(config),
        .access_log = config->access_log == ACCESS_LOG_ALL ? ACCESS_LOG_ERRORS : config->access_log,
        .router = &admin->router,
        .loop = admin->loop,
    };
    return server_new(&server, &admin->server);
}

static int timeout_ms(const struct admin *admin, uint64_t now_ns)
{
    uint64_t wake_ns = 0;
    if (server_is_due(admin->server, &wake_ns)) return 0;
    uint64_t watch_wake_ns = database_watch_wake_ns(&admin->watch, now_ns);
    if (wake_ns == 0 || (watch_wake_ns != 0 && watch_wake_ns < wake_ns)) wake_ns = watch_wake_ns;
    if (wake_ns == 0 || wake_ns > now_ns + WAKE_MS_MAX * NS_PER_MS) return WAKE_MS_MAX;
    return wake_ns <= now_ns ? 0 : (int)((wake_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void serve(struct admin *admin)
{
    for (uint64_t now_ns = clock_now_ns(); !atomic_load(&admin->is_stopping);) {
        event_loop_turn(admin->loop, timeout_ms(admin, now_ns));
        now_ns = clock_now_ns();
        check_pause(admin, now_ns);
        database_watch_tick(&admin->watch, now_ns);
        stall_watch_tick(&admin->stalls, now_ns); /* before /health is answered, with what this has seen */
        server_run(admin->server, now_ns);
    }
}

static void *run(void *argument)
{
    struct admin *admin = argument;
    (void)pthread_setname_np(pthread_self(), "admin");
    admin->fault = set_up(admin);
    bool is_up = admin->fault == FAULT_NONE;
    (void)sem_post(&admin->started);
    if (is_up) serve(admin);
    server_free(admin->server);
    database_watch_release(&admin->watch);
    stall_watch_release(&admin->stalls);
    event_loop_free(admin->loop);
    return NULL;
}

/* ---- the main thread ---- */

static void release(struct admin *admin)
{
    if (admin->stop.descriptor >= 0) (void)close(admin->stop.descriptor);
    (void)close(admin->listener.descriptor);
    (void)sem_destroy(&admin->started);
    free(admin);
}

enum fault admin_start(const struct config *config, const struct observation *observation, int descriptor,
                       struct admin **ret_admin)
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL) {
        (void)close(descriptor);
        return FAULT_MEMORY;
    }
    admin->config = config;
    admin->observation = observation;
    admin->listener = (struct event_source){.ready = accept_connections, .descriptor = descriptor};
    admin->stop =
        (struct event_source){.ready = take_stop, .descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    (void)sem_init(&admin->started, 0, 0);
    int error = admin->stop.descriptor < 0 ? errno : pthread_create(&admin->thread, NULL, run, admin);
    if (error != 0) {
        release(admin);
        return limits_no_thread("admin", error);
    }
    while (sem_wait(&admin->started) != 0)
        continue;
    if (admin->fault) {
        enum fault fault = admin->fault;
        (void)pthread_join(admin->thread, NULL);
        release(admin);
        return fault;
    }
    *ret_admin = admin;
    return FAULT_NONE;
}

void admin_stop(struct admin *admin)
{
    if (admin == NULL) return;
    atomic_store(&admin->is_stopping, true);
    (void)eventfd_write(admin->stop.descriptor, 1);
    (void)pthread_join(admin->thread, NULL);
    release(admin);
}
