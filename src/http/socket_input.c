#include "http/socket_input.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static _Thread_local struct {
    socket_reader *reader;
    struct connection **connections; /* by descriptor */
    size_t size;
} thread;

void socket_input_use(socket_reader *reader)
{
    thread.reader = reader;
}

enum fault socket_input_add(struct connection *connection)
{
    size_t index = (size_t)connection->socket;
    if (index >= thread.size) {
        size_t size = index < 512 ? 1024 : 2 * index;
        struct connection **connections = realloc(thread.connections, size * sizeof(struct connection *));
        if (connections == NULL) return FAULT_MEMORY;
        memset(&connections[thread.size], 0, (size - thread.size) * sizeof(struct connection *));
        thread.connections = connections;
        thread.size = size;
    }
    thread.connections[index] = connection;
    return FAULT_NONE;
}

void socket_input_remove(struct connection *connection)
{
    thread.connections[connection->socket] = NULL;
}

void socket_input_end(void)
{
    free(thread.connections);
    thread.connections = NULL;
    thread.size = 0;
}

struct connection *socket_input_find(int descriptor)
{
    size_t index = (size_t)descriptor;
    return index < thread.size ? thread.connections[index] : NULL;
}

/* The library's own view of libc's recv; declared here because <sys/socket.h> may make it inline. */
ssize_t recv(int descriptor, void *buffer, size_t size, int flags)
{
    struct connection *connection = socket_input_find(descriptor);
    if (connection == NULL) return recvfrom(descriptor, buffer, size, flags, NULL, NULL);
    return thread.reader(connection, buffer, size);
}

static char *put(char *at, const char *text)
{
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

size_t socket_input_write_request(const struct exchange *exchange, char *buffer, size_t size)
{
    assert(size >= SOCKET_INPUT_SIZE_MIN);
    char *at = put(buffer, exchange->request.method == METHOD_HEAD ? "HEAD / HTTP/1." : "GET / HTTP/1.");
    if (exchange->is_http_1_0)
        at = put(at, exchange->keeps_alive ? "0\r\nConnection: Keep-Alive\r\n" : "0\r\n");
    else
        at = put(at, "1\r\nHost:x\r\n"); /* libmicrohttpd 1.0 refuses HTTP/1.1 without one */
    at = put(at, "\r\n");
    return (size_t)(at - buffer);
}
