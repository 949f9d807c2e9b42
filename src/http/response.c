#include "http/response.h"

#include "http/problem.h"
#include "http/request.h"

#define PROBLEM_TYPE "application/problem+json"

static void finish(struct request *request)
{
    if (request->answered) request->answered(request);
}

void response_text(struct request *request, unsigned status, const char *content_type, struct text body)
{
    request->response.status = status;
    request->response.content_type = content_type;
    request->response.body = body;
    request->response.fault = FAULT_NONE;
    finish(request);
}

void response_json(struct request *request, unsigned status, struct text body)
{
    response_text(request, status, "application/json", body);
}

void response_not_modified(struct request *request, struct text body)
{
    request->response.status = 304;
    request->response.content_type = NULL;
    request->response.body = body;
    request->response.fault = FAULT_NONE;
    finish(request);
}

void response_empty(struct request *request, unsigned status)
{
    request->response.status = status;
    request->response.content_type = NULL;
    request->response.body = (struct text){NULL, 0};
    request->response.fault = FAULT_NONE;
    finish(request);
}

/* What is said when there is no memory to say more. A change whose outcome is unknown must not be denied. */
static struct text body_without_memory(enum fault fault)
{
    if (fault == FAULT_OUTCOME_UNKNOWN)
        return TEXT("{\"type\":\"/problems/outcome_unknown\",\"title\":\"Outcome unknown\",\"status\":503,"
                    "\"detail\":\"The change may or may not have been made; look before trying again.\","
                    "\"code\":\"outcome_unknown\",\"outcome\":\"unknown\"}");
    return TEXT("{\"type\":\"/problems/out_of_memory\",\"title\":\"Out of memory\",\"status\":503,"
                "\"detail\":\"The service had not enough memory for this request; nothing was changed.\","
                "\"code\":\"out_of_memory\"}");
}

static void set_problem(struct response *response, enum fault fault, struct text body)
{
    const struct problem *problem = problem_of(fault);
    response->status = problem->status;
    response->content_type = PROBLEM_TYPE;
    response->body = body;
    response->fault = fault;
    if (response->retry_after_s == 0) response->retry_after_s = problem->retry_after_s;
}

void response_problem(struct request *request, enum fault fault, const char *detail,
                      const struct field_error *errors, size_t count)
{
    ledger_enter(&request->ledger, PHASE_JSON);
    struct problem_details details = {detail, text_of(request->id), errors, count, false};
    /* When the deadline passes, a change may be on its way to the database, or made. */
    details.is_outcome_unknown = fault == FAULT_OUTCOME_UNKNOWN ||
                                 (fault == FAULT_REQUEST_TIMEOUT && !method_is_safe(request->method));
    request->response.is_outcome_unknown = details.is_outcome_unknown;
    char *body = arena_take(&request->arena, problem_size_max(fault, &details));
    if (!body) {
        fault = details.is_outcome_unknown ? FAULT_OUTCOME_UNKNOWN : FAULT_MEMORY;
        set_problem(&request->response, fault, body_without_memory(fault));
        finish(request);
        return;
    }
    char *end = problem_write(body, fault, &details);
    set_problem(&request->response, fault, (struct text){body, (size_t)(end - body)});
    finish(request);
}
