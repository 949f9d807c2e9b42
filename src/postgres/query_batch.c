#include "postgres/query_batch.h"

#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_HEAD_SIZE 20 /* bytes in front of the first element */
#define NUMBER_SIZE     4  /* in front of each: its size */

/* ---- gathering ---- */

/* What was sent before goes by itself: whatever happened to it then happens to no other query. */
static bool is_of_kind(const struct batch_kind *kind, const struct query *query)
{
    return query->statement == kind->single && !query->alone;
}

/*
 * The next of the kind behind query. No more than `left` queries are looked at, however long the queue and
 * whatever else stands in it.
 */
static struct query *next_of_kind(const struct batch_kind *kind, struct query *query, unsigned *left)
{
    while (*left > 0 && (query = TAILQ_NEXT(query, entry)) != NULL) {
        --*left;
        if (is_of_kind(kind, query)) return query;
    }
    return NULL;
}

bool query_batch_is_possible(const struct batch_kind *kind, struct query *query)
{
    unsigned left = QUERY_BATCH_MAX - 1;
    return is_of_kind(kind, query) && next_of_kind(kind, query, &left) != NULL;
}

/* Takes them out of the queue. */
static void gather(struct query_batch *batch, struct query_queue *queue)
{
    const struct batch_kind *kind = batch->kind;
    struct query *members[QUERY_BATCH_MAX];
    unsigned left = QUERY_BATCH_MAX - 1;
    for (struct query *next, *one = TAILQ_FIRST(queue); one != NULL; one = next) {
        next = next_of_kind(kind, one, &left);
        TAILQ_REMOVE(queue, one, entry);
        members[batch->count++] = one;
    }
    if (kind->compare != NULL) qsort(members, batch->count, sizeof members / QUERY_BATCH_MAX, kind->compare);
    TAILQ_INIT(&batch->members);
    for (unsigned i = 0; i < batch->count; i++) {
        TAILQ_INSERT_TAIL(&batch->members, members[i], entry);
        members[i]->batch = batch;
        members[i]->row = (int)i;
    }
}

static size_t parameters_size(const struct batch_kind *kind, struct query_queue *queue)
{
    int parameters = statement_text(kind->single)->parameter_count;
    size_t size = (size_t)parameters * ARRAY_HEAD_SIZE;
    unsigned left = QUERY_BATCH_MAX - 1;
    for (struct query *one = TAILQ_FIRST(queue); one != NULL; one = next_of_kind(kind, one, &left))
        for (int i = 0; i < parameters; i++)
            size += NUMBER_SIZE + (size_t)one->sizes[i];
    return size;
}

static char *put_number(char *to, uint32_t number)
{
    number = htobe32(number);
    memcpy(to, &number, sizeof number);
    return to + sizeof number;
}

/* Values are in network order already: they were parameters of their own. */
static char *encode_array(struct query_batch *batch, int parameter, char *end)
{
    const struct query *member;
    char *begin = end;
    end = put_number(end, 1); /* dimension */
    end = put_number(end, 0); /* no NULL among the elements */
    end = put_number(end, statement_text(batch->kind->single)->types[parameter]);
    end = put_number(end, batch->count);
    end = put_number(end, 1); /* the first index */
    TAILQ_FOREACH(member, &batch->members, entry)
    {
        assert(member->values[parameter] != NULL);
        end = put_number(end, (uint32_t)member->sizes[parameter]);
        memcpy(end, member->values[parameter], (size_t)member->sizes[parameter]);
        end += member->sizes[parameter];
    }
    batch->query.values[parameter] = begin;
    batch->query.sizes[parameter] = (int)(end - begin);
    return end;
}

enum fault query_batch_new(const struct batch_kind *kind, struct query_queue *queue,
                           struct query_batch **ret_batch)
{
    struct query_batch *batch = malloc(sizeof *batch + parameters_size(kind, queue));
    if (batch == NULL) return FAULT_MEMORY;
    *batch = (struct query_batch){.kind = kind};
    batch->query.statement = kind->combined;
    batch->query.repeat = kind->repeat;
    batch->query.ledger = &batch->ledger;
    batch->query.batch = batch;
    gather(batch, queue);
    char *end = batch->parameters;
    for (int i = 0; i < statement_text(kind->single)->parameter_count; i++)
        end = encode_array(batch, i, end);
    *ret_batch = batch;
    return FAULT_NONE;
}

