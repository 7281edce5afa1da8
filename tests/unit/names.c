// SPDX-License-Identifier: BSD-2-Clause
/* Names of vex and vin, and ids: unique, lowest first, until there are none. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sluiced/names.h"
#include "sluiced/workloads.h"

static bool nobody(void *context, const char *name)
{
	(void)context;
	(void)name;
	return false;
}

static bool is_in_list(void *context, const char *name)
{
	for (const char *const *taken = context; *taken; taken++) {
		if (!strcmp(*taken, name))
			return true;
	}
	return false;
}

Test(names, hex_pid_and_port)
{
	struct port_naming naming = { .pid = 0x4d2, .id = 180, .port = "eth0", .in_use = nobody };
	char vex[IFNAMSIZ], vin[IFNAMSIZ];

	cr_assert_eq(port_names(&naming, vex, vin, NULL), 0);
	cr_assert_str_eq(vex, "vex4d2-eth0");
	cr_assert_str_eq(vin, "vin4d2-eth0");
}

Test(names, the_longest_that_fits_is_15_characters)
{
	struct port_naming naming = { .pid = 0x3fffff, .id = 180, .port = "wlan0", .in_use = nobody };
	char vex[IFNAMSIZ], vin[IFNAMSIZ];

	cr_assert_eq(port_names(&naming, vex, vin, NULL), 0);
	cr_assert_str_eq(vex, "vex3fffff-wlan0");
	naming.port = "wlan10";
	cr_assert_eq(port_names(&naming, vex, vin, NULL), 0);
	cr_assert_str_eq(vex, "vex00b4-wlan10");
	naming.port = "enp12s0f1np15x5";
	cr_assert_eq(port_names(&naming, vex, vin, NULL), 0);
	cr_assert_str_eq(vex, "vex00b4-enp12s0");
	cr_assert_eq(strlen(vex), IFNAMSIZ - 1);
}

Test(names, without_a_pid_the_namespace_stands_in)
{
	struct port_naming naming = { .ns_ino = 0x1f0000123, .id = 7, .port = "e0", .in_use = nobody };
	char vex[IFNAMSIZ], vin[IFNAMSIZ];

	cr_assert_eq(port_names(&naming, vex, vin, NULL), 0);
	cr_assert_str_eq(vin, "vinf0000123-e0");
}

Test(names, a_name_in_use_on_either_leg_is_avoided)
{
	const char *const first[] = { "vin4d2-eth0", NULL };
	const char *const both[] = { "vin4d2-eth0", "vex0007-eth0", NULL };
	struct port_naming naming = { .pid = 0x4d2, .id = 7, .port = "eth0", .in_use = is_in_list };
	char vex[IFNAMSIZ] = "untouched", vin[IFNAMSIZ];
	struct sl_err err;

	naming.context = (void *)both;
	cr_assert_eq(port_names(&naming, vex, vin, &err), -EEXIST);
	cr_assert_str_eq(vex, "untouched");
	cr_assert(strstr(err.text, "0007-eth0"), "%s", err.text);
	naming.context = (void *)first;
	cr_assert_eq(port_names(&naming, vex, vin, &err), 0);
	cr_assert_str_eq(vex, "vex0007-eth0");
	cr_assert_str_eq(vin, "vin0007-eth0");
}

Test(ids, lowest_free_first_or_as_asked)
{
	struct workloads *workloads = workloads_new();
	struct workload *a, *b, *c;
	struct sl_err err;

	cr_assert_eq(workloads_add(workloads, 0, &a, &err), 0);
	cr_assert_eq(workloads_add(workloads, 0, &b, &err), 0);
	cr_assert_eq(workloads_add(workloads, 180, &c, &err), 0);
	cr_assert_eq(a->id, 1);
	cr_assert_eq(b->id, 2);
	cr_assert_eq(c->id, 180);
	workloads_remove(workloads, a);
	cr_assert_null(workloads_by_id(workloads, 1));
	cr_assert_eq(workloads_add(workloads, 0, &a, &err), 0);
	cr_assert_eq(a->id, 1);
	cr_assert_eq(workloads_next(workloads, 0), a);
	cr_assert_eq(workloads_next(workloads, 2), c);
	cr_assert_null(workloads_next(workloads, 180));
	workloads_remove(workloads, c);
	cr_assert_null(workloads_next(workloads, 2));
	cr_assert_eq(workloads_count(workloads), 2);
	workloads_free(workloads);
}

Test(ids, one_in_use_is_refused_with_its_holder)
{
	struct workloads *workloads = workloads_new();
	struct workload *a, *b = NULL;
	struct sl_err err;

	cr_assert_eq(workloads_add(workloads, 9, &a, &err), 0);
	strcpy(a->target, "container:web");
	strcpy(a->port.name, "eth0");
	cr_assert_eq(workloads_add(workloads, 9, &b, &err), -EEXIST);
	cr_assert_null(b);
	cr_assert(strstr(err.text, "container:web") && strstr(err.text, "eth0"), "%s", err.text);
	cr_assert_eq(workloads_add(workloads, 65536, &b, &err), -EINVAL);
	workloads_free(workloads);
}

Test(ids, all_of_them_and_then_none)
{
	struct workloads *workloads = workloads_new();
	struct workload *w = NULL;
	struct sl_err err;

	for (unsigned int i = 1; i <= SL_ID_MAX; i++)
		cr_assert_eq(workloads_add(workloads, i, &w, &err), 0);
	cr_assert_eq(workloads_add(workloads, 0, &w, &err), -ENOSPC);
	cr_assert_null(workloads_next(workloads, SL_ID_MAX));
	cr_assert_eq(workloads_next(workloads, SL_ID_MAX - 1)->id, SL_ID_MAX);
	workloads_remove(workloads, workloads_by_id(workloads, 40000));
	cr_assert_eq(workloads_add(workloads, 0, &w, &err), 0);
	cr_assert_eq(w->id, 40000);
	workloads_free(workloads);
}

Test(ids, found_by_port_and_by_interface)
{
	struct sl_netns_id blue = { 4, 100 }, red = { 4, 101 };
	struct workloads *workloads = workloads_new();
	struct workload *a, *b;

	cr_assert_eq(workloads_add(workloads, 0, &a, NULL), 0);
	cr_assert_eq(workloads_add(workloads, 0, &b, NULL), 0);
	a->port.workload_ns = blue;
	b->port.workload_ns = red;
	strcpy(a->port.name, "eth0");
	strcpy(b->port.name, "eth0");
	strcpy(b->port.vin_name, "vin1-eth0");
	a->port.vex_ifindex = 5;
	b->port.vin_ifindex = 6;
	cr_assert_eq(workloads_by_port(workloads, &red, "eth0"), b);
	cr_assert_null(workloads_by_port(workloads, &red, "eth1"));
	cr_assert_eq(workloads_by_ifindex(workloads, 5), a);
	cr_assert_eq(workloads_by_ifindex(workloads, 6), b);
	cr_assert_null(workloads_by_ifindex(workloads, 7));
	cr_assert_eq(workloads_by_leg(workloads, "vin1-eth0"), b);
	workloads_free(workloads);
}
