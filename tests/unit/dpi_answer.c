// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core's control requests: whatever the bytes are, exactly one well-formed
 * answer, and what is not wholly understood changes nothing.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dpi/answer.h"
#include "lib/log.h"
#include "lib/sock.h"

#define STATUS "{\"cmd\":\"status\"}"
#define STOP "{\"cmd\":\"stop\"}"
#define LOG_DEBUG_ON "{\"cmd\":\"log\",\"level\":\"debug\"}"

static struct sl_core records[SL_QUEUES_MAX];
static struct sl_lane lanes[SL_QUEUES_MAX];
static struct sl_worker workers[SL_QUEUES_MAX];
static struct sl_view view = { .workers = workers, .queues = 2, .frame_size = 4096, .multi_buffer = true };
static int log_fd;

static void some_buffers(const struct sl_lane *lane, struct sl_buffers *ret)
{
	(void)lane;
	*ret = (struct sl_buffers){ .total = 10, .rx = 5, .tx = 3, .held = 2 };
}

static const struct sl_lane_ops lane_ops = { .name = "test_lane", .buffers = some_buffers };

static void make_view(void)
{
	log_fd = memfd_create("log", 0);
	cr_assert_geq(log_fd, 0);
	cr_assert_geq(dup2(log_fd, STDERR_FILENO), 0);
	sl_log_init("test", SL_LOG_STDERR, SL_LOG_ERROR);
	for (uint32_t q = 0; q < SL_QUEUES_MAX; q++) {
		lanes[q].ops = &lane_ops;
		lanes[q].record = &records[q];
		workers[q].lane = &lanes[q];
		workers[q].queue = q;
	}
}

TestSuite(dpi_answer, .init = make_view);

/* The level has no getter: it is what gets through. */
static enum sl_log_level log_level(void)
{
	enum sl_log_level level = SL_LOG_ERROR;

	for (int i = SL_LOG_WARN; i <= SL_LOG_DEBUG; i++) {
		cr_assert_eq(ftruncate(log_fd, 0), 0);
		lseek(log_fd, 0, SEEK_SET);
		sl_log((enum sl_log_level)i, "is this seen?");
		if (lseek(log_fd, 0, SEEK_END) > 0)
			level = (enum sl_log_level)i;
	}
	return level;
}

/* Exactly {"ok": true, "result": {…}} or {"ok": false, "error": {"errno": "E…", "message": "…"}}. */
static bool well_formed(json_t *answer)
{
	json_t *error = json_object_get(answer, "error");
	const char *name = json_string_value(json_object_get(error, "errno"));
	const char *message = json_string_value(json_object_get(error, "message"));

	if (!json_is_object(answer) || json_object_size(answer) != 2)
		return false;
	if (json_is_true(json_object_get(answer, "ok")))
		return json_is_object(json_object_get(answer, "result"));
	return json_is_false(json_object_get(answer, "ok")) && json_object_size(error) == 2 && name &&
	       name[0] == 'E' && strcmp(name, "E0") != 0 && message && *message;
}

/* Asks with a buffer of exactly that size, so that a sanitizer sees a step beyond it. A new reference. */
static json_t *ask_bytes(const char *request, size_t len, bool *ret_stop)
{
	char *copy = malloc(len ? len : 1), *text;
	json_t *answer;

	cr_assert(copy);
	memcpy(copy, request, len);
	text = sl_answer(&view, copy, len, ret_stop);
	free(copy);
	cr_assert(text);
	cr_assert_leq(strlen(text), SL_MSG_MAX);
	answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	cr_assert(answer && well_formed(answer), "%s", text);
	free(text);
	return answer;
}

static json_t *ask(const char *request, bool *ret_stop)
{
	return ask_bytes(request, strlen(request), ret_stop);
}

static const char *error_field(json_t *answer, const char *field)
{
	return json_string_value(json_object_get(json_object_get(answer, "error"), field));
}

