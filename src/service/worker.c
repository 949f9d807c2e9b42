#include "service/worker.h"

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "http/server.h"
#include "operations/health_routes.h"
#include "postgres/postgres_user_store.h"
#include "users/user_routes.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define THREAD_STACK_SIZE (2 * 1024 * 1024) /* jansson's parser recurses */
#define MESSAGE_LOOK      (-1)              /* in the mailbox beside sockets: look at the phase */

struct worker {
    const struct config *config;
    unsigned connections_max, schema_version;
    pthread_t thread;
    sem_t started;
    enum fault fault;         /* why it could not start; valid once started */
    int mailbox[2];           /* a pipe of ints */
    struct event_source mail; /* its reading end */
    unsigned handed_over;     /* sockets, ever; the main thread's */
    atomic_uint ended;        /* connections, ever; the thread's */
    atomic_int phase;
    atomic_bool is_done;

    /* The thread's own from here on. */
    struct event_loop *loop;
    struct postgres_user_store *store;
    struct server *server;
    struct health_services health;
    struct user_services users;
    struct route_table tables[2];
    struct router router;
    unsigned taken; /* sockets, ever */
    bool is_closing;
};

static enum service_phase phase_of(const struct worker *worker)
{
    return (enum service_phase)atomic_load_explicit(&worker->phase, memory_order_acquire);
}

static enum fault readiness(void *argument)
{
    const struct worker *worker = argument;
    if (phase_of(worker) != SERVICE_SERVING) return FAULT_DRAINING;
    return postgres_user_store_readiness(worker->store);
}

/* Was there any? */
static bool take_some_mail(struct worker *worker)
{
    int messages[64];
    ssize_t size = read(worker->mailbox[0], messages, sizeof messages);
    for (ssize_t i = 0; i < size / (ssize_t)sizeof messages[0]; i++) {
        if (messages[i] == MESSAGE_LOOK) continue;
        server_add_connection(worker->server, messages[i]);
        worker->taken++;
    }
    return size > 0;
}

static void take_mail(struct event_source *source, uint32_t events)
{
    (void)events;
    (void)take_some_mail((struct worker *)((char *)source - offsetof(struct worker, mail)));
}

/* ---- the thread ---- */

static enum fault start_store(struct worker *worker)
{
    const struct config *config = worker->config;
    struct postgres_config postgres = {
        .database_url = config->database_url,
        .application_name = "splits",
        .blocking = config->db_mode == DB_MODE_BLOCKING,
        .prepared = config->db_prepared,
        .connections = config->db_connections,
        .queue_max = config->db_queue_max,
        .in_flight_max = config->db_in_flight_max,
        .queue_timeout_ns = config->db_queue_timeout_ms * NS_PER_MS,
        .statement_timeout_ns = config->db_statement_timeout_ms * NS_PER_MS,
        .lock_timeout_ns = config->db_lock_timeout_ms * NS_PER_MS,
        .connect_timeout_ns = config->db_connect_timeout_ms * NS_PER_MS,
        .reconnect_max_ns = config->db_reconnect_max_ms * NS_PER_MS,
        .schema_version = worker->schema_version,
        .loop = worker->loop,
    };
    return postgres_user_store_new(&postgres, &worker->store);
}

static enum fault start_server(struct worker *worker)
{
    const struct config *config = worker->config;
    worker->health = (struct health_services){.readiness = readiness, .argument = worker};
    worker->users = (struct user_services){postgres_user_store_interface(worker->store)};
    worker->tables[0] = (struct route_table){user_routes, &worker->users};
    worker->tables[1] = (struct route_table){health_routes, &worker->health};
    worker->router = (struct router){worker->tables, sizeof worker->tables / sizeof worker->tables[0]};
    struct server_config server = {
        .limits =
            {
                .connections_max = worker->connections_max,
                .target_size_max = config->target_size_max,
                .head_size_max = config->head_size_max,
                .body_size_max = config->body_size_max,
                .idle_timeout_ns = config->idle_timeout_ms * NS_PER_MS,
                .head_timeout_ns = config->head_timeout_ms * NS_PER_MS,
                .body_timeout_ns = config->body_timeout_ms * NS_PER_MS,
                .request_timeout_ns = config->request_timeout_ms * NS_PER_MS,
                .send_timeout_ns = config->send_timeout_ms * NS_PER_MS,
            },
        .access_log = config->access_log,
        .router = &worker->router,
        .loop = worker->loop,
    };
    return server_new(&server, &worker->server);
}

static enum fault set_up(struct worker *worker)
{
    enum fault fault = event_loop_new(&worker->loop);
    if (fault) return fault;
    worker->mail = (struct event_source){.ready = take_mail, .descriptor = worker->mailbox[0]};
    fault = event_loop_add(worker->loop, &worker->mail, EPOLLIN);
    if (!fault) fault = start_store(worker);
    if (!fault) fault = start_server(worker);
    return fault;
}

