#include "http/server.h"

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "http/access_log.h"
#include "http/answer.h"
#include "http/connection.h"
#include "http/lingering.h"
#include "http/problem.h"
#include "http/refusal.h"
#include "http/request_id.h"
#include "http/socket_input.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The library's memory per connection: it gets a request of 20 bytes and writes a response head. It
 * clears all of it after each request, so more would cost time.
 */
#define LIBRARY_MEMORY_SIZE 1536

/*
 * A request that waits for its answer is parked: the library asks the handler again on every run. That is cheaper than
 * suspending for a short wait, and dearer for a long one, or for many.
 */
#define PARKED_NS_MAX    (2 * NS_PER_MS)
#define PARKED_COUNT_MAX 512
#define PARKED_POLL_NS   (1 * NS_PER_MS)

/* After an answer to a parked request the library needs two more runs: to write, and to finish. */
#define RUNS_AFTER_ANSWER 2
#define RUNS_MAX          16

#define FREE_EXCHANGES_MAX   128
#define CLOSING_IDLE_TIME_NS (500 * NS_PER_MS)

struct server {
    struct server_config config;
    struct head_limits head_limits;
    struct MHD_Daemon *daemon;
    struct event_source source; /* the library's own epoll set */
    bool is_ready;              /* it has events */
    bool is_closing;
    uint64_t now_ns;
    unsigned connections;
    unsigned parked;            /* requests the library asks about on every run */
    unsigned unqueued;          /* answers it has not fetched yet */
    unsigned late_answers;      /* answers to parked requests fetched in this run */
    struct connection *adding;  /* while the library takes a socket over */
    struct connection *to_close;
    struct exchange *free_exchanges;
    unsigned free_count;
    struct connection_list lists[WAIT_COUNT];
    struct lingering_list lingering;
    struct request_ids ids;
};

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
    if (exchange != NULL)
        exchange_init(exchange, connection, &server->head_limits);
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

static void wait_for(struct connection *connection, enum connection_wait wait)
{
    struct server *server = connection->server;
    if (connection->wait != wait)
        connection_wait_for(server->lists, connection, wait, server->now_ns);
}

/* The request is over, answered or not. */
static void end_exchange(struct connection *connection, bool is_sent)
{
    struct server *server = connection->server;
    struct exchange *exchange = connection->exchange;
    if (exchange == NULL)
        return;
    struct request *request = &exchange->request;
    if (exchange->phase == EXCHANGE_HANDLED && request->abandon != NULL)
        request->abandon(request);
    if (exchange->phase == EXCHANGE_HANDLED && !connection->is_suspended)
        server->parked--;
    if (exchange->phase == EXCHANGE_ANSWERED)
        server->unqueued--;
    if (exchange->is_passed_on && request->response.status != 0)
        access_log_write(server->config.access_log, exchange, is_sent, clock_now_ns());
    connection->exchange = NULL;
    give_exchange(server, exchange);
}

/* ---- answers ---- */

/* Wakes the library's side, wherever it waits. */
static void resume(struct connection *connection)
{
    if (!connection->is_suspended)
        return;
    connection->is_suspended = false;
    MHD_resume_connection(connection->library);
    connection->server->is_ready = true;
}

static void answered(struct request *request)
{
    struct exchange *exchange = (struct exchange *)request;
    struct connection *connection = exchange->connection;
    struct server *server = connection->server;
    assert(exchange->phase == EXCHANGE_HANDLED);
    exchange->phase = EXCHANGE_ANSWERED;
    request->abandon = NULL;
    server->unqueued++;
    if (!connection->is_suspended)
        server->parked--;
    resume(connection);
}

static enum MHD_Result queue_answer(struct server *server, struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    bool close = exchange->request.response.close || !exchange->keeps_alive || server->is_closing;
    server->unqueued--;
    exchange->phase = EXCHANGE_SENDING;
    wait_for(connection, WAIT_SEND);
    if (exchange->refusal != FAULT_NONE) {
        int duplicate = fcntl(connection->socket, F_DUPFD_CLOEXEC, 0);
        if (duplicate >= 0)
            lingering_add(&server->lingering, server->config.loop, duplicate, server->now_ns);
    }
    return answer_queue(exchange, connection->library, close);
}

