#include "base/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_ALIGNMENT = 16, CHUNK_SIZE_MIN = 4096 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* of bytes */
    _Alignas(PIECE_ALIGNMENT) char bytes[];
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/*
 * The room that a piece of size occupies when left bytes, at least size, are free. An empty piece occupies
 * some, so that it has an address of its own; the last piece may end off the alignment, as nothing follows
 * it.
 */
static size_t piece_extent(size_t size, size_t left)
{
    size_t aligned = (larger(size, 1) + PIECE_ALIGNMENT - 1) & ~(size_t)(PIECE_ALIGNMENT - 1);
    return smaller(aligned, left);
}

/* Sizes from which neither an extent nor a chunk with its header can be computed without overflow. */
static bool is_absurd(size_t size)
{
    return size > PTRDIFF_MAX - sizeof(struct arena_chunk) - PIECE_ALIGNMENT;
}

void arena_init(struct arena *arena, void *first, size_t first_size, size_t heap_size_max)
{
    *arena = (struct arena){
        .first = first,
        .first_size = first_size,
        .heap_size_max = heap_size_max,
    };
    arena_reset(arena);
}

/* The size of a chunk for size bytes: chunks double, as far as limit lets them, so that few are needed. */
static size_t choose_chunk_size(const struct arena_chunk *newest, size_t size, size_t limit)
{
    size_t wanted = newest ? 2 * newest->size : CHUNK_SIZE_MIN;
    return smaller(larger(size, wanted), limit);
}

static bool add_chunk(struct arena *arena, size_t size)
{
    size_t limit = arena->heap_size_max - arena->heap_size;
    if (size > limit) return false;
    size_t chunk_size = choose_chunk_size(arena->chunks, size, limit);
    struct arena_chunk *chunk = malloc(sizeof *chunk + chunk_size);
    if (!chunk) return false;

    *chunk = (struct arena_chunk){.older = arena->chunks, .size = chunk_size};
    arena->chunks = chunk;
    arena->heap_size += chunk_size;
    arena->next = chunk->bytes;
    arena->end = chunk->bytes + chunk_size;
    return true;
}

void *arena_take(struct arena *arena, size_t size)
{
    if (is_absurd(size)) return NULL;
    size_t needed = larger(size, 1);
    if (needed > (size_t)(arena->end - arena->next) && !add_chunk(arena, needed)) return NULL;
    char *piece = arena->next;
    arena->next += piece_extent(size, (size_t)(arena->end - piece));
    return piece;
}

/* Grows the newest chunk, which holds nothing but one piece: a buffer that doubles is not paid for twice. */
static void *grow_only_piece(struct arena *arena, size_t new_size)
{
    struct arena_chunk *chunk = arena->chunks;
    size_t older_size = arena->heap_size - chunk->size;
    size_t limit = arena->heap_size_max - older_size;
    if (new_size > limit) return NULL;
    size_t chunk_size = choose_chunk_size(chunk, new_size, limit);
    chunk = realloc(chunk, sizeof *chunk + chunk_size);
    if (!chunk) return NULL;

    chunk->size = chunk_size;
    arena->chunks = chunk;
    arena->heap_size = older_size + chunk_size;
    arena->next = chunk->bytes + piece_extent(new_size, chunk_size);
    arena->end = chunk->bytes + chunk_size;
    return chunk->bytes;
}

static void *move_piece(struct arena *arena, const char *piece, size_t old_size, size_t new_size)
{
    if (arena->chunks && piece == arena->chunks->bytes) return grow_only_piece(arena, new_size);
    char *moved = arena_take(arena, new_size);
    if (moved) memcpy(moved, piece, old_size);
    return moved;
}

void *arena_resize(struct arena *arena, void *piece, size_t old_size, size_t new_size)
{
    if (!piece) return arena_take(arena, new_size);
    if (is_absurd(new_size)) return NULL;
    char *start = piece;
    size_t left = (size_t)(arena->end - start);
    assert(start + piece_extent(old_size, left) == arena->next);

    if (new_size > left) return move_piece(arena, start, old_size, new_size);
    arena->next = start + piece_extent(new_size, left);
    return piece;
}

void arena_reset(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->older;
        free(chunk);
    }
    arena->heap_size = 0;
    arena->next = arena->first;
    arena->end = arena->first + arena->first_size;
}

void arena_release(struct arena *arena)
{
    arena_reset(arena);
}
