// SPDX-License-Identifier: BSD-2-Clause
/* Memory in chunks, freed as a whole; see arena.h for the invariant. */
#include "policyfile/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 16384
#define ALIGN 16

struct sl_arena_chunk {
	struct sl_arena_chunk *next;
	size_t used, size;
	_Alignas(ALIGN) char data[];
};

void *sl_arena_take(struct sl_arena *arena, size_t size)
{
	struct sl_arena_chunk *chunk = arena->chunks;
	size_t room;
	void *taken;

	if (size > arena->limit)
		return NULL;
	size = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (!chunk || chunk->size - chunk->used < size) {
		room = size > CHUNK ? size : CHUNK;
		if (room > arena->limit - arena->total)
			return NULL;
		chunk = calloc(1, sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->size = room;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		arena->total += room;
	}
	taken = chunk->data + chunk->used;
	chunk->used += size;
	return taken;
}

void *sl_arena_array(struct sl_arena *arena, size_t n, size_t size)
{
	return size && n > SIZE_MAX / size ? NULL : sl_arena_take(arena, n * size);
}

char *sl_arena_text(struct sl_arena *arena, const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? sl_arena_take(arena, len + 1) : NULL;

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

void sl_arena_free(struct sl_arena *arena)
{
	struct sl_arena_chunk *chunk = arena->chunks, *next;

	for (; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	arena->chunks = NULL;
	arena->total = 0;
}
