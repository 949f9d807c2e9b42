#include "service/command_sleep.h"

#include "base/clock.h"
#include "base/text.h"
#include "service/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define SECONDS_MAX       3600
#define FRACTION_SIZE_MAX 3 /* digits: milliseconds */

/* "2", "0.25": whole seconds, or with one to three digits behind a point. */
static bool read_duration(struct text value, uint64_t *ret_ns)
{
    uint64_t seconds, fraction = 0;
    struct text rest = value, whole = text_take_until(&rest, '.');
    bool has_point = whole.size < value.size;
    if (!text_to_uint64(whole, SECONDS_MAX, &seconds)) return false;
    if (has_point && (rest.size > FRACTION_SIZE_MAX || !text_to_uint64(rest, UINT64_MAX, &fraction)))
        return false;
    for (size_t digits = has_point ? rest.size : FRACTION_SIZE_MAX; digits < FRACTION_SIZE_MAX; digits++)
        fraction *= 10;
    *ret_ns = seconds * NS_PER_S + fraction * NS_PER_MS;
    return *ret_ns <= SECONDS_MAX * NS_PER_S;
}

/* Signals are waited for rather than left to their default, which is nothing at all for process 1. */
static void sleep_for(uint64_t duration_ns)
{
    uint64_t deadline_ns = clock_now_ns() + duration_ns;
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    for (uint64_t now_ns = clock_now_ns(); now_ns < deadline_ns; now_ns = clock_now_ns()) {
        uint64_t left_ns = deadline_ns - now_ns;
        struct timespec left = {.tv_sec = (time_t)(left_ns / NS_PER_S),
                                .tv_nsec = (long)(left_ns % NS_PER_S)};
        if (sigtimedwait(&set, NULL, &left) >= 0 || errno != EINTR) return;
    }
}

int command_sleep(struct config *config, int argc, char **arguments)
{
    uint64_t duration_ns;
    (void)config;
    if (argc != 1 || !read_duration(text_of(arguments[0]), &duration_ns)) {
        (void)fprintf(stderr, "splits: sleep: needs one argument, 0…%d seconds, as in 2 or 0.25\n",
                      SECONDS_MAX);
        return COMMAND_USAGE;
    }
    sleep_for(duration_ns);
    return COMMAND_OK;
}
