/*
 * Users out of a result: binary columns id, name, email, created_at, updated_at, version, in this
 * order, from column `first` on.
 */
#pragma once

#include "users/user.h"

#include <libpq-fe.h>

/* User of this row; its texts are borrowed from result. */
void user_rows_get(const PGresult *result, int row, int first, struct user *ret_user);

/* Fixed-width columns, in network byte order. */
int64_t user_rows_int64(const PGresult *result, int row, int column);
