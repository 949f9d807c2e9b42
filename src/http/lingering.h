/*
 * Ends refused connections gently. A socket that is closed while the client still sends is reset, and
 * the reset may reach the client before the answer that says why (RFC 9112, section 9.6). A lingering socket
 * has said all it has to say; it reads and forgets until the client closes or a moment has passed.
 */
#pragma once

#include "base/event_loop.h"

#include <stdint.h>
#include <sys/queue.h>

#define LINGERING_COUNT_MAX 1024 /* beyond, sockets are just closed */

struct lingering;

struct lingering_list {
    TAILQ_HEAD(lingering_head, lingering) head; /* oldest first */
    unsigned count;
};

void lingering_init(struct lingering_list *list);

/* Takes over socket, or a duplicate whose other owner sends the rest of an answer and closes the sending
 * side. */
void lingering_add(struct lingering_list *list, struct event_loop *loop, int socket, uint64_t now_ns);

/* Closes those whose time is over. */
void lingering_expire(struct lingering_list *list, uint64_t now_ns);

/* Closes all. */
void lingering_release(struct lingering_list *list);
