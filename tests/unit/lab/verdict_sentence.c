#include "lab/verdict_sentence.h"

#include "suite.h"

#include <string.h>

#define US 1e3

/* A verdict by hand, with all that its sentence is written from. */
static struct verdict make_verdict(double total_us, double json_us)
{
    struct verdict verdict = {.requests = 200,
                              .capacity = {.binding = VERDICT_CONNECTIONS, .rate = 1059.6},
                              .capacity_free = {.binding = VERDICT_CONNECTIONS, .rate = 1059.6}};
    verdict.p50.ledger.total_ns = total_us * US;
    verdict.p50.free_total_ns = (total_us - json_us) * US;
    verdict.p50.json_share = json_us / total_us;
    return verdict;
}

/* Borrowed until the next call. */
static const char *sentence(const struct verdict *verdict)
{
    static char text[SENTENCE_SIZE_MAX];
    sentence_of_verdict(verdict, NULL, text);
    return text;
}

START_TEST(a_sentence_says_what_does_not_matter)
{
    struct verdict verdict = make_verdict(15500, 180);
    ck_assert_str_eq(
        sentence(&verdict),
        "The serializer does not matter here: without it the median would be 15.32 ms instead of "
        "15.50 ms (−1.2 %), and database connections bind at 1,060 requests/s either way.");
}
END_TEST

START_TEST(a_sentence_says_what_matters)
{
    struct verdict verdict = make_verdict(3500, 1800);
    verdict.matters = true;
    verdict.capacity = (struct verdict_capacity){.binding = VERDICT_CPU, .rate = 921.66};
    verdict.capacity_free = (struct verdict_capacity){.binding = VERDICT_CPU, .rate = 5405.4};
    ck_assert_str_eq(sentence(&verdict),
                     "The serializer matters here: without it the median would be 1.70 ms instead of 3.50 ms "
                     "(−51.4 %), and CPU would bind at 5,410 requests/s instead of 922 (+486 %).");
}
END_TEST

START_TEST(a_sentence_says_when_another_resource_would_bind)
{
    struct verdict verdict = make_verdict(500, 100);
    verdict.capacity = (struct verdict_capacity){.binding = VERDICT_CPU, .rate = 500};
    ck_assert_ptr_nonnull(strstr(sentence(&verdict), "0.400 ms instead of 0.500 ms (−20.0 %), and database "
                                                     "connections would bind at 1,060 requests/s instead of "
                                                     "CPU at 500 (+112 %)."));
}
END_TEST

START_TEST(a_sentence_says_what_stays_and_what_is_unknown)
{
    struct verdict verdict = make_verdict(15000, 1);
    verdict.capacity.rate = verdict.capacity_free.rate = 0;
    verdict.is_preliminary = true;
    verdict.requests = 1;
    ck_assert_str_eq(
        sentence(&verdict),
        "The serializer does not matter here: without it the median would still be 15.00 ms, and "
        "what limits the rate is not known yet. (Preliminary: 1 request.)");
    verdict.requests = 19;
    ck_assert_ptr_nonnull(strstr(sentence(&verdict), "(Preliminary: 19 requests.)"));
    verdict.capacity = verdict.capacity_free = (struct verdict_capacity){.binding = VERDICT_CPU, .rate = 7};
    ck_assert_ptr_nonnull(strstr(sentence(&verdict), "CPU binds at 7 requests/s either way."));
}
END_TEST

START_TEST(json_that_the_database_makes_is_said_to_be_its)
{
    struct verdict verdict = make_verdict(15000, 1);
    char text[SENTENCE_SIZE_MAX];
    struct knobs knobs = {.rows = 100, .serializer = SERIALIZER_POSTGRES};
    sentence_of_verdict(&verdict, &knobs, text);
    ck_assert_ptr_nonnull(strstr(text, "PostgreSQL makes the JSON"));
    knobs.serializer = SERIALIZER_DIRECT;
    sentence_of_verdict(&verdict, &knobs, text);
    ck_assert_ptr_null(strstr(text, "PostgreSQL"));
}
END_TEST

START_TEST(the_longest_sentence_is_whole)
{
    struct verdict verdict = make_verdict(1e15, 1e14);
    verdict.requests = UINT64_MAX;
    verdict.is_preliminary = true;
    verdict.capacity.rate = 1e300;
    verdict.capacity_free = (struct verdict_capacity){.binding = VERDICT_LOOPS, .rate = 1e301};
    struct knobs knobs = {.rows = 1000, .serializer = SERIALIZER_POSTGRES};
    char text[SENTENCE_SIZE_MAX];
    sentence_of_verdict(&verdict, &knobs, text);
    ck_assert_ptr_nonnull(strstr(text, "costs. (Preliminary: 18,446,744,073,709,551,615 requests.)"));
}
END_TEST

