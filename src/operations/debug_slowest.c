#include "operations/debug_slowest.h"

#include "base/json_writer.h"
#include "base/text_buffer.h"
#include "operations/debug_routes.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX     100
#define ERRORS_MAX    8 /* parameters that are told to be wrong; more are left out */

/* ---- the parameter ---- */

struct limit_reading {
    unsigned times;
    struct text value;
    struct field_error errors[ERRORS_MAX];
    size_t error_count;
};

/* Notes what is wrong with a parameter, once. */
static void add_error(struct limit_reading *reading, struct text field, const char *reason)
{
    for (size_t i = 0; i < reading->error_count; i++)
        if (text_equal(reading->errors[i].field, field)) return;
    if (reading->error_count < ERRORS_MAX)
        reading->errors[reading->error_count++] = (struct field_error){field, reason};
}

static enum fault note_parameter(void *argument, struct text name, struct text value)
{
    struct limit_reading *reading = argument;
    if (text_equal(name, TEXT("limit"))) {
        reading->times++;
        reading->value = value;
    } else {
        add_error(reading, name, "is unknown");
    }
    return FAULT_NONE;
}

/* FAULT_VALIDATION with what is wrong in ret_reading. */
static enum fault read_limit(struct request *request, struct limit_reading *ret_reading, size_t *ret_limit)
{
    uint64_t limit = LIMIT_DEFAULT;
    *ret_reading = (struct limit_reading){.times = 0};
    enum fault fault = request_each_parameter(request, note_parameter, ret_reading);
    if (fault) return fault;
    bool is_given = ret_reading->times > 0;
    if (ret_reading->times > 1)
        add_error(ret_reading, TEXT("limit"), "must not be repeated");
    else if (is_given && (!text_to_uint64(ret_reading->value, LIMIT_MAX, &limit) || limit == 0))
        add_error(ret_reading, TEXT("limit"), "must be a whole number from 1 to 100");
    if (ret_reading->error_count > 0) return FAULT_VALIDATION;
    *ret_limit = (size_t)limit;
    return FAULT_NONE;
}

/* ---- requests ---- */

/* The total and the phases as members of an object. */
static void append_ledger(struct text_buffer *buffer, uint64_t total_ns, const uint64_t spent_ns[PHASE_COUNT])
{
    text_buffer_string(buffer, "\"total_ns\":");
    text_buffer_int64(buffer, (int64_t)total_ns);
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        text_buffer_format(buffer, ",\"%s_ns\":", phase_name(phase));
        text_buffer_int64(buffer, (int64_t)spent_ns[phase]);
    }
}

static void append_flight(struct text_buffer *buffer, const struct flight *flight)
{
    char ended_at[JSON_WRITER_TIMESTAMP_MAX];
    const char *end = json_writer_timestamp(ended_at, flight->ended_us);
    text_buffer_string(buffer, "{");
    append_ledger(buffer, ledger_total_ns(&flight->ledger), flight->ledger.spent_ns);
    text_buffer_format(buffer, ",\"method\":\"%s\",\"route\":", flight->method);
    text_buffer_json_string(buffer, text_of(flight->route));
    text_buffer_format(buffer, ",\"status\":%u,\"request_id\":", flight->status);
    text_buffer_json_string(buffer, text_of(flight->request_id));
    text_buffer_string(buffer, ",\"ended_at\":");
    text_buffer_text(buffer, (struct text){ended_at, (size_t)(end - ended_at)});
    text_buffer_string(buffer, "}");
}

/* ---- routes ---- */

struct whole_mean {
    uint64_t total_ns;
    uint64_t spent_ns[PHASE_COUNT];
};

/* Rounds sums from the front and takes differences, so that whole phases sum to a whole total. */
static struct whole_mean round_mean(const struct ledger_mean *mean)
{
    struct whole_mean whole = {.total_ns = 0};
    double sum_ns = 0;
    for (size_t i = 0; i < PHASE_COUNT; i++) {
        sum_ns += mean->spent_ns[i];
        uint64_t rounded_ns = (uint64_t)(sum_ns + 0.5);
        whole.spent_ns[i] = rounded_ns - whole.total_ns;
        whole.total_ns = rounded_ns;
    }
    return whole;
}