static json_int_t number_of(json_t *object, const char *field)
{
	json_t *value = json_object_get(object, field);

	cr_assert(json_is_integer(value), "%s is missing", field);
	return json_integer_value(value);
}

/* Every figure of the record in its own place: no two are the same. */
Test(dpi_answer, status_tells_every_figure_of_every_worker)
{
	static const char *const fields[] = {
		"rx_frames",	"rx_bytes",	   "tx_frames",	 "tx_bytes", "drop_tx_full", "drop_invalid",
		"drop_rx_full", "drop_fill_empty", "tx_invalid", "wakeups",  "polls"
	};
	bool stop = false;
	json_t *answer, *result, *worker, *buffers;

	for (uint32_t q = 0; q < 2; q++) {
		__u64 *first = &records[q].rx_frames;

		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			first[i] = 100 * q + i + 1;
	}
	atomic_store(&workers[1].running, true);
	answer = ask(STATUS, &stop);
	result = json_object_get(answer, "result");
	cr_assert_eq(number_of(result, "pid"), getpid());
	cr_assert_geq(number_of(result, "uptime_ms"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(result, "mode")), "forward");
	cr_assert_eq(number_of(result, "queues"), 2);
	cr_assert_str_eq(json_string_value(json_object_get(result, "lane")), "test_lane");
	cr_assert_eq(number_of(result, "frame_size"), 4096);
	cr_assert(json_is_true(json_object_get(result, "multi_buffer")));
	cr_assert_eq(json_array_size(json_object_get(result, "workers")), 2);
	for (uint32_t q = 0; q < 2; q++) {
		worker = json_array_get(json_object_get(result, "workers"), q);
		cr_assert_eq(number_of(worker, "queue"), q);
		cr_assert_eq(json_is_true(json_object_get(worker, "running")), q == 1);
		cr_assert_eq(number_of(worker, "heartbeat_age_ms"), -1, "it never stamped one");
		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			cr_assert_eq(number_of(worker, fields[i]), (json_int_t)(100 * q + i + 1), "%s",
				     fields[i]);
		buffers = json_object_get(worker, "buffers");
		cr_assert_eq(number_of(buffers, "total"), 10);
		cr_assert_eq(number_of(buffers, "rx"), 5);
		cr_assert_eq(number_of(buffers, "tx"), 3);
		cr_assert_eq(number_of(buffers, "held"), 2);
	}
	cr_assert_not(stop);
	json_decref(answer);
}

Test(dpi_answer, the_heartbeats_age_is_in_milliseconds)
{
	struct timespec now;
	bool stop = false;
	json_t *answer, *worker;
	json_int_t age;

	clock_gettime(CLOCK_MONOTONIC, &now);
	records[0].heartbeat_ns = (__u64)now.tv_sec * 1000000000u + now.tv_nsec - 5000 * 1000000ull;
	answer = ask(STATUS, &stop);
	worker = json_array_get(json_object_get(json_object_get(answer, "result"), "workers"), 0);
	age = number_of(worker, "heartbeat_age_ms");
	cr_assert(age >= 5000 && age < 60000, "%lld", (long long)age);
	json_decref(answer);
}

Test(dpi_answer, the_longest_status_fits_a_message)
{
	bool stop = false;
	json_t *answer;

	memset(records, 0x80, sizeof(records)); /* 20 characters each */
	view.queues = SL_QUEUES_MAX;
	answer = ask(STATUS, &stop);
	cr_assert_eq(json_array_size(json_object_get(json_object_get(answer, "result"), "workers")),
		     SL_QUEUES_MAX);
	json_decref(answer);
}

Test(dpi_answer, stop_and_log_do_what_they_say)
{
	static const char *const words[] = { "error", "warn", "info", "debug" };
	bool stop = false;
	char request[64];
	json_t *answer;

	for (int i = SL_LOG_DEBUG; i >= SL_LOG_ERROR; i--) {
		snprintf(request, sizeof(request), "{\"level\":\"%s\", \"cmd\":\"log\"}", words[i]);
		answer = ask(request, &stop);
		cr_assert_eq(json_object_size(json_object_get(answer, "result")), 0);
		json_decref(answer);
		cr_assert_eq((int)log_level(), i);
	}
	cr_assert_not(stop);
	answer = ask(STOP, &stop);
	cr_assert_eq(json_object_size(json_object_get(answer, "result")), 0);
	json_decref(answer);
	cr_assert(stop);
}

