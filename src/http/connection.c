#include "http/connection.h"

static void append(struct connection_list *list, struct connection *connection)
{
    connection->next = NULL;
    connection->previous = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = connection;
    list->last = connection;
}

static void remove_from(struct connection_list *list, struct connection *connection)
{
    *(connection->previous == NULL ? &list->first : &connection->previous->next) = connection->next;
    *(connection->next == NULL ? &list->last : &connection->next->previous) = connection->previous;
    connection->next = NULL;
    connection->previous = NULL;
}

void connection_wait_end(struct connection_list lists[WAIT_COUNT], struct connection *connection)
{
    if (connection->wait != WAIT_COUNT) remove_from(&lists[connection->wait], connection);
    connection->wait = WAIT_COUNT;
}

void connection_wait_for(struct connection_list lists[WAIT_COUNT], struct connection *connection,
                         enum connection_wait wait, uint64_t now_ns)
{
    connection_wait_end(lists, connection);
    connection->wait = wait;
    connection->wait_since_ns = now_ns;
    append(&lists[wait], connection);
}

struct connection *connection_list_late(const struct connection_list *list, uint64_t now_ns)
{
    struct connection *first = list->first;
    return first != NULL && now_ns >= first->wait_since_ns + list->limit_ns ? first : NULL;
}
