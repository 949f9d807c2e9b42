#include "lab/verdict_sentence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { GROUPED_SIZE_MAX = sizeof "18,446,744,073,709,551,615" };

#define MINUS       "\u2212" /* as wide as a plus */
#define PLUS_MINUS  "\u00B1"
#define RATE_MAX    1e15   /* beyond, numbers are nonsense and would not fit */
#define CHANGE_SEEN 0.0005 /* smaller changes would be written as 0.0 % */
#define CHANGE_TOLD 9      /* larger ones say no more than that they are large */

struct figure sentence_time(double ns)
{
    struct figure figure;
    double ms = ns / (double)NS_PER_MS;
    int decimals = ms >= 100 ? 1 : ms >= 1 ? 2 : ms >= 0.01 ? 3 : 5;
    (void)snprintf(figure.text, sizeof figure.text, "%.*f ms", decimals, ms);
    return figure;
}

/* With a comma before every three digits. */
static void group_digits(uint64_t number, char grouped[GROUPED_SIZE_MAX])
{
    char digits[GROUPED_SIZE_MAX];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *at = grouped;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
}

struct figure sentence_rate(double rate)
{
    if (rate > RATE_MAX) rate = RATE_MAX;
    uint64_t unit = 1;
    while (rate >= 1000 * (double)unit)
        unit *= 10;
    struct figure figure;
    if (rate >= 100)
        group_digits((uint64_t)(rate / (double)unit + 0.5) * unit, figure.text);
    else
        (void)snprintf(figure.text, sizeof figure.text, "%.3g", rate);
    return figure;
}

struct figure sentence_change(double part)
{
    struct figure figure;
    double size = part < 0 ? -part : part;
    const char *sign = size < CHANGE_SEEN ? PLUS_MINUS : part < 0 ? MINUS : "+";
    if (part > CHANGE_TOLD)
        (void)snprintf(figure.text, sizeof figure.text, "more than %d times", CHANGE_TOLD + 1);
    else
        (void)snprintf(figure.text, sizeof figure.text, "%s%.*f %%", sign, size < 1 ? 1 : 0, 100 * size);
    return figure;
}

struct figure sentence_share(double part)
{
    struct figure figure;
    (void)snprintf(figure.text, sizeof figure.text, "%.1f %%", 100 * part);
    return figure;
}

struct figure sentence_requests(uint64_t count)
{
    struct figure figure;
    char grouped[GROUPED_SIZE_MAX];
    group_digits(count, grouped);
    (void)snprintf(figure.text, sizeof figure.text, "%s request%s", grouped, count == 1 ? "" : "s");
    return figure;
}

/* Part of a sentence. */
struct clause {
    char text[SENTENCE_SIZE_MAX / 3];
};

/* Figures that read alike are not put side by side. */
static bool read_alike(struct figure a, struct figure b)
{
    return strcmp(a.text, b.text) == 0;
}

static struct clause latency_clause(const struct verdict_split *p50)
{
    struct clause clause;
    struct figure now = sentence_time(p50->ledger.total_ns), then = sentence_time(p50->free_total_ns);
    if (read_alike(now, then))
        (void)snprintf(clause.text, sizeof clause.text, "without it the median would still be %s", now.text);
    else
        (void)snprintf(clause.text, sizeof clause.text,
                       "without it the median would be %s instead of %s (%s)", then.text, now.text,
                       sentence_change(-p50->json_share).text);
    return clause;
}

/* And with it what the loops allow. */
static bool is_cpu_known(const struct verdict_capacity *capacity)
{
    return capacity->bounds[VERDICT_CPU] > 0;
}

/* Nothing when nothing is known. */
static struct clause capacity_clause(const struct verdict_capacity *capacity,
                                     const struct verdict_capacity *capacity_free)
{
    struct clause clause = {""};
    const char *name = verdict_resource_name(capacity->binding);
    const char *name_free = verdict_resource_name(capacity_free->binding);
    struct figure now = sentence_rate(capacity->rate), then = sentence_rate(capacity_free->rate);
    if (capacity->rate <= 0) return clause;
    if (read_alike(now, then) && is_cpu_known(capacity))
        (void)snprintf(clause.text, sizeof clause.text, ", and %s %s at %s requests/s either way", name,
                       capacity->binding == VERDICT_CPU ? "binds" : "bind", now.text);
    else if (read_alike(now, then))
        (void)snprintf(clause.text, sizeof clause.text, ", and %s allow at most %s requests/s either way",
                       name, now.text);
    else
        (void)snprintf(clause.text, sizeof clause.text,
                       ", and %s would bind at %s requests/s instead of %s%s%s (%s)", name_free, then.text,
                       name == name_free ? "" : name, name == name_free ? "" : " at ", now.text,
                       sentence_change(capacity_free->rate / capacity->rate - 1).text);
    return clause;
}

