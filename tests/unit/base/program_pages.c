#include "base/program_pages.h"

#include "suite.h"

#include <stdio.h>
#include <unistd.h>

/* Pages of files that are resident, as /proc/self/statm has them. */
static long file_pages(void)
{
    long size, resident, shared;
    FILE *file = fopen("/proc/self/statm", "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld %ld", &size, &resident, &shared), 3);
    (void)fclose(file);
    return shared;
}

START_TEST(code_is_not_resident_until_it_runs_again)
{
    (void)file_pages(); /* what it runs is mapped from now on */
    long before = file_pages();
    program_pages_let_go();
    ck_assert_int_lt(file_pages(), before);
}
END_TEST

START_TEST(what_was_written_and_what_is_constant_stays)
{
    static int written;
    static const char constant[] = "constant";
    written = 42;
    program_pages_let_go();
    ck_assert_int_eq(written, 42);
    ck_assert_str_eq(constant, "constant");
    ck_assert_int_gt(getpid(), 0); /* through the table of relocations */
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("program_pages");
    TCase *tests = tcase_create("program_pages");
    tcase_add_test(tests, code_is_not_resident_until_it_runs_again);
    tcase_add_test(tests, what_was_written_and_what_is_constant_stays);
    suite_add_tcase(suite, tests);
    return suite;
}
