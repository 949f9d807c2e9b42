/*
 * The families that belong to no other module: the build, the workers, their database connections.
 */
#pragma once

#include "operations/metrics_text.h"

/* For struct metrics_source; argument is a const struct observation. */
void service_metrics_write(void *argument, struct metrics_text *text);
