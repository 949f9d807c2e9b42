#include "lab/verdict_report.h"

#include "base/text_buffer.h"
#include "lab/verdict_json.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH_MAX = 100 }; /* columns of a line for people */

void verdict_report_init(struct verdict_report *report, struct arena *arena,
                         const struct verdict_machine *machine)
{
    *report = (struct verdict_report){.arena = arena, .machine = *machine};
    report->end = &report->first;
}

static void add_subject(struct verdict_report *report, const struct verdict_subject *like,
                        const struct ledger_profile *profile)
{
    struct verdict verdict;
    if (!verdict_judge(&report->machine, profile, &verdict)) return;
    if (report->count == VERDICT_REPORT_SUBJECTS_MAX) {
        report->left_out++;
        return;
    }
    struct verdict_subject *subject = arena_take(report->arena, sizeof *subject);
    if (subject == NULL) {
        report->is_short = true;
        return;
    }
    *subject = *like;
    subject->verdict = verdict;
    *report->end = subject;
    report->end = &subject->next;
    report->count++;
}

static bool is_worth_judging(const char *route, const struct ledger_profile *profile)
{
    struct ledger_mean mean;
    ledger_profile_mean(profile, &mean);
    return *route != '\0' && strncmp(route, "/lab/", 5) != 0 &&
           mean.spent_ns[PHASE_DB] + mean.spent_ns[PHASE_JSON] > 0;
}

void verdict_report_add_route(struct verdict_report *report, const char *route,
                              const struct ledger_profile *profile)
{
    if (!is_worth_judging(route, profile)) return;
    add_subject(report, &(struct verdict_subject){.route = route}, profile);
}

void verdict_report_add_experiment(struct verdict_report *report, const struct knobs *knobs,
                                   const struct ledger_profile *profile)
{
    add_subject(report, &(struct verdict_subject){.knobs = *knobs}, profile);
}

/* NULL: a route. */
static const struct knobs *knobs_of(const struct verdict_subject *subject)
{
    return subject->route ? NULL : &subject->knobs;
}

static bool differ_in_serializer_alone(const struct verdict_subject *a, const struct verdict_subject *b)
{
    if (a->route || b->route || a->knobs.serializer == b->knobs.serializer) return false;
    struct knobs knobs = b->knobs;
    knobs.serializer = a->knobs.serializer;
    return knobs_equal(&a->knobs, &knobs);
}

static void describe(struct verdict_comparison *comparison)
{
    const struct verdict *verdicts[SERIALIZER_COUNT] = {NULL};
    for (unsigned i = 0; i < SERIALIZER_COUNT; i++) {
        if (!comparison->subjects[i]) continue;
        verdicts[i] = &comparison->subjects[i]->verdict;
        if (!comparison->baseline) comparison->baseline = comparison->subjects[i];
    }
    sentence_of_comparison(verdicts, comparison->sentence);
}

bool verdict_report_compare(const struct verdict_report *report, const struct verdict_subject *subject,
                            struct verdict_comparison *ret_comparison)
{
    struct verdict_comparison comparison = {0};
    bool is_behind = false, has_others = false;
    for (const struct verdict_subject *other = report->first; other; other = other->next) {
        if (other == subject) is_behind = true;
        if (!differ_in_serializer_alone(subject, other)) continue;
        if (is_behind) return false;
        comparison.subjects[other->knobs.serializer] = other;
        has_others = true;
    }
    if (!has_others) return false;
    comparison.subjects[subject->knobs.serializer] = subject;
    describe(&comparison);
    *ret_comparison = comparison;
    return true;
}

bool verdict_report_has_limit(const struct verdict_subject *subject)
{
    return !subject->verdict.is_blocking && !sentence_instead_of_verdict(knobs_of(subject));
}

void verdict_report_headline(const struct verdict_report *report, char text[SENTENCE_SIZE_MAX])
{
    static const struct knobs example = {.rows = 100, .delay_ms = 15, .serializer = SERIALIZER_JANSSON};
    if (report->first) {
        sentence_of_machine(&report->machine, text);
        return;
    }
    char target[KNOBS_TEXT_SIZE_MAX];
    knobs_write(&example, target);
    (void)snprintf(text, SENTENCE_SIZE_MAX, "There is nothing to judge yet: ask for %s a few times.", target);
}

/* As columns on a terminal. */
static size_t count_columns(struct text word)
{
    size_t columns = 0;
    for (size_t i = 0; i < word.size; i++)
        columns += ((unsigned char)word.bytes[i] & 0xC0) != 0x80;
    return columns;
}

