#include "lab/selftest_process.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAP_NS       (2 * NS_PER_MS) /* how often a running process is looked at */
#define PRIORITY     (-10)           /* 20 is the lowest, −20 the highest */
#define EXEC_FAILED  127
#define SIGNAL_BASE  128
#define READ_FAILURE (-1)

/* ---- the child ---- */

static bool redirect(int stream, int output)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0) return false;
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (dup2(descriptor == stream ? output : nothing, descriptor) < 0) return false;
    return true;
}

static void choose_cpus(enum selftest_cpus which)
{
    cpu_set_t set, last;
    if (sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) < 2) return;
    size_t cpu = CPU_SETSIZE - 1;
    while (!CPU_ISSET(cpu, &set))
        cpu--;
    CPU_ZERO(&last);
    CPU_SET(cpu, &last);
    CPU_CLR(cpu, &set);
    (void)sched_setaffinity(0, sizeof set, which == SELFTEST_CPUS_LAST ? &last : &set);
}

/*
 * Does not return. What went wrong goes through the pipe, which a successful exec closes. Other programs
 * shall wait while this one measures, if the user may ask for that.
 */
[[gnu::noreturn]] static void become(const struct selftest_program *program, pid_t parent, int output,
                                     int failure)
{
    /* The parent may have died before it was asked to tell. */
    bool is_tied = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
    (void)setpriority(PRIO_PROCESS, 0, PRIORITY);
    if (program->cpus != SELFTEST_CPUS_ALL) choose_cpus(program->cpus);
    if (is_tied && redirect(program->stream, output)) {
        char **environment = program->environment ? (char **)(uintptr_t)program->environment : environ;
        (void)execvpe(program->arguments[0], (char **)(uintptr_t)program->arguments, environment);
    }
    int error = errno;
    if (write(failure, &error, sizeof error) < 0) _exit(EXEC_FAILED);
    _exit(EXEC_FAILED);
}

/* ---- starting ---- */

static int failure_of(int pipe_end)
{
    int error;
    ssize_t size;
    do
        size = read(pipe_end, &error, sizeof error);
    while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof error ? error : 0;
}

/* 0, or errno's number; then there is no process. */
static int start(const struct selftest_program *program, int output, pid_t *ret_pid)
{
    int failure[2];
    pid_t parent = getpid();
    if (pipe2(failure, O_CLOEXEC) != 0) return errno;
    pid_t pid = fork();
    int error = pid < 0 ? errno : 0;
    if (pid == 0) become(program, parent, output, failure[1]);
    (void)close(failure[1]);
    if (pid > 0) error = failure_of(failure[0]);
    (void)close(failure[0]);
    if (pid > 0 && error != 0) (void)waitpid(pid, NULL, 0);
    *ret_pid = pid;
    return error;
}

enum fault selftest_process_start(const struct selftest_program *program,
                                  struct selftest_process *ret_process)
{
    struct selftest_process process = {.output = memfd_create("output", MFD_CLOEXEC)};
    if (process.output < 0) return FAULT_INTERNAL;
    int error = start(program, process.output, &process.pid);
    if (error != 0) {
        (void)close(process.output);
        errno = error;
        return FAULT_INTERNAL;
    }
    *ret_process = process;
    return FAULT_NONE;
}

/* ---- waiting ---- */

static uint64_t ns_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * NS_PER_US;
}

static bool has_ended(struct selftest_process *process)
{
    int status;
    struct rusage usage;
    if (process->is_ended) return true;
    if (wait4(process->pid, &status, WNOHANG, &usage) != process->pid) return false;
    process->is_ended = true;
    process->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : SIGNAL_BASE + WTERMSIG(status);
    process->cpu_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
    return true;
}

bool selftest_process_wait(struct selftest_process *process, unsigned timeout_ms)
{
    uint64_t deadline_ns = clock_now_ns() + timeout_ms * NS_PER_MS;
    while (!has_ended(process)) {
        if (clock_now_ns() >= deadline_ns) return false;
        (void)nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    }
    return true;
}

/* ---- what it wrote ---- */

static ssize_t read_all(int descriptor, char *bytes, size_t size, size_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t part = pread(descriptor, bytes + done, size - done, (off_t)(offset + done));
        if (part < 0 && errno != EINTR) return READ_FAILURE;
        if (part == 0) break;
        if (part > 0) done += (size_t)part;
    }
    return (ssize_t)done;
}

static size_t size_of_lines(const char *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] != '\n')
        size--;
    return size;
}

enum fault selftest_process_read(struct selftest_process *process, char **ret_bytes, struct text *ret_text)
{
    bool is_all = process->is_ended; /* asked first: what is read then is the last */
    struct stat status;
    if (fstat(process->output, &status) != 0) return FAULT_INTERNAL;
    size_t there = (size_t)status.st_size - process->read;
    char *bytes = malloc(there + 1);
    if (bytes == NULL) return FAULT_MEMORY;
    ssize_t got = read_all(process->output, bytes, there, process->read);
    if (got == READ_FAILURE) {
        free(bytes);
        return FAULT_INTERNAL;
    }
    size_t size = is_all ? (size_t)got : size_of_lines(bytes, (size_t)got);
    process->read += size;
    *ret_bytes = bytes;
    *ret_text = (struct text){bytes, size};
    return FAULT_NONE;
}

void selftest_process_stop(struct selftest_process *process, unsigned timeout_ms)
{
    if (!has_ended(process)) {
        (void)kill(process->pid, SIGTERM);
        if (!selftest_process_wait(process, timeout_ms)) {
            (void)kill(process->pid, SIGKILL);
            while (!selftest_process_wait(process, 1000))
                continue;
        }
    }
    (void)close(process->output);
    process->output = -1;
}
