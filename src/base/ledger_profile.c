#include "base/ledger_profile.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    FIRST_OCTAVE = 9, /* from 512 ns; what is below belongs to the first bucket */
    EIGHTHS_BITS = 3, /* an octave's eighths */
    EIGHTHS = 1 << EIGHTHS_BITS,
    ENOUGH_LEDGERS = 16, /* for a mean */
    ENOUGH_PART = 10     /* or this part of all, if that is less */
};

/*
 * A profile that is being filled. Stores release and loads acquire, which costs nothing on x86, so that a
 * reader that sees any number from behind a turn sees the new began_ns, too, and knows that it has a mixture.
 */
struct generation {
    atomic_uint_fast64_t began_ns; /* 0: never, or just being cleared */
    atomic_uint_fast64_t counts[LEDGER_PROFILE_BUCKETS];
    atomic_uint_fast64_t spent_ns[LEDGER_PROFILE_BUCKETS][PHASE_COUNT];
    atomic_uint_fast64_t connection_ns;
};

struct ledger_recorder {
    struct generation generations[2];
    unsigned current; /* the writer's own */
};

static uint64_t load(const atomic_uint_fast64_t *number)
{
    return atomic_load_explicit(number, memory_order_acquire);
}

static void store(atomic_uint_fast64_t *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_release);
}

/* There is one writer, so that a load and a store do. */
static void add(atomic_uint_fast64_t *number, uint64_t more)
{
    store(number, atomic_load_explicit(number, memory_order_relaxed) + more);
}

/* Readers may have looked at a clock that is a little behind the writer's. */
static bool has_passed(uint64_t began_ns, uint64_t duration_ns, uint64_t now_ns)
{
    return now_ns > began_ns && now_ns - began_ns >= duration_ns;
}

static unsigned find_bucket(uint64_t total_ns)
{
    if (total_ns >> FIRST_OCTAVE == 0) return 0;
    unsigned octave = 63 - (unsigned)__builtin_clzll(total_ns);
    unsigned eighth = (unsigned)(total_ns >> (octave - EIGHTHS_BITS)) % EIGHTHS;
    unsigned bucket = (octave - FIRST_OCTAVE) * EIGHTHS + eighth;
    return bucket < LEDGER_PROFILE_BUCKETS ? bucket : LEDGER_PROFILE_BUCKETS - 1;
}

/* Where a bucket begins, but for the first, which begins at 0. */
static uint64_t bucket_start_ns(unsigned bucket)
{
    assert(bucket < LEDGER_PROFILE_BUCKETS);
    uint64_t eighths = EIGHTHS + bucket % EIGHTHS;
    return eighths << (FIRST_OCTAVE - EIGHTHS_BITS + bucket / EIGHTHS);
}

enum fault ledger_recorder_new(struct ledger_recorder **ret_recorder)
{
    struct ledger_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) return FAULT_MEMORY;
    *ret_recorder = recorder;
    return FAULT_NONE;
}

void ledger_recorder_free(struct ledger_recorder *recorder)
{
    free(recorder);
}

static void clear_generation(struct generation *generation)
{
    store(&generation->began_ns, 0);
    for (size_t bucket = 0; bucket < LEDGER_PROFILE_BUCKETS; bucket++) {
        store(&generation->counts[bucket], 0);
        for (size_t phase = 0; phase < PHASE_COUNT; phase++)
            store(&generation->spent_ns[bucket][phase], 0);
    }
    store(&generation->connection_ns, 0);
}

/* The generation of now: a new one when the current one is full, in the place of the one before. */
static struct generation *choose_generation(struct ledger_recorder *recorder, uint64_t now_ns)
{
    struct generation *current = &recorder->generations[recorder->current];
    uint64_t began_ns = atomic_load_explicit(&current->began_ns, memory_order_relaxed);
    if (began_ns != 0 && !has_passed(began_ns, LEDGER_WINDOW_NS, now_ns)) return current;
    if (began_ns != 0) {
        recorder->current ^= 1;
        current = &recorder->generations[recorder->current];
        clear_generation(current);
    }
    store(&current->began_ns, now_ns);
    return current;
}

void ledger_recorder_add(struct ledger_recorder *recorder, const struct ledger *ledger, uint64_t now_ns)
{
    struct generation *generation = choose_generation(recorder, now_ns);
    unsigned bucket = find_bucket(ledger_total_ns(ledger));
    add(&generation->counts[bucket], 1);
    for (size_t phase = 0; phase < PHASE_COUNT; phase++)
        add(&generation->spent_ns[bucket][phase], ledger->spent_ns[phase]);
    add(&generation->connection_ns, ledger->connection_ns);
}

static void copy_generation(const struct generation *generation, struct ledger_profile *ret_profile)
{
    for (size_t bucket = 0; bucket < LEDGER_PROFILE_BUCKETS; bucket++) {
        ret_profile->counts[bucket] = load(&generation->counts[bucket]);
        for (size_t phase = 0; phase < PHASE_COUNT; phase++)
            ret_profile->spent_ns[bucket][phase] = load(&generation->spent_ns[bucket][phase]);
    }
    ret_profile->connection_ns = load(&generation->connection_ns);
}

static void add_profile(struct ledger_profile *profile, const struct ledger_profile *more)
{
    for (size_t bucket = 0; bucket < LEDGER_PROFILE_BUCKETS; bucket++) {
        profile->counts[bucket] += more->counts[bucket];
        for (size_t phase = 0; phase < PHASE_COUNT; phase++)
            profile->spent_ns[bucket][phase] += more->spent_ns[bucket][phase];
    }
    profile->connection_ns += more->connection_ns;
}

