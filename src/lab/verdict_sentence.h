/*
 * A verdict in plain words, and its numbers as people read them. UTF-8, for the minus sign.
 */
#pragma once

#include "lab/knobs.h"
#include "lab/verdict.h"

#include <stdbool.h>

/* A number with its unit, to be used where it is made: printf("%s", sentence_time(total_ns).text). */
struct figure {
    char text[40];
};

struct figure sentence_time(double ns);          /* "15.31 ms" */
struct figure sentence_rate(double rate);        /* "1,060": three digits that count */
struct figure sentence_change(double part);      /* of 0.012: "+1.2 %"; above 9: "more than 10 times" */
struct figure sentence_share(double part);       /* of 0.012: "1.2 %" */
struct figure sentence_requests(uint64_t count); /* "1 request", "2,000 requests" */

#define SENTENCE_SIZE_MAX 640 /* bytes with the end */

/*
 * What is said instead of a judgement where PostgreSQL makes the JSON, or nobody does; otherwise NULL. knobs
 * is NULL for a route.
 */
const char *sentence_instead_of_verdict(const struct knobs *knobs);

/*
 * "The serializer does not matter here: without it the median would be 15.31 ms instead of 15.50 ms (−1.2 %),
 * and database connections bind at 1,060 requests/s either way." knobs as above.
 */
void sentence_of_verdict(const struct verdict *verdict, const struct knobs *knobs,
                         char text[SENTENCE_SIZE_MAX]);

/* What binds now. */
void sentence_of_machine(const struct verdict_machine *machine, char text[SENTENCE_SIZE_MAX]);

/*
 * "Measured medians: direct 15.20 ms, jansson 15.50 ms (+2.0 %)." verdicts: one per serializer, at least two
 * of them not NULL; the first is what the others are compared with.
 */
void sentence_of_comparison(const struct verdict *const verdicts[SERIALIZER_COUNT],
                            char text[SENTENCE_SIZE_MAX]);
