/*
 * The queries that wait for a connection: a first-in-first-out list through the queries themselves.
 */
#pragma once

#include "postgres/query.h"

/* Cheap reads go first: they never wait for a connection behind slow ones. */
enum query_queue_kind { QUERY_QUEUE_CHEAP, QUERY_QUEUE_WRITE, QUERY_QUEUE_SLOW, QUERY_QUEUE_COUNT };

struct query_queue {
    struct query *first, *last;
};

static inline void query_queue_append(struct query_queue *queue, struct query *query)
{
    query->next = NULL;
    query->previous = queue->last;
    *(queue->last == NULL ? &queue->first : &queue->last->next) = query;
    queue->last = query;
}

static inline void query_queue_remove(struct query_queue *queue, struct query *query)
{
    *(query->previous == NULL ? &queue->first : &query->previous->next) = query->next;
    *(query->next == NULL ? &queue->last : &query->next->previous) = query->previous;
    query->next = NULL;
    query->previous = NULL;
}
