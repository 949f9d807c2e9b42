#include "lab/selftest_record.h"

#include "suite.h"

#include <stdio.h>
#include <string.h>

#define TIMING                                                                                               \
    "read;dur=0.012, parse;dur=0.001, queue;dur=0.000, db;dur=15.250, json;dur=5.003, other;dur=0.004, "     \
    "total;dur=20.270"
#define ANSWER(id)                                                                                           \
    "{\"request_id\":\"" id "\",\"status\":\"200\",\"lookup\":0.000010,\"connect\":0.000000,"                \
    "\"total\":0.020400,\"timing\":\"" TIMING "\"}\n"
#define LOGGED(id)                                                                                           \
    "{\"time\":\"x\",\"event\":\"request\",\"status\":200,\"total_ns\":28,\"read_ns\":1,\"parse_ns\":2,"     \
    "\"queue_ns\":3,\"db_ns\":4,\"json_ns\":5,\"send_ns\":6,\"other_ns\":7,\"request_id\":\"" id "\"}\n"

static struct selftest_records records;

static void release(void)
{
    selftest_records_release(&records);
}

static void must_read(const char *output)
{
    ck_assert_int_eq(selftest_records_read(text_of(output), &records), FAULT_NONE);
}

static void must_not_read(const char *output)
{
    ck_assert_int_eq(selftest_records_read(text_of(output), &records), FAULT_VALIDATION);
}

/* ---- Server-Timing ---- */

START_TEST(server_timing_is_read_to_the_microsecond)
{
    struct selftest_phases phases;
    ck_assert(selftest_phases_read(TEXT(TIMING), &phases));
    ck_assert_uint_eq(phases.spent[PHASE_READ], 12);
    ck_assert_uint_eq(phases.spent[PHASE_PARSE], 1);
    ck_assert_uint_eq(phases.spent[PHASE_QUEUE], 0);
    ck_assert_uint_eq(phases.spent[PHASE_DB], 15250);
    ck_assert_uint_eq(phases.spent[PHASE_JSON], 5003);
    ck_assert_uint_eq(phases.spent[PHASE_SEND], 0);
    ck_assert_uint_eq(phases.spent[PHASE_OTHER], 4);
    ck_assert_uint_eq(phases.total, 20270);
}
END_TEST

#define REST "parse;dur=0.001, queue;dur=0.000, db;dur=0.250, json;dur=5.003, other;dur=0.004"

START_TEST(server_timing_of_another_form_is_not_read)
{
    static const char *const values[] = {
        "",
        REST ", total;dur=20.270",                                     /* read is missing */
        "read;dur=0.012, " REST,                                       /* total is missing */
        "read;dur=0.012, read;dur=0.012, " REST,                       /* one is there twice */
        "read;dur=0.012, send;dur=0.012, " REST,                       /* cannot be known yet */
        "read;dur=0.012, " REST ", total;dur=20.270, total;dur=1.000", /* one too many */
        "read;dur=0.012, " REST ", cache;dur=20.270",                  /* is no phase */
        "read;dur=0.01, " REST ", total;dur=20.270",                   /* not to the microsecond */
        "read;dur=0.0123, " REST ", total;dur=20.270",
        "read;dur=12, " REST ", total;dur=20.270",
        "read;dur=, " REST ", total;dur=20.270",
        "read;dur=-0.012, " REST ", total;dur=20.270",
        "read;desc=0.012, " REST ", total;dur=20.270",
        "read, " REST ", total;dur=20.270",
    };
    struct selftest_phases phases;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        ck_assert_msg(!selftest_phases_read(text_of(values[i]), &phases), "%s", values[i]);
}
END_TEST

/* ---- the client's output ---- */

START_TEST(an_answer_becomes_a_record)
{
    must_read(ANSWER("abc"));
    ck_assert_uint_eq(records.count, 1);
    ck_assert_str_eq(records.items[0].request_id, "abc");
    ck_assert_uint_eq(records.items[0].status, 200);
    ck_assert_uint_eq(records.items[0].header_us.total, 20270);
    ck_assert(!records.items[0].is_logged);
}
END_TEST

