#include "service/probe.h"

#include "base/clock.h"
#include "service/socket_address.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_SIZE_MAX 128
#define ANSWER_SIZE_MAX  4096 /* with the end; more of it is not read */

/* A conversation; its functions give 0 or errno's number. */
struct probe {
    int socket;
    uint64_t deadline_ns;
    char answer[ANSWER_SIZE_MAX];
};

static int await(const struct probe *probe, short events)
{
    struct pollfd entry = {.fd = probe->socket, .events = events};
    for (;;) {
        uint64_t now_ns = clock_now_ns();
        if (now_ns >= probe->deadline_ns) return ETIMEDOUT;
        int count = poll(&entry, 1, (int)((probe->deadline_ns - now_ns) / NS_PER_MS) + 1);
        if (count > 0) return 0;
        if (count < 0 && errno != EINTR) return errno;
    }
}

static int open_connection(const struct probe *probe, const union socket_address *address, socklen_t size)
{
    int error = 0;
    socklen_t error_size = sizeof error;
    if (connect(probe->socket, &address->any, size) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    int waited = await(probe, POLLOUT);
    if (waited != 0) return waited;
    return getsockopt(probe->socket, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 ? error : errno;
}

/* A new connection has room for all of it. */
static int send_request(const struct probe *probe, const char *path)
{
    char request[REQUEST_SIZE_MAX];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    return send(probe->socket, request, (size_t)size, MSG_NOSIGNAL) == size ? 0 : errno;
}

/* Until the other side closes. */
static int read_answer(struct probe *probe)
{
    for (size_t size = 0; size < ANSWER_SIZE_MAX - 1;) {
        int error = await(probe, POLLIN);
        if (error != 0) return error;
        ssize_t part = recv(probe->socket, probe->answer + size, ANSWER_SIZE_MAX - 1 - size, 0);
        if (part < 0 && errno != EINTR && errno != EAGAIN) return errno;
        if (part == 0) return 0;
        if (part > 0) size += (size_t)part;
    }
    return 0;
}

static int ask(struct probe *probe, const union socket_address *address, socklen_t size, const char *path)
{
    int error = open_connection(probe, address, size);
    if (error == 0) error = send_request(probe, path);
    return error == 0 ? read_answer(probe) : error;
}

/* Prints why the answer is no 200: its status and its content, which is one line. */
static int judge(const char *name, const char *answer)
{
    static const char version[] = "HTTP/1.1 ";
    const char *status = answer + sizeof version - 1, *content = strstr(answer, "\r\n\r\n");
    if (strncmp(answer, version, sizeof version - 1) != 0 || content == NULL) {
        (void)fprintf(stderr, "splits: %s: the answer is no HTTP: is the port another program's?\n", name);
        return 1;
    }
    if (strncmp(status, "200 ", 4) == 0) return 0;
    content += strlen("\r\n\r\n");
    (void)fprintf(stderr, "splits: %s: %.3s %.*s\n", name, status, (int)strcspn(content, "\r\n"), content);
    return 1;
}

int probe_run(const char *name, const char *address, unsigned port, const char *path)
{
    if (port == 0) {
        (void)fprintf(stderr, "splits: %s: port 0 is any free one: set it to the one that the instance has\n",
                      name);
        return 1;
    }
    union socket_address target;
    socklen_t size = socket_address_make(address, port, &target);
    socket_address_reach(&target);
    struct probe probe = {
        .socket = socket(target.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
        .deadline_ns = clock_now_ns() + PROBE_TIMEOUT_MS * NS_PER_MS,
    };
    int error = probe.socket < 0 ? errno : ask(&probe, &target, size, path);
    if (probe.socket >= 0) (void)close(probe.socket);
    if (error == 0) return judge(name, probe.answer);
    (void)fprintf(stderr, "splits: %s: %s port %u: %s\n", name, address, port, strerrordesc_np(error));
    return 1;
}
