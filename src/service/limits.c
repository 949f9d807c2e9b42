#include "service/limits.h"

#include "base/log.h"
#include "service/admin.h"
#include "service/cgroup.h"
#include "service/cpus.h"

#include <string.h>
#include <sys/resource.h>

#define CPU_THOUSANDTHS 1000

/* Descriptors beside clients' connections: per worker a few of its own and its database connections. */
#define DESCRIPTORS_PER_WORKER 16
#define DESCRIPTORS_BASE       32

/* Per worker itself and a look-up of the database's name; the rest, and a probe or two in the same container.
 */
#define THREADS_PER_WORKER 2
#define THREADS_BASE       8

/* Measured: 8.4 MiB with two workers and no connection; 6 to 7.5 KiB for one with a request under way. */
#define MEMORY_BASE           (UINT64_C(7) << 20)
#define MEMORY_PER_WORKER     (UINT64_C(1) << 20)
#define MEMORY_PER_CONNECTION (UINT64_C(8) << 10)

struct needs limits_needs(const struct config *config)
{
    uint64_t workers = config->workers, connections = config->connections_max;
    return (struct needs){
        .descriptors = DESCRIPTORS_BASE + connections +
                       workers * (DESCRIPTORS_PER_WORKER + config->db_connections) +
                       (config->admin ? DESCRIPTORS_PER_WORKER + ADMIN_CONNECTIONS_MAX : 0),
        .threads = THREADS_BASE + workers * THREADS_PER_WORKER,
        .memory_bytes = MEMORY_BASE + workers * MEMORY_PER_WORKER + connections * MEMORY_PER_CONNECTION,
    };
}

static void compare(const char *event, uint64_t limit, uint64_t needed, const char *message)
{
    if (limit >= needed) return;
    log_event(LOG_LEVEL_WARNING, event, LOG_INT("limit", (int64_t)limit), LOG_INT("needed", (int64_t)needed),
              LOG_STRING("message", message));
}

/* The soft limit is for programs that use select; this one does not. */
static uint64_t raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return UINT64_MAX;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_max;
}

void limits_check(const struct config *config, const char *root)
{
    struct needs needs = limits_needs(config);
    unsigned quota = cpus_quota(root);
    compare("descriptor_limit_low", raise_descriptor_limit(), needs.descriptors,
            "raise the limit of open files (ulimit -n) or lower connections-max");
    compare("memory_limit_low", cgroup_limit(root, "memory", "memory.limit_in_bytes", "memory.max"),
            needs.memory_bytes,
            "with all connections open the process may be killed: raise the memory limit or lower "
            "connections-max");
    compare("thread_limit_low", cgroup_limit(root, "pids", "pids.max", "pids.max"), needs.threads,
            "raise the limit of processes (pids.max) or lower workers");
    compare("cpu_limit_low", quota == 0 ? UINT64_MAX : quota, config->workers * (uint64_t)CPU_THOUSANDTHS,
            "in thousandths: workers will be stopped for parts of each period: raise the CPU limit or lower "
            "workers");
}

enum fault limits_no_thread(const char *name, int error)
{
    log_event(LOG_LEVEL_ERROR, "thread_not_started", LOG_STRING("thread", name),
              LOG_STRING("message", strerrordesc_np(error)),
              LOG_STRING("hint",
                         "raise the limits of processes (pids.max, ulimit -u) and memory, or lower workers"));
    return FAULT_INTERNAL;
}
