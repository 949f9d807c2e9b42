#include "http/request_fields.h"

#include "suite.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Where the lines stand, behind one byte that stands for the request line. */
static char head[4096];

/* Takes in lines that are written "name:value", each ended by "\n"; values come without blanks around them.
 */
static enum fault take_lines(struct request_fields *fields, const char *lines)
{
    *fields = (struct request_fields){0};
    ck_assert_int_lt(snprintf(head, sizeof head, "?%s", lines), (int)sizeof head);
    for (const char *at = head + 1; *at != '\0';) {
        const char *colon = strchr(at, ':');
        const char *end = strchr(at, '\n');
        struct slice name = {(uint32_t)(at - head), (uint32_t)(colon - at)};
        struct slice value = {(uint32_t)(colon + 1 - head), (uint32_t)(end - colon - 1)};
        enum fault fault = request_fields_take(fields, head, name, value);
        if (fault) return fault;
        at = end + 1;
    }
    return FAULT_NONE;
}

static enum fault judge(const char *lines, unsigned minor_version)
{
    struct request_fields fields;
    enum fault fault = take_lines(&fields, lines);
    return fault ? fault : request_fields_judge(&fields, minor_version);
}

struct judgement {
    const char *lines;
    enum fault fault;
};

static void assert_judgements(const struct judgement *cases, size_t count, unsigned minor_version)
{
    for (size_t i = 0; i < count; i++) {
        enum fault fault = judge(cases[i].lines, minor_version);
        ck_assert_msg(fault == cases[i].fault, "fault %d, not %d:\n%s", (int)fault, (int)cases[i].fault,
                      cases[i].lines);
    }
}

START_TEST(http_1_1_needs_exactly_one_sound_host)
{
    static const struct judgement cases[] = {
        {"Host:localhost\n", FAULT_NONE},
        {"hOST:localhost:8080\n", FAULT_NONE},
        {"Host:\n", FAULT_NONE},
        {"Host:[::1]:80\n", FAULT_NONE},
        {"", FAULT_HOST},
        {"Hos:a\nHostt:a\nGost:a\n", FAULT_HOST},
        {"Host:a\nHost:a\n", FAULT_HOST},
        {"Host:a\nHost:\n", FAULT_HOST},
        {"Host:a\nAccept:x\nHOST:b\n", FAULT_HOST},
        {"Host:a b\n", FAULT_HOST},
        {"Host:a@b\n", FAULT_HOST},
        {"Host:a/b\n", FAULT_HOST},
        {"Host:a:65536\n", FAULT_HOST},
        {"Host:http://a\n", FAULT_HOST},
    };
    assert_judgements(cases, COUNT(cases), 1);
}
END_TEST

START_TEST(http_1_0_may_do_without_host_but_not_have_two_or_an_unsound_one)
{
    static const struct judgement cases[] = {
        {"", FAULT_NONE},
        {"Host:localhost\n", FAULT_NONE},
        {"Host:a\nHost:a\n", FAULT_HOST},
        {"Host:a b\n", FAULT_HOST},
    };
    assert_judgements(cases, COUNT(cases), 0);
}
END_TEST

START_TEST(content_length_is_one_number)
{
    static const struct judgement cases[] = {
        {"Host:a\nContent-Length:0\n", FAULT_NONE},
        {"Host:a\nContent-Length:00012\n", FAULT_NONE},
        {"Host:a\nContent-Length:9223372036854775807\n", FAULT_NONE},
        {"Host:a\nContent-Length:00000000000000000000000000000001\n", FAULT_NONE},
        {"Host:a\nContent-Length:9223372036854775808\n", FAULT_BODY_TOO_LARGE},
        {"Host:a\nContent-Length:18446744073709551615\n", FAULT_BODY_TOO_LARGE},
        {"Host:a\nContent-Length:18446744073709551616\n", FAULT_BODY_TOO_LARGE},
        {"Host:a\nContent-Length:18446744073709551617\n", FAULT_BODY_TOO_LARGE},
        {"Host:a\nContent-Length:99999999999999999999999999999999999999999\n", FAULT_BODY_TOO_LARGE},
        {"Host:a\nContent-Length:\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:+1\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:-1\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:-0\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1 2\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1\t2\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1,1\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1, 1\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1,\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:0x1\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1.0\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1e1\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1_0\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:\"1\"\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:a\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:\xD9\xA1\n", FAULT_CONTENT_LENGTH}, /* ARABIC-INDIC DIGIT ONE */
        {"Host:a\nContent-Length:99999999999999999999x\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1\nContent-Length:1\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:1\nContent-Length:2\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nContent-Length:99999999999999999999\ncontent-length:1\n", FAULT_CONTENT_LENGTH},
    };
    assert_judgements(cases, COUNT(cases), 1);
    assert_judgements(cases, COUNT(cases), 0);
}
END_TEST

