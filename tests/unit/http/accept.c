#include "http/accept.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

enum { JSON, PLAIN, HTML, TYPES };

static const char *const types[TYPES] = {"application/json", "text/plain", "text/html"};

/* From a copy on the heap that ends where the value does, so that the sanitizer sees a step beyond. */
static size_t choose(const char *accept)
{
    size_t size = strlen(accept);
    char *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, accept, size);
    size_t chosen = accept_choose((struct text){copy, size}, types, TYPES);
    free(copy);
    return chosen;
}

static void check(const char *accept, size_t expected)
{
    size_t chosen = choose(accept);
    if (chosen != expected) ck_abort_msg("\"%s\": %s, not %s", accept, types[chosen], types[expected]);
}

START_TEST(who_does_not_say_gets_the_first)
{
    ck_assert_uint_eq(accept_choose((struct text){0}, types, TYPES), JSON);
    check("", JSON);
    check(" , ,", JSON);
}
END_TEST

START_TEST(a_type_that_is_named_is_given)
{
    check("text/plain", PLAIN);
    check("text/html", HTML);
    check("application/json", JSON);
    check("image/png, text/plain", PLAIN);
    check("TEXT/Plain", PLAIN);
}
END_TEST

START_TEST(the_first_of_those_wanted_equally_is_given)
{
    check("text/html, text/plain", PLAIN);
    check("text/html;q=0.5, text/plain;q=0.5, application/json;q=0.5", JSON);
    check("*/*", JSON);
    check("text/*", PLAIN);
}
END_TEST

START_TEST(the_largest_weight_wins)
{
    check("application/json;q=0.8, text/plain;q=0.9, text/html;q=0.85", PLAIN);
    check("application/json;q=0.001, text/html;q=0.002", HTML);
    check("application/json;q=0.999, text/html", HTML);
    check("application/json;q=0.999, text/html;q=1.000", HTML);
    check("application/json;q=0.09, text/html;q=0.1", HTML);
    check("application/json;Q=0.1, text/html;Q=0.2", HTML);
}
END_TEST

START_TEST(a_weight_of_0_means_not_this_one)
{
    check("application/json;q=0, */*", PLAIN);
    check("application/json;q=0.000, text/plain;q=0., text/html;q=0.001", HTML);
    check("*/*, text/*;q=0", JSON);
    check("text/plain;q=0, text/*, application/json;q=0.5", HTML);
}
END_TEST

START_TEST(when_none_is_wanted_the_first_is_given)
{
    check("image/png", JSON);
    check("text/css, image/*", JSON);
    check("*/*;q=0", JSON);
    check("application/json;q=0, text/*;q=0", JSON);
}
END_TEST

START_TEST(the_closest_range_decides_whatever_the_order)
{
    check("*/*, application/json;q=0.1", PLAIN);
    check("application/json;q=0.1, */*", PLAIN);
    check("text/*;q=0.9, text/plain;q=0.2, application/json;q=0.5", HTML);
    check("text/plain;q=0.2, application/json;q=0.5, text/*;q=0.9", HTML);
    check("*/*;q=0.9, text/*;q=0.1, application/json;q=0.5", JSON);
    check("*/*;q=0.9, text/*;q=0.1, application/json;q=0.05, text/html;q=0.2", HTML);
}
END_TEST

START_TEST(of_two_that_are_equally_close_the_larger_weight_counts)
{
    check("text/plain;q=0.2, text/plain;q=0.8, application/json;q=0.5", PLAIN);
    check("text/plain;q=0.8, text/plain;q=0.2, application/json;q=0.5", PLAIN);
}
END_TEST

START_TEST(the_examples_of_rfc_9110_are_understood)
{
    check("audio/*; q=0.2, audio/basic", JSON);
    check("text/plain; q=0.5, text/html,\ttext/x-dvi; q=0.8, text/x-c", HTML);
    check("text/*, text/plain, text/plain;format=flowed, */*", JSON);
    check(
        "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5",
        PLAIN);
}
END_TEST

