#include "service/service.h"

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "base/program_pages.h"
#include "postgres/database_check.h"
#include "postgres/migrations.h"
#include "service/admin.h"
#include "service/commands.h"
#include "service/laboratory.h"
#include "service/limits.h"
#include "service/listener.h"
#include "service/load.h"
#include "service/notifier.h"
#include "service/observation.h"
#include "service/stall_watch.h"
#include "service/worker.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define KEPT_BYTES   (8 * 1024 * 1024)
#define MAPPED_BYTES (32 * 1024 * 1024) /* the most that the C library takes */
#define TURN_MS      20                 /* how often the main thread looks at the clock while it drains */
#define SLEEP_MS_MAX 1000               /* an idle loop is no stalled one */
#define START_NS     (2 * NS_PER_S)     /* by then the start's work is done, if the database can be reached */

struct service {
    const struct config *config;
    struct observation observation;
    struct admin *admin; /* NULL when there is none */
#if SPLITS_LAB
    struct load load; /* while the laboratory is on */
    struct laboratory laboratory;
#endif
    struct event_loop *loop;
    struct listener listener;
    struct event_source signals; /* a signalfd */
    struct notifier notifier;
    struct worker **workers;
    unsigned worker_count;
    enum service_phase phase;
    uint64_t phase_end_ns; /* of DRAINING, PARTING and CLOSING */
    uint64_t start_end_ns; /* when to let go of the start's code; 0: it has been done */
};

static bool has_laboratory(const struct config *config)
{
    return SPLITS_LAB && config->lab;
}

/* ---- stopping ---- */

/*
 * The first half of the drain delay is for load balancers: they notice, and send no more. The second is for
 * clients with connections of their own, which answers end now: at its end none is closed but those that have
 * been idle all the while, so hardly a request meets a connection that is being closed.
 */
static void enter(struct service *service, enum service_phase phase)
{
    const struct config *config = service->config;
    uint64_t now_ns = clock_now_ns();
    service->phase = phase;
    if (phase == SERVICE_DRAINING || phase == SERVICE_PARTING)
        service->phase_end_ns = now_ns + config->drain_delay_ms * NS_PER_MS / 2;
    if (phase == SERVICE_CLOSING) service->phase_end_ns = now_ns + config->grace_period_ms * NS_PER_MS;
    if (phase >= SERVICE_CLOSING) listener_close(&service->listener);
    for (unsigned i = 0; i < service->worker_count; i++)
        worker_set_phase(service->workers[i], phase);
}

static void take_signal(struct event_source *source, uint32_t events)
{
    struct service *service = (struct service *)((char *)source - offsetof(struct service, signals));
    struct signalfd_siginfo information;
    (void)events;
    if (read(source->descriptor, &information, sizeof information) != (ssize_t)sizeof information) return;
    int number = (int)information.ssi_signo;
    if (number == SIGHUP) {
        log_event(LOG_LEVEL_INFO, "signal_ignored", LOG_STRING("signal", "SIGHUP"));
        return;
    }
    log_event(LOG_LEVEL_INFO, service->phase == SERVICE_SERVING ? "drain_started" : "drain_cut_short",
              LOG_STRING("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"),
              LOG_INT("drain_delay_ms", service->config->drain_delay_ms),
              LOG_INT("grace_period_ms", service->config->grace_period_ms));
    notifier_stopping(&service->notifier);
    enter(service, service->phase == SERVICE_SERVING ? SERVICE_DRAINING : SERVICE_STOPPING);
}

static bool all_done(const struct service *service)
{
    for (unsigned i = 0; i < service->worker_count; i++)
        if (!worker_is_done(service->workers[i])) return false;
    return true;
}

static void advance_phase(struct service *service)
{
    uint64_t now_ns = clock_now_ns();
    if (service->phase == SERVICE_DRAINING && now_ns >= service->phase_end_ns)
        enter(service, SERVICE_PARTING);
    if (service->phase == SERVICE_PARTING && now_ns >= service->phase_end_ns) enter(service, SERVICE_CLOSING);
    if (service->phase == SERVICE_CLOSING && now_ns >= service->phase_end_ns && !all_done(service)) {
        log_event(LOG_LEVEL_WARNING, "grace_period_over");
        enter(service, SERVICE_STOPPING);
    }
}

