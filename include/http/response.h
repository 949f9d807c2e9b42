/*
 * The answer to a request. Exactly one of the functions below is called per request, once, on its
 * worker's thread; bodies live in the request's arena or for ever.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct request;

/* One wrong field of a request, for the `errors` member of a problem. */
struct field_error {
    struct text field;  /* its name as the client wrote it, UTF-8; "" is the whole body */
    const char *reason; /* a phrase that completes "<field> …": "must not be empty" */
};

struct response {
    unsigned status;          /* 0 until answered */
    const char *content_type; /* NULL without a body */
    struct text body;
    /* Optional fields: NULL when absent; terminated strings in the arena or for ever. */
    const char *location;
    const char *link;
    const char *allow;
    const char *etag;
    const char *accept;      /* media types that would have been accepted, beside 415 */
    unsigned retry_after_s;  /* 0: no Retry-After */
    enum fault fault;        /* what a problem reports; FAULT_NONE for all else */
    bool is_outcome_unknown; /* a problem that says: the change may have been made, or not */
};

/* Did the service fail? 501 and 505 are about what the client sent: nonsense shall not fill logs, nor raise
 * alarms. */
static inline bool response_is_failure(unsigned status)
{
    return status >= 500 && status != 501 && status != 505;
}

/* Answers with status and a JSON body; set further fields of request->response before. */
void response_json(struct request *request, unsigned status, struct text body);

/* The same with a body of another type, such as "text/plain; charset=utf-8". */
void response_text(struct request *request, unsigned status, const char *content_type, struct text body);

/*
 * Answers 304. body is what a 200 would have: only its size is sent, as Content-Length (RFC 9110, section
 * 8.6).
 */
void response_not_modified(struct request *request, struct text body);

/* Answers with a status that has no body: 204. */
void response_empty(struct request *request, unsigned status);

/*
 * Answers with fault's status and an application/problem+json body (RFC 9457): type, title, status,
 * detail, code, request_id, and `errors` when count is not 0. detail NULL means fault's usual sentence.
 * FAULT_OUTCOME_UNKNOWN adds "outcome":"unknown". Retry-After comes from the table of faults unless
 * request->response.retry_after_s is set already.
 */
void response_problem(struct request *request, enum fault fault, const char *detail,
                      const struct field_error *errors, size_t count);