START_TEST(the_clients_clock_starts_when_the_connection_is_ready)
{
    must_read(ANSWER("kept"));
    ck_assert_uint_eq(records.items[0].client_ns, 20390000);
    release();
    must_read("{\"request_id\":\"new\",\"status\":\"200\",\"lookup\":0.000010,\"connect\":0.000400,"
              "\"total\":0.020400,\"timing\":\"" TIMING "\"}\n");
    ck_assert_uint_eq(records.items[0].client_ns, 20000000);
}
END_TEST

START_TEST(a_refusal_needs_no_server_timing)
{
    must_read(
        "{\"request_id\":\"\",\"status\":\"503\",\"lookup\":0,\"connect\":0,\"total\":0.1,\"timing\":\"\"}\n"
        "{\"request_id\":\"\",\"status\":\"000\",\"lookup\":0,\"connect\":0,\"total\":0.1,\"timing\":\"\"}"
        "\n");
    ck_assert_uint_eq(records.count, 2);
    ck_assert_uint_eq(records.items[0].status + records.items[1].status, 503);
}
END_TEST

START_TEST(no_output_is_no_records)
{
    must_read("");
    ck_assert_uint_eq(records.count, 0);
}
END_TEST

START_TEST(output_of_another_form_is_refused)
{
    must_not_read("nonsense\n");
    must_not_read("{}\n");
    must_not_read(ANSWER("abc") "{\"request_id\":\"half");
    must_not_read(ANSWER("abc") ANSWER("abc"));
    must_not_read(ANSWER(""));
    must_not_read("{\"request_id\":\"abc\",\"status\":\"200\",\"lookup\":0,\"connect\":0,\"total\":0.1,"
                  "\"timing\":\"\"}\n");
    must_not_read("{\"request_id\":\"abc\",\"status\":\"200\",\"lookup\":0,\"connect\":0,\"total\":-0.1,"
                  "\"timing\":\"" TIMING "\"}\n");
    must_not_read(
        "{\"request_id\":\"abc\",\"status\":\"twohundred\",\"lookup\":0,\"connect\":0,\"total\":0.1,"
        "\"timing\":\"" TIMING "\"}\n");
}
END_TEST

/* The line of an answer with an id of so many bytes. */
static enum fault read_id_of_size(int size)
{
    char line[1024], id[256];
    memset(id, 'x', sizeof id);
    (void)snprintf(line, sizeof line,
                   "{\"request_id\":\"%.*s\",\"status\":\"200\",\"lookup\":0,\"connect\":0,\"total\":0.1,"
                   "\"timing\":\"" TIMING "\"}\n",
                   size, id);
    return selftest_records_read(text_of(line), &records);
}

START_TEST(a_request_id_of_128_bytes_is_the_longest)
{
    ck_assert_int_eq(read_id_of_size(129), FAULT_VALIDATION);
    ck_assert_int_eq(read_id_of_size(128), FAULT_NONE);
    ck_assert_uint_eq(strlen(records.items[0].request_id), 128);
}
END_TEST

START_TEST(curl_is_asked_for_what_is_read)
{
    ck_assert_ptr_nonnull(strstr(selftest_record_format, "%header{x-request-id}"));
    ck_assert_ptr_nonnull(strstr(selftest_record_format, "%header{server-timing}"));
    ck_assert_ptr_null(strstr(selftest_record_format, "time_pretransfer"));
    ck_assert_int_eq(selftest_record_format[strlen(selftest_record_format) - 1], '\n');
}
END_TEST

/* ---- the log ---- */

