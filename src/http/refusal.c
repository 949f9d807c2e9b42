#include "http/refusal.h"

#include "http/problem.h"

#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>

#define BODY_SIZE_MAX 2048

void refusal_send(int socket, enum fault fault, struct text request_id)
{
    const struct problem *problem = problem_of(fault);
    char body[BODY_SIZE_MAX], response[BODY_SIZE_MAX + 512];
    struct problem_details details = {.request_id = request_id};
    if (problem_size_max(fault, &details) > sizeof body) return;
    size_t size = (size_t)(problem_write(body, fault, &details) - body);
    int length = snprintf(response, sizeof response,
                          "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
                          "Content-Length: %zu\r\nX-Request-Id: %.*s\r\nRetry-After: %u\r\n"
                          "Connection: close\r\n\r\n%.*s",
                          problem->status, MHD_get_reason_phrase_for(problem->status), size,
                          (int)request_id.size, request_id.bytes, problem->retry_after_s, (int)size, body);
    (void)send(socket, response, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}
