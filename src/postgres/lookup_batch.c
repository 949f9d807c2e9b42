#include "postgres/query_batch.h"
#include "postgres/user_rows.h"

#include <endian.h>
#include <stdint.h>

#define ROW_BITS  7
#define ROW_SLOTS (1U << ROW_BITS)

_Static_assert(ROW_SLOTS >= 2 * QUERY_BATCH_MAX, "half of the slots stay empty");
_Static_assert(QUERY_BATCH_MAX < UINT8_MAX, "a row's number fits into a byte");

/* Of all other faults the server is to blame: it would have told them to each of the members. */
static bool is_divisible(enum fault fault, const PGresult *result)
{
    if (!fault) return PQntuples(result) > QUERY_BATCH_MAX; /* ids are not unique in this table */
    return fault == FAULT_VALUE_REFUSED || fault == FAULT_INTERNAL;
}

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

static enum fault match(struct query_batch *batch, const PGresult *result)
{
    struct query *member;
    struct row_table table = {.result = result};
    fill(&table);
    TAILQ_FOREACH(member, &batch->members, entry)
    {
        member->row = row_of(&table, member);
    }
    return FAULT_NONE;
}

const struct batch_kind lookup_batch_kind = {.single = STATEMENT_USER_FIND,
                                             .combined = STATEMENT_USER_FIND_MANY,
                                             .repeat = QUERY_REPEAT_READ,
                                             .is_divisible = is_divisible,
                                             .match = match};
