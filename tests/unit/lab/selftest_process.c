#include "lab/selftest_process.h"

#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON_MS 10000

static struct selftest_process process;

/* Runs a line of the shell; keeps what it writes to stream. */
static void run(const char *line, int stream)
{
    const char *const arguments[] = {"sh", "-c", line, NULL};
    const struct selftest_program program = {.arguments = arguments, .stream = stream};
    ck_assert_int_eq(selftest_process_start(&program, &process), FAULT_NONE);
}

static void must_have_written(const char *expected)
{
    char *bytes;
    struct text text;
    ck_assert_int_eq(selftest_process_read(&process, &bytes, &text), FAULT_NONE);
    ck_assert_uint_eq(text.size, strlen(expected));
    ck_assert_mem_eq(text.bytes, expected, text.size);
    free(bytes);
}

static void wait_for_end(void)
{
    ck_assert(selftest_process_wait(&process, SOON_MS));
}

/* Until it has written a line, and so has come so far. */
static void wait_for_line(void)
{
    for (size_t size = 0; size == 0;) {
        char *bytes;
        struct text text;
        ck_assert(!selftest_process_wait(&process, 5));
        ck_assert_int_eq(selftest_process_read(&process, &bytes, &text), FAULT_NONE);
        size = text.size;
        free(bytes);
    }
}

START_TEST(what_a_program_writes_is_kept)
{
    run("echo one; echo two >&2; echo three", STDOUT_FILENO);
    wait_for_end();
    ck_assert_int_eq(process.exit_code, 0);
    must_have_written("one\nthree\n");
    must_have_written("");
    selftest_process_stop(&process, SOON_MS);
    run("echo one; echo two >&2", STDERR_FILENO);
    wait_for_end();
    must_have_written("two\n");
    selftest_process_stop(&process, SOON_MS);
}
END_TEST

START_TEST(half_a_line_is_kept_back_until_the_end)
{
    run("printf 'one\\ntw'; sleep 1; printf 'o\\nthree'", STDOUT_FILENO);
    wait_for_line();
    must_have_written("");
    wait_for_end();
    must_have_written("two\nthree");
    selftest_process_stop(&process, SOON_MS);
}
END_TEST

START_TEST(nobody_needs_to_read_for_a_program_to_go_on)
{
    run("head -c 5000000 /dev/zero; echo", STDOUT_FILENO);
    wait_for_end();
    char *bytes;
    struct text text;
    ck_assert_int_eq(selftest_process_read(&process, &bytes, &text), FAULT_NONE);
    ck_assert_uint_eq(text.size, 5000001);
    free(bytes);
    selftest_process_stop(&process, SOON_MS);
}
END_TEST

START_TEST(a_program_has_no_input)
{
    run("cat; echo done", STDOUT_FILENO);
    wait_for_end();
    must_have_written("done\n");
    selftest_process_stop(&process, SOON_MS);
}
END_TEST

START_TEST(an_exit_code_is_told_and_a_signal_as_shells_do)
{
    run("exit 7", STDOUT_FILENO);
    wait_for_end();
    ck_assert_int_eq(process.exit_code, 7);
    selftest_process_stop(&process, SOON_MS);
    run("kill -KILL $$", STDOUT_FILENO);
    wait_for_end();
    ck_assert_int_eq(process.exit_code, 128 + SIGKILL);
    selftest_process_stop(&process, SOON_MS);
}
END_TEST

START_TEST(a_program_that_does_not_exist_is_told_from_one_that_fails)
{
    const char *const arguments[] = {"no-such-program-anywhere", NULL};
    const struct selftest_program program = {.arguments = arguments, .stream = STDOUT_FILENO};
    ck_assert_int_eq(selftest_process_start(&program, &process), FAULT_INTERNAL);
    ck_assert_int_eq(errno, ENOENT);
    const char *const folder[] = {"/tmp", NULL};
    const struct selftest_program no_program = {.arguments = folder, .stream = STDOUT_FILENO};
    ck_assert_int_eq(selftest_process_start(&no_program, &process), FAULT_INTERNAL);
    ck_assert_int_eq(errno, EACCES);
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1); /* nothing is left */
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(the_environment_is_the_one_that_is_given)
{
    const char *const arguments[] = {"/bin/sh", "-c", "echo $ONE-$HOME", NULL};
    const char *const environment[] = {"ONE=1", NULL};
    const struct selftest_program program = {arguments, environment, STDOUT_FILENO, SELFTEST_CPUS_ALL};
    ck_assert_int_eq(selftest_process_start(&program, &process), FAULT_NONE);
    wait_for_end();
    must_have_written("1-\n");
    selftest_process_stop(&process, SOON_MS);
}
END_TEST