START_TEST(times_have_the_digits_that_they_need)
{
    ck_assert_str_eq(sentence_time(15310 * US).text, "15.31 ms");
    ck_assert_str_eq(sentence_time(1234567 * US).text, "1234.6 ms");
    ck_assert_str_eq(sentence_time(1000 * US).text, "1.00 ms");
    ck_assert_str_eq(sentence_time(999 * US).text, "0.999 ms");
    ck_assert_str_eq(sentence_time(10 * US).text, "0.010 ms");
    ck_assert_str_eq(sentence_time(1.53 * US).text, "0.00153 ms");
}
END_TEST

START_TEST(rates_have_three_digits_that_count)
{
    ck_assert_str_eq(sentence_rate(0.03125).text, "0.0312");
    ck_assert_str_eq(sentence_rate(41.66).text, "41.7");
    ck_assert_str_eq(sentence_rate(99.99).text, "100");
    ck_assert_str_eq(sentence_rate(100).text, "100");
    ck_assert_str_eq(sentence_rate(999.4).text, "999");
    ck_assert_str_eq(sentence_rate(999.6).text, "1,000");
    ck_assert_str_eq(sentence_rate(1000).text, "1,000");
    ck_assert_str_eq(sentence_rate(1059.6).text, "1,060");
    ck_assert_str_eq(sentence_rate(107499).text, "107,000");
    ck_assert_str_eq(sentence_rate(1234567).text, "1,230,000");
    ck_assert_str_eq(sentence_rate(1e300).text, "1,000,000,000,000,000");
}
END_TEST

START_TEST(changes_have_a_sign)
{
    ck_assert_str_eq(sentence_change(0.0412).text, "+4.1 %");
    ck_assert_str_eq(sentence_change(-0.0116).text, "−1.2 %");
    ck_assert_str_eq(sentence_change(4.865).text, "+486 %");
    ck_assert_str_eq(sentence_change(-0.0004).text, "±0.0 %");
    ck_assert_str_eq(sentence_change(0.0005).text, "+0.1 %");
}
END_TEST

START_TEST(medians_are_put_side_by_side)
{
    struct verdict direct = make_verdict(15000, 1), jansson = make_verdict(15615, 1);
    const struct verdict *verdicts[SERIALIZER_COUNT] = {
        [SERIALIZER_DIRECT] = &direct, [SERIALIZER_JANSSON] = &jansson};
    char text[SENTENCE_SIZE_MAX];
    sentence_of_comparison(verdicts, text);
    ck_assert_str_eq(text, "Measured medians: direct 15.00 ms, jansson 15.62 ms (+4.1 %).");
    verdicts[SERIALIZER_DIRECT] = NULL;
    verdicts[SERIALIZER_NONE] = &direct;
    sentence_of_comparison(verdicts, text);
    ck_assert_str_eq(text, "Measured medians: jansson 15.62 ms, none 15.00 ms (−3.9 %).");
}
END_TEST

START_TEST(the_machine_is_described_by_what_is_busiest)
{
    struct verdict_machine machine = {
        .loops = 2, .cpus = 2, .seconds = 10, .request_rate = 812, .loops_busy = 0.25, .cpus_busy = 0.43};
    char text[SENTENCE_SIZE_MAX];
    sentence_of_machine(&machine, text);
    ck_assert_str_eq(text, "Now: 812 requests/s. Busiest: CPU, 43.0 % in use, used up at 1,890 requests/s.");
    machine.seconds = 0;
    sentence_of_machine(&machine, text);
    ck_assert_str_eq(text, "What binds now is not known: nothing was asked lately.");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/verdict_sentence");
    TCase *sentences = tcase_create("sentence");
    tcase_add_test(sentences, a_sentence_says_what_does_not_matter);
    tcase_add_test(sentences, a_sentence_says_what_matters);
    tcase_add_test(sentences, a_sentence_says_when_another_resource_would_bind);
    tcase_add_test(sentences, a_sentence_says_what_stays_and_what_is_unknown);
    tcase_add_test(sentences, json_that_the_database_makes_is_said_to_be_its);
    tcase_add_test(sentences, the_longest_sentence_is_whole);
    tcase_add_test(sentences, times_have_the_digits_that_they_need);
    tcase_add_test(sentences, rates_have_three_digits_that_count);
    tcase_add_test(sentences, changes_have_a_sign);
    tcase_add_test(sentences, the_machine_is_described_by_what_is_busiest);
    tcase_add_test(sentences, medians_are_put_side_by_side);
    suite_add_tcase(suite, sentences);
    return suite;
}
