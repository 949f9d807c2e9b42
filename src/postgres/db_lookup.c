#include "postgres/db_lookup.h"

#include "postgres/detached_thread.h"

#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNNING, ANSWERED, LET_GO };

struct db_lookup {
    atomic_int state;
    char hosts[HOST_LIST_SIZE_MAX];
    char ports[HOST_LIST_SIZE_MAX];
    bool is_cut; /* something did not fit */
    struct db_lookup_answer answer;
};

/* The entry at `index` of a comma-separated list; a list of one entry serves every index. */
static void list_entry(const char *list, unsigned index, char *ret_entry, size_t size)
{
    bool is_single = strchr(list, ',') == NULL;
    for (; index > 0 && !is_single; index--) {
        list = strchr(list, ',');
        if (list == NULL) break;
        list++;
    }
    if (list == NULL) list = "";
    (void)snprintf(ret_entry, size, "%.*s", (int)strcspn(list, ","), list);
}

static void append_answer(struct db_lookup *lookup, const struct host_entry *entry)
{
    bool is_first = !lookup->answer.found;
    if (!host_list_append(&lookup->answer.list, entry, is_first)) lookup->is_cut = true;
    lookup->answer.found = true;
}

static void look_up(struct db_lookup *lookup, struct host_entry *entry)
{
    const char *host = entry->host;
    if (host[0] == '/' || host[0] == '@' || host[0] == '\0') {
        append_answer(lookup, entry);
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) return;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        if (getnameinfo(at->ai_addr, at->ai_addrlen, entry->address, sizeof entry->address, NULL, 0,
                        NI_NUMERICHOST) == 0)
            append_answer(lookup, entry);
    freeaddrinfo(found);
}

static void *run(void *argument)
{
    struct db_lookup *lookup = argument;
    const char *at = lookup->hosts;
    unsigned index = 0;
    do {
        struct host_entry entry = {0};
        (void)snprintf(entry.host, sizeof entry.host, "%.*s", (int)strcspn(at, ","), at);
        list_entry(lookup->ports, index++, entry.port, sizeof entry.port);
        look_up(lookup, &entry);
        at = strchr(at, ',');
        at = at == NULL ? NULL : at + 1;
    } while (at != NULL);
    /* A list that was cut would name hosts that nobody meant. */
    if (lookup->is_cut) lookup->answer.found = false;
    if (atomic_exchange(&lookup->state, ANSWERED) == LET_GO) free(lookup);
    return NULL;
}

enum fault db_lookup_start(const char *hosts, const char *ports, struct db_lookup **ret_lookup)
{
    struct db_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) return FAULT_MEMORY;
    int hosts_size = snprintf(lookup->hosts, sizeof lookup->hosts, "%s", hosts);
    int ports_size = snprintf(lookup->ports, sizeof lookup->ports, "%s", ports);
    lookup->is_cut = hosts_size >= HOST_LIST_SIZE_MAX || ports_size >= HOST_LIST_SIZE_MAX;
    if (detached_thread_start(run, lookup)) {
        free(lookup);
        return FAULT_MEMORY;
    }
    *ret_lookup = lookup;
    return FAULT_NONE;
}

const struct db_lookup_answer *db_lookup_poll(struct db_lookup *lookup)
{
    return atomic_load(&lookup->state) == ANSWERED ? &lookup->answer : NULL;
}

void db_lookup_let_go(struct db_lookup *lookup)
{
    if (lookup != NULL && atomic_exchange(&lookup->state, LET_GO) == ANSWERED) free(lookup);
}
