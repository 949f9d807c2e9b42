/*
 * One line of the log, put together: a JSON object for machines, or columns for people. Whatever the
 * fields hold, the line is one line, is UTF-8, and has nothing in it that a terminal obeys.
 */
#pragma once

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_line_style {
    bool json;
    int64_t utc_offset_us; /* of the clock that people read; JSON has UTC */
};

struct log_line {
    char bytes[LOG_LINE_SIZE_MAX];
    size_t size; /* in bytes, with the line feed at the end */
};

/* Makes *ret_line as log_fields promises, with the time of now. */
void log_line_write(struct log_line *ret_line, const struct log_line_style *style, enum log_level level,
                    const char *event, const struct log_field *fields);
