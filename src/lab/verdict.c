#include "lab/verdict.h"

#include <assert.h>

static double database_ns(const struct ledger_mean *ledger)
{
    return ledger->spent_ns[PHASE_QUEUE] + ledger->spent_ns[PHASE_DB];
}

/* Phases are scaled, and so rounded. */
static double not_negative(double difference)
{
    return difference > 0 ? difference : 0;
}

static void split_at(const struct ledger_mean *ledger, struct verdict_split *split)
{
    const double *spent_ns = ledger->spent_ns;
    *split = (struct verdict_split){.ledger = *ledger, .free_total_ns = ledger->total_ns};
    if (ledger->total_ns <= 0) return;
    split->database_share = spent_ns[PHASE_DB] / ledger->total_ns;
    split->queue_share = spent_ns[PHASE_QUEUE] / ledger->total_ns;
    split->cpu_share = not_negative(1 - split->database_share - split->queue_share);
    split->json_share = spent_ns[PHASE_JSON] / ledger->total_ns;
    split->free_total_ns = not_negative(ledger->total_ns - spent_ns[PHASE_JSON]);
}

/* Of so many of a resource, each request using one for so long. 0: unknown, or not used. */
static double requests_per_s(unsigned count, double busy_ns)
{
    return busy_ns > 0 ? count * (double)NS_PER_S / busy_ns : 0;
}

static void bind_capacity(struct verdict_capacity *capacity, bool are_packed)
{
    for (unsigned i = are_packed ? VERDICT_CPU : VERDICT_CONNECTIONS; i < VERDICT_RESOURCE_COUNT; i++) {
        double bound = capacity->bounds[i];
        if (bound <= 0 || (capacity->rate > 0 && bound >= capacity->rate)) continue;
        capacity->rate = bound;
        capacity->binding = (enum verdict_resource)i;
    }
}

/* What limits requests that take work_ns of a loop each, beside waiting; 0: unknown. */
static struct verdict_capacity judge_capacity(const struct verdict_machine *machine,
                                              const struct ledger_mean *mean, double work_ns)
{
    struct verdict_capacity capacity = {0};
    if (machine->is_blocking || machine->loops_busy <= VERDICT_BUSY_MAX)
        capacity.bounds[VERDICT_CONNECTIONS] = requests_per_s(machine->connections, mean->connection_ns);
    if (work_ns > 0) {
        double loop_ns = work_ns + (machine->is_blocking ? database_ns(mean) : 0);
        capacity.bounds[VERDICT_CPU] = requests_per_s(machine->cpus, machine->cpu_per_loop * work_ns);
        capacity.bounds[VERDICT_LOOPS] = requests_per_s(machine->loops, loop_ns);
    }
    bind_capacity(&capacity, mean->connection_ns <= VERDICT_PACKED_NS);
    return capacity;
}

/* json / (D + rest + json) < 1 %, solved for D. */
static double latency_limit_ns(const struct ledger_mean *p50)
{
    double json_ns = p50->spent_ns[PHASE_JSON];
    double rest_ns = p50->total_ns - database_ns(p50) - json_ns;
    double limit_ns = json_ns * (1 - VERDICT_NEGLIGIBLE) / VERDICT_NEGLIGIBLE - rest_ns;
    return limit_ns > 0 ? limit_ns : 0;
}

/* Without the fixed part the rest would promise rates that nobody reaches; an idle loop tells a wrong one. */
static bool is_fixed_part_known(const struct verdict_machine *machine)
{
    return machine->seconds > 0 && machine->fixed_loop_ns > 0 && machine->loops_busy >= VERDICT_BUSY_MIN;
}

static bool does_matter(const struct verdict *verdict)
{
    return verdict->p50.json_share >= VERDICT_MATTERS ||
           (verdict->capacity.rate > 0 &&
            verdict->capacity_free.rate >= verdict->capacity.rate * (1 + VERDICT_MATTERS));
}

void verdict_of(const struct verdict_machine *machine, const struct verdict_ledgers *ledgers,
                struct verdict *ret_verdict)
{
    const struct ledger_mean *mean = &ledgers->mean;
    assert(mean->count > 0);
    struct verdict verdict = {
        .requests = mean->count,
        .is_preliminary = mean->count < VERDICT_REQUESTS_MIN,
        .is_blocking = machine->is_blocking,
        .json_ns = mean->spent_ns[PHASE_JSON],
        /* A slower database would make the rest longer, too, where requests wait behind loops that wait. */
        .latency_limit_ns = machine->is_blocking ? 0 : latency_limit_ns(&ledgers->p50),
    };
    split_at(&ledgers->p50, &verdict.p50);
    split_at(&ledgers->p99, &verdict.p99);
    double work_ns = 0, free_work_ns = 0;
    if (is_fixed_part_known(machine)) {
        free_work_ns = machine->fixed_loop_ns + mean->spent_ns[PHASE_PARSE];
        work_ns = free_work_ns + verdict.json_ns;
    }
    verdict.cpu_ns = machine->cpu_per_loop * work_ns;
    verdict.capacity = judge_capacity(machine, mean, work_ns);
    verdict.capacity_free = judge_capacity(machine, mean, free_work_ns);
    verdict.matters = does_matter(&verdict);
    *ret_verdict = verdict;
}

bool verdict_judge(const struct verdict_machine *machine, const struct ledger_profile *profile,
                   struct verdict *ret_verdict)
{
    struct verdict_ledgers ledgers;
    ledger_profile_mean(profile, &ledgers.mean);
    if (ledgers.mean.count == 0 || ledgers.mean.total_ns <= 0) return false;
    ledger_profile_at(profile, 0.5, &ledgers.p50);
    ledger_profile_at(profile, 0.99, &ledgers.p99);
    verdict_of(machine, &ledgers, ret_verdict);
    return true;
}

bool verdict_binding_now(const struct verdict_machine *machine, struct verdict_binding *ret_binding)
{
    if (machine->seconds <= 0 || machine->request_rate <= 0) return false;
    const double busy[] = {[VERDICT_CONNECTIONS] = machine->connections_busy,
                           [VERDICT_CPU] = machine->cpus_busy,
                           [VERDICT_LOOPS] = machine->loops_busy};
    struct verdict_binding binding = {0};
    for (unsigned i = 0; i < VERDICT_RESOURCE_COUNT; i++)
        if (busy[i] > binding.utilization)
            binding = (struct verdict_binding){(enum verdict_resource)i, busy[i], 0};
    if (binding.utilization <= 0) return false;
    if (binding.utilization >= VERDICT_BUSY_MIN)
        binding.request_rate = machine->request_rate / binding.utilization;
    *ret_binding = binding;
    return true;
}

const char *verdict_resource_name(enum verdict_resource resource)
{
    static const char *const names[] = {
        [VERDICT_CONNECTIONS] = "database connections", [VERDICT_CPU] = "CPU", [VERDICT_LOOPS] = "loops"};
    return names[resource];
}
