#include "operations/metrics_text.h"

#include <inttypes.h>
#include <string.h>

/*
 * The bounds of a histogram's buckets in seconds, in the form that OpenMetrics calls canonical: Prometheus 3
 * rewrites others when it scrapes, and a query for le="1" would find nothing there.
 */
static const char *const bucket_bounds[HISTOGRAM_BUCKETS] = {
    "1e-06",  "2.5e-06", "5e-06",  "1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025",
    "0.0005", "0.001",   "0.0025", "0.005", "0.01",    "0.025", "0.05",   "0.1",
    "0.25",   "0.5",     "1.0",    "2.5",   "5.0",     "10.0",  "+Inf",
};

void metrics_text_family(struct metrics_text *text, const char *name, const char *type, const char *help)
{
    struct text_buffer *buffer = &text->buffer;
    text->family = name;
    text_buffer_format(buffer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Appends the value of a label: a backslash, a quote and a line feed are escaped. */
static void append_escaped(struct text_buffer *buffer, const char *value)
{
    for (;;) {
        size_t plain = strcspn(value, "\\\"\n");
        text_buffer_text(buffer, (struct text){value, plain});
        value += plain;
        if (*value == '\0') return;
        text_buffer_string(buffer, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
        value++;
    }
}

static void append_label(struct text_buffer *buffer, const char *before, struct metric_label label)
{
    text_buffer_string(buffer, before);
    text_buffer_string(buffer, label.name);
    text_buffer_string(buffer, "=\"");
    append_escaped(buffer, label.value);
    text_buffer_string(buffer, "\"");
}

/* Everything in front of a sample's value; bound is the label le, or NULL. */
static void begin_sample(struct metrics_text *text, const char *suffix, struct metric_labels labels,
                         const char *bound)
{
    struct text_buffer *buffer = &text->buffer;
    text_buffer_string(buffer, text->family);
    text_buffer_string(buffer, suffix);
    for (size_t i = 0; i < labels.count; i++)
        append_label(buffer, i == 0 ? "{" : ",", labels.items[i]);
    if (bound) append_label(buffer, labels.count == 0 ? "{" : ",", (struct metric_label){"le", bound});
    text_buffer_string(buffer, bound || labels.count > 0 ? "} " : " ");
}

static void end_with_integer(struct metrics_text *text, uint64_t value)
{
    if (value <= INT64_MAX)
        text_buffer_int64(&text->buffer, (int64_t)value);
    else
        text_buffer_format(&text->buffer, "%" PRIu64, value);
    text_buffer_string(&text->buffer, "\n");
}

static void end_with_number(struct metrics_text *text, double value)
{
    text_buffer_double(&text->buffer, value);
    text_buffer_string(&text->buffer, "\n");
}

void metrics_text_integer(struct metrics_text *text, struct metric_labels labels, uint64_t value)
{
    begin_sample(text, "", labels, NULL);
    end_with_integer(text, value);
}

void metrics_text_number(struct metrics_text *text, struct metric_labels labels, double value)
{
    begin_sample(text, "", labels, NULL);
    end_with_number(text, value);
}

void metrics_text_histogram(struct metrics_text *text, struct metric_labels labels,
                            const struct histogram_counts *counts)
{
    uint64_t count = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += counts->counts[i];
        begin_sample(text, "_bucket", labels, bucket_bounds[i]);
        end_with_integer(text, count);
    }
    begin_sample(text, "_sum", labels, NULL);
    end_with_number(text, (double)counts->sum_us / 1e6);
    begin_sample(text, "_count", labels, NULL);
    end_with_integer(text, count);
}
