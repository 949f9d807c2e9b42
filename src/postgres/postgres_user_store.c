#include "postgres/postgres_user_store.h"

#include "postgres/connection_set.h"
#include "postgres/postgres_user_store_set.h"
#include "postgres/user_rows.h"

#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct postgres_user_store {
    struct user_store interface;
    struct postgres_config config;
    struct connection_set *set;
};

/* The store's part of an operation. */
struct user_query {
    struct query query;
    struct user_operation *operation;
    unsigned char request_hash[sizeof((struct user_new *)0)->request_hash];
};

static struct postgres_user_store *store_of(struct user_store *store)
{
    return (struct postgres_user_store *)((char *)store - offsetof(struct postgres_user_store, interface));
}

static struct user_query *user_query_of(struct query *query)
{
    return (struct user_query *)((char *)query - offsetof(struct user_query, query));
}

/* ---- results ---- */

static void finish(struct user_operation *operation, enum fault fault, const struct user *users, size_t count)
{
    operation->store_part = NULL;
    operation->done(operation, fault, users, count);
}

static void finish_with_row(struct query *query, const PGresult *result, int first)
{
    struct user_operation *operation = user_query_of(query)->operation;
    struct user user;
    if (query->row >= PQntuples(result)) {
        finish(operation, FAULT_USER_NOT_FOUND, NULL, 0);
        return;
    }
    user_rows_get(result, query->row, first, &user);
    finish(operation, FAULT_NONE, &user, 1);
}

static void found(struct query *query, enum fault fault, const PGresult *result)
{
    if (fault)
        finish(user_query_of(query)->operation, fault, NULL, 0);
    else
        finish_with_row(query, result, 0);
}

static void listed(struct query *query, enum fault fault, const PGresult *result)
{
    struct user_operation *operation = user_query_of(query)->operation;
    int count = fault ? 0 : PQntuples(result);
    struct user *users = count == 0 ? NULL : arena_take(operation->arena, (size_t)count * sizeof *users);
    if (count > 0 && users == NULL) {
        fault = FAULT_MEMORY;
        count = 0;
    }
    for (int row = 0; row < count; row++)
        user_rows_get(result, row, 0, &users[row]);
    finish(operation, fault, users, (size_t)count);
}

/* The leading column "outcome". */
static enum fault outcome_of(const PGresult *result)
{
    static const enum fault outcomes[] = {FAULT_NONE, FAULT_NONE, FAULT_IDEMPOTENCY_REUSED,
                                          FAULT_IDEMPOTENCY_RUNNING};
    uint16_t outcome = 0;
    if (PQntuples(result) != 1 || PQgetlength(result, 0, 0) != (int)sizeof outcome) return FAULT_INTERNAL;
    memcpy(&outcome, PQgetvalue(result, 0, 0), sizeof outcome);
    outcome = be16toh(outcome);
    return outcome < sizeof outcomes / sizeof outcomes[0] ? outcomes[outcome] : FAULT_INTERNAL;
}

static void created_once(struct query *query, enum fault fault, const PGresult *result)
{
    if (!fault) fault = outcome_of(result);
    if (fault)
        finish(user_query_of(query)->operation, fault, NULL, 0);
    else
        finish_with_row(query, result, 1);
}

static bool is_matched(const PGresult *result)
{
    return PQgetvalue(result, 0, 0)[0] != 0;
}

/*
 * A conditional change that is repeated after a lost connection and then finds another version may
 * have met its own first attempt: nobody can tell.
 */
static enum fault mismatch(const struct query *query)
{
    return query->outcome_open ? FAULT_OUTCOME_UNKNOWN : FAULT_PRECONDITION;
}

static void changed_if(struct query *query, enum fault fault, const PGresult *result)
{
    struct user_operation *operation = user_query_of(query)->operation;
    if (fault)
        finish(operation, fault, NULL, 0);
    else if (PQntuples(result) > 0 && !is_matched(result))
        finish(operation, mismatch(query), NULL, 0);
    else
        finish_with_row(query, result, 1);
}

/* Repeated after a lost connection, no row means that the first attempt has erased it. */
static enum fault absence(const struct query *query)
{
    return query->outcome_open ? FAULT_NONE : FAULT_USER_NOT_FOUND;
}

static void erased(struct query *query, enum fault fault, const PGresult *result)
{
    if (!fault && PQntuples(result) == 0)
        fault = absence(query);
    else if (!fault && !is_matched(result))
        fault = mismatch(query);
    finish(user_query_of(query)->operation, fault, NULL, 0);
}

/* ---- questions ---- */

static struct user_query *new_query(struct user_operation *operation, enum statement statement,
                                    void (*done)(struct query *, enum fault, const PGresult *))
{
    struct user_query *part = arena_take(operation->arena, sizeof *part);
    if (part == NULL) {
        finish(operation, FAULT_MEMORY, NULL, 0);
        return NULL;
    }
    *part = (struct user_query){.operation = operation};
    part->query.statement = statement;
    part->query.ledger = operation->ledger;
    part->query.deadline_ns = operation->deadline_ns;
    part->query.done = done;
    operation->store_part = part;
    return part;
}