/* A generation that the writer cleared meanwhile had only ledgers that are due to be forgotten. */
static void read_generation(const struct generation *generation, uint64_t now_ns,
                            struct ledger_profile *profile)
{
    uint64_t began_ns = load(&generation->began_ns);
    if (began_ns == 0 || has_passed(began_ns, 2 * LEDGER_WINDOW_NS, now_ns)) return;
    struct ledger_profile copy;
    copy_generation(generation, &copy);
    if (load(&generation->began_ns) == began_ns) add_profile(profile, &copy);
}

void ledger_recorder_read(const struct ledger_recorder *recorder, uint64_t now_ns,
                          struct ledger_profile *profile)
{
    for (size_t i = 0; i < 2; i++)
        read_generation(&recorder->generations[i], now_ns, profile);
}

uint64_t ledger_profile_count(const struct ledger_profile *profile)
{
    uint64_t count = 0;
    for (size_t bucket = 0; bucket < LEDGER_PROFILE_BUCKETS; bucket++)
        count += profile->counts[bucket];
    return count;
}

/* Of some buckets. */
struct sums {
    uint64_t count;
    uint64_t spent_ns[PHASE_COUNT];
    uint64_t total_ns;
};

static void add_bucket(struct sums *sums, const struct ledger_profile *profile, unsigned bucket)
{
    sums->count += profile->counts[bucket];
    for (size_t phase = 0; phase < PHASE_COUNT; phase++) {
        sums->spent_ns[phase] += profile->spent_ns[bucket][phase];
        sums->total_ns += profile->spent_ns[bucket][phase];
    }
}

/* Spreads total_ns over the phases as they are in the sums. */
static void split_total(const struct sums *sums, double total_ns, struct ledger_mean *ret_mean)
{
    ret_mean->count = sums->count;
    if (sums->total_ns == 0) return;
    ret_mean->total_ns = total_ns;
    for (size_t phase = 0; phase < PHASE_COUNT; phase++)
        ret_mean->spent_ns[phase] = (double)sums->spent_ns[phase] / (double)sums->total_ns * total_ns;
}

void ledger_profile_mean(const struct ledger_profile *profile, struct ledger_mean *ret_mean)
{
    *ret_mean = (struct ledger_mean){0};
    struct sums all = {0};
    for (unsigned bucket = 0; bucket < LEDGER_PROFILE_BUCKETS; bucket++)
        add_bucket(&all, profile, bucket);
    if (all.count == 0) return;
    split_total(&all, (double)all.total_ns / (double)all.count, ret_mean);
    ret_mean->connection_ns = (double)profile->connection_ns / (double)all.count;
}

/* Where a rank is: that many ledgers of all are not above it. */
struct place {
    unsigned bucket;
    double part; /* of the bucket's ledgers, 0 to 1 */
};

/* profile is not empty. */
static struct place find_rank(const struct ledger_profile *profile, double rank)
{
    struct place place = {0};
    double below = 0;
    for (unsigned bucket = 0; bucket < LEDGER_PROFILE_BUCKETS; bucket++) {
        double count = (double)profile->counts[bucket];
        if (count == 0) continue;
        place = (struct place){bucket, rank > below + count ? 1 : (rank - below) / count};
        below += count;
        if (rank <= below) break;
    }
    return place;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/*
 * The bucket's ledgers are taken to be spread evenly around their mean, as far as the nearer of its ends. So
 * nothing is made up where they fill a part of it only, and the last bucket needs no end. (A reader may have
 * missed the time of a ledger that it counted: the mean is held within the bucket.)
 */
static double interpolate_ns(const struct ledger_profile *profile, struct place place)
{
    bool is_last = place.bucket == LEDGER_PROFILE_BUCKETS - 1;
    double start_ns = place.bucket == 0 ? 0 : (double)bucket_start_ns(place.bucket);
    double end_ns = is_last ? (double)UINT64_MAX : (double)bucket_start_ns(place.bucket + 1);
    struct sums sums = {0};
    add_bucket(&sums, profile, place.bucket);
    double mean_ns = smaller(larger((double)sums.total_ns / (double)sums.count, start_ns), end_ns);
    return mean_ns + (2 * place.part - 1) * smaller(mean_ns - start_ns, end_ns - mean_ns);
}

static struct sums sum_around(const struct ledger_profile *profile, unsigned bucket, uint64_t wanted)
{
    struct sums sums = {0};
    add_bucket(&sums, profile, bucket);
    for (unsigned distance = 1; sums.count < wanted; distance++) {
        if (bucket >= distance) add_bucket(&sums, profile, bucket - distance);
        if (bucket + distance < LEDGER_PROFILE_BUCKETS) add_bucket(&sums, profile, bucket + distance);
    }
    return sums;
}

void ledger_profile_at(const struct ledger_profile *profile, double quantile, struct ledger_mean *ret_mean)
{
    *ret_mean = (struct ledger_mean){0};
    uint64_t count = ledger_profile_count(profile);
    if (count == 0) return;
    struct place place = find_rank(profile, quantile * (double)count);
    uint64_t tenth = (count + ENOUGH_PART - 1) / ENOUGH_PART;
    struct sums around = sum_around(profile, place.bucket, tenth < ENOUGH_LEDGERS ? tenth : ENOUGH_LEDGERS);
    split_total(&around, interpolate_ns(profile, place), ret_mean);
    ret_mean->connection_ns = (double)profile->connection_ns / (double)count;
}