/* A sentence in lines of at most WIDTH_MAX columns, longer words apart. */
static void wrap(struct text_buffer *buffer, const char *indent, const char *sentence)
{
    struct text rest = text_of(sentence);
    text_buffer_string(buffer, indent);
    size_t column = text_of(indent).size;
    for (bool is_first = true; rest.size > 0; is_first = false) {
        struct text word = text_take_until(&rest, ' ');
        size_t columns = count_columns(word);
        bool breaks = !is_first && column + 1 + columns > WIDTH_MAX;
        if (breaks) {
            text_buffer_string(buffer, "\n");
            text_buffer_string(buffer, indent);
            column = text_of(indent).size;
        } else if (!is_first) {
            text_buffer_string(buffer, " ");
            column++;
        }
        text_buffer_text(buffer, word);
        column += columns;
    }
    text_buffer_string(buffer, "\n");
}

/* The same three shares at either quantile: they are named once. */
static void write_splits(struct text_buffer *buffer, const struct verdict *verdict)
{
    const struct verdict_split *p50 = &verdict->p50, *p99 = &verdict->p99;
    char line[SENTENCE_SIZE_MAX];
    (void)snprintf(line, sizeof line, "p50 %s: database %s, queue %s, %s %s; p99 %s: %s, %s, %s",
                   sentence_time(p50->ledger.total_ns).text, sentence_share(p50->database_share).text,
                   sentence_share(p50->queue_share).text, verdict->is_blocking ? "service" : "CPU",
                   sentence_share(p50->cpu_share).text, sentence_time(p99->ledger.total_ns).text,
                   sentence_share(p99->database_share).text, sentence_share(p99->queue_share).text,
                   sentence_share(p99->cpu_share).text);
    wrap(buffer, "  ", line);
}

static void write_limit(struct text_buffer *buffer, double limit_ns)
{
    char sentence[SENTENCE_SIZE_MAX] = "Serialization is below 1 % of the time however fast the database is.";
    if (limit_ns > 0)
        (void)snprintf(sentence, sizeof sentence,
                       "Serialization is below 1 %% of the time where the database takes more than %s.",
                       sentence_time(limit_ns).text);
    wrap(buffer, "  ", sentence);
}

static void write_subject(struct text_buffer *buffer, const struct verdict_subject *subject)
{
    const struct verdict *verdict = &subject->verdict;
    char target[KNOBS_TEXT_SIZE_MAX], sentence[SENTENCE_SIZE_MAX];
    if (!subject->route) knobs_write(&subject->knobs, target);
    sentence_of_verdict(verdict, knobs_of(subject), sentence);
    text_buffer_format(buffer, "\n%s (%s)\n", subject->route ? subject->route : target,
                       sentence_requests(verdict->requests).text);
    wrap(buffer, "  ", sentence);
    write_splits(buffer, verdict);
    if (verdict_report_has_limit(subject)) write_limit(buffer, verdict->latency_limit_ns);
}

/* If it ends with subject. */
static void write_comparison(struct text_buffer *buffer, const struct verdict_report *report,
                             const struct verdict_subject *subject)
{
    struct verdict_comparison comparison;
    if (!verdict_report_compare(report, subject, &comparison)) return;
    text_buffer_string(buffer, "\n");
    wrap(buffer, "", comparison.sentence);
}

static void write_thresholds(struct text_buffer *buffer)
{
    char sentence[SENTENCE_SIZE_MAX];
    (void)snprintf(sentence, sizeof sentence,
                   "It matters when free serialization takes %.0f %% or more off the median or adds as much "
                   "to the capacity.",
                   100 * VERDICT_MATTERS);
    text_buffer_string(buffer, "\n");
    wrap(buffer, "", sentence);
}

enum fault verdict_report_text(const struct verdict_report *report, struct text *ret_body)
{
    if (report->is_short) return FAULT_MEMORY;
    struct text_buffer buffer;
    char headline[SENTENCE_SIZE_MAX];
    verdict_report_headline(report, headline);
    text_buffer_init(&buffer, report->arena);
    wrap(&buffer, "", headline);
    for (const struct verdict_subject *subject = report->first; subject; subject = subject->next) {
        write_subject(&buffer, subject);
        write_comparison(&buffer, report, subject);
    }
    if (report->left_out > 0)
        text_buffer_format(&buffer, "\nBeyond the limit, and left out: %zu.\n", report->left_out);
    if (report->first) write_thresholds(&buffer);
    return text_buffer_take(&buffer, ret_body);
}

enum fault verdict_report_json(const struct verdict_report *report, struct text *ret_body)
{
    if (report->is_short) return FAULT_MEMORY;
    struct text_buffer buffer;
    text_buffer_init(&buffer, report->arena);
    verdict_json_write(&buffer, report);
    return text_buffer_take(&buffer, ret_body);
}
