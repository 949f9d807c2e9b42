#include "base/fault.h"

#include "suite.h"

#include <string.h>

START_TEST(every_fault_has_a_code_of_its_own_in_snake_case)
{
    for (int i = 0; i < FAULT_COUNT; i++) {
        const char *code = fault_code((enum fault)i);
        ck_assert_uint_gt(strlen(code), 0);
        ck_assert_uint_eq(strspn(code, "abcdefghijklmnopqrstuvwxyz_"), strlen(code));
        ck_assert_str_ne(code, "unknown");
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(code, fault_code((enum fault)j));
    }
}
END_TEST

START_TEST(codes_that_clients_rely_on_stay)
{
    ck_assert_str_eq(fault_code(FAULT_NONE), "none");
    ck_assert_str_eq(fault_code(FAULT_EMAIL_TAKEN), "email_taken");
    ck_assert_str_eq(fault_code(FAULT_VALIDATION), "validation_failed");
    ck_assert_str_eq(fault_code(FAULT_ROUTE_NOT_FOUND), "not_found");
    ck_assert_str_eq(fault_code(FAULT_USER_NOT_FOUND), "user_not_found");
    ck_assert_str_eq(fault_code(FAULT_OUTCOME_UNKNOWN), "outcome_unknown");
    ck_assert_str_eq(fault_code(FAULT_OVERLOADED), "overloaded");
}
END_TEST

START_TEST(what_is_no_fault_is_unknown)
{
    ck_assert_str_eq(fault_code(FAULT_COUNT), "unknown");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("fault");
    TCase *codes = tcase_create("codes");
    tcase_add_test(codes, every_fault_has_a_code_of_its_own_in_snake_case);
    tcase_add_test(codes, codes_that_clients_rely_on_stay);
    tcase_add_test(codes, what_is_no_fault_is_unknown);
    suite_add_tcase(suite, codes);
    return suite;
}
