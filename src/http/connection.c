#include "http/connection.h"

void connection_wait_end(struct connection_list lists[WAIT_COUNT], struct connection *connection)
{
    if (connection->wait != WAIT_COUNT) TAILQ_REMOVE(&lists[connection->wait].head, connection, entry);
    connection->wait = WAIT_COUNT;
}

void connection_wait_for(struct connection_list lists[WAIT_COUNT], struct connection *connection,
                         enum connection_wait wait, uint64_t now_ns)
{
    connection_wait_end(lists, connection);
    connection->wait = wait;
    connection->wait_since_ns = now_ns;
    TAILQ_INSERT_TAIL(&lists[wait].head, connection, entry);
}

struct connection *connection_list_late(const struct connection_list *list, uint64_t now_ns)
{
    struct connection *first = TAILQ_FIRST(&list->head);
    return first != NULL && now_ns >= first->wait_since_ns + list->limit_ns ? first : NULL;
}
