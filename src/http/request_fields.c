#include "http/request_fields.h"

#include "http/field_reader.h"
#include "http/request_target.h"

#include <stddef.h>

/* The fields that mean something here: those of enum header, and these. */
enum {
    FIELD_CONNECTION = HEADER_COUNT,
    FIELD_CONTENT_LENGTH,
    FIELD_EXPECT,
    FIELD_HOST,
    FIELD_TRANSFER_ENCODING,
    FIELD_OTHER
};

/* name, without regard to case, is lower? Both are size bytes long, name is a token, lower is in lower case.
 */
static bool is_name(const char *name, const char *lower, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((name[i] | 0x20) != lower[i]) return false;
    }
    return true;
}

#define IS_NAME(name, lower) is_name((name).bytes, (lower), sizeof(lower) - 1)

/* Names are told apart by their size first: few fields of a usual request get any further. */
static unsigned find_field(struct text name)
{
    switch (name.size) {
    case sizeof("host") - 1:
        return IS_NAME(name, "host") ? FIELD_HOST : FIELD_OTHER;
    case sizeof("accept") - 1:
        if (IS_NAME(name, "accept")) return HEADER_ACCEPT;
        return IS_NAME(name, "expect") ? FIELD_EXPECT : FIELD_OTHER;
    case sizeof("if-match") - 1:
        return IS_NAME(name, "if-match") ? HEADER_IF_MATCH : FIELD_OTHER;
    case sizeof("connection") - 1:
        return IS_NAME(name, "connection") ? FIELD_CONNECTION : FIELD_OTHER;
    case sizeof("content-type") - 1:
        if (IS_NAME(name, "content-type")) return HEADER_CONTENT_TYPE;
        return IS_NAME(name, "x-request-id") ? HEADER_X_REQUEST_ID : FIELD_OTHER;
    case sizeof("if-none-match") - 1:
        return IS_NAME(name, "if-none-match") ? HEADER_IF_NONE_MATCH : FIELD_OTHER;
    case sizeof("content-length") - 1:
        return IS_NAME(name, "content-length") ? FIELD_CONTENT_LENGTH : FIELD_OTHER;
    case sizeof("idempotency-key") - 1:
        return IS_NAME(name, "idempotency-key") ? HEADER_IDEMPOTENCY_KEY : FIELD_OTHER;
    case sizeof("content-encoding") - 1:
        return IS_NAME(name, "content-encoding") ? HEADER_CONTENT_ENCODING : FIELD_OTHER;
    case sizeof("transfer-encoding") - 1:
        return IS_NAME(name, "transfer-encoding") ? FIELD_TRANSFER_ENCODING : FIELD_OTHER;
    default:
        return FIELD_OTHER;
    }
}

static void take_host(struct request_fields *fields, struct text value)
{
    struct authority authority;
    fields->hosts++;
    if (!authority_parse(value, &authority)) fields->has_host_flaw = true;
}

static enum fault parse_content_length(struct text value, uint64_t *ret_length)
{
    uint64_t length = 0;
    bool is_over = false;
    if (value.size == 0) return FAULT_CONTENT_LENGTH;
    for (size_t i = 0; i < value.size; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9') return FAULT_CONTENT_LENGTH;
        unsigned digit = (unsigned)(value.bytes[i] - '0');
        if (length > ((uint64_t)INT64_MAX - digit) / 10) is_over = true;
        length = is_over ? 0 : length * 10 + digit;
    }
    if (is_over) return FAULT_BODY_TOO_LARGE;
    *ret_length = length;
    return FAULT_NONE;
}

static void take_content_length(struct request_fields *fields, struct text value)
{
    fields->content_lengths++;
    if (fields->content_lengths == 1)
        fields->length_fault = parse_content_length(value, &fields->content_length);
}

/* *( OWS ";" OWS token BWS "=" BWS ( token / quoted-string ) ) */
static bool skip_parameters(struct field_reader *reader, bool *ret_any)
{
    *ret_any = false;
    field_reader_skip_blanks(reader);
    while (field_reader_skip_byte(reader, ';')) {
        *ret_any = true;
        field_reader_skip_blanks(reader);
        if (field_reader_take_token(reader).size == 0) return false;
        field_reader_skip_blanks(reader);
        if (!field_reader_skip_byte(reader, '=')) return false;
        field_reader_skip_blanks(reader);
        if (field_reader_take_token(reader).size == 0 && !field_reader_skip_quoted(reader)) return false;
        field_reader_skip_blanks(reader);
    }
    return true;
}

static void take_transfer_codings(struct transfer_codings *codings, struct text value)
{
    struct field_reader reader = field_reader_of(value);
    codings->is_present = true;
    while (field_reader_find_element(&reader)) {
        bool has_parameters = false;
        struct text name = field_reader_take_token(&reader);
        codings->ends_chunked = text_equal_nocase(name, TEXT("chunked"));
        if (name.size == 0 || !skip_parameters(&reader, &has_parameters) ||
            !field_reader_end_element(&reader) || (codings->ends_chunked && has_parameters)) {
            codings->is_malformed = true;
            return;
        }
        if (codings->ends_chunked) {
            codings->chunked++;
        } else {
            codings->has_other = true;
        }
    }
}

