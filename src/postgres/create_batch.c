#include "postgres/query_batch.h"
#include "postgres/user_rows.h"

#include <strings.h>

#define NAME  0 /* of the parameters */
#define EMAIL 1

/*
 * Two batches that have addresses in common wait for each other's: in the same order, or they would never
 * end. To the index, addresses that differ in case are the same; where a letter beyond ASCII is concerned,
 * the order here and the index may disagree, and the server ends the deadlock.
 */
static int compare(const void *a, const void *b)
{
    const struct query *one = *(const struct query *const *)a, *other = *(const struct query *const *)b;
    int size = one->sizes[EMAIL] < other->sizes[EMAIL] ? one->sizes[EMAIL] : other->sizes[EMAIL];
    int order = strncasecmp(one->values[EMAIL], other->values[EMAIL], (size_t)size);
    return order != 0 ? order : one->sizes[EMAIL] - other->sizes[EMAIL];
}

/* Nothing of the batch was applied. A wait that was too long may have been for one address. */
static bool is_divisible(enum fault fault, const PGresult *result)
{
    (void)result;
    return fault == FAULT_EMAIL_TAKEN || fault == FAULT_CONSTRAINT || fault == FAULT_VALUE_REFUSED ||
           fault == FAULT_LOCK_TIMEOUT || fault == FAULT_STATEMENT_TIMEOUT || fault == FAULT_INTERNAL;
}

static bool is_made_from(const PGresult *result, int row, struct text name, struct text email)
{
    struct user user;
    if (row >= PQntuples(result)) return false;
    user_rows_get(result, row, 0, &user);
    return text_equal(user.email, email) && text_equal(user.name, name);
}

/*
 * Rows come in the order of the members, without those whose address is taken: sent again, these learn why.
 * As many rows as members are theirs as they are. Among fewer, a trigger of the operator's that rewrites
 * values makes a row nobody's: then somebody without one has a user all the same, and nobody can tell who.
 */
static enum fault match(struct query_batch *batch, const PGresult *result)
{
    if (PQntuples(result) == (int)batch->count) return FAULT_NONE;
    int rows[QUERY_BATCH_MAX] = {0}, row = 0;
    struct query *member;
    const char *next_name = NULL, *next_email = NULL;
    for (unsigned i = 0; i < batch->count; i++) {
        struct text name = query_batch_next_value(batch, NAME, &next_name);
        struct text email = query_batch_next_value(batch, EMAIL, &next_email);
        rows[i] = is_made_from(result, row, name, email) ? row++ : QUERY_BATCH_NO_ROW;
    }
    TAILQ_FOREACH(member, &batch->members, entry)
    {
        member->row = rows[member->row];
    }
    return row == PQntuples(result) ? FAULT_NONE : FAULT_OUTCOME_UNKNOWN;
}

const struct batch_kind create_batch_kind = {.single = STATEMENT_USER_CREATE,
                                             .combined = STATEMENT_USER_CREATE_MANY,
                                             .repeat = QUERY_REPEAT_NEVER,
                                             .is_divisible = is_divisible,
                                             .match = match,
                                             .compare = compare};
