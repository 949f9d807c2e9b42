/*
 * What GET /lab/verdict answers: the verdict on every route and experiment, as JSON or as plain text.
 *
 * Everything is kept in the borrowed arena. Subjects without requests are left out, and so are those beyond
 * VERDICT_REPORT_SUBJECTS_MAX; memory that is short while adding is reported by the writing. Experiments that
 * differ in their serializer alone should be added one after the other: their comparison follows the last.
 * Add first, then write; no adding after that. One thread.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/text.h"
#include "lab/knobs.h"
#include "lab/verdict.h"
#include "lab/verdict_sentence.h"

#include <stdbool.h>
#include <stddef.h>

#define VERDICT_REPORT_SUBJECTS_MAX 256 /* routes and experiments together */
#define VERDICT_TEXT_CONTENT_TYPE   "text/plain; charset=utf-8"

/* A route or an experiment. */
struct verdict_subject {
    struct verdict_subject *next; /* in the order of adding */
    const char *route;            /* NULL: an experiment */
    struct knobs knobs;           /* of an experiment */
    struct verdict verdict;
};

struct verdict_report {
    struct arena *arena;
    struct verdict_machine machine;
    struct verdict_subject *first, **end; /* end: where the next is hung */
    size_t count;
    size_t left_out; /* subjects beyond the limit */
    bool is_short;   /* of memory */
};

/* An empty report over the borrowed arena; machine is copied. */
void verdict_report_init(struct verdict_report *report, struct arena *arena,
                         const struct verdict_machine *machine);

/*
 * route is borrowed until the report is written, profile for the call. Left out are "", what begins with
 * "/lab/" (a mixture of experiments, which have places of their own), and what takes neither db nor json.
 */
void verdict_report_add_route(struct verdict_report *report, const char *route,
                              const struct ledger_profile *profile);

/* knobs and profile are borrowed for the call. */
void verdict_report_add_experiment(struct verdict_report *report, const struct knobs *knobs,
                                   const struct ledger_profile *profile);

/* The answer, in the arena: a JSON object, or lines of UTF-8 for people. FAULT_MEMORY. */
enum fault verdict_report_json(const struct verdict_report *report, struct text *ret_body);
enum fault verdict_report_text(const struct verdict_report *report, struct text *ret_body);

/* Experiments that differ in their serializer alone, in the order of serializers; NULL where there is none.
 */
struct verdict_comparison {
    const struct verdict_subject *subjects[SERIALIZER_COUNT];
    const struct verdict_subject *baseline; /* the first of them */
    char sentence[SENTENCE_SIZE_MAX];
};

/* For the writers: the comparison that ends with subject. False when it is not the last of at least two. */
bool verdict_report_compare(const struct verdict_report *report, const struct verdict_subject *subject,
                            struct verdict_comparison *ret_comparison);

/*
 * For the writers: is it known beyond which database time the serializer is negligible? Not when blocking,
 * and not where PostgreSQL makes the JSON, or nobody does.
 */
bool verdict_report_has_limit(const struct verdict_subject *subject);

/* For the writers: what stands above everything. */
void verdict_report_headline(const struct verdict_report *report, char text[SENTENCE_SIZE_MAX]);
