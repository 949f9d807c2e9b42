#include "users/user_precondition.h"

struct entity_tag {
    bool weak;
    struct text opaque; /* between the quotes */
};

enum taken { TAKEN_TAG, TAKEN_END, TAKEN_MALFORMED };

static void skip_bytes(struct text *rest, size_t size)
{
    *rest = (struct text){rest->bytes + size, rest->size - size};
}

static void skip_any(struct text *rest, const char *bytes)
{
    while (rest->size > 0 && memchr(bytes, rest->bytes[0], strlen(bytes)))
        skip_bytes(rest, 1);
}

/* etagc of RFC 9110, section 8.8.3. */
static bool is_tag_text(struct text opaque)
{
    for (size_t i = 0; i < opaque.size; i++) {
        unsigned char byte = (unsigned char)opaque.bytes[i];
        if (byte <= ' ' || byte == 0x7F) return false;
    }
    return true;
}

/* Takes the next entity tag of a list, in which empty elements are allowed (RFC 9110, section 5.6.1). */
static enum taken take_tag(struct text *rest, struct entity_tag *ret_tag)
{
    skip_any(rest, " \t,");
    if (rest->size == 0) return TAKEN_END;
    bool weak = rest->size >= 2 && memcmp(rest->bytes, "W/", 2) == 0;
    if (weak) skip_bytes(rest, 2);
    if (rest->size == 0 || rest->bytes[0] != '"') return TAKEN_MALFORMED;
    skip_bytes(rest, 1);
    const char *quote = rest->size > 0 ? memchr(rest->bytes, '"', rest->size) : NULL;
    if (!quote) return TAKEN_MALFORMED;
    struct text opaque = {rest->bytes, (size_t)(quote - rest->bytes)};
    skip_bytes(rest, opaque.size + 1);
    skip_any(rest, " \t");
    if (!is_tag_text(opaque) || (rest->size > 0 && rest->bytes[0] != ',')) return TAKEN_MALFORMED;
    *ret_tag = (struct entity_tag){weak, opaque};
    return TAKEN_TAG;
}

static bool is_star(struct text field)
{
    return text_equal(field, TEXT("*"));
}

static bool is_well_formed(struct text field)
{
    struct entity_tag tag;
    enum taken taken;
    if (is_star(field)) return true;
    do
        taken = take_tag(&field, &tag);
    while (taken == TAKEN_TAG);
    return taken == TAKEN_END;
}

/* The version that a tag stands for; 0 for a tag that this service never gave out. */
static int64_t tag_version(const struct entity_tag *tag)
{
    uint64_t version;
    if (tag->opaque.size == 0 || tag->opaque.bytes[0] == '0') return 0;
    return text_to_uint64(tag->opaque, INT64_MAX, &version) ? (int64_t)version : 0;
}

/* Does one of the field's tags match? A weak tag does in a weak comparison only (section 8.8.3.2). */
static bool matches(struct text field, int64_t version, bool weak_comparison)
{
    struct entity_tag tag;
    if (is_star(field)) return true;
    while (take_tag(&field, &tag) == TAKEN_TAG)
        if (tag_version(&tag) == version && (weak_comparison || !tag.weak)) return true;
    return false;
}

enum fault user_precondition_read(const struct request *request, struct user_precondition *ret_precondition)
{
    struct text match = request->headers[HEADER_IF_MATCH];
    struct text none_match = request->headers[HEADER_IF_NONE_MATCH];
    if (match.bytes && !is_well_formed(match)) return FAULT_FIELD;
    if (none_match.bytes && !is_well_formed(none_match)) return FAULT_FIELD;
    *ret_precondition = (struct user_precondition){match, none_match};
    return FAULT_NONE;
}

enum user_verdict user_precondition_judge(const struct user_precondition *precondition, enum method method,
                                          int64_t version)
{
    if (precondition->match.bytes && !matches(precondition->match, version, false))
        return USER_VERDICT_FAILED;
    if (!precondition->none_match.bytes || !matches(precondition->none_match, version, true))
        return USER_VERDICT_PROCEED;
    bool reads = method == METHOD_GET || method == METHOD_HEAD;
    return reads ? USER_VERDICT_NOT_MODIFIED : USER_VERDICT_FAILED;
}

bool user_precondition_version(const struct user_precondition *precondition, int64_t *ret_version)
{
    struct entity_tag tag, second;
    struct text match = precondition->match;
    if (precondition->none_match.bytes) return false;
    *ret_version = 0;
    if (!match.bytes || is_star(match)) return true;
    if (take_tag(&match, &tag) != TAKEN_TAG || take_tag(&match, &second) != TAKEN_END) return false;
    *ret_version = tag.weak ? 0 : tag_version(&tag);
    return *ret_version != 0;
}
