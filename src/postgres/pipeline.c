#include "postgres/pipeline.h"

#include "base/clock.h"
#include "base/log.h"
#include "postgres/sqlstate.h"

#include <assert.h>
#include <stdlib.h>

enum fault pipeline_init(struct pipeline *pipeline, unsigned in_flight_max,
                         const struct pipeline_owner *owner)
{
    /* Every query may need a Sync of its own, one more may end the reads, and a ping is one. */
    unsigned capacity = 4;
    while (capacity < 2 * in_flight_max + 2)
        capacity *= 2;
    *pipeline = (struct pipeline){.owner = owner, .capacity = capacity, .in_flight_max = in_flight_max};
    pipeline->entries = calloc(capacity, sizeof *pipeline->entries);
    return pipeline->entries == NULL ? FAULT_MEMORY : FAULT_NONE;
}

void pipeline_release(struct pipeline *pipeline)
{
    pipeline_close(pipeline, QUERY_RETURN_LOST);
    free(pipeline->entries);
    pipeline->entries = NULL;
}

void pipeline_open(struct pipeline *pipeline, PGconn *connection, bool prepared, uint64_t now_ns)
{
    assert(pipeline->connection == NULL && pipeline->count == 0);
    pipeline->connection = connection;
    pipeline->prepared = prepared;
    pipeline->sync_is_due = false;
    pipeline->has_unsent = false;
    pipeline->wants_writable = false;
    pipeline->is_broken = false;
    pipeline->is_retired = false;
    pipeline->backlog_ns = 0;
    pipeline->progress_ns = now_ns;
}

static struct pipeline_entry *entry_at(struct pipeline *pipeline, unsigned position)
{
    return &pipeline->entries[(pipeline->first + position) & (pipeline->capacity - 1)];
}

static struct pipeline_entry *append(struct pipeline *pipeline, uint64_t now_ns)
{
    assert(pipeline->count < pipeline->capacity);
    if (pipeline->count == 0) pipeline->progress_ns = now_ns;
    struct pipeline_entry *entry = entry_at(pipeline, pipeline->count++);
    *entry = (struct pipeline_entry){0};
    return entry;
}

static void remove_first(struct pipeline *pipeline)
{
    struct pipeline_entry *entry = entry_at(pipeline, 0);
    if (entry->kind == PIPELINE_QUERY) {
        pipeline->queries--;
        pipeline->writes -= entry->is_write;
        pipeline->backlog_ns -= entry->expected_ns;
        pipeline->known_ns += entry->known_ns;
    }
    pipeline->first = (pipeline->first + 1) & (pipeline->capacity - 1);
    pipeline->count--;
}

/* The query leaves the pipeline: what happens to it next is up to whoever is told. */
static struct query *detach(struct pipeline_entry *entry)
{
    struct query *query = entry->query;
    entry->query = NULL;
    if (query != NULL) query->pipeline = NULL;
    return query;
}

uint64_t pipeline_busy_ns(struct pipeline *pipeline, uint64_t now_ns)
{
    if (pipeline->queries > 0 && now_ns > pipeline->busy_until_ns) {
        pipeline->busy_ns += now_ns - pipeline->busy_until_ns;
        pipeline->busy_until_ns = now_ns;
    }
    return pipeline->busy_ns;
}

/* The time since the last answer is this query's; when nobody waits for it any more, it is nobody's. */
static void charge(struct pipeline *pipeline, const struct query *query)
{
    if (pipeline->received_ns <= pipeline->charged_ns) return;
    if (query != NULL && query->ledger != NULL)
        query->ledger->connection_ns += pipeline->received_ns - pipeline->charged_ns;
    pipeline->charged_ns = pipeline->received_ns;
}

static void finish(struct pipeline *pipeline, struct pipeline_entry *entry, enum fault fault,
                   const PGresult *result)
{
    struct query *query = detach(entry);
    charge(pipeline, query);
    if (query == NULL) return;
    query->state = QUERY_DONE;
    pipeline->owner->answered(pipeline->owner->owner, query, pipeline->received_ns);
    query->done(query, fault, result);
}

