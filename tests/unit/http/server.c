#include "http/server.h"

#include "base/clock.h"
#include "base/event_loop.h"
#include "http/server_state.h"
#include "http/socket_events.h"
#include "http/socket_input.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX  5000
#define ASKERS_MAX 1024
#define CROWD      700 /* more than the loop and the library take in one go */
#define LARGE_SIZE (16 * 1024 * 1024)

static struct event_loop *loop;
static struct server *server;
static struct server_config config;
static int listening;
static uint64_t skew_ns; /* how far the server's clock is ahead */

/* ---- what the observer was told: in every test the phases of every request sum to its total ---- */

static unsigned ended;
static struct ledger last_ledger, ledger_before; /* of the last two */
static unsigned last_status;
static const struct route *last_route;

static void note_end(void *argument, const struct request *request)
{
    uint64_t sum_ns = 0;
    ck_assert_ptr_eq(argument, &ended);
    ended++;
    ledger_before = last_ledger;
    last_ledger = request->ledger;
    last_status = request->response.status;
    last_route = request->route;
    if (!SPLITS_LEDGER) return;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        sum_ns += last_ledger.spent_ns[phase];
    ck_assert_uint_ne(last_ledger.started_ns, 0);
    ck_assert_uint_eq(sum_ns, ledger_total_ns(&last_ledger));
    ck_assert_uint_gt(sum_ns, 0);
}

/* ---- handlers ---- */

static struct request *waiting[ASKERS_MAX]; /* requests that are not answered yet, oldest first */
static unsigned waiting_count, abandoned, handled;

static void abandon(struct request *request)
{
    for (unsigned i = 0; i < waiting_count; i++) {
        if (waiting[i] != request) continue;
        waiting_count--;
        memmove(&waiting[i], &waiting[i + 1], (waiting_count - i) * sizeof waiting[0]);
        abandoned++;
        return;
    }
    ck_abort_msg("an unknown request was abandoned");
}

static enum fault answer_now(struct request *request)
{
    handled++;
    response_json(request, 200, TEXT("{\"now\":true}"));
    return FAULT_NONE;
}

static enum fault answer_later(struct request *request)
{
    handled++;
    ck_assert_uint_lt(waiting_count, ASKERS_MAX);
    waiting[waiting_count++] = request;
    request->abandon = abandon;
    return FAULT_NONE;
}

static enum fault answer_with_body(struct request *request)
{
    handled++;
    response_json(request, 200, request->body);
    return FAULT_NONE;
}

static enum fault answer_large(struct request *request)
{
    static char body[LARGE_SIZE];
    handled++;
    memset(body, 'x', sizeof body);
    response_json(request, 200, (struct text){body, sizeof body});
    return FAULT_NONE;
}

static enum fault give_fault(struct request *request)
{
    handled++;
    (void)request;
    return FAULT_OVERLOADED;
}

static void spend(struct request *request, enum phase phase, uint64_t ns)
{
    ledger_enter(&request->ledger, phase);
    for (uint64_t begin_ns = clock_now_ns(); clock_now_ns() - begin_ns < ns;)
        continue;
}

static unsigned told_of_end; /* requests that their own `ended` was called for */

static void note_own_end(struct request *request)
{
    ck_assert_ptr_eq(request->ended_argument, &told_of_end);
    ck_assert_uint_eq(request->response.status, 200);
    told_of_end++;
}

static enum fault answer_after_phases(struct request *request)
{
    request->ended = note_own_end;
    request->ended_argument = &told_of_end;
    spend(request, PHASE_PARSE, 3 * NS_PER_MS);
    spend(request, PHASE_QUEUE, 1 * NS_PER_MS);
    spend(request, PHASE_DB, 5 * NS_PER_MS);
    spend(request, PHASE_JSON, 2 * NS_PER_MS);
    response_json(request, 200, TEXT("{}"));
    return FAULT_NONE;
}

/* Answers the oldest of the waiting requests. */
static void answer_one(void)
{
    ck_assert_uint_gt(waiting_count, 0);
    struct request *request = waiting[0];
    waiting_count--;
    memmove(&waiting[0], &waiting[1], waiting_count * sizeof waiting[0]);
    request->abandon = NULL;
    response_json(request, 200, TEXT("{\"later\":true}"));
}

static const struct route routes[] = {
    {.path = "/now", .handlers = {[METHOD_GET] = answer_now}},
    {.path = "/later", .handlers = {[METHOD_GET] = answer_later}},
    {.path = "/body", .handlers = {[METHOD_POST] = answer_with_body}, .takes_body = {[METHOD_POST] = true}},
    {.path = "/large", .handlers = {[METHOD_GET] = answer_large}},
    {.path = "/fail", .handlers = {[METHOD_GET] = give_fault}},
    {.path = "/phases", .handlers = {[METHOD_GET] = answer_after_phases}},
    {.path = NULL},
};
static const struct route_table tables[] = {{.routes = routes}};
static const struct router router = {tables, 1};

/* ---- the server ---- */

