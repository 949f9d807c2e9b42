#include "service/socket_address.h"

#include <arpa/inet.h>
#include <stdint.h>

socklen_t socket_address_make(const char *text, unsigned port, union socket_address *ret_address)
{
    *ret_address = (union socket_address){0};
    if (inet_pton(AF_INET, text, &ret_address->v4.sin_addr) == 1) {
        ret_address->v4.sin_family = AF_INET;
        ret_address->v4.sin_port = htons((uint16_t)port);
        return sizeof ret_address->v4;
    }
    (void)inet_pton(AF_INET6, text, &ret_address->v6.sin6_addr);
    ret_address->v6.sin6_family = AF_INET6;
    ret_address->v6.sin6_port = htons((uint16_t)port);
    return sizeof ret_address->v6;
}

unsigned socket_address_port(const union socket_address *address)
{
    return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

void socket_address_reach(union socket_address *address)
{
    if (address->any.sa_family == AF_INET && address->v4.sin_addr.s_addr == htonl(INADDR_ANY))
        address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr))
        address->v6.sin6_addr = in6addr_loopback;
}
