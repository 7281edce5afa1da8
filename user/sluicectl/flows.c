// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl flows: the flows that the core has judged, as the kernel has
 * them. Reads the pinned maps itself, so it needs neither daemon nor core.
 *
 * Invariant: what is shown is what the programs go by: an entry of another
 * policy than its workload's of now is shown as stale.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "lib/clock.h"
#include "lib/flowmap.h"
#include "lib/maps.h"
#include "sluicectl/output.h"
#include "sluicectl/verb.h"

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define RATE_MS 1000

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_flows = {
	.name = "flows",
	.arguments = "[list | count] [CONDITION]... [--rate]",
	.summary = "Lists the judged flows that the kernel carries on, or drops; needs no daemon",
	.help = "  list   one line a flow (the default)\n"
		"  count  how many there are, by verdict\n"
		"\n"
		"Conditions, all of which must hold:\n"
		"  --workload NAME      of this workload: name or id\n"
		"  --verdict V          inspect, allow, deny\n"
		"  --address NET        the remote side's address is in it: 10.0.0.7, 10.0.0.0/8, fd00::/8\n"
		"  --port N             one side's port\n"
		"  --protocol P         tcp, udp\n"
		"  --stale              given by an earlier policy: their frames go to the core\n"
		"  --limit N            list: no more than N\n"
		"  -r, --rate           look again after a second, and show what passed in it\n"
		"\n"
		"PACKETS and BYTES are those that the kernel has passed, or dropped (deny), since the "
		"verdict; what\n"
		"the core has seen before is in `sluicectl sessions`, which has both together.\n"
		"\n"
		"Example:\n"
		"  sluicectl flows --workload web --verdict allow --rate\n",
	.run = run,
};

enum { OPT_WORKLOAD = OPT_FIRST, OPT_VERDICT, OPT_ADDRESS, OPT_PORT, OPT_PROTOCOL, OPT_STALE, OPT_LIMIT };

static const struct option options[] = {
	{ "workload", required_argument, NULL, OPT_WORKLOAD },
	{ "verdict", required_argument, NULL, OPT_VERDICT },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "protocol", required_argument, NULL, OPT_PROTOCOL },
	{ "stale", no_argument, NULL, OPT_STALE },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "rate", no_argument, NULL, 'r' },
	VERB_OPTIONS,
};

struct known {
	bool there;
	__u32 generation;
	char name[SL_NAME_LEN];
};

struct item {
	struct sl_flow_key key;
	struct sl_flow flow;
	__u64 packets_more[2], bytes_more[2]; /* within RATE_MS */
};

struct query {
	const char *workload; /* NULL: any */
	int verdict, protocol; /* -1: any */
	long port; /* -1: any */
	__u8 address[16], family; /* family 0: any */
	int prefix;
	bool stale, rate, count;
	size_t limit;

	struct known *known; /* by id */
	struct item *items;
	size_t n, room;
	bool no_memory;
	__u64 by_verdict[SL_VERDICT_MAX], packets, bytes, n_stale;
};

static bool is_stale(const struct query *query, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	const struct known *known = &query->known[key->workload];

	return !known->there || known->generation != flow->generation;
}

static bool in_network(const struct query *query, const __u8 *address)
{
	int bits = query->prefix;

	for (int i = 0; i < 16 && bits > 0; i++, bits -= 8) {
		__u8 mask = bits >= 8 ? 0xff : (__u8)(0xff << (8 - bits));

		if ((address[i] ^ query->address[i]) & mask)
			return false;
	}
	return true;
}

static bool matches(const struct query *query, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	const struct known *known = &query->known[key->workload];
	char id[8];

	snprintf(id, sizeof(id), "%u", key->workload);
	if (query->workload && strcmp(query->workload, id) != 0 &&
	    (!known->there || strcmp(query->workload, known->name) != 0))
		return false;
	if (query->verdict >= 0 && flow->verdict != (enum sl_verdict)query->verdict)
		return false;
	if (query->protocol >= 0 && key->protocol != query->protocol)
		return false;
	if (query->port >= 0 && ntohs(key->workload_port) != query->port &&
	    ntohs(key->remote_port) != query->port)
		return false;
	if (query->family && (key->family != query->family || !in_network(query, key->remote_addr)))
		return false;
	return !query->stale || is_stale(query, key, flow);
}

static bool take(void *context, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	struct query *query = context;

	if (!matches(query, key, flow))
		return true;
	query->by_verdict[flow->verdict < SL_VERDICT_MAX ? flow->verdict : SL_VERDICT_INSPECT]++;
	query->n_stale += is_stale(query, key, flow);
	query->packets += flow->to_workload.packets + flow->from_workload.packets;
	query->bytes += flow->to_workload.bytes + flow->from_workload.bytes;
	if (query->count || (query->limit && query->n >= query->limit))
		return true;
	if (query->n == query->room) {
		size_t room = query->room ? 2 * query->room : 256;
		struct item *items = realloc(query->items, room * sizeof(*items));

		if (!items) {
			query->no_memory = true;
			return true;
		}
		query->items = items;
		query->room = room;
	}
	query->items[query->n++] = (struct item){ .key = *key, .flow = *flow };
	return true;
}

