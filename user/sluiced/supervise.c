// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core's life, as states that events move on; see supervise.h for the
 * invariant. Nothing here waits: every delay is a timer in the loop.
 */
#include "sluiced/supervise.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluiced/hang.h"
#include "sluiced/spawn.h"

#define DELAY_MIN_MS 10
#define DELAY_MAX_MS 5000
#define GOOD_LIFE_NS (10 * 1000000000ULL) /* who has lived that long may be restarted at once again */
#define HANG_LOOK_MS 500 /* between two looks at the workers of one that runs */
#define STOP_STEP_MS 2000 /* between asking, SIGTERM and SIGKILL */

/* What is tried next when a core that should end has not. */
enum stop_step { STOP_ASK, STOP_TERM, STOP_KILL };

struct core {
	struct instance *inst;
	void (*changed)(struct instance *inst);
	struct core_status status;
	struct source exit; /* pidfd */
	struct source ready; /* pipe */
	struct source timer; /* CORE_WAITING: next start; CORE_STOPPING: next step; CORE_RUNNING: a look */
	struct hang hang; /* of the one that runs */
	struct spare *spare;
	bool child;
	bool wanted; /* another one follows this one */
	enum stop_step step;
	__u32 delay_ms;
	__u64 born_ns;
};

static void start(struct core *core);

const char *core_state_name(enum core_state state)
{
	static const char *const names[] = { "external", "starting", "running",
					     "waiting",	 "stopping", "stopped" };

	return names[state];
}

void core_status(const struct core *core, struct core_status *ret)
{
	*ret = core->status;
}

static void set_state(struct core *core, enum core_state state)
{
	core->status.state = state;
	core->status.since_ns = now_ns();
	if (state == CORE_RUNNING)
		timer_set(&core->timer, HANG_LOOK_MS, 0);
	core->changed(core->inst);
}

/* Without this the programs would go on sending to a dead core until its last heartbeat is stale. */
static void clear_heartbeats(const struct core *core)
{
	int fd = core->inst->maps.core;
	struct sl_core record;

	for (__u32 queue = 0; queue < SL_QUEUES_MAX; queue++) {
		if (bpf_map_lookup_elem(fd, &queue, &record) || !record.heartbeat_ns)
			continue;
		record.heartbeat_ns = 0;
		if (bpf_map_update_elem(fd, &queue, &record, BPF_ANY))
			sl_warn("cannot clear the heartbeat of queue %u: %s", queue, strerror(errno));
	}
}

static void wait_for_next(struct core *core)
{
	__u64 lived = now_ns() - core->born_ns;

	if (core->born_ns && lived >= GOOD_LIFE_NS)
		core->delay_ms = DELAY_MIN_MS;
	timer_set(&core->timer, core->delay_ms, 0);
	sl_info("starting the core again in %u ms", core->delay_ms);
	core->delay_ms = core->delay_ms * 2 < DELAY_MAX_MS ? core->delay_ms * 2 : DELAY_MAX_MS;
	set_state(core, CORE_WAITING);
}

/* Reaps it and says how it ended. */
static void read_end(struct core *core)
{
	char *text = core->status.last_end;
	siginfo_t info = { 0 };
	bool known = core->child && !waitid(P_PIDFD, core->exit.fd, &info, WEXITED | WNOHANG) && info.si_pid;

	if (core->hang.killed)
		snprintf(text, sizeof(core->status.last_end),
			 "was killed: the worker of queue %u gave no sign of life for %u s", core->hang.queue,
			 core->inst->conf.hang_s);
	else if (!known)
		snprintf(text, sizeof(core->status.last_end), "ended, how is not known");
	else if (info.si_code == CLD_EXITED)
		snprintf(text, sizeof(core->status.last_end), "exited with status %d", info.si_status);
	else
		snprintf(text, sizeof(core->status.last_end), "killed by signal %d (%s)", info.si_status,
			 sigabbrev_np(info.si_status) ?: "?");
}

static void on_exit_event(struct source *source, __u32 events)
{
	struct core *core = container_of(source, struct core, exit);
	bool stopping = core->status.state == CORE_STOPPING;

	(void)events;
	read_end(core);
	clear_heartbeats(core);
	source_close(&core->inst->loop, &core->exit);
	source_close(&core->inst->loop, &core->ready);
	timer_set(&core->timer, 0, 0);
	sl_log(stopping ? SL_LOG_INFO : SL_LOG_ERROR, "core (pid %d) %s", core->status.pid,
	       core->status.last_end);
	core->status.pid = 0;
	core->status.adopted = false;
	if (!core->wanted) {
		set_state(core, core->inst->ending ? CORE_STOPPED : CORE_EXTERNAL);
	} else if (stopping) {
		start(core);
	} else {
		core->status.restarts++;
		wait_for_next(core);
	}
}

static void on_ready_event(struct source *source, __u32 events)
{
	struct core *core = container_of(source, struct core, ready);
	char byte = 0;
	bool said;

	(void)events;
	said = read(source->fd, &byte, 1) == 1 && byte == 'R';
	source_close(&core->inst->loop, source);
	/* If it closed without a word it is about to end, which is reported then. */
	if (!said || core->status.state != CORE_STARTING)
		return;
	sl_info("core (pid %d) forwards", core->status.pid);
	set_state(core, CORE_RUNNING);
	spare_keep(core->spare);
}

static void signal_core(struct core *core, int signal)
{
	if (pidfd_send_signal(core->exit.fd, signal, NULL, 0) && errno != ESRCH)
		sl_warn("cannot send signal %d to the core (pid %d): %s", signal, core->status.pid,
			strerror(errno));
}

