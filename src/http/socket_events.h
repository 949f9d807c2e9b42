/*
 * The events of the library's sockets, which the program knows before the library does.
 *
 * libmicrohttpd watches its sockets in an epoll set of its own. The gate (socket_input.h) reads them in its
 * stead, so the worker's loop watches them itself, and the library has nothing to do with a connection before
 * there is an answer to send. So the program has an epoll_ctl and an epoll_wait of its own, as it has a recv:
 * in the library's set no socket is ever watched, and what the library finds ready there is what the gate
 * says is. Every other epoll set is the kernel's.
 *
 * A request thus costs the library one run, whatever the time that its answer takes, and a connection that
 * waits costs it nothing: docs/decisions/0002.
 */
#pragma once

#include "http/connection.h"

#include <stdbool.h>
#include <stdint.h>

/* From now on this epoll set of the calling thread's library is not the kernel's. */
void socket_events_use(int epoll);
void socket_events_end(void);

/* The library's next run finds connection's socket ready for these: EPOLLIN, EPOLLOUT. */
void socket_events_give(struct connection *connection, uint32_t events);

/* Is there anything that the library has not been told yet? */
bool socket_events_are_pending(void);

/* connection is about to be freed. */
void socket_events_forget(struct connection *connection);
