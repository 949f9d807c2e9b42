/*
 * Applies migrations to a database: in order, each once, each in one transaction together with its row
 * in the table schema_migrations. Synchronous; for the command line and the start, never for a worker.
 *
 * Every round locks, looks and applies one file in one transaction, so any number of processes may do it
 * at once, through a pooler as well. A file therefore cannot hold what PostgreSQL refuses inside a
 * transaction (CREATE INDEX CONCURRENTLY), nor end the transaction itself.
 */
#pragma once

#include "base/fault.h"
#include "postgres/migration_files.h"

#include <stdbool.h>
#include <stddef.h>

enum migration_state {
    MIGRATION_APPLIED,
    MIGRATION_PENDING,
    MIGRATION_CHANGED, /* applied, but the file is not what it was */
    MIGRATION_UNKNOWN  /* applied, but there is no such file */
};

struct migration_status {
    unsigned version;
    char *name; /* the report's own */
    enum migration_state state;
    bool applied_now; /* by this call */
};

/* How the files and the database compare. All zero, it is empty. */
struct migration_report {
    struct migration_status *items; /* by version, ascending */
    size_t count;
    size_t pending, changed, unknown; /* how many are in these states */
    size_t applied_now;
};

/* Is everything applied, as the files have it? */
bool migration_report_is_current(const struct migration_report *report);

/* Frees the report's memory and makes it empty. */
void migration_report_release(struct migration_report *report);

/*
 * Compares, changing nothing. connect_timeout_ms bounds connecting. FAULT_DATABASE_UNAVAILABLE,
 * FAULT_VALUE_REFUSED when the database refuses to tell, FAULT_MEMORY; the caller frees *ret_message, set
 * with any fault (NULL when memory was short).
 */
enum fault migrations_status(const char *database_url, unsigned connect_timeout_ms,
                             const struct migrations *migrations, struct migration_report *ret_report,
                             char **ret_message);

/*
 * Applies what is pending. Faults and message as above, and: FAULT_SCHEMA_UNKNOWN when a file was changed, or
 * something is pending and something else unknown (nothing is applied then), FAULT_VALUE_REFUSED also when a
 * migration's SQL failed (it and the later ones are not applied, the earlier ones stay).
 *
 * *ret_report is always set, to what is known by the end: after a fault it may be empty. The caller
 * releases it.
 */
enum fault migrations_up(const char *database_url, unsigned connect_timeout_ms,
                         const struct migrations *migrations, struct migration_report *ret_report,
                         char **ret_message);
