#include "service/probe.h"

#include "base/clock.h"
#include "service/socket_address.h"
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* An instance that gives one answer, on a thread of its own. */
static struct {
    int listener;
    unsigned port;
    const char *first, *second; /* parts of the answer; NULL: none, and the connection stays open */
    char request[512];
    pthread_t thread;
} instance;

static void *answer(void *argument)
{
    (void)argument;
    int client = accept(instance.listener, NULL, NULL);
    ssize_t size = recv(client, instance.request, sizeof instance.request - 1, 0);
    instance.request[size > 0 ? size : 0] = '\0';
    if (instance.first != NULL) (void)send(client, instance.first, strlen(instance.first), MSG_NOSIGNAL);
    if (instance.second != NULL) {
        (void)usleep(20000);
        (void)send(client, instance.second, strlen(instance.second), MSG_NOSIGNAL);
    }
    if (instance.first == NULL) (void)recv(client, instance.request, 1, 0);
    (void)close(client);
    return NULL;
}

static void start(const char *address, const char *first, const char *second)
{
    union socket_address name;
    socklen_t size = socket_address_make(address, 0, &name);
    instance.listener = socket(name.any.sa_family, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(instance.listener, &name.any, size), 0);
    ck_assert_int_eq(listen(instance.listener, 1), 0);
    ck_assert_int_eq(getsockname(instance.listener, &name.any, &size), 0);
    instance.port = socket_address_port(&name);
    instance.first = first;
    instance.second = second;
    ck_assert_int_eq(pthread_create(&instance.thread, NULL, answer, NULL), 0);
}

/* Probes and tells the exit code; *ret_line is what it said. */
static int probe(const char *address, const char **ret_line)
{
    static char line[8192];
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
    int code = probe_run("check ready", address, instance.port, "/health/ready");
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    (void)close(saved);
    rewind(file);
    line[fread(line, 1, sizeof line - 1, file)] = '\0';
    (void)fclose(file);
    *ret_line = line;
    return code;
}

static void stop(void)
{
    (void)pthread_join(instance.thread, NULL);
    (void)close(instance.listener);
}

static void assert_probe(const char *first, const char *second, int code, const char *line)
{
    const char *said;
    start("127.0.0.1", first, second);
    ck_assert_int_eq(probe("127.0.0.1", &said), code);
    ck_assert_str_eq(said, line);
    stop();
    ck_assert_str_eq(instance.request,
                     "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

START_TEST(ok_is_0_and_says_nothing)
{
    assert_probe("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL, 0, "");
    assert_probe("HTTP/1.1 2", "00 OK\r\n\r\n", 0, "");
}
END_TEST

START_TEST(another_status_is_1_and_its_content_says_why)
{
    assert_probe("HTTP/1.1 503 Service Unavailable\r\n\r\n", "{\"code\":\"draining\"}", 1,
                 "splits: check ready: 503 {\"code\":\"draining\"}\n");
    assert_probe("HTTP/1.1 404 Not Found\r\n\r\n", NULL, 1, "splits: check ready: 404 \n");
    assert_probe("HTTP/1.1 500 No\r\n\r\nfirst\nsecond", NULL, 1, "splits: check ready: 500 first\n");
}
END_TEST

START_TEST(what_is_no_http_is_1)
{
    static const char line[] = "splits: check ready: the answer is no HTTP: is the port another program's?\n";
    assert_probe("SSH-2.0-OpenSSH_9.2\r\n", NULL, 1, line);
    assert_probe("HTTP/1.1 200 OK\r\n", NULL, 1, line);
    assert_probe("", NULL, 1, line);
}
END_TEST

START_TEST(an_answer_that_is_too_long_is_cut)
{
    static char content[8192];
    const char *said;
    memset(content, 'x', sizeof content - 1);
    memcpy(content, "HTTP/1.1 503 x\r\n\r\n", 18);
    start("127.0.0.1", content, NULL);
    ck_assert_int_eq(probe("127.0.0.1", &said), 1);
    ck_assert_uint_eq(strlen(said), strlen("splits: check ready: 503 \n") + 4095 - 18);
    stop();
}
END_TEST

START_TEST(nobody_there_is_1)
{
    char line[128];
    const char *said;
    start("127.0.0.1", "", NULL);
    ck_assert_int_eq(probe("127.0.0.1", &said), 1);
    stop();
    ck_assert_int_eq(probe("127.0.0.1", &said), 1);
    (void)snprintf(line, sizeof line, "splits: check ready: 127.0.0.1 port %u: Connection refused\n",
                   instance.port);
    ck_assert_str_eq(said, line);
}
END_TEST

START_TEST(an_instance_that_does_not_answer_is_waited_for_for_two_seconds)
{
    char line[128];
    const char *said;
    uint64_t started_ns = clock_now_ns();
    start("127.0.0.1", NULL, NULL);
    ck_assert_int_eq(probe("127.0.0.1", &said), 1);
    uint64_t took_ns = clock_now_ns() - started_ns;
    ck_assert_uint_ge(took_ns, PROBE_TIMEOUT_MS * NS_PER_MS);
    ck_assert_uint_lt(took_ns, 2 * PROBE_TIMEOUT_MS * NS_PER_MS);
    (void)snprintf(line, sizeof line, "splits: check ready: 127.0.0.1 port %u: Connection timed out\n",
                   instance.port);
    ck_assert_str_eq(said, line);
    stop();
}
END_TEST

static const char *const everywhere[] = {"0.0.0.0", "::"};

START_TEST(a_listener_on_all_addresses_is_found_on_loopback)
{
    const char *said;
    start(everywhere[_i], "HTTP/1.1 200 OK\r\n\r\n", NULL);
    ck_assert_int_eq(probe(everywhere[_i], &said), 0);
    stop();
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("probe");
    TCase *tcase = tcase_create("probe");
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, ok_is_0_and_says_nothing);
    tcase_add_test(tcase, another_status_is_1_and_its_content_says_why);
    tcase_add_test(tcase, what_is_no_http_is_1);
    tcase_add_test(tcase, an_answer_that_is_too_long_is_cut);
    tcase_add_test(tcase, nobody_there_is_1);
    tcase_add_test(tcase, an_instance_that_does_not_answer_is_waited_for_for_two_seconds);
    tcase_add_loop_test(tcase, a_listener_on_all_addresses_is_found_on_loopback, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
