/*
 * A request from the socket to its answer: read and judged, handled, and when it is answered passed on to the
 * library, which sends the answer; then forgotten.
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

/* A client's socket has events; an event source's callback. */
void request_cycle_ready(struct event_source *source, uint32_t events);

/*
 * Reads what has come and handles it, one request at a time: the next one waits for the answer to this one.
 * Only for a connection that has no request under way and is not ended.
 */
void request_cycle_proceed(struct connection *connection);

/* What the library reads of connection; see socket_input.h. */
ssize_t request_cycle_tell(struct connection *connection, char *buffer, size_t size);

/* Gives up connection's exchange, answered or not; is_sent: the answer has gone out whole. */
void request_cycle_end(struct connection *connection, bool is_sent);

/* Reads no more of the request that connection has begun, and answers it with fault. */
void request_cycle_refuse(struct connection *connection, enum fault fault);

/* Takes the handler's request away from it and answers with fault. */
void request_cycle_answer(struct connection *connection, enum fault fault);
