/*
 * The migrations that a folder holds: plain SQL files NNNN_name.sql, numbered from 0001 without gaps,
 * name of a-z, 0-9 and "_". Files that do not end in ".sql" are none of its business.
 */
#pragma once

#include "base/fault.h"

#include <stddef.h>

#define MIGRATION_FILE_SIZE_MAX ((size_t)16 << 20) /* bytes */

struct migration {
    unsigned version;  /* NNNN, from 1 */
    char *name;        /* "create_users" */
    char *sql;         /* the file's text, terminated */
    char checksum[65]; /* SHA-256 of the file's bytes, lower-case hex */
};

struct migrations {
    struct migration *items; /* items[i].version is i + 1 */
    size_t count;            /* from 1 */
};

/*
 * Reads the directory. FAULT_VALIDATION when it cannot be read or holds no migration; when a file is
 * misnamed, a number is missing or there twice; when a file is empty, too large or has a NUL: *ret_message
 * says which. FAULT_MEMORY. The caller frees *ret_message (NULL when memory was short) after a fault,
 * and calls migrations_release after success.
 */
enum fault migrations_read(const char *directory, struct migrations *ret_migrations, char **ret_message);

/* Frees what migrations_read gave. */
void migrations_release(struct migrations *migrations);
