// SPDX-License-Identifier: BSD-2-Clause
/*
 * The README's rollback with `ip` alone, word for word.
 *
 * Invariant: what is run is cut out of the README, so that a procedure that no
 * longer works fails a test and not somebody's night. Only names differ:
 * the instance, and the host's namespace, which is not process 1's here.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(rollback, .init = world_enter, .fini = world_leave, .timeout = 60);

enum block { STOP_US, WORKLOAD_SIDE, HOST_SIDE, REST };

/* The n-th fenced block of the README's section, as a script. */
static char *procedure(enum block n)
{
	FILE *readme = fopen("README.md", "re");
	char line[512], *text = NULL;
	bool section = false, inside = false;
	size_t size = 0;
	int block = -1;
	FILE *out;

	cr_assert(readme != NULL, "README.md: run the tests from the folder it is in");
	out = open_memstream(&text, &size);
	fputs("set -e\n", out);
	while (fgets(line, sizeof(line), readme)) {
		if (!strncmp(line, "## ", 3))
			section = !strncmp(line, "## Rollback with `ip` alone", 27);
		if (section && !strncmp(line, "```", 3)) {
			inside = !inside;
			block += inside;
		} else if (section && inside && block == (int)n) {
			fputs(line, out);
		}
	}
	fclose(readme);
	fclose(out);
	cr_assert_gt(strlen(text), strlen("set -e\n"), "the README has no block %d of its rollback", n);
	return text;
}

static void follow(struct ns *where, enum block n)
{
	char *script = procedure(n);
	FILE *file = fopen(WORLD_TMP "/script", "we");

	cr_assert(file != NULL);
	fputs(script, file);
	fclose(file);
	free(script);
	ns_run(where, "cd " WORLD_TMP " && sed -i 's,sluice/default,sluice/" DAEMON_INSTANCE
		      ",g; s/netns 1 /netns host /' script && sh script");
}

static void name(struct ns *ns, const char *as)
{
	ns_run(NULL, "mkdir -p /run/netns && : >/run/netns/%s && mount --bind %s /run/netns/%s", as, ns->path,
	       as);
}

/* More than the topology's own: what a container with some history has. */
static struct topo *prepare(const char *options)
{
	struct topo *t = topo_bare();

	name(t->host, "host");
	name(t->agent, "agent");
	name(t->workload, "container");
	ns_run(t->workload, "ip addr add 192.0.2.7/32 dev eth0 && "
			    "ip neigh add 169.254.1.1 lladdr 02:00:00:00:00:09 dev eth0 nud permanent && "
			    "ip route add 169.254.1.1 dev eth0 scope link && ip route add default via "
			    "169.254.1.1 dev eth0 "
			    "&& "
			    "ip route add 198.18.0.0/15 via " HOST_IP4 " dev eth0 metric 70 table 100 && "
			    "ip -6 route add 2001:db8::/32 via " HOST_IP6 " dev eth0 metric 80");
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	t->d = daemon_start(t->host, t->agent, "%s", options);
	return t;
}

static void finish(struct topo *t)
{
	follow(t->host, REST);
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	cr_expect(ping_within(t->host, WL_IP6, 3000), "%s", ns_said());
	topo_leaks(t);
}

Test(rollback, by_the_workloads_side)
{
	struct topo *t = prepare("--mode inline --bulk yes");

	ctl_do(t->d, "intercept netns:container --port eth0 --id 180 --side workload");
	cr_assert(ping(t->host, WL_IP4), "%s", ns_said());
	follow(t->host, STOP_US);
	cr_assert(proc_ended(t->d->proc, 5000), "sluiced goes on");
	follow(t->host, WORKLOAD_SIDE);
	finish(t);
}

Test(rollback, by_the_hosts_side)
{
	struct topo *t;
	char *before, *after;

	t = prepare("--mode inline");
	before = strdup(ns_run(t->host,
			       "ip -o addr show dev vethwl | grep -v fe80 | sed 's/^[0-9]*//' | sort; "
			       "ip route; ip -6 route | grep -v fe80"));
	ctl_do(t->d, "intercept netns:container --port eth0 --id 180 --side host");
	cr_assert(ping(t->host, WL_IP4), "%s", ns_said());
	follow(t->host, STOP_US);
	cr_assert(proc_ended(t->d->proc, 5000), "sluiced goes on");
	follow(t->host, HOST_SIDE);
	after = strdup(ns_run(t->host,
			      "ip -o addr show dev vethwl | grep -v fe80 | sed 's/^[0-9]*//' | sort; "
			      "ip route; ip -6 route | grep -v fe80"));
	cr_expect_str_eq(after, before, "the host's end is not as it was.\nbefore:\n%s\nnow:\n%s", before,
			 after);
	free(before);
	free(after);
	finish(t);
}
