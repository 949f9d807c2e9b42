#include "service/worker.h"

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "http/server.h"
#include "lab/lab_routes.h"
#include "operations/health_routes.h"
#include "postgres/postgres_lab_store.h"
#include "postgres/postgres_user_store.h"
#include "service/laboratory.h"
#include "service/limits.h"
#include "users/user_routes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define THREAD_STACK_SIZE (2 * 1024 * 1024) /* jansson's parser recurses */
#define MESSAGE_LOOK      (-1)              /* in the mailbox beside sockets: look at the phase */
#define SLEEP_MS_MAX      1000 /* an idle loop is no stalled one; pings of a store wake it sooner */

struct worker {
    struct worker_config config;
    struct worker_counters *counters;
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
#if SPLITS_LAB
    struct postgres_lab_store *lab_store;
    struct lab_services lab;
#endif
    struct route_table tables[3];
    struct router router;
    unsigned taken; /* sockets, ever */
    bool is_parting;
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
    const struct config *config = worker->config.config;
    struct postgres_config postgres = {
        .database_url = config->database_url,
        .database_url_file = *config->database_url_file == '\0' ? NULL : config->database_url_file,
        .application_name = "splits",
        .blocking = config->db_mode == DB_MODE_BLOCKING,
        .prepared = config->db_prepared,
        .combine_lookups = config->db_combine == DB_COMBINE_ALL,
        .combine_creates = config->db_combine != DB_COMBINE_OFF,
        .connections = config->db_connections,
        .queue_max = config->db_queue_max,
        .in_flight_max = config->db_in_flight_max,
        .queue_timeout_ns = config->db_queue_timeout_ms * NS_PER_MS,
        .statement_timeout_ns = config->db_statement_timeout_ms * NS_PER_MS,
        .lock_timeout_ns = config->db_lock_timeout_ms * NS_PER_MS,
        .connect_timeout_ns = config->db_connect_timeout_ms * NS_PER_MS,
        .reconnect_max_ns = config->db_reconnect_max_ms * NS_PER_MS,
        .schema_version = worker->config.schema_version,
        .connections_sum = worker->config.index == 0 ? config_database_connections(config) : 0,
        .laboratory = worker->config.laboratory != NULL,
        .loop = worker->loop,
    };
    return postgres_user_store_new(&postgres, &worker->store);
}

#if SPLITS_LAB
static enum fault set_lab_routes(struct worker *worker, struct route_table *table)
{
    const struct laboratory *laboratory = worker->config.laboratory;
    *table = (struct route_table){.routes = lab_routes, .shows_timing = laboratory != NULL};
    if (laboratory == NULL) return FAULT_NONE;
    enum fault fault = postgres_lab_store_new(worker->store, &worker->lab_store);
    if (fault) return fault;
    worker->lab = laboratory_services(laboratory, worker->config.index);
    worker->lab.store = postgres_lab_store_interface(worker->lab_store);
    table->services = &worker->lab;
    return FAULT_NONE;
}
#endif

static enum fault set_routes(struct worker *worker)
{
    size_t count = 0;
    enum fault fault = FAULT_NONE;
    worker->users = (struct user_services){postgres_user_store_interface(worker->store)};
    worker->health = (struct health_services){.readiness = readiness, .argument = worker};
    worker->tables[count++] = (struct route_table){.routes = user_routes, .services = &worker->users};
    worker->tables[count++] = (struct route_table){.routes = health_routes, .services = &worker->health};
#if SPLITS_LAB
    fault = set_lab_routes(worker, &worker->tables[count++]);
#endif
    worker->router = (struct router){worker->tables, count};
    return fault;
}

