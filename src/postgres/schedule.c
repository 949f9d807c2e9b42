#include "postgres/schedule.h"

#include "base/clock.h"

/* Up to this much expected work is packed on one connection before the next one is used. */
#define PACKED_NS_MAX (1 * NS_PER_MS)
/* A cheap query waits in the queue rather than behind more expected work than this. */
#define STACKED_NS_MAX (5 * NS_PER_MS)
/* A statement that takes longer gets a connection of its own. */
#define CHEAP_NS_MAX (1 * NS_PER_MS)

static bool is_open(const struct slot *slot)
{
    return slot->pipeline.connection != NULL && !slot->pipeline.is_retired;
}

/*
 * The first open connection takes no writes and the last no cheap reads, so that neither kind can starve
 * the other. A single connection has to take both; then each waits for the other's.
 */
static bool may_read(const struct pipeline *pipeline, unsigned count)
{
    return (pipeline->writes == 0 || count == 1) && pipeline_has_room(pipeline);
}

static bool may_write(const struct pipeline *pipeline, unsigned count)
{
    bool has_reads = pipeline->queries > pipeline->writes;
    return (!has_reads || count == 1) && pipeline_has_room(pipeline);
}

static struct pipeline *choose_for_cheap(struct slot *slots, unsigned count, uint64_t expected_ns)
{
    struct pipeline *best = NULL;
    for (unsigned i = 0; i < count - (count > 1); i++) {
        struct pipeline *pipeline = &slots[i].pipeline;
        if (!may_read(pipeline, count)) continue;
        if (pipeline->backlog_ns + expected_ns <= PACKED_NS_MAX) return pipeline;
        if (best == NULL || pipeline->backlog_ns < best->backlog_ns) best = pipeline;
    }
    return best != NULL && best->backlog_ns <= STACKED_NS_MAX ? best : NULL;
}

/* From the far end: cheap reads pack at the near one. */
static struct pipeline *choose_for_slow(struct slot *slots, unsigned count)
{
    for (unsigned i = count; i-- > 0;) {
        struct pipeline *pipeline = &slots[i].pipeline;
        if (pipeline->queries == 0 && may_read(pipeline, count)) return pipeline;
    }
    return NULL;
}

static struct pipeline *choose_for_write(struct slot *slots, unsigned count)
{
    struct pipeline *best = NULL;
    for (unsigned i = count; i-- > (count > 1);) {
        struct pipeline *pipeline = &slots[i].pipeline;
        if (!may_write(pipeline, count)) continue;
        if (best == NULL || pipeline->queries < best->queries) best = pipeline;
    }
    return best;
}

enum query_queue_kind schedule_queue(const struct query *query, uint64_t expected_ns)
{
    if (query_is_write(query)) return QUERY_QUEUE_WRITE;
    return expected_ns > CHEAP_NS_MAX ? QUERY_QUEUE_SLOW : QUERY_QUEUE_CHEAP;
}

struct pipeline *schedule_choose(struct slot *slots, unsigned count, enum query_queue_kind kind,
                                 uint64_t expected_ns)
{
    for (; count > 0 && !is_open(&slots[count - 1]); count--)
        continue;
    for (; count > 1 && !is_open(&slots[0]); count--)
        slots++;
    switch (kind) {
    case QUERY_QUEUE_WRITE:
        return choose_for_write(slots, count);
    case QUERY_QUEUE_SLOW:
        return choose_for_slow(slots, count);
    case QUERY_QUEUE_CHEAP:
    case QUERY_QUEUE_COUNT:
        break;
    }
    return choose_for_cheap(slots, count, expected_ns);
}
