// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl sessions: what the core keeps of connections, listed, counted,
 * forgotten or cut. Asks the core itself, page by page, so that the daemon
 * need not wait for it.
 *
 * Invariant: nothing is cleared or killed without a condition, or --all.
 */
#include <errno.h>
#include <linux/types.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/abi.h"
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/verb.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_sessions = {
	.name = "sessions",
	.arguments = "[list | count | clear | kill] [CONDITION]...",
	.summary = "Lists, counts, forgets or cuts the sessions of workloads",
	.help = "  list   one line a session (the default)\n"
		"  count  how many there are\n"
		"  clear  the core forgets them; what goes on is picked up again as something new\n"
		"  kill   the same, and TCP is reset on both sides\n"
		"\n"
		"Conditions, all of which must hold; clear and kill need one, or --all:\n"
		"  --workload NAME      of this workload: name, target or id\n"
		"  --address NET        one side's address is in it: 10.0.0.7, 10.0.0.0/8, fd00::/8\n"
		"  --port N             one side's port; --client-port N, --server-port N: that side's\n"
		"  --protocol P         tcp, udp, icmp, icmpv6, sctp or a number\n"
		"  --application A      as recognised: http, tls, dns ...\n"
		"  --action A           none, allow, violate, deny, pending\n"
		"  --family N           4 or 6\n"
		"  --ingress, --egress  the workload is the server, or the client\n"
		"  --established        TCP beyond its handshake, others seen both ways\n"
		"  --idle N             without a packet for N seconds or more\n"
		"  --session N          the one of this id\n"
		"  --limit N            list: no more than N\n"
		"\n"
		"Example:\n"
		"  sluicectl sessions --workload web --established\n"
		"  sluicectl sessions kill --address 203.0.113.0/24\n",
	.run = run,
};

enum {
	OPT_WORKLOAD = OPT_FIRST,
	OPT_ADDRESS,
	OPT_PORT,
	OPT_CLIENT_PORT,
	OPT_SERVER_PORT,
	OPT_PROTOCOL,
	OPT_APPLICATION,
	OPT_ACTION,
	OPT_FAMILY,
	OPT_INGRESS,
	OPT_EGRESS,
	OPT_ESTABLISHED,
	OPT_IDLE,
	OPT_SESSION,
	OPT_LIMIT,
	OPT_ALL,
};

static const struct option options[] = {
	{ "workload", required_argument, NULL, OPT_WORKLOAD },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "client-port", required_argument, NULL, OPT_CLIENT_PORT },
	{ "server-port", required_argument, NULL, OPT_SERVER_PORT },
	{ "protocol", required_argument, NULL, OPT_PROTOCOL },
	{ "application", required_argument, NULL, OPT_APPLICATION },
	{ "action", required_argument, NULL, OPT_ACTION },
	{ "family", required_argument, NULL, OPT_FAMILY },
	{ "ingress", no_argument, NULL, OPT_INGRESS },
	{ "egress", no_argument, NULL, OPT_EGRESS },
	{ "established", no_argument, NULL, OPT_ESTABLISHED },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "session", required_argument, NULL, OPT_SESSION },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "all", no_argument, NULL, OPT_ALL },
	VERB_OPTIONS,
};

struct query {
	json_t *filter; /* as the core takes it, but for the workload */
	const char *workload; /* NULL: any */
	__u64 limit;
	bool all;
	__u16 ids[SL_ID_MAX]; /* what workload stands for */
	unsigned int n_ids;
	char *names[SL_ID_MAX + 1];
};

static int put_number(json_t *filter, const char *field, const char *value, __u64 max, struct sl_err *err)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || n > max)
		return usage_error(err, "'%s' is not a number up to %llu", value, (unsigned long long)max);
	return json_object_set_new(filter, field, json_integer((json_int_t)n))
		       ? sl_err(err, ENOMEM, "no memory for the request")
		       : 0;
}

static int put_protocol(json_t *filter, const char *value, struct sl_err *err)
{
	static const struct {
		const char *name, *number;
	} known[] = { { "tcp", "6" },	  { "udp", "17" },   { "icmp", "1" },
		      { "icmpv6", "58" }, { "sctp", "132" }, { "gre", "47" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(known[i].name, value))
			value = known[i].number;
	}
	return put_number(filter, "protocol", value, 255, err);
}

