// SPDX-License-Identifier: BSD-2-Clause
/*
 * A port that changes hands while whoever does it is killed: what is left
 * behind in each state between, and that the journal brings all of it back.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "port/journal.h"
#include "unit/port_lab.h"

TestSuite(port_crash, .timeout = 60);

struct scene {
	struct lab lab;
	struct port_request request;
	struct port_taken taken;
	char journal[64];
	char *before;
};

static void set_scene(struct scene *scene)
{
	__u8 *mac = scene->taken.mac;
	char *text;
	int w;

	memset(scene, 0, sizeof(*scene));
	lab_open(&scene->lab);
	w = scene->lab.workload;
	sh(w, "ip link set eth0 mtu 1400 txqueuelen 77 alias 'front door'");
	sh(w, "sysctl -qw net.ipv4.conf.eth0.rp_filter=2 net.ipv6.conf.eth0.hop_limit=33");
	sh(w, "ethtool -K eth0 tso off >/dev/null");
	sh(w,
	   "ip addr add 10.77.0.2/24 brd + dev eth0 label eth0:front && ip addr add 10.77.0.3/24 dev eth0");
	sh(w, "ip addr add fd77::2/64 dev eth0 nodad && ip link set eth0 addrgenmode none && "
	      "ip -6 addr flush dev eth0 scope link");
	sh(w, "ip route add default via 10.77.0.1 mtu lock 1300 && ip -6 route add default via fd77::1");
	sh(w, "ip route add 203.0.113.0/24 via 10.77.0.1 table 100");
	sh(w, "ip neigh add 10.77.0.200 lladdr 02:00:00:00:02:00 dev eth0 nud permanent");
	lab_request(&scene->lab, &scene->request);
	snprintf(scene->journal, sizeof(scene->journal), "/tmp/sluice-test-%d.journal", getpid());
	/* What the daemon has on record before the port is touched. */
	text = sh_read(w, "awk '$2 == \"eth0\" {print $1; exit}' /proc/net/dev_mcast");
	scene->taken.original_ifindex = atoi(text);
	free(text);
	strcpy(scene->taken.name, "eth0");
	strcpy(scene->taken.vex_name, scene->request.vex_name);
	strcpy(scene->taken.vin_name, scene->request.vin_name);
	text = sh_read(w, "ip -o link show eth0 | sed 's/.*ether //'");
	cr_assert_eq(sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3],
			    &mac[4], &mac[5]),
		     6);
	free(text);
	scene->before = lab_picture(w, "eth0");
}

static void clear_scene(struct scene *scene)
{
	unlink(scene->journal);
	free(scene->before);
}

static int die(void *context, const struct port_taken *taken, struct sl_err *err)
{
	(void)context, (void)taken, (void)err;
	_exit(0);
}

static int fine(void *context, const struct port_taken *taken, struct sl_err *err)
{
	(void)context, (void)taken, (void)err;
	return 0;
}

static void die_at_undo(void *context, const struct port_taken *taken)
{
	die(context, taken, NULL);
}

/* In a child, which the hooks end at once; with its descriptors goes whatever only they held. */
static void take_killed(struct scene *scene, const struct port_hooks *hooks)
{
	pid_t pid = fork();

	if (!pid) {
		port_take(&scene->request, hooks, &scene->taken, NULL);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, &(int){ 0 }, 0), pid);
}

static void give_killed(struct scene *scene)
{
	struct port_hooks hooks = { .ready = fine, .undo = die_at_undo, .journal = scene->journal };
	pid_t pid = fork();

	if (!pid) {
		port_give_back(&scene->taken, scene->lab.workload, scene->lab.agent, &hooks, NULL);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, &(int){ 0 }, 0), pid);
}

static void recovers(struct scene *scene, const char *what)
{
	struct sl_err err = { 0 };
	int r;

	r = port_recover(&scene->taken, scene->journal, scene->lab.workload, scene->lab.agent, &err);
	cr_assert_eq(r, 0, "%s: %s", what, err.text);
	lab_same(strdup(scene->before), lab_picture(scene->lab.workload, "eth0"), what);
	sh(scene->lab.workload, "ping -qc1 -W1 10.77.0.1 >/dev/null && ping -qc1 -W1 fd77::1 >/dev/null");
	cr_expect_neq(sh_try(scene->lab.agent, "ip -j link | grep -q eth0"), 0,
		      "%s: something is left in the agent's namespace", what);
	cr_expect_neq(sh_try(scene->lab.workload, "ip -j link | grep -q sluice"), 0,
		      "%s: something is left in the workload", what);
	/* Nothing is left to do, and doing it again harms nothing. */
	r = port_recover(&scene->taken, scene->journal, scene->lab.workload, scene->lab.agent, &err);
	cr_expect_eq(r, 0, "%s, again: %s", what, err.text);
	lab_same(strdup(scene->before), lab_picture(scene->lab.workload, "eth0"), what);
}

