/*
 * What has to be known of a JSON text before, or beside, parsing it: where in it something is, and how
 * deep it nests. These look at brackets and strings alone, and take malformed text, too.
 */
#pragma once

#include "base/text.h"

#include <stddef.h>

struct user_json_place {
    size_t line;   /* from 1 */
    size_t column; /* from 1, in characters */
};

/* The place of the byte at offset; all before it must be UTF-8. */
struct user_json_place user_json_scan_place(struct text json, size_t offset);

/* The offset of the first byte that is not part of well-formed UTF-8; json.size when there is none. */
size_t user_json_scan_utf8(struct text json);

/* How many arrays and objects are open at once, at most. */
size_t user_json_scan_depth(struct text json);

/*
 * The last member name that ends within the first `end` bytes and is at most depth_max levels deep (the
 * outermost object's members are at 1), as it is written, without its quotes; bytes NULL when there is none.
 */
struct text user_json_scan_name(struct text json, size_t end, size_t depth_max);
