/*
 * A request from the socket to its answer: read by the gate, passed on to the library, handled when
 * the library calls, parked or suspended until it is answered, sent, and forgotten.
 */
#pragma once

#include "http/server_state.h"

#include <sys/types.h>

/* The library's callbacks; argument is the server. */
enum MHD_Result request_cycle_handle(void *argument, struct MHD_Connection *library, const char *url,
                                     const char *method, const char *version, const char *upload,
                                     size_t *upload_size, void **context);
void request_cycle_complete(void *argument, struct MHD_Connection *library, void **context,
                            enum MHD_RequestTerminationCode code);

/* The gate's reader; see socket_input.h. */
ssize_t request_cycle_read(struct connection *connection, char *buffer, size_t size);

/* Gives up connection's exchange, answered or not; is_sent: the answer has gone out whole. */
void request_cycle_end(struct connection *connection, bool is_sent);

/* Takes the handler's request away from it and answers with fault. */
void request_cycle_answer(struct connection *connection, enum fault fault);

/* Wakes the library's side of a connection whose request waits; harmless when it is awake. */
void request_cycle_resume(struct connection *connection);
