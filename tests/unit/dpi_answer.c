// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core's control requests: each does what it says, and what is not wholly
 * understood is refused with the reason and changes nothing.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dpi_view.h"
#include "lib/sock.h"

TestSuite(dpi_answer, .init = view_make);

static const char *error_field(json_t *answer, const char *field)
{
	const char *value = json_string_value(json_object_get(json_object_get(answer, "error"), field));

	return value ? value : "(none)";
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
		__u64 *first = &view_records[q].rx_frames;

		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			first[i] = 100 * q + i + 1;
		view_records[q].dropped = 100 * q + 51;
		view_records[q].made = 100 * q + 52;
		view_records[q].bundled = 100 * q + 53;
	}
	atomic_store(&view_workers[1].running, true);
	answer = view_ask(STATUS, &stop);
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
		cr_assert_eq(number_of(buffers, "tx"), 2);
		cr_assert_eq(number_of(buffers, "held"), 2);
		cr_assert_eq(number_of(buffers, "spare"), 1);
		cr_assert_eq(number_of(worker, "dropped"), (json_int_t)(100 * q + 51));
		cr_assert_eq(number_of(worker, "made"), (json_int_t)(100 * q + 52));
		cr_assert_eq(number_of(worker, "bundled"), (json_int_t)(100 * q + 53));
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
	view_records[0].heartbeat_ns = (__u64)now.tv_sec * 1000000000u + now.tv_nsec - 5000 * 1000000ull;
	answer = view_ask(STATUS, &stop);
	worker = json_array_get(json_object_get(json_object_get(answer, "result"), "workers"), 0);
	age = number_of(worker, "heartbeat_age_ms");
	cr_assert(age >= 5000 && age < 60000, "%lld", (long long)age);
	json_decref(answer);
}

Test(dpi_answer, the_longest_status_fits_a_message)
{
	bool stop = false;
	json_t *answer;

	memset(view_records, 0x80, sizeof(view_records)); /* 20 characters each */
	view.queues = SL_QUEUES_MAX;
	answer = view_ask(STATUS, &stop);
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
		answer = view_ask(request, &stop);
		cr_assert_eq(json_object_size(json_object_get(answer, "result")), 0);
		json_decref(answer);
		cr_assert_eq((int)view_log_level(), i);
	}
	cr_assert_not(stop);
	answer = view_ask(STOP, &stop);
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
		/* The view has workers without engines. */
		{ "{\"cmd\":\"policy\"}", "ENOSYS", "policy: this core only forwards" },
		{ "{\"cmd\":\"names\"}", "ENOSYS", "names: this core only forwards" },
		{ "{\"cmd\":\"thresholds\"}", "ENOSYS", "thresholds: this core only forwards" },
		{ "{\"cmd\":\"figures\"}", "ENOSYS", "figures: this core only forwards" },
		{ "{\"cmd\":\"sessions\"}", "ENOSYS", "sessions: this core only forwards" },
		{ "{\"cmd\":\"session_count\"}", "ENOSYS", "session_count: this core only forwards" },
		{ "{\"cmd\":\"session_end\"}", "ENOSYS", "session_end: this core only forwards" },
		{ "{\"cmd\":\"learned\"}", "ENOSYS", "learned: this core only forwards" },
	};

	return cr_make_param_array(struct refusal, list, sizeof(list) / sizeof(*list));
}

ParameterizedTest(struct refusal *p, dpi_answer, refused_with_the_reason)
{
	bool stop = false;
	json_t *answer;

	answer = view_ask(p->request, &stop);
	cr_assert(json_is_false(json_object_get(answer, "ok")), "%s", p->request);
	cr_expect(!strcmp(error_field(answer, "errno"), p->code), "%s: %s", p->request,
		  error_field(answer, "errno"));
	cr_expect(strstr(error_field(answer, "message"), p->message), "%s: %s", p->request,
		  error_field(answer, "message"));
	json_decref(answer);
	cr_expect_not(stop, "%s", p->request);
	cr_expect_eq(view_log_level(), SL_LOG_ERROR, "%s", p->request);
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
			answer = view_ask(request, &stop);
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
		answer = view_ask_bytes(request, sizeof(request), &stop);
		cr_assert_str_eq(error_field(answer, "errno"), "EBADMSG");
		json_decref(answer);
	}
}
