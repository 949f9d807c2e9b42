/*
 * X-Request-Id: the client's, when it is safe to repeat in headers and logs, or a new one.
 */
#pragma once

#include "http/request.h"

#include <stdint.h>

/* State of the generator; any value but 0 to start with. One per worker. */
struct request_ids {
    uint64_t state;
};

/* Sets request->id: 1 to 128 characters of A-Z a-z 0-9 . _ : / + = @ - are kept. */
void request_id_set(struct request *request, struct request_ids *ids);
