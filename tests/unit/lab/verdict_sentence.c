#include "lab/verdict_sentence.h"

#include "suite.h"

#include <string.h>

#define US 1e3

/* A verdict by hand, with all that its sentence is written from. */
static struct verdict make_verdict(double total_us, double json_us)
{
    const struct verdict_capacity connections = {
        .bounds = {1059.6, 8000, 8000}, .binding = VERDICT_CONNECTIONS, .rate = 1059.6};
    struct verdict verdict = {.requests = 200, .capacity = connections, .capacity_free = connections};
    verdict.p50.ledger.total_ns = total_us * US;
    verdict.p50.free_total_ns = (total_us - json_us) * US;
    verdict.p50.json_share = json_us / total_us;
    return verdict;
}

static void bind(struct verdict_capacity *capacity, enum verdict_resource resource, double rate)
{
    capacity->binding = resource;
    capacity->rate = capacity->bounds[resource] = rate;
}

/* What a loop tells that is not busy. */
static void forget_loops(struct verdict *verdict)
{
    struct verdict_capacity *const capacities[] = {&verdict->capacity, &verdict->capacity_free};
    for (size_t i = 0; i < 2; i++)
        capacities[i]->bounds[VERDICT_CPU] = capacities[i]->bounds[VERDICT_LOOPS] = 0;
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
    bind(&verdict.capacity, VERDICT_LOOPS, 921.66);
    bind(&verdict.capacity_free, VERDICT_LOOPS, 5405.4);
    ck_assert_str_eq(sentence(&verdict),
                     "The serializer matters here: without it the median would be 1.70 ms instead of 3.50 ms "
                     "(−51.4 %), and loops would bind at 5,410 requests/s instead of 922 (+486 %).");
}
END_TEST

START_TEST(a_sentence_says_when_another_resource_would_bind)
{
    struct verdict verdict = make_verdict(500, 100);
    bind(&verdict.capacity, VERDICT_CPU, 500);
    ck_assert_ptr_nonnull(strstr(sentence(&verdict), "0.400 ms instead of 0.500 ms (−20.0 %), and database "
                                                     "connections would bind at 1,060 requests/s instead of "
                                                     "CPU at 500 (+112 %)."));
}
END_TEST

START_TEST(a_sentence_says_what_stays)
{
    struct verdict verdict = make_verdict(15000, 1);
    bind(&verdict.capacity, VERDICT_CPU, 7);
    bind(&verdict.capacity_free, VERDICT_CPU, 7);
    ck_assert_str_eq(
        sentence(&verdict),
        "The serializer does not matter here: without it the median would still be 15.00 ms, and "
        "CPU binds at 7 requests/s either way.");
}
END_TEST

START_TEST(a_sentence_without_rates_says_when_they_show)
{
    struct verdict verdict = make_verdict(3090, 2010);
    verdict.matters = true;
    forget_loops(&verdict);
    verdict.capacity.rate = verdict.capacity_free.rate = 0;
    ck_assert_str_eq(sentence(&verdict),
                     "The serializer matters here: without it the median would be 1.08 ms instead of 3.09 ms "
                     "(−65.0 %). What rate the CPU allows shows under load.");
    verdict.is_blocking = true;
    ck_assert_ptr_nonnull(
        strstr(sentence(&verdict), "(−65.0 %). What rate the loops allow shows under load."));
}
END_TEST

START_TEST(connections_alone_are_said_to_be_a_limit_at_most)
{
    struct verdict verdict = make_verdict(15500, 180);
    forget_loops(&verdict);
    ck_assert_str_eq(
        sentence(&verdict),
        "The serializer does not matter here: without it the median would be 15.32 ms instead of "
        "15.50 ms (−1.2 %), and database connections allow at most 1,060 requests/s either way. What rate "
        "the CPU allows shows under load.");
}
END_TEST

START_TEST(few_requests_are_counted_at_the_end)
{
    struct verdict verdict = make_verdict(15000, 1);
    ck_assert_ptr_null(strstr(sentence(&verdict), "Preliminary"));
    verdict.is_preliminary = true;
    verdict.requests = 1;
    ck_assert_ptr_nonnull(strstr(sentence(&verdict), "either way. (Preliminary: 1 request.)"));
    verdict.requests = 19;
    ck_assert_ptr_nonnull(strstr(sentence(&verdict), "(Preliminary: 19 requests.)"));
}
END_TEST

START_TEST(json_that_others_make_or_nobody_is_not_judged)
{
    static const char *const sentences[SERIALIZER_COUNT] = {
        [SERIALIZER_POSTGRES] =
            "PostgreSQL makes the JSON here, in the database's time: compare the medians side by side.",
        [SERIALIZER_NONE] = "Nobody makes JSON here, a constant is sent: compare the medians side by side.",
    };
    struct verdict verdict = make_verdict(15000, 1);
    ck_assert_ptr_null(sentence_instead_of_verdict(NULL));
    for (unsigned i = 0; i < SERIALIZER_COUNT; i++) {
        const struct knobs knobs = {.rows = 100, .serializer = (enum serializer)i};
        char text[SENTENCE_SIZE_MAX];
        sentence_of_verdict(&verdict, &knobs, text);
        ck_assert_str_eq(text, sentences[i] ? sentences[i] : sentence(&verdict));
        ck_assert_pstr_eq(sentence_instead_of_verdict(&knobs), sentences[i]);
    }
}
END_TEST