struct refusal {
	char request[120], code[12], message[80]; /* parameters are copied to another process */
};

ParameterizedTestParameters(dpi_answer, refused_with_the_reason)
{
	static struct refusal list[] = {
		{ "", "EBADMSG", "not one JSON object" },
		{ "  \n", "EBADMSG", "not one JSON object" },
		{ "{", "EBADMSG", "not one JSON object" },
		{ STOP "x", "EBADMSG", "error at byte" },
		{ STOP STOP, "EBADMSG", "error at byte" },
		{ "{\"cmd\":\"stop\",\"cmd\":\"stop\"}", "EBADMSG", "error at byte" },
		{ "{\"cmd\":\"stop\\u0000\"}", "EBADMSG", "error at byte" },
		{ "{\"cmd\":\"st\xc3\"}", "EBADMSG", "error at byte" },
		{ "\"stop\"", "EBADMSG", "not one JSON object" },
		{ "[]", "EINVAL", "an object with \"cmd\"" },
		{ "[" STOP "]", "EINVAL", "an object with \"cmd\"" },
		{ "{}", "EINVAL", "an object with \"cmd\"" },
		{ "{\"cmd\":null}", "EINVAL", "an object with \"cmd\"" },
		{ "{\"cmd\":[\"stop\"]}", "EINVAL", "an object with \"cmd\"" },
		{ "{\"Cmd\":\"stop\"}", "EINVAL", "an object with \"cmd\"" },
		{ "{\"cmd\":\"\"}", "ENOSYS", "unknown command \"\"" },
		{ "{\"cmd\":\"STOP\"}", "ENOSYS", "unknown command \"STOP\"" },
		{ "{\"cmd\":\"stop \"}", "ENOSYS", "unknown command \"stop \"" },
		{ "{\"cmd\":\"sto\"}", "ENOSYS", "unknown command \"sto\"" },
		{ "{\"cmd\":\"%s%n\"}", "ENOSYS", "unknown command \"%s%n\"" },
		{ "{\"cmd\":\"stop\",\"now\":true}", "EINVAL", "stop: unknown field \"now\"" },
		{ "{\"now\":true,\"cmd\":\"stop\"}", "EINVAL", "stop: unknown field \"now\"" },
		{ "{\"cmd\":\"status\",\"level\":\"info\"}", "EINVAL", "status: unknown field \"level\"" },
		{ "{\"cmd\":\"log\"}", "EINVAL", "\"level\" must be one of error, warn, info, debug" },
		{ "{\"cmd\":\"log\",\"level\":\"\"}", "EINVAL", "\"level\" must be one of" },
		{ "{\"cmd\":\"log\",\"level\":\"Debug\"}", "EINVAL", "\"level\" must be one of" },
		{ "{\"cmd\":\"log\",\"level\":3}", "EINVAL", "log: \"level\" must be a string" },
		{ "{\"cmd\":\"log\",\"level\":null}", "EINVAL", "log: \"level\" must be a string" },
		{ "{\"cmd\":\"log\",\"level\":\"debug\",\"x\":1}", "EINVAL", "log: unknown field \"x\"" },
	};

	return cr_make_param_array(struct refusal, list, sizeof(list) / sizeof(*list));
}

ParameterizedTest(struct refusal *p, dpi_answer, refused_with_the_reason)
{
	bool stop = false;
	json_t *answer;

	answer = ask(p->request, &stop);
	cr_assert(json_is_false(json_object_get(answer, "ok")), "%s", p->request);
	cr_expect_str_eq(error_field(answer, "errno"), p->code, "%s: %s", p->request,
			 error_field(answer, "errno"));
	cr_expect(strstr(error_field(answer, "message"), p->message), "%s: %s", p->request,
		  error_field(answer, "message"));
	json_decref(answer);
	cr_expect_not(stop, "%s", p->request);
	cr_expect_eq(log_level(), SL_LOG_ERROR, "%s", p->request);
}

