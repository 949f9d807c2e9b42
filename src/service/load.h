/*
 * How busy the process was over the last seconds. The main thread samples, any thread reads; a mutex keeps
 * them apart, for nobody asks on a request path but the laboratory's verdict.
 */
#pragma once

#include "lab/verdict.h"
#include "service/config.h"
#include "service/observation.h"

#include <pthread.h>
#include <stdint.h>

#define LOAD_SAMPLE_NS (1 * NS_PER_S)
#define LOAD_SAMPLES   11 /* ten seconds */

/* Running sums, as of one moment. */
struct load_sample {
    uint64_t at_ns;
    uint64_t requests;
    uint64_t loops_us;       /* busy time of all loops */
    uint64_t process_cpu_us; /* CPU time */
    uint64_t workers_cpu_us; /* of this, the workers' */
    uint64_t varying_us;     /* of this: parsing and serialization */
    uint64_t waiting_us;     /* of this: for the database, where the loops block */
    uint64_t connections_us; /* busy time of all database connections */
};

struct load {
    const struct config *config;
    const struct observation *observation;
    unsigned cpus;
    pthread_mutex_t mutex;
    struct load_sample first;                 /* when the process had just started */
    struct load_sample samples[LOAD_SAMPLES]; /* a ring */
    unsigned next, count;
};

/* Both are borrowed. */
void load_init(struct load *load, const struct config *config, const struct observation *observation);
void load_release(struct load *load);

/* Takes a sample if one is due. */
void load_tick(struct load *load, uint64_t now_ns);

/* What the process has, and how busy it was. */
void load_read(struct load *load, struct verdict_machine *ret_machine);
