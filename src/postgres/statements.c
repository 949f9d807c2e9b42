#include "postgres/statements.h"

/* Object ids of built-in types: fixed for ever in PostgreSQL's catalogue (pg_type.dat). */
#define BYTEA        17
#define INT8         20
#define TEXT         25
#define TEXT_ARRAY   1009
#define INT8_ARRAY   1016

#define USER_COLUMNS "id, name, email, created_at, updated_at, version"

/*
 * updated_at moves forward even when two changes fall into one microsecond or the server's clock
 * steps back: clients compare it.
 */
#define SET_CHANGES                                                                                          \
    "SET name = coalesce($2, name), email = coalesce($3, email), version = version + 1, "                    \
    "updated_at = greatest(now(), updated_at + interval '1 microsecond') "

/*
 * Waits before all else, once, and whether or not there are rows: a condition that depends on no row is
 * looked at before the first of them. For 0 the function returns at once. It
 * rounds up to whole milliseconds, and a little more than 15 would be 16.
 */
#define DELAYED "(SELECT pg_sleep(($3 - 0.5) / 1000.0)) IS NOT NULL "

/*
 * The bytes that users/user_json.h writes, for times within the years 1 to 9999. Rows of an ordered subquery
 * reach the aggregate in that order, as long as nothing is joined; ordering inside the aggregate would
 * sort them once more.
 */
#define JSON_TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
#define JSON_USER                                                                                            \
    "'{\"id\":' || id || ',\"name\":' || to_json(name)::text || ',\"email\":' || to_json(email)::text || "   \
    "',\"created_at\":\"' || " JSON_TIME("created_at") " || '\",\"updated_at\":\"' || " JSON_TIME(           \
        "updated_at") " || '\",\"version\":' || version || '}'"

static const struct statement_text texts[STATEMENT_COUNT] = {
    [STATEMENT_USER_FIND] = {"user_find", "SELECT " USER_COLUMNS " FROM users WHERE id = $1", 1, {INT8}},

    [STATEMENT_USER_FIND_MANY] = {"user_find_many",
                                  "SELECT " USER_COLUMNS " FROM users WHERE id = ANY($1)",
                                  1,
                                  {INT8_ARRAY}},

    [STATEMENT_USER_LIST] = {"user_list",
                             "SELECT " USER_COLUMNS " FROM users WHERE id > $1 ORDER BY id LIMIT $2",
                             2,
                             {INT8, INT8}},

    [STATEMENT_USER_CREATE] = {"user_create",
                               "INSERT INTO users (name, email) VALUES ($1, $2) RETURNING " USER_COLUMNS,
                               2,
                               {TEXT, TEXT}},

    [STATEMENT_USER_CREATE_MANY] = {"user_create_many",
                                    "INSERT INTO users (name, email) "
                                    "SELECT name, email FROM unnest($1, $2) AS created (name, email) "
                                    "ON CONFLICT DO NOTHING RETURNING " USER_COLUMNS,
                                    2,
                                    {TEXT_ARRAY, TEXT_ARRAY}},

    [STATEMENT_USER_CREATE_ONCE] = {"user_create_once",
                                    "SELECT outcome, " USER_COLUMNS " FROM create_user_once($1, $2, $3, $4)",
                                    4,
                                    {TEXT, BYTEA, TEXT, TEXT}},

    [STATEMENT_USER_CHANGE] = {"user_change",
                               "UPDATE users " SET_CHANGES "WHERE id = $1 RETURNING " USER_COLUMNS,
                               3,
                               {INT8, TEXT, TEXT}},

    /* No row: no such user. "matched" false: there is one, of another version. */
    [STATEMENT_USER_CHANGE_IF] = {"user_change_if",
                                  "WITH found AS (SELECT id AS found_id, version AS found_version FROM users "
                                  "WHERE id = $1 FOR UPDATE), "
                                  "changed AS (UPDATE users " SET_CHANGES
                                  "FROM found WHERE id = found_id AND found_version = $4 "
                                  "RETURNING " USER_COLUMNS ") "
                                  "SELECT changed.id IS NOT NULL AS matched, " USER_COLUMNS
                                  " FROM found LEFT JOIN changed ON changed.id = found_id",
                                  4,
                                  {INT8, TEXT, TEXT, INT8}},

    [STATEMENT_USER_ERASE] = {"user_erase", "DELETE FROM users WHERE id = $1 RETURNING true", 1, {INT8}},

    [STATEMENT_USER_ERASE_IF] =
        {"user_erase_if",
         "WITH found AS (SELECT id AS found_id, version AS found_version FROM users WHERE id = $1 FOR "
         "UPDATE), "
         "erased AS (DELETE FROM users USING found WHERE id = found_id AND found_version = $2 RETURNING id) "
         "SELECT erased.id IS NOT NULL AS matched FROM found LEFT JOIN erased ON erased.id = found_id",
         2,
         {INT8, INT8}},

#if SPLITS_LAB
    [STATEMENT_LAB_ROWS] = {"lab_rows",
                            "SELECT " USER_COLUMNS " FROM users WHERE id >= $1 AND " DELAYED
                            "ORDER BY id LIMIT $2",
                            3,
                            {INT8, INT8, INT8}},

    [STATEMENT_LAB_ROWS_JSON] = {"lab_rows_json",
                                 "SELECT count(*), coalesce(string_agg(" JSON_USER ", ','), '') "
                                 "FROM (SELECT " USER_COLUMNS
                                 " FROM users WHERE id >= $1 ORDER BY id LIMIT $2) AS page WHERE " DELAYED,
                                 3,
                                 {INT8, INT8, INT8}},
#endif
};

const int statement_formats[STATEMENT_PARAMETERS_MAX] = {1, 1, 1, 1};

const struct statement_text *statement_text(enum statement statement)
{
    return &texts[statement];
}

bool statement_is_for_laboratory(enum statement statement)
{
#if SPLITS_LAB
    return statement >= STATEMENT_LAB_ROWS;
#else
    (void)statement;
    return false;
#endif
}
