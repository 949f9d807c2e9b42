#include "service/cpus.h"

#include "service/cgroup_tree.h"
#include "suite.h"

#include <sched.h>

/* Whatever the machine has, a quota of one CPU shows. */
static unsigned affinity(void)
{
    cpu_set_t set;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    return (unsigned)CPU_COUNT(&set);
}

START_TEST(without_a_quota_the_affinity_mask_counts)
{
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), affinity());
    cgroup_tree_write("proc/self/cgroup", "0::/\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), affinity());
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "max 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), affinity());
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "99900000 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), affinity());
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "nonsense\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), affinity());
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
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
}
END_TEST

START_TEST(a_quota_is_rounded_down_but_to_no_less_than_one)
{
    cgroup_tree_write("proc/self/cgroup", "0::/\n");
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "199999 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "1000 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "200000 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), affinity() < 2 ? 1 : 2);
}
END_TEST

START_TEST(a_quota_of_any_group_above_counts)
{
    cgroup_tree_write("proc/self/cgroup", "0::/a/b\n");
    cgroup_tree_write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    cgroup_tree_write("sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
    cgroup_tree_write("sys/fs/cgroup/a/b/cpu.max", "100000 100000\n");
    cgroup_tree_write("sys/fs/cgroup/a/cpu.max", "max 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
}
END_TEST

START_TEST(a_path_of_the_host_leads_to_the_containers_own_group)
{
    cgroup_tree_write("proc/self/cgroup", "0::/kubepods/pod1/abc\n");
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
}
END_TEST

START_TEST(version_1_is_read_from_the_cpu_hierarchy)
{
    cgroup_tree_write("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n0::/\n");
    cgroup_tree_write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "100000\n");
    cgroup_tree_write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
    cgroup_tree_write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "-1\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), affinity());
}
END_TEST

START_TEST(other_hierarchies_of_version_1_do_not_count)
{
    cgroup_tree_write("proc/self/cgroup", "5:cpuset,cpuacct:/x\n");
    cgroup_tree_write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "100000\n");
    cgroup_tree_write("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), affinity());
}
END_TEST

START_TEST(lines_of_another_form_are_passed_over)
{
    cgroup_tree_write("proc/self/cgroup", "\nx\n1:\n::\n0::relative\n0::/\n");
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_allowed(cgroup_tree_root), 1);
}
END_TEST

START_TEST(the_quota_alone_is_in_thousandths)
{
    ck_assert_uint_eq(cpus_quota(cgroup_tree_root), 0);
    cgroup_tree_write("proc/self/cgroup", "0::/a\n");
    cgroup_tree_write("sys/fs/cgroup/a/cpu.max", "25000 100000\n");
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "350000 100000\n");
    ck_assert_uint_eq(cpus_quota(cgroup_tree_root), 250);
    cgroup_tree_write("sys/fs/cgroup/a/cpu.max", "max 100000\n");
    ck_assert_uint_eq(cpus_quota(cgroup_tree_root), 3500);
    cgroup_tree_write("sys/fs/cgroup/a/cpu.max", "9223372036854775807 1\n");
    ck_assert_uint_eq(cpus_quota(cgroup_tree_root), 3500);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("cpus");
    TCase *tcase = tcase_create("cpus");
    tcase_add_checked_fixture(tcase, cgroup_tree_make, cgroup_tree_remove);
    tcase_add_test(tcase, without_a_quota_the_affinity_mask_counts);
    tcase_add_test(tcase, a_narrower_affinity_mask_counts);
    tcase_add_test(tcase, a_quota_is_rounded_down_but_to_no_less_than_one);
    tcase_add_test(tcase, a_quota_of_any_group_above_counts);
    tcase_add_test(tcase, a_path_of_the_host_leads_to_the_containers_own_group);
    tcase_add_test(tcase, version_1_is_read_from_the_cpu_hierarchy);
    tcase_add_test(tcase, other_hierarchies_of_version_1_do_not_count);
    tcase_add_test(tcase, lines_of_another_form_are_passed_over);
    tcase_add_test(tcase, the_quota_alone_is_in_thousandths);
    suite_add_tcase(suite, tcase);
    return suite;
}
