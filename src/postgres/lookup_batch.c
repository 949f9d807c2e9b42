#include "postgres/lookup_batch.h"

#include "base/clock.h"
#include "postgres/user_rows.h"

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROW_BITS  7
#define ROW_SLOTS (1U << ROW_BITS)

_Static_assert(ROW_SLOTS >= 2 * LOOKUP_BATCH_MAX, "half of the slots stay empty");
_Static_assert(LOOKUP_BATCH_MAX < UINT8_MAX, "a row's number fits into a byte");

/* ---- gathering ---- */

/* What was sent before goes by itself: whatever happened to it then happens to no other query. */
static bool is_lookup(const struct query *query)
{
    return query->statement == STATEMENT_USER_FIND && !query->alone;
}

/*
 * The next look-up behind query. No more than `left` queries are looked at, however long the queue and
 * whatever else stands in it.
 */
static struct query *next_lookup(struct query *query, unsigned *left)
{
    while (*left > 0 && (query = TAILQ_NEXT(query, entry)) != NULL) {
        --*left;
        if (is_lookup(query)) return query;
    }
    return NULL;
}

bool lookup_batch_is_possible(struct query *query)
{
    unsigned left = LOOKUP_BATCH_MAX - 1;
    return is_lookup(query) && next_lookup(query, &left) != NULL;
}

static char *put_number(char *to, uint32_t number)
{
    number = htobe32(number);
    memcpy(to, &number, sizeof number);
    return to + sizeof number;
}

/* The ids are in network order already: they were parameters of their own. */
static void encode_ids(struct lookup_batch *batch)
{
    const struct query *member;
    char *end = batch->ids;
    end = put_number(end, 1); /* dimension */
    end = put_number(end, 0); /* no NULL among the elements */
    end = put_number(end, statement_text(STATEMENT_USER_FIND)->types[0]);
    end = put_number(end, batch->count);
    end = put_number(end, 1); /* the first index */
    TAILQ_FOREACH(member, &batch->members, entry)
    {
        end = put_number(end, sizeof member->numbers[0]);
        memcpy(end, &member->numbers[0], sizeof member->numbers[0]);
        end += sizeof member->numbers[0];
    }
    batch->query.values[0] = batch->ids;
    batch->query.sizes[0] = (int)(end - batch->ids);
}

enum fault lookup_batch_new(struct query_queue *queue, struct lookup_batch **ret_batch)
{
    struct lookup_batch *batch = malloc(sizeof *batch);
    if (batch == NULL) return FAULT_MEMORY;
    memset(batch, 0, offsetof(struct lookup_batch, ids));
    batch->query.statement = STATEMENT_USER_FIND_MANY;
    batch->query.ledger = &batch->ledger;
    TAILQ_INIT(&batch->members);
    unsigned left = LOOKUP_BATCH_MAX - 1;
    for (struct query *next, *member = TAILQ_FIRST(queue); member != NULL; member = next) {
        next = next_lookup(member, &left);
        TAILQ_REMOVE(queue, member, entry);
        TAILQ_INSERT_TAIL(&batch->members, member, entry);
        member->batch = batch;
        batch->count++;
    }
    encode_ids(batch);
    *ret_batch = batch;
    return FAULT_NONE;
}

void lookup_batch_free(struct lookup_batch *batch)
{
    free(batch);
}

struct lookup_batch *lookup_batch_of(struct query *query)
{
    if (query->statement != STATEMENT_USER_FIND_MANY) return NULL;
    return (struct lookup_batch *)((char *)query - offsetof(struct lookup_batch, query));
}

/* ---- members in flight ---- */

void lookup_batch_sent(struct lookup_batch *batch)
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
static void settle(struct lookup_batch *batch, struct ledger *ledger)
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

static void leave(struct lookup_batch *batch, struct query *member)
{
    TAILQ_REMOVE(&batch->members, member, entry);
    member->batch = NULL;
    if (member->state == QUERY_IN_FLIGHT) settle(batch, member->ledger);
}

struct query *lookup_batch_take(struct lookup_batch *batch)
{
    struct query *member = TAILQ_FIRST(&batch->members);
    if (member != NULL) leave(batch, member);
    return member;
}

void lookup_batch_abandon(struct query *member)
{
    leave(member->batch, member);
    member->state = QUERY_DONE;
}

/* ---- answers ---- */

/* A result's rows by their ids: in each slot the number of a row, from 1; 0 when it is empty. */
struct row_table {
    const PGresult *result;
    unsigned char rows[ROW_SLOTS];
};

/* Where id is, or would be. */
static unsigned char *slot_of(struct row_table *table, int64_t id)
{
    unsigned slot = (unsigned)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - ROW_BITS));
    while (table->rows[slot] != 0 && user_rows_int64(table->result, table->rows[slot] - 1, 0) != id)
        slot = (slot + 1) % ROW_SLOTS;
    return &table->rows[slot];
}

static void fill(struct row_table *table)
{
    for (int row = 0; row < PQntuples(table->result); row++)
        *slot_of(table, user_rows_int64(table->result, row, 0)) = (unsigned char)(row + 1);
}

/* Behind the last one when there is none. */
static int row_of(struct row_table *table, const struct query *member)
{
    unsigned char row = *slot_of(table, (int64_t)be64toh(member->numbers[0]));
    return row != 0 ? row - 1 : PQntuples(table->result);
}

/* Of all other faults the server is to blame: it would have told them to each of the members. */
bool lookup_batch_is_divisible(enum fault fault, const PGresult *result)
{
    if (!fault) return PQntuples(result) > LOOKUP_BATCH_MAX; /* ids are not unique in this table */
    return fault == FAULT_VALUE_REFUSED || fault == FAULT_INTERNAL;
}

/* Until it has its turn, a member waits for those before it: for PHASE_OTHER, as in a pipeline. */
void lookup_batch_answer(struct lookup_batch *batch, enum fault fault, const PGresult *result)
{
    struct row_table table = {.result = result};
    if (!fault) fill(&table);
    ledger_enter(&batch->ledger, PHASE_OTHER);
    for (struct query *member; (member = lookup_batch_take(batch)) != NULL;) {
        if (member->ledger != NULL) ledger_enter(member->ledger, PHASE_PARSE);
        member->state = QUERY_DONE;
        if (!fault) member->row = row_of(&table, member);
        member->done(member, fault, result);
    }
}
