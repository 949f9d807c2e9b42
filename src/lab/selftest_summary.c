#include "lab/selftest_summary.h"

#include "base/clock.h"

#include <stdbool.h>
#include <stdlib.h>

/* Of the times in Server-Timing: a printed one stands for at most one microsecond more, or less. */
#define HEADER_RESOLUTION_NS NS_PER_US
/* Of the client's: a difference of two readings in whole microseconds. */
#define CLIENT_RESOLUTION_NS (2 * NS_PER_US)
/* The fastest one of so many counts as undisturbed. */
#define UNDISTURBED_PART 4

static uint64_t sum_of(const struct selftest_phases *phases)
{
    uint64_t sum = 0;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        sum += phases->spent[phase];
    return sum;
}

static bool is_near(uint64_t header_us, uint64_t log_ns)
{
    uint64_t header_ns = header_us * NS_PER_US;
    return (header_ns > log_ns ? header_ns - log_ns : log_ns - header_ns) <= HEADER_RESOLUTION_NS;
}

/* The field was written before the answer was sent: send is neither in it nor in its total. */
static bool is_agreed(const struct selftest_record *record)
{
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        if (phase != PHASE_SEND && !is_near(record->header_us.spent[phase], record->log_ns.spent[phase]))
            return false;
    return is_near(record->header_us.total, record->log_ns.total - record->log_ns.spent[PHASE_SEND]);
}

/*
 * The client starts before the service has the first byte, and ends after the answer was queued. It may end
 * before the service is told that the kernel took the last byte: that is what send is left out for.
 */
static bool is_client_later(const struct selftest_record *record)
{
    return record->client_ns + CLIENT_RESOLUTION_NS >=
           record->log_ns.total - record->log_ns.spent[PHASE_SEND];
}

static void count_breaches(const struct selftest_record *record, struct selftest_breaches *breaches)
{
    breaches->sum += sum_of(&record->log_ns) != record->log_ns.total;
    breaches->header_sum += sum_of(&record->header_us) != record->header_us.total;
    breaches->agreement += !is_agreed(record);
    breaches->client += !is_client_later(record);
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Sorts values. */
static int64_t median(int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static int compare_clients(const void *a, const void *b)
{
    const struct selftest_record *left = a, *right = b;
    return (left->client_ns > right->client_ns) - (left->client_ns < right->client_ns);
}

/* How many of the records, which it sorts, are to be judged: the first ones. */
static size_t choose(const struct selftest_run *run)
{
    const struct selftest_records *records = &run->records;
    qsort(records->items, records->count, sizeof *records->items, compare_clients);
    bool is_alone = run->experiment.concurrency == 1;
    return is_alone ? (records->count + UNDISTURBED_PART - 1) / UNDISTURBED_PART : records->count;
}

/* values has room for count. */
static void take_medians(const struct selftest_record *records, size_t count, int64_t *values,
                         struct selftest_summary *summary)
{
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        for (size_t i = 0; i < count; i++)
            values[i] = (int64_t)records[i].log_ns.spent[phase];
        summary->median_ns[phase] = median(values, count);
    }
    for (size_t i = 0; i < count; i++)
        values[i] = (int64_t)records[i].client_ns - (int64_t)records[i].log_ns.total;
    summary->outside_ns = median(values, count);
}

enum fault selftest_summarize(struct selftest_run *run, struct selftest_summary *ret_summary)
{
    const struct selftest_records *records = &run->records;
    if (records->count == 0) return FAULT_VALIDATION;
    int64_t *values = calloc(records->count, sizeof *values);
    if (values == NULL) return FAULT_MEMORY;
    *ret_summary = (struct selftest_summary){
        .experiment = run->experiment,
        .count = records->count,
        .client_cpu_ns = run->client_cpu_ns / records->count,
    };
    for (size_t i = 0; i < records->count; i++)
        count_breaches(&records->items[i], &ret_summary->breaches);
    take_medians(records->items, choose(run), values, ret_summary);
    free(values);
    return FAULT_NONE;
}