Test(port_crash, with_the_new_pair_made)
{
	struct scene scene;
	struct port_hooks hooks = { .prepare = die, .journal = scene.journal };

	set_scene(&scene);
	take_killed(&scene, &hooks);
	recovers(&scene, "killed in prepare()");
	clear_scene(&scene);
}

Test(port_crash, with_the_original_gone_and_nothing_in_its_place)
{
	struct scene scene;
	struct port_hooks hooks = { .ready = die, .journal = scene.journal };

	set_scene(&scene);
	take_killed(&scene, &hooks);
	cr_assert_neq(sh_try(scene.lab.workload, "ip link show eth0 2>/dev/null"), 0);
	recovers(&scene, "killed in ready()");
	clear_scene(&scene);
}

Test(port_crash, in_the_middle_of_rolling_back)
{
	struct scene scene;
	struct port_hooks hooks = { .ready = die, .journal = scene.journal };

	set_scene(&scene);
	take_killed(&scene, &hooks);
	sh(scene.lab.agent, "ip link del vin1f-eth0");
	recovers(&scene, "killed while rolling back");
	clear_scene(&scene);
}

Test(port_crash, with_both_ports_in_the_workload)
{
	struct port_hooks hooks = { .ready = fine };
	struct sl_err err = { 0 };
	struct scene scene;

	set_scene(&scene);
	hooks.journal = scene.journal;
	cr_assert_eq(port_take(&scene.request, &hooks, &scene.taken, &err), 0, "%s", err.text);
	give_killed(&scene);
	/* The next steps of giving back, as far as the addresses. */
	sh(scene.lab.agent, "ip link set vex1f-eth0 netns /proc/%d/fd/%d name sluicetmp0", getpid(),
	   scene.lab.workload);
	recovers(&scene, "killed while giving back");
	clear_scene(&scene);
}

Test(port_crash, with_the_new_port_set_aside)
{
	struct port_hooks hooks = { .ready = fine };
	struct sl_err err = { 0 };
	struct scene scene;

	set_scene(&scene);
	hooks.journal = scene.journal;
	cr_assert_eq(port_take(&scene.request, &hooks, &scene.taken, &err), 0, "%s", err.text);
	give_killed(&scene);
	sh(scene.lab.agent, "ip link set vex1f-eth0 netns /proc/%d/fd/%d name sluicetmp0", getpid(),
	   scene.lab.workload);
	sh(scene.lab.workload, "ip link set eth0 down && ip link set eth0 name sluiceold0 && "
			       "ip link set sluicetmp0 name eth0 && ip addr add 10.77.0.3/24 dev eth0 && "
			       "ip link set eth0 up");
	recovers(&scene, "killed while the addresses were put back");
	clear_scene(&scene);
}

/*
 * The kernel's membership for such an address outlives an interface that is
 * set down, and then the address is refused for ever.
 */
Test(port_crash, addresses_that_join_their_groups_with_the_port_nearly_home)
{
	struct port_side side = { 0 };
	struct port_snapshot wanted = PORT_SNAPSHOT_NONE;
	struct sl_err err = { 0 };
	struct scene scene;
	int w;

	set_scene(&scene);
	w = scene.lab.workload;
	sh(w,
	   "ip addr add ff05::7:7/128 dev eth0 nodad autojoin && ip addr add 224.9.9.9/32 dev eth0 autojoin");
	free(scene.before);
	scene.before = lab_picture(w, "eth0");
	cr_assert_eq(port_side_open(&side, w, "the workload's namespace", &err), 0, "%s", err.text);
	cr_assert_eq(snapshot_take(&side, "eth0", 0, &wanted, &err), 0, "%s", err.text);
	cr_assert_eq(journal_write(scene.journal, &wanted, &err), 0, "%s", err.text);
	snapshot_free(&wanted);
	port_side_close(&side);
	/* Killed between putting the original in place and settling it. */
	sh(w, "ip link set eth0 alias '' && ip route del 203.0.113.0/24 table 100");
	recovers(&scene, "killed before the port was settled");
	clear_scene(&scene);
}