static int read_option(struct query *query, int c, struct sl_err *err)
{
	json_t *filter = query->filter;

	switch (c) {
	case OPT_WORKLOAD:
		query->workload = optarg;
		return 0;
	case OPT_ADDRESS:
		return put_text(filter, "address", optarg, err);
	case OPT_PORT:
		return put_number(filter, "port", optarg, 65535, err);
	case OPT_CLIENT_PORT:
		return put_number(filter, "client_port", optarg, 65535, err);
	case OPT_SERVER_PORT:
		return put_number(filter, "server_port", optarg, 65535, err);
	case OPT_PROTOCOL:
		return put_protocol(filter, optarg, err);
	case OPT_APPLICATION:
		return put_text(filter, "application", optarg, err);
	case OPT_ACTION:
		return put_text(filter, "action", optarg, err);
	case OPT_FAMILY:
		return put_number(filter, "family", optarg, 6, err);
	case OPT_INGRESS:
	case OPT_EGRESS:
		return put_bool(filter, "ingress", c == OPT_INGRESS, err);
	case OPT_ESTABLISHED:
		return put_bool(filter, "established", true, err);
	case OPT_IDLE:
		return put_number(filter, "idle", optarg, 0xffffffff, err);
	case OPT_SESSION:
		return put_number(filter, "id", optarg, INT64_MAX, err);
	case OPT_LIMIT:
		query->limit = strtoull(optarg, NULL, 10);
		return query->limit ? 0 : usage_error(err, "'%s' is not a number from 1 on", optarg);
	case OPT_ALL:
		query->all = true;
		return 0;
	default:
		return c;
	}
}

/* Names for the table, and the ids that the workload asked for stands for. */
static int resolve(struct ctl *ctl, struct query *query, struct sl_err *err)
{
	json_t *request = client_request("workloads", err), *list = NULL, *item;
	int r = request ? client_list(ctl, request, &list, err) : -ENOMEM;
	char text[16];
	size_t i;

	json_array_foreach (json_object_get(list, "items"), i, item) {
		const char *name = member_text(item, "name") ?: "",
			   *target = member_text(item, "target") ?: "";
		__u64 id = member_number(item, "id");

		if (!id || id > SL_ID_MAX || query->names[id])
			continue;
		query->names[id] = strdup(name);
		snprintf(text, sizeof(text), "%u", (unsigned int)id);
		if (query->workload && (!strcmp(name, query->workload) || !strcmp(target, query->workload) ||
					!strcmp(text, query->workload)))
			query->ids[query->n_ids++] = (__u16)id;
	}
	json_decref(list);
	json_decref(request);
	if (!r && query->workload && !query->n_ids)
		r = sl_err(err, ENOENT, "no workload is called %s: see sluicectl workloads", query->workload);
	return r;
}

/* A request with the filter for the i-th of the workloads. NULL: no memory. */
static json_t *request_for(const struct query *query, const char *command, unsigned int i)
{
	json_t *filter = json_deep_copy(query->filter);

	if (query->n_ids)
		json_object_set_new(filter, "workload", json_integer(query->ids[i]));
	return json_pack("{ss so}", "cmd", command, "filter", filter);
}

static int fetch(int fd, const struct query *query, unsigned int i, json_t *all, struct sl_err *err)
{
	json_t *request = request_for(query, "sessions", i), *page, *next;
	int r = request ? 0 : sl_err(err, ENOMEM, "no memory for the request");
	bool more = true;

	while (!r && more && (!query->limit || json_array_size(all) < query->limit)) {
		page = NULL;
		r = client_ask_core(fd, request, &page, err);
		if (!r && json_array_extend(all, json_object_get(page, "items")))
			r = sl_err(err, EPROTO, "the core's answer is malformed; are both of one version?");
		next = json_object_get(page, "next");
		more = json_is_string(next);
		if (more)
			json_object_set(request, "after", next);
		json_decref(page);
	}
	json_decref(request);
	while (query->limit && json_array_size(all) > query->limit)
		json_array_remove(all, json_array_size(all) - 1);
	return r;
}

static const char *protocol_text(__u64 protocol, char text[16])
{
	switch (protocol) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "icmpv6";
	case 132:
		return "sctp";
	}
	snprintf(text, 16, "%llu", (unsigned long long)protocol);
	return text;
}

static void add_side(struct table *table, const json_t *session, const char *address, const char *port)
{
	const char *text = member_text(session, address) ?: "?";
	__u64 number = member_number(session, port), protocol = member_number(session, "protocol");

	if (protocol != 6 && protocol != 17 && protocol != 132)
		table_text(table, text);
	else if (strchr(text, ':'))
		table_printf(table, "[%s]:%llu", text, (unsigned long long)number);
	else
		table_printf(table, "%s:%llu", text, (unsigned long long)number);
}

static __u64 both(const json_t *session, const char *field)
{
	const json_t *pair = json_object_get(session, field);

	return (__u64)(json_integer_value(json_array_get(pair, 0)) +
		       json_integer_value(json_array_get(pair, 1)));
}

