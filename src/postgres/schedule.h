/*
 * Which connection a query is sent on: cheap reads packed, slow reads and writes spread, reads and
 * writes apart. Pure: looks at the slots and decides.
 */
#pragma once

#include "postgres/query_queue.h"
#include "postgres/slot.h"

/* By what is expected of it, and whether it writes. */
enum query_queue_kind schedule_queue(const struct query *query, uint64_t expected_ns);

/* The pipeline for a query of this kind, with room for it; NULL when it has to wait. */
struct pipeline *schedule_choose(struct slot *slots, unsigned count, enum query_queue_kind kind,
                                 uint64_t expected_ns);
