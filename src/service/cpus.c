#include "service/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE_MAX 4352 /* a path and what stands before it */

/* A group in one hierarchy. */
struct group {
    char folder[PATH_MAX]; /* shortened step by step to the hierarchy's root */
    size_t root_size;      /* bytes of folder that are the root's */
    bool is_version_2;
};

static bool read_line(const char *folder, const char *name, char line[LINE_SIZE_MAX])
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (size < 0 || (size_t)size >= sizeof path) return false;
    FILE *stream = fopen(path, "re");
    if (!stream) return false;
    bool has_line = fgets(line, LINE_SIZE_MAX, stream) != NULL;
    (void)fclose(stream);
    return has_line;
}

/* 0 for no quota: "max", -1 and whatever is no number. */
static unsigned whole_cpus(const char *quota, const char *period)
{
    long long quota_us = strtoll(quota, NULL, 10);
    long long period_us = strtoll(period, NULL, 10);
    if (quota_us <= 0 || period_us <= 0) return 0;
    long long count = quota_us / period_us;
    return count < 1 ? 1 : count > INT_MAX ? INT_MAX : (unsigned)count;
}

/* The quota of this one group. */
static unsigned quota_of(const struct group *group)
{
    char quota[LINE_SIZE_MAX];
    char period[LINE_SIZE_MAX];
    if (group->is_version_2) {
        if (!read_line(group->folder, "cpu.max", quota)) return 0;
        return whole_cpus(quota, quota + strcspn(quota, " "));
    }
    if (!read_line(group->folder, "cpu.cfs_quota_us", quota)) return 0;
    if (!read_line(group->folder, "cpu.cfs_period_us", period)) return 0;
    return whole_cpus(quota, period);
}

/* The less of two quotas, of which 0 is none. */
static unsigned lesser(unsigned a, unsigned b)
{
    if (a == 0 || b == 0) return a + b;
    return a < b ? a : b;
}

/*
 * Of this group and all above it. In a container the path may be the host's, and then does not exist; but
 * its end, the root, is the container's own group.
 */
static unsigned quota_up_from(struct group *group)
{
    unsigned quota = quota_of(group);
    while (strlen(group->folder) > group->root_size) {
        *strrchr(group->folder, '/') = '\0';
        quota = lesser(quota, quota_of(group));
    }
    return quota;
}

/* Is controller in the comma-separated list of list_size bytes? */
static bool has_controller(const char *list, size_t list_size, const char *controller)
{
    const char *end = list + list_size;
    while (list < end) {
        size_t size = strcspn(list, ",:");
        if (size == strlen(controller) && memcmp(list, controller, size) == 0) return true;
        list += size + 1;
    }
    return false;
}

/*
 * Reads a line of /proc/self/cgroup, "number:controllers:path"; version 2's has no controllers. False when it
 * is not about CPU time.
 */
static bool read_group(const char *root, char *line, struct group *ret_group)
{
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(++controllers, ':') : NULL;
    if (!path) return false;
    size_t list_size = (size_t)(path++ - controllers);
    if (list_size > 0 && !has_controller(controllers, list_size, "cpu")) return false;

    path[strcspn(path, "\n")] = '\0';
    if (strcmp(path, "/") == 0) *path = '\0';
    ret_group->is_version_2 = list_size == 0;
    const char *hierarchy = ret_group->is_version_2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    ret_group->root_size = strlen(root) + strlen(hierarchy);
    int size = snprintf(ret_group->folder, PATH_MAX, "%s%s%s", root, hierarchy, path);
    return size >= 0 && size < PATH_MAX && (*path == '/' || *path == '\0');
}

static unsigned quota_below(const char *root)
{
    char name[PATH_MAX];
    int size = snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    FILE *stream = size > 0 && size < PATH_MAX ? fopen(name, "re") : NULL;
    if (!stream) return 0;

    unsigned quota = 0;
    char line[LINE_SIZE_MAX];
    struct group group;
    while (fgets(line, sizeof line, stream)) {
        if (read_group(root, line, &group)) quota = lesser(quota, quota_up_from(&group));
    }
    (void)fclose(stream);
    return quota;
}

static unsigned count_affinity(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return (unsigned)CPU_COUNT(&set);
    /* More CPUs than a cpu_set_t has room for. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

unsigned cpus_allowed(const char *root)
{
    return lesser(count_affinity(), quota_below(root));
}