/* Without a journal: its name, its MAC, up, its addresses; and the neighbours are reached. */
static void comes_home(struct scene *scene, const char *what)
{
	struct sl_err err = { 0 };
	int r, w = scene->lab.workload;

	r = port_recover(&scene->taken, scene->journal, w, scene->lab.agent, &err);
	cr_assert_eq(r, 1, "%s: %d %s", what, r, err.text);
	sh(w, "for a in 10.77.0.2/24 10.77.0.3/24 fd77::2/64; do ip -o addr show dev eth0 | grep -qF $a || "
	      "exit 1; "
	      "done");
	sh(w, "ip -o link show dev eth0 up | grep -q %02x:%02x:%02x:%02x:%02x:%02x", scene->taken.mac[0],
	   scene->taken.mac[1], scene->taken.mac[2], scene->taken.mac[3], scene->taken.mac[4],
	   scene->taken.mac[5]);
	sh(w, "ping -qc1 -W1 10.77.0.1 >/dev/null && ping -qc1 -W1 fd77::1 >/dev/null");
	cr_expect_neq(sh_try(scene->lab.agent, "ip -j link | grep -q eth0"), 0, "%s: left with the agent",
		      what);
	cr_expect_neq(sh_try(w, "ip -j link | grep -q sluice"), 0, "%s: left in the workload", what);
	r = port_recover(&scene->taken, scene->journal, w, scene->lab.agent, &err);
	cr_expect_eq(r, 1, "%s, again: %s", what, err.text);
}

Test(port_crash, a_lost_journal_while_taking)
{
	struct port_hooks hooks = { .ready = die };
	struct sl_err err = { 0 };
	struct scene scene;

	set_scene(&scene);
	hooks.journal = scene.journal;
	cr_assert_eq(port_record_addresses(&scene.taken, scene.lab.workload, &err), 0, "%s", err.text);
	take_killed(&scene, &hooks);
	cr_assert_eq(truncate(scene.journal, 1000), 0);
	comes_home(&scene, "the original is gone, the journal cut");
	cr_assert_eq(unlink(scene.journal), 0);
	hooks.ready = NULL;
	hooks.prepare = die;
	take_killed(&scene, &hooks);
	cr_assert_eq(unlink(scene.journal), 0);
	comes_home(&scene, "the pair is made, there is no journal");
	clear_scene(&scene);
}

Test(port_crash, a_lost_journal_while_giving_back)
{
	struct port_hooks hooks = { .ready = fine };
	struct sl_err err = { 0 };
	struct scene scene;
	int w;

	set_scene(&scene);
	w = scene.lab.workload;
	cr_assert_eq(port_take(&scene.request, &hooks, &scene.taken, &err), 0, "%s", err.text);
	cr_expect_str_eq(scene.taken.addrs[0], "10.77.0.2/24");
	cr_expect_eq(port_is_whole(&scene.taken, w, scene.lab.agent, &err), 1, "%s", err.text);
	give_killed(&scene);
	cr_assert_eq(truncate(scene.journal, 1000), 0);
	/* The substitute knows everything, so nothing is lost. */
	cr_assert_eq(port_recover(&scene.taken, scene.journal, w, scene.lab.agent, &err), 1, "%s", err.text);
	lab_same(strdup(scene.before), lab_picture(w, "eth0"), "from the substitute");

	cr_assert_eq(port_take(&scene.request, &hooks, &scene.taken, &err), 0, "%s", err.text);
	give_killed(&scene);
	cr_assert_eq(unlink(scene.journal), 0);
	sh(scene.lab.agent, "ip link set vex1f-eth0 netns /proc/%d/fd/%d name sluicetmp0", getpid(), w);
	cr_expect_eq(port_is_whole(&scene.taken, w, scene.lab.agent, &err), 0);
	comes_home(&scene, "both are in the workload");

	cr_assert_eq(port_take(&scene.request, &hooks, &scene.taken, &err), 0, "%s", err.text);
	give_killed(&scene);
	cr_assert_eq(unlink(scene.journal), 0);
	sh(scene.lab.agent, "ip link set vex1f-eth0 netns /proc/%d/fd/%d name sluicetmp0", getpid(), w);
	sh(w,
	   "ip link set eth0 down && ip link set eth0 name sluiceold0 && ip link set sluicetmp0 name eth0 && "
	   "ip addr add 10.77.0.3/24 dev eth0 && ip link set eth0 up");
	comes_home(&scene, "the substitute is aside");
	clear_scene(&scene);
}

/* The last line of the journal names the step that had begun. */
Test(port_crash, the_journal_names_the_step)
{
	struct port_hooks hooks = { .ready = die };
	char line[JOURNAL_LINE];
	struct scene scene;
	FILE *file;

	set_scene(&scene);
	hooks.journal = scene.journal;
	journal_last_line(scene.journal, line);
	cr_expect_str_eq(line, "");
	take_killed(&scene, &hooks);
	journal_last_line(scene.journal, line);
	cr_expect_str_eq(line, "take: attach to vex");
	/* Killed in the middle of writing one. */
	file = fopen(scene.journal, "a");
	fputs("\ntake: put the", file);
	fclose(file);
	journal_last_line(scene.journal, line);
	cr_expect_str_eq(line, "take: attach to vex");
	recovers(&scene, "with half a line");
	clear_scene(&scene);
}

