#include "http/problem.h"

#include "base/json_writer.h"

/* A field name is the client's own text: no more of it is echoed than tells which one it was. */
#define FIELD_SIZE_MAX 128

/* What this module itself writes around the variable parts of a body and of one of its errors. */
#define FRAME_SIZE_MAX       192
#define ERROR_FRAME_SIZE_MAX 32

/*
 * row(fault, status, Retry-After in seconds, title, detail). Unformatted, because clang-format
 * runs the rows together.
 */
/* clang-format off */
#define PROBLEM_TABLE(row) \
    row(FAULT_REQUEST_LINE, 400, 0, "Malformed request line", \
        "The request line must be a method, a target and HTTP/1.1, with single spaces between.") \
    row(FAULT_TARGET, 400, 0, "Malformed request target", \
        "The request target has characters or escapes that no URI may have.") \
    row(FAULT_HTTP_VERSION, 505, 0, "HTTP version not supported", \
        "This service speaks HTTP/1.1 and HTTP/1.0.") \
    row(FAULT_METHOD_UNKNOWN, 501, 0, "Method not implemented", \
        "No resource of this service implements this method.") \
    row(FAULT_FIELD, 400, 0, "Malformed header field", \
        "A header field has a name or a value that HTTP does not allow.") \
    row(FAULT_HOST, 400, 0, "Malformed Host field", \
        "The request must have exactly one Host field that names a host.") \
    row(FAULT_CONTENT_LENGTH, 400, 0, "Malformed Content-Length field", \
        "Content-Length must be one decimal number, and stand alone.") \
    row(FAULT_TRANSFER_ENCODING, 400, 0, "Malformed Transfer-Encoding field", \
        "Transfer-Encoding must be chunked, once, and in HTTP/1.1.") \
    row(FAULT_TRANSFER_CODING_UNKNOWN, 501, 0, "Transfer coding not implemented", \
        "The only transfer coding that this service decodes is chunked.") \
    row(FAULT_CHUNK, 400, 0, "Malformed chunked body", \
        "The body does not follow the chunked transfer coding.") \
    row(FAULT_EXPECTATION, 417, 0, "Expectation failed", \
        "The only expectation that this service meets is 100-continue.") \
    row(FAULT_TARGET_TOO_LONG, 414, 0, "Request target too long", \
        "The request target is longer than this service accepts.") \
    row(FAULT_HEAD_TOO_LARGE, 431, 0, "Header fields too large", \
        "The header fields are larger than this service accepts.") \
    row(FAULT_BODY_TOO_LARGE, 413, 0, "Content too large", \
        "The body is larger than this service accepts.") \
    row(FAULT_HEAD_TIMEOUT, 408, 0, "Header fields took too long", \
        "The header fields did not arrive in time.") \
    row(FAULT_BODY_TIMEOUT, 408, 0, "Body took too long", \
        "The body did not arrive in time.") \
    row(FAULT_TOO_MANY_CONNECTIONS, 503, 1, "Too many connections", \
        "The service has as many connections as it may have; try again in a moment.") \
    row(FAULT_ROUTE_NOT_FOUND, 404, 0, "Resource not found", \
        "No resource has this path.") \
    row(FAULT_METHOD_NOT_ALLOWED, 405, 0, "Method not allowed", \
        "The resource does not support this method; the Allow field lists those that it does.") \
    row(FAULT_BODY_UNEXPECTED, 400, 0, "Body not expected", \
        "This method takes no body on this resource.") \
    row(FAULT_MEDIA_TYPE, 415, 0, "Media type not supported", \
        "The body must be JSON in UTF-8, and Content-Type must say so.") \
    row(FAULT_CONTENT_CODING, 415, 0, "Content coding not supported", \
        "The body must be sent as it is, without a Content-Encoding.") \
    row(FAULT_JSON, 400, 0, "Malformed JSON", \
        "The body is not JSON.") \
    row(FAULT_JSON_TOO_DEEP, 400, 0, "JSON too deep", \
        "The body nests arrays or objects more than 32 levels deep.") \
    row(FAULT_VALIDATION, 422, 0, "Invalid fields", \
        "The request has fields that cannot be accepted; the errors say which, and why.") \
    row(FAULT_USER_NOT_FOUND, 404, 0, "User not found", \
        "No user has this id.") \
    row(FAULT_EMAIL_TAKEN, 409, 0, "E-mail address taken", \
        "Another user has this e-mail address.") \
    row(FAULT_PRECONDITION, 412, 0, "Precondition failed", \
        "The user is not at a version that the request's condition allows.") \
    row(FAULT_IDEMPOTENCY_KEY, 400, 0, "Malformed Idempotency-Key field", \
        "Idempotency-Key must be 1 to 255 visible ASCII characters, or such a string in quotes.") \
    row(FAULT_IDEMPOTENCY_REUSED, 422, 0, "Idempotency key reused", \
        "This Idempotency-Key came with another request before.") \
    row(FAULT_IDEMPOTENCY_RUNNING, 409, 0, "Idempotency key in use", \
        "The first request with this Idempotency-Key is still running.") \
    row(FAULT_LABORATORY_OFF, 403, 0, "Laboratory off", \
        "The laboratory is not enabled: start the service with --lab on, or SPLITS_LAB=on.") \
    row(FAULT_DATABASE_UNAVAILABLE, 503, 1, "Database unavailable", \
        "The service cannot reach its database; nothing was changed.") \
    row(FAULT_DATABASE_URL, 503, 5, "Database URL missing", \
        "The file that should tell the service its database cannot be read, or does not.") \
    row(FAULT_SCHEMA_BEHIND, 503, 5, "Database schema behind", \
        "The database lacks migrations that this service needs.") \
    row(FAULT_SCHEMA_UNKNOWN, 503, 5, "Database schema unknown", \
        "The database's schema is newer than this version of the service, and does not work with it.") \
    row(FAULT_DRAINING, 503, 1, "Service stopping", \
        "This instance of the service is about to stop.") \
    row(FAULT_WORKER_STALLED, 503, 0, "Worker stalled", \
        "A thread of this instance of the service stands still.") \
    row(FAULT_OVERLOADED, 503, 1, "Service overloaded", \
        "Too many requests wait for the database; nothing was changed.") \
    row(FAULT_REQUEST_TIMEOUT, 504, 0, "Request took too long", \
        "The service could not answer in time; a change may have been made nevertheless.") \
    row(FAULT_STATEMENT_TIMEOUT, 504, 0, "Database took too long", \
        "The database could not answer in time; nothing was changed.") \
    row(FAULT_LOCK_TIMEOUT, 503, 1, "Database lock took too long", \
        "Other requests held what this one needed; nothing was changed.") \
    row(FAULT_SERIALIZATION, 503, 1, "Conflicting requests", \
        "Other requests were in the way each time it was tried; nothing was changed.") \
    row(FAULT_DATABASE_READ_ONLY, 503, 1, "Database read-only", \
        "The database takes no changes at present; nothing was changed.") \
    row(FAULT_DATABASE_RESOURCES, 503, 30, "Database out of resources", \
        "The database is short of disk or memory; nothing was changed.") \
    row(FAULT_OUTCOME_UNKNOWN, 503, 0, "Outcome unknown", \
        "The change may or may not have been made; look before trying again.") \
    row(FAULT_VALUE_REFUSED, 400, 0, "Value refused", \
        "The database cannot store one of the values of the request.") \
    row(FAULT_CONSTRAINT, 422, 0, "Constraint violated", \
        "The values of the request break a rule of the database.") \
    row(FAULT_MEMORY, 503, 1, "Out of memory", \
        "The service had not enough memory for this request; nothing was changed.") \
    row(FAULT_INTERNAL, 500, 0, "Internal error", \
        "The service has a defect; its log says more.")