const char *sentence_instead_of_verdict(const struct knobs *knobs)
{
    if (knobs && knobs->serializer == SERIALIZER_POSTGRES)
        return "PostgreSQL makes the JSON here, in the database's time: compare the medians side by side.";
    if (knobs && knobs->serializer == SERIALIZER_NONE)
        return "Nobody makes JSON here, a constant is sent: compare the medians side by side.";
    return NULL;
}

static const char *what_is_unknown(const struct verdict *verdict)
{
    if (is_cpu_known(&verdict->capacity)) return "";
    return verdict->is_blocking ? " What rate the loops allow shows under load."
                                : " What rate the CPU allows shows under load.";
}

void sentence_of_verdict(const struct verdict *verdict, const struct knobs *knobs,
                         char text[SENTENCE_SIZE_MAX])
{
    const char *instead = sentence_instead_of_verdict(knobs);
    int size = instead ? snprintf(text, SENTENCE_SIZE_MAX, "%s", instead)
                       : snprintf(text, SENTENCE_SIZE_MAX, "The serializer %s here: %s%s.%s",
                                  verdict->matters ? "matters" : "does not matter",
                                  latency_clause(&verdict->p50).text,
                                  capacity_clause(&verdict->capacity, &verdict->capacity_free).text,
                                  what_is_unknown(verdict));
    if (verdict->is_preliminary)
        (void)snprintf(text + size, SENTENCE_SIZE_MAX - (size_t)size, " (Preliminary: %s.)",
                       sentence_requests(verdict->requests).text);
}

void sentence_of_machine(const struct verdict_machine *machine, char text[SENTENCE_SIZE_MAX])
{
    struct verdict_binding binding;
    if (!verdict_binding_now(machine, &binding))
        (void)snprintf(text, SENTENCE_SIZE_MAX, "What binds now is not known: nothing was asked lately.");
    else if (binding.request_rate <= 0)
        (void)snprintf(text, SENTENCE_SIZE_MAX, "Now: %s requests/s; nothing is busy: %s %s.",
                       sentence_rate(machine->request_rate).text, verdict_resource_name(binding.resource),
                       sentence_share(binding.utilization).text);
    else
        (void)snprintf(text, SENTENCE_SIZE_MAX,
                       "Now: %s requests/s. Busiest: %s, %s in use, used up at %s requests/s.",
                       sentence_rate(machine->request_rate).text, verdict_resource_name(binding.resource),
                       sentence_share(binding.utilization).text, sentence_rate(binding.request_rate).text);
}

static const struct verdict *first_of(const struct verdict *const verdicts[SERIALIZER_COUNT])
{
    size_t i = 0;
    while (!verdicts[i])
        i++;
    return verdicts[i];
}

void sentence_of_comparison(const struct verdict *const verdicts[SERIALIZER_COUNT],
                            char text[SENTENCE_SIZE_MAX])
{
    const struct verdict *first = first_of(verdicts);
    size_t size = (size_t)snprintf(text, SENTENCE_SIZE_MAX, "Measured medians:");
    for (unsigned i = 0; i < SERIALIZER_COUNT; i++) {
        if (!verdicts[i]) continue;
        double total_ns = verdicts[i]->p50.ledger.total_ns, base_ns = first->p50.ledger.total_ns;
        bool is_first = verdicts[i] == first || base_ns <= 0;
        size += (size_t)snprintf(
            text + size, SENTENCE_SIZE_MAX - size, "%s %s %s%s%s%s", verdicts[i] == first ? "" : ",",
            serializer_name((enum serializer)i), sentence_time(total_ns).text, is_first ? "" : " (",
            is_first ? "" : sentence_change(total_ns / base_ns - 1).text, is_first ? "" : ")");
    }
    (void)snprintf(text + size, SENTENCE_SIZE_MAX - size, ".");
}
