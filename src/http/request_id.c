#include "http/request_id.h"

#include <string.h>

static bool is_safe(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c != '\0' && strchr("0123456789._:/+=@-", c));
}

static bool is_safe_id(struct text id)
{
    if (id.size == 0 || id.size >= sizeof((struct request *)0)->id) return false;
    for (size_t i = 0; i < id.size; i++)
        if (!is_safe((unsigned char)id.bytes[i])) return false;
    return true;
}

/* SplitMix64 (Steele, Lea, Flood 2014): every state once before any repeats. */
static uint64_t next(struct request_ids *ids)
{
    uint64_t value = ids->state += UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

void request_id_set(struct request *request, struct request_ids *ids)
{
    struct text given = request->headers[HEADER_X_REQUEST_ID];
    if (is_safe_id(given)) {
        memcpy(request->id, given.bytes, given.size);
        request->id[given.size] = '\0';
        return;
    }
    uint64_t value = next(ids);
    for (unsigned i = 0; i < 16; i++)
        request->id[i] = "0123456789abcdef"[(value >> (60 - 4 * i)) & 15];
    request->id[16] = '\0';
}
