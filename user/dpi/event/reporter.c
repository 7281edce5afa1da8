// SPDX-License-Identifier: BSD-2-Clause
/* Lines of text from the workers' rings; see reporter.h. */
#include "dpi/event/reporter.h"

#include <errno.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/event/limit.h"
#include "lib/clock.h"
#include "sluice/abi.h"

#define LINE_MAX_BYTES 8192 /* of all lines of one event: names are bounded, so this has room to spare */
#define BURST_SECONDS 2
#define EVENTS_MAX 4096 /* looked at in a call, whether told or kept back by the limit */

struct sl_reporter {
	struct sl_eve eve;
	struct sl_event_ring *const *rings;
	uint32_t n_rings, next_ring;
	struct sl_limit limit[SL_EVENT_KINDS];
	uint64_t discarded[SL_EVENT_KINDS];
	uint64_t unread; /* lines */
	char *names[SL_ID_MAX + 1];
	size_t len;
	char text[SL_REPORT_MAX + 1];
};

static const char *name_of(void *context, uint16_t id)
{
	return ((struct sl_reporter *)context)->names[id];
}

int sl_reporter_open(struct sl_reporter **ret, const char *interface, uint32_t per_second,
		     struct sl_event_ring *const *rings, uint32_t n_rings, struct sl_err *err)
{
	struct sl_reporter *reporter = calloc(1, sizeof(*reporter));
	uint64_t now = sl_clock_ns();

	if (!reporter)
		return sl_errno(err, ENOMEM, "events");
	reporter->eve = (struct sl_eve){
		.interface = interface, .netflow = true, .workload_name = name_of, .context = reporter
	};
	reporter->rings = rings;
	reporter->n_rings = n_rings;
	for (int kind = 0; kind < SL_EVENT_KINDS; kind++)
		sl_limit_init(&reporter->limit[kind], per_second, per_second * BURST_SECONDS, now);
	*ret = reporter;
	return 0;
}

void sl_reporter_close(struct sl_reporter *reporter)
{
	if (!reporter)
		return;
	sl_reporter_forget_names(reporter);
	free(reporter);
}

int sl_reporter_name(struct sl_reporter *reporter, uint16_t id, const char *name)
{
	char *copy = *name ? strndup(name, SL_NAME_LEN - 1) : NULL;

	if (*name && !copy)
		return -ENOMEM;
	free(reporter->names[id]);
	reporter->names[id] = copy;
	return 0;
}

void sl_reporter_forget_names(struct sl_reporter *reporter)
{
	for (uint32_t id = 0; id <= SL_ID_MAX; id++) {
		free(reporter->names[id]);
		reporter->names[id] = NULL;
	}
}

/* Worker by worker in turn, so that a busy one does not silence the others. */
static bool take(struct sl_reporter *reporter, struct sl_event *ret)
{
	for (uint32_t i = 0; i < reporter->n_rings; i++) {
		uint32_t ring = reporter->next_ring++ % reporter->n_rings;

		if (sl_event_take(reporter->rings[ring], ret))
			return true;
	}
	return false;
}

static bool add_lines(struct sl_reporter *reporter, char *lines)
{
	size_t len = lines ? strlen(lines) : 0;

	if (!lines || reporter->len + len > SL_REPORT_MAX) {
		free(lines);
		return false;
	}
	memcpy(reporter->text + reporter->len, lines, len + 1);
	reporter->len += len;
	free(lines);
	return true;
}

const char *sl_reporter_next(struct sl_reporter *reporter, size_t *ret_len)
{
	struct sl_event event;

	/* Clocks drift apart: what makes an event's time one of 1970 is found anew each time. */
	reporter->eve.wall_offset_ns = (int64_t)(sl_clock_of(CLOCK_REALTIME) - sl_clock_ns());
	reporter->len = 0;
	reporter->text[0] = 0;
	for (unsigned int n = 0; n < EVENTS_MAX && reporter->len + LINE_MAX_BYTES <= SL_REPORT_MAX; n++) {
		if (!take(reporter, &event))
			break;
		if (event.kind >= SL_EVENT_KINDS ||
		    !sl_limit_pass(&reporter->limit[event.kind], event.time_ns))
			continue;
		if (!add_lines(reporter, sl_eve_lines(&reporter->eve, &event)))
			reporter->discarded[event.kind]++;
	}
	*ret_len = reporter->len;
	return reporter->text;
}

void sl_reporter_discard(struct sl_reporter *reporter)
{
	struct sl_event event;

	for (unsigned int n = 0; n < EVENTS_MAX * reporter->n_rings && take(reporter, &event); n++) {
		if (event.kind < SL_EVENT_KINDS)
			reporter->discarded[event.kind]++;
	}
}

void sl_reporter_unread(struct sl_reporter *reporter, const char *text)
{
	for (; *text; text++)
		reporter->unread += *text == '\n';
}

static uint64_t lost(const struct sl_reporter *reporter, enum sl_event_kind kind)
{
	uint64_t n = reporter->discarded[kind];

	for (uint32_t i = 0; i < reporter->n_rings; i++)
		n += sl_event_lost(reporter->rings[i], kind);
	return n;
}

const char *sl_reporter_stats(struct sl_reporter *reporter, struct sl_eve_stats *stats, size_t *ret_len)
{
	stats->time_ns = sl_clock_ns();
	for (int kind = 0; kind < SL_EVENT_KINDS; kind++) {
		stats->lost[kind] = lost(reporter, (enum sl_event_kind)kind);
		stats->suppressed[kind] = reporter->limit[kind].total;
	}
	reporter->eve.wall_offset_ns = (int64_t)(sl_clock_of(CLOCK_REALTIME) - sl_clock_ns());
	reporter->len = 0;
	reporter->text[0] = 0;
	add_lines(reporter, sl_eve_stats_line(&reporter->eve, stats));
	*ret_len = reporter->len;
	return reporter->text;
}

uint64_t sl_reporter_not_told(const struct sl_reporter *reporter)
{
	uint64_t n = reporter->unread;

	for (int kind = 0; kind < SL_EVENT_KINDS; kind++)
		n += lost(reporter, (enum sl_event_kind)kind) + reporter->limit[kind].total;
	return n;
}
