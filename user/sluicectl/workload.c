// SPDX-License-Identifier: BSD-2-Clause
/*
 * Workloads on the terminal; see workload.h. A member the daemon has left out
 * is shown as "-", so that versions may differ by a field.
 */
#include "sluicectl/workload.h"

#include <stdio.h>
#include <string.h>

#include "sluicectl/output.h"

static void add_settings(struct table *table, const json_t *workload)
{
	table_printf(table, "%llu", (unsigned long long)member_number(workload, "id"));
	table_text(table, member_text(workload, "name"));
	table_text(table, member_text(workload, "port"));
	table_text(table, member_text(workload, "mac"));
	table_text(table, member_text(workload, "mode"));
	table_text(table, member_text(workload, "fail"));
	table_text(table, member_yes_no(workload, "strict"));
}

void note_if_cut(const json_t *result)
{
	if (json_object_get(result, "next"))
		puts("... and more than fit into one answer: sluicectl workloads shows what is taken");
}

int workloads_print_settings(const json_t *result, struct sl_err *err)
{
	struct table *table = table_new(">ID,NAME,PORT,MAC,MODE,FAIL,STRICT,SIDE,VEX,VIN");
	const json_t *workload;
	size_t i;
	int r;

	json_array_foreach (json_object_get(result, "items"), i, workload) {
		add_settings(table, workload);
		table_text(table, member_text(workload, "side"));
		table_text(table, member_text(json_object_get(workload, "vex"), "name"));
		table_text(table, member_text(json_object_get(workload, "vin"), "name"));
	}
	r = table_print(table, true, err);
	note_if_cut(result);
	return r;
}

int workloads_print_traffic(const json_t *result, struct sl_err *err)
{
	struct table *table =
		table_new(">ID,NAME,PORT,MAC,MODE,FAIL,STRICT,>TO-WL,>FROM-WL,>INSPECTED,>DROPPED");
	const json_t *workload;
	size_t i;

	json_array_foreach (json_object_get(result, "items"), i, workload) {
		const json_t *traffic = json_object_get(workload, "traffic");
		const json_t *to = json_object_get(traffic, "to_workload");
		const json_t *from = json_object_get(traffic, "from_workload");

		add_settings(table, workload);
		table_number(table, member_number(to, "frames"));
		table_number(table, member_number(from, "frames"));
		table_number(table, member_number(to, "inspected") + member_number(from, "inspected"));
		table_number(table, member_number(to, "dropped") + member_number(from, "dropped"));
	}
	return table_print(table, true, err);
}

static void add_leg(struct table *table, const json_t *workload, const char *leg)
{
	const json_t *object = json_object_get(workload, leg);
	const json_t *peer = json_object_get(json_object_get(workload, "peer"), leg);

	table_text(table, leg);
	table_printf(table, "%s, ifindex %llu, %s", member_text(object, "name") ?: "-",
		     (unsigned long long)member_number(object, "ifindex"),
		     json_is_true(peer) ? "to its far end by bpf_redirect_peer"
					: "to its far end by bpf_redirect");
}

static void add_direction(struct table *table, const json_t *workload, const char *direction,
			  const char *label)
{
	const json_t *traffic = json_object_get(json_object_get(workload, "traffic"), direction);
	char frames[NUMBER_LEN], bytes[NUMBER_LEN], inspected[NUMBER_LEN], dropped[NUMBER_LEN];

	table_text(table, label);
	table_printf(table, "%s frames, %s bytes, %s inspected, %s dropped",
		     number_text(member_number(traffic, "frames"), frames),
		     number_text(member_number(traffic, "bytes"), bytes),
		     number_text(member_number(traffic, "inspected"), inspected),
		     number_text(member_number(traffic, "dropped"), dropped));
}

static void add_member(struct table *table, const json_t *workload, const char *name)
{
	const json_t *value = json_object_get(workload, name);

	table_text(table, name);
	if (json_is_integer(value))
		table_printf(table, "%llu", (unsigned long long)json_integer_value(value));
	else
		table_text(table,
			   json_is_boolean(value) ? member_yes_no(workload, name) : json_string_value(value));
}

static int print_block(const json_t *workload, struct sl_err *err)
{
	static const char *const members[] = { "name",	 "target",  "pid",	  "port",
					       "mac",	 "ucmac",   "mode",	  "fail",
					       "strict", "trace",   "generation", "mtu",
					       "attach", "far_mac", "side",	  "side_reason" };
	struct table *table = table_new(",");

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		add_member(table, workload, members[i]);
	add_leg(table, workload, "vex");
	add_leg(table, workload, "vin");
	add_direction(table, workload, "to_workload", "to workload");
	add_direction(table, workload, "from_workload", "from workload");
	printf("workload %llu\n", (unsigned long long)member_number(workload, "id"));
	return table_print(table, false, err);
}

int workloads_print_blocks(const json_t *result, struct sl_err *err)
{
	const json_t *workload;
	size_t i;
	int r = 0;

	json_array_foreach (json_object_get(result, "items"), i, workload) {
		if (i)
			putchar('\n');
		r = print_block(workload, err);
		if (r)
			break;
	}
	return r;
}

int put_selection(json_t *request, int argc, char **argv, bool all, int *ret_used, struct sl_err *err)
{
	bool id = json_object_get(request, "id");

	if (id && all)
		return usage_error(err, "--id and --all exclude each other");
	*ret_used = 0;
	if (all)
		return put_bool(request, "all", true, err);
	if (id)
		return 0;
	if (optind >= argc)
		return usage_error(err, "TARGET is missing (or --id, or --all)");
	*ret_used = 1;
	return put_text(request, "target", argv[optind], err);
}
