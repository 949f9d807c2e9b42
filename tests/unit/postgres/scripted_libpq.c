#include "scripted_libpq.h"

#include <check.h>
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 256

enum step_kind { STEP_RESULT, STEP_NULL, STEP_PAUSE, STEP_LOSS };

struct step {
    enum step_kind kind;
    ExecStatusType status;
    const char *state;
    const int64_t *ids;
    const char *const *emails;
    int rows;
};

struct pg_conn {
    struct step steps[STEPS_MAX];
    unsigned taken, count;
    ConnStatusType status;
};

struct pg_result {
    ExecStatusType status;
    const char *state;
    const int64_t *ids;
    const char *const *emails;
    int rows;
    uint64_t value; /* the last one that was asked for, in network order */
};

struct scripted_libpq scripted_libpq;

static struct pg_conn script;

PGconn *scripted_libpq_start(void)
{
    scripted_libpq = (struct scripted_libpq){.severity = "ERROR", .constraint = "users_email_key"};
    script = (struct pg_conn){.status = CONNECTION_OK};
    return &script;
}

static void add(struct step step)
{
    ck_assert_uint_lt(script.count, STEPS_MAX);
    script.steps[script.count++] = step;
}

void scripted_libpq_result(ExecStatusType status, const char *state)
{
    add((struct step){.kind = STEP_RESULT, .status = status, .state = state});
}

void scripted_libpq_rows(const int64_t *ids, int count)
{
    add((struct step){.kind = STEP_RESULT, .status = PGRES_TUPLES_OK, .ids = ids, .rows = count});
}

void scripted_libpq_users(const char *const *emails, int count)
{
    add((struct step){.kind = STEP_RESULT, .status = PGRES_TUPLES_OK, .emails = emails, .rows = count});
}

void scripted_libpq_null(void)
{
    add((struct step){.kind = STEP_NULL});
}

void scripted_libpq_sync(void)
{
    scripted_libpq_result(PGRES_PIPELINE_SYNC, NULL);
}

void scripted_libpq_pause(void)
{
    add((struct step){.kind = STEP_PAUSE});
}

void scripted_libpq_lose(void)
{
    add((struct step){.kind = STEP_LOSS});
}

unsigned scripted_libpq_left(void)
{
    return script.count - script.taken;
}

static const struct step *next_step(void)
{
    return script.taken < script.count ? &script.steps[script.taken] : NULL;
}

static void note_sent(const char *name)
{
    size_t size = strlen(scripted_libpq.sent);
    int added = snprintf(scripted_libpq.sent + size, sizeof scripted_libpq.sent - size, "%s ", name);
    ck_assert_uint_lt((size_t)added, sizeof scripted_libpq.sent - size);
}

static void note_parameter(int count, const char *const *values, const int *sizes)
{
    scripted_libpq.parameter_size = 0;
    int last = count - 1;
    if (count == 0 || values[last] == NULL) return;
    ck_assert_uint_le((size_t)sizes[last], sizeof scripted_libpq.parameter);
    memcpy(scripted_libpq.parameter, values[last], (size_t)sizes[last]);
    scripted_libpq.parameter_size = sizes[last];
}

/* ---- libpq ---- */

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand)
{
    (void)keywords;
    (void)values;
    (void)expand;
    return NULL;
}

int PQsocket(const PGconn *connection)
{
    ck_assert_ptr_eq(connection, &script);
    return -1;
}

char *PQerrorMessage(const PGconn *connection)
{
    static char message[] = "scripted loss";
    ck_assert_ptr_eq(connection, &script);
    return message;
}

int PQsendQueryPrepared(PGconn *connection, const char *name, int count, const char *const *values,
                        const int *sizes, const int *formats, int result_format)
{
    ck_assert_ptr_eq(connection, &script);
    ck_assert(count == 0 || (values != NULL && sizes != NULL && formats[0] == 1));
    ck_assert_int_eq(result_format, 1);
    if (scripted_libpq.refuses_queries) return 0;
    note_sent(name);
    note_parameter(count, values, sizes);
    return 1;
}

