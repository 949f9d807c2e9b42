/*
 * Where one request's time went: nanoseconds per phase.
 *
 * A request is in exactly one phase at any time, and entering the next one books the time since the
 * last change under the one that ends. So the phases always sum to the total, on every path, without
 * anybody adding them up. Times that run backwards (a shared reading of the clock may be a little older
 * than the last one) count as no time. Belongs to one thread; no allocation, no lock.
 *
 * With the build option ledger=false nothing is booked: for measuring what the ledger costs.
 */
#pragma once

#include "base/clock.h"

#include <stdint.h>

enum phase {
    PHASE_READ,  /* first byte of the request → head and body complete */
    PHASE_PARSE, /* bytes → domain values: the request's body, and the rows of a result */
    PHASE_QUEUE, /* handed to the repository → written to a connection's socket */
    PHASE_DB,    /* written → its result has come: wire, server, and what stood before it */
    PHASE_JSON,  /* domain values → bytes of the response */
    PHASE_SEND,  /* response queued → last byte taken by the kernel */
    PHASE_OTHER, /* the rest: routing, and waiting for its turn in the loop */
    PHASE_COUNT
};

struct ledger {
    uint64_t started_ns;            /* first byte; monotonic; 0: not started */
    uint64_t since_ns;              /* when the current phase began */
    uint64_t spent_ns[PHASE_COUNT]; /* of the phases that have ended */
    enum phase phase;               /* the current one */
    /*
     * Beside the phases: how long its queries kept a connection busy. That is the time since the connection's
     * last answer, or since it was idle; of queries whose answers come together, the first has all of it.
     */
    uint64_t connection_ns;
};

/* Begins with PHASE_READ. The ledger must be zeroed. */
static inline void ledger_start(struct ledger *ledger, uint64_t now_ns)
{
    ledger->started_ns = ledger->since_ns = now_ns;
}

/* Ends the current phase and begins another one, or the same anew. Does nothing before ledger_start. */
static inline void ledger_enter_at(struct ledger *ledger, enum phase phase, uint64_t now_ns)
{
    if (!SPLITS_LEDGER || ledger->started_ns == 0) return;
    if (now_ns > ledger->since_ns) {
        ledger->spent_ns[ledger->phase] += now_ns - ledger->since_ns;
        ledger->since_ns = now_ns;
    }
    ledger->phase = phase;
}

/* The same, now; costs a reading of the clock unless the phase is the current one already. */
static inline void ledger_enter(struct ledger *ledger, enum phase phase)
{
    if (SPLITS_LEDGER && ledger->phase != phase) ledger_enter_at(ledger, phase, clock_now_ns());
}

/* From the first byte to the end of the last phase that has ended: the sum of spent_ns. */
static inline uint64_t ledger_total_ns(const struct ledger *ledger)
{
    return ledger->since_ns - ledger->started_ns;
}

/* total − db − queue: what the request cost beside the database and the wait for it. */
static inline uint64_t ledger_overhead_ns(const struct ledger *ledger)
{
    return ledger_total_ns(ledger) - ledger->spent_ns[PHASE_DB] - ledger->spent_ns[PHASE_QUEUE];
}

/* "read", "parse", "queue", "db", "json", "send", "other". */
const char *phase_name(enum phase phase);
