#include "http/deadlines.h"

#include "http/request_cycle.h"

#include <sys/socket.h>

void deadlines_wait_for(struct connection *connection, enum connection_wait wait)
{
    struct server *server = connection->server;
    if (connection->wait != wait) connection_wait_for(server->lists, connection, wait, server->now_ns);
}

/* An answer that came in this very tick is still sent. */
static void answer_late(struct connection *connection)
{
    if (connection->exchange->phase == EXCHANGE_HANDLED)
        request_cycle_answer(connection, FAULT_REQUEST_TIMEOUT);
    else if (connection->exchange->phase != EXCHANGE_ANSWERED)
        (void)shutdown(connection->socket, SHUT_RDWR);
}

/* Bytes may be there that no event will tell of: those behind TCP's urgent mark, or of an event still to
 * come. */
static void close_idle(struct connection *connection)
{
    deadlines_wait_for(connection, WAIT_IDLE);
    if (!connection->is_ended) request_cycle_proceed(connection);
    if (connection->wait == WAIT_IDLE) (void)shutdown(connection->socket, SHUT_RDWR);
}

static void end_wait(struct connection *connection, enum connection_wait wait)
{
    switch (wait) {
    case WAIT_HEAD:
        request_cycle_refuse(connection, FAULT_HEAD_TIMEOUT);
        break;
    case WAIT_BODY:
        request_cycle_refuse(connection, FAULT_BODY_TIMEOUT);
        break;
    case WAIT_ANSWER:
        answer_late(connection);
        break;
    case WAIT_IDLE:
        close_idle(connection);
        break;
    case WAIT_SEND:
    case WAIT_COUNT:
        (void)shutdown(connection->socket, SHUT_RDWR);
        break;
    }
}

void deadlines_expire(struct server *server)
{
    for (enum connection_wait wait = 0; wait < WAIT_COUNT; wait++) {
        struct connection *connection;
        while ((connection = connection_list_late(&server->lists[wait], server->now_ns)) != NULL) {
            connection_wait_end(server->lists, connection);
            end_wait(connection, wait);
        }
    }
    lingering_expire(&server->lingering, server->now_ns);
}
