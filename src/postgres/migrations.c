#include "postgres/migrations.h"

#include "postgres/database_session.h"
#include "postgres/message.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The lock's key is "splits" in ASCII. It is held by the transaction, not by the session, so that a
 * pooler cannot keep it for us. The limits that a role or database may have set are for requests.
 * The isolation matters: what the holder before us has committed must be seen after the lock.
 */
#define BEGIN_LOCKED                                                                                         \
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"                                                       \
    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;"                                           \
    "SET LOCAL idle_in_transaction_session_timeout = 0;"                                                     \
    "SELECT pg_advisory_xact_lock(126926692381811)"

#define TABLE_EXISTS "SELECT to_regclass('schema_migrations') IS NOT NULL"

#define CREATE_TABLE                                                                                         \
    "CREATE TABLE schema_migrations ("                                                                       \
    " version integer PRIMARY KEY CHECK (version > 0),"                                                      \
    " name text NOT NULL,"                                                                                   \
    " checksum text NOT NULL,"                                                                               \
    " applied_at timestamptz NOT NULL DEFAULT now())"

#define SELECT_ROWS "SELECT version, name, checksum FROM schema_migrations ORDER BY version"
#define INSERT_ROW  "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1::integer, $2, $3)"

/* One call of migrations_up. */
struct upgrade {
    PGconn *session;
    const struct migrations *migrations;
    struct migration_report report; /* what the last round saw and did */
    char **ret_message;
};

void migration_report_release(struct migration_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->items[i].name);
    free(report->items);
    *report = (struct migration_report){0};
}

bool migration_report_is_current(const struct migration_report *report)
{
    return report->pending == 0 && report->changed == 0 && report->unknown == 0;
}

static enum fault find_table(PGconn *session, bool *ret_exists, char **ret_message)
{
    PGresult *result;
    enum fault fault = database_session_run(session, TABLE_EXISTS, &result, ret_message);
    if (fault) return fault;
    *ret_exists = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    return FAULT_NONE;
}

static bool report_add(struct migration_report *report, unsigned version, const char *name,
                       enum migration_state state)
{
    struct migration_status *item = &report->items[report->count];
    *item = (struct migration_status){.version = version, .name = strdup(name), .state = state};
    if (!item->name) return false;
    report->count++;
    return true;
}

/* The row with this number and what it says; NULL when there is none. */
static const char *checksum_of(const PGresult *rows, unsigned version)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        if (strtoul(PQgetvalue(rows, i, 0), NULL, 10) == version) return PQgetvalue(rows, i, 2);
    }
    return NULL;
}

static enum migration_state state_of(const struct migration *migration, const PGresult *rows)
{
    const char *checksum = rows ? checksum_of(rows, migration->version) : NULL;
    if (!checksum) return MIGRATION_PENDING;
    return strcmp(checksum, migration->checksum) == 0 ? MIGRATION_APPLIED : MIGRATION_CHANGED;
}

static bool add_files(struct migration_report *report, const struct migrations *migrations,
                      const PGresult *rows)
{
    for (size_t i = 0; i < migrations->count; i++) {
        const struct migration *migration = &migrations->items[i];
        enum migration_state state = state_of(migration, rows);
        if (state == MIGRATION_PENDING) report->pending++;
        if (state == MIGRATION_CHANGED) report->changed++;
        if (!report_add(report, migration->version, migration->name, state)) return false;
    }
    return true;
}

/* Files are numbered without gaps, so what is unknown comes after them. */
static bool add_unknown_rows(struct migration_report *report, const struct migrations *migrations,
                             const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        unsigned long version = strtoul(PQgetvalue(rows, i, 0), NULL, 10);
        if (version <= migrations->count) continue;
        report->unknown++;
        if (!report_add(report, (unsigned)version, PQgetvalue(rows, i, 1), MIGRATION_UNKNOWN)) return false;
    }
    return true;
}

/* rows: those of schema_migrations, NULL when there is no such table. */
static enum fault make_report(const struct migrations *migrations, const PGresult *rows,
                              struct migration_report *ret_report, char **ret_message)
{
    struct migration_report report = {0};
    size_t count_max = migrations->count + (rows ? (size_t)PQntuples(rows) : 0);
    report.items = calloc(count_max, sizeof *report.items);
    bool complete = report.items && add_files(&report, migrations, rows) &&
                    (!rows || add_unknown_rows(&report, migrations, rows));
    if (!complete) {
        migration_report_release(&report);
        return message_set(ret_message, FAULT_MEMORY, "memory is short");
    }
    *ret_report = report;
    return FAULT_NONE;
}

static enum fault read_report(PGconn *session, const struct migrations *migrations,
                              struct migration_report *ret_report, char **ret_message)
{
    bool exists;
    PGresult *rows = NULL;
    enum fault fault = find_table(session, &exists, ret_message);
    if (fault) return fault;
    if (exists) fault = database_session_run(session, SELECT_ROWS, &rows, ret_message);
    if (fault) return fault;
    fault = make_report(migrations, rows, ret_report, ret_message);
    PQclear(rows);
    return fault;
}

enum fault migrations_status(const char *database_url, unsigned connect_timeout_ms,
                             const struct migrations *migrations, struct migration_report *ret_report,
                             char **ret_message)
{
    PGconn *session;
    enum fault fault = database_session_open(database_url, connect_timeout_ms, &session, ret_message);
    if (fault) return fault;
    fault = read_report(session, migrations, ret_report, ret_message);
    PQfinish(session);
    return fault;
}