void query_batch_free(struct query_batch *batch)
{
    free(batch);
}

struct query_batch *query_batch_of(struct query *query)
{
    return query->batch;
}

struct text query_batch_next_value(const struct query_batch *batch, int parameter, const char **position)
{
    if (*position == NULL) *position = batch->query.values[parameter] + ARRAY_HEAD_SIZE;
    uint32_t size;
    memcpy(&size, *position, sizeof size);
    struct text value = {*position + NUMBER_SIZE, be32toh(size)};
    *position = value.bytes + value.size;
    return value;
}

/* ---- members in flight ---- */

void query_batch_sent(struct query_batch *batch)
{
    struct query *member;
    uint64_t sent_ns = batch->query.sent_ns;
    batch->ledger = (struct ledger){.phase = PHASE_DB};
    ledger_start(&batch->ledger, sent_ns);
    TAILQ_FOREACH(member, &batch->members, entry)
    {
        member->state = QUERY_IN_FLIGHT;
        member->sent_count++;
        member->sent_ns = sent_ns;
        if (member->ledger != NULL) ledger_enter_at(member->ledger, PHASE_DB, sent_ns);
    }
}

/* What the batch did since it was sent, the member did; of the connection's time the first has all. */
static void settle(struct query_batch *batch, struct ledger *ledger)
{
    if (!SPLITS_LEDGER || ledger == NULL) return;
    ledger->connection_ns += batch->ledger.connection_ns;
    batch->ledger.connection_ns = 0;
    if (ledger->phase != PHASE_DB || ledger->since_ns != batch->ledger.started_ns) return;
    for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
        ledger->spent_ns[phase] += batch->ledger.spent_ns[phase];
    ledger->since_ns = batch->ledger.since_ns;
    ledger->phase = batch->ledger.phase;
}

static void leave(struct query_batch *batch, struct query *member)
{
    TAILQ_REMOVE(&batch->members, member, entry);
    member->batch = NULL;
    if (member->state == QUERY_IN_FLIGHT) settle(batch, member->ledger);
}

struct query *query_batch_take(struct query_batch *batch)
{
    struct query *member = TAILQ_FIRST(&batch->members);
    if (member == NULL) return NULL;
    leave(batch, member);
    member->row = 0;
    return member;
}

void query_batch_abandon(struct query *member)
{
    leave(member->batch, member);
    member->state = QUERY_DONE;
}

/* ---- answers ---- */

static void put_rowless_last(struct query_batch *batch)
{
    struct query_queue rowless = TAILQ_HEAD_INITIALIZER(rowless);
    for (struct query *next, *member = TAILQ_FIRST(&batch->members); member != NULL; member = next) {
        next = TAILQ_NEXT(member, entry);
        if (member->row != QUERY_BATCH_NO_ROW) continue;
        TAILQ_REMOVE(&batch->members, member, entry);
        TAILQ_INSERT_TAIL(&rowless, member, entry);
    }
    TAILQ_CONCAT(&batch->members, &rowless, entry);
}

/* Until it has its turn, a member waits for those before it: for PHASE_OTHER, as in a pipeline. */
static void answer(struct query_batch *batch, struct query *member, enum fault fault, const PGresult *result)
{
    leave(batch, member);
    if (member->ledger != NULL) ledger_enter(member->ledger, PHASE_PARSE);
    member->state = QUERY_DONE;
    member->done(member, fault, result);
}

void query_batch_answer(struct query_batch *batch, enum fault fault, const PGresult *result)
{
    if (batch->kind->is_divisible(fault, result)) return;
    enum fault rowless = fault ? fault : batch->kind->match(batch, result);
    if (!fault) put_rowless_last(batch);
    ledger_enter(&batch->ledger, PHASE_OTHER);
    for (struct query *member; (member = TAILQ_FIRST(&batch->members)) != NULL;) {
        bool has_row = !fault && member->row != QUERY_BATCH_NO_ROW;
        if (!has_row && !rowless) return;
        answer(batch, member, has_row ? FAULT_NONE : rowless, has_row ? result : NULL);
    }
}
