#include "lab/lab_users.h"

#include "base/clock.h"
#include "base/json_writer.h"
#include "lab/lab_routes.h"
#include "lab/serializer.h"
#include "lab/serializer_jansson.h"

#include <stdio.h>

struct gathering;

/* One of the questions. */
struct slot {
    struct gathering *gathering;
    struct lab_operation operation;
    bool is_waiting; /* asked, and not answered yet */
};

/* What the answers have brought: users or, from SERIALIZER_POSTGRES, parts of JSON. */
struct rows {
    const struct user *users;
    size_t count; /* of users, also of those in parts */
    const struct text *parts;
    size_t part_count;
};

/* A request's questions, and their answers as they come; in its arena. */
struct gathering {
    struct request *request;
    struct lab_services *services;
    struct knobs knobs;
    struct slot *slots;
    size_t count;       /* of slots */
    size_t unanswered;  /* of slots, with those not asked yet */
    size_t empty;       /* answers without a user */
    struct user *users; /* by slot, when there are several; id 0: none */
    struct text *parts; /* the same as JSON; size 0: none */
    bool is_over;       /* answered */
};

static void abandon_all(struct gathering *gathering)
{
    for (size_t i = 0; i < gathering->count; i++) {
        struct slot *slot = &gathering->slots[i];
        if (slot->is_waiting) lab_store_abandon(gathering->services->store, &slot->operation);
        slot->is_waiting = false;
    }
}

static void abandon_request(struct request *request)
{
    struct gathering *gathering = request->abandon_argument;
    abandon_all(gathering);
}

/* Nothing is outstanding, or is from now on: the request can be answered. */
static void end_gathering(struct gathering *gathering)
{
    abandon_all(gathering);
    gathering->is_over = true;
    gathering->request->abandon = NULL;
}

static void fail(struct gathering *gathering, enum fault fault)
{
    end_gathering(gathering);
    response_problem(gathering->request, fault, NULL, NULL, 0);
}

static void refuse_count(struct gathering *gathering, size_t found)
{
    struct request *request = gathering->request;
    bool is_fan_out = gathering->knobs.fan_out > 0;
    static const char format[] = "is more than the users there are (%zu)";
    size_t size = sizeof(format) + JSON_WRITER_INT64_MAX;
    char *reason = arena_take(&request->arena, size);
    if (!reason) {
        response_problem(request, FAULT_MEMORY, NULL, NULL, 0);
        return;
    }
    (void)snprintf(reason, size, format, found);
    struct field_error error = {is_fan_out ? TEXT("fan_out") : TEXT("rows"), reason};
    response_problem(request, FAULT_VALIDATION, NULL, &error, 1);
}

static enum fault serialize(struct gathering *gathering, const struct rows *rows, struct text *ret_body)
{
    struct arena *arena = &gathering->request->arena;
    switch (gathering->knobs.serializer) {
    case SERIALIZER_DIRECT:
        return serializer_direct(arena, rows->users, rows->count, ret_body);
    case SERIALIZER_JANSSON:
        return serializer_jansson(arena, rows->users, rows->count, ret_body);
    case SERIALIZER_POSTGRES:
        return serializer_postgres(arena, rows->parts, rows->part_count, ret_body);
    case SERIALIZER_NONE:
    case SERIALIZER_COUNT:
        break;
    }
    return FAULT_INTERNAL;
}

static void spin(unsigned spin_us)
{
    uint64_t end_ns = clock_now_ns() + spin_us * NS_PER_US;
    while (clock_now_ns() < end_ns) {
    }
}

static enum fault make_body(struct gathering *gathering, const struct rows *rows, struct text *ret_body)
{
    struct request *request = gathering->request;
    bool is_free = gathering->knobs.serializer == SERIALIZER_NONE;
    enum fault fault = FAULT_NONE;
    if (is_free) {
        /* What it takes to have the right size belongs to no phase of a service. */
        ledger_enter(&request->ledger, PHASE_OTHER);
        fault = constant_json_get(&gathering->services->constant, &request->arena, rows->users, rows->count,
                                  ret_body);
    }
    ledger_enter(&request->ledger, PHASE_JSON);
    if (!is_free) fault = serialize(gathering, rows, ret_body);
    if (!fault && gathering->knobs.spin_us > 0) spin(gathering->knobs.spin_us);
    return fault;
}

static void answer_with(struct gathering *gathering, const struct rows *rows)
{
    struct text body;
    end_gathering(gathering);
    if (rows->count < gathering->knobs.rows) {
        refuse_count(gathering, rows->count);
        return;
    }
    enum fault fault = make_body(gathering, rows, &body);
    if (fault)
        response_problem(gathering->request, fault, NULL, NULL, 0);
    else
        response_json(gathering->request, 200, body);
}

static enum fault copy_text(struct arena *arena, struct text text, struct text *ret_copy)
{
    char *bytes = arena_take(arena, text.size);
    if (!bytes) return FAULT_MEMORY;
    *ret_copy = (struct text){bytes, text.size};
    (void)json_writer_raw(bytes, text.bytes, text.size);
    return FAULT_NONE;
}