static void handle_request(struct server *server, struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct request *request = &exchange->request;
    exchange->phase = EXCHANGE_HANDLED;
    server->parked++;
    wait_for(connection, WAIT_ANSWER);
    request->answered = answered;
    request->deadline_ns = server->now_ns + server->config.limits.request_timeout_ns;
    request_id_set(request, &server->ids);
    enum fault fault = exchange->refusal;
    if (!fault)
        fault = router_dispatch(server->config.router, request);
    if (fault)
        response_problem(request, fault, NULL, NULL, 0);
}

static void suspend_if_long(struct server *server, struct connection *connection)
{
    bool is_long = server->now_ns - connection->wait_since_ns > PARKED_NS_MAX;
    if (!is_long && server->parked <= PARKED_COUNT_MAX)
        return;
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
static enum MHD_Result handle_call(void *argument, struct MHD_Connection *library, const char *url,
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
    bool was_parked = exchange->phase != EXCHANGE_READ;
    if (exchange->phase == EXCHANGE_READ)
        handle_request(server, connection);
    if (exchange->phase == EXCHANGE_ANSWERED) {
        server->late_answers += was_parked;
        return queue_answer(server, connection);
    }
    suspend_if_long(server, connection);
    return MHD_YES;
}

static void look_again(struct connection *connection)
{
    if (connection->is_to_close)
        return;
    connection->is_to_close = true;
    connection->next_to_close = connection->server->to_close;
    connection->server->to_close = connection;
}

/* The answer is sent, or the connection lost. What the client has sent behind the request begins the next one. */
static void complete_call(void *argument, struct MHD_Connection *library, void **context,
                          enum MHD_RequestTerminationCode code)
{
    struct server *server = argument;
    struct connection *connection = *context;
    (void)library;
    if (connection == NULL || connection->exchange == NULL)
        return;
    struct exchange *next = NULL;
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && exchange_has_more(connection->exchange)) {
        next = take_exchange(server, connection);
        if (next == NULL || exchange_hand_over(connection->exchange, next))
            (void)shutdown(connection->socket, SHUT_RDWR);
    }
    end_exchange(connection, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    connection->exchange = next;
    connection_wait_for(server->lists, connection, next == NULL ? WAIT_IDLE : WAIT_HEAD, server->now_ns);
    if (connection->is_half_closed && next == NULL)
        look_again(connection);
}

static void release_connection(struct connection *connection)
{
    struct server *server = connection->server;
    end_exchange(connection, false);
    connection_wait_end(server->lists, connection);
    event_loop_remove(server->config.loop, &connection->source);
    socket_input_remove(connection);
    if (connection->is_to_close) {
        struct connection **at = &server->to_close;
        while (*at != connection)
            at = &(*at)->next_to_close;
        *at = connection->next_to_close;
    }
    server->connections--;
    free(connection);
}

static void notify_connection(void *argument, struct MHD_Connection *library, void **context,
                              enum MHD_ConnectionNotificationCode code)
{
    struct server *server = argument;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        server->adding->library = library;
        *context = server->adding;
    } else if (*context != NULL) {
        release_connection(*context);
        *context = NULL;
    }
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
    wait_for(connection, exchange->phase == EXCHANGE_READING_BODY ? WAIT_BODY : WAIT_HEAD);
    if (exchange->wants_continue && exchange->phase == EXCHANGE_READING_BODY)
        send_continue(connection);
}

static ssize_t pass_on(struct exchange *exchange, char *buffer, size_t size)
{
    exchange->is_passed_on = true;
    return (ssize_t)socket_input_write_request(exchange, buffer, size);
}

