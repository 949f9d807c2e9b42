/*
 * The listening socket: accepts connections and hands each to the worker that has the fewest, so that
 * all have equally many. (One socket shared by the workers, or SO_REUSEPORT, spreads them badly.)
 *
 * Main thread only.
 */
#pragma once

#include "base/event_loop.h"
#include "base/fault.h"
#include "service/worker.h"

#include <stdint.h>

struct listener {
    struct event_source source; /* first member; descriptor -1 when closed */
    struct event_loop *loop;
    struct worker **workers; /* borrowed */
    unsigned worker_count;
    bool is_short;            /* of descriptors or memory, and said so */
    uint64_t paused_until_ns; /* out of descriptors: accepts nothing meanwhile; 0: not paused */
};

/*
 * A listening socket. Prints one line on stderr, which names the setting of the port, when there is none to
 * be had. *ret_port is the port, also when 0 was asked for. FAULT_INTERNAL.
 */
enum fault listener_socket(const char *address, const char *setting, unsigned port, int *ret_socket,
                           unsigned *ret_port);

/* Takes over a listening socket, without accepting yet. */
void listener_open(struct listener *listener, int socket);

/* Starts accepting. loop and workers are borrowed until listener_close. */
enum fault listener_start(struct listener *listener, struct event_loop *loop, struct worker **workers,
                          unsigned worker_count);

/* Accepts again after a pause that is over. */
void listener_check_pause(struct listener *listener, uint64_t now_ns);

/* Hands over whoever has connected by now, and closes. Harmless twice. */
void listener_close(struct listener *listener);