/* How long the main thread may sleep. */
static int sleep_ms_max(const struct service *service)
{
    bool is_clock_needed = service->phase != SERVICE_SERVING || service->listener.paused_until_ns != 0;
    if (is_clock_needed) return TURN_MS;
    int sleep_ms = has_laboratory(service->config) ? (int)(LOAD_SAMPLE_NS / NS_PER_MS) : SLEEP_MS_MAX;
    int notifier_ms = notifier_sleep_ms(&service->notifier, clock_now_ns());
    return notifier_ms != -1 && notifier_ms < sleep_ms ? notifier_ms : sleep_ms;
}

/* Tells those who observe the loop that it has come round; 0: that it does so no more. */
static void note_turn(struct service *service, uint64_t now_ns)
{
    atomic_store_explicit(&service->observation.main_turned_ns, now_ns, memory_order_relaxed);
}

static void forget_start(struct service *service, uint64_t now_ns)
{
    if (service->start_end_ns == 0 || now_ns < service->start_end_ns) return;
    service->start_end_ns = 0;
    program_pages_let_go();
}

static void wait_until_done(struct service *service)
{
    uint64_t now_ns = clock_now_ns();
    service->start_end_ns = now_ns + START_NS;
    note_turn(service, now_ns);
    while (!all_done(service)) {
        event_loop_turn(service->loop, sleep_ms_max(service));
        now_ns = clock_now_ns();
        note_turn(service, now_ns);
        forget_start(service, now_ns);
        listener_check_pause(&service->listener, now_ns);
        notifier_tick(&service->notifier, now_ns);
        advance_phase(service);
#if SPLITS_LAB
        if (has_laboratory(service->config)) load_tick(&service->load, now_ns);
#endif
    }
    note_turn(service, 0); /* from here on it waits for threads, while the admin listener still answers */
}

/* ---- starting ---- */

/* Before any thread: they inherit the mask, and only the main thread sees signals, as events. */
static enum fault take_over_signals(struct service *service)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    service->signals.descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    service->signals.ready = take_signal;
    if (service->signals.descriptor < 0) return FAULT_INTERNAL;
    return event_loop_add(service->loop, &service->signals, EPOLLIN);
}

static enum fault newest_migration(const struct config *config, unsigned *ret_version)
{
    struct migrations migrations;
    char *message = NULL;
    enum fault fault = migrations_read(config->migrations_dir, &migrations, &message);
    if (fault) {
        log_event(LOG_LEVEL_ERROR, "migrations_unreadable",
                  LOG_STRING("message", message == NULL ? fault_code(fault) : message));
        free(message);
        return fault;
    }
    *ret_version = (unsigned)migrations.count;
    migrations_release(&migrations);
    return FAULT_NONE;
}

static enum fault observe(struct service *service, unsigned worker_count)
{
    const struct config *config = service->config;
    enum fault fault = observation_init(&service->observation, worker_count, has_laboratory(config));
    service->observation.stall_limit_ns = stall_watch_limit_ms(config) * NS_PER_MS;
#if SPLITS_LAB
    if (fault || !has_laboratory(config)) return fault;
    load_init(&service->load, config, &service->observation);
    service->laboratory = (struct laboratory){&service->observation, &service->load};
#endif
    return fault;
}

static const struct laboratory *laboratory_of(const struct service *service)
{
#if SPLITS_LAB
    if (service->laboratory.load != NULL) return &service->laboratory;
#endif
    (void)service;
    return NULL;
}

static enum fault start_workers(struct service *service, unsigned count, unsigned schema_version)
{
    service->workers = calloc(count, sizeof(struct worker *));
    if (service->workers == NULL) return FAULT_MEMORY;
    unsigned connections = service->config->connections_max;
    struct worker_config worker = {
        .config = service->config,
        .observation = &service->observation,
        .laboratory = laboratory_of(service),
        .schema_version = schema_version,
    };
    for (unsigned i = 0; i < count; i++) {
        worker.index = i;
        worker.connections_max = connections / count + (i < connections % count);
        enum fault fault = worker_start(&worker, &service->workers[i]);
        if (fault) {
            log_event(LOG_LEVEL_ERROR, "worker_failed", LOG_STRING("code", fault_code(fault)));
            return fault;
        }
        service->worker_count++;
    }
    return FAULT_NONE;
}

/* The two listening sockets, -1 while not open, and their ports. */
struct sockets {
    int service, admin;
    unsigned port, admin_port;
};

static enum fault open_sockets(const struct config *config, struct sockets *sockets)
{
    enum fault fault =
        listener_socket(config->address, "port", config->port, &sockets->service, &sockets->port);
    if (fault || !config->admin) return fault;
    return listener_socket(config->admin_address, "admin-port", config->admin_port, &sockets->admin,
                           &sockets->admin_port);
}

