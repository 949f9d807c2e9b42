#include "postgres/postgres_lab_store.h"

#include "base/clock.h"
#include "postgres/connection_set.h"
#include "postgres/postgres_user_store_set.h"
#include "postgres/user_rows.h"

#include <stddef.h>
#include <stdlib.h>

struct postgres_lab_store {
    struct lab_store interface;
    struct connection_set *set;
};

/* The store's part of an operation. */
struct lab_query {
    struct query query;
    struct lab_operation *operation;
};

static struct connection_set *set_of(struct lab_store *store)
{
    return ((struct postgres_lab_store *)((char *)store - offsetof(struct postgres_lab_store, interface)))
        ->set;
}

static struct lab_operation *operation_of(struct query *query)
{
    return ((struct lab_query *)((char *)query - offsetof(struct lab_query, query)))->operation;
}

static void finish(struct lab_operation *operation, enum fault fault, const struct lab_answer *answer)
{
    operation->store_part = NULL;
    operation->done(operation, fault, fault ? NULL : answer);
}

static void took_rows(struct query *query, enum fault fault, const PGresult *result)
{
    struct lab_operation *operation = operation_of(query);
    struct lab_answer answer = {.users = NULL};
    int count = fault ? 0 : PQntuples(result);
    struct user *users = count == 0 ? NULL : arena_take(operation->arena, (size_t)count * sizeof *users);
    if (count > 0 && users == NULL) {
        fault = FAULT_MEMORY;
        count = 0;
    }
    for (int row = 0; row < count; row++)
        user_rows_get(result, row, 0, &users[row]);
    answer.users = users;
    answer.count = (size_t)count;
    finish(operation, fault, &answer);
}

static void took_json(struct query *query, enum fault fault, const PGresult *result)
{
    struct lab_answer answer = {.users = NULL};
    if (!fault && PQntuples(result) != 1) fault = FAULT_INTERNAL;
    if (!fault) {
        answer.count = (size_t)user_rows_int64(result, 0, 0);
        answer.json = (struct text){PQgetvalue(result, 0, 1), (size_t)PQgetlength(result, 0, 1)};
    }
    finish(operation_of(query), fault, &answer);
}

static void ask(struct lab_store *store, struct lab_operation *operation, const struct lab_question *question)
{
    struct lab_query *part = arena_take(operation->arena, sizeof *part);
    if (part == NULL) {
        finish(operation, FAULT_MEMORY, NULL);
        return;
    }
    *part = (struct lab_query){.operation = operation};
    part->query.statement = question->as_json ? STATEMENT_LAB_ROWS_JSON : STATEMENT_LAB_ROWS;
    part->query.done = question->as_json ? took_json : took_rows;
    part->query.deadline_ns = operation->deadline_ns;
    part->query.ledger = operation->ledger;
    part->query.known_ns = question->delay_ms * NS_PER_MS;
    query_set_number(&part->query, 0, question->from_id);
    query_set_number(&part->query, 1, question->rows);
    query_set_number(&part->query, 2, question->delay_ms);
    operation->store_part = part;
    connection_set_submit(set_of(store), &part->query);
}

static void abandon(struct lab_store *store, struct lab_operation *operation)
{
    struct lab_query *part = operation->store_part;
    if (part != NULL) connection_set_abandon(set_of(store), &part->query);
    operation->store_part = NULL;
}

static const struct lab_store_methods methods = {.ask = ask, .abandon = abandon};

enum fault postgres_lab_store_new(struct postgres_user_store *users, struct postgres_lab_store **ret_store)
{
    struct postgres_lab_store *store = calloc(1, sizeof *store);
    if (store == NULL) return FAULT_MEMORY;
    store->interface.methods = &methods;
    store->set = postgres_user_store_set(users);
    *ret_store = store;
    return FAULT_NONE;
}

void postgres_lab_store_free(struct postgres_lab_store *store)
{
    free(store);
}

struct lab_store *postgres_lab_store_interface(struct postgres_lab_store *store)
{
    return &store->interface;
}