static void add_row(struct table *table, const struct query *query, const json_t *session)
{
	__u64 workload = member_number(session, "workload"), rule = member_number(session, "rule");
	const char *name = workload <= SL_ID_MAX ? query->names[workload] : NULL;
	const char *action = member_text(session, "action") ?: "?";
	const char *application = member_text(session, "application");
	char text[16];

	table_number(table, member_number(session, "id"));
	if (name)
		table_text(table, name);
	else
		table_printf(table, "%llu", (unsigned long long)workload);
	table_text(table, member_text(session, "direction"));
	table_text(table, protocol_text(member_number(session, "protocol"), text));
	add_side(table, session, "client", "client_port");
	add_side(table, session, "server", "server_port");
	table_text(table, application && *application ? application : "-");
	table_text(table, action);
	if (can_colour() && !strcmp(action, "deny"))
		table_colour(table, COLOUR_BAD);
	else if (can_colour() && !strcmp(action, "violate"))
		table_colour(table, COLOUR_WARN);
	if (rule)
		table_printf(table, "%llu", (unsigned long long)rule);
	else
		table_text(table, "-");
	table_number(table, both(session, "packets"));
	table_number(table, both(session, "bytes"));
	table_number(table, member_number(session, "age"));
	table_number(table, member_number(session, "idle"));
}

static int list(struct ctl *ctl, int fd, const struct query *query, struct sl_err *err)
{
	json_t *all = json_array(), *session, *object;
	struct table *table;
	size_t i;
	int r = all ? 0 : sl_err(err, ENOMEM, "no memory for the sessions");

	for (unsigned int w = 0; !r && w < (query->n_ids ?: 1); w++)
		r = fetch(fd, query, w, all, err);
	if (!r && ctl->json) {
		object = json_pack("{sO}", "items", all);
		r = object ? print_json(ctl, object, err) : sl_err(err, ENOMEM, "no memory for the sessions");
		json_decref(object);
	} else if (!r) {
		table = table_new(">id,workload,direction,protocol,client,server,application,action,>rule,"
				  ">packets,>bytes,>age,>idle");
		json_array_foreach (all, i, session)
			add_row(table, query, session);
		r = table_print(table, true, err);
	}
	json_decref(all);
	return r;
}

/* count, clear and kill: one number. */
static int sum(struct ctl *ctl, int fd, const struct query *query, const char *what, struct sl_err *err)
{
	bool count = !strcmp(what, "count");
	json_t *request, *result = NULL;
	unsigned long long n = 0;
	int r = 0;

	for (unsigned int w = 0; !r && w < (query->n_ids ?: 1); w++) {
		request = request_for(query, count ? "session_count" : "session_end", w);
		if (!request || (!count && json_object_set_new(request, "how", json_string(what))))
			return sl_err(err, ENOMEM, "no memory for the request");
		r = client_ask_core(fd, request, &result, err);
		if (!r)
			n += member_number(result, count ? "count" : "ended");
		json_decref(request);
		json_decref(result);
		result = NULL;
	}
	if (r)
		return r;
	if (!ctl->json) {
		printf(count ? "%llu\n" : !strcmp(what, "kill") ? "%llu cut\n" : "%llu cleared\n", n);
		return 0;
	}
	result = json_pack("{sI}", count ? "count" : "ended", (json_int_t)n);
	r = result ? print_json(ctl, result, err) : sl_err(err, ENOMEM, "no memory for the answer");
	json_decref(result);
	return r;
}

static int ask(struct ctl *ctl, struct query *query, const char *what, struct sl_err *err)
{
	bool listing = !strcmp(what, "list");
	int fd, r = 0;

	/* Without the daemon the list has ids for names. */
	if (query->workload || (listing && !ctl->json))
		r = resolve(ctl, query, err);
	if (r && query->workload)
		return r;
	ctl->hint[0] = '\0';
	fd = client_core(ctl, err);
	if (fd < 0)
		return fd;
	r = listing ? list(ctl, fd, query, err) : sum(ctl, fd, query, what, err);
	close(fd);
	return r;
}

static int parse(struct ctl *ctl, struct query *query, int argc, char **argv, const char **ret_what,
		 struct sl_err *err)
{
	const char *what = "list";
	bool changes;
	int c, r;

	while ((c = verb_option(ctl, &verb_sessions, argc, argv, options, err))) {
		r = read_option(query, c, err);
		if (r)
			return r;
	}
	r = check_words(argc, argv, 0, 1, "", err);
	if (r)
		return r;
	if (argc > optind)
		what = argv[optind];
	changes = !strcmp(what, "clear") || !strcmp(what, "kill");
	if (!changes && strcmp(what, "list") && strcmp(what, "count"))
		return usage_error(err, "'%s' is none of list, count, clear, kill", what);
	if (query->limit && strcmp(what, "list"))
		return usage_error(err, "--limit belongs to sessions list");
	if (changes && !query->all && !query->workload && !json_object_size(query->filter))
		return usage_error(err, "which sessions? Give a condition, or --all");
	*ret_what = what;
	return 0;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	struct query *query = calloc(1, sizeof(*query));
	const char *what = "list";
	int r;

	if (!query || !(query->filter = json_object())) {
		free(query);
		return sl_err(err, ENOMEM, "no memory for the request");
	}
	r = parse(ctl, query, argc, argv, &what, err) ?: ask(ctl, query, what, err);
	for (size_t i = 0; i <= SL_ID_MAX; i++)
		free(query->names[i]);
	json_decref(query->filter);
	free(query);
	return r;
}