static struct whole_mean mean_at(const struct ledger_profile *profile, double quantile)
{
    struct ledger_mean mean;
    ledger_profile_at(profile, quantile, &mean);
    return round_mean(&mean);
}

static int64_t growth_of(const struct whole_mean *from, const struct whole_mean *to, enum phase phase)
{
    return (int64_t)to->spent_ns[phase] - (int64_t)from->spent_ns[phase];
}

static void append_growth(struct text_buffer *buffer, const struct whole_mean *from,
                          const struct whole_mean *to)
{
    const char *grew_most = NULL;
    int64_t most_ns = 0;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        int64_t growth_ns = growth_of(from, to, phase);
        text_buffer_format(buffer, "%s\"%s\":", phase == 0 ? ",\"growth_ns\":{" : ",", phase_name(phase));
        text_buffer_int64(buffer, growth_ns);
        if (growth_ns <= most_ns) continue;
        most_ns = growth_ns;
        grew_most = phase_name(phase);
    }
    if (grew_most)
        text_buffer_format(buffer, "},\"grew_most\":\"%s\"", grew_most);
    else
        text_buffer_string(buffer, "},\"grew_most\":null");
}

struct route_list {
    struct text_buffer *buffer;
    size_t count;
};

/* A route that nobody asked for in the last minutes has no median. */
static void append_route(void *argument, const char *route, const struct ledger_profile *profile)
{
    struct route_list *list = argument;
    struct text_buffer *buffer = list->buffer;
    uint64_t requests = ledger_profile_count(profile);
    if (requests == 0) return;
    struct whole_mean p50 = mean_at(profile, 0.5), p99 = mean_at(profile, 0.99);
    text_buffer_string(buffer, list->count++ == 0 ? "{\"route\":" : ",{\"route\":");
    text_buffer_json_string(buffer, text_of(route));
    text_buffer_string(buffer, ",\"requests\":");
    text_buffer_int64(buffer, (int64_t)requests);
    text_buffer_string(buffer, ",\"p50\":{");
    append_ledger(buffer, p50.total_ns, p50.spent_ns);
    text_buffer_string(buffer, "},\"p99\":{");
    append_ledger(buffer, p99.total_ns, p99.spent_ns);
    text_buffer_string(buffer, "}");
    append_growth(buffer, &p50, &p99);
    text_buffer_string(buffer, "}");
}

/* ---- the answer ---- */

static enum fault answer(struct request *request, struct request_metrics_group group, size_t limit)
{
    struct text_buffer buffer;
    struct text body;
    struct flight *flights = arena_take(&request->arena, limit * sizeof(*flights));
    if (!flights) return FAULT_MEMORY;
    size_t count = request_metrics_slowest(group, flights, limit);
    text_buffer_init(&buffer, &request->arena);
    text_buffer_string(&buffer, "{\"requests\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) text_buffer_string(&buffer, ",");
        append_flight(&buffer, &flights[i]);
    }
    text_buffer_string(&buffer, "],\"routes\":[");
    request_metrics_each_route(group, append_route, &(struct route_list){&buffer, 0});
    text_buffer_string(&buffer, "]}");
    enum fault fault = text_buffer_take(&buffer, &body);
    if (fault) return fault;
    response_json(request, 200, body);
    return FAULT_NONE;
}

enum fault debug_slowest_get(struct request *request)
{
    const struct debug_services *services = request->services;
    struct limit_reading reading;
    size_t limit;
    enum fault fault = read_limit(request, &reading, &limit);
    if (fault == FAULT_VALIDATION) {
        response_problem(request, fault, NULL, reading.errors, reading.error_count);
        return FAULT_NONE;
    }
    if (fault) return fault;
    ledger_enter(&request->ledger, PHASE_JSON);
    return answer(request, services->requests, limit);
}
