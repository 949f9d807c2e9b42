/*
 * One of a set's connections through its whole life: down, connecting, up, lost, and again.
 */
#pragma once

#include "base/event_loop.h"
#include "postgres/connector.h"
#include "postgres/pipeline.h"

#include <stdbool.h>
#include <stdint.h>

enum slot_state {
    SLOT_DOWN, /* waits until retry_ns */
    SLOT_CONNECTING,
    SLOT_UP
};

struct slot {
    struct event_source source; /* on the socket of the connector or of the pipeline */
    uint32_t watched_events;    /* 0: not watched */
    int watched_socket;
    struct connection_set *set;
    enum slot_state state;
    struct connector connector;
    struct pipeline pipeline;
    uint64_t retry_ns;   /* when to connect next */
    uint64_t started_ns; /* when it began to connect */
    unsigned failures;   /* since it was last up */
};

/*
 * Watches socket for events; a socket of -1 watches nothing. libpq may close a socket and open another
 * one under the same number while it connects: is_new says that it may have.
 */
void slot_watch(struct slot *slot, struct event_loop *loop, int socket, uint32_t events, bool is_new);

/* How long a slot that has failed so often waits: doubling from 25 ms to most_ns, with jitter. */
uint64_t slot_backoff_ns(unsigned failures, uint64_t most_ns, uint64_t random);
