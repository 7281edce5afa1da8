// SPDX-License-Identifier: BSD-2-Clause
/* A view to ask the core's control about; see dpi_view.h. */
#include "dpi_view.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/sock.h"

struct sl_core view_records[SL_QUEUES_MAX];
static struct sl_lane lanes[SL_QUEUES_MAX];
struct sl_worker view_workers[SL_QUEUES_MAX];
struct sl_view view = { .workers = view_workers, .queues = 2, .frame_size = 4096, .multi_buffer = true };
static int log_fd;

static void some_buffers(const struct sl_lane *lane, struct sl_buffers *ret)
{
	(void)lane;
	*ret = (struct sl_buffers){ .total = 10, .rx = 5, .tx = 2, .held = 2, .spare = 1 };
}

static const struct sl_lane_ops lane_ops = { .name = "test_lane", .buffers = some_buffers };

void view_make(void)
{
	log_fd = memfd_create("log", 0);
	cr_assert_geq(log_fd, 0);
	cr_assert_geq(dup2(log_fd, STDERR_FILENO), 0);
	sl_log_init("test", SL_LOG_STDERR, SL_LOG_ERROR);
	for (uint32_t q = 0; q < SL_QUEUES_MAX; q++) {
		lanes[q].ops = &lane_ops;
		lanes[q].record = &view_records[q];
		view_workers[q].lane = &lanes[q];
		view_workers[q].queue = q;
	}
}

enum sl_log_level view_log_level(void)
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

bool view_well_formed(json_t *answer)
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
json_t *view_ask_bytes(const char *request, size_t len, bool *ret_stop)
{
	struct sl_wish wish = { .stop = false };
	char *copy = malloc(len ? len : 1), *text;
	json_t *answer;

	cr_assert(copy);
	memcpy(copy, request, len);
	text = sl_answer(&view, copy, len, -1, &wish);
	if (wish.stop)
		*ret_stop = true;
	free(copy);
	cr_assert(text);
	cr_assert_leq(strlen(text), SL_MSG_MAX);
	answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	cr_assert(answer && view_well_formed(answer), "%s", text);
	free(text);
	return answer;
}

json_t *view_ask(const char *request, bool *ret_stop)
{
	return view_ask_bytes(request, strlen(request), ret_stop);
}
