#include "service/laboratory.h"

static void observe(void *argument, struct verdict_machine *ret_machine)
{
    const struct laboratory *laboratory = argument;
    load_read(laboratory->load, ret_machine);
}

static void each_route(void *argument,
                       void (*each)(void *each_argument, const char *route,
                                    const struct ledger_profile *profile),
                       void *each_argument)
{
    const struct laboratory *laboratory = argument;
    request_metrics_each_route(observation_requests(laboratory->observation), each, each_argument);
}

struct lab_services laboratory_services(const struct laboratory *laboratory, size_t index)
{
    const struct observation *observation = laboratory->observation;
    return (struct lab_services){
        .experiments = observation->experiments[index],
        .all = {observation->experiments, observation->count},
        .observe = observe,
        .each_route = each_route,
        .argument = (void *)(uintptr_t)laboratory,
    };
}