/* What passes in a second. A flow that ends meanwhile has passed nothing more. */
static void look_again(const struct sl_maps *maps, struct query *query)
{
	struct sl_flow now;

	poll(NULL, 0, RATE_MS);
	for (size_t i = 0; i < query->n; i++) {
		struct item *item = &query->items[i];

		if (bpf_map_lookup_elem(maps->flows, &item->key, &now) || now.given_ns != item->flow.given_ns)
			continue;
		item->packets_more[0] = now.to_workload.packets - item->flow.to_workload.packets;
		item->packets_more[1] = now.from_workload.packets - item->flow.from_workload.packets;
		item->bytes_more[0] = now.to_workload.bytes - item->flow.to_workload.bytes;
		item->bytes_more[1] = now.from_workload.bytes - item->flow.from_workload.bytes;
		item->flow = now;
	}
}

static int read_workloads(const struct sl_maps *maps, struct query *query, struct sl_err *err)
{
	struct sl_workload_key key, *last = NULL;
	struct sl_workload workload;
	bool found = !query->workload;
	char id[8];

	query->known = calloc(SL_ID_MAX + 1, sizeof(*query->known));
	if (!query->known)
		return sl_err(err, ENOMEM, "no memory for the workloads");
	while (!bpf_map_get_next_key(maps->workloads, last, &key)) {
		last = &key;
		if (bpf_map_lookup_elem(maps->workloads, &key, &workload))
			continue;
		workload.name[sizeof(workload.name) - 1] = '\0';
		query->known[key.id] = (struct known){ true, workload.generation, "" };
		memcpy(query->known[key.id].name, workload.name, sizeof(workload.name));
		snprintf(id, sizeof(id), "%u", key.id);
		found = found || !strcmp(query->workload, id) || !strcmp(query->workload, workload.name);
	}
	if (!found)
		return sl_err(err, ENOENT, "no workload is called %s: see sluicectl workloads",
			      query->workload);
	return 0;
}

static void end_text(const struct sl_flow_key *key, bool workload, bool port,
		     char text[INET6_ADDRSTRLEN + 16])
{
	const __u8 *address = workload ? key->workload_addr : key->remote_addr;
	unsigned int number = ntohs(workload ? key->workload_port : key->remote_port);
	char name[INET6_ADDRSTRLEN];

	inet_ntop(key->family == 4 ? AF_INET : AF_INET6, key->family == 4 ? address + 12 : address, name,
		  sizeof(name));
	if (!port)
		snprintf(text, INET6_ADDRSTRLEN + 16, "%s", name);
	else
		snprintf(text, INET6_ADDRSTRLEN + 16, key->family == 4 ? "%s:%u" : "[%s]:%u", name, number);
}

static const char *protocol_name(const struct sl_flow_key *key)
{
	return key->protocol == PROTOCOL_TCP ? "tcp" : key->protocol == PROTOCOL_UDP ? "udp" : "?";
}

static const char *way_name(const struct sl_flow_dir *dir)
{
	static const char *const names[] = { "core", "fenced", "turning", "direct" };

	return dir->handover.way <= SL_WAY_DIRECT ? names[dir->handover.way] : "?";
}

static __u64 last_ns(const struct sl_flow *flow)
{
	__u64 a = flow->to_workload.last_ns, b = flow->from_workload.last_ns, last = a > b ? a : b;

	return last ?: flow->given_ns;
}

static __u64 ms_since(__u64 now, __u64 then)
{
	return now > then ? (now - then) / 1000000 : 0;
}

static json_t *dir_json(const struct query *query, const struct item *item, int way)
{
	const struct sl_flow_dir *dir = way ? &item->flow.from_workload : &item->flow.to_workload;
	json_t *object = json_pack("{sI sI ss}", "packets", (json_int_t)dir->packets, "bytes",
				   (json_int_t)dir->bytes, "way", way_name(dir));

	if (query->rate) {
		json_object_set_new(object, "packets_per_second",
				    json_integer((json_int_t)item->packets_more[way]));
		json_object_set_new(object, "bytes_per_second",
				    json_integer((json_int_t)item->bytes_more[way]));
	}
	return object;
}