static void stop_step(struct core *core)
{
	struct sl_err err;

	switch (core->step) {
	case STOP_ASK:
		core->step = STOP_TERM;
		if (!tell_core(core->inst, "{\"cmd\":\"stop\"}", &err))
			break;
		sl_debug("core: %s", err.text);
		/* fall through */
	case STOP_TERM:
		core->step = STOP_KILL;
		signal_core(core, SIGTERM);
		break;
	case STOP_KILL:
		sl_warn("core (pid %d) does not end: killing it", core->status.pid);
		signal_core(core, SIGKILL);
		break;
	}
	timer_set(&core->timer, STOP_STEP_MS, 0);
}

/* A worker that hangs answers nothing, and for its flows nobody but `fail` is there. */
static void look_for_hang(struct core *core)
{
	if (hang_look(&core->hang, core->inst, core->status.pid)) {
		sl_error("core (pid %d): the worker of queue %u gives no sign of life: killing it",
			 core->status.pid, core->hang.queue);
		signal_core(core, SIGKILL);
	}
	timer_set(&core->timer, HANG_LOOK_MS, 0);
}

static void on_timer_event(struct source *source, __u32 events)
{
	struct core *core = container_of(source, struct core, timer);

	(void)events;
	timer_clear(source);
	if (core->status.state == CORE_WAITING)
		start(core);
	else if (core->status.state == CORE_STOPPING)
		stop_step(core);
	else if (core->status.state == CORE_RUNNING)
		look_for_hang(core);
}

/* Takes over the descriptors. 0 or -errno. */
static int watch(struct core *core, const struct spawned *process, struct sl_err *err)
{
	struct loop *loop = &core->inst->loop;
	int r;

	core->exit.fd = process->pidfd;
	core->ready.fd = process->ready_fd;
	r = loop_add(loop, &core->exit, "the core", err);
	if (!r && core->ready.fd >= 0)
		r = loop_add(loop, &core->ready, "the core's readiness", err);
	if (r) {
		/* Nobody would ever end one that is not watched. */
		signal_core(core, SIGKILL);
		source_close(loop, &core->exit);
		source_close(loop, &core->ready);
		return r;
	}
	core->status.pid = process->pid;
	core->hang = (struct hang){ 0 };
	core->child = process->child;
	core->born_ns = now_ns();
	return 0;
}

static void start(struct core *core)
{
	struct spawned process;
	struct sl_err err;
	int r;

	r = spawn_core(core->inst, core->spare, &process, &err);
	if (!r)
		r = watch(core, &process, &err);
	if (r) {
		sl_error("%s", err.text);
		core->born_ns = 0;
		wait_for_next(core);
		return;
	}
	sl_info("started the core (pid %d)%s", process.pid, process.was_spare ? ", the spare one" : "");
	set_state(core, CORE_STARTING);
}

void core_begin(struct core *core)
{
	bool external = core->inst->conf.dpi == SL_DPI_EXTERNAL;
	struct spawned process;
	struct sl_err err;
	int r;

	core->wanted = !external;
	r = find_core(core->inst, &process, &err);
	if (!r)
		r = watch(core, &process, &err);
	if (r) {
		if (r != -ENOENT)
			sl_error("%s", err.text);
		if (external)
			set_state(core, CORE_EXTERNAL);
		else
			start(core);
		return;
	}
	core->status.adopted = true;
	if (!external && process.fits) {
		sl_info("adopted the core (pid %d)", process.pid);
		set_state(core, CORE_RUNNING);
		spare_keep(core->spare);
		return;
	}
	core->status.state = CORE_RUNNING;
	core_restart(core,
		     external ? "the core is external now" : "its settings differ, or it does not answer");
}

void core_restart(struct core *core, const char *why)
{
	switch (core->status.state) {
	case CORE_STARTING:
	case CORE_RUNNING:
		sl_info("ending the core (pid %d): %s", core->status.pid, why);
		core->step = STOP_ASK;
		set_state(core, CORE_STOPPING);
		stop_step(core);
		break;
	case CORE_WAITING:
		start(core);
		break;
	case CORE_EXTERNAL:
	case CORE_STOPPING:
	case CORE_STOPPED:
		break;
	}
}

void core_stop(struct core *core)
{
	core->wanted = false;
	spare_end(core->spare);
	switch (core->status.state) {
	case CORE_STARTING:
	case CORE_RUNNING:
		core_restart(core, "sluiced ends and takes everything down");
		break;
	case CORE_STOPPING:
		break;
	case CORE_WAITING:
	case CORE_EXTERNAL:
	case CORE_STOPPED:
		timer_set(&core->timer, 0, 0);
		set_state(core, CORE_STOPPED);
		break;
	}
}

int core_create(struct instance *inst, void (*changed)(struct instance *inst), struct core **ret,
		struct sl_err *err)
{
	struct core *core = calloc(1, sizeof(*core));
	int r;

	if (!core)
		return sl_err(err, ENOMEM, "no memory for the core's supervisor");
	*core = (struct core){
		.inst = inst,
		.changed = changed,
		.status.state = CORE_STOPPED,
		.exit = { -1, on_exit_event },
		.ready = { -1, on_ready_event },
		.timer = { -1, on_timer_event },
		.delay_ms = DELAY_MIN_MS,
	};
	r = timer_open(&inst->loop, &core->timer, "the core's supervisor", err);
	if (!r)
		r = spare_create(inst, &core->spare, err);
	if (r) {
		core_free(core);
		return r;
	}
	*ret = core;
	return 0;
}

void core_free(struct core *core)
{
	if (!core)
		return;
	spare_free(core->spare);
	source_close(&core->inst->loop, &core->exit);
	source_close(&core->inst->loop, &core->ready);
	source_close(&core->inst->loop, &core->timer);
	free(core);
}
