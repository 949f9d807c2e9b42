/*
 * The families process_* as Prometheus' client libraries name them: CPU, memory, descriptors, threads, start
 * time.
 */
#pragma once

#include "operations/metrics_text.h"

/* For struct metrics_source. What the system does not tell is left out. */
void process_metrics_write(void *unused, struct metrics_text *text);