START_TEST(the_log_is_joined_by_request_id)
{
    must_read(ANSWER("b") ANSWER("a"));
    ck_assert_int_eq(selftest_records_join(&records, TEXT(LOGGED("a"))), FAULT_NONE);
    ck_assert_uint_eq(records.logged, 1);
    const struct selftest_record *record = &records.items[0];
    ck_assert_str_eq(record->request_id, "a");
    ck_assert(record->is_logged && !records.items[1].is_logged);
    ck_assert_uint_eq(record->log_ns.total, 28);
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        ck_assert_uint_eq(record->log_ns.spent[phase], phase + 1);
    ck_assert_int_eq(selftest_records_join(&records, TEXT(LOGGED("b"))), FAULT_NONE);
    ck_assert_uint_eq(records.logged, 2);
}
END_TEST

START_TEST(lines_about_other_things_are_passed_over)
{
    must_read(ANSWER("a"));
    ck_assert_int_eq(
        selftest_records_join(&records, TEXT("\nsplits: a warning\n"
                                             "{\"event\":\"server_started\",\"port\":1}\n"
                                             "{\"event\":\"request\"}\n"
                                             "{\"event\":\"request\",\"request_id\":\"\"}\n"
                                             "{\"event\":\"other\",\"request_id\":\"a\"}\n" LOGGED("c"))),
        FAULT_NONE);
    ck_assert_uint_eq(records.logged, 0);
}
END_TEST

START_TEST(a_line_without_all_the_phases_is_a_fault)
{
    must_read(ANSWER("a"));
    ck_assert_int_eq(selftest_records_join(
                         &records, TEXT("{\"event\":\"request\",\"status\":200,\"total_ns\":28,\"read_ns\":1,"
                                        "\"request_id\":\"a\"}\n")),
                     FAULT_VALIDATION);
    ck_assert_uint_eq(records.logged, 0);
}
END_TEST

START_TEST(a_line_with_another_status_than_the_client_saw_is_a_fault)
{
    must_read(ANSWER("a"));
    ck_assert_int_eq(
        selftest_records_join(
            &records,
            TEXT("{\"event\":\"request\",\"status\":499,\"total_ns\":28,\"read_ns\":1,\"parse_ns\":2,"
                 "\"queue_ns\":3,\"db_ns\":4,\"json_ns\":5,\"send_ns\":6,\"other_ns\":7,"
                 "\"request_id\":\"a\"}\n")),
        FAULT_VALIDATION);
}
END_TEST

START_TEST(a_request_that_is_logged_twice_is_a_fault)
{
    must_read(ANSWER("a"));
    ck_assert_int_eq(selftest_records_join(&records, TEXT(LOGGED("a") LOGGED("a"))), FAULT_VALIDATION);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("selftest_record");
    TCase *tcase = tcase_create("selftest_record");
    tcase_add_checked_fixture(tcase, NULL, release);
    tcase_add_test(tcase, server_timing_is_read_to_the_microsecond);
    tcase_add_test(tcase, server_timing_of_another_form_is_not_read);
    tcase_add_test(tcase, an_answer_becomes_a_record);
    tcase_add_test(tcase, the_clients_clock_starts_when_the_connection_is_ready);
    tcase_add_test(tcase, a_refusal_needs_no_server_timing);
    tcase_add_test(tcase, no_output_is_no_records);
    tcase_add_test(tcase, output_of_another_form_is_refused);
    tcase_add_test(tcase, a_request_id_of_128_bytes_is_the_longest);
    tcase_add_test(tcase, curl_is_asked_for_what_is_read);
    tcase_add_test(tcase, the_log_is_joined_by_request_id);
    tcase_add_test(tcase, lines_about_other_things_are_passed_over);
    tcase_add_test(tcase, a_line_without_all_the_phases_is_a_fault);
    tcase_add_test(tcase, a_line_with_another_status_than_the_client_saw_is_a_fault);
    tcase_add_test(tcase, a_request_that_is_logged_twice_is_a_fault);
    suite_add_tcase(suite, tcase);
    return suite;
}
