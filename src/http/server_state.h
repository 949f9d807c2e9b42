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
    struct event_source source; /* the library's own epoll set */
    bool is_ready;              /* it has events */
    bool is_closing;   /* answers end their connections */
    bool is_stopping; /* nothing new is begun */
    uint64_t now_ns;
    uint64_t run_ns; /* when the library's run turned to the first socket; 0: not yet */
    unsigned connections;
    unsigned parked;           /* requests the library asks about on every run */
    unsigned unqueued;         /* answers it has not fetched yet */
    unsigned late_answers;     /* answers to parked requests fetched in this run */
    struct connection *adding; /* while the library takes a socket over */
    struct connection *to_close;
    struct exchange *free_exchanges;
    unsigned free_count;
    struct connection_list lists[WAIT_COUNT];
    struct lingering_list lingering;
    struct request_ids ids;
};
