#include "service/cgroup.h"

#include "service/cgroup_tree.h"
#include "suite.h"

#include <stdint.h>

static uint64_t memory_limit(void)
{
    return cgroup_limit(cgroup_tree_root, "memory", "memory.limit_in_bytes", "memory.max");
}

START_TEST(without_groups_or_files_there_is_no_limit)
{
    ck_assert_uint_eq(memory_limit(), UINT64_MAX);
    cgroup_tree_write("proc/self/cgroup", "0::/a\n");
    ck_assert_uint_eq(memory_limit(), UINT64_MAX);
    cgroup_tree_write("sys/fs/cgroup/a/memory.max", "max\n");
    ck_assert_uint_eq(memory_limit(), UINT64_MAX);
    cgroup_tree_write("sys/fs/cgroup/a/memory.max", "");
    ck_assert_uint_eq(memory_limit(), UINT64_MAX);
}
END_TEST

START_TEST(the_least_of_the_group_and_those_above_counts)
{
    cgroup_tree_write("proc/self/cgroup", "0::/a/b\n");
    cgroup_tree_write("sys/fs/cgroup/a/b/memory.max", "300\n");
    cgroup_tree_write("sys/fs/cgroup/a/memory.max", "100\n");
    cgroup_tree_write("sys/fs/cgroup/memory.max", "200\n");
    ck_assert_uint_eq(memory_limit(), 100);
}
END_TEST

START_TEST(version_1_has_a_hierarchy_and_a_name_of_its_own)
{
    cgroup_tree_write("proc/self/cgroup", "5:memory:/pod/x\n4:cpu,pids:/y\n0::/\n");
    cgroup_tree_write("sys/fs/cgroup/memory/pod/x/memory.limit_in_bytes", "67108864\n");
    cgroup_tree_write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    cgroup_tree_write("sys/fs/cgroup/pids/y/pids.max", "0\n");
    ck_assert_uint_eq(memory_limit(), 67108864);
    ck_assert_uint_eq(cgroup_limit(cgroup_tree_root, "pids", "pids.max", "pids.max"), 0);
}
END_TEST

START_TEST(the_hosts_path_leads_to_the_containers_own_group)
{
    cgroup_tree_write("proc/self/cgroup", "0::/kubepods/pod1/abc\n");
    cgroup_tree_write("sys/fs/cgroup/memory.max", "67108864\n");
    ck_assert_uint_eq(memory_limit(), 67108864);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("cgroup");
    TCase *tcase = tcase_create("cgroup");
    tcase_add_checked_fixture(tcase, cgroup_tree_make, cgroup_tree_remove);
    tcase_add_test(tcase, without_groups_or_files_there_is_no_limit);
    tcase_add_test(tcase, the_least_of_the_group_and_those_above_counts);
    tcase_add_test(tcase, version_1_has_a_hierarchy_and_a_name_of_its_own);
    tcase_add_test(tcase, the_hosts_path_leads_to_the_containers_own_group);
    suite_add_tcase(suite, tcase);
    return suite;
}
