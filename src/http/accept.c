#include "http/accept.h"

#include "http/field_reader.h"

#define WEIGHT_MAX 1000 /* thousandths */

/* One element of the field. */
struct media_range {
    struct text type, subtype; /* either may be an asterisk */
    bool has_parameters;       /* besides the weight */
    bool has_weight;
    unsigned weight; /* q in thousandths */
};

/* How closely a range says what it means; the closest one that matches a type counts. */
enum match { MATCH_NONE, MATCH_ANY, MATCH_TYPE, MATCH_WITH_PARAMETERS, MATCH_EXACT };

/* ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ) (RFC 9110, section 12.4.2). */
static bool parse_weight(struct text text, unsigned *ret_weight)
{
    if (text.size == 0 || text.size > sizeof("0.000") - 1) return false;
    if (text.size > 1 && text.bytes[1] != '.') return false;
    unsigned weight = 0, unit = WEIGHT_MAX;
    for (size_t i = 0; i < text.size; i++) {
        if (i == 1) continue;
        if (text.bytes[i] < '0' || text.bytes[i] > '9') return false;
        weight += (unsigned)(text.bytes[i] - '0') * unit;
        unit /= 10;
    }
    if (weight > WEIGHT_MAX) return false;
    *ret_weight = weight;
    return true;
}

/* What follows a q belongs to it (RFC 7231) and means nothing here. */
static bool take_parameter(struct field_reader *reader, struct media_range *range)
{
    struct text name = field_reader_take_token(reader);
    if (name.size == 0 || !field_reader_skip_byte(reader, '=')) return false;
    struct text value = field_reader_take_token(reader);
    if (text_equal_nocase(name, TEXT("q")) && !range->has_weight) {
        range->has_weight = true;
        return parse_weight(value, &range->weight);
    }
    range->has_parameters = range->has_parameters || !range->has_weight;
    return value.size > 0 || field_reader_skip_quoted(reader);
}

/* *( OWS ";" OWS [ parameter ] ) (RFC 9110, section 5.6.6) */
static bool take_parameters(struct field_reader *reader, struct media_range *range)
{
    field_reader_skip_blanks(reader);
    while (field_reader_skip_byte(reader, ';')) {
        field_reader_skip_blanks(reader);
        bool is_empty = reader->at == reader->end || *reader->at == ';' || *reader->at == ',';
        if (!is_empty && !take_parameter(reader, range)) return false;
        field_reader_skip_blanks(reader);
    }
    return true;
}

static bool take_range(struct field_reader *reader, struct media_range *ret_range)
{
    struct media_range range = {.weight = WEIGHT_MAX};
    range.type = field_reader_take_token(reader);
    if (range.type.size == 0 || !field_reader_skip_byte(reader, '/')) return false;
    range.subtype = field_reader_take_token(reader);
    if (range.subtype.size == 0 || !take_parameters(reader, &range)) return false;
    *ret_range = range;
    return field_reader_end_element(reader);
}

/*
 * A type with parameters stands for the type without: who names a charset or a version of a format wants
 * that format, unless the bare type is named, too.
 */
static enum match match_type(const struct media_range *range, struct text type)
{
    struct text subtype = type;
    struct text main_type = text_take_until(&subtype, '/');
    if (text_equal(range->type, TEXT("*")))
        return text_equal(range->subtype, TEXT("*")) ? MATCH_ANY : MATCH_NONE;
    if (!text_equal_nocase(range->type, main_type)) return MATCH_NONE;
    if (text_equal(range->subtype, TEXT("*"))) return MATCH_TYPE;
    if (!text_equal_nocase(range->subtype, subtype)) return MATCH_NONE;
    return range->has_parameters ? MATCH_WITH_PARAMETERS : MATCH_EXACT;
}

/* How much accept wants type; false when it is malformed. */
static bool weigh_type(struct text accept, struct text type, unsigned *ret_weight)
{
    struct field_reader reader = field_reader_of(accept);
    enum match closest = MATCH_NONE;
    unsigned weight = 0;
    while (field_reader_find_element(&reader)) {
        struct media_range range;
        if (!take_range(&reader, &range)) return false;
        enum match match = match_type(&range, type);
        if (match == MATCH_NONE || match < closest) continue;
        if (match > closest || range.weight > weight) weight = range.weight;
        closest = match;
    }
    *ret_weight = weight;
    return true;
}

size_t accept_choose(struct text accept, const char *const *types, size_t count)
{
    size_t chosen = 0;
    unsigned most = 0;
    if (!accept.bytes) return 0;
    for (size_t i = 0; i < count; i++) {
        unsigned weight;
        if (!weigh_type(accept, text_of(types[i]), &weight)) return 0;
        if (weight > most) {
            most = weight;
            chosen = i;
        }
    }
    return chosen;
}
