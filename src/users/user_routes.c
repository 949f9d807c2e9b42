#include "users/user_routes.h"

#include "base/json_writer.h"
#include "base/sha256.h"
#include "users/user_precondition.h"
#include "users/user_request.h"
#include "users/user_response.h"

/* What a request asks of the store, and waits for; in the request's arena. */
struct asker {
    struct request *request;
    struct user_store *store;
    struct user_precondition precondition;
    struct user_operation lookup; /* before the write, where the precondition takes it */
    struct user_operation last;   /* the one whose result is the answer */
    struct user_operation *waiting_for;
    void (*write)(struct asker *asker, int64_t version_expected); /* what comes after a lookup */
    struct user_change change;                                    /* of PUT and PATCH */
    int limit;                                                    /* of a list, in users */
};

/* Answers with all that is wrong with a request. */
static enum fault refuse(struct request *request, enum fault fault, const struct user_json_flaws *flaws)
{
    size_t count = fault == FAULT_VALIDATION ? flaws->count : 0;
    response_problem(request, fault, flaws->detail, flaws->errors, count);
    return FAULT_NONE;
}

static void answer_problem(struct request *request, enum fault fault)
{
    request->response.etag = NULL;
    request->response.location = NULL;
    response_problem(request, fault, NULL, NULL, 0);
}

static enum fault asker_new(struct request *request, struct asker **ret_asker)
{
    const struct user_services *services = request->services;
    struct asker *asker = arena_take(&request->arena, sizeof(*asker));
    if (!asker) return FAULT_MEMORY;
    *asker = (struct asker){.request = request, .store = services->store};
    enum fault fault = user_precondition_read(request, &asker->precondition);
    if (fault) return fault;
    *ret_asker = asker;
    return FAULT_NONE;
}

static void abandon_operation(struct request *request)
{
    struct asker *asker = request->abandon_argument;
    user_store_abandon(asker->store, asker->waiting_for);
}

/* Makes operation what the request waits for: before it is started, because it may end at once. */
static struct user_operation *await_operation(struct asker *asker, struct user_operation *operation,
                                              user_done *done)
{
    struct request *request = asker->request;
    *operation = (struct user_operation){
        .done = done,
        .asker = asker,
        .arena = &request->arena,
        .ledger = &request->ledger,
        .deadline_ns = request->deadline_ns,
    };
    asker->waiting_for = operation;
    request->abandon_argument = asker;
    request->abandon = abandon_operation;
    return operation;
}

/* The asker of an operation that has ended. */
static struct asker *end_operation(struct user_operation *operation)
{
    struct asker *asker = operation->asker;
    asker->request->abandon = NULL;
    return asker;
}

static enum fault answer_found(struct asker *asker, const struct user *user)
{
    struct request *request = asker->request;
    switch (user_precondition_judge(&asker->precondition, request->method, user->version)) {
    case USER_VERDICT_NOT_MODIFIED:
        return user_response_not_modified(request, user);
    case USER_VERDICT_FAILED:
        return FAULT_PRECONDITION;
    case USER_VERDICT_PROCEED:
        break;
    }
    return user_response_one(request, 200, user);
}

static void find_done(struct user_operation *operation, enum fault fault, const struct user *users,
                      size_t count)
{
    (void)count;
    struct asker *asker = end_operation(operation);
    if (!fault) fault = answer_found(asker, users);
    if (fault) answer_problem(asker->request, fault);
}

static void find_user(struct asker *asker)
{
    struct user_operation *operation = await_operation(asker, &asker->last, find_done);
    user_store_find(asker->store, operation, asker->request->path_id);
}

static enum fault get_user(struct request *request)
{
    struct asker *asker;
    enum fault fault = asker_new(request, &asker);
    if (fault) return fault;
    find_user(asker);
    return FAULT_NONE;
}

static void list_done(struct user_operation *operation, enum fault fault, const struct user *users,
                      size_t count)
{
    struct asker *asker = end_operation(operation);
    if (!fault) fault = user_response_page(asker->request, asker->limit, users, count);
    if (fault) answer_problem(asker->request, fault);
}

static enum fault list_users(struct request *request)
{
    struct asker *asker;
    struct user_page page;
    struct user_json_flaws flaws;
    enum fault fault = user_request_page(request, &page, &flaws);
    if (fault) return refuse(request, fault, &flaws);
    fault = asker_new(request, &asker);
    if (fault) return fault;
    asker->limit = page.limit;
    page.limit++; /* the row too many tells that there is a next page */
    user_store_list(asker->store, await_operation(asker, &asker->last, list_done), page);
    return FAULT_NONE;
}

/* Ends a write. One that was done, but cannot be shown for want of memory, must not look undone. */
static void end_write(struct asker *asker, enum fault write_fault, enum fault answer_fault)
{
    if (write_fault)
        answer_problem(asker->request, write_fault);
    else if (answer_fault)
        answer_problem(asker->request, FAULT_OUTCOME_UNKNOWN);
}