/* The workload squats on its port's name in the gap. */
static int squat(void *context, const struct port_taken *taken, struct sl_err *err)
{
	const struct scene *scene = context;

	(void)taken;
	sh(scene->lab.workload, "ip link add eth0 type bridge");
	return sl_err(err, EUCLEAN, "the test said so");
}

Test(port_crash, the_original_comes_home_even_if_its_name_is_taken)
{
	struct port_hooks hooks = { .ready = squat };
	struct sl_err err = { 0 };
	struct scene scene;

	set_scene(&scene);
	hooks.context = &scene;
	cr_assert_lt(port_take(&scene.request, &hooks, &scene.taken, &err), 0);
	cr_expect(strstr(err.text, "could not be put back"), "%s", err.text);
	cr_expect_neq(sh_try(scene.lab.agent, "ip -j link | grep -q eth0"), 0,
		      "the port is left in the agent's namespace");
	sh(scene.lab.workload, "ip -o link | grep -q 'front door'");
	clear_scene(&scene);
}

/* Whoever is root in the workload can delete the substitute, and the pair with it, at any moment. */
static void delete_the_pair(void *context, const struct port_taken *taken)
{
	const struct scene *scene = context;

	sh_try(scene->lab.agent, "ip link del %s 2>/dev/null", taken->vin_name);
}

static int needs_the_pair(void *context, const struct port_taken *taken, struct sl_err *err)
{
	const struct scene *scene = context;

	if (!sh_try(scene->lab.agent, "ip link show %s >/dev/null 2>&1", taken->vin_name))
		return 0;
	return sl_err(err, ENODEV, "%s is gone", taken->vin_name);
}

Test(port_crash, a_substitute_that_vanishes_while_its_port_is_given_back)
{
	struct port_hooks hooks = { .ready = needs_the_pair, .undo = delete_the_pair };
	struct sl_err err = { 0 };
	struct scene scene;

	set_scene(&scene);
	hooks.context = &scene;
	cr_assert_eq(port_take(&scene.request, NULL, &scene.taken, &err), 0, "%s", err.text);
	cr_assert_eq(port_give_back(&scene.taken, scene.lab.workload, scene.lab.agent, &hooks, &err), 0, "%s",
		     err.text);
	lab_same(strdup(scene.before), lab_picture(scene.lab.workload, "eth0"), "rescued");
	clear_scene(&scene);
}

/* prepare() and undo() find their interfaces down: up they would let frames in without a program. */
static int expect_down(void *context, const struct port_taken *taken, struct sl_err *err)
{
	const struct scene *scene = context;

	(void)taken, (void)err;
	cr_expect_neq(sh_try(scene->lab.agent, "ip -o link show up | grep -q 'v[ei][xn]1f-eth0'"), 0,
		      "up without a program");
	return 0;
}

static void expect_down_at_undo(void *context, const struct port_taken *taken)
{
	expect_down(context, taken, NULL);
}

static int refuse(void *context, const struct port_taken *taken, struct sl_err *err)
{
	(void)context, (void)taken;
	return sl_err(err, EUCLEAN, "the test said so");
}

Test(port_crash, no_leg_is_up_without_its_program)
{
	struct port_hooks hooks = { .prepare = expect_down, .ready = refuse, .undo = expect_down_at_undo };
	struct sl_err err = { 0 };
	struct scene scene;

	set_scene(&scene);
	hooks.context = &scene;
	cr_assert_eq(port_take(&scene.request, &hooks, &scene.taken, &err), -EUCLEAN, "%s", err.text);
	lab_same(scene.before, lab_picture(scene.lab.workload, "eth0"), "rolled back");
}

/* The workload decides how many routes it has; the daemon answers for all workloads meanwhile. */
Test(port_crash, a_flood_of_routes_holds_nobody)
{
	struct sl_err err = { 0 };
	struct scene scene;
	struct timespec from, to;
	int w;

	set_scene(&scene);
	w = scene.lab.workload;
	sh(w,
	   "for i in $(seq 0 12); do for j in $(seq 0 249); do echo route add 10.99.$i.$j/32 dev eth0; done; "
	   "done | ip -batch -");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	cr_assert_eq(port_take(&scene.request, NULL, &scene.taken, &err), 0, "%s", err.text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	cr_expect_lt(to.tv_sec - from.tv_sec, 5, "%ld s of processor time for 3250 routes",
		     to.tv_sec - from.tv_sec);
	cr_assert_eq(port_give_back(&scene.taken, w, scene.lab.agent, NULL, &err), 0, "%s", err.text);
	sh(w, "for i in $(seq 13 19); do for j in $(seq 0 249); do echo route add 10.99.$i.$j/32 dev eth0; "
	      "done; "
	      "done | ip -batch -");
	cr_expect_eq(port_take(&scene.request, NULL, &scene.taken, &err), -E2BIG, "%s", err.text);
	cr_expect(strstr(err.text, "routes"), "%s", err.text);
	clear_scene(&scene);
}
