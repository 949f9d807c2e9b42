/*
 * One client connection of a worker, and the lists of connections by what they wait for.
 */
#pragma once

#include "base/event_loop.h"
#include "http/exchange.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/queue.h>

/* What a connection waits for: each with a time limit of its own. */
enum connection_wait {
    WAIT_IDLE,   /* the first byte of a request */
    WAIT_HEAD,   /* the end of the head */
    WAIT_BODY,   /* the end of the body */
    WAIT_ANSWER, /* its handler */
    WAIT_SEND,   /* the client to take the answer */
    WAIT_COUNT
};

struct connection {
    struct event_source source;     /* the client's socket */
    struct MHD_Connection *library; /* the library's side of it */
    struct server *server;
    struct exchange *exchange;     /* under way; NULL when idle */
    TAILQ_ENTRY(connection) entry; /* in the list of what it waits for */
    enum connection_wait wait;
    uint64_t wait_since_ns;
    uint64_t freed_ns; /* when its last request was over */
    int socket;
    bool may_be_read;    /* bytes or the end have come since the socket was last empty */
    bool is_half_closed; /* the client has sent its FIN */
    bool is_gone;        /* the connection was reset, or shut down from both sides */
    bool is_ended;       /* nothing more is read: the library closes it */

    /* See socket_events.h. */
    TAILQ_ENTRY(connection) library_entry;
    uint32_t library_events;   /* that the library is about to be told; 0: not in the list */
    epoll_data_t library_data; /* what it wants to be told with them */
};

/* Everyone in a list waits equally long, so it is in order of time: oldest first. */
struct connection_list {
    TAILQ_HEAD(connection_head, connection) head;
    uint64_t limit_ns;
};

/* connection now waits for something else. */
void connection_wait_for(struct connection_list lists[WAIT_COUNT], struct connection *connection,
                         enum connection_wait wait, uint64_t now_ns);

/* Takes connection out of its list. */
void connection_wait_end(struct connection_list lists[WAIT_COUNT], struct connection *connection);

/* The first in list whose time is over; NULL when there is none. */
struct connection *connection_list_late(const struct connection_list *list, uint64_t now_ns);
