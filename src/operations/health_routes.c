#include "operations/health_routes.h"

static enum fault get_health(struct request *request)
{
    const struct health_services *services = request->services;
    enum fault fault = services->liveness == NULL ? FAULT_NONE : services->liveness(services->argument);
    if (fault)
        response_problem(request, fault, services->liveness_detail, NULL, 0);
    else
        response_json(request, 200, TEXT("{\"status\":\"ok\"}"));
    return FAULT_NONE;
}

static enum fault get_readiness(struct request *request)
{
    const struct health_services *services = request->services;
    enum fault fault = services->readiness(services->argument);
    if (fault) return fault;
    response_json(request, 200, TEXT("{\"status\":\"ready\"}"));
    return FAULT_NONE;
}

const struct route health_routes[] = {
    {.path = "/health", .handlers = {[METHOD_GET] = get_health}},
    {.path = "/health/ready", .handlers = {[METHOD_GET] = get_readiness}},
    {.path = NULL},
};
