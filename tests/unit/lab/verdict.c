#include "lab/verdict.h"

#include "suite.h"

#include <string.h>

#define US 1e3
#define MS 1e6

/* Relative, for sums of floating point numbers. */
#define ck_close(actual, expected) ck_assert_double_eq_tol(actual, expected, 1e-9 * ((expected) + 1))

static const struct verdict_machine machine = {
    .loops = 2,
    .cpus = 2,
    .connections = 16,
    .seconds = 10,
    .request_rate = 800,
    .loops_busy = 0.25,
    .cpus_busy = 0.4,
    .connections_busy = 0.25,
    .fixed_loop_ns = 20 * US,
    .cpu_per_loop = 0.9,
};

/* The total is the sum. */
static struct ledger_mean sum_up(struct ledger_mean ledger)
{
    ledger.total_ns = 0;
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        ledger.total_ns += ledger.spent_ns[i];
    return ledger;
}

/* A hundred users as a tree, a database that takes 15 ms. */
static struct ledger_mean slow_database(void)
{
    return sum_up((struct ledger_mean){.count = 200,
                                       .spent_ns = {[PHASE_READ] = 20 * US,
                                                    [PHASE_PARSE] = 50 * US,
                                                    [PHASE_QUEUE] = 10 * US,
                                                    [PHASE_DB] = 15200 * US,
                                                    [PHASE_JSON] = 180 * US,
                                                    [PHASE_SEND] = 20 * US,
                                                    [PHASE_OTHER] = 20 * US},
                                       .connection_ns = 15100 * US});
}

/* A thousand users as a tree, a database that takes no longer than it must. */
static struct ledger_mean large_answer(void)
{
    return sum_up((struct ledger_mean){.count = 200,
                                       .spent_ns = {[PHASE_READ] = 20 * US,
                                                    [PHASE_PARSE] = 350 * US,
                                                    [PHASE_QUEUE] = 10 * US,
                                                    [PHASE_DB] = 1200 * US,
                                                    [PHASE_JSON] = 1800 * US,
                                                    [PHASE_SEND] = 100 * US,
                                                    [PHASE_OTHER] = 20 * US},
                                       .connection_ns = 1100 * US});
}

/* A database time and a serialization, nothing else. */
static struct ledger_mean db_and_json(double db_ns, double json_ns)
{
    return sum_up(
        (struct ledger_mean){.count = 200, .spent_ns = {[PHASE_DB] = db_ns, [PHASE_JSON] = json_ns}});
}

static struct verdict judge_on(const struct verdict_machine *on, struct ledger_mean ledger)
{
    struct verdict_ledgers ledgers = {ledger, ledger, ledger};
    struct verdict verdict;
    verdict_of(on, &ledgers, &verdict);
    return verdict;
}

static struct verdict judge(struct ledger_mean ledger)
{
    return judge_on(&machine, ledger);
}

START_TEST(shares_are_parts_of_the_total_and_three_sum_to_one)
{
    struct verdict_split p50 = judge(large_answer()).p50;
    ck_close(p50.database_share, 1200.0 / 3500);
    ck_close(p50.queue_share, 10.0 / 3500);
    ck_close(p50.cpu_share, 2290.0 / 3500);
    ck_close(p50.json_share, 1800.0 / 3500);
    ck_close(p50.database_share + p50.queue_share + p50.cpu_share, 1);
}
END_TEST

START_TEST(shares_that_are_rounded_up_leave_no_less_than_nothing)
{
    struct ledger_mean ledger = {.count = 1, .total_ns = 10};
    ledger.spent_ns[PHASE_DB] = 7;
    ledger.spent_ns[PHASE_QUEUE] = 3 + 1e-12;
    ck_assert_double_eq(judge(ledger).p50.cpu_share, 0);
}
END_TEST

START_TEST(each_quantile_is_judged_by_its_own_ledgers)
{
    struct verdict_ledgers ledgers = {slow_database(), large_answer(), slow_database()};
    struct verdict verdict;
    verdict_of(&machine, &ledgers, &verdict);
    ck_close(verdict.p50.free_total_ns, 1700 * US);
    ck_close(verdict.p99.free_total_ns, 15320 * US);
    ck_close(verdict.p50.ledger.total_ns, 3500 * US);
    ck_close(verdict.p99.ledger.total_ns, 15500 * US);
    ck_close(verdict.json_ns, 180 * US);
}
END_TEST

