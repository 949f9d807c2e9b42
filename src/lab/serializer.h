/*
 * The body of GET /lab/users, {"users":[…]} with each user as users/user_json.h writes it: by the service
 * itself, or from what the database wrote; serializer_jansson.h has a third way. All give the same bytes. The
 * body is in the arena; FAULT_MEMORY.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/text.h"
#include "users/user.h"

#include <stddef.h>

/* The service's own writer. */
enum fault serializer_direct(struct arena *arena, const struct user *users, size_t count,
                             struct text *ret_body);

/* Users that are JSON already: each part is one or several of them, with commas between. */
enum fault serializer_postgres(struct arena *arena, const struct text *parts, size_t count,
                               struct text *ret_body);
