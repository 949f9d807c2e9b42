#include "postgres/db_url.h"

#include "suite.h"

#include <string.h>

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, keyword) == 0) return options->val;
    return NULL;
}

static void assert_value(const char *url, const char *keyword, const char *value)
{
    PQconninfoOption *options;
    ck_assert_int_eq(db_url_parse(url, &options), FAULT_NONE);
    ck_assert_pstr_eq(value_of(options, keyword), value);
    PQconninfoFree(options);
}

START_TEST(a_uri_a_string_and_a_bare_name_are_understood)
{
    assert_value("postgresql://ada@db.example/users", "dbname", "users");
    assert_value("dbname=users host=db.example", "dbname", "users");
    assert_value("users", "dbname", "users");
    assert_value("", "dbname", NULL);
}
END_TEST

START_TEST(an_encoded_password_is_understood)
{
    assert_value("postgresql://ada:a%2Fb%40c@db.example/users", "password", "a/b@c");
    assert_value("postgresql://ada:secret@db.example/users?options=a/b", "password", "secret");
    assert_value("user=ada password=a://b/c@d", "password", "a://b/c@d");
}
END_TEST

START_TEST(what_libpq_would_misread_is_malformed)
{
    static const char *const urls[] = {
        "postgresql://db.example:secret/2@10.0.0.1:5432/users",
        "postgresql://ada:sec/ret@db.example/users",
        "postgresql://[::1/x",
        "no_such_keyword=1",
        "http://db.example/users",
        "users:secret",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        PQconninfoOption *options = NULL;
        ck_assert_msg(db_url_parse(urls[i], &options) == FAULT_VALIDATION, "%s", urls[i]);
        ck_assert_ptr_null(options);
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("db_url");
    TCase *tcase = tcase_create("db_url");
    tcase_add_test(tcase, a_uri_a_string_and_a_bare_name_are_understood);
    tcase_add_test(tcase, an_encoded_password_is_understood);
    tcase_add_test(tcase, what_libpq_would_misread_is_malformed);
    suite_add_tcase(suite, tcase);
    return suite;
}