static json_t *item_json(const struct query *query, const struct item *item, __u64 now)
{
	const struct sl_flow_key *key = &item->key;
	const struct sl_flow *flow = &item->flow;
	char workload[INET6_ADDRSTRLEN + 16], remote[INET6_ADDRSTRLEN + 16];
	json_t *name = json_string(query->known[key->workload].name);

	end_text(key, true, false, workload);
	end_text(key, false, false, remote);
	return json_pack("{si so ss ss sb sI ss si ss ss si ss si sI sI sI so so}", "workload",
			 (int)key->workload, "name", name ?: json_string("?"), "verdict",
			 sl_verdict_name(flow->verdict), "direction", flow->ingress ? "ingress" : "egress",
			 "stale", is_stale(query, key, flow), "generation", (json_int_t)flow->generation,
			 "protocol", protocol_name(key), "family", (int)key->family, "application",
			 sl_application_name(flow->application), "workload_address", workload,
			 "workload_port", (int)ntohs(key->workload_port), "remote_address", remote,
			 "remote_port", (int)ntohs(key->remote_port), "rule", (json_int_t)flow->rule,
			 "age_ms", (json_int_t)ms_since(now, flow->given_ns), "idle_ms",
			 (json_int_t)ms_since(now, last_ns(flow)), "to_workload", dir_json(query, item, 0),
			 "from_workload", dir_json(query, item, 1));
}

static int show_json(const struct ctl *ctl, const struct query *query, __u64 now, struct sl_err *err)
{
	json_t *items = json_array(), *result;
	int r;

	for (size_t i = 0; i < query->n; i++)
		json_array_append_new(items, item_json(query, &query->items[i], now));
	result = json_pack("{so}", "items", items);
	r = result ? print_json(ctl, result, err) : sl_err(err, ENOMEM, "no memory for the list");
	json_decref(result);
	return r;
}

static void add_row(struct table *table, const struct query *query, const struct item *item, __u64 now)
{
	char text[INET6_ADDRSTRLEN + 16], span[SPAN_LEN];
	const struct sl_flow *flow = &item->flow;

	table_text(table,
		   query->known[item->key.workload].there ? query->known[item->key.workload].name : NULL);
	table_text(table, sl_verdict_name(flow->verdict));
	if (can_colour())
		table_colour(table, flow->verdict == SL_VERDICT_ALLOW  ? COLOUR_GOOD
				    : flow->verdict == SL_VERDICT_DENY ? COLOUR_BAD
								       : COLOUR_WARN);
	table_text(table,
		   is_stale(query, &item->key, flow) ? "stale"
		   : flow->verdict != SL_VERDICT_ALLOW
			   ? NULL
			   : way_name(flow->to_workload.handover.way <= flow->from_workload.handover.way
					      ? &flow->to_workload
					      : &flow->from_workload));
	table_text(table, flow->ingress ? "ingress" : "egress");
	table_text(table, protocol_name(&item->key));
	end_text(&item->key, false, true, text);
	table_text(table, text);
	end_text(&item->key, true, true, text);
	table_text(table, text);
	table_text(table, sl_application_name(flow->application));
	table_number(table, flow->to_workload.packets + flow->from_workload.packets);
	table_number(table, flow->to_workload.bytes + flow->from_workload.bytes);
	if (query->rate) {
		table_number(table, item->packets_more[0] + item->packets_more[1]);
		table_number(table, item->bytes_more[0] + item->bytes_more[1]);
	}
	table_text(table, span_text(ms_since(now, flow->given_ns), span));
	table_text(table, span_text(ms_since(now, last_ns(flow)), span));
}

static int show_table(const struct query *query, __u64 now, struct sl_err *err)
{
	struct table *table = table_new(
		query->rate
			? "workload,verdict,way,direction,protocol,remote,local,application,>packets,>bytes,"
			  ">packets/s,>bytes/s,>age,>idle"
			: "workload,verdict,way,direction,protocol,remote,local,application,>packets,>bytes,>"
			  "age,"
			  ">idle");

	if (!table)
		return sl_err(err, ENOMEM, "no memory for the table");
	for (size_t i = 0; i < query->n; i++)
		add_row(table, query, &query->items[i], now);
	return table_print(table, true, err);
}

static int show_count(const struct ctl *ctl, const struct query *query, struct sl_err *err)
{
	json_t *result;
	int r = 0;

	if (!ctl->json) {
		for (unsigned int v = 0; v < SL_VERDICT_MAX; v++)
			printf("%-8s %llu\n", sl_verdict_name(v), (unsigned long long)query->by_verdict[v]);
		printf("%-8s %llu\n", "stale", (unsigned long long)query->n_stale);
		return 0;
	}
	result =
		json_pack("{sI sI sI sI sI sI}", "inspect", (json_int_t)query->by_verdict[SL_VERDICT_INSPECT],
			  "allow", (json_int_t)query->by_verdict[SL_VERDICT_ALLOW], "deny",
			  (json_int_t)query->by_verdict[SL_VERDICT_DENY], "stale", (json_int_t)query->n_stale,
			  "packets", (json_int_t)query->packets, "bytes", (json_int_t)query->bytes);
	r = result ? print_json(ctl, result, err) : sl_err(err, ENOMEM, "no memory for the figures");
	json_decref(result);
	return r;
}

