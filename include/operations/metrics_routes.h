/*
 * The resource /metrics: Prometheus' text format, from whoever has something to tell.
 */
#pragma once

#include "http/router.h"
#include "operations/metrics_text.h"

#include <stddef.h>

struct metrics_source {
    void (*write)(void *argument, struct metrics_text *text); /* whole families */
    void *argument;
};

/* What the handler needs: the services of its route table. */
struct metrics_services {
    const struct metrics_source *sources; /* asked in this order; they take nothing from the arena */
    size_t count;
};

/* GET /metrics, whatever its parameters; FAULT_MEMORY. Ends with a NULL path. */
extern const struct route metrics_routes[];