static enum fault take_connection(struct request_fields *fields, struct text value)
{
    struct field_reader reader = field_reader_of(value);
    while (field_reader_find_element(&reader)) {
        struct text option = field_reader_take_token(&reader);
        if (option.size == 0 || !field_reader_end_element(&reader)) return FAULT_FIELD;
        if (text_equal_nocase(option, TEXT("close"))) fields->has_close = true;
        if (text_equal_nocase(option, TEXT("keep-alive"))) fields->has_keep_alive = true;
    }
    return FAULT_NONE;
}

/* Expect is a list, too (RFC 9110, section 10.1.1), of which only one member is defined. */
static void take_expect(struct request_fields *fields, struct text value)
{
    struct field_reader reader = field_reader_of(value);
    while (field_reader_find_element(&reader)) {
        struct text expectation = field_reader_take_token(&reader);
        if (!field_reader_end_element(&reader) || !text_equal_nocase(expectation, TEXT("100-continue"))) {
            fields->has_other_expectation = true;
            return;
        }
        fields->has_continue = true;
    }
}

static bool is_list(enum header header)
{
    return header == HEADER_ACCEPT || header == HEADER_IF_MATCH || header == HEADER_IF_NONE_MATCH;
}

/* The first of repeats is kept, but for what would hide something. */
static enum fault keep(struct request_fields *fields, const char *bytes, enum header header,
                       struct slice value)
{
    struct slice *kept = &fields->kept[header];
    if (kept->at == 0) {
        *kept = value;
        return FAULT_NONE;
    }
    struct text first = slice_text(*kept, bytes);
    if (is_list(header)) fields->repeated_lists |= 1u << header;
    if (header == HEADER_CONTENT_TYPE || header == HEADER_IDEMPOTENCY_KEY)
        return text_equal(first, slice_text(value, bytes)) ? FAULT_NONE : FAULT_FIELD;
    /* A list over several lines: what counts is whether any coding is there. */
    if (header == HEADER_CONTENT_ENCODING && (first.size == 0 || text_equal_nocase(first, TEXT("identity"))))
        *kept = value;
    return FAULT_NONE;
}

enum fault request_fields_take(struct request_fields *fields, const char *bytes, struct slice name,
                               struct slice value)
{
    struct text text = slice_text(value, bytes);
    unsigned field = find_field(slice_text(name, bytes));
    switch (field) {
    case FIELD_OTHER:
        return FAULT_NONE;
    case FIELD_HOST:
        take_host(fields, text);
        return FAULT_NONE;
    case FIELD_CONTENT_LENGTH:
        take_content_length(fields, text);
        return FAULT_NONE;
    case FIELD_TRANSFER_ENCODING:
        take_transfer_codings(&fields->codings, text);
        return FAULT_NONE;
    case FIELD_EXPECT:
        take_expect(fields, text);
        return FAULT_NONE;
    case FIELD_CONNECTION:
        return take_connection(fields, text);
    default:
        return keep(fields, bytes, (enum header)field, value);
    }
}

struct text request_fields_join(struct text head, enum header header, char *at)
{
    char *end = at;
    (void)text_take_until(&head, '\n'); /* the request line */
    while (head.size > 0) {
        struct text value = text_take_until(&head, '\n');
        struct text name = text_take_until(&value, ':');
        if (find_field(name) != (unsigned)header) continue;
        if (value.size > 0 && value.bytes[value.size - 1] == '\r') value.size--;
        value = text_trim(value);
        if (end > at) *end++ = ',';
        memcpy(end, value.bytes, value.size);
        end += value.size;
    }
    return (struct text){at, (size_t)(end - at)};
}

static enum fault judge_framing(const struct request_fields *fields, unsigned minor_version)
{
    const struct transfer_codings *codings = &fields->codings;
    if (codings->is_present) {
        if (fields->content_lengths > 0 || minor_version == 0) return FAULT_TRANSFER_ENCODING;
        if (codings->is_malformed || codings->chunked != 1 || !codings->ends_chunked)
            return FAULT_TRANSFER_ENCODING;
    }
    return fields->content_lengths > 1 ? FAULT_CONTENT_LENGTH : fields->length_fault;
}

enum fault request_fields_judge(const struct request_fields *fields, unsigned minor_version)
{
    enum fault fault = judge_framing(fields, minor_version);
    if (fault) return fault;
    bool is_missing = fields->hosts == 0 && minor_version > 0;
    return is_missing || fields->hosts > 1 || fields->has_host_flaw ? FAULT_HOST : FAULT_NONE;
}
