#include "lab/selftest_service.h"

#include "base/clock.h"

#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Fewer connections than requests at a time, on any machine, so that requests queue for them. */
#define CONNECTIONS     16
#define WORKERS_MAX     2
#define START_MS_MAX    15000
#define LOG_MS_MAX      3000 /* for the last line to come */
#define STOP_MS_MAX     5000
#define NAP_MS          2
#define NUMBER_SIZE_MAX 16 /* bytes with the end */
#define URL_VARIABLE    "SPLITS_DATABASE_URL"

static enum fault complain(enum fault fault, const char *reason)
{
    (void)fprintf(stderr, "splits: selftest: %s\n", reason);
    return fault;
}

static void nap(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = NAP_MS * NS_PER_MS}, NULL);
}

/* ---- running it ---- */

/* Settings of this process's own must not reach it; those of libpq, PG*, may. */
static bool is_setting(const char *variable)
{
    static const char *const prefixes[] = {"SPLITS_", "DATABASE_URL=", "DATABASE_URL_FILE=", "PORT="};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0) return true;
    return false;
}

/* The variables, borrowed, and url_variable, which "" leaves out; the caller frees the list. NULL: no memory.
 */
static const char **make_environment(const char *url_variable)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    const char **environment = calloc(count + 2, sizeof *environment);
    if (environment == NULL) return NULL;
    const char **end = environment;
    for (size_t i = 0; i < count; i++)
        if (!is_setting(environ[i])) *end++ = environ[i];
    if (*url_variable != '\0') *end++ = url_variable;
    return environment;
}

/* One per CPU that it will have, so that none of them interrupts another one that spins. */
static unsigned worker_count(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > WORKERS_MAX ? WORKERS_MAX : 1;
}

static enum fault run_program(const struct selftest_config *config, const char *const *environment,
                              struct selftest_service *service)
{
    char workers[NUMBER_SIZE_MAX], connections[NUMBER_SIZE_MAX];
    (void)snprintf(workers, sizeof workers, "%u", service->workers);
    (void)snprintf(connections, sizeof connections, "%u", service->connections / service->workers);
    const char *const arguments[] = {config->program,
                                     "serve",
                                     "--address",
                                     "127.0.0.1",
                                     "--port",
                                     "0",
                                     "--admin",
                                     "off",
                                     "--lab",
                                     "on",
                                     "--workers",
                                     workers,
                                     "--db-connections",
                                     connections,
                                     "--migrations-dir",
                                     config->migrations_dir,
                                     "--access-log",
                                     "all",
                                     "--log-format",
                                     "json",
                                     "--log-level",
                                     "info",
                                     NULL};
    const struct selftest_program program = {arguments, environment, STDERR_FILENO, SELFTEST_CPUS_BUT_LAST};
    return selftest_process_start(&program, &service->process);
}

/* The URL goes through the environment: a command line is for everybody to read. */
static enum fault run_with_url(const struct selftest_config *config, struct selftest_service *service)
{
    char *url_variable = NULL;
    bool is_default = *config->database_url == '\0';
    if (!is_default && asprintf(&url_variable, URL_VARIABLE "=%s", config->database_url) < 0)
        return complain(FAULT_MEMORY, "memory is short");
    const char **environment = make_environment(is_default ? "" : url_variable);
    enum fault fault = FAULT_MEMORY;
    errno = ENOMEM;
    if (environment != NULL) fault = run_program(config, environment, service);
    if (fault) (void)fprintf(stderr, "splits: selftest: %s: %s\n", config->program, strerrordesc_np(errno));
    free(environment);
    free(url_variable);
    return fault;
}

/* ---- its log ---- */

static bool has_value(const json_t *object, const char *name, const char *value)
{
    const char *found = json_string_value(json_object_get(object, name));
    return found != NULL && strcmp(found, value) == 0;
}

/* 0: these lines do not say. */
static unsigned find_port(struct text log)
{
    json_int_t port = 0;
    while (log.size > 0 && port == 0) {
        struct text line = text_take_until(&log, '\n');
        json_t *object = json_loadb(line.bytes, line.size, 0, NULL);
        if (has_value(object, "event", "server_started"))
            port = json_integer_value(json_object_get(object, "port"));
        json_decref(object);
    }
    return (unsigned)port;
}

/* The first line of level error, or that is none of the log but an answer to its arguments; else the last. */
static struct text find_reason(struct text log)
{
    struct text line = TEXT("it said nothing");
    bool is_found = false;
    while (log.size > 0 && !is_found) {
        line = text_take_until(&log, '\n');
        json_t *object = json_loadb(line.bytes, line.size, 0, NULL);
        is_found = object == NULL || has_value(object, "level", "error");
        json_decref(object);
    }
    return line;
}

/* ---- starting ---- */

static enum fault complain_of_start(struct selftest_process *process)
{
    char *bytes;
    struct text log;
    process->read = 0; /* all of it once more */
    if (selftest_process_read(process, &bytes, &log))
        return complain(FAULT_INTERNAL, "the service did not start");
    struct text reason = find_reason(log);
    (void)fprintf(stderr, "splits: selftest: the service did not start: %.*s\n", (int)reason.size,
                  reason.bytes);
    free(bytes);
    return FAULT_INTERNAL;
}

static enum fault wait_for_port(struct selftest_service *service)
{
    uint64_t deadline_ns = clock_now_ns() + START_MS_MAX * NS_PER_MS;
    while (service->port == 0) {
        bool is_over = selftest_process_wait(&service->process, 0) || clock_now_ns() > deadline_ns;
        char *bytes;
        struct text log;
        enum fault fault = selftest_process_read(&service->process, &bytes, &log);
        if (fault) return complain(fault, "the service's log cannot be read");
        service->port = find_port(log);
        free(bytes);
        if (service->port == 0 && is_over) return complain_of_start(&service->process);
        nap();
    }
    return FAULT_NONE;
}

enum fault selftest_service_start(const struct selftest_config *config, struct selftest_service *ret_service)
{
    struct selftest_service service = {.workers = worker_count(), .connections = CONNECTIONS};
    enum fault fault = run_with_url(config, &service);
    if (fault) return fault;
    fault = wait_for_port(&service);
    if (fault)
        selftest_service_stop(&service);
    else
        *ret_service = service;
    return fault;
}

void selftest_service_stop(struct selftest_service *service)
{
    selftest_process_stop(&service->process, STOP_MS_MAX);
}

/* ---- joining ---- */

static enum fault join_what_is_there(struct selftest_service *service, struct selftest_records *records)
{
    char *bytes;
    struct text log;
    enum fault fault = selftest_process_read(&service->process, &bytes, &log);
    if (fault) return complain(fault, "the service's log cannot be read");
    fault = selftest_records_join(records, log);
    free(bytes);
    return fault ? complain(fault, "a line of the access log is there twice, or lacks the phases")
                 : FAULT_NONE;
}

static enum fault complain_of_missing(const struct selftest_records *records)
{
    (void)fprintf(stderr, "splits: selftest: the access log lacks %zu of %zu requests\n",
                  records->count - records->logged, records->count);
    return FAULT_INTERNAL;
}

enum fault selftest_service_join(struct selftest_service *service, struct selftest_records *records)
{
    uint64_t deadline_ns = clock_now_ns() + LOG_MS_MAX * NS_PER_MS;
    for (;;) {
        bool is_over = selftest_process_wait(&service->process, 0) || clock_now_ns() > deadline_ns;
        enum fault fault = join_what_is_there(service, records);
        if (fault || records->logged == records->count) return fault;
        if (is_over) return complain_of_missing(records);
        nap();
    }
}