START_TEST(a_total_of_nothing_has_no_shares)
{
    struct verdict verdict = judge((struct ledger_mean){.count = 1});
    ck_assert_double_eq(verdict.p50.database_share, 0);
    ck_assert_double_eq(verdict.p50.queue_share, 0);
    ck_assert_double_eq(verdict.p50.cpu_share, 0);
    ck_assert_double_eq(verdict.p50.free_total_ns, 0);
    ck_assert(!verdict.matters);
}
END_TEST

START_TEST(a_serialization_rounded_beyond_the_total_leaves_nothing_of_it)
{
    struct ledger_mean ledger = db_and_json(0, 100 * US);
    ledger.spent_ns[PHASE_JSON] += 1e-9;
    ck_assert_double_eq(judge(ledger).p50.free_total_ns, 0);
}
END_TEST

START_TEST(fifteen_milliseconds_of_database_hide_the_serializer)
{
    struct verdict verdict = judge(slow_database());
    ck_assert(!verdict.matters);
    ck_close(verdict.p50.free_total_ns, 15320 * US);
    ck_close(verdict.p50.database_share, 15200.0 / 15500);
    ck_close(verdict.p50.cpu_share, 290.0 / 15500);
    ck_close(verdict.cpu_ns, 225 * US);
    ck_close(verdict.capacity.bounds[VERDICT_CONNECTIONS], 16 / 0.0151);
    ck_close(verdict.capacity.bounds[VERDICT_CPU], 2 / 0.000225);
    ck_close(verdict.capacity.bounds[VERDICT_LOOPS], 8000.0);
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_CONNECTIONS);
    ck_close(verdict.capacity.rate, 16 / 0.0151);
    ck_close(verdict.capacity_free.rate, 16 / 0.0151);
    ck_close(verdict.capacity_free.bounds[VERDICT_CPU], 2 / 0.000063);
    ck_close(verdict.capacity_free.bounds[VERDICT_LOOPS], 2 / 0.00007);
    ck_close(verdict.latency_limit_ns, 99 * 180 * US - 110 * US);
}
END_TEST

START_TEST(a_thousand_rows_show_the_serializer)
{
    struct verdict verdict = judge(large_answer());
    ck_assert(verdict.matters);
    ck_close(verdict.p50.free_total_ns, 1700 * US);
    ck_close(verdict.cpu_ns, 1953 * US);
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_LOOPS);
    ck_close(verdict.capacity.rate, 2 / 0.00217);
    ck_close(verdict.capacity.bounds[VERDICT_CPU], 2 / 0.001953);
    ck_assert_int_eq(verdict.capacity_free.binding, VERDICT_LOOPS);
    ck_close(verdict.capacity_free.rate, 2 / 0.00037);
    ck_close(verdict.capacity_free.bounds[VERDICT_CPU], 2 / 0.000333);
    ck_close(verdict.capacity_free.bounds[VERDICT_CONNECTIONS], 16 / 0.0011);
    ck_close(verdict.latency_limit_ns, 99 * 1800 * US - 490 * US);
}
END_TEST

START_TEST(free_serialization_can_make_another_resource_bind)
{
    struct verdict_machine small = machine;
    small.connections = 2;
    struct verdict verdict = judge_on(&small, large_answer());
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_LOOPS);
    ck_assert_int_eq(verdict.capacity_free.binding, VERDICT_CONNECTIONS);
    ck_close(verdict.capacity_free.rate, 2 / 0.0011);
}
END_TEST

START_TEST(of_loops_and_cpus_those_bind_that_are_fewer)
{
    struct verdict_machine few = machine;
    few.loops = 1;
    few.cpu_per_loop = 1;
    struct verdict verdict = judge_on(&few, large_answer());
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_LOOPS);
    ck_close(verdict.capacity.rate, 1 / 0.00217);
    ck_close(verdict.capacity.bounds[VERDICT_CPU], 2 / 0.00217);
    few.loops = 2;
    ck_assert_int_eq(judge_on(&few, large_answer()).capacity.binding, VERDICT_CPU);
    few.loops = 3;
    ck_assert_int_eq(judge_on(&few, large_answer()).capacity.binding, VERDICT_CPU);
}
END_TEST