START_TEST(a_type_with_parameters_is_that_type_unless_the_bare_one_is_named)
{
    check("text/plain;charset=utf-8", PLAIN);
    check("text/plain;charset=\"utf-8\" ; q=0.4, application/json;q=0.3", PLAIN);
    check("text/plain;title=\"a, b; \\\"q=0\";q=0.4, application/json;q=0.3", PLAIN);
    check("text/plain;format=flowed, text/plain;q=0.1, text/html;q=0.5", HTML);
    check("text/*;q=0.9, text/plain;format=flowed;q=0.1, text/html;q=0.2, application/json;q=0.3", JSON);
    check("application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
          PLAIN);
}
END_TEST

START_TEST(what_follows_the_weight_means_nothing)
{
    check("text/plain;q=0.4;extension=\"x\", application/json;q=0.3", PLAIN);
    check("text/plain;q=0.4;extension=1, text/plain;q=0.1, application/json;q=0.3", PLAIN);
    check("text/plain;q=0.4;q=0, application/json;q=0.3", PLAIN);
}
END_TEST

START_TEST(blanks_and_empty_elements_and_parameters_do_not_matter)
{
    check(" ,, text/plain \t; ; q=1 ;, ,image/png , ", PLAIN);
    check("text/plain;", PLAIN);
    check("text/plain;,text/html;q=0.9", PLAIN);
}
END_TEST

START_TEST(what_is_malformed_is_as_if_it_were_not_there)
{
    static const char *const values[] = {
        "text, text/plain",
        "text/, text/plain",
        "/plain, text/plain",
        "*, text/plain",
        "text/plain text/html",
        "text/plain/html",
        "text /plain",
        "text/plain;q",
        "text/plain;q=",
        "text/plain;=1",
        "text/plain;q =1",
        "text/plain;q= 1",
        "text/plain;q=\"1\"",
        "text/plain;q=2",
        "text/plain;q=1.001",
        "text/plain;q=1.1",
        "text/plain;q=-1",
        "text/plain;q=.5",
        "text/plain;q=05",
        "text/plain;q=0.0001",
        "text/plain;q=0.5x",
        "text/plain;q=0,5",
        "text/plain;q=1:0",
        "text/plain;charset=\"utf-8",
        "text/plain;charset=\"utf-8\\",
        "text/plain;charset=\"a\"b",
        "text/plain;charset",
        "text/plain, @",
        "text/plain\"",
        "text/plain;;q=x",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        check(values[i], JSON);
}
END_TEST

START_TEST(an_asterisk_before_a_subtype_matches_nothing)
{
    check("*/plain", JSON);
    check("*/plain, text/html;q=0.1", HTML);
}
END_TEST

START_TEST(every_weight_is_read_as_the_thousandths_that_it_is)
{
    for (unsigned weight = 0; weight <= 999; weight++) {
        char accept[80];
        (void)snprintf(accept, sizeof accept, "application/json;q=0.%03u, text/plain;q=0.%03u", weight,
                       weight + 1 < 1000 ? weight + 1 : 0);
        check(accept, weight == 999 ? JSON : PLAIN);
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("accept");
    TCase *all = tcase_create("all");
    tcase_add_test(all, who_does_not_say_gets_the_first);
    tcase_add_test(all, a_type_that_is_named_is_given);
    tcase_add_test(all, the_first_of_those_wanted_equally_is_given);
    tcase_add_test(all, the_largest_weight_wins);
    tcase_add_test(all, a_weight_of_0_means_not_this_one);
    tcase_add_test(all, when_none_is_wanted_the_first_is_given);
    tcase_add_test(all, the_closest_range_decides_whatever_the_order);
    tcase_add_test(all, of_two_that_are_equally_close_the_larger_weight_counts);
    tcase_add_test(all, the_examples_of_rfc_9110_are_understood);
    tcase_add_test(all, a_type_with_parameters_is_that_type_unless_the_bare_one_is_named);
    tcase_add_test(all, what_follows_the_weight_means_nothing);
    tcase_add_test(all, blanks_and_empty_elements_and_parameters_do_not_matter);
    tcase_add_test(all, what_is_malformed_is_as_if_it_were_not_there);
    tcase_add_test(all, an_asterisk_before_a_subtype_matches_nothing);
    tcase_add_test(all, every_weight_is_read_as_the_thousandths_that_it_is);
    suite_add_tcase(suite, all);
    return suite;
}
