#include "lab/lab_routes.h"

#include "http/accept.h"
#include "lab/lab_users.h"
#include "lab/verdict_report.h"

static enum fault get_users(struct request *request)
{
    return request->services ? lab_users_get(request) : FAULT_LABORATORY_OFF;
}

/* What is wrong with a query that must be empty. */
struct refusal {
    struct field_error errors[KNOBS_ERRORS_MAX];
    size_t count;
};

static enum fault refuse_parameter(void *argument, struct text name, struct text value)
{
    (void)value;
    struct refusal *refusal = argument;
    if (refusal->count == KNOBS_ERRORS_MAX) return FAULT_NONE;
    for (size_t i = 0; i < refusal->count; i++)
        if (text_equal(refusal->errors[i].field, name)) return FAULT_NONE;
    refusal->errors[refusal->count++] = (struct field_error){name, "is unknown"};
    return FAULT_NONE;
}

static void add_route(void *argument, const char *route, const struct ledger_profile *profile)
{
    verdict_report_add_route(argument, route, profile);
}

static void add_experiment(void *argument, const struct knobs *knobs, const struct ledger_profile *profile)
{
    verdict_report_add_experiment(argument, knobs, profile);
}

static enum fault fill_report(struct request *request, struct verdict_report *ret_report)
{
    const struct lab_services *services = request->services;
    struct verdict_machine machine;
    services->observe(services->argument, &machine);
    verdict_report_init(ret_report, &request->arena, &machine);
    services->each_route(services->argument, add_route, ret_report);
    return experiments_each(services->all, add_experiment, ret_report);
}

static enum fault answer_verdict(struct request *request, const struct verdict_report *report)
{
    static const char *const types[] = {"application/json", "text/plain"};
    struct text body;
    bool wants_text = accept_choose(request->headers[HEADER_ACCEPT], types, 2) == 1;
    ledger_enter(&request->ledger, PHASE_JSON);
    enum fault fault = wants_text ? verdict_report_text(report, &body) : verdict_report_json(report, &body);
    if (fault) return fault;
    if (wants_text)
        response_text(request, 200, VERDICT_TEXT_CONTENT_TYPE, body);
    else
        response_json(request, 200, body);
    return FAULT_NONE;
}

static enum fault get_verdict(struct request *request)
{
    struct refusal refusal = {.count = 0};
    struct verdict_report report;
    if (!request->services) return FAULT_LABORATORY_OFF;
    enum fault fault = request_each_parameter(request, refuse_parameter, &refusal);
    if (fault) return fault;
    if (refusal.count > 0) {
        response_problem(request, FAULT_VALIDATION, NULL, refusal.errors, refusal.count);
        return FAULT_NONE;
    }
    fault = fill_report(request, &report);
    return fault ? fault : answer_verdict(request, &report);
}

const struct route lab_routes[] = {
    {.path = "/lab/users", .handlers = {[METHOD_GET] = get_users}},
    {.path = "/lab/verdict", .handlers = {[METHOD_GET] = get_verdict}},
    {.path = NULL},
};
