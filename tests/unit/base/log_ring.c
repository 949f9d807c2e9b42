#include "base/log_ring.h"

#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct log_ring *ring;

static void begin(void)
{
    ring = log_ring_new();
    ck_assert_ptr_nonnull(ring);
}

static void end(void)
{
    free(ring);
}

static bool put(size_t size, char byte)
{
    static char bytes[LOG_RING_SIZE + 1];
    memset(bytes, byte, size);
    return log_ring_put(ring, bytes, size);
}

/* Takes size bytes, all of them this one, in as many parts as they lie in; gives how many these are. */
static int take(size_t size, char byte)
{
    int parts = 0;
    for (; size > 0; parts++) {
        struct text part = log_ring_peek(ring);
        ck_assert_uint_gt(part.size, 0);
        size_t taken = part.size < size ? part.size : size;
        for (size_t i = 0; i < taken; i++)
            if (part.bytes[i] != byte) ck_abort_msg("byte %zu", i);
        log_ring_skip(ring, taken);
        size -= taken;
    }
    return parts;
}

START_TEST(a_new_ring_is_empty)
{
    ck_assert_uint_eq(log_ring_size(ring), 0);
    ck_assert_uint_eq(log_ring_peek(ring).size, 0);
}
END_TEST

START_TEST(bytes_come_out_in_the_order_in_which_they_went_in)
{
    ck_assert(log_ring_put(ring, "one\n", 4));
    ck_assert(log_ring_put(ring, "two\n", 4));
    ck_assert_uint_eq(log_ring_size(ring), 8);
    ck_assert(text_equal(log_ring_peek(ring), TEXT("one\ntwo\n")));
    log_ring_skip(ring, 4);
    ck_assert(text_equal(log_ring_peek(ring), TEXT("two\n")));
}
END_TEST

START_TEST(a_ring_takes_as_much_as_its_size_and_nothing_of_what_does_not_fit)
{
    ck_assert(!put(LOG_RING_SIZE + 1, 'a'));
    ck_assert_uint_eq(log_ring_size(ring), 0);
    ck_assert(put(LOG_RING_SIZE - 10, 'a'));
    ck_assert(!put(11, 'b'));
    ck_assert(put(10, 'a'));
    ck_assert(!put(1, 'c'));
    ck_assert_uint_eq(log_ring_size(ring), LOG_RING_SIZE);
    ck_assert_int_eq(take(LOG_RING_SIZE, 'a'), 1);
    ck_assert_uint_eq(log_ring_size(ring), 0);
}
END_TEST

START_TEST(bytes_that_go_round_the_edge_come_in_two_parts)
{
    ck_assert(put(LOG_RING_SIZE - 3, 'a'));
    (void)take(LOG_RING_SIZE - 3, 'a');
    ck_assert(put(5, 'b'));
    ck_assert_uint_eq(log_ring_size(ring), 5);
    ck_assert_int_eq(take(5, 'b'), 2);
}
END_TEST

START_TEST(a_ring_goes_round_many_times_at_every_offset)
{
    for (size_t round = 0; round < 200; round++) {
        size_t size = 1 + round * 7919 % LOG_RING_SIZE;
        char byte = (char)('a' + round % 26);
        ck_assert(put(size, byte));
        ck_assert(!put(LOG_RING_SIZE - size + 1, 'X'));
        ck_assert_int_le(take(size, byte), 2);
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("log_ring");
    TCase *ring_case = tcase_create("ring");
    tcase_add_checked_fixture(ring_case, begin, end);
    tcase_set_timeout(ring_case, 10);
    tcase_add_test(ring_case, a_new_ring_is_empty);
    tcase_add_test(ring_case, bytes_come_out_in_the_order_in_which_they_went_in);
    tcase_add_test(ring_case, a_ring_takes_as_much_as_its_size_and_nothing_of_what_does_not_fit);
    tcase_add_test(ring_case, bytes_that_go_round_the_edge_come_in_two_parts);
    tcase_add_test(ring_case, a_ring_goes_round_many_times_at_every_offset);
    suite_add_tcase(suite, ring_case);
    return suite;
}
