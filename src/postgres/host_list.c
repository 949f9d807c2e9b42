#include "postgres/host_list.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static bool copy(char *list, const char *text)
{
    int size = snprintf(list, HOST_LIST_SIZE_MAX, "%s", text);
    return size >= 0 && size < HOST_LIST_SIZE_MAX;
}

bool host_list_set(struct host_list *list, const char *hosts, const char *addresses, const char *ports)
{
    return copy(list->hosts, hosts) && copy(list->addresses, addresses) && copy(list->ports, ports);
}

static bool append(char *list, const char *text, bool is_first)
{
    size_t used = strlen(list), room = HOST_LIST_SIZE_MAX - used;
    int size = snprintf(list + used, room, "%s%s", is_first ? "" : ",", text);
    return size >= 0 && (size_t)size < room;
}

bool host_list_append(struct host_list *list, const struct host_entry *entry, bool is_first)
{
    return append(list->hosts, entry->host, is_first) && append(list->addresses, entry->address, is_first) &&
           append(list->ports, entry->port, is_first);
}

static unsigned count_entries(const char *list)
{
    unsigned count = 1;
    while ((list = strchr(list, ',')) != NULL) {
        count++;
        list++;
    }
    return count;
}

/* The entry at index; a list of one entry serves every index. */
static const char *entry_at(const char *list, unsigned index)
{
    if (strchr(list, ',') == NULL) return list;
    for (; index > 0; index--)
        list = strchr(list, ',') + 1;
    return list;
}

/* What the list leaves open, libpq has filled in. */
static bool is_entry(const char *list, unsigned index, const char *text)
{
    const char *entry = entry_at(list, index);
    size_t size = strcspn(entry, ",");
    return size == 0 || (strlen(text) == size && memcmp(entry, text, size) == 0);
}

static void rotate(char *list, unsigned first)
{
    char rotated[HOST_LIST_SIZE_MAX];
    const char *begin = entry_at(list, first);
    if (begin == list) return;
    (void)snprintf(rotated, sizeof rotated, "%s,%.*s", begin, (int)(begin - list - 1), list);
    memcpy(list, rotated, sizeof rotated);
}

void host_list_begin_after(struct host_list *list, const struct host_entry *entry)
{
    unsigned host_count = count_entries(list->hosts), count = count_entries(list->addresses);
    if (host_count > count) count = host_count;
    /* Lists of different lengths: libpq is going to say so. */
    unsigned port_count = count_entries(list->ports);
    if ((host_count > 1 && host_count < count) || (port_count > 1 && port_count != count)) return;
    for (unsigned i = 0; i < count; i++) {
        if (!is_entry(list->hosts, i, entry->host) || !is_entry(list->addresses, i, entry->address) ||
            !is_entry(list->ports, i, entry->port))
            continue;
        unsigned first = (i + 1) % count;
        rotate(list->hosts, first);
        rotate(list->addresses, first);
        rotate(list->ports, first);
        return;
    }
}
