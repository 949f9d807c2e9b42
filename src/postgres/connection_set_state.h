/*
 * A connection set's state, shared by its parts: connection_set.c (the queries, and where they go),
 * connection_queue.c (those that wait) and connection_upkeep.c (the connections: opening, watching, losing,
 * replacing).
 */
#pragma once

#include "postgres/connection_set.h"
#include "postgres/db_target.h"
#include "postgres/query_queue.h"
#include "postgres/slot.h"
#include "postgres/statistics.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct connection_set {
    const struct postgres_config *config;
    struct pipeline_owner owner;
    struct db_target target;
    struct slot *slots;
    struct pollfd *polled; /* blocking mode: one for each slot */
    unsigned slot_count, up_count;
    struct query_queue queues[QUERY_QUEUE_COUNT];
    unsigned queued;
    uint64_t expected_ns[STATEMENT_COUNT]; /* a statement's own time */
    uint64_t round_trip_ns;                /* to the database and back */
    bool knows_round_trip;                 /* from a ping, since the first connection is up again */
    uint64_t now_ns;                       /* as of the latest call with a time */
    uint64_t maintenance_ns;               /* when it is due */
    uint64_t pinged_ns;
    unsigned ping_next; /* slot to ping next */
    uint64_t random;
    uint64_t replaced_ns;            /* when all connections were last retired */
    uint64_t creates_alone_until_ns; /* somebody holds an address: his are not to wait in company */
    bool is_suspect;                 /* a ping was not answered: all idle connections are asked */
    bool is_waiting;                 /* blocking mode: somebody up the stack waits already */
    enum fault fault;                /* why nothing is up; NONE: something is, or is about to be again */
    bool outage_is_logged;
    uint64_t logged_ns;
    int64_t schema_told;  /* the newer version that was logged */
    int64_t allowed_told; /* the number of connections that was logged as too small */
    struct statistics statistics;
};

/* The caller's time may be older than an event's that came in between. */
static inline void connection_set_advance(struct connection_set *set, uint64_t now_ns)
{
    if (now_ns > set->now_ns) set->now_ns = now_ns;
}
