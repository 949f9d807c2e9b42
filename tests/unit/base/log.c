#include "base/log.h"

#include "base/clock.h"
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CAPTURE_SIZE_MAX = 16 * 1024 * 1024 };

static int real_stderr;
static int capture; /* a file in memory that stands in for stderr */
static char *captured;

static void begin(void)
{
    real_stderr = dup(STDERR_FILENO);
    capture = memfd_create("stderr", MFD_CLOEXEC);
    captured = malloc(CAPTURE_SIZE_MAX);
    ck_assert(real_stderr != -1 && capture != -1 && captured);
    ck_assert_int_eq(dup2(capture, STDERR_FILENO), STDERR_FILENO);
}

static void end(void)
{
    log_stop();
    ck_assert_int_eq(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
    (void)close(capture);
    (void)close(real_stderr);
    free(captured);
}

/* All that was logged so far, terminated. */
static struct text logged(void)
{
    ssize_t size = pread(capture, captured, CAPTURE_SIZE_MAX - 1, 0);
    ck_assert_int_ge(size, 0);
    captured[size] = '\0';
    return (struct text){captured, (size_t)size};
}

static void forget_logged(void)
{
    ck_assert_int_eq(ftruncate(capture, 0), 0);
    ck_assert_int_eq(lseek(capture, 0, SEEK_SET), 0);
}

static void check_logged(const char *ending)
{
    struct text text = logged();
    ck_assert_uint_gt(text.size, strlen(ending));
    ck_assert_str_eq(text.bytes + text.size - strlen(ending), ending);
}

START_TEST(lines_below_the_level_are_not_written)
{
    log_configure(LOG_LEVEL_WARNING, LOG_FORMAT_JSON);
    ck_assert(!log_enabled(LOG_LEVEL_INFO));
    ck_assert(log_enabled(LOG_LEVEL_WARNING));
    ck_assert(log_enabled(LOG_LEVEL_ERROR));
    log_event(LOG_LEVEL_INFO, "below");
    ck_assert_uint_eq(logged().size, 0);
    log_event(LOG_LEVEL_WARNING, "at");
    check_logged("\"level\":\"warning\",\"event\":\"at\"}\n");
}
END_TEST

START_TEST(what_is_no_terminal_gets_json)
{
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_AUTO);
    log_event(LOG_LEVEL_DEBUG, "d");
    check_logged("\"level\":\"debug\",\"event\":\"d\"}\n");
}
END_TEST

START_TEST(a_terminal_gets_the_form_for_people)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert(terminal != -1 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    int other_end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    ck_assert_int_eq(dup2(other_end, STDERR_FILENO), STDERR_FILENO);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    log_event(LOG_LEVEL_INFO, "e", LOG_INT("n", 1));
    char line[64] = "";
    ck_assert_int_gt(read(terminal, line, sizeof line - 1), 0);
    ck_assert_str_eq(line + strlen("12:34:56.789"), " INFO  e n=1\r\n");
    (void)close(other_end);
    (void)close(terminal);
}
END_TEST

START_TEST(people_see_the_local_time)
{
    ck_assert_int_eq(setenv("TZ", "XXX-23:00", 1), 0);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    time_t before = time(NULL);
    log_event(LOG_LEVEL_INFO, "e");
    time_t after = time(NULL);
    struct tm local;
    long hour = strtol(logged().bytes, NULL, 10);
    ck_assert(hour == localtime_r(&before, &local)->tm_hour || hour == localtime_r(&after, &local)->tm_hour);
}
END_TEST

