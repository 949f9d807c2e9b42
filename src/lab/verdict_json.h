/*
 * A report of verdicts as a JSON object; docs/verdict.md describes its members.
 */
#pragma once

#include "base/text_buffer.h"
#include "lab/verdict_report.h"

void verdict_json_write(struct text_buffer *buffer, const struct verdict_report *report);