static void give_back(struct pipeline *pipeline, struct pipeline_entry *entry, enum query_return why,
                      enum fault fault)
{
    struct query *query = detach(entry);
    charge(pipeline, query);
    if (query != NULL) pipeline->owner->returned(pipeline->owner->owner, query, why, fault);
}

void pipeline_close(struct pipeline *pipeline, enum query_return why)
{
    if (pipeline->connection == NULL) return;
    PQfinish(pipeline->connection);
    pipeline->connection = NULL;
    pipeline->received_ns = pipeline->busy_until_ns;
    while (pipeline->count > 0) {
        struct pipeline_entry entry = *entry_at(pipeline, 0);
        remove_first(pipeline);
        PQclear(entry.held);
        give_back(pipeline, &entry, why, FAULT_DATABASE_UNAVAILABLE);
    }
}

bool pipeline_has_room(const struct pipeline *pipeline)
{
    return pipeline->connection != NULL && !pipeline->is_retired &&
           pipeline->queries < pipeline->in_flight_max && pipeline->count + 3 <= pipeline->capacity;
}

static bool send_sync(struct pipeline *pipeline, uint64_t now_ns)
{
    pipeline->sync_is_due = false;
#if SPLITS_SEND_PIPELINE_SYNC
    bool is_sent = PQsendPipelineSync(pipeline->connection) == 1; /* it waits for the flush of the tick */
#else
    bool is_sent = PQpipelineSync(pipeline->connection) == 1; /* before libpq 17 each is a system call */
#endif
    if (!is_sent) return false;
    append(pipeline, now_ns)->kind = PIPELINE_SYNC;
    return true;
}

static bool send_query(struct pipeline *pipeline, const struct query *query)
{
    const struct statement_text *text = statement_text(query->statement);
    if (pipeline->prepared)
        return PQsendQueryPrepared(pipeline->connection, text->name, text->parameter_count, query->values,
                                   query->sizes, statement_formats, 1) == 1;
    return PQsendQueryParams(pipeline->connection, text->sql, text->parameter_count, text->types,
                             query->values, query->sizes, statement_formats, 1) == 1;
}

static void append_query(struct pipeline *pipeline, struct query *query, uint64_t expected_ns,
                         uint64_t now_ns)
{
    struct pipeline_entry *entry = append(pipeline, now_ns);
    entry->kind = PIPELINE_QUERY;
    entry->is_write = query_is_write(query);
    entry->query = query;
    entry->expected_ns = expected_ns;
    entry->known_ns = query->known_ns;
    query->state = QUERY_IN_FLIGHT;
    query->sent_count++;
    query->sent_ns = now_ns;
    query->pipeline = pipeline;
    query->slot = (unsigned)(entry - pipeline->entries);
    if (query->ledger != NULL) ledger_enter_at(query->ledger, PHASE_DB, now_ns);
    if (pipeline->queries == 0) pipeline->busy_until_ns = pipeline->charged_ns = now_ns;
    pipeline->queries++;
    pipeline->writes += entry->is_write;
    pipeline->backlog_ns += expected_ns;
}

bool pipeline_submit(struct pipeline *pipeline, struct query *query, uint64_t expected_ns, uint64_t now_ns)
{
    bool own_sync = query_is_write(query) || query->alone;
    assert(pipeline_has_room(pipeline));
    if (own_sync && pipeline->sync_is_due && !send_sync(pipeline, now_ns)) return false;
    if (!send_query(pipeline, query)) return false;

    append_query(pipeline, query, expected_ns, now_ns);
    pipeline->has_unsent = true;
    /* From here on the query is the pipeline's: if the Sync fails, closing gives it back as lost. */
    if (own_sync)
        pipeline->is_broken = !send_sync(pipeline, now_ns);
    else
        pipeline->sync_is_due = true;
    return true;
}

bool pipeline_ping(struct pipeline *pipeline, uint64_t now_ns)
{
    if (!send_sync(pipeline, now_ns)) return false;
    entry_at(pipeline, pipeline->count - 1)->is_ping = pipeline->count == 1;
    return pipeline_flush(pipeline);
}

