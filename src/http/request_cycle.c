#include "http/request_cycle.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/access_log.h"
#include "http/answer.h"
#include "http/deadlines.h"
#include "http/socket_events.h"
#include "http/socket_input.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define FREE_EXCHANGES_MAX 128

/* ---- exchanges ---- */

static struct exchange *take_exchange(struct server *server, struct connection *connection)
{
    struct exchange *exchange = server->free_exchanges;
    if (exchange != NULL) {
        server->free_exchanges = exchange->next;
        server->free_count--;
    } else {
        exchange = malloc(sizeof *exchange);
    }
    if (exchange != NULL) exchange_init(exchange, connection, &server->head_limits);
    return exchange;
}

static void give_exchange(struct server *server, struct exchange *exchange)
{
    exchange_release(exchange);
    if (server->free_count >= FREE_EXCHANGES_MAX) {
        free(exchange);
        return;
    }
    exchange->next = server->free_exchanges;
    server->free_exchanges = exchange;
    server->free_count++;
}

/* Everybody who wants to know gets the same, complete ledger. */
static void tell_end(struct server *server, struct exchange *exchange, bool is_sent)
{
    struct request *request = &exchange->request;
    const struct server_observer *observer = &server->config.observer;
    ledger_enter_at(&request->ledger, PHASE_OTHER, clock_now_ns());
    if (observer->request_ended != NULL) observer->request_ended(observer->argument, request);
    if (request->ended != NULL) request->ended(request);
    access_log_write(server->config.access_log, exchange, is_sent);
}

/* The request is over, answered or not. */
void request_cycle_end(struct connection *connection, bool is_sent)
{
    struct server *server = connection->server;
    struct exchange *exchange = connection->exchange;
    if (exchange == NULL) return;
    struct request *request = &exchange->request;
    if (exchange->phase == EXCHANGE_HANDLED && request->abandon != NULL) request->abandon(request);
    if (exchange->phase >= EXCHANGE_HANDLED) tell_end(server, exchange, is_sent);
    connection->freed_ns = request->ledger.since_ns;
    connection->exchange = NULL;
    give_exchange(server, exchange);
}

/* ---- answers ---- */

/* Only now the library has something to do. */
static void answered(struct request *request)
{
    struct exchange *exchange = (struct exchange *)request;
    assert(exchange->phase == EXCHANGE_HANDLED);
    ledger_enter(&request->ledger, PHASE_OTHER);
    exchange->phase = EXCHANGE_ANSWERED;
    request->abandon = NULL;
    socket_events_give(exchange->connection, EPOLLIN | EPOLLOUT);
}

void request_cycle_answer(struct connection *connection, enum fault fault)
{
    struct request *request = &connection->exchange->request;
    assert(connection->exchange->phase == EXCHANGE_HANDLED);
    if (request->abandon != NULL) request->abandon(request);
    request->abandon = NULL;
    response_problem(request, fault, NULL, NULL, 0);
}

/*
 * Closing a socket that the client has sent something to which was not read resets it, and the reset may
 * overtake the answer: a duplicate outlives the library's descriptor and reads on.
 */
static void let_linger(struct server *server, const struct connection *connection)
{
    int duplicate = fcntl(connection->socket, F_DUPFD_CLOEXEC, 0);
    if (duplicate >= 0) lingering_add(&server->lingering, server->config.loop, duplicate, server->now_ns);
}

static enum MHD_Result queue_answer(struct server *server, struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    bool close = !exchange->keeps_alive || server->is_closing;
    connection->is_ended = close;
    exchange->phase = EXCHANGE_SENDING;
    ledger_enter(&exchange->request.ledger, PHASE_SEND);
    deadlines_wait_for(connection, WAIT_SEND);
    bool is_client_surprised = exchange->keeps_alive || exchange->refusal != FAULT_NONE;
    if (close && is_client_surprised) let_linger(server, connection);
    return answer_queue(exchange, connection->library, close);
}

static void handle_request(struct server *server, struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct request *request = &exchange->request;
    exchange->phase = EXCHANGE_HANDLED;
    ledger_enter(&request->ledger, PHASE_OTHER);
    deadlines_wait_for(connection, WAIT_ANSWER);
    request->answered = answered;
    request->shows_timing = server->config.server_timing;
    request->deadline_ns = server->now_ns + server->config.limits.request_timeout_ns;
    request_id_set(request, &server->ids);
    enum fault fault = exchange->refusal;
    if (!fault) fault = router_dispatch(server->config.router, request);
    if (fault) response_problem(request, fault, NULL, NULL, 0);
}

/* ---- the client's side ---- */

/* The library closes the connection. */
static void end_input(struct connection *connection)
{
    connection->is_ended = true;
    socket_events_give(connection, EPOLLIN);
}

static void send_continue(struct connection *connection)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    connection->exchange->wants_continue = false;
    /* Seldom is anything else under way to this client, so the socket has room. If not, it waits in vain. */
    ssize_t size = send(connection->socket, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0 && (size_t)size < sizeof text - 1) end_input(connection);
}

/* Behind a FIN nothing can come any more: what is incomplete will never be complete. */
static void need_more(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    connection->may_be_read = false;
    if (connection->is_half_closed) {
        end_input(connection);
    } else if (exchange_is_begun(exchange)) {
        deadlines_wait_for(connection, exchange->phase == EXCHANGE_READING_BODY ? WAIT_BODY : WAIT_HEAD);
        if (exchange->wants_continue && exchange->phase == EXCHANGE_READING_BODY) send_continue(connection);
    } else {
        connection->exchange = NULL;
        give_exchange(connection->server, exchange);
    }
}

