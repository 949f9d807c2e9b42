#include "base/event_loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "suite.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* A source on an eventfd that is readable as soon as it is made. */
struct counter {
    struct event_source source;
    int calls;
    uint32_t events;       /* of the last call */
    struct counter *other; /* what ready() does something to */
};

static struct event_loop *loop;

static void begin(void)
{
    ck_assert(event_loop_new(&loop) == FAULT_NONE);
}

static void end(void)
{
    event_loop_free(loop);
}

static void count_call(struct event_source *source, uint32_t events)
{
    struct counter *counter = (struct counter *)source;
    counter->calls++;
    counter->events = events;
}

static struct counter *counter_new(void (*ready)(struct event_source *source, uint32_t events))
{
    struct counter *counter = calloc(1, sizeof *counter);
    ck_assert_ptr_nonnull(counter);
    counter->source.ready = ready;
    counter->source.descriptor = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert_int_ne(counter->source.descriptor, -1);
    return counter;
}

static void watch(struct counter *counter, uint32_t events)
{
    ck_assert(event_loop_add(loop, &counter->source, events) == FAULT_NONE);
}

static void counter_free(struct counter *counter)
{
    event_loop_remove(loop, &counter->source);
    ck_assert_int_eq(close(counter->source.descriptor), 0);
    free(counter);
}

START_TEST(a_ready_source_is_called_with_its_events_at_each_turn)
{
    struct counter *counter = counter_new(count_call);
    watch(counter, EPOLLIN);
    event_loop_turn(loop, 0);
    ck_assert_int_eq(counter->calls, 1);
    ck_assert_uint_eq(counter->events, EPOLLIN);
    event_loop_turn(loop, -1);
    ck_assert_int_eq(counter->calls, 2);
    counter_free(counter);
}
END_TEST

START_TEST(an_edge_triggered_source_is_called_once_for_an_edge)
{
    struct counter *counter = counter_new(count_call);
    watch(counter, EPOLLIN | EPOLLET);
    event_loop_turn(loop, 0);
    event_loop_turn(loop, 0);
    ck_assert_int_eq(counter->calls, 1);
    ck_assert_int_eq(eventfd_write(counter->source.descriptor, 1), 0);
    event_loop_turn(loop, 0);
    ck_assert_int_eq(counter->calls, 2);
    counter_free(counter);
}
END_TEST

START_TEST(a_changed_source_is_called_for_its_new_events_only)
{
    struct counter *counter = counter_new(count_call);
    watch(counter, EPOLLIN);
    ck_assert(event_loop_change(loop, &counter->source, EPOLLOUT) == FAULT_NONE);
    event_loop_turn(loop, 0);
    ck_assert_uint_eq(counter->events, EPOLLOUT);
    ck_assert(event_loop_change(loop, &counter->source, 0) == FAULT_NONE);
    event_loop_turn(loop, 0);
    ck_assert_int_eq(counter->calls, 1);
    counter_free(counter);
}
END_TEST

START_TEST(a_removed_source_is_called_no_more_and_its_descriptor_stays_open)
{
    struct counter *counter = counter_new(count_call);
    int descriptor = counter->source.descriptor;
    watch(counter, EPOLLIN);
    event_loop_remove(loop, &counter->source);
    ck_assert_int_eq(counter->source.descriptor, descriptor);
    event_loop_remove(loop, &counter->source);
    event_loop_turn(loop, 0);
    ck_assert_int_eq(counter->calls, 0);
    ck_assert_int_eq(close(descriptor), 0);
    free(counter);
}
END_TEST

static struct counter *survivor;

static void free_the_other(struct event_source *source, uint32_t events)
{
    count_call(source, events);
    survivor = (struct counter *)source;
    if (survivor->other) counter_free(survivor->other);
    survivor->other = NULL;
}

START_TEST(a_source_that_was_freed_in_this_turn_is_not_called_any_more)
{
    struct counter *one = counter_new(free_the_other);
    struct counter *two = counter_new(free_the_other);
    one->other = two;
    two->other = one;
    watch(one, EPOLLIN);
    watch(two, EPOLLIN);
    event_loop_turn(loop, 0); /* the one that comes first frees the other: to call that is a use after free */
    ck_assert_int_eq(survivor->calls, 1);
    event_loop_turn(loop, 0);
    ck_assert_int_eq(survivor->calls, 2);
    counter_free(survivor);
}
END_TEST

static void free_itself(struct event_source *source, uint32_t events)
{
    (void)events;
    counter_free((struct counter *)source);
}

START_TEST(a_source_may_free_itself)
{
    watch(counter_new(free_itself), EPOLLIN);
    struct counter *other = counter_new(count_call);
    watch(other, EPOLLIN);
    event_loop_turn(loop, 0);
    event_loop_turn(loop, 0);
    ck_assert_int_eq(other->calls, 2);
    counter_free(other);
}
END_TEST

static void replace_the_other(struct event_source *source, uint32_t events)
{
    struct counter *counter = (struct counter *)source;
    count_call(source, events);
    if (!counter->other) return;
    event_loop_remove(loop, &counter->other->source);
    watch(counter->other, EPOLLOUT);
    counter->other->other = NULL;
    counter->other = NULL;
}

