/*
 * A numeric IP address and a port, as sockets want them.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* text is an IPv4 or IPv6 address. Gives the size of what is set. */
socklen_t socket_address_make(const char *text, unsigned port, union socket_address *ret_address);

unsigned socket_address_port(const union socket_address *address);

/* Where a listener on this address is reached from its own machine: all addresses become the loopback one. */
void socket_address_reach(union socket_address *address);
