/*
 * What a client is told about each fault: the one table from fault to HTTP status (RFC 9110, section
 * 15) and to the members of a problem (RFC 9457).
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"
#include "http/response.h"

#include <stdbool.h>
#include <stddef.h>

struct problem {
    unsigned status;        /* HTTP status code */
    const char *title;      /* the same for every occurrence */
    const char *detail;     /* one sentence for people; a function may give a better one */
    unsigned retry_after_s; /* 0: none */
};

const struct problem *problem_of(enum fault fault);

/* What is special about one occurrence. */
struct problem_details {
    const char *detail;               /* a better sentence than the table's; NULL: the table's */
    struct text request_id;           /* size 0: left out */
    const struct field_error *errors; /* the wrong fields */
    size_t error_count;               /* 0: no `errors` */
    bool is_outcome_unknown;          /* a change may have been made: "outcome":"unknown" */
};

/* An upper bound of problem_write's bytes. */
size_t problem_size_max(enum fault fault, const struct problem_details *details);

/* Writes the problem body at `at`, which has room for problem_size_max bytes; gives the new end. */
char *problem_write(char *at, enum fault fault, const struct problem_details *details);