START_TEST(the_number_of_content_length_is_kept)
{
    struct request_fields fields;
    ck_assert_int_eq(take_lines(&fields, "content-LENGTH:9223372036854775807\n"), FAULT_NONE);
    ck_assert_uint_eq(fields.content_length, INT64_MAX);
    ck_assert_int_eq(take_lines(&fields, "Content-Length:0042\n"), FAULT_NONE);
    ck_assert_uint_eq(fields.content_length, 42);
}
END_TEST

START_TEST(a_transfer_encoding_is_chunked_once_and_last)
{
    static const struct judgement cases[] = {
        {"Host:a\nTransfer-Encoding:chunked\n", FAULT_NONE},
        {"Host:a\ntransfer-encoding:CHUNKED\n", FAULT_NONE},
        {"Host:a\nTransfer-Encoding:chunked,\n", FAULT_NONE},
        {"Host:a\nTransfer-Encoding:, ,\t,chunked ,,\n", FAULT_NONE},
        {"Host:a\nTransfer-Encoding:\nTransfer-Encoding:chunked\n", FAULT_NONE},
        {"Host:a\nTransfer-Encoding:\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:,\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:identity\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:xchunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunke\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunkedx\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked x\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:x chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:\"chunked\"\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:'chunked'\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked, gzip\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked, identity\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked, chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked, gzip, chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked\nTransfer-Encoding:chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked\nTransfer-Encoding:identity\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked;a=b\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked ; a=\"b\"\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked;\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;q=1;chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;a, chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;a=, chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;a=\"b, chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;a=\"b\\\", chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;a=\"b\\\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;a=\"b\"c, chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;=b, chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:{}, chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked;a=b\nTransfer-Encoding:chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;\nTransfer-Encoding:chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;a=\"b\nTransfer-Encoding:chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:gzip;a=\"b\\\nTransfer-Encoding:chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chun ked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nTransfer-Encoding:chunked\xA0\n", FAULT_TRANSFER_ENCODING},
    };
    assert_judgements(cases, COUNT(cases), 1);
}
END_TEST

START_TEST(another_coding_before_chunked_is_noted)
{
    static const char *const lines[] = {
        "Transfer-Encoding:gzip, chunked\n",
        "Transfer-Encoding:identity,chunked\n",
        "Transfer-Encoding:gzip\nTransfer-Encoding:chunked\n",
        "Transfer-Encoding:a ; b = c;d=\"e, \\\"f\" , Chunked\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct request_fields fields;
        ck_assert_int_eq(take_lines(&fields, lines[i]), FAULT_NONE);
        ck_assert_msg(fields.codings.has_other && !fields.codings.is_malformed, "%s", lines[i]);
        ck_assert(fields.codings.ends_chunked && fields.codings.chunked == 1);
    }
    struct request_fields fields;
    ck_assert_int_eq(take_lines(&fields, "Transfer-Encoding:chunked\n"), FAULT_NONE);
    ck_assert(!fields.codings.has_other);
}
END_TEST

START_TEST(transfer_encoding_stands_neither_beside_content_length_nor_in_http_1_0)
{
    static const struct judgement cases[] = {
        {"Host:a\nTransfer-Encoding:chunked\nContent-Length:0\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nContent-Length:5\nTransfer-Encoding:chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nContent-Length:x\nTransfer-Encoding:chunked\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nContent-Length:5\nTransfer-Encoding:\n", FAULT_TRANSFER_ENCODING},
        {"Host:a\nContent-Length:5\nTransfer-Encoding:identity\n", FAULT_TRANSFER_ENCODING},
    };
    assert_judgements(cases, COUNT(cases), 1);
    ck_assert_int_eq(judge("Transfer-Encoding:chunked\n", 0), FAULT_TRANSFER_ENCODING);
    ck_assert_int_eq(judge("Transfer-Encoding:gzip, chunked\n", 0), FAULT_TRANSFER_ENCODING);
    ck_assert_int_eq(judge("Host:a\nTransfer-Encoding:chunked\n", 1), FAULT_NONE);
}
END_TEST

