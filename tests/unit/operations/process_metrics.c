#include "operations/process_metrics.h"

#include "base/clock.h"
#include "operations/metrics_fixture.h"
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static char *write_metrics(void)
{
    struct metrics_fixture fixture;
    metrics_fixture_init(&fixture);
    process_metrics_write(NULL, &fixture.text);
    return metrics_fixture_take(&fixture);
}

static double value_now(const char *name)
{
    char *text = write_metrics();
    double value = metrics_fixture_value(text, name);
    free(text);
    return value;
}

START_TEST(each_family_is_there_once_with_its_type)
{
    static const char *const types[] = {
        "# TYPE process_cpu_seconds_total counter\n",
        "# TYPE process_resident_memory_bytes gauge\n",
        "# TYPE process_virtual_memory_bytes gauge\n",
        "# TYPE process_open_fds gauge\n",
        "# TYPE process_max_fds gauge\n",
        "# TYPE process_threads gauge\n",
        "# TYPE process_start_time_seconds gauge\n",
    };
    size_t count = sizeof(types) / sizeof(types[0]);
    char *text = write_metrics();
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(metrics_fixture_lines(text, types[i]) == 1, "not once: %s", types[i]);
    ck_assert_uint_eq(metrics_fixture_lines(text, ""), 3 * count);
    free(text);
}
END_TEST

START_TEST(cpu_time_grows_with_work)
{
    struct timespec spent;
    double before = value_now("process_cpu_seconds_total");
    do {
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    } while ((double)spent.tv_sec + (double)spent.tv_nsec / 1e9 < before + 0.05);
    double grown = value_now("process_cpu_seconds_total") - before;
    ck_assert_double_ge(grown, 0.05);
    ck_assert_double_lt(grown, 10);
}
END_TEST

START_TEST(memory_is_counted_in_bytes)
{
    static const size_t size = 64 << 20;
    double virtual = value_now("process_virtual_memory_bytes");
    double resident = value_now("process_resident_memory_bytes");
    ck_assert_double_gt(resident, 256 << 10);
    ck_assert_double_gt(virtual, resident);
    void *more = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    ck_assert_ptr_ne(more, MAP_FAILED);
    ck_assert_double_ge(value_now("process_virtual_memory_bytes") - virtual, (double)size);
    ck_assert_double_ge(value_now("process_resident_memory_bytes") - resident, 0.9 * (double)size);
    (void)munmap(more, size);
}
END_TEST

START_TEST(open_descriptors_are_counted_without_the_one_for_looking)
{
    double before = value_now("process_open_fds");
    int descriptors[2];
    ck_assert_int_eq(pipe2(descriptors, O_CLOEXEC), 0);
    ck_assert_double_eq(value_now("process_open_fds"), before + 2);
    (void)close(descriptors[0]);
    (void)close(descriptors[1]);
    ck_assert_double_eq(value_now("process_open_fds"), before);
    for (int i = 0, open = 0; i < 256; i++) {
        open += fcntl(i, F_GETFD) >= 0;
        if (i == 255) ck_assert_double_eq(before, open);
    }
}
END_TEST

START_TEST(the_limit_of_descriptors_is_the_one_in_force)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 123;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_double_eq(value_now("process_max_fds"), 123);
}
END_TEST

static void *wait_for_end(void *argument)
{
    (void)pthread_barrier_wait(argument);
    return NULL;
}

START_TEST(threads_are_counted)
{
    pthread_barrier_t end;
    pthread_t thread;
    double before = value_now("process_threads");
    (void)pthread_barrier_init(&end, NULL, 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_end, &end), 0);
    ck_assert_double_ge(value_now("process_threads"), before + 1);
    (void)pthread_barrier_wait(&end);
    (void)pthread_join(thread, NULL);
    (void)pthread_barrier_destroy(&end);
}
END_TEST

START_TEST(the_start_is_in_wall_clock_seconds_and_stays)
{
    double start = value_now("process_start_time_seconds");
    double now = (double)clock_wall_us() / 1e6;
    ck_assert_double_le(start, now + 2); /* btime is in whole seconds */
    ck_assert_double_ge(start, now - 300);
    ck_assert_double_eq(value_now("process_start_time_seconds"), start);
}
END_TEST

START_TEST(what_the_system_does_not_tell_is_left_out)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0); /* no file of /proc can be opened */
    char *text = write_metrics();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(metrics_fixture_lines(text, "# TYPE"), 2);
    ck_assert_double_eq(metrics_fixture_value(text, "process_max_fds"), 0);
    ck_assert_double_gt(metrics_fixture_value(text, "process_cpu_seconds_total"), 0);
    free(text);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("operations/process_metrics");
    TCase *tests = tcase_create("process");
    tcase_add_test(tests, each_family_is_there_once_with_its_type);
    tcase_add_test(tests, cpu_time_grows_with_work);
    tcase_add_test(tests, memory_is_counted_in_bytes);
    tcase_add_test(tests, open_descriptors_are_counted_without_the_one_for_looking);
    tcase_add_test(tests, the_limit_of_descriptors_is_the_one_in_force);
    tcase_add_test(tests, threads_are_counted);
    tcase_add_test(tests, the_start_is_in_wall_clock_seconds_and_stays);
    tcase_add_test(tests, what_the_system_does_not_tell_is_left_out);
    suite_add_tcase(suite, tests);
    return suite;
}
