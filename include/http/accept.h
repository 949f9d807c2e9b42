/*
 * Proactive negotiation of the response's media type: the Accept field (RFC 9110, section 12.5.1).
 */
#pragma once

#include "base/text.h"

#include <stddef.h>

/*
 * Index of the one of count media types ("application/json", lower case, without parameters) that accept
 * wants most; the first of those wanted equally. 0 when accept is absent (bytes NULL), malformed, or wants
 * none of them: an answer in another type is better than none. A type with parameters in accept stands for
 * the type without them, unless that is named, too.
 */
size_t accept_choose(struct text accept, const char *const *types, size_t count);