START_TEST(loops_that_wait_for_processors_take_less_cpu_time_than_they_are_busy)
{
    struct verdict_machine crowded = machine;
    crowded.loops = 4;
    crowded.cpu_per_loop = 0.25;
    struct verdict verdict = judge_on(&crowded, large_answer());
    ck_close(verdict.cpu_ns, 542.5 * US);
    ck_close(verdict.capacity.bounds[VERDICT_CPU], 2 / 0.0005425);
    ck_close(verdict.capacity.bounds[VERDICT_LOOPS], 4 / 0.00217);
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_LOOPS);
}
END_TEST

START_TEST(a_loop_that_waits_for_the_database_is_used_up_by_waiting)
{
    struct verdict_machine blocking = machine;
    blocking.is_blocking = true;
    struct verdict verdict = judge_on(&blocking, slow_database());
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_LOOPS);
    ck_close(verdict.capacity.rate, 2 / 0.01546);
    ck_close(verdict.capacity_free.rate, 2 / 0.01528);
    ck_close(verdict.capacity.bounds[VERDICT_CPU], 2 / 0.000225);
    ck_close(verdict.cpu_ns, 225 * US);
    ck_assert(!verdict.matters);
}
END_TEST

START_TEST(a_loop_that_waits_has_no_latency_limit)
{
    struct verdict_machine blocking = machine;
    ck_assert(!judge_on(&blocking, large_answer()).is_blocking);
    ck_assert_double_gt(judge_on(&blocking, large_answer()).latency_limit_ns, 0);
    blocking.is_blocking = true;
    ck_assert(judge_on(&blocking, large_answer()).is_blocking);
    ck_assert_double_eq(judge_on(&blocking, large_answer()).latency_limit_ns, 0);
}
END_TEST

START_TEST(the_median_matters_from_five_per_cent_on)
{
    ck_assert(!judge_on(&(struct verdict_machine){0}, db_and_json(951, 49)).matters);
    ck_assert(judge_on(&(struct verdict_machine){0}, db_and_json(950, 50)).matters);
    ck_assert(judge_on(&(struct verdict_machine){0}, db_and_json(949, 51)).matters);
}
END_TEST

/* Serialization takes json_ns beside 100 µs of other CPU time, and next to nothing of the latency. */
static bool capacity_matters(double json_ns)
{
    struct verdict_machine busy = machine;
    busy.fixed_loop_ns = 100 * US;
    return judge_on(&busy, db_and_json(100 * MS, json_ns)).matters;
}

START_TEST(capacity_matters_from_five_per_cent_on)
{
    ck_assert(!capacity_matters(4.9 * US));
    ck_assert(capacity_matters(5 * US));
    ck_assert(capacity_matters(5.1 * US));
}
END_TEST

START_TEST(cpu_that_does_not_bind_does_not_matter)
{
    struct verdict_machine busy = machine;
    busy.fixed_loop_ns = 100 * US;
    struct ledger_mean ledger = db_and_json(100 * MS, 50 * US);
    ledger.connection_ns = 100 * MS;
    ck_assert(!judge_on(&busy, ledger).matters);
}
END_TEST

START_TEST(at_the_latency_limit_serialization_is_one_per_cent)
{
    struct ledger_mean ledger = large_answer();
    double limit_ns = judge(ledger).latency_limit_ns;
    ledger.spent_ns[PHASE_DB] = limit_ns - ledger.spent_ns[PHASE_QUEUE];
    ck_assert_double_eq_tol(judge(sum_up(ledger)).p50.json_share, VERDICT_NEGLIGIBLE, 1e-12);
    ledger.spent_ns[PHASE_DB] += 1 * US;
    ck_assert_double_lt(judge(sum_up(ledger)).p50.json_share, VERDICT_NEGLIGIBLE);
    ck_close(judge(sum_up(ledger)).latency_limit_ns, limit_ns);
}
END_TEST