/* Puts a copy of what slot was answered in its place. */
static enum fault keep_answer(struct slot *slot, const struct lab_answer *answer)
{
    struct gathering *gathering = slot->gathering;
    struct arena *arena = &gathering->request->arena;
    size_t index = (size_t)(slot - gathering->slots);
    if (answer->count == 0) {
        gathering->empty++;
        return FAULT_NONE;
    }
    if (gathering->parts) return copy_text(arena, answer->json, &gathering->parts[index]);
    struct user *user = &gathering->users[index];
    *user = *answer->users;
    enum fault fault = copy_text(arena, answer->users->name, &user->name);
    return fault ? fault : copy_text(arena, answer->users->email, &user->email);
}

static bool is_empty(const struct gathering *gathering, size_t index)
{
    return gathering->parts ? gathering->parts[index].size == 0 : gathering->users[index].id == 0;
}

static bool is_same_user(const struct gathering *gathering, size_t a, size_t b)
{
    if (gathering->parts) return text_equal(gathering->parts[a], gathering->parts[b]);
    return gathering->users[a].id == gathering->users[b].id;
}

/* Questions that follow each other are answered with the same user where ids are missing. */
static size_t count_users(const struct gathering *gathering)
{
    size_t count = 0, last = 0;
    for (size_t i = 0; i < gathering->count; i++) {
        if (is_empty(gathering, i)) continue;
        if (count == 0 || !is_same_user(gathering, last, i)) count++;
        last = i;
    }
    return count;
}

/* When a question found nobody, its id and the number of users are less than what was asked for. */
static void answer_with_all(struct gathering *gathering)
{
    size_t count = gathering->empty > 0 ? count_users(gathering) : gathering->count;
    answer_with(gathering, &(struct rows){gathering->users, count, gathering->parts, gathering->count});
}

static void answer_with_one(struct gathering *gathering, const struct lab_answer *only)
{
    answer_with(gathering, &(struct rows){only->users, only->count, &only->json, 1});
}

static void question_done(struct lab_operation *operation, enum fault fault, const struct lab_answer *answer)
{
    struct slot *slot = operation->asker;
    struct gathering *gathering = slot->gathering;
    bool is_only = gathering->count == 1;
    slot->is_waiting = false;
    gathering->unanswered--;
    if (!fault && !is_only) fault = keep_answer(slot, answer);
    if (fault)
        fail(gathering, fault);
    else if (is_only)
        answer_with_one(gathering, answer);
    else if (gathering->unanswered == 0)
        answer_with_all(gathering);
    else
        ledger_enter(&gathering->request->ledger, PHASE_DB); /* it waits on */
}

static void ask(struct gathering *gathering, size_t index)
{
    const struct knobs *knobs = &gathering->knobs;
    struct request *request = gathering->request;
    struct slot *slot = &gathering->slots[index];
    struct lab_question question = {
        .from_id = 1 + (int64_t)index,
        .rows = knobs->fan_out > 0 ? 1 : knobs->rows,
        .delay_ms = knobs->delay_ms,
        .as_json = knobs->serializer == SERIALIZER_POSTGRES,
    };
    *slot = (struct slot){.gathering = gathering, .is_waiting = true};
    slot->operation = (struct lab_operation){
        .done = question_done,
        .asker = slot,
        .arena = &request->arena,
        .ledger = &request->ledger,
        .deadline_ns = request->deadline_ns,
    };
    lab_store_ask(gathering->services->store, &slot->operation, &question);
}

/* A failed request says nothing about its knobs. */
static void note_experiment(struct request *request)
{
    const struct gathering *gathering = request->ended_argument;
    if (request->response.status != 200) return;
    experiments_add(gathering->services->experiments, &gathering->knobs, &request->ledger,
                    request->ledger.since_ns);
}

static void *take_zeroed(struct arena *arena, size_t size)
{
    void *piece = arena_take(arena, size);
    return piece ? memset(piece, 0, size) : NULL;
}

static enum fault gathering_new(struct request *request, const struct knobs *knobs,
                                struct gathering **ret_gathering)
{
    struct arena *arena = &request->arena;
    struct gathering *gathering = arena_take(arena, sizeof(*gathering));
    if (!gathering) return FAULT_MEMORY;
    *gathering = (struct gathering){.request = request, .services = request->services, .knobs = *knobs};
    gathering->count = gathering->unanswered = knobs->fan_out > 0 ? knobs->fan_out : 1;
    gathering->slots = take_zeroed(arena, gathering->count * sizeof(gathering->slots[0]));
    if (knobs->serializer == SERIALIZER_POSTGRES)
        gathering->parts = take_zeroed(arena, gathering->count * sizeof(gathering->parts[0]));
    else
        gathering->users = take_zeroed(arena, gathering->count * sizeof(gathering->users[0]));
    if (!gathering->slots || (!gathering->parts && !gathering->users)) return FAULT_MEMORY;
    *ret_gathering = gathering;
    return FAULT_NONE;
}

enum fault lab_users_get(struct request *request)
{
    struct knobs knobs;
    struct gathering *gathering;
    struct field_error errors[KNOBS_ERRORS_MAX];
    size_t count = 0;
    enum fault fault = knobs_read(request, &knobs, errors, &count);
    if (fault) {
        response_problem(request, fault, NULL, errors, count);
        return FAULT_NONE;
    }
    fault = gathering_new(request, &knobs, &gathering);
    if (fault) return fault;
    request->abandon = abandon_request;
    request->ended = note_experiment;
    request->abandon_argument = request->ended_argument = gathering;
    for (size_t i = 0; i < gathering->count && !gathering->is_over; i++)
        ask(gathering, i);
    return FAULT_NONE;
}
