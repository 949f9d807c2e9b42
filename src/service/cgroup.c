#include "service/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cgroup_read_line(const struct cgroup *group, const char *name, char line[CGROUP_LINE_SIZE_MAX])
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/%s", group->folder, name);
    if (size < 0 || (size_t)size >= sizeof path) return false;
    FILE *stream = fopen(path, "re");
    if (!stream) return false;
    bool has_line = fgets(line, CGROUP_LINE_SIZE_MAX, stream) != NULL;
    (void)fclose(stream);
    return has_line;
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
 * is not about controller.
 */
static bool read_group(const char *root, const char *controller, char *line, struct cgroup *ret_group)
{
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(++controllers, ':') : NULL;
    if (!path) return false;
    size_t list_size = (size_t)(path++ - controllers);
    if (list_size > 0 && !has_controller(controllers, list_size, controller)) return false;

    path[strcspn(path, "\n")] = '\0';
    if (strcmp(path, "/") == 0) *path = '\0';
    ret_group->is_version_2 = list_size == 0;
    int root_size = snprintf(ret_group->folder, PATH_MAX, "%s/sys/fs/cgroup%s%s", root,
                             ret_group->is_version_2 ? "" : "/", ret_group->is_version_2 ? "" : controller);
    if (root_size < 0 || (size_t)root_size + strlen(path) >= PATH_MAX) return false;
    ret_group->root_size = (size_t)root_size;
    memcpy(ret_group->folder + root_size, path, strlen(path) + 1);
    return *path == '/' || *path == '\0';
}

static void visit_up_from(struct cgroup *group, cgroup_visitor *visit, void *argument)
{
    visit(argument, group);
    while (strlen(group->folder) > group->root_size) {
        *strrchr(group->folder, '/') = '\0';
        visit(argument, group);
    }
}

void cgroup_visit(const char *root, const char *controller, cgroup_visitor *visit, void *argument)
{
    char name[PATH_MAX];
    int size = snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    FILE *stream = size > 0 && size < PATH_MAX ? fopen(name, "re") : NULL;
    if (!stream) return;

    char line[CGROUP_LINE_SIZE_MAX];
    struct cgroup group;
    while (fgets(line, sizeof line, stream)) {
        if (read_group(root, controller, line, &group)) visit_up_from(&group, visit, argument);
    }
    (void)fclose(stream);
}

/* What is looked for, and the least that was found. */
struct limit {
    const char *names[2]; /* in version 1 and 2 */
    uint64_t least;
};

static void note_limit(void *argument, const struct cgroup *group)
{
    struct limit *limit = argument;
    char line[CGROUP_LINE_SIZE_MAX], *end;
    if (!cgroup_read_line(group, limit->names[group->is_version_2], line)) return;
    uint64_t number = strtoull(line, &end, 10); /* "max" is no number */
    if (end != line && number < limit->least) limit->least = number;
}

uint64_t cgroup_limit(const char *root, const char *controller, const char *name_1, const char *name_2)
{
    struct limit limit = {.names = {name_1, name_2}, .least = UINT64_MAX};
    cgroup_visit(root, controller, note_limit, &limit);
    return limit.least;
}
