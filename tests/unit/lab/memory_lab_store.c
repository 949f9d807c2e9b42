#include "lab/memory_lab_store.h"

#include "users/user_json.h"

#include <stdio.h>
#include <stdlib.h>

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

static struct user duplicate_user(const struct user *user)
{
    struct user copy = *user;
    copy.name = duplicate_text(user->name);
    copy.email = duplicate_text(user->email);
    return copy;
}

static void free_users(struct user *users, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free_text(users[i].name);
        free_text(users[i].email);
    }
}

/* The users that a question is about; there are *ret_count. */
static const struct user *find_users(const struct memory_lab_store *store,
                                     const struct lab_question *question, size_t *ret_count)
{
    size_t first = 0;
    while (first < store->count && store->users[first].id < question->from_id)
        first++;
    size_t left = store->count - first;
    *ret_count = left < question->rows ? left : question->rows;
    return &store->users[first];
}

static void answer_with_json(struct lab_operation *operation, const struct user *users, size_t count)
{
    size_t size_max = 1;
    for (size_t i = 0; i < count; i++)
        size_max += user_json_size_max(&users[i]) + 1;
    char *json = malloc(size_max), *end = json;
    if (!json) abort();
    for (size_t i = 0; i < count; i++) {
        if (i > 0) *end++ = ',';
        end = user_json_write(end, &users[i]);
    }
    struct lab_answer answer = {.count = count, .json = {json, (size_t)(end - json)}};
    operation->done(operation, FAULT_NONE, &answer);
    free(json);
}

static void answer_with_users(struct lab_operation *operation, const struct user *users, size_t count)
{
    struct user *copies = calloc(count + 1, sizeof(*copies));
    if (!copies) abort();
    for (size_t i = 0; i < count; i++)
        copies[i] = duplicate_user(&users[i]);
    operation->done(operation, FAULT_NONE, &(struct lab_answer){.users = copies, .count = count});
    free_users(copies, count);
    free(copies);
}

static void serve(struct memory_lab_store *store, const struct memory_question *pending)
{
    struct lab_operation *operation = pending->operation;
    store->answered++;
    ledger_enter(operation->ledger, PHASE_PARSE);
    if (store->fault && (store->fault_at == 0 || store->fault_at == store->answered)) {
        operation->done(operation, store->fault, NULL);
        return;
    }
    size_t count;
    const struct user *users = find_users(store, &pending->question, &count);
    if (pending->question.as_json)
        answer_with_json(operation, users, count);
    else
        answer_with_users(operation, users, count);
}

static void ask(struct lab_store *interface, struct lab_operation *operation,
                const struct lab_question *question)
{
    struct memory_lab_store *store = (struct memory_lab_store *)interface;
    struct memory_question pending = {operation, *question};
    if (store->calls++ == 0) store->first = *question;
    store->latest = *question;
    store->operation = operation;
    ledger_enter(operation->ledger, PHASE_QUEUE);
    ledger_enter(operation->ledger, PHASE_DB);
    if (!store->delayed) {
        serve(store, &pending);
        return;
    }
    if (store->pending_count == MEMORY_LAB_QUESTIONS_MAX) abort();
    store->pending[store->pending_count++] = pending;
}

static struct memory_question take_pending(struct memory_lab_store *store, size_t index)
{
    if (index >= store->pending_count) abort();
    struct memory_question pending = store->pending[index];
    store->pending_count--;
    memmove(&store->pending[index], &store->pending[index + 1],
            (store->pending_count - index) * sizeof(store->pending[0]));
    return pending;
}

static void abandon(struct lab_store *interface, struct lab_operation *operation)
{
    struct memory_lab_store *store = (struct memory_lab_store *)interface;
    size_t index = 0;
    while (index < store->pending_count && store->pending[index].operation != operation)
        index++;
    (void)take_pending(store, index);
    store->abandoned++;
}

struct memory_lab_store *memory_lab_store_new(void)
{
    static const struct lab_store_methods methods = {.ask = ask, .abandon = abandon};
    struct memory_lab_store *store = calloc(1, sizeof(*store));
    if (!store) abort();
    store->interface.methods = &methods;
    return store;
}

void memory_lab_store_free(struct memory_lab_store *store)
{
    free_users(store->users, store->count);
    free(store);
}

void memory_lab_store_add(struct memory_lab_store *store, const struct user *user)
{
    if (store->count == MEMORY_LAB_USERS_MAX) abort();
    store->users[store->count++] = duplicate_user(user);
}

void memory_lab_store_fill(struct memory_lab_store *store, unsigned count)
{
    static const int64_t leap_day_us = 1709210096000001; /* 2024-02-29T12:34:56.000001Z */
    char name[32], email[32];
    for (unsigned id = 1; id <= count; id++) {
        (void)snprintf(name, sizeof(name), "User \"%u\"", id);
        (void)snprintf(email, sizeof(email), "user%u@example.org", id);
        memory_lab_store_add(store, &(struct user){.id = id,
                                                   .name = text_of(name),
                                                   .email = text_of(email),
                                                   .created_at_us = leap_day_us,
                                                   .updated_at_us = leap_day_us,
                                                   .version = 1});
    }
}

void memory_lab_store_answer(struct memory_lab_store *store, size_t index)
{
    struct memory_question pending = take_pending(store, index);
    serve(store, &pending);
}

void memory_lab_store_answer_all(struct memory_lab_store *store)
{
    while (store->pending_count > 0)
        memory_lab_store_answer(store, 0);
}
