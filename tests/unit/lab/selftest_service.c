#include "lab/selftest_service.h"

#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL     "postgresql://me:secret@db/splits"
#define STARTED "{\"event\":\"server_started\",\"port\":12345}"
#define LOGGED                                                                                               \
    "{\"event\":\"request\",\"status\":200,\"total_ns\":28,\"read_ns\":1,\"parse_ns\":2,\"queue_ns\":3,"     \
    "\"db_ns\":4,\"json_ns\":5,\"send_ns\":6,\"other_ns\":7,\"request_id\":\"a\"}"

/* A script in the place of the service, and what the self-test prints on stderr. */
static char program[64], complaints[64];
static struct selftest_service service;

static void make_files(void)
{
    memcpy(program, "/tmp/splits-selftest-XXXXXX", 28);
    memcpy(complaints, "/tmp/splits-selftest-XXXXXX", 28);
    int script = mkstemp(program), file = mkstemp(complaints);
    ck_assert_int_ge(script, 0);
    ck_assert_int_eq(fchmod(script, 0700), 0);
    ck_assert_int_eq(close(script), 0);
    ck_assert_int_ge(dup2(file, STDERR_FILENO), 0);
    ck_assert_int_eq(close(file), 0);
}

static void remove_files(void)
{
    (void)unlink(program);
    (void)unlink(complaints);
}

