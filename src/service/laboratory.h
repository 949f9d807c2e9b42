/*
 * What the laboratory needs of the service: everybody's ledgers, and how busy the machine is.
 */
#pragma once

#include "lab/lab_routes.h"
#include "service/load.h"
#include "service/observation.h"

#include <stddef.h>

struct laboratory {
    const struct observation *observation; /* borrowed */
    struct load *load;                     /* borrowed */
};

/* The services of worker index, but for its store. */
struct lab_services laboratory_services(const struct laboratory *laboratory, size_t index);