/* Milliseconds until the earlier of the two, rounded up, so as not to wake too early. */
static int timeout_ms(uint64_t now_ns, uint64_t wake_ns, uint64_t other_wake_ns)
{
    if (wake_ns == 0 || (other_wake_ns != 0 && other_wake_ns < wake_ns)) wake_ns = other_wake_ns;
    if (wake_ns == 0) return -1;
    if (wake_ns <= now_ns) return 0;
    uint64_t wait_ms = (wake_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return wait_ms > 60000 ? 60000 : (int)wait_ms;
}

static bool is_over(struct worker *worker)
{
    enum service_phase phase = phase_of(worker);
    if (phase >= SERVICE_CLOSING && !worker->is_closing) {
        worker->is_closing = true;
        /* Sockets that were handed over before the phase changed are not forgotten. */
        while (take_some_mail(worker))
            continue;
        server_close_connections(worker->server, clock_now_ns());
    }
    return phase == SERVICE_STOPPING || (worker->is_closing && server_connections(worker->server) == 0);
}

/*
 * A tick: answers that have come, requests that have come, then everything they ask of the database in
 * one go.
 */
static void serve(struct worker *worker)
{
    uint64_t now_ns = clock_now_ns(), wake_ns = 0;
    while (!is_over(worker)) {
        bool is_due = server_is_due(worker->server, &wake_ns);
        uint64_t store_wake_ns = postgres_user_store_wake_ns(worker->store);
        event_loop_turn(worker->loop, is_due ? 0 : timeout_ms(now_ns, wake_ns, store_wake_ns));
        now_ns = clock_now_ns();
        server_run(worker->server, now_ns);
        postgres_user_store_flush(worker->store, now_ns);
        atomic_store_explicit(&worker->ended, worker->taken - server_connections(worker->server),
                              memory_order_relaxed);
        /* Whoever is to produce the next tick's work goes first: larger batches, fewer switches. */
        (void)sched_yield();
    }
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    worker->fault = set_up(worker);
    bool is_up = worker->fault == FAULT_NONE;
    (void)sem_post(&worker->started);
    if (is_up) serve(worker);
    server_free(worker->server);
    postgres_user_store_free(worker->store);
    event_loop_free(worker->loop);
    atomic_store_explicit(&worker->is_done, true, memory_order_release);
    return NULL;
}

/* ---- the main thread ---- */

/* Sockets that came after its end. */
static void close_mail(struct worker *worker)
{
    int message;
    while (read(worker->mailbox[0], &message, sizeof message) == (ssize_t)sizeof message)
        if (message != MESSAGE_LOOK) (void)close(message);
}

static void release(struct worker *worker)
{
    if (worker->mailbox[0] >= 0) close_mail(worker);
    for (unsigned end = 0; end < 2; end++)
        if (worker->mailbox[end] >= 0) (void)close(worker->mailbox[end]);
    (void)sem_destroy(&worker->started);
    free(worker);
}

static int create_thread(struct worker *worker)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0) return error;
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
    error = pthread_create(&worker->thread, &attributes, run, worker);
    (void)pthread_attr_destroy(&attributes);
    return error;
}

enum fault worker_start(const struct config *config, unsigned connections_max, unsigned schema_version,
                        struct worker **ret_worker)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) return FAULT_MEMORY;
    worker->config = config;
    worker->connections_max = connections_max;
    worker->schema_version = schema_version;
    worker->mailbox[0] = worker->mailbox[1] = -1;
    (void)sem_init(&worker->started, 0, 0);
    if (pipe2(worker->mailbox, O_NONBLOCK | O_CLOEXEC) != 0 || create_thread(worker) != 0) {
        release(worker);
        return FAULT_INTERNAL;
    }
    while (sem_wait(&worker->started) != 0)
        continue;
    if (worker->fault) {
        enum fault fault = worker->fault;
        worker_join(worker);
        return fault;
    }
    *ret_worker = worker;
    return FAULT_NONE;
}

static bool send_message(struct worker *worker, int message)
{
    return write(worker->mailbox[1], &message, sizeof message) == (ssize_t)sizeof message;
}

bool worker_hand_over(struct worker *worker, int socket)
{
    if (send_message(worker, socket)) {
        worker->handed_over++;
        return true;
    }
    log_event(LOG_LEVEL_ERROR, "worker_overrun");
    (void)close(socket);
    return false;
}

void worker_set_phase(struct worker *worker, enum service_phase phase)
{
    atomic_store_explicit(&worker->phase, phase, memory_order_release);
    (void)send_message(worker, MESSAGE_LOOK);
}

unsigned worker_connections(const struct worker *worker)
{
    return worker->handed_over - atomic_load_explicit(&worker->ended, memory_order_relaxed);
}

bool worker_is_done(const struct worker *worker)
{
    return atomic_load_explicit(&worker->is_done, memory_order_acquire);
}

void worker_join(struct worker *worker)
{
    (void)pthread_join(worker->thread, NULL);
    release(worker);
}
