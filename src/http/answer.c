#include "http/answer.h"

#include "http/server_timing.h"

#include <stdio.h>

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return value == NULL || MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_retry_after(struct MHD_Response *response, unsigned seconds)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", seconds);
    return seconds == 0 || add(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
}

static bool add_server_timing(struct MHD_Response *response, const struct request *request)
{
    char value[SERVER_TIMING_SIZE_MAX];
    if (!request->shows_timing) return true;
    server_timing_write(&request->ledger, value);
    return add(response, "Server-Timing", value);
}

static bool add_headers(struct MHD_Response *library_response, const struct request *request, bool close)
{
    const struct response *response = &request->response;
    return add(library_response, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type) &&
           add(library_response, "X-Request-Id", request->id) &&
           add(library_response, MHD_HTTP_HEADER_LOCATION, response->location) &&
           add(library_response, MHD_HTTP_HEADER_LINK, response->link) &&
           add(library_response, MHD_HTTP_HEADER_ALLOW, response->allow) &&
           add(library_response, MHD_HTTP_HEADER_ETAG, response->etag) &&
           add(library_response, MHD_HTTP_HEADER_ACCEPT, response->accept) &&
           add_retry_after(library_response, response->retry_after_s) &&
           add_server_timing(library_response, request) &&
           add(library_response, MHD_HTTP_HEADER_CONNECTION, close ? "close" : NULL);
}

enum MHD_Result answer_queue(const struct exchange *exchange, struct MHD_Connection *library, bool close)
{
    const struct response *response = &exchange->request.response;
    /* The body lives in the exchange until the library says that the request is over. */
    struct MHD_Response *library_response = MHD_create_response_from_buffer(
        response->body.size, (void *)(uintptr_t)response->body.bytes, MHD_RESPMEM_PERSISTENT);
    if (library_response == NULL) return MHD_NO;
    enum MHD_Result result = MHD_NO;
    if (add_headers(library_response, &exchange->request, close))
        result = MHD_queue_response(library, response->status, library_response);
    MHD_destroy_response(library_response);
    return result;
}