static ssize_t read_request(struct connection *connection, char *buffer, size_t size)
{
    struct server *server = connection->server;
    if (connection->exchange == NULL)
        connection->exchange = take_exchange(server, connection);
    struct exchange *exchange = connection->exchange;
    if (exchange == NULL)
        return 0;
    enum exchange_outcome outcome = EXCHANGE_COMPLETE;
    if (exchange->phase < EXCHANGE_READ)
        outcome = exchange_read(exchange, connection->socket, &server->config.limits);
    if (exchange->request.started_ns == 0 && exchange_is_begun(exchange))
        exchange->request.started_ns = clock_now_ns();
    switch (outcome) {
    case EXCHANGE_COMPLETE:
        if (exchange->is_passed_on)
            break;
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

/* ---- clients that leave ---- */

/*
 * A FIN may come in the same packet as a request, and the client may still wait for the answer:
 * whether there is anything left to answer is looked at after the library has read.
 */
static void client_left(struct event_source *source, uint32_t events)
{
    struct connection *connection = (struct connection *)source;
    connection->is_half_closed = true;
    look_again(connection);
    if (events & (EPOLLHUP | EPOLLERR))
        resume(connection);
}

static void close_half_closed(struct server *server)
{
    struct connection *connection;
    while ((connection = server->to_close) != NULL) {
        server->to_close = connection->next_to_close;
        connection->is_to_close = false;
        if (connection->exchange == NULL)
            (void)shutdown(connection->socket, SHUT_RDWR);
    }
}

/* ---- time ---- */

/* The library reads when it is resumed: that is how a connection is woken that nothing has come from. */
static void refuse_late(struct connection *connection, enum fault fault)
{
    exchange_refuse(connection->exchange, fault);
    MHD_suspend_connection(connection->library);
    connection->is_suspended = true;
    resume(connection);
    wait_for(connection, WAIT_ANSWER);
}

static void answer_late(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct request *request = &exchange->request;
    if (exchange->phase != EXCHANGE_HANDLED) {
        (void)shutdown(connection->socket, SHUT_RDWR);
        return;
    }
    if (request->abandon != NULL)
        request->abandon(request);
    request->abandon = NULL;
    response_problem(request, FAULT_REQUEST_TIMEOUT, NULL, NULL, 0);
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
    case WAIT_SEND:
    case WAIT_COUNT:
        (void)shutdown(connection->socket, SHUT_RDWR);
        break;
    }
}

static void expire(struct server *server)
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

/* ---- for the worker ---- */

static void run_library(struct server *server)
{
    unsigned runs_left = 1;
    server->is_ready = false;
    for (unsigned runs = 0; runs_left > 0 && runs < RUNS_MAX; runs++, runs_left--) {
        server->late_answers = 0;
        (void)MHD_run(server->daemon);
        if (server->late_answers > 0)
            runs_left = 1 + RUNS_AFTER_ANSWER;
    }
}

void server_run(struct server *server, uint64_t now_ns)
{
    server->now_ns = now_ns;
    expire(server);
    if (server->is_ready || server->unqueued > 0 || server->parked > 0)
        run_library(server);
    if (server->to_close != NULL)
        close_half_closed(server);
}

/* The library's time-out says 0 as long as a request is parked, and knows nothing of resumed ones. */
bool server_is_due(const struct server *server, uint64_t *ret_wake_ns)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 1;
    if (server->is_ready || server->unqueued > 0)
        return true;
    if (server->parked == 0 && MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0)
        return true;
    uint64_t wake_ns = server->parked > 0 ? server->now_ns + PARKED_POLL_NS : UINT64_MAX;
    for (unsigned wait = 0; wait < WAIT_COUNT; wait++) {
        const struct connection *first = server->lists[wait].first;
        if (first != NULL && first->wait_since_ns + server->lists[wait].limit_ns < wake_ns)
            wake_ns = first->wait_since_ns + server->lists[wait].limit_ns;
    }
    if (server->lingering.first != NULL && wake_ns > server->now_ns + NS_PER_S)
        wake_ns = server->now_ns + NS_PER_S;
    *ret_wake_ns = wake_ns == UINT64_MAX ? 0 : wake_ns;
    return false;
}

static void refuse_at_the_door(struct server *server, int socket, enum fault fault)
{
    struct request request = {0};
    request_id_set(&request, &server->ids);
    refusal_send(socket, fault, text_of(request.id));
    (void)shutdown(socket, SHUT_WR);
    lingering_add(&server->lingering, server->config.loop, socket, server->now_ns);
}

static struct connection *new_connection(struct server *server, int socket)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->server = server;
    connection->socket = socket;
    connection->source = (struct event_source){.ready = client_left, .descriptor = socket};
    connection->wait = WAIT_COUNT;
    if (socket_input_add(connection)) {
        free(connection);
        return NULL;
    }
    if (event_loop_add(server->config.loop, &connection->source, EPOLLRDHUP | EPOLLET)) {
        socket_input_remove(connection);
        free(connection);
        return NULL;
    }
    server->connections++;
    wait_for(connection, WAIT_IDLE);
    return connection;
}

