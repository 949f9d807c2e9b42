/*
 * The body of GET /lab/users by way of jansson: a tree is built, dumped and freed, as most C services do.
 */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/text.h"
#include "users/user.h"

#include <stddef.h>

/* As serializer_direct, the same bytes. */
enum fault serializer_jansson(struct arena *arena, const struct user *users, size_t count,
                              struct text *ret_body);
