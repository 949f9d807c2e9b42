/*
 * How often which duration occurred: counts in buckets with fixed bounds, 1, 2.5 and 5 per decade from
 * 1 µs to 10 s, and the sum. One thread adds; any thread may read at any time, without a lock: each
 * number read is one that was there, though not all of the same instant.
 *
 * Nothing overflows in a lifetime: counts have 64 bits, and the sum is kept in microseconds with the
 * rest carried, so that a million requests that are under way all the time may wait for half a year,
 * ten thousand for 58 years. (In nanoseconds it would be three weeks.)
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS  22                     /* upper bounds, inclusive */
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1) /* the last one is for what is beyond */

extern const uint64_t histogram_bounds_ns[HISTOGRAM_BOUNDS];

/* All zero, it is empty. */
struct histogram {
    atomic_uint_fast64_t counts[HISTOGRAM_BUCKETS];
    atomic_uint_fast64_t sum_us;
    uint64_t sum_rest_ns; /* the writer's own: less than a microsecond */
};

/* What was read from one or several. All zero, it is empty. */
struct histogram_counts {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t sum_us;
};

/* The writer's thread only. */
void histogram_add(struct histogram *histogram, uint64_t duration_ns);

/* Adds histogram to counts. Any thread. */
void histogram_read(const struct histogram *histogram, struct histogram_counts *counts);

/* The number of durations in counts. */
uint64_t histogram_count(const struct histogram_counts *counts);
