#include "http/access_log.h"

#include "base/log.h"
#include "http/router.h"

/* Not a status of HTTP: the client left before there was an answer. Of nginx, and known to log readers. */
#define CLIENT_GONE_STATUS 499

/* A target as the client wrote it could be anything: the route's template is what logs are grouped by. */
static struct text route_of(const struct request *request)
{
    return request->route == NULL ? TEXT("") : text_of(request->route->path);
}

static struct log_field phase_field(const struct ledger *ledger, enum phase phase)
{
    static const char *const names[PHASE_COUNT] = {
        [PHASE_READ] = "read_ns",   [PHASE_PARSE] = "parse_ns", [PHASE_QUEUE] = "queue_ns",
        [PHASE_DB] = "db_ns",       [PHASE_JSON] = "json_ns",   [PHASE_SEND] = "send_ns",
        [PHASE_OTHER] = "other_ns",
    };
    return LOG_INT(names[phase], (int64_t)ledger->spent_ns[phase]);
}

void access_log_write(enum access_log which, const struct exchange *exchange, bool is_sent)
{
    const struct request *request = &exchange->request;
    const struct ledger *ledger = &request->ledger;
    const struct response *response = &request->response;
    bool is_failure = response_is_failure(response->status);
    if (which == ACCESS_LOG_OFF || (which == ACCESS_LOG_ERRORS && !is_failure)) return;
    enum log_level level = is_failure ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    if (!log_enabled(level)) return;
    log_event(level, "request", LOG_STRING("method", method_name(request->method)),
              LOG_TEXT("route", route_of(request)),
              LOG_INT("status", response->status == 0 ? CLIENT_GONE_STATUS : response->status),
              LOG_STRING("code", fault_code(response->fault)), LOG_INT("bytes", (int64_t)response->body.size),
              LOG_INT("total_ns", (int64_t)ledger_total_ns(ledger)), phase_field(ledger, PHASE_READ),
              phase_field(ledger, PHASE_PARSE), phase_field(ledger, PHASE_QUEUE),
              phase_field(ledger, PHASE_DB), phase_field(ledger, PHASE_JSON), phase_field(ledger, PHASE_SEND),
              phase_field(ledger, PHASE_OTHER), LOG_STRING("outcome", is_sent ? "sent" : "client_gone"),
              LOG_STRING("request_id", request->id),
              /* Last: a path that is too long for the line takes no other field with it. */
              LOG_TEXT("path", request->path));
}
