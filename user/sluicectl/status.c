// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl status: what the daemon, its bridge and its core are doing. */
#include "sluicectl/client.h"
#include "sluicectl/output.h"

#include <stdio.h>
#include <string.h>

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_status = {
	.name = "status",
	.arguments = "",
	.summary = "Shows what sluiced, its bridge and its core are doing",
	.help = "  -j, --json  as JSON, as sluiced gives it\n"
		"\n"
		"Example:\n"
		"  sluicectl -j status | jq .dpi.pid\n",
	.run = run,
};

static const struct option options[] = { VERB_OPTIONS };

static void add_daemon(struct table *table, const json_t *status)
{
	const json_t *ns = json_object_get(status, "netns_id");
	char span[SPAN_LEN];

	table_text(table, "instance");
	table_text(table, member_text(status, "instance"));
	table_text(table, "daemon");
	table_printf(table, "sluiced %s, pid %llu, up %s", member_text(status, "version") ?: "?",
		     (unsigned long long)member_number(status, "pid"),
		     span_text(member_number(status, "uptime_ms"), span));
	table_text(table, "namespace");
	if (ns)
		table_printf(table, "%s (net:[%llu])", member_text(status, "netns") ?: "?",
			     (unsigned long long)member_number(ns, "ino"));
	else
		table_text(table, member_text(status, "netns"));
}

static void add_leg(struct table *table, const json_t *status, const char *leg)
{
	const json_t *object = json_object_get(status, leg);
	unsigned long long queues = member_number(object, "queues");

	table_text(table, leg);
	table_printf(table, "%s, ifindex %llu, MTU %llu, %llu queue%s", member_text(object, "name") ?: "-",
		     (unsigned long long)member_number(object, "ifindex"),
		     (unsigned long long)member_number(object, "mtu"), queues, queues == 1 ? "" : "s");
}

static void add_core(struct table *table, const json_t *core)
{
	const char *state = member_text(core, "state") ?: "?", *end = member_text(core, "last_end");
	unsigned long long restarts = member_number(core, "restarts");
	bool good = !strcmp(state, "running") || !strcmp(state, "external");
	char span[SPAN_LEN];

	table_text(table, "core");
	if (!strcmp(state, "external"))
		table_text(table, "external: not started and not watched by sluiced");
	else
		table_printf(table, "%s for %s, pid %llu%s, %llu restart%s", state,
			     span_text(member_number(core, "state_ms"), span),
			     (unsigned long long)member_number(core, "pid"),
			     json_is_true(json_object_get(core, "adopted")) ? " (adopted)" : "", restarts,
			     restarts == 1 ? "" : "s");
	if (can_colour())
		table_colour(table, good ? COLOUR_GOOD : COLOUR_BAD);
	if (end) {
		table_text(table, "last end");
		table_text(table, end);
	}
}

/* One lane of one queue. */
static void add_queue(struct table *table, const json_t *queue, const char *lane, __u64 limit)
{
	const json_t *age = json_object_get(queue, "heartbeat_age_ms");
	bool stale = !json_is_integer(age) || (limit && (__u64)json_integer_value(age) > limit);

	if (!queue)
		return;
	table_printf(table, "%llu", (unsigned long long)member_number(queue, "queue"));
	table_text(table, lane);
	if (json_is_integer(age))
		table_printf(table, "%lld ms%s", (long long)json_integer_value(age), stale ? ", stale" : "");
	else
		table_text(table, "none");
	if (can_colour())
		table_colour(table, stale ? COLOUR_BAD : COLOUR_GOOD);
	table_number(table, member_number(queue, "rx_frames"));
	table_number(table, member_number(queue, "tx_frames"));
	table_number(table, member_number(queue, "drop_tx_full") + member_number(queue, "drop_invalid"));
	table_number(table, member_number(queue, "drop_rx_full") + member_number(queue, "drop_fill_empty"));
}

static int print_queues(const json_t *status, struct sl_err *err)
{
	const json_t *core = json_object_get(status, "dpi"), *queue;
	const json_t *queues = json_object_get(core, "queues"), *bulk = json_object_get(core, "bulk_queues");
	__u64 limit = member_number(status, "heartbeat_ms");
	struct table *table;
	size_t i;

	if (!json_array_size(queues))
		return 0;
	table = table_new(">QUEUE,LANE,>HEARTBEAT,>RX-FRAMES,>TX-FRAMES,>DROPPED-BY-CORE,>DROPPED-BEFORE");
	json_array_foreach (queues, i, queue) {
		add_queue(table, queue, "frames", limit);
		add_queue(table, json_array_get(bulk, i), "bulk", limit);
	}
	putchar('\n');
	return table_print(table, true, err);
}

/* The bulk lane's two, or why there is none. */
static void add_bulk(struct table *table, const json_t *status)
{
	const json_t *bulk = json_object_get(status, "bulk");

	if (json_is_true(json_object_get(bulk, "on"))) {
		add_leg(table, bulk, "vbk");
		add_leg(table, bulk, "vtk");
		return;
	}
	table_text(table, "bulk lane");
	table_printf(table, "off: %s", member_text(bulk, "reason") ?: "?");
}

static int print_status(const json_t *status, struct sl_err *err)
{
	const char *redirect = member_text(status, "redirect") ?: "?";
	unsigned long long workloads = member_number(status, "workloads");
	struct table *table = table_new(",");
	int r;

	add_daemon(table, status);
	add_leg(table, status, "vbr");
	add_leg(table, status, "vth");
	add_bulk(table, status);
	table_text(table, "attach");
	table_printf(table, "%s, redirect %s", member_text(status, "attach") ?: "?", redirect);
	add_core(table, json_object_get(status, "dpi"));
	table_text(table, "workloads");
	table_printf(table, "%llu port%s taken, %llu of them from the host's side", workloads,
		     workloads == 1 ? "" : "s", (unsigned long long)member_number(status, "host_side"));
	r = table_print(table, false, err);
	return r ?: print_queues(status, err);
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	json_t *request, *result = NULL;
	int r;

	r = verb_option(ctl, &verb_status, argc, argv, options, err)
		    ?: check_words(argc, argv, 0, 0, "", err);
	if (r)
		return r;
	request = client_request("status", err);
	if (!request)
		return -err->code;
	r = client_call(ctl, request, &result, err);
	if (!r)
		r = ctl->json ? print_json(ctl, result, err) : print_status(result, err);
	json_decref(result);
	json_decref(request);
	return r;
}
