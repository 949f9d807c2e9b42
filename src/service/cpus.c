#include "service/cpus.h"

#include "service/cgroup.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THOUSANDTHS 1000

/* In thousandths of a CPU; 0 for no quota: "max", -1 and whatever is no number. */
static unsigned share(const char *quota, const char *period)
{
    long long quota_us = strtoll(quota, NULL, 10);
    long long period_us = strtoll(period, NULL, 10);
    if (quota_us <= 0 || period_us <= 0 || quota_us > LLONG_MAX / THOUSANDTHS) return 0;
    long long count = quota_us * THOUSANDTHS / period_us;
    return count < 1 ? 1 : count > INT_MAX ? INT_MAX : (unsigned)count;
}

/* The quota of this one group. */
static unsigned quota_of(const struct cgroup *group)
{
    char quota[CGROUP_LINE_SIZE_MAX];
    char period[CGROUP_LINE_SIZE_MAX];
    if (group->is_version_2) {
        if (!cgroup_read_line(group, "cpu.max", quota)) return 0;
        return share(quota, quota + strcspn(quota, " "));
    }
    if (!cgroup_read_line(group, "cpu.cfs_quota_us", quota)) return 0;
    if (!cgroup_read_line(group, "cpu.cfs_period_us", period)) return 0;
    return share(quota, period);
}

/* The less of two quotas, of which 0 is none. */
static unsigned lesser(unsigned a, unsigned b)
{
    if (a == 0 || b == 0) return a + b;
    return a < b ? a : b;
}

static void note_quota(void *argument, const struct cgroup *group)
{
    unsigned *least = argument;
    *least = lesser(*least, quota_of(group));
}

static unsigned count_affinity(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return (unsigned)CPU_COUNT(&set);
    /* More CPUs than a cpu_set_t has room for. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

unsigned cpus_quota(const char *root)
{
    unsigned quota = 0;
    cgroup_visit(root, "cpu", note_quota, &quota);
    return quota;
}

unsigned cpus_allowed(const char *root)
{
    unsigned quota = cpus_quota(root);
    unsigned whole = quota == 0 ? 0 : quota < THOUSANDTHS ? 1 : quota / THOUSANDTHS;
    return lesser(count_affinity(), whole);
}
