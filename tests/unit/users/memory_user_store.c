#include "users/memory_user_store.h"

#include <stdlib.h>

#define CREATED_AT_US INT64_C(1709210096000001) /* 2024-02-29T12:34:56.000001Z */

static struct text duplicate_text(struct text text)
{
    char *bytes = malloc(text.size + 1);
    if (!bytes) abort();
    if (text.size > 0) memcpy(bytes, text.bytes, text.size);
    return (struct text){bytes, text.size};
}

static void free_text(struct text text)
{
    union {
        const char *constant;
        char *bytes;
    } alias = {text.bytes};
    free(alias.bytes);
}

static struct user *get_user(struct memory_user_store *store, int64_t id)
{
    if (id < 1 || (size_t)id > store->count) return NULL;
    struct user *user = &store->users[id - 1];
    return user->id == 0 ? NULL : user;
}

static bool is_email_taken(struct memory_user_store *store, struct text email, int64_t but_id)
{
    for (size_t i = 0; i < store->count; i++) {
        const struct user *user = &store->users[i];
        if (user->id != 0 && user->id != but_id && text_equal_nocase(user->email, email)) return true;
    }
    return false;
}

/* Hands over copies that do not outlive the call. */
static void succeed(struct user_operation *operation, const struct user *users, size_t count)
{
    struct user *copies = calloc(count + 1, sizeof(*copies));
    if (!copies) abort();
    for (size_t i = 0; i < count; i++) {
        copies[i] = users[i];
        copies[i].name = duplicate_text(users[i].name);
        copies[i].email = duplicate_text(users[i].email);
    }
    operation->done(operation, FAULT_NONE, copies, count);
    for (size_t i = 0; i < count; i++) {
        free_text(copies[i].name);
        free_text(copies[i].email);
    }
    free(copies);
}

static void fail(struct user_operation *operation, enum fault fault)
{
    operation->done(operation, fault, NULL, 0);
}

static void serve_find(struct memory_user_store *store, const struct memory_pending *pending)
{
    const struct user *user = get_user(store, pending->id);
    if (user)
        succeed(pending->operation, user, 1);
    else
        fail(pending->operation, FAULT_USER_NOT_FOUND);
}

static void serve_list(struct memory_user_store *store, const struct memory_pending *pending)
{
    static struct user rows[MEMORY_USERS_MAX];
    size_t count = 0;
    for (size_t i = (size_t)pending->page.after; i < store->count; i++)
        if (store->users[i].id != 0 && count < (size_t)pending->page.limit) rows[count++] = store->users[i];
    succeed(pending->operation, rows, count);
}

static struct user *add_user(struct memory_user_store *store, struct text name, struct text email)
{
    if (store->count == MEMORY_USERS_MAX) abort();
    struct user *user = &store->users[store->count++];
    *user = (struct user){.id = (int64_t)store->count,
                          .name = duplicate_text(name),
                          .email = duplicate_text(email),
                          .created_at_us = CREATED_AT_US,
                          .updated_at_us = CREATED_AT_US,
                          .version = 1};
    return user;
}

static const struct memory_key *find_key(const struct memory_user_store *store, struct text key)
{
    for (size_t i = 0; i < store->key_count; i++)
        if (text_equal(store->keys[i].key, key)) return &store->keys[i];
    return NULL;
}

static void serve_create(struct memory_user_store *store, const struct memory_pending *pending)
{
    const struct user_new *new = &pending->created;
    const struct memory_key *known = find_key(store, new->idempotency_key);
    if (known && memcmp(known->hash, new->request_hash, sizeof(known->hash)) != 0) {
        fail(pending->operation, FAULT_IDEMPOTENCY_REUSED);
    } else if (known) {
        succeed(pending->operation, get_user(store, known->id), 1);
    } else if (is_email_taken(store, new->email, 0)) {
        fail(pending->operation, FAULT_EMAIL_TAKEN);
    } else {
        const struct user *user = add_user(store, new->name, new->email);
        if (new->idempotency_key.size > 0) {
            struct memory_key *key = &store->keys[store->key_count++];
            key->key = duplicate_text(new->idempotency_key);
            key->id = user->id;
            memcpy(key->hash, new->request_hash, sizeof(key->hash));
        }
        succeed(pending->operation, user, 1);
    }
}

static void replace_text(struct text *text, struct text value)
{
    if (!value.bytes) return;
    free_text(*text);
    *text = duplicate_text(value);
}