START_TEST(a_serialization_that_is_nothing_beside_the_rest_has_no_limit)
{
    struct ledger_mean ledger = slow_database();
    ledger.spent_ns[PHASE_JSON] = 1 * US;
    ck_assert_double_eq(judge(sum_up(ledger)).latency_limit_ns, 0);
}
END_TEST

START_TEST(without_serialization_nothing_changes)
{
    struct ledger_mean ledger = large_answer();
    ledger.spent_ns[PHASE_JSON] = 0;
    struct verdict verdict = judge(sum_up(ledger));
    ck_assert(!verdict.matters);
    ck_close(verdict.p50.free_total_ns, verdict.p50.ledger.total_ns);
    ck_close(verdict.capacity_free.rate, verdict.capacity.rate);
    ck_assert_double_eq(verdict.latency_limit_ns, 0);
}
END_TEST

START_TEST(without_a_database_connections_do_not_bind)
{
    struct ledger_mean ledger = db_and_json(0, 30 * US);
    struct verdict verdict = judge(ledger);
    ck_assert_double_eq(verdict.capacity.bounds[VERDICT_CONNECTIONS], 0);
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_LOOPS);
    ck_close(verdict.capacity.rate, 2 / 0.00005);
}
END_TEST

/* What binds beside one connection that each request keeps for so long; the loops do at 100,000/s. */
static enum verdict_resource find_binding(double connection_ns)
{
    struct verdict_machine narrow = machine;
    narrow.connections = 1;
    struct ledger_mean ledger = db_and_json(connection_ns, 0);
    ledger.connection_ns = connection_ns;
    return judge_on(&narrow, ledger).capacity.binding;
}

START_TEST(connections_that_queries_share_do_not_bind)
{
    ck_assert_int_eq(find_binding(VERDICT_PACKED_NS - 1), VERDICT_LOOPS);
    ck_assert_int_eq(find_binding(VERDICT_PACKED_NS), VERDICT_LOOPS);
    ck_assert_int_eq(find_binding(VERDICT_PACKED_NS + 1), VERDICT_CONNECTIONS);
}
END_TEST

/* Then the connections alone bind: nothing says how much the loops and the CPU allow. */
static void assert_service_unknown(const struct verdict_machine *unknown)
{
    struct verdict verdict = judge_on(unknown, large_answer());
    ck_assert(verdict.matters);
    ck_assert_double_eq(verdict.cpu_ns, 0);
    ck_assert_double_eq(verdict.capacity.bounds[VERDICT_CPU], 0);
    ck_assert_double_eq(verdict.capacity.bounds[VERDICT_LOOPS], 0);
    ck_assert_double_eq(verdict.capacity_free.bounds[VERDICT_CPU], 0);
    ck_assert_double_eq(verdict.capacity_free.bounds[VERDICT_LOOPS], 0);
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_CONNECTIONS);
    ck_close(verdict.capacity.rate, 16 / 0.0011);
    ck_close(verdict.capacity_free.rate, 16 / 0.0011);
}

START_TEST(on_an_unknown_machine_only_the_connections_are_known_to_bind)
{
    struct verdict_machine unknown = machine;
    unknown.seconds = 0;
    assert_service_unknown(&unknown);
}
END_TEST

START_TEST(without_the_fixed_part_loops_and_cpu_promise_nothing)
{
    struct verdict_machine unknown = machine;
    unknown.fixed_loop_ns = 0;
    assert_service_unknown(&unknown);
    unknown.fixed_loop_ns = -5 * US;
    assert_service_unknown(&unknown);
}
END_TEST

START_TEST(a_loop_tells_what_it_allows_from_a_tenth_busy_on)
{
    struct verdict_machine idle = machine;
    idle.loops_busy = 0;
    assert_service_unknown(&idle);
    idle.loops_busy = VERDICT_BUSY_MIN - 0.001;
    assert_service_unknown(&idle);
    idle.loops_busy = VERDICT_BUSY_MIN;
    ck_close(judge_on(&idle, large_answer()).capacity.rate, 2 / 0.00217);
    ck_close(judge_on(&idle, large_answer()).cpu_ns, 1953 * US);
    idle.loops_busy = VERDICT_BUSY_MIN + 0.001;
    ck_close(judge_on(&idle, large_answer()).capacity.rate, 2 / 0.00217);
}
END_TEST