static int read_network(struct query *query, const char *text, struct sl_err *err)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int most = 128;
	long bits;
	char *end;

	if (len >= sizeof(address))
		goto wrong;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET6, address, query->address) == 1) {
		query->family = 6;
	} else if (inet_pton(AF_INET, address, query->address + 12) == 1) {
		query->family = 4;
		query->address[10] = query->address[11] = 0xff;
		most = 32;
	} else {
		goto wrong;
	}
	bits = slash ? strtol(slash + 1, &end, 10) : most;
	if (slash && (end == slash + 1 || *end || bits < 0 || bits > most))
		goto wrong;
	query->prefix = (int)bits + 128 - most;
	return 0;
wrong:
	return usage_error(err, "'%s' is neither an address nor a network", text);
}

static int read_number(const char *text, long most, long *ret, struct sl_err *err)
{
	char *end;

	*ret = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || *ret > most)
		return usage_error(err, "'%s' is not a number up to %ld", text, most);
	return 0;
}

static int read_option(struct query *query, int c, struct sl_err *err)
{
	long number = 0;
	int r = 0;

	switch (c) {
	case OPT_WORKLOAD:
		query->workload = optarg;
		return 0;
	case OPT_VERDICT:
		for (query->verdict = 0; query->verdict < SL_VERDICT_MAX; query->verdict++) {
			if (!strcmp(optarg, sl_verdict_name((unsigned int)query->verdict)))
				return 0;
		}
		return usage_error(err, "'%s' is none of inspect, allow, deny", optarg);
	case OPT_ADDRESS:
		return read_network(query, optarg, err);
	case OPT_PORT:
		return read_number(optarg, 65535, &query->port, err);
	case OPT_PROTOCOL:
		query->protocol = !strcmp(optarg, "tcp")   ? PROTOCOL_TCP
				  : !strcmp(optarg, "udp") ? PROTOCOL_UDP
							   : -1;
		return query->protocol < 0 ? usage_error(err, "'%s' is neither tcp nor udp", optarg) : 0;
	case OPT_STALE:
		query->stale = true;
		return 0;
	case OPT_LIMIT:
		r = read_number(optarg, 1L << 30, &number, err);
		query->limit = (size_t)number;
		return r ?: number ? r : usage_error(err, "'%s' is not a number from 1 on", optarg);
	case 'r':
		query->rate = true;
		return 0;
	default:
		return c;
	}
}

static int read_words(struct ctl *ctl, struct query *query, int argc, char **argv, struct sl_err *err)
{
	int c, r = 0;

	while (!r && (c = verb_option(ctl, &verb_flows, argc, argv, options, err)))
		r = read_option(query, c, err);
	if (!r)
		r = check_words(argc, argv, 0, 1, "", err);
	if (r || optind >= argc)
		return r;
	if (!strcmp(argv[optind], "count"))
		query->count = true;
	else if (strcmp(argv[optind], "list") != 0)
		return usage_error(err, "'%s' is neither list nor count", argv[optind]);
	if (query->count && query->rate)
		return usage_error(err, "--rate is for list");
	return 0;
}

static int look(struct ctl *ctl, struct query *query, struct sl_err *err)
{
	struct sl_maps maps = SL_MAPS_NONE;
	char dir[SL_PATH_LEN];
	int r;

	if (sl_conf_pin_dir(&ctl->conf, dir, sizeof(dir)))
		return sl_err(err, ENAMETOOLONG, "the path of the pins is too long");
	r = sl_maps_open(&maps, dir, err);
	if (!r)
		r = read_workloads(&maps, query, err);
	if (!r)
		r = sl_flowmap_walk(maps.flows, take, query, err);
	if (r >= 0 && query->no_memory)
		r = sl_err(err, ENOMEM, "no memory for more than %zu flows: use --limit", query->n);
	if (r >= 0 && query->rate)
		look_again(&maps, query);
	sl_maps_close(&maps);
	return r < 0 ? r : 0;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	struct query query = { .verdict = -1, .protocol = -1, .port = -1 };
	int r = read_words(ctl, &query, argc, argv, err);

	if (!r)
		r = look(ctl, &query, err);
	if (!r && query.count)
		r = show_count(ctl, &query, err);
	else if (!r && ctl->json)
		r = show_json(ctl, &query, sl_clock_ns(), err);
	else if (!r)
		r = show_table(&query, sl_clock_ns(), err);
	free(query.items);
	free(query.known);
	return r;
}