START_TEST(errno_stays)
{
    ck_assert_int_eq(close(STDERR_FILENO), 0);
    errno = ENOENT;
    log_event(LOG_LEVEL_ERROR, "e");
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(lines_are_written_before_between_and_after)
{
    log_event(LOG_LEVEL_INFO, "before");
    ck_assert_ptr_nonnull(strstr(logged().bytes, "before"));
    for (int round = 0; round < 3; round++) {
        forget_logged();
        ck_assert(log_start() == FAULT_NONE);
        log_event(LOG_LEVEL_INFO, "between");
        log_stop();
        ck_assert_ptr_nonnull(strstr(logged().bytes, "between"));
    }
    log_event(LOG_LEVEL_INFO, "after");
    ck_assert_ptr_nonnull(strstr(logged().bytes, "after"));
}
END_TEST

START_TEST(stopping_twice_or_unstarted_is_harmless)
{
    log_stop();
    ck_assert(log_start() == FAULT_NONE);
    log_stop();
    log_stop();
}
END_TEST

static void wait_for_text(const char *part)
{
    uint64_t deadline_ns = clock_now_ns() + 5 * NS_PER_S;
    while (!strstr(logged().bytes, part)) {
        ck_assert_uint_lt(clock_now_ns(), deadline_ns);
        (void)usleep(1000);
    }
}

START_TEST(a_line_wakes_the_writer_however_long_it_slept)
{
    ck_assert(log_start() == FAULT_NONE);
    log_event(LOG_LEVEL_INFO, "first");
    wait_for_text("first");
    log_event(LOG_LEVEL_INFO, "second"); /* while it naps */
    wait_for_text("second");
    (void)usleep(60000);
    log_event(LOG_LEVEL_INFO, "third"); /* while it sleeps */
    wait_for_text("third");
}
END_TEST

enum { THREADS = 4, LINES_PER_THREAD = 5000 };

static void *log_many(void *number)
{
    for (int i = 0; i < LINES_PER_THREAD; i++)
        log_event(LOG_LEVEL_INFO, "many", LOG_INT("thread", *(const int *)number), LOG_INT("line", i),
                  LOG_STRING("padding", "01234567890123456789"));
    return NULL;
}

/* Each thread's lines are whole and in order; gives how many there are, and are reported as dropped. */
static int count_lines(int *ret_dropped)
{
    int last_lines[THREADS] = {-1, -1, -1, -1};
    int count = 0;
    *ret_dropped = 0;
    for (char *rest = (char *)(uintptr_t)logged().bytes; *rest;) {
        int thread, number, dropped;
        char *line = strsep(&rest, "\n");
        ck_assert_ptr_nonnull(rest);
        const char *fields = strstr(line, "\"event\":");
        ck_assert_ptr_nonnull(fields);
        if (sscanf(fields, "\"event\":\"log_lines_dropped\",\"count\":%d}", &dropped) == 1) {
            *ret_dropped += dropped;
            continue;
        }
        int found = sscanf(fields, "\"event\":\"many\",\"thread\":%d,\"line\":%d,", &thread, &number);
        ck_assert_int_eq(found, 2);
        ck_assert_str_eq(strchr(fields, 'p'), "padding\":\"01234567890123456789\"}");
        ck_assert(thread >= 0 && thread < THREADS && number > last_lines[thread]);
        last_lines[thread] = number;
        count++;
    }
    return count;
}

static void log_from_many_threads(void)
{
    int numbers[THREADS] = {0, 1, 2, 3};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, log_many, &numbers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

START_TEST(lines_of_many_threads_are_whole_and_in_order_and_none_is_lost_uncounted)
{
    for (int round = 0; round < 5; round++) {
        uint64_t dropped_before = log_dropped();
        ck_assert(log_start() == FAULT_NONE);
        log_from_many_threads();
        log_stop();
        int dropped;
        int count = count_lines(&dropped);
        ck_assert_int_eq(count + dropped, THREADS * LINES_PER_THREAD);
        ck_assert_uint_eq(log_dropped() - dropped_before, (uint64_t)dropped);
        ck_assert_int_gt(count, THREADS);
        forget_logged();
    }
}
END_TEST

/* A pipe in place of stderr that nobody reads; gives the end to read. */
static int block_stderr(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    (void)close(ends[1]);
    return ends[0];
}

/* Into the pipe and the ring, that is. */
enum { LINES_THAT_DO_NOT_FIT = 1000 };

static void log_more_than_fits(void)
{
    static const char padding[100] = "";
    for (int i = 0; i < LINES_THAT_DO_NOT_FIT; i++)
        log_event(LOG_LEVEL_INFO, "many", LOG_TEXT("padding", ((struct text){padding, sizeof padding})));
}

/* Reads more of what the log wrote into the pipe, to the end of what was captured so far. */
static void capture_more(int pipe_end, size_t *size)
{
    ssize_t more = read(pipe_end, captured + *size, CAPTURE_SIZE_MAX - 1 - *size);
    ck_assert_int_gt(more, 0);
    *size += (size_t)more;
    captured[*size] = '\0';
}

/* How many lines the captured whole lines are, or report as dropped. */
static uint64_t lines_accounted_for(uint64_t *ret_dropped)
{
    uint64_t count = 0;
    *ret_dropped = 0;
    const char *line = captured;
    for (const char *line_end; (line_end = strchr(line, '\n')); line = line_end + 1) {
        static const char report[] = "\"level\":\"warning\",\"event\":\"log_lines_dropped\",\"count\":";
        const char *found = memmem(line, (size_t)(line_end - line), report, strlen(report));
        if (found)
            *ret_dropped += strtoull(found + strlen(report), NULL, 10);
        else
            count++;
    }
    return count + *ret_dropped;
}

START_TEST(who_logs_is_not_blocked_and_what_is_dropped_is_reported)
{
    int pipe_end = block_stderr();
    ck_assert(log_start() == FAULT_NONE);
    log_more_than_fits();
    ck_assert_uint_gt(log_dropped(), 0);
    ck_assert_uint_lt(log_dropped(), LINES_THAT_DO_NOT_FIT);

    size_t size = 0;
    uint64_t dropped = 0;
    do
        capture_more(pipe_end, &size);
    while (lines_accounted_for(&dropped) < LINES_THAT_DO_NOT_FIT);
    ck_assert_uint_eq(dropped, log_dropped());
    ck_assert_uint_eq(lines_accounted_for(&dropped), LINES_THAT_DO_NOT_FIT);
    log_stop();
    (void)close(pipe_end);
}
END_TEST

/* The mask of blocked signals of the log's writer; 0 when there is no such thread. */
static unsigned long long writers_blocked_signals(void)
{
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    unsigned long long mask = 0;
    for (const struct dirent *entry; (entry = readdir(tasks));) {
        char path[300], line[256];
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *status = fopen(path, "re");
        bool found = false;
        while (status && fgets(line, sizeof line, status)) {
            if (strncmp(line, "Name:", 5) == 0) found = strcmp(line, "Name:\tlog\n") == 0;
            if (found) (void)sscanf(line, "SigBlk: %llx", &mask);
        }
        if (status) (void)fclose(status);
    }
    (void)closedir(tasks);
    return mask;
}

START_TEST(stopping_does_not_wait_for_a_reader_that_never_comes)
{
    int pipe_end = block_stderr();
    ck_assert(log_start() == FAULT_NONE);
    log_more_than_fits();
    uint64_t start_ns = clock_now_ns();
    log_stop();
    ck_assert_uint_ge(clock_now_ns() - start_ns, 900 * NS_PER_MS);
    ck_assert_uint_lt(clock_now_ns() - start_ns, 3 * NS_PER_S);

    uint64_t dropped = log_dropped();
    log_event(LOG_LEVEL_INFO, "too_late");
    ck_assert_uint_eq(log_dropped(), dropped + 1);
    ck_assert(log_start() == FAULT_INTERNAL);

    (void)close(pipe_end); /* which frees the writer */
    while (writers_blocked_signals() != 0)
        (void)usleep(1000);
}
END_TEST

START_TEST(a_stderr_that_does_not_block_gets_every_line)
{
    int pipe_end = block_stderr();
    ck_assert_int_eq(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096), 4096);
    ck_assert(log_start() == FAULT_NONE);
    for (int i = 0; i < 200; i++)
        log_event(LOG_LEVEL_INFO, "many", LOG_INT("line", i));
    size_t size = 0;
    uint64_t dropped;
    do
        capture_more(pipe_end, &size);
    while (!strstr(captured, "\"line\":199}\n"));
    ck_assert_uint_eq(lines_accounted_for(&dropped), 200);
    ck_assert_uint_eq(dropped, 0);
    log_stop();
    (void)close(pipe_end);
}
END_TEST

START_TEST(the_writer_takes_no_signal_and_the_caller_still_does)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGCHLD, SIGALRM};
    ck_assert(log_start() == FAULT_NONE);
    unsigned long long mask = writers_blocked_signals();
    sigset_t callers;
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &callers), 0);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        ck_assert_uint_eq(mask >> (signals[i] - 1) & 1, 1);
        ck_assert_int_eq(sigismember(&callers, signals[i]), 0);
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *lines = tcase_create("lines");
    tcase_add_checked_fixture(lines, begin, end);
    tcase_set_timeout(lines, 30);
    tcase_add_test(lines, lines_below_the_level_are_not_written);
    tcase_add_test(lines, what_is_no_terminal_gets_json);
    tcase_add_test(lines, a_terminal_gets_the_form_for_people);
    tcase_add_test(lines, people_see_the_local_time);
    tcase_add_test(lines, errno_stays);
    suite_add_tcase(suite, lines);

    TCase *writer = tcase_create("writer");
    tcase_add_checked_fixture(writer, begin, end);
    tcase_set_timeout(writer, 60);
    tcase_add_test(writer, lines_are_written_before_between_and_after);
    tcase_add_test(writer, stopping_twice_or_unstarted_is_harmless);
    tcase_add_test(writer, a_line_wakes_the_writer_however_long_it_slept);
    tcase_add_test(writer, lines_of_many_threads_are_whole_and_in_order_and_none_is_lost_uncounted);
    tcase_add_test(writer, who_logs_is_not_blocked_and_what_is_dropped_is_reported);
    tcase_add_test(writer, stopping_does_not_wait_for_a_reader_that_never_comes);
    tcase_add_test(writer, a_stderr_that_does_not_block_gets_every_line);
    tcase_add_test(writer, the_writer_takes_no_signal_and_the_caller_still_does);
    suite_add_tcase(suite, writer);
    return suite;
}
