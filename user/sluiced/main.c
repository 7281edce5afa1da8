// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluiced: starts an instance's parts in their order, runs the loop, and ends
 * them in the order that what should go on working needs.
 *
 * Invariant: READY=1 is sent when requests are answered and the core forwards
 * (or has failed once, or is external); after an end with `keep` everything
 * but the daemon still works, after one with `release` nothing is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "sluiced/control.h"
#include "sluiced/compat.h"
#include "sluiced/events.h"
#include "sluiced/intercept.h"
#include "sluiced/monitor.h"
#include "sluiced/options.h"
#include "sluiced/policy.h"
#include "sluiced/repair.h"
#include "sluiced/supervise.h"

#define READY_AT_LAST_MS 5000 /* a core that says nothing does not hold back the rest */

struct daemon {
	struct instance inst;
	struct options options;
	struct control *control;
	struct source signals;
	struct source watchdog;
	struct source patience; /* timer: READY_AT_LAST_MS */
	bool serving; /* all parts are there */
	bool ready; /* READY=1 was sent */
	bool end_begun;
	int exit_status;
	char status[128]; /* what the service manager shows */
};

static struct daemon *daemon_of(struct instance *inst)
{
	return container_of(inst, struct daemon, inst);
}

static void tell_status(struct daemon *daemon)
{
	struct core_status core;
	char status[128];

	core_status(daemon->inst.core, &core);
	snprintf(status, sizeof(status), "%u ports taken, core %s", workloads_count(daemon->inst.workloads),
		 core_state_name(core.state));
	if (!strcmp(status, daemon->status))
		return;
	strcpy(daemon->status, status);
	sd_notifyf(0, "STATUS=%s", status);
}

static void become_ready(struct daemon *daemon)
{
	struct instance *inst = &daemon->inst;

	if (daemon->ready)
		return;
	daemon->ready = true;
	source_close(&inst->loop, &daemon->patience);
	sl_info("instance %s serves %s: %s/%s, %s, redirect %s, %u ports taken", inst->conf.instance,
		instance_netns(inst), inst->conf.vbr, inst->conf.vth,
		inst->attach == SL_ATTACH_TCX ? "tcx" : "clsact", inst->redirect_peer ? "peer" : "plain",
		workloads_count(inst->workloads));
	sd_notify(0, "READY=1");
}

static void on_core_changed(struct instance *inst)
{
	struct daemon *daemon = daemon_of(inst);
	struct core_status core;

	if (!daemon->serving)
		return;
	tell_status(daemon);
	policy_follow_core(inst->policy);
	events_core_changed(inst->events);
	core_status(inst->core, &core);
	if (core.state == CORE_RUNNING || core.state == CORE_EXTERNAL || core.state == CORE_WAITING)
		become_ready(daemon);
	if (core.state == CORE_STOPPED && daemon->end_begun)
		inst->loop.ended = true;
}

static void on_patience_end(struct source *source, __u32 events)
{
	struct daemon *daemon = container_of(source, struct daemon, patience);

	(void)events;
	sl_warn("the core has not said within %d ms that it forwards", READY_AT_LAST_MS);
	become_ready(daemon);
}

static void begin_end(struct daemon *daemon)
{
	struct instance *inst = &daemon->inst;

	if (daemon->end_begun)
		return;
	daemon->end_begun = true;
	sd_notify(0, "STOPPING=1");
	control_shut(daemon->control);
	if (inst->end_release)
		core_stop(inst->core);
	else
		inst->loop.ended = true;
}

static void on_request_finished(struct instance *inst)
{
	tell_status(daemon_of(inst));
	policy_workloads_changed(inst->policy);
	if (inst->ending)
		begin_end(daemon_of(inst));
}

/* 0 when nothing is taken any more. */
static int release_all(struct instance *inst)
{
	struct workload *w;
	struct sl_err err;
	__u32 id = 0;

	while ((w = workloads_next(inst->workloads, id))) {
		id = w->id;
		if (release(inst, w, &err))
			sl_error("id %u: %s", id, err.text);
	}
	return workloads_count(inst->workloads) || workloads_reserved(inst->workloads) ? -EBUSY : 0;
}

static void on_terminate(struct daemon *daemon, __u32 signal)
{
	struct instance *inst = &daemon->inst;

	if (daemon->end_begun)
		return;
	inst->ending = true;
	inst->end_release = inst->conf.on_exit == SL_EXIT_RELEASE;
	sl_info("ending by signal %u: %s", signal,
		inst->end_release ? "everything is given back" : "everything taken stays as it is");
	if (inst->end_release && release_all(inst)) {
		sl_error("%u ports could not be given back: they and all they need stay, and work",
			 workloads_count(inst->workloads) + workloads_reserved(inst->workloads));
		inst->end_release = false;
		daemon->exit_status = EXIT_FAILURE;
	}
	begin_end(daemon);
}

static void on_reload(struct daemon *daemon)
{
	struct sl_conf conf;
	struct sl_err err;
	int r;

	r = options_load(&daemon->options, &conf, &err);
	if (!r)
		r = instance_reload(&daemon->inst, &conf, &err);
	if (!r)
		policy_thresholds_changed(daemon->inst.policy);
	if (r)
		sl_error("reload: %s; settings are as before", err.text);
	else
		sl_info("reloaded log_level, non_ip and [threats]; other settings need a restart");
	/* Whoever has renamed the file wants this, whatever became of the rest. */
	if (events_reopen(daemon->inst.events, &err))
		sl_error("reload: %s; events go on to where they went", err.text);
	if (!r && policy_reload(daemon->inst.policy, conf.policy, &err))
		sl_error("reload: %s; the policy is as before", err.text);
}

