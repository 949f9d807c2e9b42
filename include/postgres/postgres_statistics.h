/*
 * What a store's connections and queries came to. The worker counts; any thread reads, without a lock.
 */
#pragma once

#include "base/histogram.h"

#include <stdatomic.h>
#include <stdint.h>

#define POSTGRES_STATEMENTS_MAX 16

struct postgres_statistics {
    struct histogram wait;                                /* a query in the queue; before every sending */
    struct histogram create;                              /* a connection from its start to its use */
    struct histogram operations[POSTGRES_STATEMENTS_MAX]; /* by statement: from written to answered */
    atomic_uint_fast64_t
        queue_us[POSTGRES_STATEMENTS_MAX]; /* by statement: time in the queue, of those answered */
    atomic_uint_fast64_t timeouts;         /* queries that waited for a connection for too long */
    atomic_uint_fast64_t rejected;         /* queries refused because the queue was full */
    atomic_uint_fast64_t lost;             /* connections lost */
    atomic_uint_fast64_t busy_us;          /* of all connections: time with a query on them */
    atomic_uint_fast64_t round_trip_ns;    /* to the database and back, at present */
    atomic_uint used, idle; /* connections that are up, at present: with and without queries on them */
    atomic_uint pending;    /* queries in the queue, at present */
    unsigned connections_max, pending_max; /* the bounds of used + idle, and of pending; for ever */
};

/* Names of the statements, by index; NULL behind the last. */
const char *postgres_statement_name(unsigned index);