START_TEST(connections_tell_what_they_allow_until_the_loops_are_half_busy)
{
    struct verdict_machine busy = machine;
    busy.loops_busy = VERDICT_BUSY_MAX;
    ck_close(judge_on(&busy, slow_database()).capacity.bounds[VERDICT_CONNECTIONS], 16 / 0.0151);
    busy.loops_busy = VERDICT_BUSY_MAX + 0.001;
    ck_assert_double_eq(judge_on(&busy, slow_database()).capacity.bounds[VERDICT_CONNECTIONS], 0);
    ck_assert_int_eq(judge_on(&busy, slow_database()).capacity.binding, VERDICT_LOOPS);
    busy.is_blocking = true;
    ck_close(judge_on(&busy, slow_database()).capacity.bounds[VERDICT_CONNECTIONS], 16 / 0.0151);
}
END_TEST

START_TEST(packed_connections_on_an_idle_machine_promise_nothing)
{
    struct verdict_machine idle = machine;
    idle.loops_busy = 0.01;
    struct ledger_mean ledger = large_answer();
    ledger.connection_ns = VERDICT_PACKED_NS;
    struct verdict verdict = judge_on(&idle, ledger);
    ck_close(verdict.capacity.bounds[VERDICT_CONNECTIONS], 16 / 0.001);
    ck_assert_double_eq(verdict.capacity.rate, 0);
    ck_assert_double_eq(verdict.capacity_free.rate, 0);
}
END_TEST

START_TEST(without_a_cpu_clock_the_loops_bind_alone)
{
    struct verdict_machine unknown = machine;
    unknown.cpu_per_loop = 0;
    struct verdict verdict = judge_on(&unknown, large_answer());
    ck_assert_double_eq(verdict.cpu_ns, 0);
    ck_assert_double_eq(verdict.capacity.bounds[VERDICT_CPU], 0);
    ck_assert_int_eq(verdict.capacity.binding, VERDICT_LOOPS);
    ck_close(verdict.capacity.rate, 2 / 0.00217);
}
END_TEST

START_TEST(few_requests_make_a_preliminary_verdict)
{
    struct ledger_mean ledger = large_answer();
    ledger.count = VERDICT_REQUESTS_MIN - 1;
    ck_assert(judge(ledger).is_preliminary);
    ck_assert_uint_eq(judge(ledger).requests, VERDICT_REQUESTS_MIN - 1);
    ledger.count = VERDICT_REQUESTS_MIN;
    ck_assert(!judge(ledger).is_preliminary);
    ledger.count = VERDICT_REQUESTS_MIN + 1;
    ck_assert(!judge(ledger).is_preliminary);
}
END_TEST

/* Requests of one kind, in a profile. */
static void fill(struct ledger_profile *profile, struct ledger_mean mean, unsigned count)
{
    struct ledger ledger = {.started_ns = 1, .connection_ns = (uint64_t)mean.connection_ns};
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        ledger.spent_ns[i] = (uint64_t)mean.spent_ns[i];
    ledger.since_ns = 1 + (uint64_t)mean.total_ns;
    struct ledger_recorder *recorder;
    ck_assert_int_eq(ledger_recorder_new(&recorder), FAULT_NONE);
    for (unsigned i = 0; i < count; i++)
        ledger_recorder_add(recorder, &ledger, NS_PER_S);
    ledger_recorder_read(recorder, NS_PER_S, profile);
    ledger_recorder_free(recorder);
}

START_TEST(an_empty_profile_has_no_verdict)
{
    static const struct ledger_profile empty;
    struct verdict verdict, before;
    memset(&verdict, 0x55, sizeof verdict);
    memcpy(&before, &verdict, sizeof verdict);
    ck_assert(!verdict_judge(&machine, &empty, &verdict));
    ck_assert_mem_eq(&verdict, &before, sizeof verdict);
}
END_TEST

