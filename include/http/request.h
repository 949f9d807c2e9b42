/*
 * A request as handlers see it: complete, judged to be sound HTTP/1.1, and owned by one worker.
 *
 * It lives from its first byte until its response is sent or its connection gone, and everything
 * that is made for it lives in its arena. A handler answers at once through http/response.h, or
 * starts something, sets `abandon`, and answers later from a callback on the same thread. A request
 * that nobody answers by its deadline is abandoned and answered 504 by the server.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/ledger.h"
#include "base/text.h"
#include "http/response.h"

#include <stdbool.h>
#include <stdint.h>

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_COUNT /* of a request that was refused: one that is not known, or not yet */
};

/* The header fields that are kept; all others are checked and forgotten. */
enum header {
    HEADER_ACCEPT,
    HEADER_CONTENT_ENCODING,
    HEADER_CONTENT_TYPE,
    HEADER_IDEMPOTENCY_KEY,
    HEADER_IF_MATCH,
    HEADER_IF_NONE_MATCH,
    HEADER_X_REQUEST_ID,
    HEADER_COUNT
};

struct route;

struct request {
    enum method method;
    struct text path;                  /* percent-encoded unreserved characters decoded; no query */
    struct text query;                 /* raw, after the '?'; size 0 when there is none */
    struct text headers[HEADER_COUNT]; /* trimmed values; bytes NULL when absent; first of repeats */
    struct text body;                  /* without transfer coding; size 0 when there is none */
    char id[129];                      /* X-Request-Id, the client's or made here; terminated */
    const struct route *route;         /* which resource this is; NULL while not known */
    int64_t path_id;                   /* {id} of the path, from 1; 0 where the route has none */
    struct ledger ledger;              /* where its time goes; starts with the first byte */
    uint64_t deadline_ns;              /* when it will be answered 504 */
    struct arena arena;                /* everything that is made for this request */
    struct response response;          /* what it will be answered */
    bool shows_timing;                 /* its answer carries Server-Timing */
    void *services;                    /* what the worker gives its handlers; set by the router */

    /*
     * Called at most once, before the answer, when the request ends without its handler: the
     * deadline passed or the client went away. It must make sure that no callback comes any more.
     */
    void (*abandon)(struct request *request);
    void *abandon_argument; /* for abandon's use */

    /*
     * Called at most once, at the very end, when the answer is sent or the client gone: the ledger is
     * complete. Set by a handler that wants to know; the request is still readable.
     */
    void (*ended)(struct request *request);
    void *ended_argument; /* for ended's use */

    /* Called by http/response.c when the response is complete; the server's. May be NULL. */
    void (*answered)(struct request *request);
};

/*
 * Takes the query apart: calls each(argument, name, value) per parameter, in order, names and values
 * percent- and plus-decoded into the arena. Stops at, and gives, the first fault that each gives.
 * FAULT_TARGET for a malformed escape or bytes that are not UTF-8, FAULT_MEMORY.
 */
enum fault request_each_parameter(struct request *request,
                                  enum fault (*each)(void *argument, struct text name, struct text value),
                                  void *argument);

/* Does it change nothing (RFC 9110, section 9.2.1)? */
bool method_is_safe(enum method method);

/* The method's name, "GET"; "_OTHER", as OpenTelemetry has it, for METHOD_COUNT. */
const char *method_name(enum method method);
