/*
 * Clients that are late, and clients that are gone.
 */
#pragma once

#include "http/server_state.h"

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
