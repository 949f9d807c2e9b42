/*
 * The control groups that this process is in, of version 1 and 2.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_LINE_SIZE_MAX 4352 /* a path and what stands before it */

/* A group in one hierarchy. */
struct cgroup {
    char folder[PATH_MAX];
    size_t root_size; /* bytes of folder that are the hierarchy's root */
    bool is_version_2;
};

typedef void cgroup_visitor(void *argument, const struct cgroup *group);

/*
 * Calls visit for the process's own group of controller ("cpu", "memory", …), and for each above it. In a
 * container the path may be the host's, and then does not exist; but its end, the root, is the container's
 * own group. root goes in front of /proc and /sys: "", or a folder that a test has made.
 */
void cgroup_visit(const char *root, const char *controller, cgroup_visitor *visit, void *argument);

/* The first line of a group's file. False when there is none. */
bool cgroup_read_line(const struct cgroup *group, const char *name, char line[CGROUP_LINE_SIZE_MAX]);

/*
 * The least number in the file of the group or of one above it, which has this name in version 1 and that in
 * version 2. UINT64_MAX for no limit.
 */
uint64_t cgroup_limit(const char *root, const char *controller, const char *name_1, const char *name_2);