static void serve_change(struct memory_user_store *store, const struct memory_pending *pending)
{
    const struct user_change *change = &pending->change;
    struct user *user = get_user(store, change->id);
    if (!user) {
        fail(pending->operation, FAULT_USER_NOT_FOUND);
    } else if (change->version_expected != 0 && change->version_expected != user->version) {
        fail(pending->operation, FAULT_PRECONDITION);
    } else if (change->email.bytes && is_email_taken(store, change->email, user->id)) {
        fail(pending->operation, FAULT_EMAIL_TAKEN);
    } else {
        replace_text(&user->name, change->name);
        replace_text(&user->email, change->email);
        user->version++;
        user->updated_at_us += 1000000;
        succeed(pending->operation, user, 1);
    }
}

static void serve_erase(struct memory_user_store *store, const struct memory_pending *pending)
{
    struct user *user = get_user(store, pending->id);
    int64_t expected = pending->change.version_expected;
    if (!user) {
        fail(pending->operation, FAULT_USER_NOT_FOUND);
    } else if (expected != 0 && expected != user->version) {
        fail(pending->operation, FAULT_PRECONDITION);
    } else {
        user->id = 0;
        succeed(pending->operation, NULL, 0);
    }
}

static void serve(struct memory_user_store *store, const struct memory_pending *pending)
{
    static void (*const servers[])(struct memory_user_store * store, const struct memory_pending *pending) = {
        [MEMORY_FIND] = serve_find,     [MEMORY_LIST] = serve_list,   [MEMORY_CREATE] = serve_create,
        [MEMORY_CHANGE] = serve_change, [MEMORY_ERASE] = serve_erase,
    };
    if (store->fault)
        fail(pending->operation, store->fault);
    else
        servers[pending->call](store, pending);
}

static void start(struct user_store *interface, const struct memory_pending *pending)
{
    struct memory_user_store *store = (struct memory_user_store *)interface;
    store->calls++;
    store->latest = *pending;
    if (!store->delayed) {
        serve(store, pending);
        return;
    }
    if (store->pending_count == MEMORY_PENDING_MAX) abort();
    store->pending[store->pending_count++] = *pending;
}

static void start_find(struct user_store *store, struct user_operation *operation, int64_t id)
{
    start(store, &(struct memory_pending){.call = MEMORY_FIND, .operation = operation, .id = id});
}

static void start_list(struct user_store *store, struct user_operation *operation, struct user_page page)
{
    start(store, &(struct memory_pending){.call = MEMORY_LIST, .operation = operation, .page = page});
}

static void start_create(struct user_store *store, struct user_operation *operation,
                         const struct user_new *user)
{
    start(store, &(struct memory_pending){.call = MEMORY_CREATE, .operation = operation, .created = *user});
}

static void start_change(struct user_store *store, struct user_operation *operation,
                         const struct user_change *change)
{
    start(store, &(struct memory_pending){
                     .call = MEMORY_CHANGE, .operation = operation, .id = change->id, .change = *change});
}

static void start_erase(struct user_store *store, struct user_operation *operation, int64_t id,
                        int64_t version_expected)
{
    start(store, &(struct memory_pending){.call = MEMORY_ERASE,
                                          .operation = operation,
                                          .id = id,
                                          .change.version_expected = version_expected});
}

static void abandon(struct user_store *interface, struct user_operation *operation)
{
    struct memory_user_store *store = (struct memory_user_store *)interface;
    for (size_t i = 0; i < store->pending_count; i++) {
        if (store->pending[i].operation != operation) continue;
        store->pending_count--;
        memmove(&store->pending[i], &store->pending[i + 1],
                (store->pending_count - i) * sizeof(store->pending[0]));
        store->abandoned++;
        return;
    }
    abort();
}

struct memory_user_store *memory_user_store_new(void)
{
    static const struct user_store_methods methods = {
        .find = start_find,
        .list = start_list,
        .create = start_create,
        .change = start_change,
        .erase = start_erase,
        .abandon = abandon,
    };
    struct memory_user_store *store = calloc(1, sizeof(*store));
    if (!store) abort();
    store->interface.methods = &methods;
    return store;
}

void memory_user_store_free(struct memory_user_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        free_text(store->users[i].name);
        free_text(store->users[i].email);
    }
    for (size_t i = 0; i < store->key_count; i++)
        free_text(store->keys[i].key);
    free(store);
}

int64_t memory_user_store_add(struct memory_user_store *store, const char *name, const char *email)
{
    return add_user(store, text_of(name), text_of(email))->id;
}

const struct user *memory_user_store_get(const struct memory_user_store *store, int64_t id)
{
    if (id < 1 || (size_t)id > store->count || store->users[id - 1].id == 0) return NULL;
    return &store->users[id - 1];
}

size_t memory_user_store_answer(struct memory_user_store *store)
{
    struct memory_pending due[MEMORY_PENDING_MAX];
    size_t count = store->pending_count;
    memcpy(due, store->pending, count * sizeof(due[0]));
    store->pending_count = 0;
    for (size_t i = 0; i < count; i++)
        serve(store, &due[i]);
    return count;
}
