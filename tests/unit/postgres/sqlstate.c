#include "postgres/sqlstate.h"

#include "suite.h"

#include <stddef.h>

/* What must be done with a query that got this error; the table of docs/database-events.md. */
static const struct row {
    const char *state;
    struct sqlstate_meaning meaning;
} rows[] = {
    {"23514", {.fault = FAULT_CONSTRAINT}},
    {"23502", {.fault = FAULT_CONSTRAINT}},
    {"22001", {.fault = FAULT_CONSTRAINT}},
    {"54000", {.fault = FAULT_CONSTRAINT}},
    {"22P05", {.fault = FAULT_VALUE_REFUSED}},
    {"22021", {.fault = FAULT_VALUE_REFUSED}},
    {"22003", {.fault = FAULT_VALUE_REFUSED}},
    {"57014", {.fault = FAULT_STATEMENT_TIMEOUT}},
    {"55P03", {.fault = FAULT_LOCK_TIMEOUT}},
    {"40001", {.fault = FAULT_SERIALIZATION, .try_again = true}},
    {"40P01", {.fault = FAULT_SERIALIZATION, .try_again = true}},
    {"25006", {.fault = FAULT_DATABASE_READ_ONLY, .retire_all = true}},
    {"08000", {.fault = FAULT_DATABASE_UNAVAILABLE, .lost = true}},
    {"08P01", {.fault = FAULT_DATABASE_UNAVAILABLE, .lost = true}},
    {"25P02", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_again = true, .retire = true, .unexpected = true}},
    {"26000", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_again = true, .retire = true}},
    {"0A000", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_again = true, .retire = true}},
    {"57P01", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_reads_again = true, .retire = true}},
    {"57P02", {.fault = FAULT_DATABASE_UNAVAILABLE, .lost = true}},
    {"57P03", {.fault = FAULT_DATABASE_UNAVAILABLE, .retire = true}},
    {"57P05", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_again = true, .retire = true}},
    {"53300", {.fault = FAULT_DATABASE_UNAVAILABLE, .retire = true}},
    {"53000", {.fault = FAULT_DATABASE_RESOURCES, .unexpected = true}},
    {"53100", {.fault = FAULT_DATABASE_RESOURCES, .unexpected = true}},
    {"53200", {.fault = FAULT_DATABASE_RESOURCES, .unexpected = true}},
    {"53400", {.fault = FAULT_DATABASE_RESOURCES, .unexpected = true}},
    {"42P01", {.fault = FAULT_SCHEMA_BEHIND, .retire_all = true, .unexpected = true}},
    {"42703", {.fault = FAULT_SCHEMA_BEHIND, .retire_all = true, .unexpected = true}},
    {"42883", {.fault = FAULT_SCHEMA_BEHIND, .retire_all = true, .unexpected = true}},
    {"XX000", {.fault = FAULT_INTERNAL, .unexpected = true}},
    {"", {.fault = FAULT_INTERNAL, .unexpected = true}},
    {NULL, {.fault = FAULT_INTERNAL, .unexpected = true}},
};

static enum fault fault_of(struct sqlstate_error error)
{
    return sqlstate_meaning(error).fault;
}

START_TEST(each_state_has_its_meaning)
{
    const struct row *row = &rows[_i];
    struct sqlstate_meaning meaning =
        sqlstate_meaning((struct sqlstate_error){.state = row->state, .severity = "ERROR"});
    ck_assert_int_eq(meaning.fault, row->meaning.fault);
    ck_assert_int_eq(meaning.try_again, row->meaning.try_again);
    ck_assert_int_eq(meaning.lost, row->meaning.lost);
    ck_assert_int_eq(meaning.try_reads_again, row->meaning.try_reads_again);
    ck_assert_int_eq(meaning.retire, row->meaning.retire);
    ck_assert_int_eq(meaning.retire_all, row->meaning.retire_all);
    ck_assert_int_eq(meaning.unexpected, row->meaning.unexpected);
}
END_TEST

START_TEST(an_email_is_taken_only_if_its_own_index_says_so)
{
    ck_assert_int_eq(fault_of((struct sqlstate_error){"23505", "ERROR", "users_email_key"}),
                     FAULT_EMAIL_TAKEN);
    ck_assert_int_eq(fault_of((struct sqlstate_error){"23505", "ERROR", "users_pkey"}), FAULT_INTERNAL);
    ck_assert_int_eq(fault_of((struct sqlstate_error){"23505", "ERROR", NULL}), FAULT_INTERNAL);
    ck_assert(sqlstate_meaning((struct sqlstate_error){"23505", "ERROR", "users_pkey"}).unexpected);
}
END_TEST

START_TEST(an_unknown_error_that_ends_the_session_is_a_loss)
{
    static const char *const ends[] = {"FATAL", "PANIC"};
    for (size_t i = 0; i < 2; i++) {
        struct sqlstate_meaning meaning = sqlstate_meaning((struct sqlstate_error){"XX000", ends[i], NULL});
        ck_assert(meaning.lost && meaning.unexpected);
        ck_assert_int_eq(meaning.fault, FAULT_DATABASE_UNAVAILABLE);
        ck_assert(!sqlstate_meaning((struct sqlstate_error){"57P01", ends[i], NULL}).lost);
    }
    ck_assert(!sqlstate_meaning((struct sqlstate_error){"XX000", "ERROR", NULL}).lost);
    ck_assert(!sqlstate_meaning((struct sqlstate_error){"XX000", NULL, NULL}).lost);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("sqlstate");
    TCase *tcase = tcase_create("sqlstate");
    tcase_add_loop_test(tcase, each_state_has_its_meaning, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(tcase, an_email_is_taken_only_if_its_own_index_says_so);
    tcase_add_test(tcase, an_unknown_error_that_ends_the_session_is_a_loss);
    suite_add_tcase(suite, tcase);
    return suite;
}
