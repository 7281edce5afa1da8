// SPDX-License-Identifier: BSD-2-Clause
/*
 * A connection to the core while there is something to tell it; see
 * policy_core.h for the invariant. The core's socket listens from before it
 * is started, so that what is sent then is the first thing it reads.
 */
#include "sluiced/policy_core.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/sock.h"
#include "lib/thresholds.h"
#include "sluiced/supervise.h"

#define RETRY_MS 20
#define NAMES 256 /* in a message: 40 bytes each, a hundred more where they must be escaped */

struct policy_core {
	struct instance *inst;
	struct source core; /* connection, while something is under way */
	struct source timer;
	int block; /* memfd; -1: there is no policy */
	int peers; /* memfd of the workloads' addresses; -1: none are known */
	bool peers_due, thresholds_due, block_due, names_due; /* to be sent … */
	__u32 number; /* of it, as the workloads have it in the kernel's map */
	__u32 names_after; /* … of these, those not told with higher ids */
	unsigned int unanswered;
	bool taken; /* the core has the block */
	bool refused; /* the core would not have it */
	pid_t pid; /* of the core that this is about */
	char message[SL_MSG_MAX];
};

static void push(struct policy_core *core);

static bool is_due(const struct policy_core *core)
{
	return core->peers_due || core->block_due || core->names_due || core->thresholds_due;
}

static void disconnect(struct policy_core *core)
{
	source_close(&core->inst->loop, &core->core);
	core->unanswered = 0;
}

static void all_due(struct policy_core *core)
{
	struct workload *w = NULL;

	while ((w = workloads_next(core->inst->workloads, w ? w->id : 0)))
		w->name_told = false;
	core->block_due = core->block >= 0;
	core->peers_due = core->peers >= 0;
	core->thresholds_due = true;
	core->names_due = true;
	core->names_after = 0;
	core->taken = core->refused = false;
}

/* What was sent may be lost. */
static void begin_anew(struct policy_core *core)
{
	disconnect(core);
	all_due(core);
	timer_set(&core->timer, RETRY_MS, 0);
}

static void take_answer(struct policy_core *core, size_t len)
{
	json_t *answer = json_loadb(core->message, len, 0, NULL);
	json_t *result = json_object_get(answer, "result");
	const char *why = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));

	core->unanswered--;
	if (json_is_true(json_object_get(answer, "ok"))) {
		/* Only the answer to a policy has it; one that was replaced meanwhile does not count. */
		if (json_object_get(result, "generation") && !core->block_due)
			core->taken = true;
	} else {
		core->refused = true;
		sl_error("the core (pid %d) refuses a policy, addresses, names or thresholds: %.300s",
			 core->pid, why ?: "without a reason");
	}
	json_decref(answer);
	if (!core->unanswered && !is_due(core))
		disconnect(core);
}

/* Reads what is there. */
static void on_answers(struct source *source, __u32 events)
{
	struct policy_core *core = container_of(source, struct policy_core, core);

	(void)events;
	while (source->fd >= 0) {
		ssize_t n = sl_sock_recv(source->fd, core->message, sizeof(core->message));

		if (n == -EAGAIN)
			return;
		if (n <= 0 || !core->unanswered) {
			begin_anew(core);
			return;
		}
		take_answer(core, (size_t)n);
	}
}

/* Is there one that listens? */
static bool is_there(const struct policy_core *core, struct core_status *ret)
{
	if (!core->inst->core || !core->inst->conf.inspect)
		return false;
	core_status(core->inst->core, ret);
	return ret->pid && (ret->state == CORE_STARTING || ret->state == CORE_RUNNING);
}

static int connect_core(struct policy_core *core)
{
	char path[SL_PATH_LEN];
	int fd, r;

	if (core->core.fd >= 0)
		return 0;
	r = sl_conf_run_path(&core->inst->conf, "dpi.sock", path, sizeof(path));
	if (r)
		return r;
	fd = sl_sock_connect(path, NULL);
	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
		close(fd);
		return -EIO;
	}
	core->core.fd = fd;
	r = loop_add(&core->inst->loop, &core->core, "the core's answers", NULL);
	if (r) {
		core->core.fd = -1;
		close(fd);
	}
	return r;
}

/* The next whose name the core does not know. */
static struct workload *next_unnamed(const struct policy_core *core, __u32 after)
{
	struct workload *w = workloads_next(core->inst->workloads, after);

	while (w && w->name_told)
		w = workloads_next(core->inst->workloads, w->id);
	return w;
}

/* So many of them as a request, and the last of these. NULL: no memory. */
static char *names_request(const struct policy_core *core, struct workload *w, __u32 *ret_last)
{
	json_t *items = json_array(), *request;
	char *text;

	for (int n = 0; n < NAMES && w; n++, w = next_unnamed(core, w->id)) {
		json_t *name = json_string(w->value.name);

		/* A name that is not UTF-8 has never come by a request. */
		json_array_append_new(items, json_pack("[io]", (int)w->id, name ?: json_string("?")));
		*ret_last = w->id;
	}
	request = json_pack("{ss so}", "cmd", "names", "items", items);
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	return text;
}

static int send_names(struct policy_core *core)
{
	struct workload *w = next_unnamed(core, core->names_after);
	__u32 last = core->names_after;
	char *text;
	int r;

	core->names_due = w != NULL;
	if (!w)
		return 0;
	text = names_request(core, w, &last);
	r = text ? sl_sock_send(core->core.fd, text, strlen(text)) : -ENOMEM;
	free(text);
	if (r)
		return r;
	core->unanswered++;
	for (; w && w->id <= last; w = next_unnamed(core, w->id))
		w->name_told = true;
	core->names_after = last;
	core->names_due = w != NULL;
	return 0;
}

