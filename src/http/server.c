#include "http/server.h"

#include "base/clock.h"
#include "http/deadlines.h"
#include "http/problem.h"
#include "http/refusal.h"
#include "http/request_cycle.h"
#include "http/socket_events.h"
#include "http/socket_input.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

/*
 * The library's memory per connection: it gets a request of 20 bytes and writes a response head. It
 * clears all of it after each request, so more would cost time.
 */
#define LIBRARY_MEMORY_SIZE 1536

/* A daemon is its worker's alone: from 0.9.77 on the library can do without locks and a queue for that. */
#if MHD_VERSION >= 0x00097707
#define SINGLE_THREAD MHD_USE_NO_THREAD_SAFETY
#else
#define SINGLE_THREAD 0u
#endif

/* So many pipelined requests of a connection may be answered before others have their turn. */
#define RUNS_MAX             16

#define CLOSING_IDLE_TIME_NS (500 * NS_PER_MS)

/* ---- connections ---- */

static void release_connection(struct connection *connection)
{
    struct server *server = connection->server;
    request_cycle_end(connection, false);
    connection_wait_end(server->lists, connection);
    event_loop_remove(server->config.loop, &connection->source);
    socket_events_forget(connection);
    socket_input_remove(connection);
    server->connections--;
    free(connection);
}

static void notify_connection(void *argument, struct MHD_Connection *library, void **context,
                              enum MHD_ConnectionNotificationCode code)
{
    (void)argument;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        /* By its socket: a library that does not know that there is one thread tells at its next run. */
        struct connection *connection = socket_input_find(
            MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
        connection->library = library;
        *context = connection;
    } else if (*context != NULL) {
        release_connection(*context);
        *context = NULL;
    }
}

/* ---- for the worker ---- */

/* Is there more than the library could do in its last run? Of sockets it knows what it is told. */
static bool library_is_due(const struct server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 1;
    return MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0;
}

static void run_library(struct server *server)
{
    unsigned runs = 0;
    do
        (void)MHD_run(server->daemon);
    while (socket_events_are_pending() && ++runs < RUNS_MAX);
    server->library_is_due = library_is_due(server);
}

void server_run(struct server *server, uint64_t now_ns)
{
    server->now_ns = now_ns;
    deadlines_expire(server);
    if (server->library_is_due || socket_events_are_pending()) run_library(server);
}

bool server_is_due(const struct server *server, uint64_t *ret_wake_ns)
{
    if (server->library_is_due || socket_events_are_pending()) return true;
    uint64_t wake_ns = UINT64_MAX;
    for (unsigned wait = 0; wait < WAIT_COUNT; wait++) {
        const struct connection *first = TAILQ_FIRST(&server->lists[wait].head);
        if (first != NULL && first->wait_since_ns + server->lists[wait].limit_ns < wake_ns)
            wake_ns = first->wait_since_ns + server->lists[wait].limit_ns;
    }
    if (server->lingering.count > 0 && wake_ns > server->now_ns + NS_PER_S)
        wake_ns = server->now_ns + NS_PER_S;
    *ret_wake_ns = wake_ns == UINT64_MAX ? 0 : wake_ns;
    return false;
}

static void refuse_at_the_door(struct server *server, int socket, enum fault fault)
{
    struct request request = {.method = METHOD_COUNT,
                              .response = {.status = problem_of(fault)->status, .fault = fault}};
    const struct server_observer *observer = &server->config.observer;
    ledger_start(&request.ledger, server->now_ns);
    request_id_set(&request, &server->ids);
    ledger_enter(&request.ledger, PHASE_SEND);
    refusal_send(socket, fault, text_of(request.id));
    ledger_enter(&request.ledger, PHASE_OTHER);
    if (observer->request_ended != NULL) observer->request_ended(observer->argument, &request);
    (void)shutdown(socket, SHUT_WR);
    lingering_add(&server->lingering, server->config.loop, socket, server->now_ns);
}

static struct connection *new_connection(struct server *server, int socket)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) return NULL;
    connection->server = server;
    connection->socket = socket;
    connection->source = (struct event_source){.ready = request_cycle_ready, .descriptor = socket};
    connection->wait = WAIT_COUNT;
    if (socket_input_add(connection)) {
        free(connection);
        return NULL;
    }
    if (event_loop_add(server->config.loop, &connection->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
        socket_input_remove(connection);
        free(connection);
        return NULL;
    }
    server->connections++;
    deadlines_wait_for(connection, WAIT_IDLE);
    return connection;
}