/*
 * The loop asks for events before it turns to the sockets, so the first byte had come by then, and has waited
 * since; unless the client sent it after the answer to its last request, or together with that.
 */
static void start_ledger(struct connection *connection, bool is_handed_over)
{
    const struct event_loop_times *times = event_loop_times(connection->server->config.loop);
    bool has_waited = is_handed_over || connection->freed_ns > times->woken_ns;
    ledger_start(&connection->exchange->request.ledger, has_waited ? connection->freed_ns : times->woken_ns);
}

void request_cycle_proceed(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->exchange == NULL) connection->exchange = take_exchange(server, connection);
    struct exchange *exchange = connection->exchange;
    if (exchange == NULL) {
        end_input(connection);
        return;
    }
    bool is_handed_over = exchange_is_begun(exchange);
    enum exchange_outcome outcome = exchange_read(exchange, connection->socket, &server->config.limits);
    if (exchange->request.ledger.started_ns == 0 && exchange_is_begun(exchange))
        start_ledger(connection, is_handed_over);
    switch (outcome) {
    case EXCHANGE_COMPLETE:
        /* After a short read no more is there: what comes from then on is told as another event. */
        connection->may_be_read = exchange->may_have_more || connection->is_half_closed;
        handle_request(server, connection);
        break;
    case EXCHANGE_CLOSED:
        end_input(connection);
        break;
    case EXCHANGE_NEEDS_MORE:
        need_more(connection);
        break;
    }
}

void request_cycle_ready(struct event_source *source, uint32_t events)
{
    struct connection *connection = (struct connection *)source;
    struct server *server = connection->server;
    bool is_under_way = connection->exchange != NULL && connection->exchange->phase >= EXCHANGE_READ;
    server_advance(server, event_loop_times(server->config.loop)->woken_ns);
    connection->may_be_read |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    connection->is_half_closed |= (events & EPOLLRDHUP) != 0;
    connection->is_gone |= (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (!is_under_way) {
        if (connection->may_be_read && !connection->is_ended) request_cycle_proceed(connection);
        if (connection->is_gone && !connection->is_ended) end_input(connection);
    } else if (connection->exchange->phase == EXCHANGE_SENDING) {
        socket_events_give(connection, EPOLLOUT); /* by writing the library finds out if the client is gone */
    } else if (connection->is_gone) {
        socket_events_give(connection, EPOLLIN);
    }
}

void request_cycle_refuse(struct connection *connection, enum fault fault)
{
    exchange_refuse(connection->exchange, fault);
    handle_request(connection->server, connection);
}

/* ---- called by the library ---- */

static struct connection *connection_of(struct MHD_Connection *library)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

/* Answering in the first of a request's two calls would close the connection. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are the library's */
enum MHD_Result request_cycle_handle(void *argument, struct MHD_Connection *library, const char *url,
                                     const char *method, const char *version, const char *upload,
                                     size_t *upload_size, void **context)
{
    struct server *server = argument;
    (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
    if (*context == NULL) {
        *context = connection_of(library);
        return MHD_YES;
    }
    struct connection *connection = *context;
    struct exchange *exchange = connection->exchange;
    if (exchange == NULL || !exchange->is_passed_on) {
        log_event(LOG_LEVEL_ERROR, "request_bypassed_gate");
        return MHD_NO;
    }
    return queue_answer(server, connection);
}

/*
 * What has been read behind the request begins the next one; NULL when there is nothing. Without memory for
 * it the connection ends: whatever follows in the socket is no beginning.
 */
static struct exchange *take_rest(struct server *server, struct connection *connection)
{
    if (!exchange_has_more(connection->exchange)) return NULL;
    struct exchange *next = take_exchange(server, connection);
    if (next == NULL || exchange_hand_over(connection->exchange, next)) {
        if (next != NULL) give_exchange(server, next);
        end_input(connection);
        return NULL;
    }
    /* It may be complete without another read, which would show whether there is more. */
    next->may_have_more = connection->may_be_read;
    return next;
}

/* The answer is sent, or the connection lost. What the client has sent behind the request begins the next
 * one. */
void request_cycle_complete(void *argument, struct MHD_Connection *library, void **context,
                            enum MHD_RequestTerminationCode code)
{
    struct server *server = argument;
    struct connection *connection = *context;
    (void)library;
    if (connection == NULL || connection->exchange == NULL) return;
    bool is_sent = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    bool goes_on = is_sent && !connection->is_ended && !server->is_stopping;
    struct exchange *next = goes_on ? take_rest(server, connection) : NULL;
    request_cycle_end(connection, is_sent);
    connection->exchange = next;
    connection_wait_for(server->lists, connection, next == NULL ? WAIT_IDLE : WAIT_HEAD, server->now_ns);
    if (goes_on && !connection->is_ended && (next != NULL || connection->may_be_read))
        request_cycle_proceed(connection);
}

/* The library's recv: it is told of a request when there is an answer to it, and of the end. */
ssize_t request_cycle_tell(struct connection *connection, char *buffer, size_t size)
{
    struct exchange *exchange = connection->exchange;
    bool is_answered = exchange != NULL && exchange->phase == EXCHANGE_ANSWERED && !exchange->is_passed_on;
    if (is_answered && !connection->is_gone) {
        exchange->is_passed_on = true;
        return (ssize_t)socket_input_write_request(exchange, buffer, size);
    }
    if (connection->is_gone || connection->is_ended || connection->server->is_stopping) return 0;
    errno = EAGAIN;
    return -1;
}
