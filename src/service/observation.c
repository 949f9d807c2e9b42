#include "service/observation.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

static enum fault make_place(struct observation *observation, size_t index)
{
    enum fault fault = request_metrics_new(&observation->requests[index]);
    atomic_store(&observation->workers[index].readiness, FAULT_DATABASE_UNAVAILABLE);
#if SPLITS_LAB
    if (!fault && observation->experiments != NULL) fault = experiments_new(&observation->experiments[index]);
#endif
    return fault;
}

enum fault observation_init(struct observation *observation, size_t count, bool has_laboratory)
{
    *observation = (struct observation){
        .count = count,
        .workers = aligned_alloc(OBSERVATION_CACHE_LINE, count * sizeof *observation->workers),
        .requests = calloc(count, sizeof(struct request_metrics *)),
        .experiments = has_laboratory ? calloc(count, sizeof(struct experiments *)) : NULL,
    };
    if (observation->workers == NULL || observation->requests == NULL ||
        (has_laboratory && observation->experiments == NULL))
        return FAULT_MEMORY;
    memset(observation->workers, 0, count * sizeof *observation->workers);
    enum fault fault = FAULT_NONE;
    for (size_t i = 0; i < count && !fault; i++)
        fault = make_place(observation, i);
    return fault;
}

void observation_release(struct observation *observation)
{
    for (size_t i = 0; i < observation->count && observation->requests != NULL; i++)
        request_metrics_free(observation->requests[i]);
#if SPLITS_LAB
    for (size_t i = 0; i < observation->count && observation->experiments != NULL; i++)
        experiments_free(observation->experiments[i]);
#endif
    free(observation->experiments);
    free(observation->requests);
    free(observation->workers);
    *observation = (struct observation){0};
}

struct request_metrics_group observation_requests(const struct observation *observation)
{
    return (struct request_metrics_group){observation->requests, observation->count};
}

enum fault observation_readiness(const struct observation *observation)
{
    for (size_t i = 0; i < observation->count; i++) {
        enum fault fault = (enum fault)atomic_load(&observation->workers[i].readiness);
        if (fault) return fault;
    }
    return FAULT_NONE;
}

uint64_t observation_turned_ns(const struct observation *observation)
{
    uint64_t least_ns = UINT64_MAX;
    for (size_t i = 0; i < observation->count; i++) {
        uint64_t turned_ns = atomic_load_explicit(&observation->workers[i].turned_ns, memory_order_relaxed);
        if (turned_ns != 0 && turned_ns < least_ns) least_ns = turned_ns;
    }
    return least_ns;
}

uint64_t worker_counters_cpu_ns(const struct worker_counters *worker)
{
    struct timespec spent = {0};
    if (!atomic_load_explicit(&worker->is_running, memory_order_acquire)) return 0;
    int error = clock_gettime(worker->cpu_clock, &spent);
    /* Asked last: what the clock of a thread said that has ended meanwhile does not count. */
    uint64_t ended_ns = atomic_load_explicit(&worker->ended_cpu_ns, memory_order_acquire);
    if (ended_ns != 0 || error != 0) return ended_ns;
    return (uint64_t)spent.tv_sec * NS_PER_S + (uint64_t)spent.tv_nsec;
}
