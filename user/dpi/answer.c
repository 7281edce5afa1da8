// SPDX-License-Identifier: BSD-2-Clause
/* Requests and answers of the core's control socket; see answer.h for the invariant. */
#include "dpi/answer.h"

#include "dpi/answer_own.h"
#include "dpi/io/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/clock.h"
#include "lib/log.h"

#define ECHO_MAX 64 /* longer names are not repeated in errors */

bool sl_can_inspect(const struct sl_request *request, const char *command, struct sl_err *err)
{
	if (request->view->engines)
		return true;
	sl_err(err, ENOSYS, "%s: this core only forwards", command);
	return false;
}

static json_int_t load(const __u64 *field)
{
	return (json_int_t)__atomic_load_n(field, __ATOMIC_RELAXED);
}

static json_t *worker_json(const struct sl_worker *worker)
{
	const struct sl_core *record = worker->lane->record;
	json_int_t stamped = load(&record->heartbeat_ns);
	struct sl_buffers buffers;

	worker->lane->ops->buffers(worker->lane, &buffers);
	return json_pack("{si sb sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI s{sI sI sI sI sI}}", "queue",
			 (int)worker->queue, "running", atomic_load(&worker->running), "heartbeat_age_ms",
			 stamped ? ((json_int_t)sl_clock_ns() - stamped) / 1000000 : (json_int_t)-1,
			 "rx_frames", load(&record->rx_frames), "rx_bytes", load(&record->rx_bytes),
			 "tx_frames", load(&record->tx_frames), "tx_bytes", load(&record->tx_bytes),
			 "drop_tx_full", load(&record->drop_tx_full), "drop_invalid",
			 load(&record->drop_invalid), "drop_rx_full", load(&record->drop_rx_full),
			 "drop_fill_empty", load(&record->drop_fill_empty), "tx_invalid",
			 load(&record->tx_invalid), "wakeups", load(&record->wakeups), "polls",
			 load(&record->polls), "dropped", load(&record->dropped), "made", load(&record->made),
			 "bundled", load(&record->bundled), "buffers", "total", (json_int_t)buffers.total,
			 "rx", (json_int_t)buffers.rx, "tx", (json_int_t)buffers.tx, "held",
			 (json_int_t)buffers.held, "spare", (json_int_t)buffers.spare);
}

/* All of them, or NULL without memory. */
static json_t *workers_json(const struct sl_view *view)
{
	json_t *workers = json_array();

	for (uint32_t q = 0; q < view->queues; q++) {
		if (json_array_append_new(workers, worker_json(&view->workers[q])) < 0) {
			json_decref(workers);
			return NULL;
		}
	}
	return workers;
}

static json_t *run_status(struct sl_request *request, struct sl_err *err)
{
	const struct sl_view *view = request->view;
	json_t *result;

	result = json_pack("{si sI ss si ss si sb so}", "pid", (int)getpid(), "uptime_ms",
			   (json_int_t)((sl_clock_ns() - view->started_ns) / 1000000), "mode",
			   view->engines ? "inspect" : "forward", "queues", (int)view->queues, "lane",
			   view->workers[0].lane->ops->name, "frame_size", (int)view->frame_size,
			   "multi_buffer", view->multi_buffer, "workers", workers_json(view));
	if (result && view->ports) {
		struct sl_ports_figures figures;

		sl_ports_figures(view->ports, &figures);
		json_object_set_new(result, "ports",
				    json_pack("{sI sI sI}", "unknown", (json_int_t)figures.unknown, "plain",
					      (json_int_t)figures.plain, "cut", (json_int_t)figures.cut));
	}
	if (!result)
		sl_errno(err, ENOMEM, "status");
	return result;
}

/* Before anything is changed, so that what cannot be answered is not done. */
static json_t *empty_result(const char *command, struct sl_err *err)
{
	json_t *result = json_object();

	if (!result)
		sl_errno(err, ENOMEM, "%s", command);
	return result;
}

static json_t *run_stop(struct sl_request *request, struct sl_err *err)
{
	request->wish.stop = true;
	return empty_result("stop", err);
}

static json_t *run_events(struct sl_request *request, struct sl_err *err)
{
	if (!request->view->reporter) {
		sl_err(err, ENOSYS, "events: this core only forwards");
		return NULL;
	}
	request->wish.events = true;
	return empty_result("events", err);
}

static json_t *run_log(struct sl_request *request, struct sl_err *err)
{
	const char *word = json_string_value(json_object_get(request->fields, "level"));
	enum sl_log_level level;
	json_t *result;

	if (!word || sl_log_parse_level(word, &level) < 0) {
		sl_err(err, EINVAL, "log: \"level\" must be one of error, warn, info, debug");
		return NULL;
	}
	result = empty_result("log", err);
	if (result)
		sl_log_set_level(level);
	return result;
}

struct command {
	const char *name;
	const char *fields
		[6]; /* first letter: type (s string, i number, b boolean, o object, a array), then the name */
	json_t *(*run)(struct sl_request *request, struct sl_err *err);
};

