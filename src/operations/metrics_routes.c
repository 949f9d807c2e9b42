#include "operations/metrics_routes.h"

static enum fault get_metrics(struct request *request)
{
    const struct metrics_services *services = request->services;
    struct metrics_text text = {.family = NULL};
    struct text body;
    ledger_enter(&request->ledger, PHASE_JSON);
    text_buffer_init(&text.buffer, &request->arena);
    for (size_t i = 0; i < services->count; i++)
        services->sources[i].write(services->sources[i].argument, &text);
    enum fault fault = text_buffer_take(&text.buffer, &body);
    if (fault) return fault;
    response_text(request, 200, METRICS_CONTENT_TYPE, body);
    return FAULT_NONE;
}

const struct route metrics_routes[] = {
    {.path = "/metrics", .handlers = {[METHOD_GET] = get_metrics}},
    {.path = NULL},
};
