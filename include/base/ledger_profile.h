/*
 * What ledgers look like at each total: how requests that took about as long as the median spent their
 * time, and how those did that took as long as the slowest hundredth.
 *
 * Totals fall into buckets of an eighth of an octave (at most 12.5 % wide); each has the count of its
 * ledgers and the sum of each of their phases. A recorder fills a profile over the last minutes: one
 * thread adds, any thread reads without a lock; what it reads may miss the ledger that is being added.
 */
#pragma once

#include "base/fault.h"
#include "base/ledger.h"

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_PROFILE_BUCKETS 224                        /* from below 1 µs to beyond 100 s */
#define LEDGER_WINDOW_NS       (UINT64_C(300) * NS_PER_S) /* a reading covers one to two of these */

/* All zero, it is empty. */
struct ledger_profile {
    uint64_t counts[LEDGER_PROFILE_BUCKETS];
    uint64_t spent_ns[LEDGER_PROFILE_BUCKETS][PHASE_COUNT];
    uint64_t connection_ns; /* of all ledgers */
};

/* The mean of some ledgers. */
struct ledger_mean {
    uint64_t count;               /* of how many; 0: all else is 0, too */
    double total_ns;              /* the sum of the phases */
    double spent_ns[PHASE_COUNT]; /* per request */
    double connection_ns;         /* per request; of the whole profile, also in a mean at a quantile */
};

struct ledger_recorder;

/* FAULT_MEMORY. */
enum fault ledger_recorder_new(struct ledger_recorder **ret_recorder);
void ledger_recorder_free(struct ledger_recorder *recorder); /* takes NULL */

/* Adds a ledger that has ended; now_ns is not 0. The writer's thread only. */
void ledger_recorder_add(struct ledger_recorder *recorder, const struct ledger *ledger, uint64_t now_ns);

/* Adds what the last minutes brought to profile. Any thread. */
void ledger_recorder_read(const struct ledger_recorder *recorder, uint64_t now_ns,
                          struct ledger_profile *profile);

uint64_t ledger_profile_count(const struct ledger_profile *profile);

/* The mean of all. */
void ledger_profile_mean(const struct ledger_profile *profile, struct ledger_mean *ret_mean);

/*
 * The mean of the ledgers whose total is around this quantile, 0 to 1: those of its bucket, and of
 * neighbours until there are at least 16 or a tenth of all, whichever is less. total_ns is the
 * quantile itself, interpolated in its bucket; spent_ns is scaled to sum to it.
 */
void ledger_profile_at(const struct ledger_profile *profile, double quantile, struct ledger_mean *ret_mean);
