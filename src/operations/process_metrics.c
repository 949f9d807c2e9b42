#include "operations/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/self/stat (proc_pid_stat(5)), counted from the one behind the program's name, which is 3.
 */
enum { FIELD_THREADS = 20 - 3, FIELD_START = 22 - 3, FIELD_VIRTUAL = 23 - 3, FIELD_RESIDENT = 24 - 3 };

#define FIELDS_READ (FIELD_RESIDENT + 1)
#define NO_FIELD    UINT64_MAX

struct process_fields {
    uint64_t values[FIELDS_READ]; /* NO_FIELD: it is no number from 0, or missing */
};

static void write_integer(struct metrics_text *text, const char *name, const char *help, uint64_t value)
{
    metrics_text_family(text, name, "gauge", help);
    metrics_text_integer(text, METRIC_NO_LABELS, value);
}

/* The first size − 1 bytes of a file, terminated; "" when there is none. */
static void read_start(const char *path, char *bytes, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t count = file ? fread(bytes, 1, size - 1, file) : 0;
    bytes[count] = '\0';
    if (file) (void)fclose(file);
}

/* The name is in parentheses and may hold any character, so the last parenthesis is where it ends. */
static void read_fields(struct process_fields *ret_fields)
{
    char bytes[1024];
    read_start("/proc/self/stat", bytes, sizeof(bytes));
    const char *name_end = strrchr(bytes, ')');
    struct text rest = name_end && name_end[1] == ' ' ? text_of(name_end + 2) : TEXT("");
    for (size_t i = 0; i < FIELDS_READ; i++) {
        struct text field = text_take_until(&rest, ' ');
        ret_fields->values[i] = NO_FIELD;
        (void)text_to_uint64(field, INT64_MAX, &ret_fields->values[i]);
    }
}

/* When the machine was started, in seconds since 1970. */
static bool read_boot_time(uint64_t *ret_seconds)
{
    static const char name[] = "btime ";
    FILE *file = fopen("/proc/stat", "re");
    char *line = NULL;
    size_t capacity = 0;
    bool is_found = false;
    while (file && !is_found && getline(&line, &capacity, file) > 0) {
        if (strncmp(line, name, sizeof(name) - 1) != 0) continue;
        struct text rest = text_of(line + sizeof(name) - 1);
        is_found = text_to_uint64(text_take_until(&rest, '\n'), INT64_MAX, ret_seconds);
    }
    free(line);
    if (file) (void)fclose(file);
    return is_found;
}

static bool count_descriptors(uint64_t *ret_count)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory) return false;
    uint64_t count = 0;
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    (void)closedir(directory);
    *ret_count = count - (count > 0); /* one was for looking */
    return true;
}

static void write_cpu(struct metrics_text *text)
{
    struct timespec spent;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent)) return;
    metrics_text_family(text, "process_cpu_seconds_total", "counter",
                        "User and system CPU time spent, in seconds.");
    metrics_text_number(text, METRIC_NO_LABELS, (double)spent.tv_sec + (double)spent.tv_nsec / 1e9);
}

static void write_memory(struct metrics_text *text, const struct process_fields *fields)
{
    uint64_t pages = fields->values[FIELD_RESIDENT], bytes = fields->values[FIELD_VIRTUAL];
    if (pages != NO_FIELD)
        write_integer(text, "process_resident_memory_bytes", "Resident memory, in bytes.",
                      pages * (uint64_t)sysconf(_SC_PAGESIZE));
    if (bytes != NO_FIELD)
        write_integer(text, "process_virtual_memory_bytes", "Virtual memory, in bytes.", bytes);
}

static void write_descriptors(struct metrics_text *text)
{
    uint64_t count;
    struct rlimit limit;
    if (count_descriptors(&count)) write_integer(text, "process_open_fds", "Open file descriptors.", count);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        write_integer(text, "process_max_fds", "The most file descriptors that may be open.", limit.rlim_cur);
}

static void write_start(struct metrics_text *text, uint64_t ticks)
{
    uint64_t boot_seconds;
    if (ticks == NO_FIELD || !read_boot_time(&boot_seconds)) return;
    metrics_text_family(text, "process_start_time_seconds", "gauge",
                        "When the process was started, in seconds since 1970.");
    metrics_text_number(text, METRIC_NO_LABELS,
                        (double)boot_seconds + (double)ticks / (double)sysconf(_SC_CLK_TCK));
}

void process_metrics_write(void *unused, struct metrics_text *text)
{
    (void)unused;
    struct process_fields fields;
    read_fields(&fields);
    write_cpu(text);
    write_memory(text, &fields);
    write_descriptors(text);
    if (fields.values[FIELD_THREADS] != NO_FIELD)
        write_integer(text, "process_threads", "Threads of the process.", fields.values[FIELD_THREADS]);
    write_start(text, fields.values[FIELD_START]);
}
