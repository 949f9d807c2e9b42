#include "base/arena.h"

#include "suite.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FIRST_SIZE = 256, HEAP_SIZE_MAX = 16384 };

static _Alignas(16) char first[FIRST_SIZE];
static struct arena arena;

static void begin(void)
{
    arena_init(&arena, first, FIRST_SIZE, HEAP_SIZE_MAX);
}

static void end(void)
{
    arena_release(&arena);
}

static bool is_in_first(const char *piece)
{
    return piece >= first && piece < first + FIRST_SIZE;
}

static char *take_filled(size_t size, char byte)
{
    char *piece = arena_take(&arena, size);
    ck_assert_ptr_nonnull(piece);
    memset(piece, byte, size);
    return piece;
}

static void check_filled(const char *piece, size_t size, char byte)
{
    for (size_t i = 0; i < size; i++)
        ck_assert_int_eq(piece[i], byte);
}

START_TEST(every_piece_is_aligned_and_apart_from_the_others)
{
    enum { COUNT = 100 };
    char *pieces[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = take_filled(i, (char)i);
        ck_assert_uint_eq((uintptr_t)pieces[i] % 16, 0);
    }
    for (size_t i = 0; i < COUNT; i++)
        check_filled(pieces[i], i, (char)i);
}
END_TEST

START_TEST(empty_pieces_have_addresses_of_their_own)
{
    const char *one = arena_take(&arena, 0);
    const char *two = arena_take(&arena, 0);
    ck_assert_ptr_nonnull(one);
    ck_assert_ptr_nonnull(two);
    ck_assert_ptr_ne(one, two);
}
END_TEST

START_TEST(the_first_buffer_is_used_to_its_last_byte_before_the_heap)
{
    ck_assert(is_in_first(take_filled(FIRST_SIZE - 16, 'a')));
    ck_assert(is_in_first(take_filled(16, 'b')));
    ck_assert_uint_eq(arena.heap_size, 0);
    ck_assert(!is_in_first(take_filled(1, 'c')));
    ck_assert_uint_ge(arena.heap_size, 4096);
}
END_TEST

START_TEST(a_first_buffer_of_odd_size_is_used_whole)
{
    arena_init(&arena, first, 101, 0);
    ck_assert_ptr_null(arena_take(&arena, 102));
    ck_assert_ptr_nonnull(arena_take(&arena, 101));
    ck_assert_ptr_null(arena_take(&arena, 0));
    ck_assert_ptr_null(arena_take(&arena, 1));
}
END_TEST

START_TEST(the_heap_is_used_up_to_its_limit_and_not_beyond)
{
    ck_assert_ptr_null(arena_take(&arena, HEAP_SIZE_MAX + 1));
    ck_assert_uint_eq(arena.heap_size, 0);
    ck_assert_ptr_nonnull(arena_take(&arena, HEAP_SIZE_MAX));
    ck_assert_uint_eq(arena.heap_size, HEAP_SIZE_MAX);
    ck_assert_ptr_null(arena_take(&arena, 1));
}
END_TEST

START_TEST(small_pieces_fill_the_heap_to_its_limit)
{
    take_filled(FIRST_SIZE, 'a');
    for (size_t taken = 0; taken < HEAP_SIZE_MAX; taken += 16)
        take_filled(16, 'b');
    ck_assert_uint_eq(arena.heap_size, HEAP_SIZE_MAX);
    ck_assert_ptr_null(arena_take(&arena, 1));
}
END_TEST

START_TEST(a_full_arena_gives_null_and_keeps_what_it_gave)
{
    const char *in_first = take_filled(100, 'a');
    const char *on_heap = take_filled(HEAP_SIZE_MAX, 'b');
    ck_assert_ptr_null(arena_take(&arena, 1));
    check_filled(in_first, 100, 'a');
    check_filled(on_heap, HEAP_SIZE_MAX, 'b');
}
END_TEST

