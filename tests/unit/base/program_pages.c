#include "base/program_pages.h"

#include "suite.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#define PAGES     1024
#define PAGE_SIZE 4096

/* Large beside the pages that the kernel maps around one that is touched. */
static const char constants[PAGES * PAGE_SIZE] = {'a', [sizeof constants - 1] = 'z'};

static void touch_constants(void)
{
    const volatile char *at = constants;
    for (size_t i = 0; i < sizeof constants; i += PAGE_SIZE)
        (void)at[i];
}

/* How many pages of the constants are mapped, by the table that the kernel shows. */
static int mapped_pages(void)
{
    uint64_t entries[PAGES];
    int descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(descriptor, 0);
    off_t offset = (off_t)((uintptr_t)constants / PAGE_SIZE * sizeof entries[0]);
    ck_assert_int_eq(pread(descriptor, entries, sizeof entries, offset), sizeof entries);
    (void)close(descriptor);
    int count = 0;
    for (int i = 0; i < PAGES; i++)
        count += (int)(entries[i] >> 63);
    return count;
}

START_TEST(what_the_program_read_is_not_mapped_until_it_is_read_again)
{
    touch_constants();
    ck_assert_int_eq(mapped_pages(), PAGES);
    program_pages_let_go();
    ck_assert_int_lt(mapped_pages(), PAGES * 3 / 4); /* but for those beside what has run since */
    touch_constants();
    ck_assert_int_eq(mapped_pages(), PAGES);
}
END_TEST

START_TEST(what_was_written_and_what_is_constant_stays)
{
    static int written;
    written = 42;
    program_pages_let_go();
    ck_assert_int_eq(written, 42);
    ck_assert_int_eq(constants[0], 'a');
    ck_assert_int_eq(constants[sizeof constants - 1], 'z');
    ck_assert_int_gt(getpid(), 0); /* through the table of relocations */
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("program_pages");
    TCase *tests = tcase_create("program_pages");
    tcase_add_test(tests, what_the_program_read_is_not_mapped_until_it_is_read_again);
    tcase_add_test(tests, what_was_written_and_what_is_constant_stays);
    suite_add_tcase(suite, tests);
    return suite;
}