static enum fault serve_on(struct service *service, struct sockets *sockets)
{
    if (sockets->admin >= 0) {
        int descriptor = sockets->admin;
        sockets->admin = -1; /* the admin's, also when it does not start */
        enum fault fault = admin_start(service->config, &service->observation, descriptor, &service->admin);
        if (fault) return fault;
    }
    listener_open(&service->listener, sockets->service);
    sockets->service = -1;
    return listener_start(&service->listener, service->loop, service->workers, service->worker_count);
}

static void log_start_of(const struct config *config, const struct sockets *sockets, unsigned worker_count)
{
    struct log_field admin[] = {LOG_STRING("admin_address", config->admin_address),
                                LOG_INT("admin_port", sockets->admin_port)};
    if (!config->admin) admin[0] = (struct log_field){0};
    log_event(LOG_LEVEL_INFO, "server_started", LOG_STRING("address", config->address),
              LOG_INT("port", sockets->port), LOG_INT("workers", worker_count), LOG_INT("pid", getpid()),
              admin[0], admin[1]);
}

static enum fault start_on(struct service *service, struct sockets *sockets, unsigned schema_version)
{
    const struct config *config = service->config;
    unsigned worker_count = config->workers;
    limits_check(config, "");
    enum fault fault = open_sockets(config, sockets);
    if (!fault) fault = observe(service, worker_count);
    if (!fault) fault = start_workers(service, worker_count, schema_version);
    if (!fault) fault = serve_on(service, sockets);
    if (fault) return fault;
    log_start_of(config, sockets, worker_count);
    notifier_open(&service->notifier, &service->observation);
    notifier_ready(&service->notifier, clock_now_ns());
    return FAULT_NONE;
}

static enum fault start(struct service *service)
{
    unsigned schema_version;
    struct sockets sockets = {.service = -1, .admin = -1};
    enum fault fault = newest_migration(service->config, &schema_version);
    if (fault) return fault;
    fault = start_on(service, &sockets, schema_version);
    if (sockets.service >= 0) (void)close(sockets.service);
    if (sockets.admin >= 0) (void)close(sockets.admin);
    return fault;
}

static void stop(struct service *service)
{
    listener_close(&service->listener);
    for (unsigned i = 0; i < service->worker_count; i++)
        worker_set_phase(service->workers[i], SERVICE_STOPPING);
    for (unsigned i = 0; i < service->worker_count; i++)
        worker_join(service->workers[i]);
    admin_stop(service->admin);
    for (unsigned i = 0; i < service->worker_count; i++)
        worker_free(service->workers[i]);
    free(service->workers);
#if SPLITS_LAB
    if (laboratory_of(service) != NULL) load_release(&service->load);
#endif
    notifier_close(&service->notifier);
    observation_release(&service->observation);
    if (service->signals.descriptor >= 0) (void)close(service->signals.descriptor);
    event_loop_free(service->loop);
}

/*
 * What one page needed, the next one needs: freed memory up to this stays with its worker. By default the C
 * library gives back what is over 128 KiB and takes it again for the next page, in system calls and page
 * faults. Nor is a large page mapped by itself, or every one of its pages would fault each time.
 */
static void keep_freed_memory(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

/*
 * Before there is a log: a wrong setting is told in one line, as config_read does. A file with the URL may be
 * changed meanwhile: the workers read it, and tell.
 */
static bool check_settings(struct config *config)
{
    char *message = NULL;
    if (*config->database_url_file != '\0') {
        (void)config_load_url(config);
        return true;
    }
    enum fault fault = database_url_check(config->database_url, &message);
    if (!fault) return true;
    (void)fprintf(stderr, "splits: %s\n", message == NULL ? fault_code(fault) : message);
    free(message);
    return false;
}

int service_run(struct config *config)
{
    if (!check_settings(config)) return COMMAND_USAGE;
    keep_freed_memory();
    struct service service = {
        .config = config, .listener.source.descriptor = -1, .signals.descriptor = -1, .notifier.socket = -1};
    log_configure(config->log_level, config->log_format);
    enum fault fault = event_loop_new(&service.loop);
    if (!fault) fault = take_over_signals(&service);
    if (!fault) fault = log_start();
    config_log(config);
    if (!fault) fault = start(&service);
    if (fault)
        log_event(LOG_LEVEL_ERROR, "start_failed", LOG_STRING("message", "the reason stands above"));
    else
        wait_until_done(&service);
    stop(&service);
    if (!fault) log_event(LOG_LEVEL_INFO, "server_stopped");
    log_stop();
    return fault ? EXIT_FAILURE : EXIT_SUCCESS;
}