START_TEST(a_refused_piece_leaves_room_for_a_smaller_one)
{
    take_filled(FIRST_SIZE - 32, 'a');
    ck_assert_ptr_null(arena_take(&arena, HEAP_SIZE_MAX + 1));
    ck_assert(is_in_first(take_filled(32, 'b')));
}
END_TEST

START_TEST(sizes_that_would_overflow_are_refused)
{
    arena_init(&arena, first, FIRST_SIZE, SIZE_MAX);
    ck_assert_ptr_null(arena_take(&arena, SIZE_MAX));
    ck_assert_ptr_null(arena_take(&arena, SIZE_MAX - 15));
    ck_assert_ptr_null(arena_take(&arena, PTRDIFF_MAX));
    void *piece = arena_take(&arena, 16);
    ck_assert_ptr_null(arena_resize(&arena, piece, 16, SIZE_MAX));
    ck_assert_ptr_null(arena_resize(&arena, piece, 16, PTRDIFF_MAX));
}
END_TEST

START_TEST(a_piece_in_the_first_buffer_grows_and_shrinks_in_place)
{
    char *piece = take_filled(20, 'a');
    ck_assert_ptr_eq(arena_resize(&arena, piece, 20, FIRST_SIZE), piece);
    ck_assert_ptr_eq(arena_resize(&arena, piece, FIRST_SIZE, 10), piece);
    check_filled(piece, 10, 'a');
    ck_assert_ptr_eq(arena_take(&arena, 1), piece + 16);
}
END_TEST

START_TEST(a_piece_that_outgrows_the_first_buffer_moves_to_the_heap)
{
    char *piece = take_filled(FIRST_SIZE, 'a');
    char *moved = arena_resize(&arena, piece, FIRST_SIZE, FIRST_SIZE + 1);
    ck_assert_ptr_nonnull(moved);
    ck_assert(!is_in_first(moved));
    check_filled(moved, FIRST_SIZE, 'a');
}
END_TEST

START_TEST(a_piece_in_a_chunk_grows_and_shrinks_in_place)
{
    take_filled(FIRST_SIZE, 'a');
    const char *neighbour = take_filled(16, 'b');
    char *piece = take_filled(100, 'c');
    ck_assert_ptr_eq(arena_resize(&arena, piece, 100, 4096 - 16), piece);
    ck_assert_ptr_eq(arena_resize(&arena, piece, 4096 - 16, 17), piece);
    ck_assert_ptr_eq(arena_take(&arena, 1), piece + 32);
    check_filled(neighbour, 16, 'b');
    check_filled(piece, 17, 'c');
}
END_TEST

START_TEST(a_piece_that_outgrows_its_chunk_moves_and_leaves_its_neighbour)
{
    take_filled(FIRST_SIZE, 'a');
    const char *neighbour = take_filled(16, 'b');
    char *piece = take_filled(4096 - 16, 'c');
    char *moved = arena_resize(&arena, piece, 4096 - 16, 4096 - 15);
    ck_assert_ptr_nonnull(moved);
    ck_assert_ptr_ne(moved, piece);
    check_filled(neighbour, 16, 'b');
    check_filled(moved, 4096 - 16, 'c');
}
END_TEST

START_TEST(a_growing_buffer_reaches_the_whole_limit)
{
    take_filled(FIRST_SIZE, 'a');
    char *piece = take_filled(64, 'b');
    size_t size = 64;
    for (; size < HEAP_SIZE_MAX; size *= 2) {
        piece = arena_resize(&arena, piece, size, 2 * size);
        ck_assert_ptr_nonnull(piece);
        check_filled(piece, size, 'b');
        memset(piece, 'b', 2 * size);
    }
    ck_assert_uint_eq(arena.heap_size, HEAP_SIZE_MAX);
    ck_assert_ptr_null(arena_resize(&arena, piece, size, size + 1));
    check_filled(piece, size, 'b');
}
END_TEST

