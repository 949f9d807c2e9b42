/*
 * What an experiment varies: the query parameters of GET /lab/users.
 */
#pragma once

#include "base/fault.h"
#include "http/request.h"

#include <stdbool.h>

#define KNOBS_ROWS_MAX     1000
#define KNOBS_DELAY_MAX_MS 1000
#define KNOBS_SPIN_MAX_US  100000
#define KNOBS_FAN_OUT_MAX  500

enum serializer {
    SERIALIZER_DIRECT,   /* the service's own writer */
    SERIALIZER_JANSSON,  /* a tree of jansson's, then dumped */
    SERIALIZER_POSTGRES, /* the database makes the JSON, the bytes pass through */
    SERIALIZER_NONE,     /* a constant of the same length: serialization for free */
    SERIALIZER_COUNT
};

struct knobs {
    unsigned rows;              /* 1…1000; 100. With fan_out: as many as that */
    unsigned delay_ms;          /* 0…1000; 0. In the database, in every query */
    enum serializer serializer; /* direct */
    unsigned spin_us;           /* 0…100000; 0. How long the loop spins after that: a slower language */
    unsigned fan_out;           /* 1…500: so many queries of one user each; 0: one query for all rows */
};

#define KNOBS_TEXT_SIZE_MAX 128 /* bytes with the end */

/*
 * Reads the request's query. FAULT_VALIDATION, with ret_errors (at most KNOBS_ERRORS_MAX, one per parameter;
 * texts in the request's arena or for ever) and ret_count set: a parameter is unknown, repeated, no number,
 * out of range, or rows beside fan_out. FAULT_TARGET, FAULT_MEMORY.
 */
#define KNOBS_ERRORS_MAX 16
enum fault knobs_read(struct request *request, struct knobs *ret_knobs,
                      struct field_error ret_errors[KNOBS_ERRORS_MAX], size_t *ret_count);

/*
 * Below, at or above 0 as a stands before, at or behind b: experiments with the same work beside each other,
 * in the order of their serializers.
 */
int knobs_compare(const struct knobs *a, const struct knobs *b);

bool knobs_equal(const struct knobs *a, const struct knobs *b);

/* The target that asks for them, in one spelling: "/lab/users?rows=100&delay_ms=15&serializer=jansson". */
void knobs_write(const struct knobs *knobs, char text[KNOBS_TEXT_SIZE_MAX]);

/* "direct", "jansson", "postgres", "none". */
const char *serializer_name(enum serializer serializer);