static enum fault start(const char *script, const char *database_url)
{
    FILE *stream = fopen(program, "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fprintf(stream, "#!/bin/sh\n%s\n", script), 0);
    ck_assert_int_eq(fclose(stream), 0);
    const struct selftest_config config = {
        .program = program, .database_url = database_url, .migrations_dir = "/migrations"};
    return selftest_service_start(&config, &service);
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

/* ---- starting ---- */

START_TEST(the_port_is_learned_from_the_log)
{
    ck_assert_int_eq(start("echo '{\"event\":\"config\",\"port\":0}' >&2; sleep 0.1\n"
                           "echo '" STARTED "' >&2; exec sleep 60",
                           URL),
                     FAULT_NONE);
    ck_assert_uint_eq(service.port, 12345);
    ck_assert_uint_eq(service.connections, 16);
    ck_assert(service.workers == 1 || service.workers == 2);
    selftest_service_stop(&service);
}
END_TEST

/* A script that puts what it was given where the reason of a failed start stands. */
#define SHOW(what) "echo \"<\"" what "\">\" >&2; exit 1"

START_TEST(the_url_is_in_the_environment_and_not_on_the_command_line)
{
    ck_assert_int_eq(start(SHOW("$SPLITS_DATABASE_URL"), URL), FAULT_INTERNAL);
    must_have_complained("<" URL ">");
}
END_TEST

START_TEST(the_command_line_turns_on_what_is_needed)
{
    ck_assert_int_eq(start(SHOW("$*"), URL), FAULT_INTERNAL);
    must_have_complained("<serve --address 127.0.0.1 --port 0 ");
    must_have_complained(" --lab on ");
    must_have_complained(" --access-log all ");
    must_have_complained(" --log-format json --log-level info>");
    must_have_complained(" --migrations-dir /migrations ");
}
END_TEST

START_TEST(settings_of_ones_own_do_not_reach_it)
{
    (void)setenv("SPLITS_PORT", "1", 1);
    (void)setenv("SPLITS_DATABASE_URL", "2", 1);
    (void)setenv("DATABASE_URL", "3", 1);
    (void)setenv("DATABASE_URL_FILE", "4", 1);
    (void)setenv("PORT", "5", 1);
    (void)setenv("PGUSER", "6", 1);
    ck_assert_int_eq(start(SHOW("$SPLITS_PORT,$SPLITS_DATABASE_URL,$DATABASE_URL,$DATABASE_URL_FILE,$PORT,"
                                "$PGUSER"),
                           ""),
                     FAULT_INTERNAL);
    must_have_complained("<,,,,,6>");
}
END_TEST

START_TEST(the_reason_of_a_failed_start_is_its_first_error)
{
    ck_assert_int_eq(start("echo '{\"level\":\"info\",\"event\":\"config\"}' >&2\n"
                           "echo '{\"level\":\"error\",\"event\":\"address_in_use\"}' >&2\n"
                           "echo '{\"level\":\"error\",\"event\":\"start_failed\"}' >&2\n"
                           "exit 1",
                           URL),
                     FAULT_INTERNAL);
    must_have_complained("the service did not start: {\"level\":\"error\",\"event\":\"address_in_use\"}");
}
END_TEST

START_TEST(the_reason_of_a_failed_start_may_be_no_line_of_the_log)
{
    ck_assert_int_eq(start("echo 'splits: --lab=on: must be off' >&2; exit 2", URL), FAULT_INTERNAL);
    must_have_complained("the service did not start: splits: --lab=on: must be off");
}
END_TEST

START_TEST(a_service_that_ends_in_silence_did_not_start)
{
    ck_assert_int_eq(start("exit 0", URL), FAULT_INTERNAL);
    must_have_complained("the service did not start: it said nothing");
}
END_TEST

START_TEST(a_program_that_cannot_be_run_is_named)
{
    const struct selftest_config config = {
        .program = "/no/such/program", .database_url = URL, .migrations_dir = "/"};
    ck_assert_int_eq(selftest_service_start(&config, &service), FAULT_INTERNAL);
    must_have_complained("splits: selftest: /no/such/program: No such file or directory");
}
END_TEST

/* ---- joining ---- */

static struct selftest_record one;

static struct selftest_records one_record(void)
{
    one = (struct selftest_record){.request_id = "a", .status = 200};
    return (struct selftest_records){.items = &one, .count = 1};
}

START_TEST(a_line_of_the_log_that_comes_late_is_waited_for)
{
    struct selftest_records records = one_record();
    ck_assert_int_eq(start("echo '" STARTED "' >&2; sleep 0.3; echo '" LOGGED "' >&2; exec sleep 60", URL),
                     FAULT_NONE);
    ck_assert_int_eq(selftest_service_join(&service, &records), FAULT_NONE);
    ck_assert_uint_eq(records.logged, 1);
    ck_assert_uint_eq(one.log_ns.total, 28);
    selftest_service_stop(&service);
}
END_TEST

START_TEST(a_line_that_is_missing_is_a_fault)
{
    struct selftest_records records = one_record();
    ck_assert_int_eq(start("echo '" STARTED "' >&2; sleep 0.1; exit 0", URL), FAULT_NONE);
    ck_assert_int_eq(selftest_service_join(&service, &records), FAULT_INTERNAL);
    must_have_complained("the access log lacks 1 of 1 requests");
    selftest_service_stop(&service);
}
END_TEST

START_TEST(a_line_that_is_there_twice_is_a_fault)
{
    struct selftest_records records = one_record();
    ck_assert_int_eq(start("echo '" STARTED "' >&2; sleep 0.1; printf '%s\\n' '" LOGGED "' '" LOGGED
                           "' >&2; exec sleep 60",
                           URL),
                     FAULT_NONE);
    enum fault fault = selftest_service_join(&service, &records);
    /* The second one may come when the first one is joined. */
    if (!fault) {
        records.logged = 0;
        fault = selftest_service_join(&service, &records);
    }
    ck_assert_int_eq(fault, FAULT_VALIDATION);
    must_have_complained("there twice");
    selftest_service_stop(&service);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("selftest_service");
    TCase *tcase = tcase_create("selftest_service");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_files, remove_files);
    tcase_add_test(tcase, the_port_is_learned_from_the_log);
    tcase_add_test(tcase, the_url_is_in_the_environment_and_not_on_the_command_line);
    tcase_add_test(tcase, the_command_line_turns_on_what_is_needed);
    tcase_add_test(tcase, settings_of_ones_own_do_not_reach_it);
    tcase_add_test(tcase, the_reason_of_a_failed_start_is_its_first_error);
    tcase_add_test(tcase, the_reason_of_a_failed_start_may_be_no_line_of_the_log);
    tcase_add_test(tcase, a_service_that_ends_in_silence_did_not_start);
    tcase_add_test(tcase, a_program_that_cannot_be_run_is_named);
    tcase_add_test(tcase, a_line_of_the_log_that_comes_late_is_waited_for);
    tcase_add_test(tcase, a_line_that_is_missing_is_a_fault);
    tcase_add_test(tcase, a_line_that_is_there_twice_is_a_fault);
    suite_add_tcase(suite, tcase);
    return suite;
}