static int send_peers(struct policy_core *core)
{
	static const char request[] = "{\"cmd\":\"addresses\"}";
	int r = sl_sock_send_fd(core->core.fd, request, sizeof(request) - 1, core->peers);

	if (r)
		return r;
	core->unanswered++;
	core->peers_due = false;
	return 0;
}

static int send_block(struct policy_core *core)
{
	char request[64];
	int len = snprintf(request, sizeof(request), "{\"cmd\":\"policy\",\"number\":%u}", core->number);
	int r = sl_sock_send_fd(core->core.fd, request, (size_t)len, core->block);

	if (r)
		return r;
	core->unanswered++;
	core->block_due = false;
	return 0;
}

static int send_thresholds(struct policy_core *core)
{
	struct sl_thresholds thresholds = core->inst->conf.thresholds;
	json_t *set = json_object(), *request = json_pack("{ss so}", "cmd", "thresholds", "set", set);
	const struct sl_threshold *what;
	char *text;
	int r;

	for (unsigned int i = 0; (what = sl_threshold(i)); i++)
		json_object_set_new(set, what->name, json_integer(*sl_threshold_of(&thresholds, i)));
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	r = text ? sl_sock_send(core->core.fd, text, strlen(text)) : -ENOMEM;
	json_decref(request);
	free(text);
	if (r)
		return r;
	core->unanswered++;
	core->thresholds_due = false;
	return 0;
}

/* As much of what is due as the core takes now. */
static void push(struct policy_core *core)
{
	struct core_status status;
	int r;

	if (!is_there(core, &status) || !is_due(core))
		return;
	r = connect_core(core);
	if (!r && core->peers_due)
		r = send_peers(core);
	while (!r && core->block_due)
		r = send_block(core);
	if (!r && core->thresholds_due)
		r = send_thresholds(core);
	while (!r && core->names_due)
		r = send_names(core);
	if (r == -EAGAIN || (r && core->core.fd < 0))
		timer_set(&core->timer, RETRY_MS, 0);
	else if (r)
		begin_anew(core);
}

static void on_timer(struct source *source, __u32 events)
{
	struct policy_core *core = container_of(source, struct policy_core, timer);

	(void)events;
	timer_clear(source);
	push(core);
}

void policy_core_changed(struct policy_core *core)
{
	struct core_status status;

	if (!is_there(core, &status)) {
		disconnect(core);
		core->pid = 0;
		core->taken = false;
		return;
	}
	if (status.pid != core->pid) {
		disconnect(core);
		all_due(core);
		core->pid = status.pid;
	}
	push(core);
}

void policy_core_set(struct policy_core *core, int block, __u32 number)
{
	if (core->block >= 0)
		close(core->block);
	core->block = block;
	core->number = number;
	core->block_due = true;
	core->taken = core->refused = false;
	push(core);
}

void policy_core_renumber(struct policy_core *core, __u32 number)
{
	core->number = number;
	core->block_due = core->block >= 0;
	core->taken = core->refused = false;
	push(core);
}

void policy_core_peers(struct policy_core *core, int block)
{
	if (core->peers >= 0)
		close(core->peers);
	core->peers = block;
	core->peers_due = true;
	push(core);
}

void policy_core_thresholds(struct policy_core *core)
{
	core->thresholds_due = true;
	push(core);
}

void policy_core_rename(struct policy_core *core)
{
	core->names_after = 0;
	core->names_due = next_unnamed(core, 0) != NULL;
	push(core);
}

static bool has_decided(const struct policy_core *core)
{
	return core->taken || core->refused;
}

static bool is_told(const struct policy_core *core)
{
	return !is_due(core) && !core->unanswered;
}

static void wait_for(struct policy_core *core, bool (*done)(const struct policy_core *core), int timeout_ms)
{
	__u64 end = now_ns() + timeout_ms * 1000000ULL;

	while (!done(core) && core->core.fd >= 0 && now_ns() < end) {
		struct pollfd fd = { .fd = core->core.fd, .events = POLLIN };

		if (poll(&fd, 1, (int)((end - now_ns()) / 1000000) + 1) > 0)
			on_answers(&core->core, 0);
	}
}

bool policy_core_wait(struct policy_core *core, int timeout_ms)
{
	wait_for(core, has_decided, timeout_ms);
	return core->taken;
}

void policy_core_wait_told(struct policy_core *core, int timeout_ms)
{
	wait_for(core, is_told, timeout_ms);
}

int policy_core_create(struct instance *inst, struct policy_core **ret, struct sl_err *err)
{
	struct policy_core *core = calloc(1, sizeof(*core));
	int r;

	if (!core)
		return sl_err(err, ENOMEM, "no memory for what the core is told");
	core->inst = inst;
	core->block = core->peers = -1;
	core->core = (struct source){ -1, on_answers };
	core->timer = (struct source){ -1, on_timer };
	r = timer_open(&inst->loop, &core->timer, "the core's policy", err);
	if (r) {
		free(core);
		return r;
	}
	*ret = core;
	return 0;
}

void policy_core_free(struct policy_core *core)
{
	if (!core)
		return;
	source_close(&core->inst->loop, &core->core);
	source_close(&core->inst->loop, &core->timer);
	if (core->block >= 0)
		close(core->block);
	if (core->peers >= 0)
		close(core->peers);
	free(core);
}
