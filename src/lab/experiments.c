#include "lab/experiments.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct experiment {
    struct knobs knobs;
    struct ledger_recorder *recorder;
    uint64_t used_ns; /* when it was added to last */
};

struct experiments {
    pthread_mutex_t mutex; /* guards all that follows */
    struct experiment table[EXPERIMENTS_MAX];
    size_t count;
};

enum fault experiments_new(struct experiments **ret_experiments)
{
    struct experiments *experiments = calloc(1, sizeof(*experiments));
    if (!experiments) return FAULT_MEMORY;
    if (pthread_mutex_init(&experiments->mutex, NULL) != 0) {
        free(experiments);
        return FAULT_MEMORY;
    }
    *ret_experiments = experiments;
    return FAULT_NONE;
}

void experiments_free(struct experiments *experiments)
{
    if (!experiments) return;
    for (size_t i = 0; i < experiments->count; i++)
        ledger_recorder_free(experiments->table[i].recorder);
    (void)pthread_mutex_destroy(&experiments->mutex);
    free(experiments);
}

/* NULL when there is none with these knobs. */
static struct experiment *find_experiment(struct experiments *experiments, const struct knobs *knobs)
{
    for (size_t i = 0; i < experiments->count; i++)
        if (knobs_equal(&experiments->table[i].knobs, knobs)) return &experiments->table[i];
    return NULL;
}

/* A free place, or that of the experiment not used for longest. */
static struct experiment *choose_place(struct experiments *experiments)
{
    struct experiment *oldest = &experiments->table[0];
    if (experiments->count < EXPERIMENTS_MAX) return &experiments->table[experiments->count++];
    for (size_t i = 1; i < EXPERIMENTS_MAX; i++)
        if (experiments->table[i].used_ns < oldest->used_ns) oldest = &experiments->table[i];
    return oldest;
}

/* NULL when memory is short; nothing is forgotten then. */
static struct experiment *add_experiment(struct experiments *experiments, const struct knobs *knobs)
{
    struct ledger_recorder *recorder;
    if (ledger_recorder_new(&recorder)) return NULL;
    struct experiment *experiment = choose_place(experiments);
    ledger_recorder_free(experiment->recorder);
    *experiment = (struct experiment){.knobs = *knobs, .recorder = recorder};
    return experiment;
}

void experiments_add(struct experiments *experiments, const struct knobs *knobs, const struct ledger *ledger,
                     uint64_t now_ns)
{
    (void)pthread_mutex_lock(&experiments->mutex);
    struct experiment *experiment = find_experiment(experiments, knobs);
    if (!experiment) experiment = add_experiment(experiments, knobs);
    if (experiment) {
        ledger_recorder_add(experiment->recorder, ledger, now_ns);
        experiment->used_ns = now_ns;
    }
    (void)pthread_mutex_unlock(&experiments->mutex);
}

static bool has_knobs(const struct knobs *all, size_t count, const struct knobs *knobs)
{
    for (size_t i = 0; i < count; i++)
        if (knobs_equal(&all[i], knobs)) return true;
    return false;
}

/* Appends the knobs of one worker that are not in all yet; gives the new count. */
static size_t collect_knobs(struct experiments *experiments, struct knobs *all, size_t count)
{
    (void)pthread_mutex_lock(&experiments->mutex);
    for (size_t i = 0; i < experiments->count; i++) {
        const struct knobs *knobs = &experiments->table[i].knobs;
        if (!has_knobs(all, count, knobs)) all[count++] = *knobs;
    }
    (void)pthread_mutex_unlock(&experiments->mutex);
    return count;
}

static int compare_knobs(const void *a, const void *b)
{
    return knobs_compare(a, b);
}

/* Adds what one worker has recorded of these knobs to profile. */
static void read_experiment(struct experiments *experiments, const struct knobs *knobs, uint64_t now_ns,
                            struct ledger_profile *profile)
{
    (void)pthread_mutex_lock(&experiments->mutex);
    const struct experiment *experiment = find_experiment(experiments, knobs);
    if (experiment) ledger_recorder_read(experiment->recorder, now_ns, profile);
    (void)pthread_mutex_unlock(&experiments->mutex);
}

/* What experiments_each works on. */
struct survey {
    struct ledger_profile profile; /* of one experiment, all workers */
    struct knobs knobs[];          /* of all experiments */
};

enum fault experiments_each(struct experiments_group group,
                            void (*each)(void *argument, const struct knobs *knobs,
                                         const struct ledger_profile *profile),
                            void *argument)
{
    size_t count = 0;
    struct survey *survey =
        malloc(sizeof(*survey) + group.count * EXPERIMENTS_MAX * sizeof(survey->knobs[0]));
    if (!survey) return FAULT_MEMORY;
    for (size_t i = 0; i < group.count; i++)
        count = collect_knobs(group.workers[i], survey->knobs, count);
    qsort(survey->knobs, count, sizeof(survey->knobs[0]), compare_knobs);
    uint64_t now_ns = clock_now_ns();
    for (size_t i = 0; i < count; i++) {
        survey->profile = (struct ledger_profile){.connection_ns = 0};
        for (size_t j = 0; j < group.count; j++)
            read_experiment(group.workers[j], &survey->knobs[i], now_ns, &survey->profile);
        if (ledger_profile_count(&survey->profile) > 0) each(argument, &survey->knobs[i], &survey->profile);
    }
    free(survey);
    return FAULT_NONE;
}