START_TEST(a_sentence_instead_of_a_judgement_counts_requests_too)
{
    struct verdict verdict = make_verdict(15000, 1);
    const struct knobs knobs = {.rows = 100, .serializer = SERIALIZER_NONE};
    char text[SENTENCE_SIZE_MAX];
    verdict.is_preliminary = true;
    verdict.requests = 3;
    sentence_of_verdict(&verdict, &knobs, text);
    ck_assert_ptr_nonnull(strstr(text, "side by side. (Preliminary: 3 requests.)"));
}
END_TEST

START_TEST(the_longest_sentence_is_whole)
{
    struct verdict verdict = make_verdict(1e18, 1e17);
    verdict.requests = UINT64_MAX;
    verdict.is_preliminary = true;
    forget_loops(&verdict);
    verdict.capacity.rate = 1e14;
    verdict.capacity_free = (struct verdict_capacity){.binding = VERDICT_LOOPS, .rate = 1e301};
    ck_assert_ptr_nonnull(strstr(sentence(&verdict),
                                 "would bind at 1,000,000,000,000,000 requests/s instead of "
                                 "database connections at 100,000,000,000,000 (more than"));
    ck_assert_ptr_nonnull(
        strstr(sentence(&verdict), "under load. (Preliminary: 18,446,744,073,709,551,615 requests.)"));
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

START_TEST(changes_beyond_ten_times_are_not_told_in_per_cent)
{
    ck_assert_str_eq(sentence_change(8.99).text, "+899 %");
    ck_assert_str_eq(sentence_change(9).text, "+900 %");
    ck_assert_str_eq(sentence_change(9.001).text, "more than 10 times");
    ck_assert_str_eq(sentence_change(621.19).text, "more than 10 times");
    ck_assert_str_eq(sentence_change(-1).text, "−100 %");
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
    machine.loops_busy = 0.3;
    machine.cpus_busy = 0.099;
    sentence_of_machine(&machine, text);
    ck_assert_str_eq(text,
                     "Now: 812 requests/s. Busiest: loops, 30.0 % in use, used up at 2,710 requests/s.");
    machine.seconds = 0;
    sentence_of_machine(&machine, text);
    ck_assert_str_eq(text, "What binds now is not known: nothing was asked lately.");
}
END_TEST

START_TEST(a_machine_that_is_hardly_busy_is_said_to_be_so)
{
    struct verdict_machine machine = {
        .loops = 2, .cpus = 2, .seconds = 10, .request_rate = 15, .loops_busy = 0.021, .cpus_busy = 0.02};
    char text[SENTENCE_SIZE_MAX];
    sentence_of_machine(&machine, text);
    ck_assert_str_eq(text, "Now: 15 requests/s; nothing is busy: loops 2.1 %.");
    machine.loops_busy = VERDICT_BUSY_MIN;
    sentence_of_machine(&machine, text);
    ck_assert_str_eq(text, "Now: 15 requests/s. Busiest: loops, 10.0 % in use, used up at 150 requests/s.");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/verdict_sentence");
    TCase *sentences = tcase_create("sentence");
    tcase_add_test(sentences, a_sentence_says_what_does_not_matter);
    tcase_add_test(sentences, a_sentence_says_what_matters);
    tcase_add_test(sentences, a_sentence_says_when_another_resource_would_bind);
    tcase_add_test(sentences, a_sentence_says_what_stays);
    tcase_add_test(sentences, a_sentence_without_rates_says_when_they_show);
    tcase_add_test(sentences, connections_alone_are_said_to_be_a_limit_at_most);
    tcase_add_test(sentences, few_requests_are_counted_at_the_end);
    tcase_add_test(sentences, json_that_others_make_or_nobody_is_not_judged);
    tcase_add_test(sentences, a_sentence_instead_of_a_judgement_counts_requests_too);
    tcase_add_test(sentences, the_longest_sentence_is_whole);
    tcase_add_test(sentences, times_have_the_digits_that_they_need);
    tcase_add_test(sentences, rates_have_three_digits_that_count);
    tcase_add_test(sentences, changes_have_a_sign);
    tcase_add_test(sentences, changes_beyond_ten_times_are_not_told_in_per_cent);
    tcase_add_test(sentences, the_machine_is_described_by_what_is_busiest);
    tcase_add_test(sentences, a_machine_that_is_hardly_busy_is_said_to_be_so);
    tcase_add_test(sentences, medians_are_put_side_by_side);
    suite_add_tcase(suite, sentences);
    return suite;
}