void server_add_connection(struct server *server, int socket)
{
    struct sockaddr address = {.sa_family = AF_INET}; /* the library wants one, and does not use it */
    bool is_full = server->connections >= server->config.limits.connections_max;
    server->now_ns = clock_now_ns();
    server->adding = is_full ? NULL : new_connection(server, socket);
    if (server->adding == NULL) {
        refuse_at_the_door(server, socket, is_full ? FAULT_TOO_MANY_CONNECTIONS : FAULT_MEMORY);
        return;
    }
    struct connection *connection = server->adding;
    /* It closes the socket when it fails, and tells nobody unless it had told of the start. */
    if (MHD_add_connection(server->daemon, socket, &address, sizeof address) != MHD_YES &&
        connection->library == NULL)
        release_connection(connection);
    server->adding = NULL;
    server->is_ready = true;
}

void server_close_connections(struct server *server, uint64_t now_ns)
{
    server->now_ns = now_ns;
    server->is_closing = true;
    /* Who has just been answered may be about to ask again, and shall get an answer that says "close". */
    if (server->lists[WAIT_IDLE].limit_ns > CLOSING_IDLE_TIME_NS)
        server->lists[WAIT_IDLE].limit_ns = CLOSING_IDLE_TIME_NS;
}

unsigned server_connections(const struct server *server)
{
    return server->connections;
}

/* ---- life ---- */

static void library_ready(struct event_source *source, uint32_t events)
{
    struct server *server = (struct server *)((char *)source - offsetof(struct server, source));
    (void)events;
    server->is_ready = true;
}

static enum fault start_library(struct server *server)
{
    const unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle_call, server, MHD_OPTION_CONNECTION_LIMIT,
        server->config.limits.connections_max + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)LIBRARY_MEMORY_SIZE, MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_NOTIFY_CONNECTION,
        notify_connection, server, MHD_OPTION_NOTIFY_COMPLETED, complete_call, server,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (server->daemon == NULL)
        return FAULT_INTERNAL;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    server->source = (struct event_source){.ready = library_ready, .descriptor = info->epoll_fd};
    return event_loop_add(server->config.loop, &server->source, EPOLLIN);
}

static void set_limits(struct server *server)
{
    const struct server_limits *limits = &server->config.limits;
    server->head_limits = (struct head_limits){limits->target_size_max, limits->head_size_max};
    server->lists[WAIT_IDLE].limit_ns = limits->idle_timeout_ns;
    server->lists[WAIT_HEAD].limit_ns = limits->head_timeout_ns;
    server->lists[WAIT_BODY].limit_ns = limits->body_timeout_ns;
    server->lists[WAIT_ANSWER].limit_ns = limits->request_timeout_ns;
    server->lists[WAIT_SEND].limit_ns = limits->send_timeout_ns;
}

enum fault server_new(const struct server_config *config, struct server **ret_server)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return FAULT_MEMORY;
    server->config = *config;
    server->now_ns = clock_now_ns();
    set_limits(server);
    if (getrandom(&server->ids.state, sizeof server->ids.state, 0) != (ssize_t)sizeof server->ids.state)
        server->ids.state = server->now_ns;
    socket_input_use(read_request);
    enum fault fault = start_library(server);
    if (fault) {
        server_free(server);
        return fault;
    }
    *ret_server = server;
    return FAULT_NONE;
}

/* The library aborts the process when it is stopped while a connection is suspended. */
static void answer_all(struct server *server)
{
    struct connection *connection;
    while ((connection = server->lists[WAIT_ANSWER].first) != NULL) {
        connection_wait_end(server->lists, connection);
        if (connection->exchange->phase != EXCHANGE_HANDLED)
            continue;
        struct request *request = &connection->exchange->request;
        if (request->abandon != NULL)
            request->abandon(request);
        request->abandon = NULL;
        response_problem(request, FAULT_DRAINING, NULL, NULL, 0);
    }
    run_library(server);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    if (server->daemon != NULL) {
        server->is_closing = true;
        answer_all(server);
        event_loop_remove(server->config.loop, &server->source);
        MHD_stop_daemon(server->daemon);
    }
    lingering_release(&server->lingering);
    for (struct exchange *exchange; (exchange = server->free_exchanges) != NULL;) {
        server->free_exchanges = exchange->next;
        free(exchange);
    }
    socket_input_end();
    free(server);
}