static void create_done(struct user_operation *operation, enum fault fault, const struct user *users,
                        size_t count)
{
    (void)count;
    struct asker *asker = end_operation(operation);
    end_write(asker, fault, fault ? FAULT_NONE : user_response_created(asker->request, users));
}

/* What makes two requests with one idempotency key the same: the content, however it was written. */
static void hash_content(const struct user *user, unsigned char ret_hash[SHA256_SIZE])
{
    char content[4 * USER_NAME_CHARACTERS_MAX + 1 + USER_EMAIL_BYTES_MAX];
    char *end = json_writer_raw(content, user->name.bytes, user->name.size);
    *end++ = '\0';
    end = json_writer_raw(end, user->email.bytes, user->email.size);
    sha256(content, (size_t)(end - content), ret_hash);
}

static enum fault create_user(struct request *request)
{
    struct asker *asker;
    struct user user;
    struct user_json_flaws flaws;
    enum fault fault = user_request_body(request, USER_JSON_WHOLE, &user, &flaws);
    if (fault) return refuse(request, fault, &flaws);
    struct user_new new = {.name = user.name, .email = user.email};
    fault = user_request_key(request, &new.idempotency_key);
    if (fault) return fault;
    if (new.idempotency_key.size > 0) hash_content(&user, new.request_hash);
    fault = asker_new(request, &asker);
    if (fault) return fault;
    user_store_create(asker->store, await_operation(asker, &asker->last, create_done), &new);
    return FAULT_NONE;
}

static void lookup_done(struct user_operation *operation, enum fault fault, const struct user *users,
                        size_t count)
{
    (void)count;
    struct asker *asker = end_operation(operation);
    struct request *request = asker->request;
    if (!fault && user_precondition_judge(&asker->precondition, request->method, users->version) !=
                      USER_VERDICT_PROCEED)
        fault = FAULT_PRECONDITION;
    if (fault)
        answer_problem(request, fault);
    else
        asker->write(asker, users->version);
}

/* Starts the write, after a look at the user if the store alone cannot judge the precondition. */
static void begin_write(struct asker *asker)
{
    int64_t version;
    if (user_precondition_version(&asker->precondition, &version)) {
        asker->write(asker, version);
        return;
    }
    struct user_operation *operation = await_operation(asker, &asker->lookup, lookup_done);
    user_store_find(asker->store, operation, asker->request->path_id);
}

static void change_done(struct user_operation *operation, enum fault fault, const struct user *users,
                        size_t count)
{
    (void)count;
    struct asker *asker = end_operation(operation);
    end_write(asker, fault, fault ? FAULT_NONE : user_response_one(asker->request, 200, users));
}

static void write_change(struct asker *asker, int64_t version_expected)
{
    struct user_operation *operation = await_operation(asker, &asker->last, change_done);
    asker->change.version_expected = version_expected;
    user_store_change(asker->store, operation, &asker->change);
}

static enum fault change_user(struct request *request, enum user_json_form form)
{
    struct asker *asker;
    struct user user;
    struct user_json_flaws flaws;
    enum fault fault = user_request_body(request, form, &user, &flaws);
    if (fault) return refuse(request, fault, &flaws);
    fault = asker_new(request, &asker);
    if (fault) return fault;
    asker->change = (struct user_change){.id = request->path_id, .name = user.name, .email = user.email};
    asker->write = write_change;
    if (user.name.bytes || user.email.bytes)
        begin_write(asker);
    else
        find_user(asker); /* a patch of nothing shows the user as it is */
    return FAULT_NONE;
}

static enum fault replace_user(struct request *request)
{
    return change_user(request, USER_JSON_WHOLE);
}

static enum fault patch_user(struct request *request)
{
    return change_user(request, USER_JSON_PATCH);
}

static void erase_done(struct user_operation *operation, enum fault fault, const struct user *users,
                       size_t count)
{
    (void)users, (void)count;
    struct asker *asker = end_operation(operation);
    if (fault)
        answer_problem(asker->request, fault);
    else
        response_empty(asker->request, 204);
}

static void write_erase(struct asker *asker, int64_t version_expected)
{
    struct user_operation *operation = await_operation(asker, &asker->last, erase_done);
    user_store_erase(asker->store, operation, asker->request->path_id, version_expected);
}

static enum fault delete_user(struct request *request)
{
    struct asker *asker;
    enum fault fault = asker_new(request, &asker);
    if (fault) return fault;
    asker->write = write_erase;
    begin_write(asker);
    return FAULT_NONE;
}

const struct route user_routes[] = {
    {.path = "/users",
     .handlers = {[METHOD_GET] = list_users, [METHOD_POST] = create_user},
     .takes_body = {[METHOD_POST] = true}},
    {.path = "/users/{id}",
     .handlers = {[METHOD_GET] = get_user,
                  [METHOD_PUT] = replace_user,
                  [METHOD_PATCH] = patch_user,
                  [METHOD_DELETE] = delete_user},
     .takes_body = {[METHOD_PUT] = true, [METHOD_PATCH] = true}},
    {.path = NULL},
};
