#include "service/stall_watch.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

#define STALL_LIMIT_MS 10000          /* a turn takes milliseconds; the rest is for a machine short of CPU */
#define PAUSE_NS       (2 * NS_PER_S) /* who looks each second, and has not for so long, was away */

/*
 * A blocking worker answers one request after the other, each of which it gives up at its deadline. The last
 * one may begin to wait just before that: in the queue for a connection, and then for its query. All that
 * three times, for one turn answers those whose sockets are readable, then those that came behind them, and
 * mail that is taken in between moves the server's time on, and with it the deadlines of what is read from
 * then on.
 */
unsigned stall_watch_limit_ms(const struct config *config)
{
    if (config->db_mode != DB_MODE_BLOCKING) return STALL_LIMIT_MS;
    return STALL_LIMIT_MS +
           3 * (config->request_timeout_ms + config->db_queue_timeout_ms + config->db_statement_timeout_ms);
}

enum fault stall_watch_init(struct stall_watch *watch, const struct observation *observation, uint64_t now_ns)
{
    *watch = (struct stall_watch){
        .observation = observation,
        .looked_ns = now_ns,
        .are_stalled = calloc(observation->count + 1, sizeof *watch->are_stalled),
    };
    return watch->are_stalled == NULL ? FAULT_MEMORY : FAULT_NONE;
}

void stall_watch_release(struct stall_watch *watch)
{
    free(watch->are_stalled);
    watch->are_stalled = NULL;
}

static uint64_t turned_ns_of(const struct stall_watch *watch, size_t loop)
{
    const struct observation *observation = watch->observation;
    return atomic_load_explicit(loop < observation->count ? &observation->workers[loop].turned_ns
                                                          : &observation->main_turned_ns,
                                memory_order_relaxed);
}

static void log_change(const struct stall_watch *watch, size_t loop, uint64_t late_ns)
{
    bool is_stalled = watch->are_stalled[loop];
    enum log_level level = is_stalled ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO;
    struct log_field since =
        is_stalled ? LOG_INT("since_ms", (int64_t)(late_ns / NS_PER_MS)) : (struct log_field){0};
    if (loop == watch->observation->count)
        log_event(level, is_stalled ? "main_stalled" : "main_went_on", since);
    else
        log_event(level, is_stalled ? "worker_stalled" : "worker_went_on", LOG_INT("worker", (int64_t)loop),
                  since);
}

static void look_at(struct stall_watch *watch, size_t loop, uint64_t now_ns)
{
    uint64_t since_ns = turned_ns_of(watch, loop);
    bool is_running = since_ns != 0, was_stalled = watch->are_stalled[loop];
    /* One that was late before the pause has not gone on for that. */
    if (!was_stalled && since_ns < watch->resumed_ns) since_ns = watch->resumed_ns;
    uint64_t late_ns = is_running && now_ns > since_ns ? now_ns - since_ns : 0;
    watch->are_stalled[loop] = late_ns > watch->observation->stall_limit_ns;
    watch->stalled += watch->are_stalled[loop];
    if (watch->are_stalled[loop] != was_stalled) log_change(watch, loop, late_ns);
}

void stall_watch_tick(struct stall_watch *watch, uint64_t now_ns)
{
    if (now_ns - watch->looked_ns > PAUSE_NS) watch->resumed_ns = now_ns;
    watch->looked_ns = now_ns;
    watch->stalled = 0;
    for (size_t loop = 0; loop <= watch->observation->count; loop++)
        look_at(watch, loop, now_ns);
}

enum fault stall_watch_liveness(const struct stall_watch *watch)
{
    return watch->stalled != 0 ? FAULT_WORKER_STALLED : FAULT_NONE;
}
