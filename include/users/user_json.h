/*
 * Users as JSON: written directly, read with jansson. The only place, but for the laboratory, that
 * knows jansson.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "http/response.h"
#include "users/user.h"

#include <stddef.h>

/* The most bytes that user_json_write takes for this user. */
size_t user_json_size_max(const struct user *user);

/* Writes {"id":…,"name":…,"email":…,"created_at":…,"updated_at":…,"version":…}; gives the new end. */
char *user_json_write(char *at, const struct user *user);

/* What a body may hold, and what it must. */
enum user_json_form {
    USER_JSON_WHOLE, /* POST, PUT: name and email, both */
    USER_JSON_PATCH  /* PATCH: an RFC 7396 merge patch; absent members keep their value */
};

#define USER_JSON_ERRORS_MAX 16

/* What is wrong with a body. */
struct user_json_flaws {
    const char *detail;                              /* FAULT_JSON: what and where, with line and column */
    struct field_error errors[USER_JSON_ERRORS_MAX]; /* FAULT_VALIDATION: every wrong field */
    size_t count;
};

/*
 * Reads body into ret_user's name and email, copied to the arena and validated; an absent member of
 * a patch has bytes NULL. ret_flaws is set on the two faults that carry details, its texts in the arena.
 * FAULT_JSON (grammar, raw NUL, UTF-8), FAULT_JSON_TOO_DEEP (more than 32 levels), FAULT_VALIDATION
 * (no object; duplicate, unknown, missing or wrong members; values that JSON can write but no user can have),
 * FAULT_MEMORY.
 */
enum fault user_json_read(struct arena *arena, struct text body, enum user_json_form form,
                          struct user *ret_user, struct user_json_flaws *ret_flaws);