START_TEST(a_profile_without_times_has_no_verdict)
{
    static struct ledger_profile profile;
    fill(&profile, (struct ledger_mean){0}, 3);
    struct verdict verdict;
    ck_assert_uint_eq(ledger_profile_count(&profile), 3);
    ck_assert(!verdict_judge(&machine, &profile, &verdict));
}
END_TEST

START_TEST(one_request_is_enough_for_a_preliminary_verdict)
{
    static struct ledger_profile profile;
    fill(&profile, large_answer(), 1);
    struct verdict verdict;
    ck_assert(verdict_judge(&machine, &profile, &verdict));
    ck_assert_uint_eq(verdict.requests, 1);
    ck_assert(verdict.is_preliminary);
    ck_assert(verdict.matters);
    ck_close(verdict.p50.json_share, 1800.0 / 3500);
    ck_close(verdict.json_ns, 1800 * US);
}
END_TEST

START_TEST(a_profile_gives_median_tail_and_mean)
{
    static struct ledger_profile profile;
    fill(&profile, large_answer(), 90);
    fill(&profile, slow_database(), 10);
    struct verdict verdict;
    ck_assert(verdict_judge(&machine, &profile, &verdict));
    ck_assert_uint_eq(verdict.requests, 100);
    ck_close(verdict.p50.json_share, 1800.0 / 3500);
    ck_close(verdict.p99.json_share, 180.0 / 15500);
    ck_assert_double_eq_tol(verdict.p50.ledger.total_ns, 3500 * US, 3500 * US / 8);
    ck_assert_double_eq_tol(verdict.p99.ledger.total_ns, 15500 * US, 15500 * US / 8);
    ck_close(verdict.json_ns, 0.9 * 1800 * US + 0.1 * 180 * US);
    ck_close(verdict.capacity.bounds[VERDICT_CONNECTIONS], 16 / (0.9 * 0.0011 + 0.1 * 0.0151));
}
END_TEST

START_TEST(the_busiest_resource_binds_now)
{
    struct verdict_machine busy = machine;
    struct verdict_binding binding;
    ck_assert(verdict_binding_now(&busy, &binding));
    ck_assert_int_eq(binding.resource, VERDICT_CPU);
    ck_close(binding.utilization, 0.4);
    ck_close(binding.request_rate, 2000.0);
    busy.connections_busy = 0.75;
    ck_assert(verdict_binding_now(&busy, &binding));
    ck_assert_int_eq(binding.resource, VERDICT_CONNECTIONS);
    ck_close(binding.request_rate, 800 / 0.75);
    busy.loops_busy = 0.8;
    ck_assert(verdict_binding_now(&busy, &binding));
    ck_assert_int_eq(binding.resource, VERDICT_LOOPS);
    ck_close(binding.request_rate, 1000.0);
}
END_TEST

static bool is_known(struct verdict_machine on)
{
    struct verdict_binding binding;
    return verdict_binding_now(&on, &binding);
}

START_TEST(what_binds_now_is_unknown_without_time_requests_or_use)
{
    struct verdict_machine still = machine;
    ck_assert(is_known(still));
    still.seconds = 0;
    ck_assert(!is_known(still));
    still = machine;
    still.request_rate = 0;
    ck_assert(!is_known(still));
    still = machine;
    still.loops_busy = still.cpus_busy = still.connections_busy = 0;
    ck_assert(!is_known(still));
}
END_TEST

START_TEST(what_is_hardly_used_binds_at_no_known_rate)
{
    struct verdict_machine idle = machine;
    struct verdict_binding binding;
    idle.cpus_busy = idle.connections_busy = 0;
    idle.loops_busy = VERDICT_BUSY_MIN - 0.001;
    ck_assert(verdict_binding_now(&idle, &binding));
    ck_assert_int_eq(binding.resource, VERDICT_LOOPS);
    ck_close(binding.utilization, VERDICT_BUSY_MIN - 0.001);
    ck_assert_double_eq(binding.request_rate, 0);
    idle.loops_busy = VERDICT_BUSY_MIN;
    ck_assert(verdict_binding_now(&idle, &binding));
    ck_close(binding.request_rate, 8000.0);
    idle.loops_busy = VERDICT_BUSY_MIN + 0.1;
    ck_assert(verdict_binding_now(&idle, &binding));
    ck_close(binding.request_rate, 4000.0);
}
END_TEST

