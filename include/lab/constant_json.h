/*
 * Serialization for free: JSON that is as long as the users' would be, without writing a byte. It is the end
 * of a long line of blanks, `        {"users":[]}`, made once; which size it must have is remembered, too.
 *
 * One worker's. All zero, it is empty.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/text.h"
#include "users/user.h"

#include <stddef.h>
#include <stdint.h>

#define CONSTANT_JSON_KNOWN 64 /* sets of users whose size is remembered */

struct constant_line;

struct constant_json {
    struct constant_line *lines; /* newest and longest first; older ones may still be on their way out */
    struct {
        uint64_t key; /* of a set of users */
        size_t size;  /* 0: none */
    } known[CONSTANT_JSON_KNOWN];
};

/* Frees all that constant_json_get gave. It is empty then. */
void constant_json_release(struct constant_json *constant);

/*
 * JSON of exactly the size of {"users":[…]} with these users, borrowed until constant_json_release. The arena
 * is for the work on users that are not remembered. FAULT_MEMORY.
 */
enum fault constant_json_get(struct constant_json *constant, struct arena *arena, const struct user *users,
                             size_t count, struct text *ret_json);
