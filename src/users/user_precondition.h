/*
 * What If-Match and If-None-Match ask of a user (RFC 9110, section 13). A user's entity tag is its
 * version in quotes; tags of other forms are well-formed, but match nothing.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

struct user_precondition {
    struct text match;      /* If-Match; bytes NULL when absent */
    struct text none_match; /* If-None-Match; bytes NULL when absent */
};

/* Borrows the request's fields. FAULT_FIELD when one of them is malformed. */
enum fault user_precondition_read(const struct request *request, struct user_precondition *ret_precondition);

enum user_verdict {
    USER_VERDICT_PROCEED,
    USER_VERDICT_NOT_MODIFIED, /* 304: GET and HEAD only */
    USER_VERDICT_FAILED        /* 412 */
};

/* Judges a request of this method for a user that exists and has this version. */
enum user_verdict user_precondition_judge(const struct user_precondition *precondition, enum method method,
                                          int64_t version);

/*
 * True when "the user exists and has *ret_version" says all that the precondition asks of a change (0: any
 * version); false when it takes a look at the user first.
 */
bool user_precondition_version(const struct user_precondition *precondition, int64_t *ret_version);
