/*
 * The resources /debug/slowest and /debug/database: for people with a question, on the admin listener.
 */
#pragma once

#include "http/router.h"
#include "operations/request_metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One statement as this process and the database saw it, since the same moment. */
struct statement_report {
    const char *name;       /* "user_find" */
    uint64_t client_calls;  /* answers that came */
    uint64_t client_us;     /* time from written to answered, of all of them */
    uint64_t queue_us;      /* time in the queue before that, of all of them */
    uint64_t round_trip_ns; /* to the database and back, at present */
    bool has_server;        /* the database tells: */
    uint64_t server_calls;  /* executions, by whomever */
    double server_ms;       /* time in the executor (and planner, where tracked), of all of them */
};

struct database_report {
    const struct statement_report *statements; /* borrowed until done returns */
    size_t count;
    int64_t since_us;    /* wall clock: what is compared happened since then; 0: unknown */
    const char *absence; /* why the database tells nothing: a sentence; NULL: it tells */
};

/* A question for a report; embedded in its asker until done is called, once, on the same thread. */
struct database_question {
    struct database_question *next; /* whoever is asked puts it on a list */
    void (*done)(struct database_question *question, enum fault fault, const struct database_report *report);
};

/* What the handlers need: the services of their route table. */
struct debug_services {
    struct request_metrics_group requests;
    /* Asks for a report, which may be shared by all who ask meanwhile. On a fault done is not called. */
    enum fault (*ask_database)(void *argument, struct database_question *question);
    /* Nobody waits any more: done will not be called. */
    void (*abandon_database)(void *argument, struct database_question *question);
    void *argument;
};

/*
 * GET /debug/slowest?limit=1…100 (20 without): the slowest requests of the last minutes with whole ledgers,
 * slowest first, and how each route's ledger changes from the median to the 99th percentile. All numbers are
 * integers; the phases, from read_ns to other_ns, sum to their total_ns.
 *
 *   {"requests":[{"total_ns":…,"read_ns":…,…,"other_ns":…,"method":"GET","route":"/users/{id}",
 *                 "status":200,"request_id":"…","ended_at":"…Z"}],
 *    "routes":[{"route":"/users/{id}","requests":…,
 *               "p50":{"total_ns":…,"read_ns":…,…,"other_ns":…},"p99":{…},
 *               "growth_ns":{"read":…,…,"other":…},"grew_most":"db"}]}
 *
 * growth_ns may be negative; grew_most is null when no phase grew. FAULT_VALIDATION names a parameter that is
 * unknown, repeated or out of range.
 *
 * GET /debug/database: each statement as this process and the database saw it, in microseconds per call.
 *
 *   {"since":"…Z","statements":[{"name":"user_find",
 *      "client":{"calls":…,"mean_us":…,"queue_mean_us":…},
 *      "server":{"calls":…,"mean_us":…},
 *      "split":{"execution_us":…,"wire_us":…,"wait_us":…},
 *      "note":"…"}],
 *    "absence":null}
 *
 * The split is of the client's mean, without the queue: execution is the server's mean, wire a round trip as
 * it is at present or what is left of the mean if that is less, wait the rest: behind other queries on its
 * connection, and for the worker's loop when that is busy. None is negative. note is there only when the
 * database counted other calls than this process. A mean without calls, server and split where there is none
 * to tell, and an unknown since are null; absence is a sentence when the database tells nothing. The faults
 * of ask_database.
 *
 * Ends with a NULL path.
 */
extern const struct route debug_routes[];
