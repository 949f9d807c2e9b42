/*
 * What the parts of a server share: server.c (life, and what the worker calls), request_cycle.c (a
 * request from the socket to its answer) and deadlines.c (clients that are late, or gone).
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
#include <sys/types.h>

struct server {
    struct server_config config;
    struct head_limits head_limits;
    struct MHD_Daemon *daemon;
    struct event_source source; /* the library's own epoll set */
    bool is_ready;              /* it has events */
    bool is_closing;
    uint64_t now_ns;
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

/* ---- request_cycle.c ---- */

/* The library's callbacks; argument is the server. */
enum MHD_Result request_cycle_handle(void *argument, struct MHD_Connection *library, const char *url,
                                     const char *method, const char *version, const char *upload,
                                     size_t *upload_size, void **context);
void request_cycle_complete(void *argument, struct MHD_Connection *library, void **context,
                            enum MHD_RequestTerminationCode code);

/* The gate's reader; see socket_input.h. */
ssize_t request_cycle_read(struct connection *connection, char *buffer, size_t size);

/* Gives up connection's exchange, answered or not; is_sent: the answer has gone out whole. */
void request_cycle_end(struct connection *connection, bool is_sent);

/* Takes the handler's request away from it and answers with fault. */
void request_cycle_answer(struct connection *connection, enum fault fault);

/* Wakes the library's side of a connection whose request waits; harmless when it is awake. */
void request_cycle_resume(struct connection *connection);

/* ---- deadlines.c ---- */

/* connection waits for something else from now on; nothing when it waits for that already. */
void deadlines_wait_for(struct connection *connection, enum connection_wait wait);

/* Ends the waits whose time is over. */
void deadlines_expire(struct server *server);

/* The client has sent its FIN or RST; an event source's callback. */
void deadlines_client_left(struct event_source *source, uint32_t events);

/* A half-closed connection may have nothing left to answer: it is looked at after the library has read. */
void deadlines_look_again(struct connection *connection);

/* Looks at them. */
void deadlines_close_half_closed(struct server *server);

/* connection is about to be freed. */
void deadlines_forget(struct connection *connection);
