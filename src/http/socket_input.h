/*
 * The gate between the sockets and libmicrohttpd: it reads requests itself, whole, and tells the
 * library only that there is one.
 *
 * libmicrohttpd 0.9.75 lets requests through that no service may accept (docs/decisions/0001), has no
 * hook between socket and parser, and reads with recv(2). So the program has a recv of its own: the
 * dynamic linker (or the static one) prefers a symbol of the executable to libc's. For a socket of
 * one of this thread's connections it gives the library a minimal request, of the same method and
 * version as the client's, once that is complete, judged and answered; for every other descriptor,
 * libpq's among them, it is recvfrom(2).
 *
 * The handler in request_cycle.c refuses to answer a connection whose request did not come through the
 * gate, so that a library that reads in another way cannot bypass it.
 */
#pragma once

#include "http/connection.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Called for each read of the library's on connection's socket, with room for size bytes at buffer;
 * what recv(2) would give, with errno.
 */
typedef ssize_t socket_reader(struct connection *connection, char *buffer, size_t size);

/* For the calling thread, from now on until its end. */
void socket_input_use(socket_reader *reader);

/* The thread's reads of connection's socket go through the reader. FAULT_MEMORY. */
enum fault socket_input_add(struct connection *connection);
void socket_input_remove(struct connection *connection);

/* The thread's connection with this socket; NULL when there is none. */
struct connection *socket_input_find(int descriptor);

/* Frees the thread's table. */
void socket_input_end(void);

/*
 * Writes the request that the library gets in exchange's stead: its method, as far as it decides whether the
 * answer has a body, its version, and what makes it valid. It never fills size, which is at least
 * SOCKET_INPUT_SIZE_MIN: so the library does not read on by itself. Gives the bytes written.
 */
#define SOCKET_INPUT_SIZE_MIN 128
size_t socket_input_write_request(const struct exchange *exchange, char *buffer, size_t size);