static void on_signal(struct source *source, __u32 events)
{
	struct daemon *daemon = container_of(source, struct daemon, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		on_reload(daemon);
	else
		on_terminate(daemon, info.ssi_signo);
}

static void on_watchdog(struct source *source, __u32 events)
{
	(void)events;
	timer_clear(source);
	sd_notify(0, "WATCHDOG=1");
}

static int open_sources(struct daemon *daemon, const sigset_t *signals, struct sl_err *err)
{
	struct loop *loop = &daemon->inst.loop;
	__u64 watchdog_us = 0;
	int r;

	daemon->signals.fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (daemon->signals.fd < 0)
		return sl_errno(err, errno, "cannot take signals");
	r = loop_add(loop, &daemon->signals, "signals", err);
	if (!r)
		r = timer_open(loop, &daemon->patience, "the start", err);
	if (!r && sd_watchdog_enabled(0, (uint64_t *)&watchdog_us) > 0)
		r = timer_open(loop, &daemon->watchdog, "the watchdog", err);
	if (r)
		return r;
	timer_set(&daemon->patience, READY_AT_LAST_MS, 0);
	if (daemon->watchdog.fd >= 0)
		timer_set(&daemon->watchdog, watchdog_us / 2000 ?: 1, watchdog_us / 2000 ?: 1);
	return 0;
}

/* The parts that need a loop. 0 or -errno. */
static int open_parts(struct daemon *daemon, const sigset_t *signals, struct sl_err *err)
{
	struct instance *inst = &daemon->inst;
	int r;

	r = open_sources(daemon, signals, err);
	if (!r)
		r = core_create(inst, on_core_changed, &inst->core, err);
	if (!r)
		r = policy_create(inst, &inst->policy, err);
	if (!r)
		r = events_create(inst, inst->conf.events, &inst->events, err);
	/* Before the workloads are looked at, so that none can vanish unseen. */
	if (!r)
		r = monitor_open(inst, err);
	if (!r)
		r = control_open(inst, on_request_finished, &daemon->control, err);
	if (!r)
		r = compat_create(inst, &inst->compat, err);
	return r;
}

static void close_parts(struct daemon *daemon)
{
	struct loop *loop = &daemon->inst.loop;

	compat_free(daemon->inst.compat);
	daemon->inst.compat = NULL;
	monitor_close(&daemon->inst);
	events_free(daemon->inst.events);
	daemon->inst.events = NULL;
	policy_free(daemon->inst.policy);
	daemon->inst.policy = NULL;
	core_free(daemon->inst.core);
	daemon->inst.core = NULL;
	source_close(loop, &daemon->watchdog);
	source_close(loop, &daemon->patience);
	source_close(loop, &daemon->signals);
}

static int serve(struct daemon *daemon, struct sl_err *err)
{
	struct instance *inst = &daemon->inst;

	adopt_all(inst);
	core_begin(inst->core);
	daemon->serving = true;
	on_core_changed(inst);
	return loop_run(&inst->loop, err);
}

static int run(struct daemon *daemon, const struct sl_conf *conf, const sigset_t *signals, struct sl_err *err)
{
	struct instance *inst = &daemon->inst;
	struct sl_err ignored;
	int r;

	r = instance_open(inst, conf, err);
	if (r)
		return r;
	r = open_parts(daemon, signals, err);
	if (r && inst->fresh)
		instance_remove(inst, &ignored);
	if (!r)
		r = serve(daemon, err);
	close_parts(daemon);
	if (r && daemon->control)
		control_shut(daemon->control);
	if (!r && inst->end_release)
		r = instance_remove(inst, err);
	instance_close(inst);
	/* Last: whoever has asked for the end sees it when all is gone and unlocked. */
	control_free(daemon->control);
	return r;
}

/* By hand, without serving anything. The exit status. */
static int repair(const struct options *options, const struct sl_conf *conf)
{
	const struct repair_options how = { .dry_run = options->dry_run, .json = options->json };
	struct sl_err err;
	int r;

	r = repair_run(conf, &how, &err);
	if (r < 0)
		sl_error("%s", err.text);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Descriptors 0 to 2 are there, and none that came with us goes on to the core. */
static void tidy_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

int main(int argc, char **argv)
{
	static struct daemon daemon = {
		.signals = { -1, on_signal },
		.watchdog = { -1, on_watchdog },
		.patience = { -1, on_patience_end },
	};
	static char ident[SL_INSTANCE_LEN + 16] = "sluiced";
	struct sl_conf conf;
	struct sl_err err;
	sigset_t signals;

	tidy_descriptors();
	if (options_parse(argc, argv, &daemon.options, &err)) {
		fprintf(stderr, "sluiced: %s; see sluiced --help\n", err.text);
		return 2;
	}
	if (daemon.options.help) {
		options_help(stdout);
		return EXIT_SUCCESS;
	}
	if (daemon.options.version) {
		puts("sluiced " SLUICE_VERSION);
		return EXIT_SUCCESS;
	}
	if (options_load(&daemon.options, &conf, &err)) {
		fprintf(stderr, "sluiced: %s\n", err.text);
		return 2;
	}
	if (strcmp(conf.instance, "default"))
		snprintf(ident, sizeof(ident), "sluiced[%s]", conf.instance);
	sl_log_init(ident, conf.log_target, conf.log_level);
	if (daemon.options.repair)
		return repair(&daemon.options, &conf);
	umask(022); /* modes are asked for as they are meant */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (run(&daemon, &conf, &signals, &err)) {
		sl_error("%s", err.text);
		sd_notifyf(0, "STATUS=%s\nERRNO=%d", err.text, err.code);
		return EXIT_FAILURE;
	}
	sl_info("ended");
	return daemon.exit_status;
}