/* clang-format on */

#define PROBLEM_CASE(fault_, status_, retry_after_s_, title_, detail_)                                       \
    case fault_: {                                                                                           \
        static const struct problem problem = {                                                              \
            .status = (status_), .title = (title_), .detail = (detail_), .retry_after_s = (retry_after_s_)}; \
        return &problem;                                                                                     \
    }

const struct problem *problem_of(enum fault fault)
{
    switch (fault) {
        PROBLEM_TABLE(PROBLEM_CASE)
    case FAULT_NONE:
    case FAULT_COUNT:
        break;
    }
    return problem_of(FAULT_INTERNAL);
}

/* At most FIELD_SIZE_MAX bytes of field, and only whole characters. */
static struct text shorten_field(struct text field)
{
    if (field.size <= FIELD_SIZE_MAX) return field;
    field.size = FIELD_SIZE_MAX;
    while (field.size > 0 && ((unsigned char)field.bytes[field.size] & 0xC0) == 0x80)
        field.size--;
    return field;
}

size_t problem_size_max(enum fault fault, const struct problem_details *details)
{
    const struct problem *problem = problem_of(fault);
    size_t size = FRAME_SIZE_MAX + 2 * strlen(fault_code(fault)) + JSON_WRITER_INT64_MAX;
    size += JSON_WRITER_STRING_MAX(strlen(problem->title));
    size += JSON_WRITER_STRING_MAX(strlen(details->detail ? details->detail : problem->detail));
    size += JSON_WRITER_STRING_MAX(details->request_id.size);
    for (size_t i = 0; i < details->error_count; i++) {
        const struct field_error *error = &details->errors[i];
        size += ERROR_FRAME_SIZE_MAX + JSON_WRITER_STRING_MAX(shorten_field(error->field).size);
        size += JSON_WRITER_STRING_MAX(strlen(error->reason));
    }
    return size;
}

