#include "service/cpus.h"

#include "suite.h"

#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[64];

/* Makes every folder of path, which is below root. */
static void make_folders(char *path)
{
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
}

static void write_file(const char *name, const char *content)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    make_folders(path);
    FILE *stream = fopen(path, "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fputs(content, stream), 0);
    ck_assert_int_eq(fclose(stream), 0);
}

static void make_root(void)
{
    memcpy(root, "/tmp/splits-cpus-XXXXXX", 24);
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *position)
{
    (void)status;
    (void)kind;
    (void)position;
    return remove(path);
}

static void remove_root(void)
{
    (void)nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Whatever the machine has, a quota of one CPU shows. */
static unsigned affinity(void)
{
    cpu_set_t set;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    return (unsigned)CPU_COUNT(&set);
}

START_TEST(without_a_quota_the_affinity_mask_counts)
{
    ck_assert_uint_eq(cpus_allowed(root), affinity());
    write_file("proc/self/cgroup", "0::/\n");
    ck_assert_uint_eq(cpus_allowed(root), affinity());
    write_file("sys/fs/cgroup/cpu.max", "max 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), affinity());
    write_file("sys/fs/cgroup/cpu.max", "99900000 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), affinity());
    write_file("sys/fs/cgroup/cpu.max", "nonsense\n");
    ck_assert_uint_eq(cpus_allowed(root), affinity());
}
END_TEST

START_TEST(a_narrower_affinity_mask_counts)
{
    cpu_set_t set;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    size_t cpu = 0;
    while (!CPU_ISSET(cpu, &set))
        cpu++;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    ck_assert_int_eq(sched_setaffinity(0, sizeof set, &set), 0);
    ck_assert_uint_eq(cpus_allowed(root), 1);
}
END_TEST

START_TEST(a_quota_is_rounded_down_but_to_no_less_than_one)
{
    write_file("proc/self/cgroup", "0::/\n");
    write_file("sys/fs/cgroup/cpu.max", "199999 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), 1);
    write_file("sys/fs/cgroup/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), 1);
    write_file("sys/fs/cgroup/cpu.max", "1000 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), 1);
    write_file("sys/fs/cgroup/cpu.max", "200000 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), affinity() < 2 ? 1 : 2);
}
END_TEST

START_TEST(a_quota_of_any_group_above_counts)
{
    write_file("proc/self/cgroup", "0::/a/b\n");
    write_file("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    write_file("sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), 1);
    write_file("sys/fs/cgroup/a/b/cpu.max", "100000 100000\n");
    write_file("sys/fs/cgroup/a/cpu.max", "max 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), 1);
}
END_TEST

START_TEST(a_path_of_the_host_leads_to_the_containers_own_group)
{
    write_file("proc/self/cgroup", "0::/kubepods/pod1/abc\n");
    write_file("sys/fs/cgroup/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), 1);
}
END_TEST

START_TEST(version_1_is_read_from_the_cpu_hierarchy)
{
    write_file("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n0::/\n");
    write_file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "100000\n");
    write_file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_allowed(root), 1);
    write_file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "-1\n");
    ck_assert_uint_eq(cpus_allowed(root), affinity());
}
END_TEST

START_TEST(other_hierarchies_of_version_1_do_not_count)
{
    write_file("proc/self/cgroup", "5:cpuset,cpuacct:/x\n");
    write_file("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "100000\n");
    write_file("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_allowed(root), affinity());
}
END_TEST

START_TEST(lines_of_another_form_are_passed_over)
{
    write_file("proc/self/cgroup", "\nx\n1:\n::\n0::relative\n0::/\n");
    write_file("sys/fs/cgroup/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_allowed(root), 1);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("cpus");
    TCase *tcase = tcase_create("cpus");
    tcase_add_checked_fixture(tcase, make_root, remove_root);
    tcase_add_test(tcase, without_a_quota_the_affinity_mask_counts);
    tcase_add_test(tcase, a_narrower_affinity_mask_counts);
    tcase_add_test(tcase, a_quota_is_rounded_down_but_to_no_less_than_one);
    tcase_add_test(tcase, a_quota_of_any_group_above_counts);
    tcase_add_test(tcase, a_path_of_the_host_leads_to_the_containers_own_group);
    tcase_add_test(tcase, version_1_is_read_from_the_cpu_hierarchy);
    tcase_add_test(tcase, other_hierarchies_of_version_1_do_not_count);
    tcase_add_test(tcase, lines_of_another_form_are_passed_over);
    suite_add_tcase(suite, tcase);
    return suite;
}
