#include "service/cgroup_tree.h"

#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char cgroup_tree_root[64];

/* Makes every folder of path, which is below root. */
static void make_folders(char *path)
{
    for (char *slash = path + strlen(cgroup_tree_root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
}

void cgroup_tree_write(const char *name, const char *content)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", cgroup_tree_root, name);
    make_folders(path);
    FILE *stream = fopen(path, "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fputs(content, stream), 0);
    ck_assert_int_eq(fclose(stream), 0);
}

void cgroup_tree_make(void)
{
    memcpy(cgroup_tree_root, "/tmp/splits-tree-XXXXXX", 24);
    ck_assert_ptr_nonnull(mkdtemp(cgroup_tree_root));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *position)
{
    (void)status;
    (void)kind;
    (void)position;
    return remove(path);
}

void cgroup_tree_remove(void)
{
    (void)nftw(cgroup_tree_root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