START_TEST(a_source_that_is_added_again_in_this_turn_gets_no_old_event)
{
    struct counter *one = counter_new(replace_the_other);
    struct counter *two = counter_new(replace_the_other);
    one->other = two;
    two->other = one;
    watch(one, EPOLLIN);
    watch(two, EPOLLIN);
    event_loop_turn(loop, 0);
    ck_assert_int_eq(one->calls + two->calls, 1);
    struct counter *replaced = one->calls == 0 ? one : two;
    event_loop_turn(loop, 0);
    ck_assert_int_eq(replaced->calls, 1);
    ck_assert_uint_eq(replaced->events, EPOLLOUT);
    counter_free(one);
    counter_free(two);
}
END_TEST

START_TEST(more_sources_than_a_turn_takes_are_all_called)
{
    enum { COUNT = 600 };
    struct counter *counters[COUNT];
    for (int i = 0; i < COUNT; i++)
        watch(counters[i] = counter_new(count_call), EPOLLIN | EPOLLET);
    for (int turn = 0; turn < 4; turn++)
        event_loop_turn(loop, 0);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(counters[i]->calls, 1);
        counter_free(counters[i]);
    }
}
END_TEST

START_TEST(a_turn_waits_as_long_as_it_was_told)
{
    uint64_t start_ns = clock_now_ns();
    event_loop_turn(loop, 0);
    ck_assert_uint_lt(clock_now_ns() - start_ns, NS_PER_S);
    start_ns = clock_now_ns();
    event_loop_turn(loop, 20);
    ck_assert_uint_ge(clock_now_ns() - start_ns, 19 * NS_PER_MS);
}
END_TEST

static void ignore_signal(int signal)
{
    (void)signal;
}

START_TEST(a_signal_ends_the_wait_and_calls_nobody)
{
    struct counter *counter = counter_new(count_call);
    watch(counter, 0);
    ck_assert_ptr_ne(signal(SIGALRM, ignore_signal), SIG_ERR);
    ck_assert_int_eq(ualarm(20000, 0), 0);
    event_loop_turn(loop, -1);
    ck_assert_int_eq(counter->calls, 0);
    counter_free(counter);
}
END_TEST

START_TEST(what_the_kernel_refuses_is_an_internal_fault)
{
    struct event_source source = {.ready = count_call, .descriptor = 1000000};
    log_configure(LOG_LEVEL_ERROR + 1, LOG_FORMAT_JSON);
    ck_assert(event_loop_add(loop, &source, EPOLLIN) == FAULT_INTERNAL);
    ck_assert(event_loop_change(loop, &source, EPOLLIN) == FAULT_INTERNAL);
    ck_assert_int_eq(source.descriptor, 1000000);

    struct counter *counter = counter_new(count_call);
    watch(counter, EPOLLIN);
    ck_assert(event_loop_add(loop, &counter->source, EPOLLIN) == FAULT_INTERNAL);
    counter_free(counter);
}
END_TEST

START_TEST(a_loop_without_descriptors_left_is_an_internal_fault)
{
    struct rlimit limit;
    struct event_loop *other = NULL;
    log_configure(LOG_LEVEL_ERROR + 1, LOG_FORMAT_JSON);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max}),
                     0);
    ck_assert(event_loop_new(&other) == FAULT_INTERNAL);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_ptr_null(other);
}
END_TEST

START_TEST(a_source_without_descriptor_is_removed_without_harm)
{
    struct event_source source = {.ready = count_call, .descriptor = -1};
    event_loop_remove(loop, &source);
}
END_TEST

START_TEST(no_loop_is_freed_without_harm)
{
    event_loop_free(NULL);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("event_loop");
    TCase *sources = tcase_create("sources");
    tcase_add_checked_fixture(sources, begin, end);
    tcase_add_test(sources, a_ready_source_is_called_with_its_events_at_each_turn);
    tcase_add_test(sources, an_edge_triggered_source_is_called_once_for_an_edge);
    tcase_add_test(sources, a_changed_source_is_called_for_its_new_events_only);
    tcase_add_test(sources, a_removed_source_is_called_no_more_and_its_descriptor_stays_open);
    tcase_add_test(sources, a_source_that_was_freed_in_this_turn_is_not_called_any_more);
    tcase_add_test(sources, a_source_may_free_itself);
    tcase_add_test(sources, a_source_that_is_added_again_in_this_turn_gets_no_old_event);
    tcase_add_test(sources, more_sources_than_a_turn_takes_are_all_called);
    suite_add_tcase(suite, sources);

    TCase *turns = tcase_create("turns");
    tcase_add_checked_fixture(turns, begin, end);
    tcase_add_test(turns, a_turn_waits_as_long_as_it_was_told);
    tcase_add_test(turns, a_signal_ends_the_wait_and_calls_nobody);
    tcase_add_test(turns, what_the_kernel_refuses_is_an_internal_fault);
    tcase_add_test(turns, a_loop_without_descriptors_left_is_an_internal_fault);
    tcase_add_test(turns, a_source_without_descriptor_is_removed_without_harm);
    tcase_add_test(turns, no_loop_is_freed_without_harm);
    suite_add_tcase(suite, turns);
    return suite;
}
