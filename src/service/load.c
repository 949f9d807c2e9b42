#include "service/load.h"

#include "base/clock.h"

/* Fewer requests than this say little about the CPU time of one: then all since the start count. */
#define REQUESTS_MIN 50

static uint64_t spent_us(const struct request_metrics *requests, enum phase phase, enum phase other_phase)
{
    return request_metrics_spent_us(requests, phase) + request_metrics_spent_us(requests, other_phase);
}

static void add_worker(const struct load *load, size_t index, struct load_sample *sample)
{
    const struct worker_counters *worker = &load->observation->workers[index];
    const struct request_metrics *requests = load->observation->requests[index];
    struct histogram_counts turns = {0};
    histogram_read(&worker->turns, &turns);
    sample->loops_us += turns.sum_us;
    sample->requests += request_metrics_count(requests);
    sample->varying_us += spent_us(requests, PHASE_PARSE, PHASE_JSON);
    if (load->config->db_mode == DB_MODE_BLOCKING)
        sample->waiting_us += spent_us(requests, PHASE_QUEUE, PHASE_DB);
    sample->workers_cpu_us += worker_counters_cpu_ns(worker) / NS_PER_US;
    if (atomic_load_explicit(&worker->is_running, memory_order_acquire))
        sample->connections_us += atomic_load_explicit(&worker->database->busy_us, memory_order_relaxed);
}

static struct load_sample take_sample(const struct load *load, uint64_t now_ns)
{
    struct timespec cpu = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    uint64_t cpu_us = (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / NS_PER_US;
    struct load_sample sample = {.at_ns = now_ns, .process_cpu_us = cpu_us};
    for (size_t i = 0; i < load->observation->count; i++)
        add_worker(load, i, &sample);
    return sample;
}

void load_init(struct load *load, const struct config *config, const struct observation *observation)
{
    *load = (struct load){.config = config, .observation = observation, .cpus = config_cpus()};
    (void)pthread_mutex_init(&load->mutex, NULL);
    load->first = take_sample(load, clock_now_ns());
    load->samples[0] = load->first;
    load->next = load->count = 1;
}

void load_release(struct load *load)
{
    (void)pthread_mutex_destroy(&load->mutex);
}

void load_tick(struct load *load, uint64_t now_ns)
{
    unsigned newest = (load->next + LOAD_SAMPLES - 1) % LOAD_SAMPLES;
    if (now_ns < load->samples[newest].at_ns + LOAD_SAMPLE_NS) return;
    struct load_sample sample = take_sample(load, now_ns);
    (void)pthread_mutex_lock(&load->mutex);
    load->samples[load->next] = sample;
    load->next = (load->next + 1) % LOAD_SAMPLES;
    if (load->count < LOAD_SAMPLES) load->count++;
    (void)pthread_mutex_unlock(&load->mutex);
}

static double share(uint64_t us, unsigned count, double seconds)
{
    return count == 0 ? 0 : (double)us / 1e6 / (count * seconds);
}

/* Sums of different threads: a little out of step, they may seem to run backwards. */
static double difference(uint64_t from, uint64_t to)
{
    return to > from ? (double)(to - from) : 0;
}

static void read_costs(const struct load_sample *from, const struct load_sample *to,
                       struct verdict_machine *machine)
{
    double requests = difference(from->requests, to->requests);
    double loops_us = difference(from->loops_us, to->loops_us) - difference(from->waiting_us, to->waiting_us);
    double fixed_us = loops_us - difference(from->varying_us, to->varying_us);
    if (requests <= 0 || loops_us <= 0) return;
    machine->fixed_loop_ns = fixed_us > 0 ? fixed_us * 1e3 / requests : 0;
    machine->cpu_per_loop = difference(from->workers_cpu_us, to->workers_cpu_us) / loops_us;
    if (machine->cpu_per_loop > 1) machine->cpu_per_loop = 1;
}

void load_read(struct load *load, struct verdict_machine *ret_machine)
{
    const struct config *config = load->config;
    unsigned loops = (unsigned)load->observation->count;
    (void)pthread_mutex_lock(&load->mutex);
    struct load_sample oldest = load->samples[(load->next + LOAD_SAMPLES - load->count) % LOAD_SAMPLES];
    (void)pthread_mutex_unlock(&load->mutex);
    struct load_sample now = take_sample(load, clock_now_ns());
    double seconds = (double)(now.at_ns - oldest.at_ns) / 1e9;
    *ret_machine = (struct verdict_machine){
        .loops = loops,
        .cpus = load->cpus,
        .connections = loops * config->db_connections,
        .is_blocking = config->db_mode == DB_MODE_BLOCKING,
    };
    if (seconds <= 0) return;
    ret_machine->seconds = seconds;
    ret_machine->request_rate = (double)(now.requests - oldest.requests) / seconds;
    ret_machine->loops_busy = share(now.loops_us - oldest.loops_us, loops, seconds);
    ret_machine->cpus_busy = share(now.process_cpu_us - oldest.process_cpu_us, ret_machine->cpus, seconds);
    ret_machine->connections_busy =
        share(now.connections_us - oldest.connections_us, ret_machine->connections, seconds);
    bool is_enough = now.requests - oldest.requests >= REQUESTS_MIN;
    read_costs(is_enough ? &oldest : &load->first, &now, ret_machine);
}
