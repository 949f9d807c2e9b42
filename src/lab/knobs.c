#include "lab/knobs.h"

#include <stdio.h>
#include <stdlib.h>

enum parameter {
    PARAMETER_ROWS,
    PARAMETER_DELAY_MS,
    PARAMETER_SERIALIZER,
    PARAMETER_SPIN_US,
    PARAMETER_FAN_OUT,
    PARAMETER_COUNT
};

#define RANGE_TEXT(min, max) "must be a whole number from " #min " to " #max
#define RANGE(min, max)      (min), (max), RANGE_TEXT(min, max)

/* What values a parameter may have, and what is said of others. */
static const struct rule {
    const char *name;
    uint64_t min, max;
    const char *flaw;
} rules[PARAMETER_COUNT] = {
    [PARAMETER_ROWS] = {"rows", RANGE(1, KNOBS_ROWS_MAX)},
    [PARAMETER_DELAY_MS] = {"delay_ms", RANGE(0, KNOBS_DELAY_MAX_MS)},
    [PARAMETER_SERIALIZER] = {"serializer", 0, SERIALIZER_COUNT - 1,
                              "must be direct, jansson, postgres or none"},
    [PARAMETER_SPIN_US] = {"spin_us", RANGE(0, KNOBS_SPIN_MAX_US)},
    [PARAMETER_FAN_OUT] = {"fan_out", RANGE(1, KNOBS_FAN_OUT_MAX)},
};

/* What has been seen of a parameter. */
struct sighting {
    unsigned times;
    struct text value; /* the last one */
};

struct reading {
    struct sighting sightings[PARAMETER_COUNT];
    struct field_error *errors;
    size_t error_count;
};

const char *serializer_name(enum serializer serializer)
{
    switch (serializer) {
    case SERIALIZER_DIRECT:
        return "direct";
    case SERIALIZER_JANSSON:
        return "jansson";
    case SERIALIZER_POSTGRES:
        return "postgres";
    case SERIALIZER_NONE:
        return "none";
    case SERIALIZER_COUNT:
        break;
    }
    abort();
}

/* Notes a flaw of a parameter, once; those beyond the limit are left out. */
static void add_error(struct reading *reading, struct text field, const char *reason)
{
    if (reading->error_count == KNOBS_ERRORS_MAX) return;
    for (size_t i = 0; i < reading->error_count; i++)
        if (text_equal(reading->errors[i].field, field)) return;
    reading->errors[reading->error_count++] = (struct field_error){field, reason};
}

static enum fault note_parameter(void *argument, struct text name, struct text value)
{
    struct reading *reading = argument;
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        if (!text_equal(name, text_of(rules[i].name))) continue;
        reading->sightings[i].times++;
        reading->sightings[i].value = value;
        return FAULT_NONE;
    }
    add_error(reading, name, "is unknown");
    return FAULT_NONE;
}

static bool parse_serializer(struct text value, uint64_t *ret_serializer)
{
    for (enum serializer serializer = 0; serializer < SERIALIZER_COUNT; serializer++) {
        if (!text_equal(value, text_of(serializer_name(serializer)))) continue;
        *ret_serializer = serializer;
        return true;
    }
    return false;
}

static bool parse_value(enum parameter parameter, struct text text, unsigned *ret_value)
{
    uint64_t value;
    const struct rule *rule = &rules[parameter];
    bool is_sound = parameter == PARAMETER_SERIALIZER ? parse_serializer(text, &value)
                                                      : text_to_uint64(text, rule->max, &value);
    if (!is_sound || value < rule->min) return false;
    *ret_value = (unsigned)value;
    return true;
}

/* Sets *value, which holds the default, to what the request says. */
static void read_parameter(struct reading *reading, enum parameter parameter, unsigned *value)
{
    const struct sighting *sighting = &reading->sightings[parameter];
    bool has_fan_out = reading->sightings[PARAMETER_FAN_OUT].times > 0;
    const char *flaw = NULL;
    if (sighting->times == 0) return;
    if (parameter == PARAMETER_ROWS && has_fan_out)
        flaw = "cannot be given beside fan_out";
    else if (sighting->times > 1)
        flaw = "must not be repeated";
    else if (!parse_value(parameter, sighting->value, value))
        flaw = rules[parameter].flaw;
    if (flaw) add_error(reading, text_of(rules[parameter].name), flaw);
}

enum fault knobs_read(struct request *request, struct knobs *ret_knobs,
                      struct field_error ret_errors[KNOBS_ERRORS_MAX], size_t *ret_count)
{
    struct reading reading = {.errors = ret_errors};
    unsigned values[PARAMETER_COUNT] = {[PARAMETER_ROWS] = 100, [PARAMETER_SERIALIZER] = SERIALIZER_DIRECT};
    enum fault fault = request_each_parameter(request, note_parameter, &reading);
    if (fault) return fault;
    for (enum parameter parameter = 0; parameter < PARAMETER_COUNT; parameter++)
        read_parameter(&reading, parameter, &values[parameter]);
    if (reading.error_count > 0) {
        *ret_count = reading.error_count;
        return FAULT_VALIDATION;
    }
    unsigned fan_out = values[PARAMETER_FAN_OUT];
    *ret_knobs = (struct knobs){
        .rows = fan_out > 0 ? fan_out : values[PARAMETER_ROWS],
        .delay_ms = values[PARAMETER_DELAY_MS],
        .serializer = values[PARAMETER_SERIALIZER],
        .spin_us = values[PARAMETER_SPIN_US],
        .fan_out = fan_out,
    };
    return FAULT_NONE;
}

int knobs_compare(const struct knobs *a, const struct knobs *b)
{
    const unsigned pairs[][2] = {
        {a->fan_out, b->fan_out},       {a->rows, b->rows},
        {a->delay_ms, b->delay_ms},     {a->spin_us, b->spin_us},
        {a->serializer, b->serializer},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i][0] != pairs[i][1]) return pairs[i][0] < pairs[i][1] ? -1 : 1;
    return 0;
}

bool knobs_equal(const struct knobs *a, const struct knobs *b)
{
    return knobs_compare(a, b) == 0;
}

void knobs_write(const struct knobs *knobs, char text[KNOBS_TEXT_SIZE_MAX])
{
    bool has_fan_out = knobs->fan_out > 0;
    int size = snprintf(text, KNOBS_TEXT_SIZE_MAX, "/lab/users?%s=%u&delay_ms=%u&serializer=%s",
                        has_fan_out ? "fan_out" : "rows", has_fan_out ? knobs->fan_out : knobs->rows,
                        knobs->delay_ms, serializer_name(knobs->serializer));
    if (knobs->spin_us == 0) return;
    (void)snprintf(text + size, KNOBS_TEXT_SIZE_MAX - (size_t)size, "&spin_us=%u", knobs->spin_us);
}
