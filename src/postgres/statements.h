/*
 * Every SQL statement of the service, in one table. Parameters and results are binary.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

#define STATEMENT_PARAMETERS_MAX 4

enum statement {
    STATEMENT_USER_FIND,        /* id */
    STATEMENT_USER_FIND_MANY,   /* ids, an array; rows in any order */
    STATEMENT_USER_LIST,        /* after, limit */
    STATEMENT_USER_CREATE,      /* name, email */
    STATEMENT_USER_CREATE_MANY, /* names, emails, arrays; no row for an address that is taken */
    STATEMENT_USER_CREATE_ONCE, /* key, hash, name, email; a leading column "outcome" */
    STATEMENT_USER_CHANGE,      /* id, name or NULL, email or NULL */
    STATEMENT_USER_CHANGE_IF,   /* id, name or NULL, email or NULL, version; a leading column "matched" */
    STATEMENT_USER_ERASE,       /* id */
    STATEMENT_USER_ERASE_IF,    /* id, version; only the column "matched" */
#if SPLITS_LAB
    STATEMENT_LAB_ROWS,      /* from id, limit, delay in milliseconds */
    STATEMENT_LAB_ROWS_JSON, /* the same; columns: number of users, their JSON with commas between them */
#endif
    STATEMENT_COUNT
};

struct statement_text {
    const char *name; /* of the prepared statement */
    const char *sql;
    int parameter_count;
    Oid types[STATEMENT_PARAMETERS_MAX];
};

const struct statement_text *statement_text(enum statement statement);

/* Those of the laboratory are prepared only where that is enabled. */
bool statement_is_for_laboratory(enum statement statement);

/* All parameters are binary. */
extern const int statement_formats[STATEMENT_PARAMETERS_MAX];