START_TEST(a_grown_buffer_leaves_the_rest_of_its_chunk_to_others)
{
    take_filled(FIRST_SIZE, 'a');
    char *piece = take_filled(4096, 'b');
    piece = arena_resize(&arena, piece, 4096, 4100);
    ck_assert_ptr_nonnull(piece);
    size_t heap_size = arena.heap_size;
    const char *other = take_filled(100, 'c');
    ck_assert_uint_eq(arena.heap_size, heap_size);
    check_filled(piece, 4096, 'b');
    check_filled(other, 100, 'c');
}
END_TEST

START_TEST(a_resize_beyond_the_limit_is_refused_with_the_piece_as_it_was)
{
    char *piece = take_filled(100, 'a');
    ck_assert_ptr_null(arena_resize(&arena, piece, 100, HEAP_SIZE_MAX + 1));
    check_filled(piece, 100, 'a');
    ck_assert_ptr_eq(arena_resize(&arena, piece, 100, FIRST_SIZE), piece);
}
END_TEST

START_TEST(no_piece_is_resized_into_a_new_one)
{
    ck_assert_ptr_eq(arena_resize(&arena, NULL, 0, 32), first);
    ck_assert_ptr_eq(arena_take(&arena, 16), first + 32);
}
END_TEST

START_TEST(a_reset_gives_everything_back)
{
    for (int round = 0; round < 3; round++) {
        ck_assert_ptr_eq(take_filled(FIRST_SIZE, 'a'), first);
        take_filled(5000, 'b');
        take_filled(HEAP_SIZE_MAX - arena.heap_size, 'c');
        arena_reset(&arena);
        ck_assert_uint_eq(arena.heap_size, 0);
    }
    ck_assert_ptr_nonnull(arena_take(&arena, HEAP_SIZE_MAX));
}
END_TEST

START_TEST(a_release_twice_is_harmless)
{
    take_filled(5000, 'a');
    arena_release(&arena);
    arena_release(&arena);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("arena");
    TCase *taking = tcase_create("taking");
    tcase_add_checked_fixture(taking, begin, end);
    tcase_add_test(taking, every_piece_is_aligned_and_apart_from_the_others);
    tcase_add_test(taking, empty_pieces_have_addresses_of_their_own);
    tcase_add_test(taking, the_first_buffer_is_used_to_its_last_byte_before_the_heap);
    tcase_add_test(taking, a_first_buffer_of_odd_size_is_used_whole);
    tcase_add_test(taking, the_heap_is_used_up_to_its_limit_and_not_beyond);
    tcase_add_test(taking, small_pieces_fill_the_heap_to_its_limit);
    tcase_add_test(taking, a_full_arena_gives_null_and_keeps_what_it_gave);
    tcase_add_test(taking, a_refused_piece_leaves_room_for_a_smaller_one);
    tcase_add_test(taking, sizes_that_would_overflow_are_refused);
    tcase_add_test(taking, a_reset_gives_everything_back);
    tcase_add_test(taking, a_release_twice_is_harmless);
    suite_add_tcase(suite, taking);

    TCase *resizing = tcase_create("resizing");
    tcase_add_checked_fixture(resizing, begin, end);
    tcase_add_test(resizing, a_piece_in_the_first_buffer_grows_and_shrinks_in_place);
    tcase_add_test(resizing, a_piece_that_outgrows_the_first_buffer_moves_to_the_heap);
    tcase_add_test(resizing, a_piece_in_a_chunk_grows_and_shrinks_in_place);
    tcase_add_test(resizing, a_piece_that_outgrows_its_chunk_moves_and_leaves_its_neighbour);
    tcase_add_test(resizing, a_growing_buffer_reaches_the_whole_limit);
    tcase_add_test(resizing, a_grown_buffer_leaves_the_rest_of_its_chunk_to_others);
    tcase_add_test(resizing, a_resize_beyond_the_limit_is_refused_with_the_piece_as_it_was);
    tcase_add_test(resizing, no_piece_is_resized_into_a_new_one);
    suite_add_tcase(suite, resizing);
    return suite;
}