bool pipeline_flush(struct pipeline *pipeline)
{
    if (pipeline->is_broken || (pipeline->sync_is_due && !send_sync(pipeline, pipeline->progress_ns)))
        return false;
    pipeline->has_unsent = false;
    int left = PQflush(pipeline->connection);
    pipeline->wants_writable = left == 1;
    return left >= 0 && PQstatus(pipeline->connection) == CONNECTION_OK;
}

/* What an earlier attempt may have done, a later one's failure does not tell, unless the values are to blame.
 */
static enum fault fault_of_attempt(const struct query *query, enum fault fault)
{
    bool blames_values =
        fault == FAULT_EMAIL_TAKEN || fault == FAULT_CONSTRAINT || fault == FAULT_VALUE_REFUSED;
    return query != NULL && query->outcome_open && !blames_values ? FAULT_OUTCOME_UNKNOWN : fault;
}

/* An error of the server's for the first entry. False when the connection is as good as lost. */
static bool take_error(struct pipeline *pipeline, struct pipeline_entry *entry, const PGresult *result)
{
    struct sqlstate_error error = {PQresultErrorField(result, PG_DIAG_SQLSTATE),
                                   PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED),
                                   PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME)};
    struct sqlstate_meaning meaning = sqlstate_meaning(error);
    if (error.state == NULL) return false;
    if (meaning.unexpected)
        log_event(LOG_LEVEL_ERROR, "statement_failed",
                  LOG_STRING("statement", entry->query ? statement_text(entry->query->statement)->name : "?"),
                  LOG_STRING("sqlstate", error.state), LOG_STRING("message", PQresultErrorMessage(result)));
    if (meaning.lost) return false;
    entry->answered = true;
    bool is_moved = meaning.retire || meaning.retire_all;
    if (meaning.try_again || (meaning.try_reads_again && !entry->is_write))
        give_back(pipeline, entry, is_moved ? QUERY_RETURN_MOVED : QUERY_RETURN_AGAIN, meaning.fault);
    else
        finish(pipeline, entry, fault_of_attempt(entry->query, meaning.fault), NULL);
    if (is_moved) pipeline->owner->troubled(pipeline->owner->owner, pipeline, meaning.retire_all);
    return true;
}

/* A result for the first entry, a query. False when the connection is lost. */
static bool take_result(struct pipeline *pipeline, PGresult *result)
{
    struct pipeline_entry *entry = entry_at(pipeline, 0);
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        entry->answered = true;
        if (entry->is_write) {
            entry->held = result;
            return true;
        }
        finish(pipeline, entry, FAULT_NONE, result);
        PQclear(result);
        return true;
    case PGRES_PIPELINE_ABORTED:
        entry->answered = true;
        PQclear(result);
        give_back(pipeline, entry, QUERY_RETURN_ABORTED, FAULT_DATABASE_UNAVAILABLE);
        return true;
    default: {
        bool is_up = take_error(pipeline, entry, result);
        PQclear(result);
        return is_up;
    }
    }
}

/*
 * A write stays first until its Sync, behind it, has come back. `held` marks one whose command has
 * succeeded; a write that failed is over at once. False for a Sync in place of a result.
 */
static bool take_sync(struct pipeline *pipeline)
{
    struct pipeline_entry entry = *entry_at(pipeline, 0);
    if (entry.kind == PIPELINE_QUERY && entry.held == NULL) return false;
    remove_first(pipeline);
    if (entry.kind == PIPELINE_SYNC) return true;
    assert(pipeline->count > 0 && entry_at(pipeline, 0)->kind == PIPELINE_SYNC);
    remove_first(pipeline);
    finish(pipeline, &entry, FAULT_NONE, entry.held);
    PQclear(entry.held);
    return true;
}

/* One step of what libpq has parsed. False when there is no more for now, or the connection is lost. */
static bool take_next(struct pipeline *pipeline, bool *ret_is_lost)
{
    struct pipeline_entry *first = entry_at(pipeline, 0);
    PGresult *result = PQgetResult(pipeline->connection);
    if (result == NULL) {
        *ret_is_lost = first->kind != PIPELINE_QUERY || !first->answered || first->ended;
        first->ended = true;
        if (!*ret_is_lost && first->held == NULL) remove_first(pipeline);
        return !*ret_is_lost;
    }
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        *ret_is_lost = !take_sync(pipeline);
        return !*ret_is_lost;
    }
    if (first->kind == PIPELINE_SYNC || first->answered) {
        /* Nothing was asked: the server's farewell (57P01, 57P05), or a protocol violation. */
        PQclear(result);
        *ret_is_lost = true;
        return false;
    }
    *ret_is_lost = !take_result(pipeline, result);
    return !*ret_is_lost;
}

