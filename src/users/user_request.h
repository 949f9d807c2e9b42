/*
 * What requests for users hold, beside their precondition: a body, a page, an idempotency key.
 */
#pragma once

#include "http/request.h"
#include "users/user_json.h"
#include "users/user_store.h"

#define USER_PAGE_LIMIT_MAX     1000
#define USER_PAGE_LIMIT_DEFAULT 20

/*
 * Reads the body as user_json_read does, after its media type and content coding: FAULT_MEDIA_TYPE
 * with response.accept set, FAULT_CONTENT_CODING.
 */
enum fault user_request_body(struct request *request, enum user_json_form form, struct user *ret_user,
                             struct user_json_flaws *ret_flaws);

/*
 * Reads `limit` and `after` from the query. FAULT_VALIDATION with every wrong parameter, once each;
 * FAULT_TARGET, FAULT_MEMORY.
 */
enum fault user_request_page(struct request *request, struct user_page *ret_page,
                             struct user_json_flaws *ret_flaws);

/*
 * Reads Idempotency-Key: 1 to 255 visible ASCII characters, or a string of RFC 8941, section 3.3.3 in
 * quotes, which may have spaces, too. Size 0 when the field is absent. FAULT_IDEMPOTENCY_KEY, FAULT_MEMORY.
 */
enum fault user_request_key(struct request *request, struct text *ret_key);
