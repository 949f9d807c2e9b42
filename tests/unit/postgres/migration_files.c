#include "postgres/migration_files.h"

#include "suite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
    memcpy(folder, "/tmp/splits-files-XXXXXX", 25);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void path_of(char path[512], const char *name)
{
    (void)snprintf(path, 512, "%s/%s", folder, name);
}

static void remove_folder(void)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[512];
        path_of(path, entry->d_name);
        if (unlink(path) != 0) (void)rmdir(path);
    }
    (void)closedir(directory);
    (void)rmdir(folder);
}

static void write_bytes(const char *name, const char *bytes, size_t size)
{
    char path[512];
    path_of(path, name);
    FILE *stream = fopen(path, "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(bytes, 1, size, stream), size);
    ck_assert_int_eq(fclose(stream), 0);
}

static void write_file(const char *name)
{
    write_bytes(name, "SELECT 1;\n", 10);
}

static void assert_refused_as(const char *prefix, const char *reason)
{
    struct migrations migrations;
    char *message;
    char expected[512];
    ck_assert_int_eq(migrations_read(folder, &migrations, &message), FAULT_VALIDATION);
    (void)snprintf(expected, sizeof expected, "%s%s%s", prefix, folder, reason);
    ck_assert_str_eq(message, expected);
    free(message);
}

static void assert_refused(const char *reason)
{
    assert_refused_as("", reason);
}

START_TEST(files_are_read_in_order_with_their_checksums)
{
    write_file("0002_second_2.sql");
    write_bytes("0001_first.sql", "abc", 3);
    struct migrations migrations;
    char *message;
    ck_assert_int_eq(migrations_read(folder, &migrations, &message), FAULT_NONE);
    ck_assert_uint_eq(migrations.count, 2);
    ck_assert_uint_eq(migrations.items[0].version, 1);
    ck_assert_str_eq(migrations.items[0].name, "first");
    ck_assert_str_eq(migrations.items[0].sql, "abc");
    ck_assert_str_eq(migrations.items[0].checksum,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert_uint_eq(migrations.items[1].version, 2);
    ck_assert_str_eq(migrations.items[1].name, "second_2");
    migrations_release(&migrations);
    ck_assert_uint_eq(migrations.count, 0);
    migrations_release(&migrations);
}
END_TEST

START_TEST(the_repositorys_own_migrations_are_sound)
{
    struct migrations migrations;
    char *message;
    ck_assert_int_eq(migrations_read(SPLITS_SOURCE_DIR "/migrations", &migrations, &message), FAULT_NONE);
    ck_assert_uint_ge(migrations.count, 2);
    ck_assert_str_eq(migrations.items[0].name, "create_users");
    migrations_release(&migrations);
}
END_TEST

START_TEST(other_files_do_not_matter)
{
    write_file("0001_first.sql");
    write_file("README.md");
    write_file("0001_first.sql~");
    write_file("0007_later.sql.off");
    struct migrations migrations;
    char *message;
    ck_assert_int_eq(migrations_read(folder, &migrations, &message), FAULT_NONE);
    ck_assert_uint_eq(migrations.count, 1);
    migrations_release(&migrations);
}
END_TEST

START_TEST(a_misnamed_file_is_refused)
{
    static const char *const names[] = {"first.sql",      "1_first.sql",     "00001_first.sql",
                                        "0001-first.sql", "0001_.sql",       "0001.sql",
                                        "0001_First.sql", "0001_a b.sql",    "0001_first.x.sql",
                                        ".sql",           ".0001_first.sql", "0001_f\xC3\xBC.sql"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char reason[256];
        char path[512];
        write_file(names[i]);
        (void)snprintf(reason, sizeof reason,
                       "/%s: must be named NNNN_name.sql, in a-z, 0-9 and _, such as 0001_create_users.sql",
                       names[i]);
        assert_refused(reason);
        path_of(path, names[i]);
        ck_assert_int_eq(unlink(path), 0);
    }
}
END_TEST

START_TEST(numbers_start_at_one)
{
    write_file("0000_zero.sql");
    assert_refused("/0000_zero.sql: numbers start at 0001");
}
END_TEST

START_TEST(a_gap_is_refused)
{
    write_file("0002_second.sql");
    assert_refused("/0002_second.sql: number 0001 is missing before it");
    write_file("0001_first.sql");
    write_file("0004_fourth.sql");
    assert_refused("/0004_fourth.sql: number 0003 is missing before it");
}
END_TEST

START_TEST(a_number_that_is_there_twice_is_refused)
{
    write_file("0001_a.sql");
    write_file("0001_b.sql");
    assert_refused("/0001_b.sql: this number is there twice");
}
END_TEST

START_TEST(an_empty_file_is_refused)
{
    write_bytes("0001_first.sql", "", 0);
    assert_refused("/0001_first.sql: is empty");
    write_bytes("0001_first.sql", " \t\r\n", 4);
    assert_refused("/0001_first.sql: is empty");
}
END_TEST

START_TEST(a_file_with_nul_is_refused)
{
    write_bytes("0001_first.sql", "SELECT 1;\0DROP", 14);
    assert_refused("/0001_first.sql: holds a NUL byte");
}
END_TEST

START_TEST(a_file_may_be_as_large_as_the_limit_and_no_larger)
{
    char *bytes = malloc(MIGRATION_FILE_SIZE_MAX + 1);
    ck_assert_ptr_nonnull(bytes);
    memset(bytes, '-', MIGRATION_FILE_SIZE_MAX + 1);
    struct migrations migrations;
    char *message;
    write_bytes("0001_first.sql", bytes, MIGRATION_FILE_SIZE_MAX);
    ck_assert_int_eq(migrations_read(folder, &migrations, &message), FAULT_NONE);
    ck_assert_uint_eq(strlen(migrations.items[0].sql), MIGRATION_FILE_SIZE_MAX);
    migrations_release(&migrations);
    write_bytes("0001_first.sql", bytes, MIGRATION_FILE_SIZE_MAX + 1);
    assert_refused("/0001_first.sql: is larger than 16 MiB");
    free(bytes);
}
END_TEST

START_TEST(a_folder_without_migrations_is_refused)
{
    assert_refused(": holds no migration (NNNN_name.sql)");
}
END_TEST

START_TEST(what_cannot_be_read_is_refused)
{
    char path[512];
    path_of(path, "0001_link.sql");
    ck_assert_int_eq(symlink("/nowhere/at/all", path), 0);
    assert_refused("/0001_link.sql: No such file or directory");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/", path), 0);
    assert_refused("/0001_link.sql: Is a directory");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
    assert_refused_as("migrations-dir ", ": No such file or directory");
    make_folder();
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("migration_files");
    TCase *tcase = tcase_create("migration_files");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, files_are_read_in_order_with_their_checksums);
    tcase_add_test(tcase, the_repositorys_own_migrations_are_sound);
    tcase_add_test(tcase, other_files_do_not_matter);
    tcase_add_test(tcase, a_misnamed_file_is_refused);
    tcase_add_test(tcase, numbers_start_at_one);
    tcase_add_test(tcase, a_gap_is_refused);
    tcase_add_test(tcase, a_number_that_is_there_twice_is_refused);
    tcase_add_test(tcase, an_empty_file_is_refused);
    tcase_add_test(tcase, a_file_with_nul_is_refused);
    tcase_add_test(tcase, a_file_may_be_as_large_as_the_limit_and_no_larger);
    tcase_add_test(tcase, a_folder_without_migrations_is_refused);
    tcase_add_test(tcase, what_cannot_be_read_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