void server_add_connection(struct server *server, int socket)
{
    struct sockaddr address = {.sa_family = AF_INET}; /* the library wants one, and does not use it */
    bool is_full = server->connections >= server->config.limits.connections_max;
    server_advance(server, clock_now_ns());
    struct connection *connection = is_full ? NULL : new_connection(server, socket);
    if (connection == NULL) {
        refuse_at_the_door(server, socket, is_full ? FAULT_TOO_MANY_CONNECTIONS : FAULT_MEMORY);
        return;
    }
    /* It closes the socket when it fails, and tells of the end, too, if it had told of the start. */
    if (MHD_add_connection(server->daemon, socket, &address, sizeof address) != MHD_YES &&
        socket_input_find(socket) == connection)
        release_connection(connection);
    server->library_is_due = true; /* it may have put the socket on a list, for its next run */
}

void server_end_keep_alive(struct server *server)
{
    server->is_closing = true;
}

void server_close_connections(struct server *server, uint64_t now_ns)
{
    server->now_ns = now_ns;
    server_end_keep_alive(server);
    /* Who has just been answered may be about to ask again, and shall get an answer that says "close". */
    if (server->lists[WAIT_IDLE].limit_ns > CLOSING_IDLE_TIME_NS)
        server->lists[WAIT_IDLE].limit_ns = CLOSING_IDLE_TIME_NS;
}

unsigned server_connections(const struct server *server)
{
    return server->connections;
}

/* ---- life ---- */

static enum fault start_library(struct server *server)
{
    const unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | SINGLE_THREAD;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, request_cycle_handle, server, MHD_OPTION_CONNECTION_LIMIT,
        server->config.limits.connections_max + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)LIBRARY_MEMORY_SIZE, MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_NOTIFY_CONNECTION,
        notify_connection, server, MHD_OPTION_NOTIFY_COMPLETED, request_cycle_complete, server,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (server->daemon == NULL) return FAULT_INTERNAL;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    socket_events_use(info->epoll_fd);
    return FAULT_NONE;
}

static void set_limits(struct server *server)
{
    const struct server_limits *limits = &server->config.limits;
    server->head_limits = (struct head_limits){limits->target_size_max, limits->head_size_max};
    for (unsigned wait = 0; wait < WAIT_COUNT; wait++)
        TAILQ_INIT(&server->lists[wait].head);
    lingering_init(&server->lingering);
    server->lists[WAIT_IDLE].limit_ns = limits->idle_timeout_ns;
    server->lists[WAIT_HEAD].limit_ns = limits->head_timeout_ns;
    server->lists[WAIT_BODY].limit_ns = limits->body_timeout_ns;
    server->lists[WAIT_ANSWER].limit_ns = limits->request_timeout_ns;
    server->lists[WAIT_SEND].limit_ns = limits->send_timeout_ns;
}

enum fault server_new(const struct server_config *config, struct server **ret_server)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) return FAULT_MEMORY;
    server->config = *config;
    server->now_ns = clock_now_ns();
    set_limits(server);
    if (getrandom(&server->ids.state, sizeof server->ids.state, 0) != (ssize_t)sizeof server->ids.state)
        server->ids.state = server->now_ns;
    socket_input_use(request_cycle_tell);
    enum fault fault = start_library(server);
    if (fault) {
        server_free(server);
        return fault;
    }
    *ret_server = server;
    return FAULT_NONE;
}

static void answer_all(struct server *server)
{
    struct connection *connection;
    while ((connection = TAILQ_FIRST(&server->lists[WAIT_ANSWER].head)) != NULL) {
        connection_wait_end(server->lists, connection);
        if (connection->exchange->phase != EXCHANGE_HANDLED) continue;
        bool is_safe = method_is_safe(connection->exchange->request.method);
        request_cycle_answer(connection, is_safe ? FAULT_DRAINING : FAULT_OUTCOME_UNKNOWN);
    }
    run_library(server);
}

void server_free(struct server *server)
{
    if (server == NULL) return;
    if (server->daemon != NULL) {
        server->is_closing = true;
        server->is_stopping = true;
        answer_all(server);
        MHD_stop_daemon(server->daemon);
        socket_events_end();
    }
    lingering_release(&server->lingering);
    for (struct exchange *exchange; (exchange = server->free_exchanges) != NULL;) {
        server->free_exchanges = exchange->next;
        free(exchange);
    }
    socket_input_end();
    free(server);
}
