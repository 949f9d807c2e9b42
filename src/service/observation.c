#include "service/observation.h"

#include <stdlib.h>

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
        .workers = calloc(count, sizeof *observation->workers),
        .requests = calloc(count, sizeof(struct request_metrics *)),
        .experiments = has_laboratory ? calloc(count, sizeof(struct experiments *)) : NULL,
    };
    if (observation->workers == NULL || observation->requests == NULL ||
        (has_laboratory && observation->experiments == NULL))
        return FAULT_MEMORY;
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