static char *write_errors(char *at, const struct field_error *errors, size_t count)
{
    at = JSON_WRITER_LITERAL(at, ",\"errors\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) at = JSON_WRITER_LITERAL(at, ",");
        at = JSON_WRITER_LITERAL(at, "{\"field\":");
        at = json_writer_string(at, shorten_field(errors[i].field));
        at = JSON_WRITER_LITERAL(at, ",\"reason\":");
        at = json_writer_string(at, text_of(errors[i].reason));
        at = JSON_WRITER_LITERAL(at, "}");
    }
    return JSON_WRITER_LITERAL(at, "]");
}

char *problem_write(char *at, enum fault fault, const struct problem_details *details)
{
    const struct problem *problem = problem_of(fault);
    struct text code = text_of(fault_code(fault));
    at = JSON_WRITER_LITERAL(at, "{\"type\":\"/problems/");
    at = json_writer_raw(at, code.bytes, code.size);
    at = JSON_WRITER_LITERAL(at, "\",\"title\":");
    at = json_writer_string(at, text_of(problem->title));
    at = JSON_WRITER_LITERAL(at, ",\"status\":");
    at = json_writer_int64(at, problem->status);
    at = JSON_WRITER_LITERAL(at, ",\"detail\":");
    at = json_writer_string(at, text_of(details->detail ? details->detail : problem->detail));
    at = JSON_WRITER_LITERAL(at, ",\"code\":\"");
    at = json_writer_raw(at, code.bytes, code.size);
    at = JSON_WRITER_LITERAL(at, "\"");
    if (details->request_id.size > 0) {
        at = JSON_WRITER_LITERAL(at, ",\"request_id\":");
        at = json_writer_string(at, details->request_id);
    }
    if (fault == FAULT_OUTCOME_UNKNOWN || details->is_outcome_unknown)
        at = JSON_WRITER_LITERAL(at, ",\"outcome\":\"unknown\"");
    if (details->error_count > 0) at = write_errors(at, details->errors, details->error_count);
    return JSON_WRITER_LITERAL(at, "}");
}
