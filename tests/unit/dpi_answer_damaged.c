// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core's control under thousands of damaged requests, and without memory:
 * always exactly one well-formed answer (or, without memory, none), and an
 * error changes nothing.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dpi_view.h"

TestSuite(dpi_answer_damaged, .init = view_make);

/* What the request means, found another way: NULL if it is not to be understood. */
static const char *meaning(const char *request, size_t len, enum sl_log_level *ret_level)
{
	json_t *parsed = json_loadb(request, len, JSON_REJECT_DUPLICATES, NULL);
	static const char *const known[] = {
		STATUS,
		STOP,
		"{\"cmd\":\"log\",\"level\":\"error\"}",
		"{\"cmd\":\"log\",\"level\":\"warn\"}",
		"{\"cmd\":\"log\",\"level\":\"info\"}",
		LOG_DEBUG_ON,
	};
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		json_t *one = json_loads(known[i], 0, NULL);

		if (parsed && json_equal(parsed, one)) {
			found = known[i];
			if (i >= 2)
				*ret_level = (enum sl_log_level)(i - 2);
		}
		json_decref(one);
	}
	json_decref(parsed);
	return found;
}

/* Asks, and compares what changed with what the request means. Returns whether it was understood. */
static bool judge(const char *request, size_t len)
{
	enum sl_log_level level = SL_LOG_WARN;
	const char *meant = meaning(request, len, &level);
	struct sl_core before[2];
	bool stop = false;
	json_t *answer;

	sl_log_set_level(SL_LOG_WARN);
	memcpy(before, view_records, sizeof(before));
	answer = view_ask_bytes(request, len, &stop);
	cr_assert_eq(json_is_true(json_object_get(answer, "ok")), meant != NULL, "%.*s", (int)len, request);
	json_decref(answer);
	cr_assert_eq(stop, meant && !strcmp(meant, STOP), "%.*s", (int)len, request);
	cr_assert_eq(view_log_level(), level, "%.*s", (int)len, request);
	cr_assert_eq(memcmp(before, view_records, sizeof(before)), 0);
	return meant;
}

static const char *const seeds[] = { STATUS, STOP, LOG_DEBUG_ON,
				     "{\"level\" : \"info\", \"cmd\" : \"log\"}" };

Test(dpi_answer_damaged, every_truncation_and_every_changed_byte)
{
	static const char bytes[] = "\0\n \"\\{}[],:0-aestx\x7f\x80\xc3\xff";
	unsigned int understood = 0;
	char request[128];

	for (size_t s = 0; s < sizeof(seeds) / sizeof(*seeds); s++) {
		size_t len = strlen(seeds[s]);

		for (size_t i = 0; i < len; i++)
			understood += judge(seeds[s], i) + judge(seeds[s] + i, len - i);
		for (size_t i = 0; i <= len; i++) {
			for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
				memcpy(request, seeds[s], len);
				request[i] = bytes[b]; /* replaced */
				understood += judge(request, i < len ? len : len + 1);
				memcpy(request + i + 1, seeds[s] + i, len - i); /* put in */
				understood += judge(request, len + 1);
			}
		}
	}
	cr_assert_gt(understood, 20, "blanks between the words are not an error");
}

Test(dpi_answer_damaged, thousands_of_random_mutations)
{
	uint64_t random = 0x9e3779b97f4a7c15;
	char request[256];

	for (int round = 0; round < 8000; round++) {
		const char *seed = seeds[round % (sizeof(seeds) / sizeof(*seeds))];
		size_t len = strlen(seed);

		memcpy(request, seed, len + 1);
		for (int edits = 1 + round % 5; edits > 0; edits--) {
			size_t at, from, n;

			random = random * 6364136223846793005 + 1442695040888963407;
			at = (random >> 33) % len;
			from = (random >> 20) % len;
			n = 1 + (random >> 50) % 12;
			switch ((random >> 60) & 3) {
			case 0:
				request[at] = (char)(random >> 40);
				break;
			case 1:
				request[at] ^= (char)(1 << ((random >> 40) & 7));
				break;
			case 2: /* a piece of it once more, elsewhere */
				n = n > len - from ? len - from : n;
				n = n > len - at ? len - at : n;
				memmove(request + at, request + from, n);
				break;
			case 3: /* a piece of it gone, but for one byte */
				n = n > len - at ? len - at : n;
				if (n == len)
					n--;
				memmove(request + at, request + at + n, len - at - n);
				len -= n;
				break;
			}
		}
		judge(request, len);
	}
}

static struct {
	int left; /* allocations that succeed first */
	bool once; /* only the next one fails, or all */
	bool failed;
} memory;

static void *failing_malloc(size_t size)
{
	if (memory.left-- > 0 || (memory.once && memory.failed))
		return malloc(size);
	memory.failed = true;
	return NULL;
}

/* One request without memory from the n-th step on, or at that step alone. Whether it came to that. */
static bool ask_without_memory(const char *request, int n, bool once)
{
	struct sl_wish wish = { .stop = false };
	bool ok;
	json_t *answer;
	char *text;

	sl_log_set_level(SL_LOG_WARN);
	memory.left = n;
	memory.once = once;
	memory.failed = false;
	json_set_alloc_funcs(failing_malloc, free);
	text = sl_answer(&view, request, strlen(request), -1, &wish);
	json_set_alloc_funcs(malloc, free);
	if (!text) {
		cr_assert_not(wish.stop, "%d: the core ends without an answer", n);
		return memory.failed;
	}
	answer = json_loads(text, 0, NULL);
	cr_assert(answer && view_well_formed(answer), "%d: %s", n, text);
	ok = json_is_true(json_object_get(answer, "ok"));
	cr_assert(ok || (!wish.stop && view_log_level() == SL_LOG_WARN), "%d: %s", n, text);
	if (ok && !strcmp(request, STATUS))
		cr_assert_eq(json_array_size(json_object_get(json_object_get(answer, "result"), "workers")),
			     2, "%d: %s", n, text);
	json_decref(answer);
	free(text);
	return memory.failed;
}

/* An error or no answer at all, never half of one, and an error changes nothing. */
Test(dpi_answer_damaged, without_memory)
{
	for (size_t s = 0; s < sizeof(seeds) / sizeof(*seeds); s++) {
		for (int once = 0; once < 2; once++) {
			int n = 0;

			while (ask_without_memory(seeds[s], n, once))
				n++;
			cr_assert(n > 5 && n < 2000, "%d steps", n);
		}
	}
}
