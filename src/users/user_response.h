/*
 * Answers that show users. Each answers the request, or gives FAULT_MEMORY and leaves it unanswered.
 */
#pragma once

#include "http/request.h"
#include "users/user.h"

#include <stddef.h>

/* Answers with status, the user and its ETag. */
enum fault user_response_one(struct request *request, unsigned status, const struct user *user);

/* 201 with the user, its ETag and its Location. */
enum fault user_response_created(struct request *request, const struct user *user);

/* 304 with the user's ETag. */
enum fault user_response_not_modified(struct request *request, const struct user *user);

/*
 * 200 with the first `limit` of the `found` users; when there are more than limit, with where the next
 * page starts, in `next` and in Link (RFC 8288).
 */
enum fault user_response_page(struct request *request, int limit, const struct user *users, size_t found);