/* A name of many characters that take two bytes each could be cut in the middle of one. */
Test(dpi_answer, long_names_are_not_repeated)
{
	static const char *const forms[] = { "{\"cmd\":\"%s\"}", "{\"cmd\":\"stop\",\"%s\":1}",
					     "{\"cmd\":\"log\",\"level\":\"%s\"}" };
	char name[2001] = "", request[2100];
	bool stop = false;

	for (size_t len = 0; len + 2 < sizeof(name); len += 2) {
		memcpy(name + len, "ä", 3);
		for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
			json_t *answer;

			snprintf(request, sizeof(request), forms[i], name);
			answer = ask(request, &stop);
			cr_assert(json_is_false(json_object_get(answer, "ok")));
			cr_assert_leq(strlen(error_field(answer, "message")), 200);
			json_decref(answer);
		}
	}
	cr_assert_not(stop);
}

Test(dpi_answer, deep_nesting_is_refused)
{
	static char request[SL_MSG_MAX];
	bool stop = false;
	json_t *answer;

	for (const char *c = "[{\""; *c; c++) {
		memset(request, *c, sizeof(request));
		answer = ask_bytes(request, sizeof(request), &stop);
		cr_assert_str_eq(error_field(answer, "errno"), "EBADMSG");
		json_decref(answer);
	}
}

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
	memcpy(before, records, sizeof(before));
	answer = ask_bytes(request, len, &stop);
	cr_assert_eq(json_is_true(json_object_get(answer, "ok")), meant != NULL, "%.*s", (int)len, request);
	json_decref(answer);
	cr_assert_eq(stop, meant && !strcmp(meant, STOP), "%.*s", (int)len, request);
	cr_assert_eq(log_level(), level, "%.*s", (int)len, request);
	cr_assert_eq(memcmp(before, records, sizeof(before)), 0);
	return meant;
}

static const char *const seeds[] = { STATUS, STOP, LOG_DEBUG_ON,
				     "{\"level\" : \"info\", \"cmd\" : \"log\"}" };

Test(dpi_answer, every_truncation_and_every_changed_byte)
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

Test(dpi_answer, thousands_of_random_mutations)
{
	uint64_t random = 0x9e3779b97f4a7c15;
	char request[256];

	for (int round = 0; round < 8000; round++) {
		const char *seed = seeds[round % (sizeof(seeds) / sizeof(*seeds))];
		size_t len = strlen(seed);

		memcpy(request, seed, len);
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

static int allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* No memory at the n-th step of it: an error or no answer at all, and then nothing has been changed. */
Test(dpi_answer, without_memory)
{
	for (size_t s = 0; s < sizeof(seeds) / sizeof(*seeds); s++) {
		bool ok = false;

		for (int n = 0; !ok; n++) {
			bool stop = false;
			json_t *answer;
			char *text;

			cr_assert_lt(n, 2000);
			sl_log_set_level(SL_LOG_WARN);
			allocations_left = n;
			json_set_alloc_funcs(failing_malloc, free);
			text = sl_answer(&view, seeds[s], strlen(seeds[s]), &stop);
			json_set_alloc_funcs(malloc, free);
			if (!text)
				continue;
			answer = json_loads(text, 0, NULL);
			cr_assert(answer && well_formed(answer), "%d: %s", n, text);
			ok = json_is_true(json_object_get(answer, "ok"));
			cr_assert(ok || (!stop && log_level() == SL_LOG_WARN), "%d: %s", n, text);
			if (ok && !strcmp(seeds[s], STATUS))
				cr_assert_eq(json_array_size(
						     json_object_get(json_object_get(answer, "result"),
								     "workers")),
					     2, "%d: %s", n, text);
			json_decref(answer);
			free(text);
		}
	}
}