static void find(struct user_store *store, struct user_operation *operation, int64_t id)
{
    struct user_query *part = new_query(operation, STATEMENT_USER_FIND, found);
    if (part == NULL) return;
    query_set_number(&part->query, 0, id);
    connection_set_submit(store_of(store)->set, &part->query);
}

static void list(struct user_store *store, struct user_operation *operation, struct user_page page)
{
    struct user_query *part = new_query(operation, STATEMENT_USER_LIST, listed);
    if (part == NULL) return;
    query_set_number(&part->query, 0, page.after);
    query_set_number(&part->query, 1, page.limit);
    connection_set_submit(store_of(store)->set, &part->query);
}

static void create_once(struct user_store *store, struct user_operation *operation,
                        const struct user_new *user)
{
    struct user_query *part = new_query(operation, STATEMENT_USER_CREATE_ONCE, created_once);
    if (part == NULL) return;
    part->query.repeat = QUERY_REPEAT_WRITE;
    query_set_text(&part->query, 0, user->idempotency_key);
    memcpy(part->request_hash, user->request_hash, sizeof part->request_hash);
    query_set_text(&part->query, 1,
                   (struct text){(const char *)part->request_hash, sizeof part->request_hash});
    query_set_text(&part->query, 2, user->name);
    query_set_text(&part->query, 3, user->email);
    connection_set_submit(store_of(store)->set, &part->query);
}

static void create(struct user_store *store, struct user_operation *operation, const struct user_new *user)
{
    if (user->idempotency_key.size > 0) {
        create_once(store, operation, user);
        return;
    }
    struct user_query *part = new_query(operation, STATEMENT_USER_CREATE, found);
    if (part == NULL) return;
    part->query.repeat = QUERY_REPEAT_NEVER;
    query_set_text(&part->query, 0, user->name);
    query_set_text(&part->query, 1, user->email);
    connection_set_submit(store_of(store)->set, &part->query);
}

static void change(struct user_store *store, struct user_operation *operation,
                   const struct user_change *change)
{
    bool is_conditional = change->version_expected != 0;
    struct user_query *part =
        new_query(operation, is_conditional ? STATEMENT_USER_CHANGE_IF : STATEMENT_USER_CHANGE,
                  is_conditional ? changed_if : found);
    if (part == NULL) return;
    part->query.repeat = is_conditional ? QUERY_REPEAT_WRITE : QUERY_REPEAT_OVERWRITE;
    query_set_number(&part->query, 0, change->id);
    query_set_text(&part->query, 1, change->name);
    query_set_text(&part->query, 2, change->email);
    if (is_conditional) query_set_number(&part->query, 3, change->version_expected);
    connection_set_submit(store_of(store)->set, &part->query);
}

static void erase(struct user_store *store, struct user_operation *operation, int64_t id,
                  int64_t version_expected)
{
    struct user_query *part =
        new_query(operation, version_expected != 0 ? STATEMENT_USER_ERASE_IF : STATEMENT_USER_ERASE, erased);
    if (part == NULL) return;
    part->query.repeat = QUERY_REPEAT_WRITE;
    query_set_number(&part->query, 0, id);
    if (version_expected != 0) query_set_number(&part->query, 1, version_expected);
    connection_set_submit(store_of(store)->set, &part->query);
}

static void abandon(struct user_store *store, struct user_operation *operation)
{
    struct user_query *part = operation->store_part;
    if (part != NULL) connection_set_abandon(store_of(store)->set, &part->query);
    operation->store_part = NULL;
}

/* ---- life ---- */

static const struct user_store_methods methods = {
    .find = find, .list = list, .create = create, .change = change, .erase = erase, .abandon = abandon};

enum fault postgres_user_store_new(const struct postgres_config *config,
                                   struct postgres_user_store **ret_store)
{
    struct postgres_user_store *store = calloc(1, sizeof *store);
    if (store == NULL) return FAULT_MEMORY;
    store->interface.methods = &methods;
    store->config = *config;
    enum fault fault = connection_set_new(&store->config, &store->set);
    if (fault) {
        free(store);
        return fault;
    }
    *ret_store = store;
    return FAULT_NONE;
}

void postgres_user_store_free(struct postgres_user_store *store)
{
    if (store == NULL) return;
    connection_set_free(store->set);
    free(store);
}

struct user_store *postgres_user_store_interface(struct postgres_user_store *store)
{
    return &store->interface;
}

void postgres_user_store_flush(struct postgres_user_store *store, uint64_t now_ns)
{
    connection_set_flush(store->set, now_ns);
}

uint64_t postgres_user_store_wake_ns(const struct postgres_user_store *store)
{
    return connection_set_wake_ns(store->set);
}

enum fault postgres_user_store_readiness(const struct postgres_user_store *store)
{
    return connection_set_readiness(store->set);
}

const struct postgres_statistics *postgres_user_store_statistics(const struct postgres_user_store *store)
{
    return connection_set_statistics(store->set);
}

struct connection_set *postgres_user_store_set(struct postgres_user_store *store)
{
    assert(store->config.laboratory);
    return store->set;
}
