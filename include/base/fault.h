/*
 * Why something could not be done: one closed list for the whole program.
 *
 * A function that can fail returns an enum fault; FAULT_NONE (0) is success. The type itself is
 * must-check: a dropped result is a compiler warning, and `(void)` the visible way to ignore one.
 * http/problem.h maps every fault to what a client is told. A fault is logged once, by whoever
 * knows its cause.
 */
#pragma once

enum [[nodiscard]] fault{
    FAULT_NONE = 0,

    /* The request is no HTTP/1.1 message that this service accepts (RFC 9110, RFC 9112). */
    FAULT_REQUEST_LINE,            /* malformed request line */
    FAULT_TARGET,                  /* malformed request target */
    FAULT_HTTP_VERSION,            /* a major version other than 1 */
    FAULT_METHOD_UNKNOWN,          /* a method that no resource here implements */
    FAULT_FIELD,                   /* malformed header or trailer field, bare CR, LF or NUL */
    FAULT_HOST,                    /* Host missing, repeated or malformed */
    FAULT_CONTENT_LENGTH,          /* repeated, malformed, or beside Transfer-Encoding */
    FAULT_TRANSFER_ENCODING,       /* chunked not last, repeated, or in HTTP/1.0 */
    FAULT_TRANSFER_CODING_UNKNOWN, /* a transfer coding other than chunked */
    FAULT_CHUNK,                   /* malformed chunked body */
    FAULT_EXPECTATION,             /* an Expect other than 100-continue */
    FAULT_TARGET_TOO_LONG,         /* the request target is over its limit */
    FAULT_HEAD_TOO_LARGE,          /* the header section is over its limit */
    FAULT_BODY_TOO_LARGE,          /* the body is over its limit */
    FAULT_HEAD_TIMEOUT,            /* the head did not arrive in time */
    FAULT_BODY_TIMEOUT,            /* the body did not arrive in time */
    FAULT_TOO_MANY_CONNECTIONS,    /* refused at the door */

    /* The request is sound, but not one that this API answers. */
    FAULT_ROUTE_NOT_FOUND,     /* no resource has this path */
    FAULT_METHOD_NOT_ALLOWED,  /* the resource does not support the method */
    FAULT_BODY_UNEXPECTED,     /* content where the method defines none */
    FAULT_MEDIA_TYPE,          /* Content-Type missing or not accepted */
    FAULT_CONTENT_CODING,      /* Content-Encoding other than identity */
    FAULT_JSON,                /* the body is not JSON (RFC 8259) */
    FAULT_JSON_TOO_DEEP,       /* arrays or objects nested beyond the limit */
    FAULT_VALIDATION,          /* one or more fields are wrong; the problem lists them */
    FAULT_USER_NOT_FOUND,      /* no user has this id */
    FAULT_EMAIL_TAKEN,         /* another user has this e-mail address */
    FAULT_PRECONDITION,        /* If-Match does not match the current version */
    FAULT_IDEMPOTENCY_KEY,     /* malformed Idempotency-Key */
    FAULT_IDEMPOTENCY_REUSED,  /* same Idempotency-Key, other request */
    FAULT_IDEMPOTENCY_RUNNING, /* a request with this Idempotency-Key is still running */
    FAULT_LABORATORY_OFF,      /* the resource belongs to the laboratory, which is not enabled */

    /* The service or its database could not do it. */
    FAULT_DATABASE_UNAVAILABLE, /* no connection to the database; not applied */
    FAULT_DATABASE_URL,         /* the file that should hold the URL has none */
    FAULT_SCHEMA_BEHIND,        /* migrations are missing */
    FAULT_SCHEMA_UNKNOWN,       /* newer migrations, with which this binary does not work */
    FAULT_DRAINING,             /* the process is about to stop */
    FAULT_WORKER_STALLED,       /* a worker's loop does not come round */
    FAULT_OVERLOADED,           /* a queue is full, or the wait in it too long */
    FAULT_REQUEST_TIMEOUT,      /* the deadline of the whole request passed */
    FAULT_STATEMENT_TIMEOUT,    /* SQLSTATE 57014 */
    FAULT_LOCK_TIMEOUT,         /* SQLSTATE 55P03 */
    FAULT_SERIALIZATION,        /* SQLSTATE 40001, 40P01, after retries */
    FAULT_DATABASE_READ_ONLY,   /* SQLSTATE 25006: demoted */
    FAULT_DATABASE_RESOURCES,   /* SQLSTATE class 53: disk, memory */
    FAULT_OUTCOME_UNKNOWN,      /* a write was sent and the connection lost before its end */
    FAULT_VALUE_REFUSED,        /* SQLSTATE 22021, 22003: no such text or number */
    FAULT_CONSTRAINT,           /* SQLSTATE 23514, 23502, 22001 */
    FAULT_MEMORY,               /* an allocation failed or a bound was reached */
    FAULT_INTERNAL,             /* a defect: logged with its cause */

    FAULT_COUNT};

/* The fault's stable code, such as "email_taken": what clients and logs see. Never NULL. */
const char *fault_code(enum fault fault);
