#include "http/request_cycle.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/access_log.h"
#include "http/answer.h"
#include "http/deadlines.h"
#include "http/socket_input.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

/*
 * A request that waits for its answer is parked: the library asks the handler again on every run. That is
 * cheaper than suspending for a short wait, and dearer for a long one, or for many.
 */
#define PARKED_NS_MAX      (2 * NS_PER_MS)
#define PARKED_COUNT_MAX   512

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
    if (exchange->phase == EXCHANGE_HANDLED && !connection->is_suspended) server->parked--;
    if (exchange->phase == EXCHANGE_ANSWERED) server->unqueued--;
    if (exchange->is_passed_on) tell_end(server, exchange, is_sent);
    connection->freed_ns = request->ledger.since_ns;
    connection->exchange = NULL;
    give_exchange(server, exchange);
}

/* ---- answers ---- */

/* Wakes the library's side, wherever it waits. */
void request_cycle_resume(struct connection *connection)
{
    if (!connection->is_suspended) return;
    connection->is_suspended = false;
    if (connection->exchange->phase == EXCHANGE_HANDLED) connection->server->parked++;
    MHD_resume_connection(connection->library);
    connection->server->is_ready = true;
}

static void answered(struct request *request)
{
    struct exchange *exchange = (struct exchange *)request;
    struct connection *connection = exchange->connection;
    struct server *server = connection->server;
    assert(exchange->phase == EXCHANGE_HANDLED);
    ledger_enter(&request->ledger, PHASE_OTHER);
    exchange->phase = EXCHANGE_ANSWERED;
    request->abandon = NULL;
    server->unqueued++;
    if (!connection->is_suspended) server->parked--;
    request_cycle_resume(connection);
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
    server->unqueued--;
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
    server->parked++;
    deadlines_wait_for(connection, WAIT_ANSWER);
    request->answered = answered;
    request->shows_timing = server->config.server_timing;
    request->deadline_ns = server->now_ns + server->config.limits.request_timeout_ns;
    request_id_set(request, &server->ids);
    enum fault fault = exchange->refusal;
    if (!fault) fault = router_dispatch(server->config.router, request);
    if (fault) response_problem(request, fault, NULL, NULL, 0);
}

static void suspend_if_long(struct server *server, struct connection *connection)
{
    bool is_long = server->now_ns - connection->wait_since_ns > PARKED_NS_MAX;
    if (!is_long && server->parked <= PARKED_COUNT_MAX) return;
    connection->is_suspended = true;
    server->parked--;
    MHD_suspend_connection(connection->library);
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
    if (connection->is_gone) return MHD_NO;
    bool was_parked = exchange->phase != EXCHANGE_READ;
    if (exchange->phase == EXCHANGE_READ) handle_request(server, connection);
    if (exchange->phase == EXCHANGE_ANSWERED) {
        server->late_answers += was_parked;
        return queue_answer(server, connection);
    }
    suspend_if_long(server, connection);
    return MHD_YES;
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
    struct exchange *next = NULL;
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && exchange_has_more(connection->exchange)) {
        next = take_exchange(server, connection);
        if (next == NULL || exchange_hand_over(connection->exchange, next))
            (void)shutdown(connection->socket, SHUT_RDWR);
    }
    request_cycle_end(connection, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    connection->exchange = next;
    connection_wait_for(server->lists, connection, next == NULL ? WAIT_IDLE : WAIT_HEAD, server->now_ns);
    if (connection->is_half_closed && next == NULL) deadlines_look_again(connection);
}

/* ---- the gate ---- */

static void send_continue(struct connection *connection)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    connection->exchange->wants_continue = false;
    /* Nothing else is under way to this client, so the socket has room; if not, it waits in vain. */
    (void)send(connection->socket, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void need_more(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    if (!exchange_is_begun(exchange)) {
        connection->exchange = NULL;
        give_exchange(connection->server, exchange);
        return;
    }
    deadlines_wait_for(connection, exchange->phase == EXCHANGE_READING_BODY ? WAIT_BODY : WAIT_HEAD);
    if (exchange->wants_continue && exchange->phase == EXCHANGE_READING_BODY) send_continue(connection);
    if (connection->is_half_closed) deadlines_look_again(connection);
}

/*
 * The library asks its epoll set before it turns to the sockets, so the first byte of what it found readable
 * had come by then, and has waited since; unless the client sent it after the answer to its last request, or
 * together with that.
 */
static void start_ledger(struct connection *connection, bool is_handed_over)
{
    uint64_t run_ns = connection->server->run_ns, freed_ns = connection->freed_ns;
    ledger_start(&connection->exchange->request.ledger,
                 is_handed_over || freed_ns > run_ns ? freed_ns : run_ns);
}

static ssize_t pass_on(struct exchange *exchange, char *buffer, size_t size)
{
    size_t written = socket_input_write_request(exchange, buffer, size);
    exchange->is_passed_on = true;
    ledger_enter(&exchange->request.ledger, PHASE_OTHER);
    /* A full buffer: the library will want to read on once it has answered, and no event will tell. */
    exchange->connection->server->is_ready |= written == size;
    return (ssize_t)written;
}

ssize_t request_cycle_read(struct connection *connection, char *buffer, size_t size)
{
    if (connection->server->is_stopping) return 0;
    struct server *server = connection->server;
    if (server->run_ns == 0) server->run_ns = clock_now_ns();
    if (connection->exchange == NULL) connection->exchange = take_exchange(server, connection);
    struct exchange *exchange = connection->exchange;
    if (exchange == NULL) return 0;
    enum exchange_outcome outcome = EXCHANGE_COMPLETE;
    bool is_handed_over = exchange_is_begun(exchange);
    if (exchange->phase < EXCHANGE_READ)
        outcome = exchange_read(exchange, connection->socket, &server->config.limits);
    if (exchange->request.ledger.started_ns == 0 && exchange_is_begun(exchange))
        start_ledger(connection, is_handed_over);
    switch (outcome) {
    case EXCHANGE_COMPLETE:
        if (exchange->is_passed_on) break;
        return pass_on(exchange, buffer, size);
    case EXCHANGE_CLOSED:
        return 0;
    case EXCHANGE_NEEDS_MORE:
        need_more(connection);
        break;
    }
    errno = EAGAIN;
    return -1;
}
