/*
 * The ledgers of the laboratory's requests, kept apart by their knobs: an experiment is a set of knobs. One
 * table per worker, with the experiments used last. Its thread adds, any thread reads; a mutex keeps them
 * apart, for the laboratory is no production path, and nobody else shares it.
 */
#pragma once

#include "base/ledger_profile.h"
#include "lab/knobs.h"

#include <stddef.h>

#define EXPERIMENTS_MAX 64 /* per worker; beyond, the one not used for longest is forgotten */

struct experiments;

/* FAULT_MEMORY. */
enum fault experiments_new(struct experiments **ret_experiments);
void experiments_free(struct experiments *experiments); /* takes NULL */

/* The worker's thread only. What there is no memory for is not added. */
void experiments_add(struct experiments *experiments, const struct knobs *knobs, const struct ledger *ledger,
                     uint64_t now_ns);

/* Several workers' tables, to be summed. */
struct experiments_group {
    struct experiments *const *workers; /* borrowed */
    size_t count;
};

/* Calls each for every experiment of the last minutes, in the order of knobs. Any thread. FAULT_MEMORY. */
enum fault experiments_each(struct experiments_group group,
                            void (*each)(void *argument, const struct knobs *knobs,
                                         const struct ledger_profile *profile),
                            void *argument);
