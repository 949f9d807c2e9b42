/*
 * The queries that wait for a connection: a first-in-first-out list through the queries themselves.
 */
#pragma once

#include "postgres/query.h"

/* Cheap reads go first: they never wait for a connection behind slow ones. */
enum query_queue_kind { QUERY_QUEUE_CHEAP, QUERY_QUEUE_WRITE, QUERY_QUEUE_SLOW, QUERY_QUEUE_COUNT };

TAILQ_HEAD(query_queue, query);
