/*
 * Compares what the workers know of their statements with what the database knows: the asking behind
 * GET /debug/database. Both are counted from one moment on, about a second after the start, so that the
 * two means are of the same executions. Belongs to the admin's thread.
 */
#pragma once

#include "operations/debug_routes.h"
#include "postgres/server_statistics.h"
#include "service/config.h"
#include "service/observation.h"

#include <stdbool.h>
#include <stdint.h>

/* A statement's figures, as of one moment. */
struct statement_figures {
    uint64_t calls, answer_us, queue_us; /* the workers' */
    struct server_statement server;
};

struct database_watch {
    const struct config *config;
    const struct observation *observation;
    struct server_statistics *look;      /* under way, or NULL */
    struct database_question *questions; /* that it is for; none: for the beginning of the comparison */
    struct database_question *answered;  /* whose turn is next, while a report is told */
    bool has_begun;
    int64_t begun_us; /* wall clock */
    struct statement_figures first[POSTGRES_STATEMENTS_MAX];
    struct server_statement latest[POSTGRES_STATEMENTS_MAX]; /* the database's, at the latest look */
    uint64_t next_look_ns;                                   /* when to begin, or to try again */
};

/* Both are borrowed. */
void database_watch_init(struct database_watch *watch, const struct config *config,
                         const struct observation *observation);

/* Waits for a look that is under way, for a fifth of a second at most: no thread should outlive the watch. */
void database_watch_release(struct database_watch *watch);

/* For struct debug_services; argument is the watch. */
enum fault database_watch_ask(void *argument, struct database_question *question);
void database_watch_abandon(void *argument, struct database_question *question);

/* Looks whether an answer has come. Once per turn of the loop. */
void database_watch_tick(struct database_watch *watch, uint64_t now_ns);

/* When tick must be called at the latest; 0: never. */
uint64_t database_watch_wake_ns(const struct database_watch *watch, uint64_t now_ns);