/*
 * Is there more for the first entry? Reading the socket and asking, which makes libpq parse, is CPU time and
 * not the database's. What came was for the entry that was first then (has_come). One that has become
 * first since has waited for its turn; or nothing of it is here yet, and it waits for the database as before.
 */
static bool has_result(struct pipeline *pipeline, bool has_come)
{
    const struct query *query = entry_at(pipeline, 0)->query;
    struct ledger *ledger = query == NULL ? NULL : query->ledger;
    if (!SPLITS_LEDGER || ledger == NULL) return !PQisBusy(pipeline->connection);

    bool is_parsing = ledger->phase == PHASE_PARSE;
    uint64_t asked_ns = is_parsing || has_come ? pipeline->read_ns : clock_now_ns();
    bool has_all = !PQisBusy(pipeline->connection);
    if (!is_parsing && (has_all || has_come)) {
        ledger_enter_at(ledger, PHASE_OTHER, pipeline->received_ns);
        ledger_enter_at(ledger, PHASE_PARSE, asked_ns);
    }
    if (!has_all) ledger_enter(ledger, PHASE_DB);
    return has_all;
}

static uint64_t without_known_ns(const struct pipeline *pipeline, uint64_t elapsed_ns)
{
    return elapsed_ns > pipeline->known_ns ? elapsed_ns - pipeline->known_ns : 0;
}

/* Answers what has come. False when the connection is lost. */
static bool take_all(struct pipeline *pipeline)
{
    bool is_lost = false, has_come = true;
    while (pipeline->count > 0 && has_result(pipeline, has_come) && take_next(pipeline, &is_lost))
        has_come = false;
    return !is_lost;
}

/* What came since the last answers, and how long it took. */
static void measure(struct pipeline *pipeline, enum statement statement, unsigned queries)
{
    uint64_t elapsed_ns = pipeline->received_ns - pipeline->progress_ns;
    pipeline->owner->measured(pipeline->owner->owner, statement, queries,
                              without_known_ns(pipeline, elapsed_ns));
}

bool pipeline_receive(struct pipeline *pipeline, uint64_t received_ns, uint64_t now_ns)
{
    pipeline->received_ns = received_ns;
    pipeline->read_ns = now_ns;
    (void)pipeline_busy_ns(pipeline, now_ns);
    if (!PQconsumeInput(pipeline->connection)) return false;
    if (pipeline->wants_writable && !pipeline_flush(pipeline)) return false;
    unsigned queries_before = pipeline->queries, count_before = pipeline->count;
    const struct pipeline_entry *first = entry_at(pipeline, 0);
    bool is_ping = count_before > 0 && first->is_ping;
    bool is_query = count_before > 0 && first->query != NULL;
    enum statement statement = is_query ? first->query->statement : 0;
    pipeline->known_ns = 0;
    if (!take_all(pipeline)) return false;
    if (pipeline->count != count_before && received_ns > pipeline->progress_ns) {
        unsigned queries = queries_before - pipeline->queries;
        /* What came back together with a ping is neither a round trip nor anybody's own time. */
        if (is_query || (is_ping && queries == 0)) measure(pipeline, statement, queries);
        pipeline->progress_ns = received_ns;
    }
    return PQstatus(pipeline->connection) == CONNECTION_OK;
}

uint64_t pipeline_oldest_ns(struct pipeline *pipeline)
{
    const struct query *query = pipeline->count > 0 ? entry_at(pipeline, 0)->query : NULL;
    return query == NULL ? UINT64_MAX : query->sent_ns;
}

void pipeline_abandon(struct pipeline *pipeline, struct query *query)
{
    struct pipeline_entry *entry = &pipeline->entries[query->slot];
    assert(entry->query == query);
    (void)detach(entry);
    query->state = QUERY_DONE;
}
