#include "base/fault.h"

const char *fault_code(enum fault fault)
{
    /* A table, one line a fault. */
    /* clang-format off */
    switch (fault) {
    case FAULT_NONE: return "none";
    case FAULT_REQUEST_LINE: return "malformed_request_line";
    case FAULT_TARGET: return "malformed_target";
    case FAULT_HTTP_VERSION: return "http_version_not_supported";
    case FAULT_METHOD_UNKNOWN: return "method_not_implemented";
    case FAULT_FIELD: return "malformed_header";
    case FAULT_HOST: return "bad_host";
    case FAULT_CONTENT_LENGTH: return "bad_content_length";
    case FAULT_TRANSFER_ENCODING: return "bad_transfer_encoding";
    case FAULT_TRANSFER_CODING_UNKNOWN: return "transfer_coding_not_implemented";
    case FAULT_CHUNK: return "malformed_chunk";
    case FAULT_EXPECTATION: return "expectation_failed";
    case FAULT_TARGET_TOO_LONG: return "target_too_long";
    case FAULT_HEAD_TOO_LARGE: return "header_too_large";
    case FAULT_BODY_TOO_LARGE: return "body_too_large";
    case FAULT_HEAD_TIMEOUT: return "head_timeout";
    case FAULT_BODY_TIMEOUT: return "body_timeout";
    case FAULT_TOO_MANY_CONNECTIONS: return "too_many_connections";
    case FAULT_ROUTE_NOT_FOUND: return "not_found";
    case FAULT_METHOD_NOT_ALLOWED: return "method_not_allowed";
    case FAULT_BODY_UNEXPECTED: return "unexpected_body";
    case FAULT_MEDIA_TYPE: return "unsupported_media_type";
    case FAULT_CONTENT_CODING: return "unsupported_content_coding";
    case FAULT_JSON: return "malformed_json";
    case FAULT_JSON_TOO_DEEP: return "json_too_deep";
    case FAULT_VALIDATION: return "validation_failed";
    case FAULT_USER_NOT_FOUND: return "user_not_found";
    case FAULT_EMAIL_TAKEN: return "email_taken";
    case FAULT_PRECONDITION: return "precondition_failed";
    case FAULT_IDEMPOTENCY_KEY: return "bad_idempotency_key";
    case FAULT_IDEMPOTENCY_REUSED: return "idempotency_key_reused";
    case FAULT_IDEMPOTENCY_RUNNING: return "idempotency_key_in_use";
    case FAULT_LABORATORY_OFF: return "laboratory_off";
    case FAULT_DATABASE_UNAVAILABLE: return "database_unavailable";
    case FAULT_DATABASE_URL: return "database_url_missing";
    case FAULT_SCHEMA_BEHIND: return "schema_behind";
    case FAULT_SCHEMA_UNKNOWN: return "schema_unknown";
    case FAULT_DRAINING: return "draining";
    case FAULT_WORKER_STALLED: return "worker_stalled";
    case FAULT_OVERLOADED: return "overloaded";
    case FAULT_REQUEST_TIMEOUT: return "request_timeout";
    case FAULT_STATEMENT_TIMEOUT: return "statement_timeout";
    case FAULT_LOCK_TIMEOUT: return "lock_timeout";
    case FAULT_SERIALIZATION: return "serialization_failure";
    case FAULT_DATABASE_READ_ONLY: return "database_read_only";
    case FAULT_DATABASE_RESOURCES: return "database_resources";
    case FAULT_OUTCOME_UNKNOWN: return "outcome_unknown";
    case FAULT_VALUE_REFUSED: return "value_refused";
    case FAULT_CONSTRAINT: return "constraint_violated";
    case FAULT_MEMORY: return "out_of_memory";
    case FAULT_INTERNAL: return "internal";
    case FAULT_COUNT: break;
    }
    /* clang-format on */
    return "unknown";
}
