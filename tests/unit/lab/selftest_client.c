#include "lab/selftest_client.h"

#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMING                                                                                               \
    "read;dur=0.001, parse;dur=0.001, queue;dur=0.000, db;dur=0.001, json;dur=0.001, other;dur=0.001, "      \
    "total;dur=0.005"
#define ANSWER                                                                                               \
    "{\"request_id\":\"a\",\"status\":\"200\",\"lookup\":0,\"connect\":0,\"total\":0.1,\"timing\":\"" TIMING \
    "\"}"

/* A folder with a script in the place of curl, alone in PATH; and what the client prints on stderr. */
static char folder[64], script[80], complaints[80];

static void make_folder(void)
{
    memcpy(folder, "/tmp/splits-client-XXXXXX", 26);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(script, sizeof script, "%s/curl", folder);
    (void)snprintf(complaints, sizeof complaints, "%s/complaints", folder);
    int file = open(complaints, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(dup2(file, STDERR_FILENO), 0);
    ck_assert_int_eq(close(file), 0);
    ck_assert_int_eq(setenv("PATH", folder, 1), 0);
}

static void remove_folder(void)
{
    (void)unlink(script);
    (void)unlink(complaints);
    (void)rmdir(folder);
}

static void make_curl(const char *content)
{
    FILE *stream = fopen(script, "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fprintf(stream, "#!/bin/sh\n%s\n", content), 0);
    ck_assert_int_eq(fchmod(fileno(stream), 0700), 0);
    ck_assert_int_eq(fclose(stream), 0);
}

static enum fault ask(unsigned concurrency, struct selftest_records *ret_records)
{
    const struct selftest_client_task task = {
        .port = 1234, .target = "/lab/users?rows=10", .concurrency = concurrency, .count = 5};
    uint64_t cpu_ns;
    return selftest_client_run(&task, ret_records, &cpu_ns);
}

static void must_have_complained(const char *what)
{
    char text[4096] = "";
    FILE *stream = fopen(complaints, "r");
    ck_assert_ptr_nonnull(stream);
    size_t size = fread(text, 1, sizeof text - 1, stream);
    ck_assert_int_eq(fclose(stream), 0);
    ck_assert_msg(strstr(text, what) != NULL, "%s", text);
    ck_assert_ptr_eq(strchr(text, '\n'), text + size - 1); /* in one line */
}

START_TEST(without_curl_there_is_a_hint)
{
    struct selftest_records records;
    ck_assert_int_eq(ask(1, &records), FAULT_INTERNAL);
    must_have_complained("selftest needs curl (Debian: curl)");
}
END_TEST

START_TEST(a_failing_curl_is_a_fault)
{
    struct selftest_records records;
    make_curl("echo '" ANSWER "'; exit 7");
    ck_assert_int_eq(ask(1, &records), FAULT_INTERNAL);
    must_have_complained("curl failed with exit code 7");
}
END_TEST

START_TEST(output_that_is_not_understood_is_a_fault)
{
    struct selftest_records records;
    make_curl("echo nonsense");
    ck_assert_int_eq(ask(1, &records), FAULT_VALIDATION);
    must_have_complained("curl is older than 7.84");
}
END_TEST

START_TEST(what_curl_prints_becomes_records)
{
    struct selftest_records records;
    make_curl("echo '" ANSWER "'");
    ck_assert_int_eq(ask(1, &records), FAULT_NONE);
    ck_assert_uint_eq(records.count, 1);
    ck_assert_str_eq(records.items[0].request_id, "a");
    selftest_records_release(&records);
}
END_TEST

/* Succeeds when curl's arguments are like pattern. */
static void make_curl_that_wants(const char *pattern)
{
    char content[512];
    (void)snprintf(content, sizeof content, "case \"$*\" in %s) echo '" ANSWER "';; *) exit 99;; esac",
                   pattern);
    make_curl(content);
}

START_TEST(curl_reads_no_settings_and_asks_so_many_times)
{
    struct selftest_records records;
    make_curl_that_wants("'-q '*' http://127.0.0.1:1234/lab/users?rows=10#[1-5]'");
    ck_assert_int_eq(ask(1, &records), FAULT_NONE);
    selftest_records_release(&records);
}
END_TEST

START_TEST(a_crowd_asks_in_parallel)
{
    struct selftest_records records;
    make_curl_that_wants("*'#[1-5] --parallel --parallel-immediate --parallel-max 64'");
    ck_assert_int_eq(ask(64, &records), FAULT_NONE);
    selftest_records_release(&records);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("selftest_client");
    TCase *tcase = tcase_create("selftest_client");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, without_curl_there_is_a_hint);
    tcase_add_test(tcase, a_failing_curl_is_a_fault);
    tcase_add_test(tcase, output_that_is_not_understood_is_a_fault);
    tcase_add_test(tcase, what_curl_prints_becomes_records);
    tcase_add_test(tcase, curl_reads_no_settings_and_asks_so_many_times);
    tcase_add_test(tcase, a_crowd_asks_in_parallel);
    suite_add_tcase(suite, tcase);
    return suite;
}
