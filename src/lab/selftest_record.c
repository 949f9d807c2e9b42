#include "lab/selftest_record.h"

#include "base/clock.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL_NAME     "total"
#define DURATION_PART  "dur="
#define DECIMALS       3 /* behind the point of a millisecond: microseconds */
#define SECONDS_MAX    3600.0
#define PHASE_NAME_MAX 16 /* bytes with "_ns" and the end */

/*
 * The client's clock starts when the connection is ready, before the request is sent: that is "connect" for
 * a new connection and "namelookup", which is taken again, for a kept one ("connect" is 0 then).
 * "pretransfer" would be the obvious one, but curl takes it after it has sent the request, when the answer
 * may be there already.
 */
const char selftest_record_format[] =
    "{\"request_id\":\"%header{x-request-id}\",\"status\":\"%{response_code}\","
    "\"lookup\":%{time_namelookup},\"connect\":%{time_connect},"
    "\"total\":%{time_total},\"timing\":\"%header{server-timing}\"}\n";

/* ---- Server-Timing ---- */

/* "12.345" is 12345 µs. */
static bool read_us(struct text text, uint64_t *ret_us)
{
    uint64_t ms, us;
    struct text whole = text_take_until(&text, '.');
    if (text.size != DECIMALS || !text_to_uint64(whole, UINT32_MAX, &ms) || !text_to_uint64(text, 999, &us))
        return false;
    *ret_us = ms * 1000 + us;
    return true;
}

/* Where the duration of this name belongs. NULL: nowhere. */
static uint64_t *place_of(struct text name, struct selftest_phases *phases)
{
    if (text_equal(name, TEXT(TOTAL_NAME))) return &phases->total;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        if (phase != PHASE_SEND && text_equal(name, text_of(phase_name(phase)))) return &phases->spent[phase];
    return NULL;
}

static bool read_metric(struct text metric, struct selftest_phases *phases)
{
    struct text name = text_take_until(&metric, ';');
    size_t size = strlen(DURATION_PART);
    if (metric.size < size || memcmp(metric.bytes, DURATION_PART, size) != 0) return false;
    uint64_t *place = place_of(name, phases);
    if (place == NULL || *place != UINT64_MAX) return false;
    return read_us((struct text){metric.bytes + size, metric.size - size}, place);
}

bool selftest_phases_read(struct text server_timing, struct selftest_phases *ret_phases_us)
{
    struct selftest_phases phases;
    memset(&phases, 0xFF, sizeof phases); /* UINT64_MAX: not there yet */
    phases.spent[PHASE_SEND] = 0;
    size_t count = 0;
    for (; server_timing.size > 0; count++)
        if (!read_metric(text_trim(text_take_until(&server_timing, ',')), &phases)) return false;
    if (count != PHASE_COUNT) return false; /* total in the place of send */
    *ret_phases_us = phases;
    return true;
}

/* ---- the client's output ---- */

static bool has_text(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0;
}

/* Seconds with six decimals. */
static bool read_seconds(const json_t *value, uint64_t *ret_ns)
{
    double seconds = json_number_value(value);
    if (!json_is_number(value) || seconds < 0 || seconds > SECONDS_MAX) return false;
    *ret_ns = (uint64_t)(seconds * 1e6 + 0.5) * NS_PER_US;
    return true;
}

static bool read_times(const json_t *object, struct selftest_record *record)
{
    uint64_t lookup_ns, connect_ns, total_ns;
    if (!read_seconds(json_object_get(object, "lookup"), &lookup_ns) ||
        !read_seconds(json_object_get(object, "connect"), &connect_ns) ||
        !read_seconds(json_object_get(object, "total"), &total_ns))
        return false;
    uint64_t start_ns = connect_ns > lookup_ns ? connect_ns : lookup_ns;
    record->client_ns = total_ns > start_ns ? total_ns - start_ns : 0;
    return true;
}

/* Three digits, "000" when there was no answer: no number of JSON. */
static bool read_status(const json_t *value, struct selftest_record *record)
{
    uint64_t status;
    if (!json_is_string(value) || !text_to_uint64(text_of(json_string_value(value)), 999, &status))
        return false;
    record->status = (unsigned)status;
    return true;
}

