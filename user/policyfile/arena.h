/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of things that live and die together, such as all of a policy file.
 *
 * Invariant: what is taken is zeroed, aligned for any object, and lives until
 * the arena is freed; the sum is bounded by the arena's limit.
 */
#ifndef SLUICE_POLICYFILE_ARENA_H
#define SLUICE_POLICYFILE_ARENA_H

#include <stddef.h>

struct sl_arena_chunk;
struct sl_arena {
	struct sl_arena_chunk *chunks;
	size_t total, limit;
};

/* NULL: no memory, or the limit is reached. size 0 gives one byte. */
void *sl_arena_take(struct sl_arena *arena, size_t size);
/* n elements of size bytes. */
void *sl_arena_array(struct sl_arena *arena, size_t n, size_t size);
/* len bytes of text and a NUL. */
char *sl_arena_text(struct sl_arena *arena, const char *text, size_t len);
void sl_arena_free(struct sl_arena *arena);

#endif
