#include "operations/debug_database.h"

#include "base/json_writer.h"
#include "base/text_buffer.h"
#include "operations/debug_routes.h"

#include <assert.h>

/*
 * Calls that the database may have counted more or less than this process without anybody else's doing: those
 * on their way, and those between the two looks; and the share of the calls that is as good as none.
 */
#define CALLS_UNDER_WAY       100
#define CALLS_NEGLIGIBLE_PART 100

#define NOTE                                                                                                 \
    "The database counted other calls than this process: others run the statement, too, or its counters "    \
    "were reset."

/* A request that waits for a report; in its arena. */
struct asker {
    struct database_question question; /* first member: it leads back to here */
    struct request *request;
};

/* The client's mean, taken apart. */
struct split {
    uint64_t execution_ns, wire_ns;
    uint64_t wait_ns; /* for queries before it on its connection, and for the worker's loop when it is busy */
};

/* 0 without calls. */
static uint64_t mean_ns(double sum_ns, uint64_t calls)
{
    return calls == 0 ? 0 : (uint64_t)(sum_ns / (double)calls + 0.5);
}

static uint64_t client_mean_ns(const struct statement_report *report)
{
    return mean_ns((double)report->client_us * 1e3, report->client_calls);
}

static uint64_t server_mean_ns(const struct statement_report *report)
{
    return mean_ns(report->server_ms * 1e6, report->server_calls);
}

static bool can_split(const struct statement_report *report)
{
    return report->has_server && report->client_calls > 0 && report->server_calls > 0;
}

/* The server's mean may be above the client's when it is of other calls: then nothing is left to split. */
static struct split split_mean(const struct statement_report *report)
{
    uint64_t client_ns = client_mean_ns(report), execution_ns = server_mean_ns(report);
    uint64_t beside_ns = client_ns > execution_ns ? client_ns - execution_ns : 0;
    uint64_t wire_ns = beside_ns < report->round_trip_ns ? beside_ns : report->round_trip_ns;
    return (struct split){execution_ns, wire_ns, beside_ns - wire_ns};
}

static bool counts_differ(const struct statement_report *report)
{
    uint64_t ours = report->client_calls, theirs = report->server_calls;
    uint64_t difference = ours > theirs ? ours - theirs : theirs - ours;
    return difference > ours / CALLS_NEGLIGIBLE_PART + CALLS_UNDER_WAY;
}

static bool needs_note(const struct statement_report *report)
{
    return report->has_server &&
           (counts_differ(report) || (can_split(report) && server_mean_ns(report) > client_mean_ns(report)));
}

static void append_us(struct text_buffer *buffer, const char *before, uint64_t ns)
{
    text_buffer_string(buffer, before);
    text_buffer_double(buffer, (double)ns / 1e3);
}

static void append_calls(struct text_buffer *buffer, const char *before, uint64_t calls)
{
    text_buffer_string(buffer, before);
    text_buffer_int64(buffer, (int64_t)calls);
}

static void append_client(struct text_buffer *buffer, const struct statement_report *report)
{
    append_calls(buffer, ",\"client\":{\"calls\":", report->client_calls);
    if (report->client_calls == 0) {
        text_buffer_string(buffer, ",\"mean_us\":null,\"queue_mean_us\":null}");
        return;
    }
    append_us(buffer, ",\"mean_us\":", client_mean_ns(report));
    append_us(buffer, ",\"queue_mean_us\":", mean_ns((double)report->queue_us * 1e3, report->client_calls));
    text_buffer_string(buffer, "}");
}

static void append_server(struct text_buffer *buffer, const struct statement_report *report)
{
    if (!report->has_server) {
        text_buffer_string(buffer, ",\"server\":null");
        return;
    }
    append_calls(buffer, ",\"server\":{\"calls\":", report->server_calls);
    if (report->server_calls == 0)
        text_buffer_string(buffer, ",\"mean_us\":null");
    else
        append_us(buffer, ",\"mean_us\":", server_mean_ns(report));
    text_buffer_string(buffer, "}");
}

static void append_split(struct text_buffer *buffer, const struct statement_report *report)
{
    if (!can_split(report)) {
        text_buffer_string(buffer, ",\"split\":null");
        return;
    }
    struct split split = split_mean(report);
    append_us(buffer, ",\"split\":{\"execution_us\":", split.execution_ns);
    append_us(buffer, ",\"wire_us\":", split.wire_ns);
    append_us(buffer, ",\"wait_us\":", split.wait_ns);
    text_buffer_string(buffer, "}");
}

static void append_statement(struct text_buffer *buffer, const struct statement_report *report)
{
    text_buffer_string(buffer, "{\"name\":");
    text_buffer_json_string(buffer, text_of(report->name));
    append_client(buffer, report);
    append_server(buffer, report);
    append_split(buffer, report);
    if (needs_note(report)) text_buffer_string(buffer, ",\"note\":\"" NOTE "\"");
    text_buffer_string(buffer, "}");
}

static void append_since(struct text_buffer *buffer, int64_t since_us)
{
    char since[JSON_WRITER_TIMESTAMP_MAX];
    const char *end =
        since_us == 0 ? JSON_WRITER_LITERAL(since, "null") : json_writer_timestamp(since, since_us);
    text_buffer_string(buffer, "{\"since\":");
    text_buffer_text(buffer, (struct text){since, (size_t)(end - since)});
}

static enum fault answer(struct request *request, const struct database_report *report)
{
    struct text_buffer buffer;
    struct text body;
    text_buffer_init(&buffer, &request->arena);
    append_since(&buffer, report->since_us);
    text_buffer_string(&buffer, ",\"statements\":[");
    for (size_t i = 0; i < report->count; i++) {
        if (i > 0) text_buffer_string(&buffer, ",");
        append_statement(&buffer, &report->statements[i]);
    }
    text_buffer_string(&buffer, "],\"absence\":");
    if (report->absence)
        text_buffer_json_string(&buffer, text_of(report->absence));
    else
        text_buffer_string(&buffer, "null");
    text_buffer_string(&buffer, "}");
    enum fault fault = text_buffer_take(&buffer, &body);
    if (fault) return fault;
    response_json(request, 200, body);
    return FAULT_NONE;
}

static void report_done(struct database_question *question, enum fault fault,
                        const struct database_report *report)
{
    struct request *request = ((struct asker *)question)->request;
    request->abandon = NULL;
    ledger_enter(&request->ledger, PHASE_JSON);
    if (!fault) fault = answer(request, report);
    if (fault) response_problem(request, fault, NULL, NULL, 0);
}

static void abandon_question(struct request *request)
{
    const struct debug_services *services = request->services;
    services->abandon_database(services->argument, request->abandon_argument);
}

enum fault debug_database_get(struct request *request)
{
    const struct debug_services *services = request->services;
    assert(services->ask_database && services->abandon_database);
    struct asker *asker = arena_take(&request->arena, sizeof(*asker));
    if (!asker) return FAULT_MEMORY;
    *asker = (struct asker){.question = {.done = report_done}, .request = request};
    /* Before it is asked, because done may be called at once. */
    request->abandon = abandon_question;
    request->abandon_argument = &asker->question;
    ledger_enter(&request->ledger, PHASE_DB);
    enum fault fault = services->ask_database(services->argument, &asker->question);
    if (fault) request->abandon = NULL;
    return fault;
}
