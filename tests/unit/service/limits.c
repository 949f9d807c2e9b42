#include "service/limits.h"

#include "service/cgroup_tree.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct config config;
static char said[8192];

static void set_up(void)
{
    cgroup_tree_make();
    cgroup_tree_write("proc/self/cgroup", "0::/\n");
    config = (struct config){.workers = 2, .connections_max = 100, .db_connections = 8, .admin = true};
}

/* What it logs, which goes to stderr. */
static void check(void)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
    limits_check(&config, cgroup_tree_root);
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    (void)close(saved);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    (void)fclose(file);
}

static void assert_warning(const char *event, uint64_t limit, uint64_t needed)
{
    char part[128];
    check();
    (void)snprintf(part, sizeof part, "\"event\":\"%s\",\"limit\":%llu,\"needed\":%llu,", event,
                   (unsigned long long)limit, (unsigned long long)needed);
    ck_assert_msg(strstr(said, part) != NULL, "%s is not in %s", part, said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}

START_TEST(limits_that_are_enough_are_not_mentioned)
{
    struct needs needs = limits_needs(&config);
    char text[32];
    check();
    ck_assert_str_eq(said, "");
    (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)needs.memory_bytes);
    cgroup_tree_write("sys/fs/cgroup/memory.max", text);
    (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)needs.threads);
    cgroup_tree_write("sys/fs/cgroup/pids.max", text);
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "200000 100000\n");
    check();
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(too_little_memory_is_told)
{
    uint64_t needed = limits_needs(&config).memory_bytes;
    char text[32];
    (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)needed - 1);
    cgroup_tree_write("sys/fs/cgroup/memory.max", text);
    assert_warning("memory_limit_low", needed - 1, needed);
}
END_TEST

START_TEST(too_few_threads_are_told)
{
    uint64_t needed = limits_needs(&config).threads;
    cgroup_tree_write("sys/fs/cgroup/pids.max", "5\n");
    assert_warning("thread_limit_low", 5, needed);
}
END_TEST

START_TEST(too_little_cpu_time_is_told)
{
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "199900 100000\n");
    assert_warning("cpu_limit_low", 1999, 2000);
    config.workers = 1;
    cgroup_tree_write("sys/fs/cgroup/cpu.max", "50000 100000\n");
    assert_warning("cpu_limit_low", 500, 1000);
}
END_TEST

START_TEST(too_few_descriptors_are_told)
{
    uint64_t needed = limits_needs(&config).descriptors;
    struct rlimit limit = {.rlim_cur = 20, .rlim_max = needed - 1};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_warning("descriptor_limit_low", needed - 1, needed);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, needed - 1);
}
END_TEST

START_TEST(connections_need_descriptors_and_memory_and_workers_threads)
{
    struct needs few = limits_needs(&config);
    config.connections_max += 1000;
    struct needs more = limits_needs(&config);
    ck_assert_uint_eq(more.descriptors, few.descriptors + 1000);
    ck_assert_uint_eq(more.memory_bytes, few.memory_bytes + UINT64_C(8192000));
    ck_assert_uint_eq(more.threads, few.threads);
    config.workers++;
    ck_assert_uint_gt(limits_needs(&config).threads, few.threads);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("limits");
    TCase *tcase = tcase_create("limits");
    tcase_add_checked_fixture(tcase, set_up, cgroup_tree_remove);
    tcase_add_test(tcase, limits_that_are_enough_are_not_mentioned);
    tcase_add_test(tcase, too_little_memory_is_told);
    tcase_add_test(tcase, too_few_threads_are_told);
    tcase_add_test(tcase, too_little_cpu_time_is_told);
    tcase_add_test(tcase, too_few_descriptors_are_told);
    tcase_add_test(tcase, connections_need_descriptors_and_memory_and_workers_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}
