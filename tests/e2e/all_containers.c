// SPDX-License-Identifier: BSD-2-Clause
/*
 * `sluicectl intercept --all-containers`, on a storage as podman writes it,
 * whose containers are namespaces of the test.
 *
 * Invariant: each container is accounted for, and one that is refused keeps
 * none of the others from being taken.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(all_containers, .init = world_enter, .fini = world_leave, .timeout = 60);

#define STORE "/var/lib/containers/storage/overlay-containers"
#define STATE "/run/containers/storage/overlay-containers"

/* Ids are hexadecimal. A pid of 0: it does not run. */
static void add_container(FILE *list, const char *id, const char *name, pid_t pid)
{
	fprintf(list, "%s{\"id\":\"%s\",\"names\":[\"%s\"]}", ftell(list) > 1 ? "," : "", id, name);
	if (pid)
		ns_run(NULL, "mkdir -p " STATE "/%s/userdata && echo %d >" STATE "/%s/userdata/pidfile", id,
		       pid, id);
}

static struct topo *prepare(void)
{
	struct topo *t = topo_bridge(NULL);
	struct ns *lonely = ns_create("lonely");
	FILE *list;

	cr_assert(!mount("tmpfs", "/var/lib", "tmpfs", 0, NULL), "tmpfs on /var/lib: %s", strerror(errno));
	ns_run(NULL, "mkdir -p " STORE " " STATE);
	list = fopen(STORE "/containers.json", "we");
	cr_assert(list != NULL);
	fputc('[', list);
	add_container(list, "aa01", "web", t->workload->pid);
	add_container(list, "aa02", "stopped", 0);
	add_container(list, "aa03", "lonely", lonely->pid);
	add_container(list, "aa04", "db\\u001b[2J", t->workload2->pid);
	fputc(']', list);
	fclose(list);
	t->d = daemon_start(t->host, t->agent, " ");
	return t;
}

static int run(struct topo *t, const char *words)
{
	return ns_sh(t->host, "%s -i " DAEMON_INSTANCE " %s", world_program("sluicectl"), words);
}

Test(all_containers, goes_on_after_a_refusal_and_sums_up)
{
	struct topo *t = prepare();
	json_t *list;

	cr_expect_eq(run(t, "intercept --all-containers --mode off --dry-run"), 1, "%s", ns_said());
	cr_expect(strstr(ns_said(), "2 of 3 containers could be taken"), "%s", ns_said());
	list = ctl(t->d, "workloads");
	cr_expect_eq(json_array_size(json_at(list, "items")), 0, "a dry run has taken something");
	json_decref(list);
	cr_expect_eq(run(t, "intercept --all-containers --mode off"), 1, "%s", ns_said());
	cr_expect(strstr(ns_said(), "1 of 3  web: 1 port\n"), "%s", ns_said());
	cr_expect(strstr(ns_said(), "2 of 3  lonely: refused: "), "%s", ns_said());
	cr_expect(strstr(ns_said(), "3 of 3  db?[2J: 1 port\n"), "%s", ns_said());
	cr_expect(strstr(ns_said(), "2 of 3 containers taken (2 ports), 0 taken already, 1 refused\n"), "%s",
		  ns_said());
	cr_expect(ping_within(t->host, WL_IP4, 3000) && ping_within(t->host, WL2_IP4, 3000));
	/* Once more, in JSON: nothing is taken twice. */
	cr_expect_eq(run(t, "-j intercept --all-containers"), 1, "%s", ns_said());
	list = json_loads(ns_said(), 0, NULL);
	cr_assert(list != NULL, "%s", ns_said());
	cr_expect_eq(json_int(list, "containers"), 3);
	cr_expect_eq(json_int(list, "already"), 2);
	cr_expect_str_eq(json_text(list, "refused.0.name"), "lonely");
	cr_expect_str_eq(json_text(list, "refused.0.errno"), "ENODEV");
	json_decref(list);
	topo_end(t);
}

Test(all_containers, on_a_terminal_one_line_is_rewritten)
{
	struct topo *t = prepare();

	/* script makes the terminal. */
	if (ns_sh(NULL, "command -v script"))
		cr_skip_test("script is not installed");
	ns_sh(t->host,
	      "script -qec '%s -i " DAEMON_INSTANCE " intercept --all-containers --mode off' /dev/null",
	      world_program("sluicectl"));
	cr_expect(strstr(ns_said(), "\r\033[K3 of 3  db?[2J: 1 port\r\033[K2 of 3 containers taken"), "%s",
		  ns_said());
	cr_expect(strstr(ns_said(), "lonely: refused"), "%s", ns_said());
	topo_end(t);
}

Test(all_containers, none_and_nonsense)
{
	struct topo *t = topo_bare();

	cr_assert(!mount("tmpfs", "/var/lib", "tmpfs", 0, NULL));
	t->d = daemon_start(t->host, t->agent, " ");
	cr_expect_eq(run(t, "intercept --all-containers"), 0, "%s", ns_said());
	cr_expect(strstr(ns_said(), "0 of 0 containers taken"), "%s", ns_said());
	cr_expect_eq(run(t, "intercept --all-containers web"), 2, "%s", ns_said());
	cr_expect_eq(run(t, "intercept --all-containers --id 7"), 2, "%s", ns_said());
	topo_end(t);
}
