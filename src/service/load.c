#include "service/load.h"

#include "base/clock.h"

/* Fewer requests than this say little about the CPU time of one: then all since the start count. */
#define REQUESTS_MIN 50

static uint64_t clock_us(clockid_t clock)
{
    struct timespec spent = {0};
    (void)clock_gettime(clock, &spent);
    return (uint64_t)spent.tv_sec * 1000000 + (uint64_t)spent.tv_nsec / NS_PER_US;
}

static void add_worker(const struct observation *observation, size_t index, struct load_sample *sample)
{
    const struct worker_counters *worker = &observation->workers[index];
    const struct request_metrics *requests = observation->requests[index];
    struct histogram_counts turns = {0};
    histogram_read(&worker->turns, &turns);
    sample->loops_us += turns.sum_us;
    sample->requests += request_metrics_count(requests);
    sample->varying_us +=
        request_metrics_spent_us(requests, PHASE_PARSE) + request_metrics_spent_us(requests, PHASE_JSON);
    if (!atomic_load_explicit(&worker->is_running, memory_order_acquire)) return;
    sample->workers_cpu_us += clock_us(worker->cpu_clock);
    sample->connections_us += atomic_load_explicit(&worker->database->busy_us, memory_order_relaxed);
}

static struct load_sample take_sample(const struct observation *observation, uint64_t now_ns)
{
    struct load_sample sample = {.at_ns = now_ns, .process_cpu_us = clock_us(CLOCK_PROCESS_CPUTIME_ID)};
    for (size_t i = 0; i < observation->count; i++)
        add_worker(observation, i, &sample);
    return sample;
}

void load_init(struct load *load, const struct config *config, const struct observation *observation)
{
    *load = (struct load){.config = config, .observation = observation};
    (void)pthread_mutex_init(&load->mutex, NULL);
    load->first = take_sample(observation, clock_now_ns());
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
    struct load_sample sample = take_sample(load->observation, now_ns);
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

static double fixed_cpu_ns(const struct load_sample *from, const struct load_sample *to)
{
    uint64_t requests = to->requests - from->requests;
    uint64_t cpu_us = to->workers_cpu_us - from->workers_cpu_us;
    uint64_t varying_us = to->varying_us - from->varying_us;
    return requests == 0 || cpu_us <= varying_us ? 0 : (double)(cpu_us - varying_us) * 1e3 / (double)requests;
}

void load_read(struct load *load, struct verdict_machine *ret_machine)
{
    const struct config *config = load->config;
    unsigned loops = (unsigned)load->observation->count;
    (void)pthread_mutex_lock(&load->mutex);
    struct load_sample oldest = load->samples[(load->next + LOAD_SAMPLES - load->count) % LOAD_SAMPLES];
    (void)pthread_mutex_unlock(&load->mutex);
    struct load_sample now = take_sample(load->observation, clock_now_ns());
    double seconds = (double)(now.at_ns - oldest.at_ns) / 1e9;
    *ret_machine = (struct verdict_machine){
        .loops = loops,
        .cpus = config_cpus(),
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
    ret_machine->fixed_cpu_ns = fixed_cpu_ns(is_enough ? &oldest : &load->first, &now);
}
