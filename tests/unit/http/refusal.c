#include "http/refusal.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int client, server;

static void begin(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    client = pair[0];
    server = pair[1];
}

static void end(void)
{
    (void)close(client);
    (void)close(server);
}

/* All that has come, as a string; borrowed until the next call. */
static const char *receive(void)
{
    static char received[8192];
    ssize_t size = recvfrom(client, received, sizeof received - 1, 0, NULL, NULL);
    received[size < 0 ? 0 : size] = '\0';
    return received;
}

static void check_has(const char *response, const char *part)
{
    ck_assert_msg(strstr(response, part) != NULL, "no %s in %s", part, response);
}

START_TEST(a_refusal_is_a_whole_response_that_closes)
{
    refusal_send(server, FAULT_TOO_MANY_CONNECTIONS, TEXT("some-id"));
    const char *response = receive();
    ck_assert_int_eq(strncmp(response, "HTTP/1.1 503 Service Unavailable\r\n", 34), 0);
    check_has(response, "\r\nContent-Type: application/problem+json\r\n");
    check_has(response, "\r\nConnection: close\r\n");
    check_has(response, "\r\nRetry-After: 1\r\n");
    check_has(response, "\r\nX-Request-Id: some-id\r\n");
    check_has(response, "\"code\":\"too_many_connections\"");
    check_has(response, "\"request_id\":\"some-id\"");
}
END_TEST

START_TEST(the_announced_size_is_that_of_the_body)
{
    refusal_send(server, FAULT_MEMORY, TEXT("0123456789abcdef"));
    const char *response = receive();
    const char *length = strstr(response, "Content-Length: ");
    const char *body = strstr(response, "\r\n\r\n");
    ck_assert_ptr_nonnull(length);
    ck_assert_ptr_nonnull(body);
    ck_assert_uint_eq(strtoul(length + 16, NULL, 10), strlen(body + 4));
    ck_assert_int_eq(body[4], '{');
    ck_assert_int_eq(body[strlen(body) - 1], '}');
}
END_TEST

START_TEST(an_id_of_128_characters_fits)
{
    char id[129];
    memset(id, 'x', 128);
    id[128] = '\0';
    refusal_send(server, FAULT_TOO_MANY_CONNECTIONS, text_of(id));
    check_has(receive(), id);
}
END_TEST

START_TEST(a_full_socket_gets_nothing_and_blocks_nobody)
{
    static const char filling[65536];
    while (send(server, filling, sizeof filling, MSG_DONTWAIT) > 0)
        continue;
    while (send(server, filling, 1, MSG_DONTWAIT) > 0)
        continue;
    refusal_send(server, FAULT_TOO_MANY_CONNECTIONS, TEXT("id"));
}
END_TEST

START_TEST(a_client_that_is_gone_raises_no_signal)
{
    (void)close(client);
    client = -1;
    refusal_send(server, FAULT_TOO_MANY_CONNECTIONS, TEXT("id"));
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("refusal");
    TCase *cases = tcase_create("refusals");
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, a_refusal_is_a_whole_response_that_closes);
    tcase_add_test(cases, the_announced_size_is_that_of_the_body);
    tcase_add_test(cases, an_id_of_128_characters_fits);
    tcase_add_test(cases, a_full_socket_gets_nothing_and_blocks_nobody);
    tcase_add_test(cases, a_client_that_is_gone_raises_no_signal);
    suite_add_tcase(suite, cases);
    return suite;
}
