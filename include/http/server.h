/*
 * One worker's HTTP side: connections, requests, deadlines, answers. The only place that includes
 * <microhttpd.h>, together with its private parts in src/http/.
 *
 * Everything here belongs to the worker's thread.
 */
#pragma once

#include "base/fault.h"
#include "http/router.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct event_loop;

struct server_limits {
    unsigned connections_max;    /* of this worker */
    size_t target_size_max;      /* bytes of the request target; beyond: 414 */
    size_t head_size_max;        /* bytes of request line and header fields; beyond: 431 */
    size_t body_size_max;        /* bytes of content; beyond: 413 */
    uint64_t idle_timeout_ns;    /* between requests; then the connection is closed */
    uint64_t head_timeout_ns;    /* first byte to end of head; then 408 */
    uint64_t body_timeout_ns;    /* end of head to end of body; then 408 */
    uint64_t request_timeout_ns; /* end of body to answer; then 504 */
    uint64_t send_timeout_ns;    /* answer to its last byte taken by the kernel; then closed */
};

enum access_log { ACCESS_LOG_OFF, ACCESS_LOG_ERRORS, ACCESS_LOG_ALL };

/* Who is told of every request that was answered, refused or given up, at its very end. */
struct server_observer {
    /* The ledger is complete; response.status 0: the client left before there was an answer. */
    void (*request_ended)(void *argument, const struct request *request); /* may be NULL */
    void *argument;
};

struct server_config {
    struct server_limits limits;
    enum access_log access_log; /* errors: 5xx but 501 and 505 */
    bool server_timing;         /* every answer carries Server-Timing: it discloses */
    struct server_observer observer;
    const struct router *router; /* borrowed */
    struct event_loop *loop;     /* borrowed */
};

/* FAULT_MEMORY, FAULT_INTERNAL when the library refuses to start. */
enum fault server_new(const struct server_config *config, struct server **ret_server);

/* Closes every connection, answered or not. Takes NULL. */
void server_free(struct server *server);

/* Takes over an accepted, non-blocking socket, also when it fails; a refused client is told 503. */
void server_add_connection(struct server *server, int socket);

/*
 * One turn: reads requests, calls handlers, sends what has been answered. Call it once per tick, and again
 * after answers came from elsewhere.
 */
void server_run(struct server *server, uint64_t now_ns);

/* True when server_run has something to do at once; else *ret_wake_ns is when it next has, 0 for never. */
bool server_is_due(const struct server *server, uint64_t *ret_wake_ns);

/* From now on every answer ends its connection; idle ones stay open. */
void server_end_keep_alive(struct server *server);

/* The same, and idle ones are closed after a moment. */
void server_close_connections(struct server *server, uint64_t now_ns);

unsigned server_connections(const struct server *server);
