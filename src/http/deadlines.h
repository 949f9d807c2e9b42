/*
 * Clients that are late.
 */
#pragma once

#include "http/server_state.h"

/* connection waits for something else from now on; nothing when it waits for that already. */
void deadlines_wait_for(struct connection *connection, enum connection_wait wait);

/* Ends the waits whose time is over. */
void deadlines_expire(struct server *server);
