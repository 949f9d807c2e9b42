/*
 * GET /lab/users: asks the store as the knobs say, gathers the answers in the order of the questions, and
 * serializes. Its phases are the store's while it asks, PHASE_PARSE in the store's callbacks, then
 * PHASE_JSON.
 */
#pragma once

#include "http/request.h"

/* request->services is a struct lab_services. */
enum fault lab_users_get(struct request *request);
