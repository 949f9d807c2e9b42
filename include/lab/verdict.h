/*
 * Does the serializer, and with it the language, matter here? Judged from ledgers; the formulas, their
 * reasons and their limits are in docs/verdict.md. Pure: numbers in, numbers out.
 */
#pragma once

#include "base/ledger_profile.h"

#include <stdbool.h>
#include <stdint.h>

/* A share of latency or capacity below which a choice "does not matter"; and the one of the latency limit. */
#define VERDICT_MATTERS    0.05
#define VERDICT_NEGLIGIBLE 0.01

/*
 * Queries that keep connections busy for at most so long per request are packed on few of them: what they
 * take alone says how many requests/s the connections can carry at least, and does not bind.
 */
#define VERDICT_PACKED_NS (1.0 * NS_PER_MS)

/*
 * A loop that is less busy spends far more on a request, for it wakes up for each: what it allows cannot be
 * told from that. And what is used less binds nothing.
 */
#define VERDICT_BUSY_MIN 0.10

/*
 * While the loops are busier than this, results lie on their connections until a loop has time for them:
 * how long a query keeps its connection busy then says nothing about the database.
 */
#define VERDICT_BUSY_MAX 0.50

/* With fewer requests a verdict is preliminary. */
#define VERDICT_REQUESTS_MIN 20

/* What the process has, and how busy it was over the last seconds. */
struct verdict_machine {
    unsigned loops;          /* workers */
    unsigned cpus;           /* that the process may use */
    unsigned connections;    /* to the database, of all workers */
    bool is_blocking;        /* a loop waits for the database: --db-mode blocking */
    double seconds;          /* over which the following was measured; 0: nothing is known */
    double request_rate;     /* requests per second */
    double loops_busy;       /* share of the loops' time in which they did not wait for events, 0 to 1 */
    double cpus_busy;        /* CPU time of the process as a share of what cpus have, 0 to 1 */
    double connections_busy; /* share of the connections' time with a query on them, 0 to 1 */
    /*
     * Elapsed time of a loop per request beside parsing, serialization and (blocking) waiting for the
     * database; up to 0: unknown.
     */
    double fixed_loop_ns;
    /* CPU time per time that a loop is busy: less than 1 where others use the processors; 0: unknown. */
    double cpu_per_loop;
};

enum verdict_resource { VERDICT_CONNECTIONS, VERDICT_CPU, VERDICT_LOOPS, VERDICT_RESOURCE_COUNT };

/* Where the time goes at one quantile. The first three shares sum to 1, or are 0 when the total is. */
struct verdict_split {
    struct ledger_mean ledger;
    double database_share; /* db / total */
    double queue_share;    /* queue / total: waiting to be sent */
    double cpu_share;      /* the rest: CPU, waiting for one's turn on it, and a slow client's network */
    double json_share;     /* json / total, a part of cpu_share: what free serialization would take away */
    double free_total_ns;  /* the total if serialization took no time */
};

/* What limits the request rate, if all requests were like these. */
struct verdict_capacity {
    double bounds[VERDICT_RESOURCE_COUNT]; /* requests/s when each is used up; 0: unknown, or not used */
    enum verdict_resource binding;         /* of the known ones that bind, the first to be used up */
    double rate;                           /* requests/s: its bound; 0: none is known, and binding nothing */
};

/* About one route or experiment. */
struct verdict {
    uint64_t requests;             /* how many ledgers it rests on */
    bool is_preliminary;           /* they are few */
    bool is_blocking;              /* as the machine's: requests wait behind loops that wait */
    struct verdict_split p50, p99; /* at the median, and at the slowest hundredth */
    double json_ns;                /* mean per request */
    double cpu_ns;                 /* CPU time: fixed, parsing and serialization; 0: unknown */
    struct verdict_capacity capacity, capacity_free; /* as it is, and with free serialization */
    double latency_limit_ns; /* database time above which free serialization changes < 1 %; 0 when blocking */
    bool matters;            /* free serialization changes p50 or capacity by 5 % or more */
};

/* The ledgers that a verdict is made of. */
struct verdict_ledgers {
    struct ledger_mean mean; /* of all */
    struct ledger_mean p50, p99;
};

/* ledgers->mean must be of at least one request. */
void verdict_of(const struct verdict_machine *machine, const struct verdict_ledgers *ledgers,
                struct verdict *ret_verdict);

/* The same from a profile. False when it is empty, or without times, as in a build without ledger. */
bool verdict_judge(const struct verdict_machine *machine, const struct ledger_profile *profile,
                   struct verdict *ret_verdict);

/* The resource that is the busiest now. */
struct verdict_binding {
    enum verdict_resource resource;
    double utilization;  /* the share of it that is in use, 0 to 1 */
    double request_rate; /* at which it is used up, with requests as they come now; 0: it is hardly in use */
};

/* False: nothing is known, for nothing was measured or nothing was asked. */
bool verdict_binding_now(const struct verdict_machine *machine, struct verdict_binding *ret_binding);

/* "database connections", "CPU", "loops". */
const char *verdict_resource_name(enum verdict_resource resource);