START_TEST(framing_faults_win_over_host_faults)
{
    static const struct judgement cases[] = {
        {"Transfer-Encoding:chunked\nContent-Length:0\n", FAULT_TRANSFER_ENCODING},
        {"Content-Length:x\n", FAULT_CONTENT_LENGTH},
        {"Host:a b\nContent-Length:1\nContent-Length:1\n", FAULT_CONTENT_LENGTH},
        {"Host:a\nHost:b\nTransfer-Encoding:gzip\n", FAULT_TRANSFER_ENCODING},
    };
    assert_judgements(cases, COUNT(cases), 1);
}
END_TEST

START_TEST(connection_is_a_list_of_tokens)
{
    static const struct {
        const char *lines;
        enum fault fault;
        bool has_close, has_keep_alive;
    } cases[] = {
        {"Connection:close\n", FAULT_NONE, true, false},
        {"connection:CLOSE\n", FAULT_NONE, true, false},
        {"Connection:Keep-Alive\n", FAULT_NONE, false, true},
        {"Connection:keep-alive, Upgrade,close\n", FAULT_NONE, true, true},
        {"Connection:x\nConnection:close\n", FAULT_NONE, true, false},
        {"Connection:close\nConnection:keep-alive\n", FAULT_NONE, true, true},
        {"Connection:, ,\t, close ,\n", FAULT_NONE, true, false},
        {"Connection:\n", FAULT_NONE, false, false},
        {"Connection:closed, xclose, clos\n", FAULT_NONE, false, false},
        {"Proxy-Connection:close\n", FAULT_NONE, false, false},
        {"Connection:close keep-alive\n", FAULT_FIELD, false, false},
        {"Connection:close;q=1\n", FAULT_FIELD, false, false},
        {"Connection:\"close\"\n", FAULT_FIELD, false, false},
        {"Connection:x, cl\xC3\xB6se\n", FAULT_FIELD, false, false},
        {"Connection:a/b\n", FAULT_FIELD, false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct request_fields fields;
        ck_assert_msg(take_lines(&fields, cases[i].lines) == cases[i].fault, "%s", cases[i].lines);
        if (cases[i].fault) continue;
        ck_assert_msg(fields.has_close == cases[i].has_close, "%s", cases[i].lines);
        ck_assert_msg(fields.has_keep_alive == cases[i].has_keep_alive, "%s", cases[i].lines);
    }
}
END_TEST

START_TEST(the_only_expectation_is_100_continue)
{
    static const struct {
        const char *lines;
        bool has_continue, has_other;
    } cases[] = {
        {"Expect:100-continue\n", true, false},
        {"expect:100-Continue\n", true, false},
        {"Expect:100-continue, 100-CONTINUE\n", true, false},
        {"Expect:100-continue\nExpect:100-continue\n", true, false},
        {"Expect:\n", false, false},
        {"Expect:200-ok\n", false, true},
        {"Expect:100-continue, 200-ok\n", true, true},
        {"Expect:100-continue\nExpect:x\n", true, true},
        {"Expect:100-continue;a=b\n", false, true},
        {"Expect:100-continued\n", false, true},
        {"Expect:\"100-continue\"\n", false, true},
        {"Expect:100 continue\n", false, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct request_fields fields;
        ck_assert_int_eq(take_lines(&fields, cases[i].lines), FAULT_NONE);
        ck_assert_msg(fields.has_continue == cases[i].has_continue, "%s", cases[i].lines);
        ck_assert_msg(fields.has_other_expectation == cases[i].has_other, "%s", cases[i].lines);
    }
}
END_TEST

static void assert_kept(const char *lines, enum header header, const char *expected)
{
    struct request_fields fields;
    ck_assert_msg(take_lines(&fields, lines) == FAULT_NONE, "%s", lines);
    if (expected == NULL) {
        ck_assert_uint_eq(fields.kept[header].at, 0);
        return;
    }
    ck_assert_uint_gt(fields.kept[header].at, 0);
    struct text value = slice_text(fields.kept[header], head);
    ck_assert_msg(text_equal(value, text_of(expected)), "%s", lines);
}

START_TEST(fields_that_handlers_see_are_kept_whatever_their_case)
{
    assert_kept("x:1\nAccept:a/b\n", HEADER_ACCEPT, "a/b");
    assert_kept("CONTENT-ENCODING:gzip\n", HEADER_CONTENT_ENCODING, "gzip");
    assert_kept("content-type:a/b; c=d\n", HEADER_CONTENT_TYPE, "a/b; c=d");
    assert_kept("Idempotency-Key:\"k\"\n", HEADER_IDEMPOTENCY_KEY, "\"k\"");
    assert_kept("If-Match:\"1\"\n", HEADER_IF_MATCH, "\"1\"");
    assert_kept("If-None-Match:*\n", HEADER_IF_NONE_MATCH, "*");
    assert_kept("x-request-ID:r\n", HEADER_X_REQUEST_ID, "r");
    assert_kept("Accept:\n", HEADER_ACCEPT, "");
}
END_TEST

START_TEST(names_that_are_only_alike_are_not_taken_for_kept_ones)
{
    assert_kept("Accepx:a\nxccept:a\n", HEADER_ACCEPT, NULL);
    assert_kept("Content_Type:a\nContent-Typ:a\n", HEADER_CONTENT_TYPE, NULL);
    assert_kept("If-None-Matcx:a\n", HEADER_IF_NONE_MATCH, NULL);
    assert_kept("X_Request_Id:a\n", HEADER_X_REQUEST_ID, NULL);
}
END_TEST

START_TEST(the_first_of_repeats_is_kept)
{
    assert_kept("Accept:a\nAccept:b\n", HEADER_ACCEPT, "a");
    assert_kept("X-Request-Id:a\nX-Request-Id:b\n", HEADER_X_REQUEST_ID, "a");
    assert_kept("X-Request-Id:\nX-Request-Id:b\n", HEADER_X_REQUEST_ID, "");
    assert_kept("Content-Type:a\nContent-Type:a\n", HEADER_CONTENT_TYPE, "a");
    assert_kept("Idempotency-Key:a\nIdempotency-Key:a\n", HEADER_IDEMPOTENCY_KEY, "a");
}
END_TEST

START_TEST(contradicting_repeats_are_refused)
{
    struct request_fields fields;
    ck_assert_int_eq(take_lines(&fields, "Content-Type:a\nContent-Type:b\n"), FAULT_FIELD);
    ck_assert_int_eq(take_lines(&fields, "Content-Type:a\nContent-Type:\n"), FAULT_FIELD);
    ck_assert_int_eq(take_lines(&fields, "Content-Type:\nContent-Type:a\n"), FAULT_FIELD);
    ck_assert_int_eq(take_lines(&fields, "Idempotency-Key:a\nIdempotency-Key:A\n"), FAULT_FIELD);
}
END_TEST

START_TEST(of_repeated_content_encodings_one_that_is_a_coding_is_kept)
{
    assert_kept("Content-Encoding:identity\nContent-Encoding:gzip\n", HEADER_CONTENT_ENCODING, "gzip");
    assert_kept("Content-Encoding:\nContent-Encoding:gzip\n", HEADER_CONTENT_ENCODING, "gzip");
    assert_kept("Content-Encoding:gzip\nContent-Encoding:Identity\n", HEADER_CONTENT_ENCODING, "gzip");
    assert_kept("Content-Encoding:Identity\nContent-Encoding:identity\n", HEADER_CONTENT_ENCODING,
                "identity");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("request_fields");
    TCase *test_case = tcase_create("all");
    tcase_add_test(test_case, http_1_1_needs_exactly_one_sound_host);
    tcase_add_test(test_case, http_1_0_may_do_without_host_but_not_have_two_or_an_unsound_one);
    tcase_add_test(test_case, content_length_is_one_number);
    tcase_add_test(test_case, the_number_of_content_length_is_kept);
    tcase_add_test(test_case, a_transfer_encoding_is_chunked_once_and_last);
    tcase_add_test(test_case, another_coding_before_chunked_is_noted);
    tcase_add_test(test_case, transfer_encoding_stands_neither_beside_content_length_nor_in_http_1_0);
    tcase_add_test(test_case, framing_faults_win_over_host_faults);
    tcase_add_test(test_case, connection_is_a_list_of_tokens);
    tcase_add_test(test_case, the_only_expectation_is_100_continue);
    tcase_add_test(test_case, fields_that_handlers_see_are_kept_whatever_their_case);
    tcase_add_test(test_case, names_that_are_only_alike_are_not_taken_for_kept_ones);
    tcase_add_test(test_case, the_first_of_repeats_is_kept);
    tcase_add_test(test_case, contradicting_repeats_are_refused);
    tcase_add_test(test_case, of_repeated_content_encodings_one_that_is_a_coding_is_kept);
    suite_add_tcase(suite, test_case);
    return suite;
}
