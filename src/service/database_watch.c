#include "service/database_watch.h"

#include "base/clock.h"
#include "postgres/database_url_file.h"

#include <stdlib.h>

#define POLL_NS         (2 * NS_PER_MS)
#define FIRST_LOOK_NS   (1 * NS_PER_S) /* not in the way of the start */
#define LOOK_TIMEOUT_MS 2000
#define END_TIMEOUT_MS  200

void database_watch_init(struct database_watch *watch, const struct config *config,
                         const struct observation *observation)
{
    *watch = (struct database_watch){
        .config = config, .observation = observation, .next_look_ns = clock_now_ns() + FIRST_LOOK_NS};
}

void database_watch_release(struct database_watch *watch)
{
    server_statistics_end(watch->look, END_TIMEOUT_MS);
    watch->look = NULL;
}

static enum fault start_look(struct database_watch *watch)
{
    const struct config *config = watch->config;
    char *url = NULL;
    const char *flaw;
    enum fault fault = FAULT_NONE;
    watch->next_look_ns = 0;
    /* As it is now: it may have come late, or been changed. */
    if (*config->database_url_file != '\0')
        fault = database_url_file_read(config->database_url_file, &url, &flaw);
    if (!fault)
        fault =
            server_statistics_start(url == NULL ? config->database_url : url, LOOK_TIMEOUT_MS, &watch->look);
    free(url);
    return fault;
}

enum fault database_watch_ask(void *argument, struct database_question *question)
{
    struct database_watch *watch = argument;
    enum fault fault = watch->look == NULL ? start_look(watch) : FAULT_NONE;
    if (fault) return fault;
    question->next = watch->questions;
    watch->questions = question;
    return FAULT_NONE;
}

static void remove_question(struct database_question **list, const struct database_question *question)
{
    while (*list != NULL && *list != question)
        list = &(*list)->next;
    if (*list != NULL) *list = question->next;
}

void database_watch_abandon(void *argument, struct database_question *question)
{
    struct database_watch *watch = argument;
    remove_question(&watch->questions, question);
    remove_question(&watch->answered, question);
}

static void add_worker(const struct worker_counters *worker, unsigned statement,
                       struct statement_figures *figures)
{
    if (!atomic_load_explicit(&worker->is_running, memory_order_acquire)) return;
    struct histogram_counts counts = {0};
    histogram_read(&worker->database->operations[statement], &counts);
    figures->calls += histogram_count(&counts);
    figures->answer_us += counts.sum_us;
    figures->queue_us += atomic_load_explicit(&worker->database->queue_us[statement], memory_order_relaxed);
}

static void read_figures(const struct database_watch *watch, const struct server_statistics_answer *answer,
                         struct statement_figures figures[POSTGRES_STATEMENTS_MAX])
{
    for (unsigned i = 0; postgres_statement_name(i) != NULL; i++) {
        figures[i] = (struct statement_figures){.server = answer->statements[i]};
        for (size_t worker = 0; worker < watch->observation->count; worker++)
            add_worker(&watch->observation->workers[worker], i, &figures[i]);
    }
}

/* The mean over the workers. */
static uint64_t round_trip_ns(const struct observation *observation)
{
    uint64_t sum_ns = 0, count = 0;
    for (size_t i = 0; i < observation->count; i++) {
        const struct worker_counters *worker = &observation->workers[i];
        if (!atomic_load_explicit(&worker->is_running, memory_order_acquire)) continue;
        sum_ns += atomic_load_explicit(&worker->database->round_trip_ns, memory_order_relaxed);
        count++;
    }
    return count == 0 ? 0 : sum_ns / count;
}

/* 0 where a figure went down. */
static uint64_t growth(uint64_t first, uint64_t now)
{
    return now > first ? now - first : 0;
}

static struct statement_report compare(const struct statement_figures *first,
                                       const struct statement_figures *now)
{
    double server_ms = now->server.total_ms - first->server.total_ms;
    return (struct statement_report){
        .client_calls = growth(first->calls, now->calls),
        .client_us = growth(first->answer_us, now->answer_us),
        .queue_us = growth(first->queue_us, now->queue_us),
        .server_calls = growth(first->server.calls, now->server.calls),
        .server_ms = server_ms > 0 ? server_ms : 0,
    };
}

/* Has somebody reset the database's figures since the latest look? They are smaller than they were. */
static bool note_server(struct database_watch *watch, const struct statement_figures *figures)
{
    bool is_reset = false;
    for (unsigned i = 0; postgres_statement_name(i) != NULL; i++) {
        const struct server_statement *now = &figures[i].server, *before = &watch->latest[i];
        is_reset |= now->calls < before->calls || now->total_ms < before->total_ms;
        watch->latest[i] = *now;
    }
    return is_reset;
}

static void begin(struct database_watch *watch, const struct statement_figures *figures)
{
    for (unsigned i = 0; postgres_statement_name(i) != NULL; i++)
        watch->first[i] = figures[i];
    watch->begun_us = clock_wall_us();
    watch->has_begun = true;
}

/* Whoever is told may ask again: that is for the next look. Meanwhile others may leave. */
static void tell(struct database_watch *watch, const struct database_report *all)
{
    struct database_question *question;
    watch->answered = watch->questions;
    watch->questions = NULL;
    while ((question = watch->answered) != NULL) {
        watch->answered = question->next;
        question->done(question, FAULT_NONE, all);
    }
}

static void report(struct database_watch *watch, const struct statement_figures *figures, const char *absence)
{
    struct statement_report reports[POSTGRES_STATEMENTS_MAX];
    struct database_report all = {
        .statements = reports, .since_us = absence == NULL ? watch->begun_us : 0, .absence = absence};
    uint64_t trip_ns = round_trip_ns(watch->observation);
    for (unsigned i = 0; postgres_statement_name(i) != NULL; i++) {
        static const struct statement_figures nothing;
        reports[i] = compare(absence == NULL ? &watch->first[i] : &nothing, &figures[i]);
        reports[i].name = postgres_statement_name(i);
        reports[i].round_trip_ns = trip_ns;
        reports[i].has_server = absence == NULL;
        all.count++;
    }
    tell(watch, &all);
}

static void take_answer(struct database_watch *watch, const struct server_statistics_answer *answer)
{
    struct statement_figures figures[POSTGRES_STATEMENTS_MAX] = {0};
    const char *absence = answer->fault ? answer->absence : NULL;
    read_figures(watch, answer, figures);
    if (!answer->fault && note_server(watch, figures) && watch->has_begun) {
        absence = "The database's figures have been reset: the comparison begins anew now.";
        watch->has_begun = false;
    } else if (!answer->fault && !watch->has_begun) {
        absence = "The comparison begins now.";
    }
    if (!answer->fault && !watch->has_begun) begin(watch, figures);
    if (watch->questions != NULL) report(watch, figures, absence);
}

void database_watch_tick(struct database_watch *watch, uint64_t now_ns)
{
    if (watch->look == NULL) {
        if (watch->next_look_ns != 0 && now_ns >= watch->next_look_ns) (void)start_look(watch);
        return;
    }
    const struct server_statistics_answer *answer = server_statistics_poll(watch->look);
    if (answer == NULL) return;
    struct server_statistics *look = watch->look;
    watch->look = NULL; /* whoever is answered may ask again */
    take_answer(watch, answer);
    server_statistics_let_go(look);
}

uint64_t database_watch_wake_ns(const struct database_watch *watch, uint64_t now_ns)
{
    return watch->look != NULL ? now_ns + POLL_NS : watch->next_look_ns;
}
