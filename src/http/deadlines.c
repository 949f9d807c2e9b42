#include "http/deadlines.h"

#include "http/request_cycle.h"

#include <sys/epoll.h>
#include <sys/socket.h>

void deadlines_wait_for(struct connection *connection, enum connection_wait wait)
{
    struct server *server = connection->server;
    if (connection->wait != wait) connection_wait_for(server->lists, connection, wait, server->now_ns);
}

/* ---- clients that leave ---- */

void deadlines_look_again(struct connection *connection)
{
    if (connection->is_to_close) return;
    connection->is_to_close = true;
    connection->next_to_close = connection->server->to_close;
    connection->server->to_close = connection;
}

void deadlines_forget(struct connection *connection)
{
    struct connection **at = &connection->server->to_close;
    connection_wait_end(connection->server->lists, connection);
    if (!connection->is_to_close) return;
    while (*at != connection)
        at = &(*at)->next_to_close;
    *at = connection->next_to_close;
}

/*
 * A FIN may come in the same packet as a request, and the client may still wait for the answer:
 * whether there is anything left to answer is looked at after the library has read. An incomplete
 * request will never be complete.
 */
void deadlines_client_left(struct event_source *source, uint32_t events)
{
    struct connection *connection = (struct connection *)source;
    connection->is_half_closed = true;
    deadlines_look_again(connection);
    connection->is_gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (connection->is_gone) request_cycle_resume(connection);
}

/* What came before the FIN: the library is about to read it. */
static bool is_to_be_read(const struct connection *connection)
{
    char byte;
    const struct exchange *exchange = connection->exchange;
    bool is_handed_over = exchange != NULL && exchange->request.ledger.started_ns == 0;
    return is_handed_over || recvfrom(connection->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) > 0;
}

void deadlines_close_half_closed(struct server *server)
{
    struct connection *connection;
    while ((connection = server->to_close) != NULL) {
        server->to_close = connection->next_to_close;
        connection->is_to_close = false;
        bool is_reading = connection->exchange == NULL || connection->exchange->phase < EXCHANGE_READ;
        if (is_reading && !is_to_be_read(connection)) (void)shutdown(connection->socket, SHUT_RDWR);
    }
}

/* ---- time ---- */

/* The library reads when it is resumed: that is how a connection is woken that nothing has come from. */
static void refuse_late(struct connection *connection, enum fault fault)
{
    exchange_refuse(connection->exchange, fault);
    MHD_suspend_connection(connection->library);
    connection->is_suspended = true;
    request_cycle_resume(connection);
    deadlines_wait_for(connection, WAIT_ANSWER);
}

/* An answer that came in this very tick is still sent. */
static void answer_late(struct connection *connection)
{
    if (connection->exchange->phase == EXCHANGE_HANDLED)
        request_cycle_answer(connection, FAULT_REQUEST_TIMEOUT);
    else if (connection->exchange->phase != EXCHANGE_ANSWERED)
        (void)shutdown(connection->socket, SHUT_RDWR);
}

/* Time is looked at before the sockets are read: after a long tick the next request may be there already. */
static void close_idle(struct connection *connection)
{
    if (is_to_be_read(connection))
        deadlines_wait_for(connection, WAIT_IDLE);
    else
        (void)shutdown(connection->socket, SHUT_RDWR);
}

static void end_wait(struct connection *connection, enum connection_wait wait)
{
    switch (wait) {
    case WAIT_HEAD:
        refuse_late(connection, FAULT_HEAD_TIMEOUT);
        break;
    case WAIT_BODY:
        refuse_late(connection, FAULT_BODY_TIMEOUT);
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
