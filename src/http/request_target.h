/*
 * The request target (RFC 9112, section 3.2) and the authority in it (RFC 3986, section 3.2). Pure
 * functions over bytes; strict: what the grammar does not allow is refused, not repaired.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>

struct authority {
    struct text host; /* reg-name, IPv4 address, or IP literal with its brackets; may be empty */
    struct text port; /* digits, at most 65535; size 0 when absent or empty */
};

/*
 * Takes uri-host [ ":" port ] apart. False when text is anything else: user information, an escape
 * that is malformed or %00, a bracketed host that is no IPv6 address or IPvFuture, a port without a
 * host. Empty text is an empty authority.
 */
bool authority_parse(struct text text, struct authority *ret_authority);

/* All of it borrows from the target that was parsed. */
struct request_target {
    struct text path;  /* begins with '/', or is "*"; size 0 when an absolute form has none */
    struct text query; /* after the '?'; size 0 when there is none */
    bool is_asterisk;  /* OPTIONS of the server as a whole: "*", or an absolute form without path and query */
};

/*
 * Takes a target apart: origin form; absolute form with the scheme http or https and a host;
 * asterisk form for OPTIONS. A method that is not known (METHOD_COUNT) may also have the asterisk form,
 * or the authority form of CONNECT, whose path is left empty. FAULT_TARGET for all else.
 */
enum fault request_target_parse(struct text target, enum method method, struct request_target *ret_target);

/*
 * Decodes escapes of unreserved characters in a path that was parsed, in place (RFC 3986, section
 * 6.2.2.2). All other escapes and dot segments stay as they are. Gives the new size.
 */
size_t request_target_normalize(char *path, size_t size);
