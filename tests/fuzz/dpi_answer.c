// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core's control requests under libFuzzer: exactly one well-formed answer
 * to any bytes, and an error changes nothing.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/answer.h"
#include "lib/log.h"
#include "lib/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_buffers(const struct sl_lane *lane, struct sl_buffers *ret)
{
	(void)lane;
	memset(ret, 0, sizeof(*ret));
}

/* A failed expectation must end the process in every build, which assert() does not. */
static void must(bool what)
{
	if (!what)
		abort();
}

static void check(json_t *answer, bool stop)
{
	json_t *error = json_object_get(answer, "error");

	must(json_is_object(answer) && json_object_size(answer) == 2);
	if (json_is_true(json_object_get(answer, "ok"))) {
		must(json_is_object(json_object_get(answer, "result")));
		return;
	}
	must(json_is_false(json_object_get(answer, "ok")));
	must(json_object_size(error) == 2);
	must(json_is_string(json_object_get(error, "errno")));
	must(json_is_string(json_object_get(error, "message")));
	must(!stop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sl_lane_ops ops = { .name = "fuzz", .buffers = no_buffers };
	struct sl_core record = { .rx_frames = 1 };
	const struct sl_core before = record;
	struct sl_lane lane = { .ops = &ops, .record = &record };
	struct sl_worker worker = { .lane = &lane };
	const struct sl_view view = { .workers = &worker, .queues = 1, .frame_size = 4096 };
	struct sl_wish wish = { .stop = false };
	json_t *answer;
	char *text;

	text = sl_answer(&view, (const char *)data, size, -1, &wish);
	must(text && strlen(text) <= SL_MSG_MAX);
	answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	check(answer, wish.stop);
	must(!memcmp(&before, &record, sizeof(record)));
	json_decref(answer);
	free(text);
	return 0;
}
