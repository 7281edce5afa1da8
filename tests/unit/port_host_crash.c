// SPDX-License-Identifier: BSD-2-Clause
/*
 * A host end that changes hands while whoever does it is killed: what is left
 * in each state between, and that the journal brings all of it back; and that
 * without one nothing is stranded.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/port_host_lab.h"

TestSuite(port_host_crash, .timeout = 60);

struct scene {
	struct lab lab;
	struct port_request request;
	struct host_end end;
	struct port_taken taken; /* what the daemon has on record */
	char journal[64];
	char *before;
};

static unsigned int index_of(int netns, const char *port)
{
	char *text = sh_read(netns, "ip -o link show %s | cut -d: -f1", port);
	unsigned int index = atoi(text);

	free(text);
	return index;
}

static void set_scene(struct scene *scene)
{
	struct sl_err err = { 0 };
	struct nls *nls;
	int h;

	memset(scene, 0, sizeof(*scene));
	lab_open(&scene->lab);
	h = scene->lab.host;
	sh(h, "ip addr flush dev hveth && ip link set hveth mtu 1400 txqueuelen 77 alias 'back door' master "
	      "br0");
	sh(h, "ip addr add 10.77.0.1/24 dev br0 && ip addr add fd77::1/64 dev br0 nodad");
	sh(h, "bridge link set dev hveth isolated on hairpin on cost 42 && "
	      "bridge fdb add 02:00:00:00:03:01 dev hveth master static && "
	      "sysctl -qw net.ipv4.conf.hveth.rp_filter=2 && ip route add 10.99.0.0/24 dev hveth table 77");
	sh(scene->lab.workload, "ip link set eth0 mtu 1400 && ip addr add 10.77.0.2/24 dev eth0");
	sh(scene->lab.workload, "ping -qc1 -w2 10.77.0.1 >/dev/null");
	sh(h, "for i in $(seq 100); do ip -6 addr show tentative | grep -q inet6 || exit 0; "
	      "ping -qc2 -i0.05 127.0.0.99 >/dev/null; done; exit 1");
	snprintf(scene->journal, sizeof(scene->journal), "/tmp/sluice-test-%d.journal", getpid());
	lab_request(&scene->lab, &scene->request);
	scene->end.ns = h;
	cr_assert_eq(nls_open(&nls, h, "the host", &err), 0);
	cr_assert_eq(link_find(nls, "hveth", 0, &scene->end.link, &err), 0);
	nls_close(nls);
	scene->taken.side = PORT_SIDE_HOST;
	scene->taken.port_ifindex = index_of(scene->lab.workload, "eth0");
	scene->taken.host_ifindex = scene->end.link.ifindex;
	strcpy(scene->taken.host_name, "hveth");
	strcpy(scene->taken.name, "eth0");
	strcpy(scene->taken.vex_name, scene->request.vex_name);
	strcpy(scene->taken.vin_name, scene->request.vin_name);
	scene->before = host_picture(h, "hveth");
}

static void clear_scene(struct scene *scene)
{
	char place[80];

	snprintf(place, sizeof(place), "%s" HOST_JOURNAL_SUFFIX, scene->journal);
	unlink(place);
	unlink(scene->journal);
	free(scene->before);
}

static int die(void *context, const struct port_taken *taken, struct sl_err *err)
{
	(void)context, (void)taken, (void)err;
	_exit(0);
}

static void die_at_undo(void *context, const struct port_taken *taken)
{
	die(context, taken, NULL);
}

static void take_killed(struct scene *scene, const struct host_hooks *hooks)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		host_take(&scene->request, &scene->end, hooks, &scene->taken, NULL);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "the hook was not called");
}

static void recovers(struct scene *scene, const char *what, int want)
{
	struct sl_err err = { 0 };
	int r;

	for (int i = 0; i < 2; i++) {
		r = host_recover(&scene->taken, scene->journal, scene->lab.host, scene->lab.workload,
				 scene->lab.agent, &err);
		cr_assert_eq(r, i ? 0 : want, "%s, round %d: %d, %s", what, i, r, err.text);
		lab_same(strdup(scene->before), host_picture(scene->lab.host, "hveth"), what);
		cr_assert_eq(index_of(scene->lab.host, "hveth"), scene->taken.host_ifindex, "%s", what);
		sh(scene->lab.workload, "ping -qc1 -W1 10.77.0.1 >/dev/null");
		host_lab_no_trace(&scene->lab);
	}
}

static void take_and_recover(struct host_hooks hooks, const char *what)
{
	struct scene scene;

	set_scene(&scene);
	hooks.common.journal = scene.journal;
	take_killed(&scene, &hooks);
	recovers(&scene, what, 0);
	clear_scene(&scene);
}

Test(port_host_crash, before_anything_has_moved)
{
	take_and_recover((struct host_hooks){ .common.prepare = die }, "killed in prepare()");
}

Test(port_host_crash, with_the_host_end_gone_and_nothing_in_its_place)
{
	take_and_recover((struct host_hooks){ .arrived = die }, "killed in arrived()");
}

Test(port_host_crash, with_the_new_host_end_in_place)
{
	take_and_recover((struct host_hooks){ .common.ready = die }, "killed in ready()");
}

Test(port_host_crash, while_it_is_given_back)
{
	struct host_hooks hooks = { .common.undo = die_at_undo };
	struct scene scene;
	struct sl_err err = { 0 };
	pid_t pid;

	set_scene(&scene);
	cr_assert_eq(host_take(&scene.request, &scene.end, NULL, &scene.taken, &err), 0, "%s", err.text);
	hooks.common.journal = scene.journal;
	pid = fork();
	if (!pid) {
		host_give_back(&scene.taken, scene.lab.host, scene.lab.workload, scene.lab.agent, &hooks,
			       NULL);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, &(int){ 0 }, 0), pid);
	recovers(&scene, "killed in undo()", 0);
	clear_scene(&scene);
}

Test(port_host_crash, the_journal_is_lost_with_the_pair_in_place)
{
	struct sl_err err = { 0 };
	struct scene scene;

	set_scene(&scene);
	cr_assert_eq(host_take(&scene.request, &scene.end, NULL, &scene.taken, &err), 0, "%s", err.text);
	recovers(&scene, "no journal, the pair in place", 1);
	clear_scene(&scene);
}

Test(port_host_crash, the_journal_is_lost_and_nothing_is_in_its_place)
{
	struct scene scene;
	struct host_hooks hooks = { .common.journal = scene.journal, .arrived = die };
	struct sl_err err = { 0 };

	set_scene(&scene);
	take_killed(&scene, &hooks);
	sh(scene.lab.host, "echo rubbish >%s", scene.journal);
	cr_assert_eq(host_recover(&scene.taken, scene.journal, scene.lab.host, scene.lab.workload,
				  scene.lab.agent, &err),
		     1, "%s", err.text);
	/* What only the journal knew is lost, but it is at home under its name and number, and up. */
	cr_expect_eq(index_of(scene.lab.host, "hveth"), scene.taken.host_ifindex);
	sh(scene.lab.host, "ip link set hveth master br0");
	sh(scene.lab.workload, "ping -qc1 -W2 10.77.0.1 >/dev/null");
	host_lab_no_trace(&scene.lab);
	clear_scene(&scene);
}
