#include "postgres/database_url_file.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[32];

static void write_file(const char *bytes, size_t size)
{
    memcpy(path, "/tmp/splits-url-XXXXXX", 23);
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, bytes, size), (ssize_t)size);
    (void)close(file);
}

static void assert_url(const char *bytes, size_t size, const char *expected)
{
    char *url = NULL;
    const char *flaw = NULL;
    write_file(bytes, size);
    ck_assert_int_eq(database_url_file_read(path, &url, &flaw), FAULT_NONE);
    ck_assert_str_eq(url, expected);
    free(url);
    (void)unlink(path);
}

static void assert_flaw(const char *name, const char *expected)
{
    char *url = NULL;
    const char *flaw = NULL;
    ck_assert_int_eq(database_url_file_read(name, &url, &flaw), FAULT_DATABASE_URL);
    ck_assert_ptr_null(url);
    ck_assert_str_eq(flaw, expected);
}

static void assert_content_flaw(const char *bytes, size_t size, const char *expected)
{
    write_file(bytes, size);
    assert_flaw(path, expected);
    (void)unlink(path);
}

START_TEST(the_url_is_one_line_whose_end_is_cut)
{
    assert_url("url", 3, "url");
    assert_url("url\n", 4, "url");
    assert_url("url\r\n", 5, "url");
    assert_url("url \n", 5, "url ");
    assert_content_flaw("", 0, "the file is empty");
    assert_content_flaw("\n", 1, "the file is empty");
    assert_content_flaw("url\n\n", 5, "the file has more than one line");
    assert_content_flaw("a\0b", 3, "the file holds a NUL byte");
}
END_TEST

START_TEST(the_file_is_limited)
{
    char *bytes = malloc(65537);
    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'u', 65537);
    bytes[65536] = '\0';
    assert_url(bytes, 65536, bytes);
    bytes[65536] = 'u';
    assert_content_flaw(bytes, 65537, "the file is larger than 64 KiB");
    free(bytes);
}
END_TEST

START_TEST(what_cannot_be_read_is_said)
{
    assert_flaw("/nowhere", "No such file or directory");
    assert_flaw("/", "Is a directory");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("database_url_file");
    TCase *tcase = tcase_create("database_url_file");
    tcase_add_test(tcase, the_url_is_one_line_whose_end_is_cut);
    tcase_add_test(tcase, the_file_is_limited);
    tcase_add_test(tcase, what_cannot_be_read_is_said);
    suite_add_tcase(suite, tcase);
    return suite;
}
