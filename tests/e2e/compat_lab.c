// SPDX-License-Identifier: BSD-2-Clause
/* See compat_lab.h. */
#include "compat_lab.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/netns.h"
#include "lib/world.h"
#include "seed.skel.h"

static const unsigned char mac[] = { 0x1a, 0x27, 0xf3, 0x87, 0x3a, 0x27 };
static const unsigned char ucmac[] = { 0x4e, 0x65, 0x75, 0x56, 0x00, 0xb4 };

static void attach(unsigned int ifindex, struct bpf_program *program)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(program));

	cr_assert_eq(bpf_tc_hook_create(&hook), 0);
	cr_assert_eq(bpf_tc_attach(&hook, &opts), 0);
}

/* The agent's rules. */
static void make_legs(struct compat *c)
{
	int token;

	c->legs = seed_bpf__open();
	cr_assert(c->legs);
	memcpy((void *)c->legs->rodata->mac, mac, sizeof(mac));
	memcpy((void *)c->legs->rodata->ucmac, ucmac, sizeof(ucmac));
	c->legs->rodata->vex = link_index(c->agent, "vex");
	c->legs->rodata->vin = link_index(c->agent, "vin");
	c->legs->rodata->vbr = link_index(c->agent, "vbr");
	cr_assert_eq(seed_bpf__load(c->legs), 0);
	token = sl_netns_enter(c->agent->fd, NULL);
	cr_assert_geq(token, 0);
	attach(c->legs->rodata->vex, c->legs->progs.from_vex);
	attach(c->legs->rodata->vin, c->legs->progs.from_vin);
	attach(c->legs->rodata->vbr, c->legs->progs.from_vbr);
	sl_netns_leave(token);
}

void compat_run(struct compat *c)
{
	c->proc = ns_spawn(c->agent,
			   "%s --listen " COMPAT_LISTEN " --notify " COMPAT_NOTIFY
			   " --run-dir /run/compat --dpi-path %s %s",
			   world_program("sluice-compat"), world_program("sluice-dpi"), c->options);
	cr_assert(wait_until(10000, !access(COMPAT_LISTEN, F_OK) || proc_ended(c->proc, 0)));
	cr_assert(!proc_ended(c->proc, 0), "%s", proc_text(c->proc));
}

struct compat *compat_start(const char *options)
{
	struct compat *c = calloc(1, sizeof(*c));

	c->host = ns_create("host");
	c->agent = ns_create("agent");
	c->workload = ns_create("workload");
	link_pair(c->host, "vex-peer", NULL, c->agent, "vex", NULL);
	link_pair(c->agent, "vin", NULL, c->workload, "eth0", "1a:27:f3:87:3a:27");
	link_pair(c->agent, "vbr", NULL, c->agent, "vth", NULL);
	ns_run(c->host, "ip addr add 10.10.10.66/24 dev vex-peer");
	ns_run(c->workload, "ip addr add 10.10.10.88/24 dev eth0");
	make_legs(c);
	snprintf(c->options, sizeof(c->options), "%s", options);
	compat_run(c);
	return c;
}

const char *compat_said(struct compat *c)
{
	return proc_text(c->proc);
}

void compat_end(struct compat *c)
{
	if (c->listener)
		proc_end(c->listener, SIGKILL, 2000);
	cr_assert_eq(proc_end(c->proc, SIGTERM, 10000), 0, "%s", proc_text(c->proc));
	cr_expect(access(COMPAT_LISTEN, F_OK), "its socket is left");
	cr_expect(access("/run/compat/dpi.sock", F_OK), "its core's socket is left");
	seed_bpf__destroy(c->legs);
	free(c);
}

/* A shell takes it in single quotes. */
static const char *quoted(const char *fmt, va_list args)
{
	static char text[65536];

	vsnprintf(text, sizeof(text), fmt, args);
	cr_assert(!strchr(text, '\''));
	return text;
}

static json_t *lines(const char *text)
{
	json_t *list = json_array();

	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);

		cr_assert(object, "not decoded: %.*s", (int)(end - line), line);
		json_array_append_new(list, object);
	}
	return list;
}

json_t *compat_ask(struct compat *c, const char *fmt, ...)
{
	va_list args;
	json_t *answers;
	int status;

	va_start(args, fmt);
	status = ns_sh(c->agent, "/usr/bin/python3 tests/agent/agent.py ask " COMPAT_LISTEN " '%s'",
		       quoted(fmt, args));
	va_end(args);
	cr_assert_eq(status, 0, "%s\n%s", ns_said(), proc_text(c->proc));
	answers = lines(ns_said());
	return answers;
}

void compat_tell(struct compat *c, const char *fmt, ...)
{
	va_list args;
	json_t *answers;
	int status;

	va_start(args, fmt);
	status = ns_sh(c->agent, "/usr/bin/python3 tests/agent/agent.py ask " COMPAT_LISTEN " '%s'",
		       quoted(fmt, args));
	va_end(args);
	cr_assert_eq(status, 0, "%s\n%s", ns_said(), proc_text(c->proc));
	answers = lines(ns_said());
	cr_assert_eq(json_array_size(answers), 0, "answered: %s", ns_said());
	json_decref(answers);
}

void compat_seed(struct compat *c)
{
	ns_run(c->agent, "/usr/bin/python3 tests/agent/seed_client.py " COMPAT_LISTEN);
	compat_tell(c, "{}");
}

void compat_listen(struct compat *c)
{
	c->listener = ns_spawn(c->agent, "/usr/bin/python3 tests/agent/agent.py listen " COMPAT_NOTIFY
					 " " COMPAT_HEARD);
	cr_assert(wait_until(10000, !ns_sh(NULL, "grep -q . " COMPAT_HEARD)), "%s", proc_text(c->listener));
}

json_t *compat_heard(struct compat *c, int kind)
{
	json_t *all, *some = json_array(), *item;
	size_t i;

	cr_assert(!proc_ended(c->listener, 0), "%s", proc_text(c->listener));
	ns_run(NULL, "cat " COMPAT_HEARD);
	all = lines(ns_said());
	json_array_foreach (all, i, item) {
		if (json_integer_value(json_object_get(item, "kind")) == kind)
			json_array_append(some, item);
	}
	json_decref(all);
	return some;
}

static bool is(json_t *row, const char *key, json_int_t value)
{
	return value < 0 || json_integer_value(json_object_get(row, key)) == value;
}

void compat_connections(struct compat *c, const char *client, int port, int action, struct compat_sums *ret)
{
	json_t *heard = compat_heard(c, 7), *message, *row;
	size_t i, k;

	memset(ret, 0, sizeof(*ret));
	json_array_foreach (heard, i, message) {
		json_array_foreach (json_object_get(message, "items"), k, row) {
			if ((*client &&
			     strcmp(json_string_value(json_object_get(row, "client_ip")), client) != 0) ||
			    !is(row, "server_port", port) || !is(row, "action", action))
				continue;
			ret->rows++;
			ret->bytes += json_integer_value(json_object_get(row, "bytes"));
			ret->sessions += json_integer_value(json_object_get(row, "sessions"));
			ret->violates += json_integer_value(json_object_get(row, "violates"));
		}
	}
	json_decref(heard);
}