/* The report of this round in place of that of the last, which remembers what was applied. */
static enum fault look(struct upgrade *upgrade)
{
    struct migration_report report;
    enum fault fault = read_report(upgrade->session, upgrade->migrations, &report, upgrade->ret_message);
    if (fault) return fault;
    report.applied_now = upgrade->report.applied_now;
    for (size_t i = 0; upgrade->report.items && i < upgrade->migrations->count; i++)
        report.items[i].applied_now = upgrade->report.items[i].applied_now;
    migration_report_release(&upgrade->report);
    upgrade->report = report;
    return FAULT_NONE;
}

/* The index of the first migration in this state, of which there is one. */
static size_t first_in(const struct migration_report *report, enum migration_state state)
{
    size_t i = 0;
    while (report->items[i].state != state)
        i++;
    return i;
}

static enum fault refuse_conflicts(const struct upgrade *upgrade)
{
    const struct migration_report *report = &upgrade->report;
    if (report->changed > 0) {
        const struct migration_status *item = &report->items[first_in(report, MIGRATION_CHANGED)];
        return message_set(upgrade->ret_message, FAULT_SCHEMA_UNKNOWN,
                           "%04u_%s.sql was changed after it was applied; nothing is applied now",
                           item->version, item->name);
    }
    /* Nothing to do is no conflict: an older version, after a roll-back, leaves the newer one's work alone.
     */
    if (report->unknown > 0 && report->pending > 0) {
        const struct migration_status *item = &report->items[first_in(report, MIGRATION_UNKNOWN)];
        return message_set(upgrade->ret_message, FAULT_SCHEMA_UNKNOWN,
                           "the database has %04u_%s, which is unknown here, and lacks earlier ones: another "
                           "line of versions was at work; "
                           "nothing is applied now",
                           item->version, item->name);
    }
    return FAULT_NONE;
}

/* Puts the migration's name in front of the message. */
static enum fault name_failure(const struct upgrade *upgrade, const struct migration *migration,
                               enum fault fault)
{
    char *cause = *upgrade->ret_message;
    fault = message_set(upgrade->ret_message, fault, "%04u_%s.sql: %s", migration->version, migration->name,
                        cause ? cause : fault_code(fault));
    free(cause);
    return fault;
}

static enum fault run_file(const struct upgrade *upgrade, const struct migration *migration)
{
    enum fault fault =
        database_session_run(upgrade->session, "SAVEPOINT migration", NULL, upgrade->ret_message);
    if (fault) return fault;
    fault = database_session_run(upgrade->session, migration->sql, NULL, upgrade->ret_message);
    if (fault) return fault;
    /* A file that has ended the transaction has lost the savepoint, even if it began another. */
    fault = database_session_run(upgrade->session, "RELEASE SAVEPOINT migration", NULL, upgrade->ret_message);
    if (fault != FAULT_VALUE_REFUSED) return fault;
    free(*upgrade->ret_message);
    return message_set(upgrade->ret_message, FAULT_VALUE_REFUSED,
                       "must not hold BEGIN, COMMIT or ROLLBACK; what it has committed stays");
}

static enum fault insert_row(const struct upgrade *upgrade, const struct migration *migration)
{
    char version[16];
    (void)snprintf(version, sizeof version, "%u", migration->version);
    const char *parameters[] = {version, migration->name, migration->checksum};
    return database_session_run_with(upgrade->session, INSERT_ROW, parameters, 3, upgrade->ret_message);
}

static enum fault apply(struct upgrade *upgrade, size_t index)
{
    const struct migration *migration = &upgrade->migrations->items[index];
    enum fault fault = run_file(upgrade, migration);
    if (!fault) fault = insert_row(upgrade, migration);
    if (!fault) fault = database_session_run(upgrade->session, "COMMIT", NULL, upgrade->ret_message);
    if (fault) return name_failure(upgrade, migration, fault);
    upgrade->report.items[index].state = MIGRATION_APPLIED;
    upgrade->report.items[index].applied_now = true;
    upgrade->report.pending--;
    upgrade->report.applied_now++;
    return FAULT_NONE;
}

static enum fault lock_and_look(struct upgrade *upgrade)
{
    bool exists;
    enum fault fault = database_session_run(upgrade->session, BEGIN_LOCKED, NULL, upgrade->ret_message);
    if (!fault) fault = find_table(upgrade->session, &exists, upgrade->ret_message);
    /* Looked for first: with IF NOT EXISTS it would need the right to create even when it is there. */
    if (!fault && !exists)
        fault = database_session_run(upgrade->session, CREATE_TABLE, NULL, upgrade->ret_message);
    if (!fault) fault = look(upgrade);
    return fault;
}

/* One round: applies the first pending migration, if there is one, in a transaction. */
static enum fault apply_next(struct upgrade *upgrade)
{
    enum fault fault = lock_and_look(upgrade);
    if (!fault) fault = refuse_conflicts(upgrade);
    if (fault) return fault;
    if (upgrade->report.pending == 0)
        return database_session_run(upgrade->session, "COMMIT", NULL, upgrade->ret_message);
    return apply(upgrade, first_in(&upgrade->report, MIGRATION_PENDING));
}

enum fault migrations_up(const char *database_url, unsigned connect_timeout_ms,
                         const struct migrations *migrations, struct migration_report *ret_report,
                         char **ret_message)
{
    PGconn *session;
    *ret_report = (struct migration_report){0};
    enum fault fault = database_session_open(database_url, connect_timeout_ms, &session, ret_message);
    if (fault) return fault;

    struct upgrade upgrade = {session, migrations, {0}, ret_message};
    do {
        fault = apply_next(&upgrade);
    } while (!fault && upgrade.report.pending > 0);
    /* Ending the session rolls back what a fault has left open. */
    PQfinish(session);
    *ret_report = upgrade.report;
    return fault;
}