static enum fault start_server(struct worker *worker)
{
    const struct config *config = worker->config.config;
    enum fault fault = set_routes(worker);
    if (fault) return fault;
    struct server_config server = {
        .limits = config_server_limits(config, worker->config.connections_max),
        .access_log = config->access_log,
        .server_timing = config->server_timing,
        .observer = {SPLITS_LEDGER ? request_metrics_record : NULL,
                     worker->config.observation->requests[worker->config.index]},
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
    if (wake_ns == 0 || wake_ns > now_ns + SLEEP_MS_MAX * NS_PER_MS) return SLEEP_MS_MAX;
    return wake_ns <= now_ns ? 0 : (int)((wake_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static bool is_over(struct worker *worker)
{
    enum service_phase phase = phase_of(worker);
    if (phase >= SERVICE_PARTING && !worker->is_parting) {
        worker->is_parting = true;
        server_end_keep_alive(worker->server);
    }
    if (phase >= SERVICE_CLOSING && !worker->is_closing) {
        worker->is_closing = true;
        /* Sockets that were handed over before the phase changed are not forgotten. */
        while (take_some_mail(worker))
            continue;
        server_close_connections(worker->server, clock_now_ns());
    }
    return phase == SERVICE_STOPPING || (worker->is_closing && server_connections(worker->server) == 0);
}

/* For those who observe the worker. */
static void publish(struct worker *worker)
{
    unsigned connections = server_connections(worker->server);
    atomic_store_explicit(&worker->ended, worker->taken - connections, memory_order_relaxed);
    atomic_store_explicit(&worker->counters->connections, connections, memory_order_relaxed);
    atomic_store_explicit(&worker->counters->readiness, (int)readiness(worker), memory_order_relaxed);
}

/* Tells those who observe the loop that it has come round; 0: that it does so no more. */
static void note_turn(struct worker *worker, uint64_t now_ns)
{
    atomic_store_explicit(&worker->counters->turned_ns, now_ns, memory_order_relaxed);
}

/*
 * A tick: answers that have come, requests that have come, then everything they ask of the database in
 * one go.
 */
static void serve(struct worker *worker)
{
    const struct event_loop_times *times = event_loop_times(worker->loop);
    uint64_t now_ns = clock_now_ns(), wake_ns = 0;
    note_turn(worker, now_ns);
    while (!is_over(worker)) {
        bool is_due = server_is_due(worker->server, &wake_ns);
        uint64_t store_wake_ns = postgres_user_store_wake_ns(worker->store);
        event_loop_turn(worker->loop, is_due ? 0 : timeout_ms(now_ns, wake_ns, store_wake_ns));
        if (times->looked_ns != 0) histogram_add(&worker->counters->turns, times->done_ns - times->looked_ns);
        now_ns = clock_now_ns();
        note_turn(worker, now_ns);
        server_run(worker->server, now_ns);
        postgres_user_store_flush(worker->store, now_ns);
        publish(worker);
    }
    note_turn(worker, 0);
}

static void start_counting(struct worker *worker)
{
    (void)pthread_getcpuclockid(pthread_self(), &worker->counters->cpu_clock);
    atomic_store_explicit(&worker->counters->connections_max, worker->config.connections_max,
                          memory_order_relaxed);
    worker->counters->database = postgres_user_store_statistics(worker->store);
    atomic_store_explicit(&worker->counters->is_running, true, memory_order_release);
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    (void)pthread_setname_np(pthread_self(), "worker");
    worker->fault = set_up(worker);
    bool is_up = worker->fault == FAULT_NONE;
    if (is_up) start_counting(worker);
    (void)sem_post(&worker->started);
    if (is_up) serve(worker);
    server_free(worker->server);
    worker->server = NULL;
    if (is_up)
        atomic_store_explicit(&worker->counters->ended_cpu_ns, worker_counters_cpu_ns(worker->counters),
                              memory_order_release);
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
#if SPLITS_LAB
    postgres_lab_store_free(worker->lab_store);
    constant_json_release(&worker->lab.constant);
#endif
    postgres_user_store_free(worker->store);
    event_loop_free(worker->loop);
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

enum fault worker_start(const struct worker_config *config, struct worker **ret_worker)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) return FAULT_MEMORY;
    worker->config = *config;
    worker->counters = &config->observation->workers[config->index];
    worker->mailbox[0] = worker->mailbox[1] = -1;
    (void)sem_init(&worker->started, 0, 0);
    int error = pipe2(worker->mailbox, O_NONBLOCK | O_CLOEXEC) != 0 ? errno : create_thread(worker);
    if (error != 0) {
        release(worker);
        return limits_no_thread("worker", error);
    }
    while (sem_wait(&worker->started) != 0)
        continue;
    if (worker->fault) {
        enum fault fault = worker->fault;
        worker_join(worker);
        worker_free(worker);
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
}

void worker_free(struct worker *worker)
{
    release(worker);
}
