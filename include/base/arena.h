/*
 * Memory that lives as long as one request: taken piece by piece, given back all at once.
 *
 * The first piece comes from a buffer of the owner's; what does not fit comes from chunks on the
 * heap, up to a limit. An arena belongs to one thread. Every piece is aligned to 16 bytes and stays
 * valid and where it is until it is resized, or arena_reset or arena_release.
 */
#pragma once

#include <stddef.h>

struct arena_chunk;

struct arena {
    char *first;                /* the owner's buffer */
    size_t first_size;          /* its size in bytes */
    char *next;                 /* the next free byte */
    char *end;                  /* the end of the piece that next points into */
    struct arena_chunk *chunks; /* on the heap, newest first */
    size_t heap_size;           /* bytes in chunks, their headers not counted */
    size_t heap_size_max;       /* heap_size never passes it */
};

/* Starts an empty arena over the borrowed buffer first, which must be aligned to 16 bytes. */
void arena_init(struct arena *arena, void *first, size_t first_size, size_t heap_size_max);

/*
 * size bytes, not zeroed, at an address of their own even when size is 0. NULL when they do not fit
 * below the limit or memory is short; the arena is then as it was.
 */
void *arena_take(struct arena *arena, size_t size);

/*
 * Makes piece, the most recent one taken, of old_size, larger or smaller: in place where it fits, else moved
 * with its bytes. piece NULL is arena_take. NULL as arena_take, with the piece as it was.
 */
void *arena_resize(struct arena *arena, void *piece, size_t old_size, size_t new_size);

/* Forgets all pieces, and frees all chunks. */
void arena_reset(struct arena *arena);

/* The same, for the last time. */
void arena_release(struct arena *arena);
