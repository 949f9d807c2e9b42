/*
 * Logging: one JSON object a line on stderr, or a line for people when stderr is a terminal.
 *
 * log_event may be called from any thread. It never blocks: lines go to a ring of the calling
 * thread, and one writer thread takes them to stderr. When a ring is full the line is dropped and
 * counted, and the count is logged as "log_lines_dropped" as soon as there is room. Lines of one
 * thread keep their order; those of several may be a few milliseconds out of order. Before log_start
 * and after log_stop lines are written directly, and may block.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct log_field {
    const char *name; /* NULL ends a list of fields */
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT } kind;
    struct text text;
    int64_t number;
};

#define LOG_TEXT(name, value)   ((struct log_field){(name), LOG_FIELD_TEXT, (value), 0})
#define LOG_STRING(name, value) LOG_TEXT((name), text_of(value))
#define LOG_INT(name, value)    ((struct log_field){(name), LOG_FIELD_INT, {0}, (value)})

/* In bytes, with the line feed. A line that would be longer ends before the first field that does not fit. */
#define LOG_LINE_SIZE_MAX 2048

/* Sets level and format (AUTO looks at stderr). Call once, before the first thread starts. */
void log_configure(enum log_level level, enum log_format format);

/* Starts the writer thread, which blocks all signals. FAULT_INTERNAL when no thread or descriptor is to be
 * had. */
enum fault log_start(void);

/*
 * Writes what is left and stops the writer thread. Lines that other threads log meanwhile may be
 * lost. If stderr takes nothing for a second, all lines from then on are dropped, so that the
 * process can end. Harmless twice, and without log_start.
 */
void log_stop(void);

/* True when lines of this level are written: guards the cost of making fields. */
bool log_enabled(enum log_level level);

/*
 * Writes {"time":…,"level":…,"event":event, fields…}. event is a stable name in snake case, such as
 * "database_connection_lost". fields ends with a NULL name. Bytes that are not UTF-8 become U+FFFD;
 * control characters, line separators and controls of text direction are escaped. errno stays.
 */
void log_fields(enum log_level level, const char *event, const struct log_field *fields);
#define log_event(level, event, ...)                                                                         \
    log_fields((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

/* Lines dropped since the process started. */
uint64_t log_dropped(void);