START_TEST(resources_have_names)
{
    ck_assert_str_eq(verdict_resource_name(VERDICT_CONNECTIONS), "database connections");
    ck_assert_str_eq(verdict_resource_name(VERDICT_CPU), "CPU");
    ck_assert_str_eq(verdict_resource_name(VERDICT_LOOPS), "loops");
}
END_TEST

static TCase *make_latency_case(void)
{
    TCase *latency = tcase_create("latency");
    tcase_add_test(latency, shares_are_parts_of_the_total_and_three_sum_to_one);
    tcase_add_test(latency, shares_that_are_rounded_up_leave_no_less_than_nothing);
    tcase_add_test(latency, each_quantile_is_judged_by_its_own_ledgers);
    tcase_add_test(latency, a_total_of_nothing_has_no_shares);
    tcase_add_test(latency, a_serialization_rounded_beyond_the_total_leaves_nothing_of_it);
    tcase_add_test(latency, the_median_matters_from_five_per_cent_on);
    tcase_add_test(latency, at_the_latency_limit_serialization_is_one_per_cent);
    tcase_add_test(latency, a_serialization_that_is_nothing_beside_the_rest_has_no_limit);
    tcase_add_test(latency, a_loop_that_waits_has_no_latency_limit);
    tcase_add_test(latency, without_serialization_nothing_changes);
    return latency;
}

static TCase *make_capacity_case(void)
{
    TCase *capacity = tcase_create("capacity");
    tcase_add_test(capacity, fifteen_milliseconds_of_database_hide_the_serializer);
    tcase_add_test(capacity, a_thousand_rows_show_the_serializer);
    tcase_add_test(capacity, free_serialization_can_make_another_resource_bind);
    tcase_add_test(capacity, of_loops_and_cpus_those_bind_that_are_fewer);
    tcase_add_test(capacity, loops_that_wait_for_processors_take_less_cpu_time_than_they_are_busy);
    tcase_add_test(capacity, a_loop_that_waits_for_the_database_is_used_up_by_waiting);
    tcase_add_test(capacity, capacity_matters_from_five_per_cent_on);
    tcase_add_test(capacity, cpu_that_does_not_bind_does_not_matter);
    tcase_add_test(capacity, without_a_database_connections_do_not_bind);
    tcase_add_test(capacity, connections_that_queries_share_do_not_bind);
    tcase_add_test(capacity, on_an_unknown_machine_only_the_connections_are_known_to_bind);
    tcase_add_test(capacity, without_the_fixed_part_loops_and_cpu_promise_nothing);
    tcase_add_test(capacity, a_loop_tells_what_it_allows_from_a_tenth_busy_on);
    tcase_add_test(capacity, connections_tell_what_they_allow_until_the_loops_are_half_busy);
    tcase_add_test(capacity, packed_connections_on_an_idle_machine_promise_nothing);
    tcase_add_test(capacity, without_a_cpu_clock_the_loops_bind_alone);
    return capacity;
}

static TCase *make_binding_case(void)
{
    TCase *binding = tcase_create("binding");
    tcase_add_test(binding, the_busiest_resource_binds_now);
    tcase_add_test(binding, what_binds_now_is_unknown_without_time_requests_or_use);
    tcase_add_test(binding, what_is_hardly_used_binds_at_no_known_rate);
    tcase_add_test(binding, resources_have_names);
    return binding;
}

static TCase *make_profile_case(void)
{
    TCase *profile = tcase_create("profile");
    tcase_add_test(profile, few_requests_make_a_preliminary_verdict);
    tcase_add_test(profile, an_empty_profile_has_no_verdict);
    tcase_add_test(profile, a_profile_without_times_has_no_verdict);
    tcase_add_test(profile, one_request_is_enough_for_a_preliminary_verdict);
    tcase_add_test(profile, a_profile_gives_median_tail_and_mean);
    return profile;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("lab/verdict");
    suite_add_tcase(suite, make_latency_case());
    suite_add_tcase(suite, make_capacity_case());
    suite_add_tcase(suite, make_binding_case());
    suite_add_tcase(suite, make_profile_case());
    return suite;
}
