#include "postgres/user_rows.h"

#include <endian.h>
#include <string.h>

/* PostgreSQL counts microseconds from 2000-01-01; 10,957 days after 1970-01-01. */
#define EPOCH_DIFFERENCE_US (INT64_C(10957) * 86400 * 1000000)

int64_t user_rows_int64(const PGresult *result, int row, int column)
{
    uint64_t value = 0;
    if (PQgetlength(result, row, column) == (int)sizeof value)
        memcpy(&value, PQgetvalue(result, row, column), sizeof value);
    return (int64_t)be64toh(value);
}

static struct text column_text(const PGresult *result, int row, int column)
{
    return (struct text){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

void user_rows_get(const PGresult *result, int row, int first, struct user *ret_user)
{
    ret_user->id = user_rows_int64(result, row, first);
    ret_user->name = column_text(result, row, first + 1);
    ret_user->email = column_text(result, row, first + 2);
    ret_user->created_at_us = user_rows_int64(result, row, first + 3) + EPOCH_DIFFERENCE_US;
    ret_user->updated_at_us = user_rows_int64(result, row, first + 4) + EPOCH_DIFFERENCE_US;
    ret_user->version = user_rows_int64(result, row, first + 5);
}