static const struct command commands[] = {
	{ "status", { NULL }, run_status },
	{ "stop", { NULL }, run_stop },
	{ "log", { "slevel" }, run_log },
	{ "events", { NULL }, run_events },
	{ "figures", { NULL }, sl_answer_figures },
	{ "policy", { "bagent", "inumber" }, sl_answer_policy },
	{ "names", { "aitems" }, sl_answer_names },
	{ "addresses", { NULL }, sl_answer_addresses },
	{ "thresholds", { "oset" }, sl_answer_thresholds },
	{ "sessions", { "ofilter", "safter" }, sl_answer_sessions },
	{ "session_count", { "ofilter" }, sl_answer_session_count },
	{ "session_end", { "ofilter", "show" }, sl_answer_session_end },
	{ "learned", { "iafter", "bclear" }, sl_answer_learned },
	{ "reports", { NULL }, sl_answer_reports },
	{ "totals", { "iafter" }, sl_answer_totals },
	{ "meters", { NULL }, sl_answer_meters },
	{ "known", { "sname", "aaddresses", "ittl" }, sl_answer_known },
	{ "port_add", { "skind", "sname", "iworkload", "bquarantine" }, sl_answer_port_add },
	{ "port_del", { "skind", "sname" }, sl_answer_port_del },
	{ "endpoints", { "aitems" }, sl_answer_endpoints },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static bool is_type(const json_t *field, char type)
{
	switch (type) {
	case 's':
		return json_is_string(field);
	case 'i':
		return json_is_integer(field);
	case 'b':
		return json_is_boolean(field);
	case 'o':
		return json_is_object(field);
	default:
		return json_is_array(field);
	}
}

static const char *type_name(char type)
{
	return type == 's'   ? "a string"
	       : type == 'i' ? "a whole number"
	       : type == 'b' ? "true or false"
	       : type == 'o' ? "an object"
			     : "an array";
}

/* Every field is known and of its type. */
static int check_fields(const struct command *command, json_t *request, struct sl_err *err)
{
	const char *key;
	json_t *field;

	json_object_foreach (request, key, field) {
		const char *known = NULL;

		if (!strcmp(key, "cmd"))
			continue;
		for (size_t i = 0;
		     i < sizeof(command->fields) / sizeof(*command->fields) && command->fields[i]; i++) {
			if (!strcmp(command->fields[i] + 1, key))
				known = command->fields[i];
		}
		if (!known && strlen(key) > ECHO_MAX)
			return sl_err(err, EINVAL, "%s: unknown field", command->name);
		if (!known)
			return sl_err(err, EINVAL, "%s: unknown field \"%s\"", command->name, key);
		if (!is_type(field, *known))
			return sl_err(err, EINVAL, "%s: \"%s\" must be %s", command->name, key,
				      type_name(*known));
	}
	return 0;
}

static json_t *run_request(struct sl_request *request, struct sl_err *err)
{
	const char *name = json_string_value(json_object_get(request->fields, "cmd"));
	const struct command *command;

	if (!json_is_object(request->fields) || !name) {
		sl_err(err, EINVAL, "a request is an object with \"cmd\", a string");
		return NULL;
	}
	command = find_command(name);
	if (!command) {
		if (strlen(name) > ECHO_MAX)
			name = "…";
		sl_err(err, ENOSYS, "unknown command \"%s\"", name);
		return NULL;
	}
	if (check_fields(command, request->fields, err) < 0)
		return NULL;
	return command->run(request, err);
}

/*
 * Takes over the reference. Not json_dumps(): when its buffer cannot grow while
 * it writes a key, it leaves the key out and goes on.
 */
static char *dump(json_t *answer)
{
	size_t size = json_dumpb(answer, NULL, 0, JSON_COMPACT);
	char *text = size ? malloc(size + 1) : NULL;

	if (text && json_dumpb(answer, text, size, JSON_COMPACT) != size) {
		free(text);
		text = NULL;
	}
	if (text)
		text[size] = '\0';
	json_decref(answer);
	return text;
}

char *sl_answer_error(int code, const char *message)
{
	return dump(json_pack("{sb s{ss ss}}", "ok", 0, "error", "errno", sl_errno_name(code), "message",
			      message));
}

char *sl_answer(const struct sl_view *view, const char *request, size_t len, int fd, struct sl_wish *ret)
{
	struct sl_request asked = { .view = view, .fd = fd };
	struct sl_err err = { 0 };
	json_error_t where;
	json_t *result;
	char *text;

	asked.fields = json_loadb(request, len, JSON_REJECT_DUPLICATES, &where);
	if (!asked.fields) {
		/* jansson's own text may quote half a character of the request. */
		sl_err(&err, EBADMSG, "not one JSON object: error at byte %d", where.position);
		return sl_answer_error(err.code, err.text);
	}
	result = run_request(&asked, &err);
	json_decref(asked.fields);
	if (!result)
		return sl_answer_error(err.code, err.text);
	text = dump(json_pack("{sb so}", "ok", 1, "result", result));
	if (text)
		*ret = asked.wish;
	return text;
}