static void listen_on_loopback(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&name, sizeof name), 0);
    ck_assert_int_eq(listen(listening, 64), 0);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void begin(void)
{
    raise_descriptor_limit();
    ck_assert(event_loop_new(&loop) == FAULT_NONE);
    config = (struct server_config){
        .limits =
            {
                .connections_max = CROWD + 10,
                .target_size_max = 1000,
                .head_size_max = 8000,
                .body_size_max = 20000,
                .idle_timeout_ns = 60 * NS_PER_S,
                .head_timeout_ns = 10 * NS_PER_S,
                .body_timeout_ns = 11 * NS_PER_S,
                .request_timeout_ns = 5 * NS_PER_S,
                .send_timeout_ns = 30 * NS_PER_S,
            },
        .access_log = ACCESS_LOG_OFF,
        .observer = {note_end, &ended},
        .router = &router,
        .loop = loop,
    };
    skew_ns = 0;
    waiting_count = abandoned = handled = ended = 0;
    ck_assert(server_new(&config, &server) == FAULT_NONE);
    listen_on_loopback();
}

static void end(void)
{
    server_free(server);
    event_loop_free(loop);
    (void)close(listening);
}

static void turn(void)
{
    uint64_t wake_ns;
    bool is_due = server_is_due(server, &wake_ns);
    event_loop_turn(loop, is_due ? 0 : 1);
    server_run(server, clock_now_ns() + skew_ns);
}

static void turns(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        turn();
}

#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        unsigned turns_left = TURNS_MAX;                                                                     \
        while (!(condition) && turns_left-- > 0)                                                             \
            turn();                                                                                          \
        ck_assert_msg((condition), "never: %s", #condition);                                                 \
    } while (0)

/* Time passes. What waited since before has waited so much longer. */
static void skip(uint64_t ns)
{
    skew_ns += ns;
}

/* ---- clients ---- */

struct client {
    int socket;
    size_t size;
    bool is_ended; /* the server has closed */
    bool is_reset;
    char received[4096]; /* terminated */
};

static void client_open(struct client *client)
{
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    *client = (struct client){.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&name, &size), 0);
    ck_assert_int_eq(connect(client->socket, (struct sockaddr *)&name, size), 0);
    int accepted = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ck_assert_int_ge(accepted, 0);
    server_add_connection(server, accepted);
}

static void client_close(struct client *client)
{
    (void)close(client->socket);
}