START_TEST(cpu_time_is_measured)
{
    run("i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done", STDOUT_FILENO);
    wait_for_end();
    ck_assert_uint_gt(process.cpu_ns, 1000000);
    selftest_process_stop(&process, SOON_MS);
}
END_TEST

/* How many CPUs a program has there; the number of the only one, or -1. */
static int count_cpus(enum selftest_cpus cpus, int *ret_only)
{
    const char *const arguments[] = {"sleep", "60", NULL};
    const struct selftest_program program = {.arguments = arguments, .stream = STDOUT_FILENO, .cpus = cpus};
    ck_assert_int_eq(selftest_process_start(&program, &process), FAULT_NONE);
    cpu_set_t set;
    ck_assert_int_eq(sched_getaffinity(process.pid, sizeof set, &set), 0);
    selftest_process_stop(&process, SOON_MS);
    *ret_only = -1;
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&set) == 1; cpu++)
        if (CPU_ISSET((size_t)cpu, &set)) *ret_only = cpu;
    return CPU_COUNT(&set);
}

START_TEST(the_last_cpu_is_kept_apart_from_the_others)
{
    int last, only, all = count_cpus(SELFTEST_CPUS_ALL, &only);
    ck_assert_int_eq(count_cpus(SELFTEST_CPUS_LAST, &last), 1);
    ck_assert_int_ge(last, 0);
    ck_assert_int_eq(count_cpus(SELFTEST_CPUS_BUT_LAST, &only), all == 1 ? 1 : all - 1);
    if (all > 1) ck_assert_int_ne(only, last);
}
END_TEST

START_TEST(the_only_cpu_is_for_all)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int cpu = sched_getcpu();
    CPU_SET((size_t)cpu, &set);
    ck_assert_int_eq(sched_setaffinity(0, sizeof set, &set), 0);
    int only;
    ck_assert_int_eq(count_cpus(SELFTEST_CPUS_LAST, &only), 1);
    ck_assert_int_eq(only, cpu);
    ck_assert_int_eq(count_cpus(SELFTEST_CPUS_BUT_LAST, &only), 1);
    ck_assert_int_eq(only, cpu);
}
END_TEST

START_TEST(stopping_asks_first)
{
    run("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done", STDOUT_FILENO);
    wait_for_line();
    selftest_process_stop(&process, SOON_MS);
    ck_assert_int_eq(process.exit_code, 3);
}
END_TEST

START_TEST(who_does_not_stop_is_killed)
{
    run("trap '' TERM; echo ready; while :; do sleep 0.01; done", STDOUT_FILENO);
    wait_for_line();
    selftest_process_stop(&process, 50);
    ck_assert_int_eq(process.exit_code, 128 + SIGKILL);
}
END_TEST

START_TEST(a_program_dies_with_the_self_test)
{
    int alive[2];
    ck_assert_int_eq(pipe(alive), 0);
    pid_t parent = fork();
    if (parent == 0) {
        const char *const arguments[] = {"sleep", "60", NULL};
        const struct selftest_program program = {.arguments = arguments, .stream = STDOUT_FILENO};
        _exit(selftest_process_start(&program, &process) ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    int status;
    (void)close(alive[1]);
    ck_assert_int_eq(waitpid(parent, &status, 0), parent);
    ck_assert_int_eq(status, 0);
    /* The pipe ends with the last process that has inherited it, which is the program. */
    struct pollfd end = {.fd = alive[0], .events = POLLIN};
    ck_assert_int_eq(poll(&end, 1, SOON_MS), 1);
    (void)close(alive[0]);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("selftest_process");
    TCase *tcase = tcase_create("selftest_process");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_a_program_writes_is_kept);
    tcase_add_test(tcase, half_a_line_is_kept_back_until_the_end);
    tcase_add_test(tcase, nobody_needs_to_read_for_a_program_to_go_on);
    tcase_add_test(tcase, a_program_has_no_input);
    tcase_add_test(tcase, an_exit_code_is_told_and_a_signal_as_shells_do);
    tcase_add_test(tcase, a_program_that_does_not_exist_is_told_from_one_that_fails);
    tcase_add_test(tcase, the_environment_is_the_one_that_is_given);
    tcase_add_test(tcase, cpu_time_is_measured);
    tcase_add_test(tcase, the_last_cpu_is_kept_apart_from_the_others);
    tcase_add_test(tcase, the_only_cpu_is_for_all);
    tcase_add_test(tcase, stopping_asks_first);
    tcase_add_test(tcase, who_does_not_stop_is_killed);
    tcase_add_test(tcase, a_program_dies_with_the_self_test);
    suite_add_tcase(suite, tcase);
    return suite;
}
