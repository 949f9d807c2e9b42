#include "http/request_target.h"

#include "http/characters.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define PORT_MAX 65535

static struct text text_between(const char *from, const char *to)
{
    return (struct text){from, (size_t)(to - from)};
}

/* The first of bytes that is stop, or their end. */
static const char *find_byte(struct text text, char stop)
{
    const char *found = text.size > 0 ? memchr(text.bytes, stop, text.size) : NULL;
    return found != NULL ? found : text.bytes + text.size;
}

/*
 * Every byte of the class, or part of an escape other than %00: a NUL in disguise cuts strings short
 * in whatever decodes it.
 */
static bool has_only(struct text text, enum character_class class)
{
    const char *at = text.bytes;
    const char *end = at + text.size;
    while (at < end) {
        if (character_is(*at, class)) {
            at++;
        } else if (*at == '%' && end - at >= 3 && character_is(at[1], CHARACTER_HEX) &&
                   character_is(at[2], CHARACTER_HEX) && !(at[1] == '0' && at[2] == '0')) {
            at += 3;
        } else {
            return false;
        }
    }
    return true;
}

/* IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ), without its brackets. */
static bool is_ip_future(struct text text)
{
    if (text.size == 0 || (text.bytes[0] | 0x20) != 'v') return false;
    size_t i = 1;
    while (i < text.size && character_is(text.bytes[i], CHARACTER_HEX))
        i++;
    if (i == 1 || i + 1 >= text.size || text.bytes[i] != '.') return false;
    for (i++; i < text.size; i++) {
        if (text.bytes[i] != ':' && !character_is(text.bytes[i], CHARACTER_REG_NAME)) return false;
    }
    return true;
}

static bool is_ipv6(struct text text)
{
    char terminated[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.size >= sizeof terminated || memchr(text.bytes, '\0', text.size) != NULL) return false;
    memcpy(terminated, text.bytes, text.size);
    terminated[text.size] = '\0';
    return inet_pton(AF_INET6, terminated, &address) == 1;
}

/* The host of text, brackets included; size 0 when its brackets hold no address. */
static struct text find_ip_literal(struct text text)
{
    const char *close = find_byte(text, ']');
    if (close == text.bytes + text.size) return (struct text){text.bytes, 0};
    struct text inner = text_between(text.bytes + 1, close);
    if (!is_ipv6(inner) && !is_ip_future(inner)) return (struct text){text.bytes, 0};
    return text_between(text.bytes, close + 1);
}

/* rest is what follows a host: nothing, or ":" and perhaps digits. */
static bool parse_port(struct text rest, struct text *ret_port)
{
    uint64_t number;
    struct text port = {rest.bytes, 0};
    if (rest.size > 0) {
        if (rest.bytes[0] != ':') return false;
        port = (struct text){rest.bytes + 1, rest.size - 1};
    }
    if (port.size > 0 && !text_to_uint64(port, PORT_MAX, &number)) return false;
    *ret_port = port;
    return true;
}

bool authority_parse(struct text text, struct authority *ret_authority)
{
    struct authority authority = {{text.bytes, 0}, {text.bytes, 0}};
    if (text.size > 0) {
        bool is_literal = text.bytes[0] == '[';
        authority.host = is_literal ? find_ip_literal(text) : text_between(text.bytes, find_byte(text, ':'));
        if (authority.host.size == 0) return false;
        if (!is_literal && !has_only(authority.host, CHARACTER_REG_NAME)) return false;
        struct text rest = {text.bytes + authority.host.size, text.size - authority.host.size};
        if (!parse_port(rest, &authority.port)) return false;
    }
    *ret_authority = authority;
    return true;
}

/* The size of "http://" or "https://" at the beginning of target; 0 when neither is there. */
static size_t measure_scheme(struct text target)
{
    static const struct text schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = schemes[i].size;
        if (target.size >= size && text_equal_nocase((struct text){target.bytes, size}, schemes[i]))
            return size;
    }
    return 0;
}

/* path [ "?" query ] */
static enum fault parse_path_and_query(struct text text, struct request_target *ret_target)
{
    const char *end = text.bytes + text.size;
    const char *mark = find_byte(text, '?');
    ret_target->path = text_between(text.bytes, mark);
    ret_target->query = mark < end ? text_between(mark + 1, end) : (struct text){end, 0};
    bool is_sound =
        has_only(ret_target->path, CHARACTER_PATH) && has_only(ret_target->query, CHARACTER_QUERY);
    return is_sound ? FAULT_NONE : FAULT_TARGET;
}

/* rest is what follows the scheme. RFC 9110, section 4.2.1: an http URI with an empty host is invalid. */
static enum fault parse_absolute(struct text rest, struct request_target *ret_target)
{
    size_t size = 0;
    while (size < rest.size && rest.bytes[size] != '/' && rest.bytes[size] != '?')
        size++;
    struct authority authority;
    if (!authority_parse((struct text){rest.bytes, size}, &authority) || authority.host.size == 0)
        return FAULT_TARGET;
    return parse_path_and_query((struct text){rest.bytes + size, rest.size - size}, ret_target);
}

/* What only CONNECT and methods of the future may ask for. */
static bool is_authority_form(struct text target)
{
    struct authority authority;
    return authority_parse(target, &authority) && authority.port.size > 0;
}

enum fault request_target_parse(struct text target, enum method method, struct request_target *ret_target)
{
    struct request_target parsed = {0};
    enum fault fault = FAULT_TARGET;
    size_t scheme_size = 0;
    if (target.size > 0 && target.bytes[0] == '/') {
        fault = parse_path_and_query(target, &parsed);
    } else if (text_equal(target, TEXT("*"))) {
        parsed.path = target;
        parsed.is_asterisk = method == METHOD_OPTIONS;
        if (method == METHOD_OPTIONS || method == METHOD_COUNT) fault = FAULT_NONE;
    } else if ((scheme_size = measure_scheme(target)) > 0) {
        fault = parse_absolute((struct text){target.bytes + scheme_size, target.size - scheme_size}, &parsed);
        /* RFC 9112, section 3.2.4: this is what becomes of "*" on its way through a proxy. */
        parsed.is_asterisk = method == METHOD_OPTIONS && parsed.path.size == 0 && parsed.query.size == 0;
    } else if (method == METHOD_COUNT && is_authority_form(target)) {
        fault = FAULT_NONE;
    }
    if (fault) return fault;
    *ret_target = parsed;
    return FAULT_NONE;
}

size_t request_target_normalize(char *path, size_t size)
{
    char *first = size > 0 ? memchr(path, '%', size) : NULL;
    if (first == NULL) return size;
    char *to = first;
    const char *end = path + size;
    for (const char *from = first; from < end;) {
        char decoded = '%';
        if (*from == '%') decoded = (char)(character_hex_value(from[1]) << 4 | character_hex_value(from[2]));
        if (decoded != '%' && character_is(decoded, CHARACTER_UNRESERVED)) {
            *to++ = decoded;
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    return (size_t)(to - path);
}
