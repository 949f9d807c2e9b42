#include "service/config_mask.h"

#include "suite.h"

#include <stdlib.h>
#include <string.h>

struct example {
    const char *url;
    const char *masked;
};

static void assert_masked(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *masked = config_mask_secret(examples[i].url);
        ck_assert_str_eq(masked, examples[i].masked);
        free(masked);
    }
}
#define ASSERT_MASKED(examples) assert_masked((examples), sizeof(examples) / sizeof *(examples))

START_TEST(a_password_in_a_uri_is_masked)
{
    static const struct example examples[] = {
        {"postgresql://ann:secret@db:5432/users", "postgresql://ann:***@db:5432/users"},
        {"postgres://ann:secret@db", "postgres://ann:***@db"},
        {"postgresql://:secret@db/users", "postgresql://:***@db/users"},
        {"postgresql://ann:@db/users", "postgresql://ann:***@db/users"},
        {"postgresql://ann:secret@/users?host=/run", "postgresql://ann:***@/users?host=/run"},
        {"postgresql://ann:secret@a:1,[::1]:2/users", "postgresql://ann:***@a:1,[::1]:2/users"},
    };
    ASSERT_MASKED(examples);
}
END_TEST

START_TEST(a_uri_without_a_password_stays_as_it_is)
{
    static const struct example examples[] = {
        {"postgresql://", "postgresql://"},
        {"postgresql://db:5432/users", "postgresql://db:5432/users"},
        {"postgresql://ann@db:5432/users", "postgresql://ann@db:5432/users"},
        {"postgresql://[::1]:5432/users", "postgresql://[::1]:5432/users"},
        {"postgresql:///users?host=/run&port=5433", "postgresql:///users?host=/run&port=5433"},
        {"postgresql://a,b/users?target_session_attrs=read-write",
         "postgresql://a,b/users?target_session_attrs=read-write"},
    };
    ASSERT_MASKED(examples);
}
END_TEST

START_TEST(a_password_that_nobody_has_encoded_is_masked_whole)
{
    static const struct example examples[] = {
        {"postgresql://ann:se@cret@db/users", "postgresql://ann:***@db/users"},
        {"postgresql://ann:se/cret@db/users", "postgresql://ann:***@db/users"},
        {"postgresql://ann:se?cret@db/users", "postgresql://ann:***@db/users"},
        {"postgresql://ann:se:c#ret@db/users", "postgresql://ann:***@db/users"},
        {"postgresql://an@n:secret@db/users", "postgresql://an@***@db/users"},
        {"postgresql://an/n:secret@db/users", "postgresql://an/***@db/users"},
    };
    ASSERT_MASKED(examples);
}
END_TEST

START_TEST(parameters_of_a_uri_are_masked_unless_known_to_be_harmless)
{
    static const struct example examples[] = {
        {"postgresql://db/users?password=secret", "postgresql://db/users?password=***"},
        {"postgresql://db?user=ann&password=secret&port=1", "postgresql://db?user=ann&password=***&port=1"},
        {"postgresql://db?p%61ssword=secret", "postgresql://db?***"},
        {"postgresql://db?sslpassword=secret&sslmode=require", "postgresql://db?***&sslmode=require"},
        {"postgresql://db?options=-c%20x", "postgresql://db?***"},
        {"postgresql://db?", "postgresql://db?"},
        {"postgresql://db?&", "postgresql://db?&"},
    };
    ASSERT_MASKED(examples);
}
END_TEST

START_TEST(a_password_among_pairs_is_masked)
{
    static const struct example examples[] = {
        {"host=db password=secret user=ann", "host=db password=*** user=ann"},
        {"password='se cret' host=db", "password=*** host=db"},
        {"password = 'se\\' cret' host=db", "password=*** host=db"},
        {"password=se\\ cret host=db", "password=*** host=db"},
        {"password=", "password=***"},
        {"password= host=db", "password=***"}, /* as libpq reads it: "host=db" is the password */
        {"password='never closed host=db", "password=***"},
        {"host=db password=se cret", "host=db password=*** ***"},
        {"host=db password=se cret=a user=ann", "host=db password=*** *** user=ann"},
        {"sslpassword=secret passfile=/x Password=secret", "*** *** ***"},
        {" host = db ", " host = db "},
        {"=", "***"},
    };
    ASSERT_MASKED(examples);
}
END_TEST

START_TEST(a_name_alone_stays_and_what_looks_like_a_broken_uri_does_not)
{
    static const struct example examples[] = {
        {"", ""},
        {"users", "users"},
        {"ann:secret@db", "***"},
        {"postgresql:/ann:secret@db", "***"},
    };
    ASSERT_MASKED(examples);
}
END_TEST

START_TEST(many_masks_fit)
{
    char pairs[1001];
    for (size_t i = 0; i < 1000; i++)
        pairs[i] = i % 2 == 0 ? '=' : ' ';
    pairs[1000] = '\0';
    char uri[1001];
    for (size_t i = 0; i < 1000; i++)
        uri[i] = i % 2 == 0 ? '=' : '&';
    memcpy(uri, "x://?", 5);
    uri[1000] = '\0';
    char *masked = config_mask_secret(pairs);
    ck_assert_uint_eq(strlen(masked), 250 * strlen("*** "));
    free(masked);
    masked = config_mask_secret(uri);
    ck_assert_uint_gt(strlen(masked), 1900);
    free(masked);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("config_mask");
    TCase *tcase = tcase_create("config_mask");
    tcase_add_test(tcase, a_password_in_a_uri_is_masked);
    tcase_add_test(tcase, a_uri_without_a_password_stays_as_it_is);
    tcase_add_test(tcase, a_password_that_nobody_has_encoded_is_masked_whole);
    tcase_add_test(tcase, parameters_of_a_uri_are_masked_unless_known_to_be_harmless);
    tcase_add_test(tcase, a_password_among_pairs_is_masked);
    tcase_add_test(tcase, a_name_alone_stays_and_what_looks_like_a_broken_uri_does_not);
    tcase_add_test(tcase, many_masks_fit);
    suite_add_tcase(suite, tcase);
    return suite;
}
