#include "http/request_head.h"

#include "http/characters.h"
#include "http/request_target.h"

#include <assert.h>
#include <string.h>

/*
 * Each read_… below reads on in one phase, from scan->at to end at most: HEAD_COMPLETE when the phase
 * is over, with scan->at behind it and scan->mark there as well.
 */

static enum head_progress refuse(struct head_scan *scan, enum fault fault)
{
    scan->fault = fault;
    return HEAD_REFUSED;
}

static enum head_progress finish_phase(struct head_scan *scan, uint32_t at)
{
    scan->at = at;
    scan->mark = at;
    return HEAD_COMPLETE;
}

static enum head_progress wait_at(struct head_scan *scan, uint32_t at)
{
    scan->at = at;
    return HEAD_INCOMPLETE;
}

static uint32_t skip_class(const char *bytes, uint32_t at, uint32_t end, enum character_class class)
{
    while (at < end && character_is(bytes[at], class))
        at++;
    return at;
}

/* Empty lines left over by clumsy clients (RFC 9112, section 2.2). */
static enum head_progress read_empty_lines(struct head_scan *scan, const char *bytes, uint32_t end)
{
    uint32_t at = scan->at;
    while (at < end && bytes[at] == '\r') {
        if (at + 1 == end) return wait_at(scan, at);
        if (bytes[at + 1] != '\n') return refuse(scan, FAULT_REQUEST_LINE);
        at += 2;
    }
    return at == end ? wait_at(scan, at) : finish_phase(scan, at);
}

static enum method find_method(struct text name)
{
    static const struct text names[METHOD_COUNT] = {
        [METHOD_GET] = {"GET", 3},         [METHOD_HEAD] = {"HEAD", 4},   [METHOD_POST] = {"POST", 4},
        [METHOD_PUT] = {"PUT", 3},         [METHOD_PATCH] = {"PATCH", 5}, [METHOD_DELETE] = {"DELETE", 6},
        [METHOD_OPTIONS] = {"OPTIONS", 7},
    };
    unsigned method = 0;
    while (method < METHOD_COUNT && !text_equal(name, names[method]))
        method++;
    return (enum method)method;
}

static enum head_progress read_method(struct head_scan *scan, const char *bytes, uint32_t end)
{
    uint32_t at = skip_class(bytes, scan->at, end, CHARACTER_TOKEN);
    struct slice name = {scan->mark, at - scan->mark};
    /* RFC 9112, section 3: 501 when it is longer than any that is implemented. */
    if (name.size > REQUEST_METHOD_SIZE_MAX) return refuse(scan, FAULT_METHOD_UNKNOWN);
    if (at == end) return wait_at(scan, at);
    if (bytes[at] != ' ' || name.size == 0) return refuse(scan, FAULT_REQUEST_LINE);
    scan->method = find_method(slice_text(name, bytes));
    return finish_phase(scan, at + 1);
}

static struct slice slice_of(struct text text, const char *bytes)
{
    if (text.size == 0) return (struct slice){0, 0};
    return (struct slice){(uint32_t)(text.bytes - bytes), (uint32_t)text.size};
}

static enum head_progress read_target(struct head_scan *scan, const char *bytes, uint32_t end)
{
    uint32_t at = skip_class(bytes, scan->at, end, CHARACTER_TARGET);
    struct slice target = {scan->mark, at - scan->mark};
    if (target.size > scan->limits->target_size_max) return refuse(scan, FAULT_TARGET_TOO_LONG);
    if (at == end) return wait_at(scan, at);
    if (bytes[at] != ' ') {
        bool is_control = (unsigned char)bytes[at] < 0x20 || bytes[at] == 0x7F;
        return refuse(scan, is_control ? FAULT_REQUEST_LINE : FAULT_TARGET);
    }
    if (target.size == 0) return refuse(scan, FAULT_REQUEST_LINE);

    struct request_target parsed;
    enum fault fault = request_target_parse(slice_text(target, bytes), scan->method, &parsed);
    if (fault) return refuse(scan, fault);
    scan->path = slice_of(parsed.path, bytes);
    scan->query = slice_of(parsed.query, bytes);
    scan->is_asterisk = parsed.is_asterisk;
    return finish_phase(scan, at + 1);
}

