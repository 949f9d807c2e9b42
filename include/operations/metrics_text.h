/*
 * Writes the Prometheus text exposition format 0.0.4.
 */
#pragma once

#include "base/histogram.h"
#include "base/text_buffer.h"

#include <stddef.h>
#include <stdint.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metric_label {
    const char *name;
    const char *value; /* any UTF-8; escaped */
};

/* What samples are written to. */
struct metrics_text {
    struct text_buffer buffer;
    const char *family; /* whose samples follow */
};

/* Some labels, from a list. */
struct metric_labels {
    const struct metric_label *items;
    size_t count;
};
#define METRIC_LABELS(...)                                                                                   \
    ((struct metric_labels){(const struct metric_label[]){__VA_ARGS__},                                      \
                            sizeof((const struct metric_label[]){__VA_ARGS__}) /                             \
                                sizeof(struct metric_label)})
#define METRIC_NO_LABELS ((struct metric_labels){NULL, 0})

/*
 * Begins a family: "counter", whose name ends in _total, "gauge" or "histogram"; its samples follow, and each
 * family comes once. name and help (one line, without a backslash) must last until the last sample.
 */
void metrics_text_family(struct metrics_text *text, const char *name, const char *type, const char *help);

/* One sample of the family; a number must be finite. */
void metrics_text_integer(struct metrics_text *text, struct metric_labels labels, uint64_t value);
void metrics_text_number(struct metrics_text *text, struct metric_labels labels, double value);

/* _bucket (cumulative, le in seconds, the last one "+Inf"), _sum (seconds) and _count. */
void metrics_text_histogram(struct metrics_text *text, struct metric_labels labels,
                            const struct histogram_counts *counts);
