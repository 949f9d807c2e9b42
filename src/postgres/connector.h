/*
 * Brings one connection up without blocking: connects, sets the session, reads the schema's version
 * and prepares the statements.
 */
#pragma once

#include "base/fault.h"
#include "postgres/db_target.h"
#include "postgres/postgres_user_store.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

enum connector_state {
    CONNECTOR_IDLE,
    CONNECTOR_CONNECTING, /* libpq's PQconnectPoll is at work */
    CONNECTOR_PREPARING,  /* the set-up pipeline is under way */
    CONNECTOR_UP,         /* the connection is ready to be taken */
    CONNECTOR_FAILED      /* fault and message say why; connector_stop closes what is left */
};

struct connector {
    const struct postgres_config *config; /* borrowed */
    struct db_target *target;             /* borrowed */
    enum connector_state state;
    PGconn *connection;
    uint32_t wanted_events;      /* EPOLLIN, EPOLLOUT: what to wait for on connector_socket */
    uint64_t deadline_ns;        /* failed if not up by then */
    unsigned syncs_left;         /* of the set-up pipeline */
    int64_t schema_version;      /* the newest applied migration; 0 none */
    int64_t connections_allowed; /* the server has so many for everybody */
    enum fault fault;            /* why it failed: DATABASE_UNAVAILABLE, SCHEMA_BEHIND, SCHEMA_UNKNOWN */
    char message[256];           /* the same for people, without secrets */
};

/* Starts; the state becomes CONNECTING or FAILED. target must be ready. */
void connector_start(struct connector *connector, const struct postgres_config *config,
                     struct db_target *target, uint64_t now_ns);

/* The socket to watch, which may change with every step; -1 for none. */
int connector_socket(const struct connector *connector);

/* Something of wanted_events happened on the socket. */
void connector_step(struct connector *connector);

/* FAILED when the deadline has passed; a host that has not answered by then is tried last from now on. */
void connector_check_deadline(struct connector *connector, uint64_t now_ns);

/* The connection, up, non-blocking and in pipeline mode; it is the caller's now. The state becomes IDLE. */
PGconn *connector_take(struct connector *connector);

/* Gives up whatever is under way, and closes its socket. The state becomes IDLE. */
void connector_stop(struct connector *connector);