/* HTTP-version CRLF; a zero in the pattern stands for any digit. */
static enum head_progress read_version(struct head_scan *scan, const char *bytes, uint32_t end)
{
    static const char pattern[] = "HTTP/0.0\r\n";
    const char *version = bytes + scan->mark;
    uint32_t i = scan->at - scan->mark;
    for (; i < sizeof pattern - 1; i++) {
        if (scan->mark + i == end) return wait_at(scan, end);
        bool is_digit = version[i] >= '0' && version[i] <= '9';
        if (pattern[i] == '0' ? !is_digit : version[i] != pattern[i]) return refuse(scan, FAULT_REQUEST_LINE);
    }
    scan->major_version = (unsigned)(version[5] - '0');
    scan->minor_version = version[7] == '0' ? 0 : 1;
    return finish_phase(scan, scan->mark + i);
}

/* Is any of 8 bytes below U+0020, or DEL? */
static bool has_control(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    uint64_t del = word ^ (ones * 0x7F);
    uint64_t below = ((word - ones * 0x20) & ~word) | ((del - ones) & ~del);
    return (below & (ones * 0x80)) != 0;
}

static uint32_t skip_value(const char *bytes, uint32_t at, uint32_t end)
{
    while (end - at >= 8 && !has_control(bytes + at))
        at += 8;
    return skip_class(bytes, at, end, CHARACTER_FIELD);
}

static struct slice trim(const char *bytes, uint32_t from, uint32_t to)
{
    while (from < to && character_is_blank(bytes[from]))
        from++;
    while (from < to && character_is_blank(bytes[to - 1]))
        to--;
    return (struct slice){from, to - from};
}

/* Takes in the field line from scan->mark to the CR at its end. */
static enum head_progress take_field(struct head_scan *scan, const char *bytes, uint32_t end)
{
    struct slice name = {scan->mark, scan->colon - scan->mark};
    struct slice value = trim(bytes, scan->colon + 1, end);
    enum fault fault = request_fields_take(&scan->fields, bytes, name, value);
    if (fault) return refuse(scan, fault);
    scan->colon = 0;
    return finish_phase(scan, end + 2);
}

/* field-name ":" OWS field-value OWS CRLF */
static enum head_progress read_field_line(struct head_scan *scan, const char *bytes, uint32_t end)
{
    uint32_t at = scan->at;
    if (scan->colon == 0) {
        at = skip_class(bytes, at, end, CHARACTER_TOKEN);
        if (at == end) return wait_at(scan, at);
        if (bytes[at] != ':' || at == scan->mark) return refuse(scan, FAULT_FIELD);
        scan->colon = at++;
    }
    at = skip_value(bytes, at, end);
    if (at == end) return wait_at(scan, at);
    if (bytes[at] != '\r') return refuse(scan, FAULT_FIELD);
    if (at + 1 == end) return wait_at(scan, at);
    if (bytes[at + 1] != '\n') return refuse(scan, FAULT_FIELD);
    return take_field(scan, bytes, at);
}

static enum head_progress read_fields(struct head_scan *scan, const char *bytes, uint32_t end)
{
    while (true) {
        if (scan->at == scan->mark) {
            if (scan->at == end) return HEAD_INCOMPLETE;
            if (bytes[scan->at] == '\r') break;
            scan->lines++;
            if (scan->lines > REQUEST_FIELDS_MAX) return refuse(scan, FAULT_HEAD_TOO_LARGE);
        }
        enum head_progress progress = read_field_line(scan, bytes, end);
        if (progress != HEAD_COMPLETE) return progress;
    }
    if (scan->at + 1 == end) return HEAD_INCOMPLETE;
    if (bytes[scan->at + 1] != '\n') return refuse(scan, FAULT_FIELD);
    return finish_phase(scan, scan->at + 2);
}