/* As a client that crashed. */
static void client_reset(struct client *client)
{
    struct linger at_once = {.l_onoff = 1};
    ck_assert_int_eq(setsockopt(client->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    client_close(client);
}

static void client_send(struct client *client, const char *text)
{
    ck_assert_int_eq(send(client->socket, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void client_receive(struct client *client)
{
    size_t room = sizeof client->received - 1 - client->size;
    ssize_t size = recvfrom(client->socket, client->received + client->size, room, MSG_DONTWAIT, NULL, NULL);
    client->is_ended |= size == 0 && room > 0;
    client->is_reset |= size < 0 && errno == ECONNRESET;
    if (size > 0) client->size += (size_t)size;
    client->received[client->size] = '\0';
}

static bool client_is_ended(struct client *client)
{
    client_receive(client);
    return client->is_ended;
}

/* Bytes of the first whole answer; 0 when there is none yet. */
static size_t answer_size(struct client *client)
{
    client_receive(client);
    const char *head_end = strstr(client->received, "\r\n\r\n");
    if (head_end == NULL) return 0;
    const char *length = strstr(client->received, "\r\nContent-Length: ");
    size_t size = (size_t)(head_end + 4 - client->received);
    if (length != NULL && length < head_end) size += strtoul(length + 18, NULL, 10);
    return size <= client->size ? size : 0;
}

static bool client_has(struct client *client, const char *text)
{
    return strstr(client->received, text) != NULL;
}

static void client_forget(struct client *client, size_t size)
{
    client->size -= size;
    memmove(client->received, client->received + size, client->size + 1);
}

/* The next answer has this status and this in it; it is taken out. */
static void expect_answer(struct client *client, unsigned status, const char *part)
{
    TURN_UNTIL(answer_size(client) > 0);
    size_t size = answer_size(client);
    ck_assert_int_eq(strncmp(client->received, "HTTP/1.1 ", 9), 0);
    ck_assert_uint_eq(strtoul(client->received + 9, NULL, 10), status);
    ck_assert_msg(part == NULL || client_has(client, part), "no %s in %s", part, client->received);
    client_forget(client, size);
}

static void expect_end(struct client *client)
{
    TURN_UNTIL(client_is_ended(client));
    ck_assert_uint_eq(client->size, 0);
    ck_assert(!client->is_reset);
}

static void expect_alive(struct client *client)
{
    turns(5);
    client_receive(client);
    ck_assert_uint_eq(client->size, 0);
    ck_assert(!client->is_ended && !client->is_reset);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void open_and_ask(struct client *client, const char *request)
{
    unsigned before = handled;
    client_open(client);
    client_send(client, request);
    TURN_UNTIL(handled > before);
}

/* ---- answers ---- */

START_TEST(a_handler_may_answer_at_once)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/now"));
    expect_answer(&client, 200, "{\"now\":true}");
    expect_alive(&client);
    client_close(&client);
}
END_TEST

START_TEST(a_connection_serves_request_after_request)
{
    struct client client;
    client_open(&client);
    for (unsigned i = 0; i < 200; i++) {
        client_send(&client, i % 2 == 0 ? GET("/now") : GET("/nowhere"));
        expect_answer(&client, i % 2 == 0 ? 200 : 404, NULL);
    }
    ck_assert_uint_eq(server_connections(server), 1);
    client_close(&client);
    TURN_UNTIL(server_connections(server) == 0);
}
END_TEST

START_TEST(a_faulty_handler_answers_with_a_problem)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/fail"));
    expect_answer(&client, 503, "\"code\":\"overloaded\"");
    expect_alive(&client);
    client_close(&client);
}
END_TEST

START_TEST(a_handler_may_answer_a_turn_later)
{
    struct client client;
    open_and_ask(&client, GET("/later"));
    answer_one();
    uint64_t wake_ns;
    ck_assert(server_is_due(server, &wake_ns));
    expect_answer(&client, 200, "{\"later\":true}");
    expect_alive(&client);
    client_close(&client);
}
END_TEST

START_TEST(an_answer_is_out_after_one_turn)
{
    struct client client;
    open_and_ask(&client, GET("/later"));
    answer_one();
    server_run(server, clock_now_ns());
    ck_assert_uint_gt(answer_size(&client), 0);
    client_close(&client);
}
END_TEST

START_TEST(who_has_waited_for_long_is_answered_and_served_on)
{
    struct client client;
    open_and_ask(&client, GET("/later"));
    skip(3 * NS_PER_S);
    turns(20);
    answer_one();
    expect_answer(&client, 200, "{\"later\":true}");
    client_send(&client, GET("/now"));
    expect_answer(&client, 200, "{\"now\":true}");
    client_close(&client);
}
END_TEST

START_TEST(requests_that_wait_do_not_wake_the_server)
{
    struct client client;
    uint64_t wake_ns;
    open_and_ask(&client, GET("/later"));
    ck_assert(!server_is_due(server, &wake_ns));
    ck_assert_uint_gt(wake_ns, server->now_ns + 4 * NS_PER_S);
    ck_assert_uint_le(wake_ns, server->now_ns + 5 * NS_PER_S);
    client_close(&client);
}
END_TEST

START_TEST(a_crowd_that_waits_is_answered_to_the_last)
{
    static struct client clients[CROWD];
    for (unsigned i = 0; i < CROWD; i++) {
        client_open(&clients[i]);
        client_send(&clients[i], GET("/later"));
    }
    TURN_UNTIL(waiting_count == CROWD);
    for (unsigned i = 0; i < CROWD; i++)
        answer_one();
    for (unsigned i = 0; i < CROWD; i++)
        expect_answer(&clients[i], 200, "{\"later\":true}");
    for (unsigned i = 0; i < CROWD; i++)
        client_close(&clients[i]);
    TURN_UNTIL(server_connections(server) == 0);
    ck_assert_uint_eq(abandoned, 0);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/now") GET("/later") GET("/nowhere") GET("/later") GET("/now"));
    expect_answer(&client, 200, "{\"now\":true}");
    for (unsigned i = 0; i < 2; i++) {
        TURN_UNTIL(waiting_count == 1);
        turns(5);
        ck_assert_uint_eq(answer_size(&client), 0);
        answer_one();
        expect_answer(&client, 200, "{\"later\":true}");
        if (i == 0) expect_answer(&client, 404, NULL);
    }
    expect_answer(&client, 200, "{\"now\":true}");
    expect_alive(&client);
    client_close(&client);
}
END_TEST

START_TEST(bodies_arrive_whole_whatever_their_framing)
{
    struct client client;
    client_open(&client);
    client_send(&client, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[1,");
    turns(3);
    client_send(&client, "2,3,4]POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[5");
    expect_answer(&client, 200, "\r\n\r\n[1,2,3,4]");
    client_send(&client, "\r\n3\r\n,6]\r\n0\r\n\r\n");
    expect_answer(&client, 200, "\r\n\r\n[5,6]");
    client_close(&client);
}
END_TEST

START_TEST(who_expects_it_is_told_to_continue)
{
    struct client client;
    client_open(&client);
    client_send(&client,
                "POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    expect_answer(&client, 100, NULL);
    expect_alive(&client);
    client_send(&client, "[]");
    expect_answer(&client, 200, "\r\n\r\n[]");
    client_close(&client);
}
END_TEST

START_TEST(head_gets_the_head_alone)
{
    struct client client;
    client_open(&client);
    client_send(&client, "HEAD /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    TURN_UNTIL(client_is_ended(&client));
    ck_assert(client_has(&client, "HTTP/1.1 200 OK\r\n"));
    ck_assert(client_has(&client, "\r\nContent-Length: 12\r\n"));
    ck_assert_str_eq(client.received + client.size - 4, "\r\n\r\n");
    client_close(&client);
}
END_TEST

START_TEST(the_client_decides_whether_the_connection_persists)
{
    static const char *const closing[] = {"GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                                          "GET /now HTTP/1.0\r\nHost: a\r\n\r\n"};
    struct client client;
    for (unsigned i = 0; i < 2; i++) {
        client_open(&client);
        client_send(&client, closing[i]);
        expect_answer(&client, 200, "\r\nConnection: close\r\n");
        expect_end(&client);
        client_close(&client);
    }
    client_open(&client);
    client_send(&client, "GET /now HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    expect_answer(&client, 200, NULL);
    expect_alive(&client);
    client_close(&client);
}
END_TEST

START_TEST(a_malformed_request_is_told_why_and_its_rest_forgotten)
{
    struct client client;
    client_open(&client);
    client_send(&client, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    expect_answer(&client, 400, "\"code\":\"bad_host\"");
    client_send(&client, "more that nobody waits for");
    expect_end(&client);
    client_send(&client, "and more");
    turns(3);
    ck_assert(!client.is_reset);
    client_close(&client);
    TURN_UNTIL(server->lingering.count == 0);
    ck_assert_uint_eq(server_connections(server), 0);
}
END_TEST

START_TEST(what_comes_while_pipelined_requests_wait_is_read_behind_them)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/later") GET("/later"));
    TURN_UNTIL(handled == 1);
    client_send(&client, GET("/now"));
    turns(5);
    answer_one();
    TURN_UNTIL(handled == 2);
    turns(5);
    answer_one();
    expect_answer(&client, 200, "{\"later\":true}");
    expect_answer(&client, 200, "{\"later\":true}");
    expect_answer(&client, 200, "{\"now\":true}");
    expect_alive(&client);
    client_close(&client);
}
END_TEST

/* ---- the gate ---- */

START_TEST(what_did_not_come_through_the_gate_is_not_answered)
{
    struct client client;
    client_open(&client);
    turns(2);
    struct connection *connection = TAILQ_FIRST(&server->lists[WAIT_IDLE].head);
    event_loop_remove(loop, &connection->source);
    socket_input_remove(connection);
    client_send(&client, GET("/now"));
    socket_events_give(connection, EPOLLIN | EPOLLOUT);
    expect_end(&client);
    ck_assert_uint_eq(handled, 0);
    client_close(&client);
}
END_TEST

/* ---- without memory ---- */

static bool is_memory_out;
static unsigned refusals;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

/* The linker puts it in malloc's place: see tests/meson.build. What the test itself asks for is small. */
void *__wrap_malloc(size_t size)
{
    if (!is_memory_out || size <= 1024) return __real_malloc(size);
    refusals++;
    return NULL;
}

#define INPUT_SIZE 8192 /* what a head of more than half of it makes the input grow to */

/*
 * A request with a long head, and content behind it that fills the input to its last byte; what then follows
 * looks like a request and is still in the socket.
 */
static void send_more_than_is_read(struct client *client)
{
    static char bytes[2 * INPUT_SIZE];
    int size = snprintf(bytes, sizeof bytes, "GET /later HTTP/1.1\r\nHost: a\r\nX-Long: %05000d\r\n\r\n", 0);
    size += snprintf(bytes + size, sizeof bytes - (size_t)size,
                     "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n");
    memset(bytes + size, 'x', (size_t)(INPUT_SIZE - size));
    memcpy(bytes + INPUT_SIZE, GET("/now"), sizeof GET("/now"));
    client_send(client, bytes);
}

START_TEST(without_memory_for_what_follows_the_rest_is_not_taken_for_a_request)
{
    struct client client;
    client_open(&client);
    send_more_than_is_read(&client);
    TURN_UNTIL(handled == 1);
    is_memory_out = true;
    answer_one();
    expect_answer(&client, 200, "{\"later\":true}");
    TURN_UNTIL(refusals > 0);
    TURN_UNTIL(client_is_ended(&client) || client.is_reset);
    is_memory_out = false;
    ck_assert_uint_eq(client.size, 0);
    ck_assert_uint_eq(handled, 1);
    client_close(&client);
}
END_TEST

/* ---- clients that leave ---- */

/* At once, long before the deadline. */
static void expect_abandoned(void)
{
    turns(20);
    ck_assert_uint_eq(server_connections(server), 0);
    ck_assert_uint_eq(abandoned, 1);
    ck_assert_uint_eq(waiting_count, 0);
}

START_TEST(a_client_that_vanishes_while_it_waits_is_noticed)
{
    struct client client;
    open_and_ask(&client, GET("/later"));
    client_reset(&client);
    expect_abandoned();
}
END_TEST

START_TEST(a_client_that_vanishes_behind_an_answer_that_is_not_out_yet_is_noticed)
{
    struct client client;
    uint64_t wake_ns;
    open_and_ask(&client, GET("/later"));
    answer_one();
    client_reset(&client);
    event_loop_turn(loop, 1);
    ck_assert(server_is_due(server, &wake_ns));
    turns(20);
    ck_assert_uint_eq(server_connections(server), 0);
    ck_assert_uint_eq(ended, 1);
}
END_TEST

START_TEST(what_comes_while_a_request_waits_is_read_after_its_answer)
{
    struct client client;
    open_and_ask(&client, GET("/later"));
    client_send(&client, GET("/now"));
    turns(5);
    ck_assert_uint_eq(handled, 1);
    answer_one();
    expect_answer(&client, 200, "{\"later\":true}");
    expect_answer(&client, 200, "{\"now\":true}");
    client_close(&client);
}
END_TEST

START_TEST(a_client_that_vanishes_before_its_request_is_complete_is_noticed)
{
    static const char *const beginnings[] = {"", "GET /la",
                                             "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n["};
    for (unsigned i = 0; i < 6; i++) {
        struct client client;
        client_open(&client);
        client_send(&client, beginnings[i % 3]);
        turns(3);
        if (i < 3)
            client_reset(&client);
        else
            client_close(&client);
        TURN_UNTIL(server_connections(server) == 0);
    }
    ck_assert_uint_eq(handled, 0);
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answer)
{
    for (unsigned i = 0; i < 2; i++) {
        struct client client;
        open_and_ask(&client, GET("/later"));
        ck_assert_int_eq(shutdown(client.socket, SHUT_WR), 0);
        if (i == 1) skip(3 * NS_PER_S);
        turns(10);
        ck_assert_uint_eq(abandoned, 0);
        answer_one();
        expect_answer(&client, 200, "{\"later\":true}");
        expect_end(&client);
        client_close(&client);
        TURN_UNTIL(server_connections(server) == 0);
    }
}
END_TEST

START_TEST(a_client_that_closes_with_its_request_gets_its_answers)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/now") GET("/nowhere"));
    ck_assert_int_eq(shutdown(client.socket, SHUT_WR), 0);
    expect_answer(&client, 200, "{\"now\":true}");
    expect_answer(&client, 404, NULL);
    expect_end(&client);
    client_close(&client);
    TURN_UNTIL(server_connections(server) == 0);
}
END_TEST

START_TEST(a_half_closed_client_with_half_a_request_is_closed)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/now") "GET /no");
    ck_assert_int_eq(shutdown(client.socket, SHUT_WR), 0);
    expect_answer(&client, 200, "{\"now\":true}");
    expect_end(&client);
    client_close(&client);
    TURN_UNTIL(server_connections(server) == 0);
}
END_TEST

/* ---- time ---- */

START_TEST(nobody_waits_longer_than_the_deadline)
{
    struct client client;
    open_and_ask(&client, GET("/later"));
    skip(5 * NS_PER_S - 100 * NS_PER_MS);
    turns(3);
    ck_assert_uint_eq(abandoned, 0);
    skip(100 * NS_PER_MS);
    expect_answer(&client, 504, "\"code\":\"request_timeout\"");
    ck_assert_uint_eq(abandoned, 1);
    client_send(&client, GET("/now"));
    expect_answer(&client, 200, NULL);
    client_close(&client);
}
END_TEST

START_TEST(an_idle_client_is_closed_without_a_word)
{
    struct client new, used;
    client_open(&new);
    client_open(&used);
    client_send(&used, GET("/now"));
    expect_answer(&used, 200, NULL);
    skip(59 * NS_PER_S);
    expect_alive(&new);
    expect_alive(&used);
    skip(1 * NS_PER_S);
    expect_end(&new);
    expect_end(&used);
    client_close(&new);
    client_close(&used);
}
END_TEST

/* A read ends at TCP's urgent mark, and no event tells that there is more behind it. */
START_TEST(an_idle_client_with_bytes_behind_an_urgent_one_is_not_kept_for_ever)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/now"));
    ck_assert_int_eq(send(client.socket, "!", 1, MSG_OOB | MSG_NOSIGNAL), 1);
    client_send(&client, "rest");
    expect_answer(&client, 200, "{\"now\":true}");
    for (unsigned i = 0; i < 3; i++) {
        skip(61 * NS_PER_S);
        turns(5);
    }
    TURN_UNTIL(server_connections(server) == 0);
    client_close(&client);
}
END_TEST

START_TEST(a_head_has_one_time_limit_for_all_of_its_bytes)
{
    static const char head[] = "GET /now HTTP/1.1\r\nHost: abcdef";
    struct client client;
    client_open(&client);
    for (unsigned i = 0; i < 10; i++) {
        client_send(&client, (const char[]){head[i], '\0'});
        expect_alive(&client);
        skip(990 * NS_PER_MS);
    }
    skip(100 * NS_PER_MS);
    expect_answer(&client, 408, "\"code\":\"head_timeout\"");
    expect_end(&client);
    client_close(&client);
}
END_TEST

START_TEST(a_body_has_one_time_limit_for_all_of_its_bytes)
{
    static const char *const heads[] = {"Content-Length: 99\r\n\r\n",
                                        "Transfer-Encoding: chunked\r\n\r\n20\r\n"};
    for (unsigned i = 0; i < 2; i++) {
        struct client client;
        client_open(&client);
        client_send(&client, "POST /body HTTP/1.1\r\nHost: a\r\n");
        client_send(&client, heads[i]);
        for (unsigned byte = 0; byte < 10; byte++) {
            expect_alive(&client);
            skip(1090 * NS_PER_MS);
            client_send(&client, "1");
        }
        skip(100 * NS_PER_MS);
        expect_answer(&client, 408, "\"code\":\"body_timeout\"");
        expect_end(&client);
        client_close(&client);
    }
    ck_assert_uint_eq(handled, 0);
}
END_TEST

START_TEST(a_late_head_behind_an_answered_request_is_told_too)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/now") "GET /now");
    expect_answer(&client, 200, NULL);
    expect_alive(&client);
    skip(10 * NS_PER_S);
    expect_answer(&client, 408, "\"code\":\"head_timeout\"");
    expect_end(&client);
    client_close(&client);
}
END_TEST

START_TEST(who_does_not_take_its_answer_is_cut_off)
{
    struct client client;
    open_and_ask(&client, GET("/large"));
    turns(20);
    ck_assert_uint_eq(server_connections(server), 1);
    skip(29 * NS_PER_S);
    turns(20);
    ck_assert_uint_eq(server_connections(server), 1);
    skip(1 * NS_PER_S);
    TURN_UNTIL(server_connections(server) == 0);
    client_close(&client);
}
END_TEST

START_TEST(the_server_wakes_when_the_next_wait_ends)
{
    struct client client;
    uint64_t wake_ns;
    turns(3);
    ck_assert(!server_is_due(server, &wake_ns));
    ck_assert_uint_eq(wake_ns, 0);
    client_open(&client);
    turns(5);
    ck_assert(!server_is_due(server, &wake_ns));
    ck_assert_uint_gt(wake_ns, server->now_ns + 59 * NS_PER_S);
    ck_assert_uint_le(wake_ns, server->now_ns + 60 * NS_PER_S);
    client_send(&client, "GET");
    turns(5);
    ck_assert(!server_is_due(server, &wake_ns));
    ck_assert_uint_gt(wake_ns, server->now_ns + 9 * NS_PER_S);
    ck_assert_uint_le(wake_ns, server->now_ns + 10 * NS_PER_S);
    client_close(&client);
}
END_TEST

/* ---- ledgers ---- */

/* A busy machine makes a phase longer, never shorter. */
START_TEST(time_is_booked_under_the_phase_in_which_it_was_spent)
{
    struct client client;
    told_of_end = 0;
    client_open(&client);
    client_send(&client, GET("/phases"));
    expect_answer(&client, 200, NULL);
    TURN_UNTIL(ended == 1);
    ck_assert_uint_eq(told_of_end, 1);
    if (SPLITS_LEDGER) {
        static const uint64_t least_ms[PHASE_COUNT] = {
            [PHASE_PARSE] = 3, [PHASE_QUEUE] = 1, [PHASE_DB] = 5, [PHASE_JSON] = 2};
        for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
            ck_assert_uint_ge(last_ledger.spent_ns[phase], least_ms[phase] * NS_PER_MS);
        ck_assert_uint_gt(last_ledger.spent_ns[PHASE_READ], 0);
        ck_assert_uint_gt(last_ledger.spent_ns[PHASE_SEND], 0);
        ck_assert_uint_gt(last_ledger.spent_ns[PHASE_OTHER], 0);
    }
    client_close(&client);
}
END_TEST

START_TEST(a_slow_sender_spends_its_time_in_read_and_a_slow_answer_in_other)
{
    struct client client;
    client_open(&client);
    client_send(&client, "GET /later HTTP/1.1\r\n");
    TURN_UNTIL(server_connections(server) == 1 && TAILQ_FIRST(&server->lists[WAIT_HEAD].head) != NULL);
    (void)usleep(20000);
    client_send(&client, "Host: a\r\n\r\n");
    TURN_UNTIL(waiting_count == 1);
    (void)usleep(30000);
    answer_one();
    expect_answer(&client, 200, NULL);
    TURN_UNTIL(ended == 1);
    if (SPLITS_LEDGER) {
        ck_assert_uint_ge(last_ledger.spent_ns[PHASE_READ], 20 * NS_PER_MS);
        ck_assert_uint_ge(last_ledger.spent_ns[PHASE_OTHER], 30 * NS_PER_MS);
        ck_assert_uint_eq(last_ledger.spent_ns[PHASE_DB], 0);
    }
    client_close(&client);
}
END_TEST

START_TEST(pipelined_requests_begin_when_the_one_before_them_is_over)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/later") GET("/now"));
    TURN_UNTIL(waiting_count == 1);
    (void)usleep(20000);
    answer_one();
    expect_answer(&client, 200, NULL);
    expect_answer(&client, 200, NULL);
    TURN_UNTIL(ended == 2);
    if (SPLITS_LEDGER) ck_assert_uint_ge(last_ledger.started_ns, ledger_before.since_ns);
    client_close(&client);
}
END_TEST

START_TEST(everybody_who_asked_is_told_of_once)
{
    struct client gone, refused, failed, unknown;
    open_and_ask(&gone, GET("/later"));
    client_reset(&gone);
    TURN_UNTIL(ended == 1);
    ck_assert_uint_eq(last_status, 0);
    client_open(&refused);
    client_send(&refused, "nonsense\r\n\r\n");
    expect_answer(&refused, 400, NULL);
    TURN_UNTIL(ended == 2);
    ck_assert_uint_eq(last_status, 400);
    open_and_ask(&failed, GET("/fail"));
    expect_answer(&failed, 503, NULL);
    TURN_UNTIL(ended == 3);
    client_open(&unknown);
    client_send(&unknown, GET("/nowhere"));
    expect_answer(&unknown, 404, NULL);
    TURN_UNTIL(ended == 4);
    ck_assert_ptr_null(last_route);
    turns(20);
    ck_assert_uint_eq(ended, 4);
    client_close(&refused);
    client_close(&failed);
    client_close(&unknown);
}
END_TEST

static bool has_timing(void)
{
    struct client client;
    client_open(&client);
    client_send(&client, GET("/now"));
    TURN_UNTIL(answer_size(&client) > 0);
    bool has = client_has(&client, "\r\nServer-Timing: read;dur=");
    client_close(&client);
    return has;
}

START_TEST(the_ledger_is_shown_where_the_setting_or_the_routes_table_says_so)
{
    static const struct route_table shown[] = {{.routes = routes, .shows_timing = true}};
    static const struct router showing = {shown, 1};
    ck_assert(!has_timing());
    server->config.server_timing = true;
    ck_assert(has_timing());
    server->config.server_timing = false;
    server->config.router = &showing;
    ck_assert(has_timing());
}
END_TEST

/* ---- limits and the end ---- */

START_TEST(one_connection_too_many_is_told_at_once_and_slots_are_freed)
{
    static struct client clients[CROWD + 10];
    struct client late;
    for (unsigned i = 0; i < CROWD + 10; i++)
        client_open(&clients[i]);
    client_open(&late);
    ck_assert_uint_eq(ended, 1);
    ck_assert_uint_eq(last_status, 503);
    ck_assert_ptr_null(last_route);
    expect_answer(&late, 503, "\"code\":\"too_many_connections\"");
    expect_end(&late);
    client_close(&late);
    ck_assert_uint_eq(server_connections(server), CROWD + 10);
    client_close(&clients[5]);
    TURN_UNTIL(server_connections(server) == CROWD + 9);
    client_open(&late);
    client_send(&late, GET("/now"));
    expect_answer(&late, 200, NULL);
    client_close(&late);
    client_send(&clients[CROWD + 9], GET("/now"));
    expect_answer(&clients[CROWD + 9], 200, NULL);
    for (unsigned i = 0; i < CROWD + 10; i++)
        if (i != 5) client_close(&clients[i]);
}
END_TEST

START_TEST(without_keep_alive_answers_end_their_connections_and_idle_ones_stay)
{
    struct client idle, asking;
    client_open(&idle);
    client_open(&asking);
    turns(3);
    server_end_keep_alive(server);
    client_send(&asking, GET("/now"));
    expect_answer(&asking, 200, "\r\nConnection: close\r\n");
    expect_end(&asking);
    skip(2 * NS_PER_S);
    expect_alive(&idle);
    client_send(&idle, GET("/now"));
    expect_answer(&idle, 200, "\r\nConnection: close\r\n");
    expect_end(&idle);
    client_close(&idle);
    client_close(&asking);
}
END_TEST

START_TEST(a_closing_server_answers_who_asks_and_closes_who_does_not)
{
    struct client idle, asking, waiting_one;
    open_and_ask(&waiting_one, GET("/later"));
    client_open(&idle);
    client_open(&asking);
    turns(3);
    server_close_connections(server, clock_now_ns());
    client_send(&asking, GET("/now"));
    expect_answer(&asking, 200, "\r\nConnection: close\r\n");
    expect_end(&asking);
    expect_alive(&idle);
    skip(600 * NS_PER_MS);
    expect_end(&idle);
    TURN_UNTIL(server_connections(server) == 1);
    answer_one();
    expect_answer(&waiting_one, 200, "\r\nConnection: close\r\n");
    expect_end(&waiting_one);
    TURN_UNTIL(server_connections(server) == 0);
    client_close(&idle);
    client_close(&asking);
    client_close(&waiting_one);
}
END_TEST

START_TEST(a_server_that_ends_leaves_nobody_hanging)
{
    enum { COUNT = 6 };
    struct client clients[COUNT];
    open_and_ask(&clients[0], GET("/later"));
    open_and_ask(&clients[1], GET("/later"));
    open_and_ask(&clients[2], GET("/later"));
    client_open(&clients[3]);
    client_open(&clients[4]);
    client_send(&clients[4], "GET /no");
    client_open(&clients[5]);
    client_send(&clients[5], "nonsense\r\n\r\n");
    expect_answer(&clients[5], 400, NULL);
    server_free(server);
    server = NULL;
    ck_assert_uint_eq(abandoned, 3);
    for (unsigned i = 0; i < COUNT; i++) {
        client_receive(&clients[i]);
        client_receive(&clients[i]);
        ck_assert(clients[i].is_ended || clients[i].is_reset);
        if (i < 3) ck_assert(client_has(&clients[i], "\"code\":\"draining\""));
        client_close(&clients[i]);
    }
}
END_TEST

START_TEST(the_memory_of_a_request_is_used_again)
{
    struct client client;
    client_open(&client);
    for (unsigned i = 0; i < 100; i++) {
        client_send(&client, GET("/now"));
        expect_answer(&client, 200, NULL);
        ck_assert_uint_le(server->free_count, 1);
    }
    client_close(&client);
    TURN_UNTIL(server_connections(server) == 0);
    ck_assert_uint_eq(server->free_count, 1);
}
END_TEST

static TCase *make_case(const char *name)
{
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, begin, end);
    tcase_set_timeout(cases, 60);
    return cases;
}

static TCase *make_answer_case(void)
{
    TCase *cases = make_case("answers");
    tcase_add_test(cases, a_handler_may_answer_at_once);
    tcase_add_test(cases, a_connection_serves_request_after_request);
    tcase_add_test(cases, a_faulty_handler_answers_with_a_problem);
    tcase_add_test(cases, a_handler_may_answer_a_turn_later);
    tcase_add_test(cases, an_answer_is_out_after_one_turn);
    tcase_add_test(cases, who_has_waited_for_long_is_answered_and_served_on);
    tcase_add_test(cases, requests_that_wait_do_not_wake_the_server);
    tcase_add_test(cases, a_crowd_that_waits_is_answered_to_the_last);
    tcase_add_test(cases, pipelined_requests_are_answered_in_order);
    tcase_add_test(cases, bodies_arrive_whole_whatever_their_framing);
    tcase_add_test(cases, who_expects_it_is_told_to_continue);
    tcase_add_test(cases, head_gets_the_head_alone);
    tcase_add_test(cases, the_client_decides_whether_the_connection_persists);
    tcase_add_test(cases, a_malformed_request_is_told_why_and_its_rest_forgotten);
    tcase_add_test(cases, what_did_not_come_through_the_gate_is_not_answered);
    return cases;
}

static TCase *make_leaving_case(void)
{
    TCase *cases = make_case("clients that leave");
    tcase_add_test(cases, without_memory_for_what_follows_the_rest_is_not_taken_for_a_request);
    tcase_add_test(cases, a_client_that_vanishes_while_it_waits_is_noticed);
    tcase_add_test(cases, a_client_that_vanishes_behind_an_answer_that_is_not_out_yet_is_noticed);
    tcase_add_test(cases, what_comes_while_a_request_waits_is_read_after_its_answer);
    tcase_add_test(cases, what_comes_while_pipelined_requests_wait_is_read_behind_them);
    tcase_add_test(cases, a_client_that_vanishes_before_its_request_is_complete_is_noticed);
    tcase_add_test(cases, a_half_closed_client_gets_its_answer);
    tcase_add_test(cases, a_client_that_closes_with_its_request_gets_its_answers);
    tcase_add_test(cases, a_half_closed_client_with_half_a_request_is_closed);
    return cases;
}

static TCase *make_limit_case(void)
{
    TCase *cases = make_case("time and limits");
    tcase_add_test(cases, nobody_waits_longer_than_the_deadline);
    tcase_add_test(cases, an_idle_client_is_closed_without_a_word);
    tcase_add_test(cases, an_idle_client_with_bytes_behind_an_urgent_one_is_not_kept_for_ever);
    tcase_add_test(cases, a_head_has_one_time_limit_for_all_of_its_bytes);
    tcase_add_test(cases, a_body_has_one_time_limit_for_all_of_its_bytes);
    tcase_add_test(cases, a_late_head_behind_an_answered_request_is_told_too);
    tcase_add_test(cases, who_does_not_take_its_answer_is_cut_off);
    tcase_add_test(cases, the_server_wakes_when_the_next_wait_ends);
    tcase_add_test(cases, one_connection_too_many_is_told_at_once_and_slots_are_freed);
    tcase_add_test(cases, without_keep_alive_answers_end_their_connections_and_idle_ones_stay);
    tcase_add_test(cases, a_closing_server_answers_who_asks_and_closes_who_does_not);
    tcase_add_test(cases, a_server_that_ends_leaves_nobody_hanging);
    tcase_add_test(cases, the_memory_of_a_request_is_used_again);
    return cases;
}

static TCase *make_ledger_case(void)
{
    TCase *cases = make_case("ledgers");
    tcase_add_test(cases, time_is_booked_under_the_phase_in_which_it_was_spent);
    tcase_add_test(cases, a_slow_sender_spends_its_time_in_read_and_a_slow_answer_in_other);
    tcase_add_test(cases, pipelined_requests_begin_when_the_one_before_them_is_over);
    tcase_add_test(cases, everybody_who_asked_is_told_of_once);
    tcase_add_test(cases, the_ledger_is_shown_where_the_setting_or_the_routes_table_says_so);
    return cases;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("server");
    suite_add_tcase(suite, make_ledger_case());
    suite_add_tcase(suite, make_answer_case());
    suite_add_tcase(suite, make_leaving_case());
    suite_add_tcase(suite, make_limit_case());
    return suite;
}