int PQsendQueryParams(PGconn *connection, const char *sql, int count, const Oid *types,
                      const char *const *values, const int *sizes, const int *formats, int result_format)
{
    ck_assert_ptr_eq(connection, &script);
    ck_assert(count == 0 || (types != NULL && values != NULL && sizes != NULL && formats[0] == 1));
    ck_assert_int_eq(result_format, 1);
    if (scripted_libpq.refuses_queries) return 0;
    note_sent(sql);
    return 1;
}

int PQpipelineSync(PGconn *connection)
{
    ck_assert_ptr_eq(connection, &script);
    if (scripted_libpq.refuses_syncs) return 0;
    note_sent("Sync");
    return 1;
}

int PQsendPipelineSync(PGconn *connection)
{
    return PQpipelineSync(connection);
}

int PQflush(PGconn *connection)
{
    ck_assert_ptr_eq(connection, &script);
    scripted_libpq.flushes++;
    return scripted_libpq.flush_result;
}

int PQconsumeInput(PGconn *connection)
{
    ck_assert_ptr_eq(connection, &script);
    const struct step *step = next_step();
    if (step != NULL && step->kind == STEP_LOSS) {
        script.status = CONNECTION_BAD;
        return 0;
    }
    if (step != NULL && step->kind == STEP_PAUSE) script.taken++;
    return 1;
}

int PQisBusy(PGconn *connection)
{
    ck_assert_ptr_eq(connection, &script);
    const struct step *step = next_step();
    return step == NULL || step->kind == STEP_PAUSE || step->kind == STEP_LOSS;
}

PGresult *PQgetResult(PGconn *connection)
{
    ck_assert_int_eq(PQisBusy(connection), 0); /* the real one would wait, and block the loop */
    const struct step *step = &script.steps[script.taken++];
    if (step->kind == STEP_NULL) return NULL;
    PGresult *result = malloc(sizeof *result);
    ck_assert_ptr_nonnull(result);
    *result = (PGresult){.status = step->status,
                         .state = step->state,
                         .ids = step->ids,
                         .emails = step->emails,
                         .rows = step->rows};
    scripted_libpq.results_alive++;
    return result;
}

ConnStatusType PQstatus(const PGconn *connection)
{
    ck_assert_ptr_eq(connection, &script);
    return script.status;
}

void PQfinish(PGconn *connection)
{
    if (connection == NULL) return;
    ck_assert_ptr_eq(connection, &script);
    scripted_libpq.finished++;
}

void PQclear(PGresult *result)
{
    if (result == NULL) return;
    scripted_libpq.results_alive--;
    free(result);
}

ExecStatusType PQresultStatus(const PGresult *result)
{
    return result->status;
}

char *PQresultErrorField(const PGresult *result, int field)
{
    if (field == PG_DIAG_SEVERITY_NONLOCALIZED) return (char *)(uintptr_t)scripted_libpq.severity;
    if (field == PG_DIAG_CONSTRAINT_NAME) return (char *)(uintptr_t)scripted_libpq.constraint;
    ck_assert_int_eq(field, PG_DIAG_SQLSTATE);
    return (char *)(uintptr_t)result->state;
}

int PQntuples(const PGresult *result)
{
    return result->rows;
}

/* NULL in a column of numbers. */
static const char *text_at(const PGresult *result, int row, int column)
{
    ck_assert(row >= 0 && row < result->rows && (column == 0 || result->emails != NULL));
    if (column == 1) return SCRIPTED_NAME;
    return column == 2 ? result->emails[row] : NULL;
}

int PQgetlength(const PGresult *result, int row, int column)
{
    const char *text = text_at(result, row, column);
    return (int)(text != NULL ? strlen(text) : sizeof result->value);
}

char *PQgetvalue(const PGresult *result, int row, int column)
{
    const char *text = text_at(result, row, column);
    if (text != NULL) return (char *)(uintptr_t)text;
    PGresult *own = (PGresult *)(uintptr_t)result;
    own->value = htobe64((uint64_t)(result->ids != NULL ? result->ids[row] : row));
    return (char *)&own->value;
}

char *PQresultErrorMessage(const PGresult *result)
{
    static char message[] = "scripted";
    (void)result;
    return message;
}