static enum head_progress read_phase(struct head_scan *scan, const char *bytes, uint32_t end)
{
    switch (scan->phase) {
    case HEAD_PHASE_EMPTY_LINES:
        return read_empty_lines(scan, bytes, end);
    case HEAD_PHASE_METHOD:
        return read_method(scan, bytes, end);
    case HEAD_PHASE_TARGET:
        return read_target(scan, bytes, end);
    case HEAD_PHASE_VERSION:
        return read_version(scan, bytes, end);
    case HEAD_PHASE_FIELDS:
        return read_fields(scan, bytes, end);
    case HEAD_PHASE_END:
        break;
    }
    return HEAD_COMPLETE;
}

static enum head_progress read_head(struct head_scan *scan, const char *bytes, size_t size)
{
    size_t size_max = scan->limits->head_size_max;
    uint32_t end = (uint32_t)(size < size_max ? size : size_max);
    while (scan->phase != HEAD_PHASE_END) {
        enum head_progress progress = read_phase(scan, bytes, end);
        if (progress == HEAD_INCOMPLETE && end == size_max)
            return refuse(scan,
                          scan->phase == HEAD_PHASE_TARGET ? FAULT_TARGET_TOO_LONG : FAULT_HEAD_TOO_LARGE);
        if (progress != HEAD_COMPLETE) return progress;
        scan->phase++;
    }
    return HEAD_COMPLETE;
}

/* What only the complete head shows. */
static enum fault judge(const struct head_scan *scan)
{
    /* What framing means in another major version is not for this one to say. */
    if (scan->major_version != 1) return FAULT_HTTP_VERSION;
    enum fault fault = request_fields_judge(&scan->fields, scan->minor_version);
    if (fault) return fault;
    if (scan->method == METHOD_COUNT) return FAULT_METHOD_UNKNOWN;
    if (scan->fields.codings.has_other) return FAULT_TRANSFER_CODING_UNKNOWN;
    return scan->fields.has_other_expectation ? FAULT_EXPECTATION : FAULT_NONE;
}

static void show_known(const struct head_scan *scan, const char *bytes, struct request_head *ret_head)
{
    *ret_head = (struct request_head){.method = scan->method, .minor_version = scan->minor_version};
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        if (scan->fields.kept[i].at > 0) ret_head->headers[i] = slice_text(scan->fields.kept[i], bytes);
    }
}

static void show_complete(const struct head_scan *scan, char *bytes, struct request_head *ret_head)
{
    const struct request_fields *fields = &scan->fields;
    char *path = bytes + scan->path.at;
    ret_head->path = TEXT("/");
    if (scan->path.size > 0)
        ret_head->path = (struct text){path, request_target_normalize(path, scan->path.size)};
    ret_head->query = slice_text(scan->query, bytes);
    ret_head->is_options_asterisk = scan->is_asterisk;
    ret_head->repeated_lists = fields->repeated_lists;
    ret_head->content_length = fields->content_length;
    ret_head->has_content_length = fields->content_lengths > 0;
    ret_head->chunked = fields->codings.is_present;
    ret_head->keep_alive = !fields->has_close && (scan->minor_version > 0 || fields->has_keep_alive);
    ret_head->expects_continue = fields->has_continue && scan->minor_version > 0;
    ret_head->size = scan->at;
}

void head_scan_init(struct head_scan *scan, const struct head_limits *limits)
{
    assert(limits->head_size_max < UINT32_MAX);
    *scan = (struct head_scan){.limits = limits, .method = METHOD_COUNT, .minor_version = 1};
}

enum head_progress request_head_parse(char *bytes, size_t size, struct head_scan *scan,
                                      struct request_head *ret_head, enum fault *ret_fault)
{
    enum head_progress progress = read_head(scan, bytes, size);
    if (progress == HEAD_COMPLETE) {
        enum fault fault = judge(scan);
        if (fault) progress = refuse(scan, fault);
    }
    show_known(scan, bytes, ret_head);
    if (progress == HEAD_COMPLETE) show_complete(scan, bytes, ret_head);
    if (progress == HEAD_REFUSED) *ret_fault = scan->fault;
    return progress;
}
