#include "lab/verdict_json.h"

#include <math.h>
#include <stdbool.h>

static const char *const resource_members[VERDICT_RESOURCE_COUNT] = {
    [VERDICT_CONNECTIONS] = "connections",
    [VERDICT_CPU] = "cpus",
    [VERDICT_LOOPS] = "loops",
};

/* The comma where one belongs, and the name; NULL in an array. */
static void begin_member(struct text_buffer *buffer, const char *name)
{
    char last = buffer->size > 0 ? buffer->bytes[buffer->size - 1] : '{';
    if (last != '{' && last != '[') text_buffer_string(buffer, ",");
    if (name) text_buffer_format(buffer, "\"%s\":", name);
}

/* bracket: '{' or '['. */
static void open_member(struct text_buffer *buffer, const char *name, char bracket)
{
    begin_member(buffer, name);
    text_buffer_format(buffer, "%c", bracket);
}

static void close_member(struct text_buffer *buffer, char bracket)
{
    text_buffer_format(buffer, "%c", bracket);
}

static void write_null(struct text_buffer *buffer, const char *name)
{
    begin_member(buffer, name);
    text_buffer_string(buffer, "null");
}

static void write_string(struct text_buffer *buffer, const char *name, const char *value)
{
    begin_member(buffer, name);
    text_buffer_json_string(buffer, text_of(value));
}

static void write_bool(struct text_buffer *buffer, const char *name, bool value)
{
    begin_member(buffer, name);
    text_buffer_string(buffer, value ? "true" : "false");
}

static void write_integer(struct text_buffer *buffer, const char *name, uint64_t value)
{
    begin_member(buffer, name);
    text_buffer_int64(buffer, (int64_t)value);
}

static void write_number(struct text_buffer *buffer, const char *name, double value)
{
    begin_member(buffer, name);
    text_buffer_format(buffer, "%.6f", isfinite(value) ? value : 0);
}

static void write_ms(struct text_buffer *buffer, const char *name, double ns)
{
    write_number(buffer, name, ns / (double)NS_PER_MS);
}

/* 0 is unknown. */
static void write_known(struct text_buffer *buffer, const char *name, double value)
{
    if (value > 0)
        write_number(buffer, name, value);
    else
        write_null(buffer, name);
}

static void write_machine(struct text_buffer *buffer, const struct verdict_machine *machine)
{
    open_member(buffer, "machine", '{');
    write_integer(buffer, "loops", machine->loops);
    write_integer(buffer, "cpus", machine->cpus);
    write_integer(buffer, "connections", machine->connections);
    write_bool(buffer, "is_blocking", machine->is_blocking);
    write_number(buffer, "seconds", machine->seconds);
    write_number(buffer, "request_rate", machine->request_rate);
    write_number(buffer, "loops_busy", machine->loops_busy);
    write_number(buffer, "cpus_busy", machine->cpus_busy);
    write_number(buffer, "connections_busy", machine->connections_busy);
    write_known(buffer, "fixed_loop_ms", machine->fixed_loop_ns / (double)NS_PER_MS);
    write_known(buffer, "cpu_per_loop", machine->cpu_per_loop);
    close_member(buffer, '}');
}

static void write_binding_now(struct text_buffer *buffer, const struct verdict_machine *machine)
{
    struct verdict_binding binding;
    if (!verdict_binding_now(machine, &binding)) {
        write_null(buffer, "binding_now");
        return;
    }
    open_member(buffer, "binding_now", '{');
    write_string(buffer, "resource", resource_members[binding.resource]);
    write_number(buffer, "utilization", binding.utilization);
    write_known(buffer, "request_rate", binding.request_rate);
    close_member(buffer, '}');
}

static void write_split(struct text_buffer *buffer, const char *name, const struct verdict_split *split)
{
    open_member(buffer, name, '{');
    write_ms(buffer, "total_ms", split->ledger.total_ns);
    write_ms(buffer, "free_total_ms", split->free_total_ns);
    write_number(buffer, "database_share", split->database_share);
    write_number(buffer, "queue_share", split->queue_share);
    write_number(buffer, "cpu_share", split->cpu_share);
    write_number(buffer, "json_share", split->json_share);
    open_member(buffer, "phases_ms", '{');
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        write_ms(buffer, phase_name((enum phase)i), split->ledger.spent_ns[i]);
    close_member(buffer, '}');
    close_member(buffer, '}');
}

static void write_capacity(struct text_buffer *buffer, const char *name,
                           const struct verdict_capacity *capacity)
{
    open_member(buffer, name, '{');
    if (capacity->rate > 0)
        write_string(buffer, "binding", resource_members[capacity->binding]);
    else
        write_null(buffer, "binding");
    write_known(buffer, "request_rate", capacity->rate);
    open_member(buffer, "bounds", '{');
    for (unsigned i = 0; i < VERDICT_RESOURCE_COUNT; i++)
        write_known(buffer, resource_members[i], capacity->bounds[i]);
    close_member(buffer, '}');
    close_member(buffer, '}');
}

