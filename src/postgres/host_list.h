/*
 * The hosts to connect to, as libpq's three comma-separated lists, and where in them to begin.
 */
#pragma once

#include <stdbool.h>

#define HOST_LIST_SIZE_MAX 2048

struct host_list {
    char hosts[HOST_LIST_SIZE_MAX];     /* names, or socket directories */
    char addresses[HOST_LIST_SIZE_MAX]; /* numeric, or "" for a socket directory; may be empty as a whole */
    char ports[HOST_LIST_SIZE_MAX];     /* one for each, one for all, or none */
};

/* One host as libpq tells of it. */
struct host_entry {
    char host[256];
    char address[64];
    char port[16];
};

/* Copies libpq's lists, each of them "" for none. False when they do not fit. */
bool host_list_set(struct host_list *list, const char *hosts, const char *addresses, const char *ports);

/* Adds a host at the end; is_first: there is none yet. False when it does not fit. */
bool host_list_append(struct host_list *list, const struct host_entry *entry, bool is_first);

/* Moves the hosts up to and with entry to the end. Changes nothing when entry is not there. */
void host_list_begin_after(struct host_list *list, const struct host_entry *entry);
