/*
 * A server's state, shared by its parts: server.c (life, and what the worker calls), request_cycle.c
 * (a request from the socket to its answer) and deadlines.c (clients that are late, or gone).
 */
#pragma once

#include "base/event_loop.h"
#include "http/connection.h"
#include "http/exchange.h"
#include "http/lingering.h"
#include "http/request_id.h"
#include "http/server.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server {
    struct server_config config;
    struct head_limits head_limits;
    struct MHD_Daemon *daemon;
    bool library_is_due; /* it has more to do at once */
    bool is_closing;     /* answers end their connections */
    bool is_stopping;    /* nothing new is begun */
    uint64_t now_ns;
    unsigned connections;
    struct exchange *free_exchanges;
    unsigned free_count;
    struct connection_list lists[WAIT_COUNT];
    struct lingering_list lingering;
    struct request_ids ids;
};

/* The worker's time may be older than that of the loop's latest turn, or of a socket that was handed over. */
static inline void server_advance(struct server *server, uint64_t now_ns)
{
    if (now_ns > server->now_ns) server->now_ns = now_ns;
}