static void write_target(struct text_buffer *buffer, const char *name, const struct knobs *knobs)
{
    char target[KNOBS_TEXT_SIZE_MAX];
    knobs_write(knobs, target);
    write_string(buffer, name, target);
}

static void write_judgement(struct text_buffer *buffer, const struct verdict_subject *subject)
{
    const struct knobs *knobs = subject->route ? NULL : &subject->knobs;
    char sentence[SENTENCE_SIZE_MAX];
    sentence_of_verdict(&subject->verdict, knobs, sentence);
    if (sentence_instead_of_verdict(knobs))
        write_null(buffer, "matters");
    else
        write_bool(buffer, "matters", subject->verdict.matters);
    write_string(buffer, "sentence", sentence);
}

static void write_subject(struct text_buffer *buffer, const struct verdict_subject *subject)
{
    const struct verdict *verdict = &subject->verdict;
    open_member(buffer, NULL, '{');
    if (subject->route)
        write_string(buffer, "route", subject->route);
    else
        write_target(buffer, "target", &subject->knobs);
    write_integer(buffer, "requests", verdict->requests);
    write_bool(buffer, "is_preliminary", verdict->is_preliminary);
    write_judgement(buffer, subject);
    write_split(buffer, "p50", &verdict->p50);
    write_split(buffer, "p99", &verdict->p99);
    write_ms(buffer, "json_ms", verdict->json_ns);
    write_known(buffer, "cpu_ms", verdict->cpu_ns / (double)NS_PER_MS);
    write_capacity(buffer, "capacity", &verdict->capacity);
    write_capacity(buffer, "capacity_free", &verdict->capacity_free);
    if (verdict_report_has_limit(subject))
        write_ms(buffer, "latency_limit_ms", verdict->latency_limit_ns);
    else
        write_null(buffer, "latency_limit_ms");
    close_member(buffer, '}');
}

static void write_subjects(struct text_buffer *buffer, const char *name, const struct verdict_report *report,
                           bool are_routes)
{
    open_member(buffer, name, '[');
    for (const struct verdict_subject *subject = report->first; subject; subject = subject->next)
        if ((subject->route != NULL) == are_routes) write_subject(buffer, subject);
    close_member(buffer, ']');
}

static void write_compared(struct text_buffer *buffer, const struct verdict_comparison *comparison,
                           enum serializer serializer)
{
    const struct verdict_subject *subject = comparison->subjects[serializer];
    double base_ns = comparison->baseline->verdict.p50.ledger.total_ns;
    double total_ns = subject->verdict.p50.ledger.total_ns;
    open_member(buffer, NULL, '{');
    write_string(buffer, "serializer", serializer_name(serializer));
    write_integer(buffer, "requests", subject->verdict.requests);
    write_ms(buffer, "p50_ms", total_ns);
    write_number(buffer, "change", base_ns > 0 ? total_ns / base_ns - 1 : 0);
    close_member(buffer, '}');
}

static void write_comparison(struct text_buffer *buffer, const struct verdict_comparison *comparison)
{
    open_member(buffer, NULL, '{');
    write_target(buffer, "baseline", &comparison->baseline->knobs);
    write_string(buffer, "sentence", comparison->sentence);
    open_member(buffer, "serializers", '[');
    for (unsigned i = 0; i < SERIALIZER_COUNT; i++)
        if (comparison->subjects[i]) write_compared(buffer, comparison, (enum serializer)i);
    close_member(buffer, ']');
    close_member(buffer, '}');
}

static void write_comparisons(struct text_buffer *buffer, const struct verdict_report *report)
{
    struct verdict_comparison comparison;
    open_member(buffer, "comparisons", '[');
    for (const struct verdict_subject *subject = report->first; subject; subject = subject->next)
        if (verdict_report_compare(report, subject, &comparison)) write_comparison(buffer, &comparison);
    close_member(buffer, ']');
}

void verdict_json_write(struct text_buffer *buffer, const struct verdict_report *report)
{
    char headline[SENTENCE_SIZE_MAX];
    verdict_report_headline(report, headline);
    open_member(buffer, NULL, '{');
    write_string(buffer, "sentence", headline);
    write_machine(buffer, &report->machine);
    write_binding_now(buffer, &report->machine);
    write_subjects(buffer, "routes", report, true);
    write_subjects(buffer, "experiments", report, false);
    write_comparisons(buffer, report);
    write_integer(buffer, "left_out", report->left_out);
    close_member(buffer, '}');
}
