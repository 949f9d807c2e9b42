#include "base/histogram.h"

#include "base/clock.h"

#define DECADE(ns) (ns), (ns)*5 / 2, (ns)*5

const uint64_t histogram_bounds_ns[HISTOGRAM_BOUNDS] = {
    DECADE(NS_PER_US),      DECADE(10 * NS_PER_US),  DECADE(100 * NS_PER_US), DECADE(NS_PER_MS),
    DECADE(10 * NS_PER_MS), DECADE(100 * NS_PER_MS), DECADE(NS_PER_S),        10 * NS_PER_S,
};

/* The bits of the last bound. */
#define BITS_MAX 34

/*
 * For each number of bits, the bucket of the least duration that has so many. Bounds are at least an octave
 * apart, so that a greater one with as many bits is in the same bucket or in the next.
 */
static const unsigned char bucket_of_bits[BITS_MAX + 1] = {
    0, 0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  1,  1,  2,  3,  4,  5,  6,
    7, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21,
};

static unsigned find_bucket(uint64_t duration_ns)
{
    if (duration_ns > histogram_bounds_ns[HISTOGRAM_BOUNDS - 1]) return HISTOGRAM_BOUNDS;
    unsigned bits = 64 - (unsigned)__builtin_clzll(duration_ns | 1);
    unsigned bucket = bucket_of_bits[bits];
    return bucket + (duration_ns > histogram_bounds_ns[bucket]);
}

/* There is one writer, so that a load and a store do; an atomic addition would lock the bus. */
static void add(atomic_uint_fast64_t *number, uint64_t more)
{
    uint64_t sum = atomic_load_explicit(number, memory_order_relaxed) + more;
    atomic_store_explicit(number, sum, memory_order_relaxed);
}

void histogram_add(struct histogram *histogram, uint64_t duration_ns)
{
    add(&histogram->counts[find_bucket(duration_ns)], 1);
    uint64_t rest_ns = histogram->sum_rest_ns + duration_ns % NS_PER_US;
    add(&histogram->sum_us, duration_ns / NS_PER_US + rest_ns / NS_PER_US);
    histogram->sum_rest_ns = rest_ns % NS_PER_US;
}

void histogram_read(const struct histogram *histogram, struct histogram_counts *counts)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        counts->counts[i] += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
    counts->sum_us += atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram_counts *counts)
{
    uint64_t count = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += counts->counts[i];
    return count;
}