static bool read_transfer(const json_t *object, struct selftest_record *record)
{
    const json_t *id = json_object_get(object, "request_id");
    const json_t *timing = json_object_get(object, "timing");
    if (!read_status(json_object_get(object, "status"), record) || !read_times(object, record)) return false;
    if (record->status != 200) return true;
    if (!has_text(id) || json_string_length(id) >= sizeof record->request_id || !has_text(timing))
        return false;
    memcpy(record->request_id, json_string_value(id), json_string_length(id) + 1);
    return selftest_phases_read(text_of(json_string_value(timing)), &record->header_us);
}

static bool read_line(struct text line, struct selftest_record *record)
{
    json_t *object = json_loadb(line.bytes, line.size, JSON_REJECT_DUPLICATES, NULL);
    bool is_read = read_transfer(object, record);
    json_decref(object);
    return is_read;
}

static int compare_ids(const void *a, const void *b)
{
    const struct selftest_record *left = a, *right = b;
    return strcmp(left->request_id, right->request_id);
}

static size_t count_lines(struct text output)
{
    size_t count = 0;
    for (size_t i = 0; i < output.size; i++)
        count += output.bytes[i] == '\n';
    return count;
}

static bool read_lines(struct text output, struct selftest_records *records)
{
    for (size_t lines = count_lines(output); records->count < lines; records->count++)
        if (!read_line(text_take_until(&output, '\n'), &records->items[records->count])) return false;
    if (output.size > 0) return false; /* half a line */
    qsort(records->items, records->count, sizeof *records->items, compare_ids);
    for (size_t i = 1; i < records->count; i++) {
        const struct selftest_record *record = &records->items[i];
        if (record->status == 200 && compare_ids(record, record - 1) == 0) return false;
    }
    return true;
}

enum fault selftest_records_read(struct text output, struct selftest_records *ret_records)
{
    struct selftest_records records = {.items = calloc(count_lines(output) + 1, sizeof *records.items)};
    if (records.items == NULL) return FAULT_MEMORY;
    if (!read_lines(output, &records)) {
        selftest_records_release(&records);
        return FAULT_VALIDATION;
    }
    *ret_records = records;
    return FAULT_NONE;
}

void selftest_records_release(struct selftest_records *records)
{
    free(records->items);
    *records = (struct selftest_records){0};
}

/* ---- the log ---- */

static bool read_ns(const json_t *object, const char *phase, uint64_t *ret_ns)
{
    char name[PHASE_NAME_MAX];
    (void)snprintf(name, sizeof name, "%s_ns", phase);
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *ret_ns = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_ledger(const json_t *object, struct selftest_record *record)
{
    if (record->is_logged || json_integer_value(json_object_get(object, "status")) != 200) return false;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        if (!read_ns(object, phase_name(phase), &record->log_ns.spent[phase])) return false;
    record->is_logged = read_ns(object, TOTAL_NAME, &record->log_ns.total);
    return record->is_logged;
}

/* The record that the line is about; NULL when it is about something else. */
static struct selftest_record *find_record(const struct selftest_records *records, const json_t *object)
{
    const char *event = json_string_value(json_object_get(object, "event"));
    const char *id = json_string_value(json_object_get(object, "request_id"));
    if (event == NULL || strcmp(event, "request") != 0 || id == NULL) return NULL;
    struct selftest_record key;
    if (*id == '\0' || strlen(id) >= sizeof key.request_id) return NULL;
    memcpy(key.request_id, id, strlen(id) + 1);
    return bsearch(&key, records->items, records->count, sizeof key, compare_ids);
}

enum fault selftest_records_join(struct selftest_records *records, struct text log)
{
    while (log.size > 0) {
        struct text line = text_take_until(&log, '\n');
        json_t *object = json_loadb(line.bytes, line.size, 0, NULL);
        struct selftest_record *record = find_record(records, object);
        bool is_read = record != NULL && read_ledger(object, record);
        json_decref(object);
        if (record != NULL && !is_read) return FAULT_VALIDATION;
        records->logged += is_read;
    }
    return FAULT_NONE;
}
