// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluice-dpi: opens, drops privileges, forwards, closes.
 *
 * Invariants:
 * - No frame is looked at before all privileges are gone.
 * - The close order is the start's reverse: heartbeats to 0 and workers ended,
 *   map entries away, sockets, UMEM, records, and the lock last of all (by the
 *   end of the process), so that a successor never meets a socket of ours.
 * - The daemon's end is not ours: nothing here depends on it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "dpi/control.h"
#include "dpi/decide/engine.h"
#include "dpi/event/reporter.h"
#include "dpi/filter.h"
#include "dpi/forward.h"
#include "dpi/io/bulk.h"
#include "dpi/io/pair.h"
#include "dpi/io/ports.h"
#include "dpi/io/xsk.h"
#include "dpi/options.h"
#include "dpi/policy/policies.h"
#include "dpi/record.h"
#include "dpi/sandbox.h"
#include "dpi/spare.h"
#include "dpi/worker.h"
#include "lib/clock.h"
#include "lib/flowmap.h"
#include "lib/log.h"

struct core {
	struct sl_options options;
	struct sl_records records;
	struct sl_xsk *xsk;
	struct sl_bulk *bulk; /* NULL: there is no bulk lane */
	struct sl_lane *pair[SL_QUEUES_MAX]; /* with one: both as the workers have them */
	struct sl_lane *ports; /* instead of both, with --ports */
	struct sl_core ports_record;
	bool published;
	struct sl_worker workers[SL_QUEUES_MAX];
	struct sl_engine *engines[SL_QUEUES_MAX];
	struct sl_event_ring *rings[SL_QUEUES_MAX];
	struct sl_policies *policies, *agents;
	struct sl_reporter *reporter;
	int stop_fd, event_fd, signal_fd;
	uid_t owner; /* who started us */
	uint64_t started_ns;
};

static int open_events(struct core *core, struct sl_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* The terminal the daemon was started from may be closed; by hand it ends us as usual. */
	if (core->options.control_fd >= 0)
		signal(SIGHUP, SIG_IGN);
	core->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	core->stop_fd = eventfd(0, EFD_CLOEXEC);
	core->event_fd = eventfd(0, EFD_CLOEXEC);
	if (core->signal_fd < 0 || core->stop_fd < 0 || core->event_fd < 0)
		return sl_errno(err, errno, "opening event descriptors");
	return 0;
}

static struct sl_lane *lane_of(const struct core *core, uint32_t queue)
{
	return core->ports	   ? core->ports
	       : core->pair[queue] ? core->pair[queue]
				   : sl_xsk_lane(core->xsk, queue);
}

/* While files can still be read: nDPI is one. */
static int open_engines(struct core *core, struct sl_err *err)
{
	const struct sl_options *options = &core->options;
	struct sl_engine_conf conf;
	int r;

	sl_engine_conf_init(&conf);
	conf.sessions = options->sessions;
	conf.say_unreachable = options->say_unreachable;
	conf.wait_policy = options->wait_policy;
	conf.thresholds = options->thresholds;
	conf.flows_fd = core->records.flows_fd;
	conf.verdicts = options->verdicts;
	conf.bulk = core->bulk;
	conf.bulk_udp = core->bulk && sl_bulk_takes_udp();
	r = sl_policies_open(&core->policies, options->queues, err);
	if (r >= 0 && options->agent)
		r = sl_policies_open(&core->agents, options->queues, err);
	conf.agents = core->agents;
	for (uint32_t q = 0; q < options->queues && r >= 0; q++) {
		r = sl_engine_open(&core->engines[q], &conf, q, options->queues, core->policies,
				   lane_of(core, q), err);
		if (r >= 0)
			core->rings[q] = sl_engine_events(core->engines[q]);
	}
	if (r >= 0)
		r = sl_reporter_open(&core->reporter, options->vth, options->events_per_second, core->rings,
				     options->queues, err);
	return r;
}

/* Whose worker's it was. */
static bool adopt_flow(void *context, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	struct core *core = context;

	return flow->queue < core->options.queues &&
	       sl_engine_adopt(core->engines[flow->queue], key, flow, sl_clock_ns());
}

/* What an earlier core has left to the kernel. */
static void adopt_flows(struct core *core)
{
	struct sl_err err;
	int n;

	if (core->records.flows_fd < 0)
		return;
	n = sl_flowmap_walk(core->records.flows_fd, adopt_flow, core, &err);
	if (n < 0)
		sl_warn("%s; those flows go on, and are forgotten when they are removed from the map",
			err.text);
	else if (n)
		sl_info("%d judged flows of an earlier core", n);
}

static void close_bulk(struct core *core)
{
	for (uint32_t q = 0; q < core->options.queues; q++) {
		if (core->pair[q])
			core->pair[q]->ops->destroy(core->pair[q]);
		core->pair[q] = NULL;
		if (core->xsk)
			sl_xsk_bundle(core->xsk, q, -1);
	}
	sl_bulk_close(core->bulk);
	core->bulk = NULL;
}

/* Without it everything goes by the other lane, which is no reason to have no core. */
static void open_bulk(struct core *core)
{
	const struct sl_options *options = &core->options;
	struct sl_err err;
	int r = sl_bulk_open(&core->bulk, options->vtk, options->queues, core->records.line + SL_CORE_BULK,
			     &err);

	for (uint32_t q = 0; q < options->queues && !r; q++) {
		core->pair[q] = sl_pair_new(sl_xsk_lane(core->xsk, q), sl_bulk_lane(core->bulk, q));
		if (!core->pair[q])
			r = sl_errno(&err, ENOMEM, "lanes of queue %u", q);
		if (!r && sl_bulk_takes_udp() && sl_xsk_bundle(core->xsk, q, sl_bulk_fd(core->bulk, q)))
			r = sl_errno(&err, ENOMEM, "bundles of queue %u", q);
	}
	if (!r)
		return;
	sl_warn("%s; there is no bulk lane", err.text);
	close_bulk(core);
}

static int open_lanes(struct core *core, struct sl_err *err)
{
	const struct sl_options *options = &core->options;
	const struct sl_xsk_conf conf = { options->vth, options->queues, options->mtu,
					  options->busy_poll_us };
	const struct sl_record_fds fds = { options->core_map_fd, options->xsks_map_fd,
					   options->flows_map_fd };
	int r;

	if (options->ports)
		return sl_ports_open(&core->ports, &core->ports_record, err);
	r = sl_records_open(&core->records, &fds, options->pin_dir, options->verdicts || options->vtk,
			    options->queues, err);
	if (r < 0)
		return r;
	r = sl_xsk_open(&core->xsk, &conf, core->records.line, err);
	if (r < 0)
		return r;
	r = sl_xsk_publish(core->xsk, core->records.xsks_fd, err);
	if (r < 0)
		return r;
	core->published = true;
	if (options->vtk)
		open_bulk(core);
	return 0;
}

/* Everything that needs privileges, and then their end. */
static int open_core(struct core *core, const char **ret_user, struct sl_err *err)
{
	const struct sl_options *options = &core->options;
	int r = open_lanes(core, err);

	if (r < 0)
		return r;
	if (!options->forward_only) {
		r = open_engines(core, err);
		if (r < 0)
			return r;
		adopt_flows(core);
	}
	return sl_sandbox_enter(options->user, ret_user, err);
}

/* Returns when every worker forwards (or one has failed, which sl_control_run() then finds). */
static int start_workers(struct core *core, struct sl_err *err)
{
	uint64_t n = 0, seen = 0;

	for (uint32_t q = 0; q < core->options.queues; q++) {
		struct sl_worker *worker = &core->workers[q];
		int r;

		worker->lane = lane_of(core, q);
		worker->handle = core->engines[q] ? sl_engine_handle : sl_forward_all;
		if (core->engines[q]) {
			worker->turn = sl_engine_turn;
			worker->rest = sl_engine_rest;
			/* Ports come by requests themselves. */
			worker->may_begin = core->options.wait_policy || (core->options.agent && !core->ports)
						    ? sl_engine_ready
						    : NULL;
			worker->context = core->engines[q];
		}
		worker->queue = q;
		worker->heartbeat_ms = core->options.heartbeat_ms;
		worker->busy_poll_us = core->options.busy_poll_us;
		worker->stop_fd = core->stop_fd;
		worker->event_fd = core->event_fd;
		r = sl_mailbox_open(&worker->mailbox, err);
		if (r >= 0)
			r = sl_worker_start(worker, err);
		if (r < 0)
			return r;
	}
	while (seen < core->options.queues) {
		if (read(core->event_fd, &n, sizeof(n)) == sizeof(n))
			seen += n;
		else if (errno != EINTR)
			return sl_errno(err, errno, "waiting for the workers");
	}
	/* Counting on: a failure among what was just read must be seen once more. */
	n = 1;
	if (write(core->event_fd, &n, sizeof(n)) < 0)
		return sl_errno(err, errno, "waiting for the workers");
	return 0;
}

static void tell_ready(struct core *core)
{
	if (core->options.ready_fd < 0)
		return;
	/* Whoever wanted to know may be gone; that is not our end. */
	if (write(core->options.ready_fd, "R", 1) != 1)
		sl_warn("readiness could not be told: nobody reads descriptor %d", core->options.ready_fd);
	close(core->options.ready_fd);
	core->options.ready_fd = -1;
}

static int run_core(struct core *core, struct sl_err *err)
{
	struct sl_control control = {
		.view = {
			.workers = core->workers,
			.queues = core->options.queues,
			.frame_size = SL_XSK_CHUNK,
			.multi_buffer = !core->xsk || sl_xsk_multi_buffer(core->xsk),
			.started_ns = core->started_ns,
			.engines = core->engines[0] ? core->engines : NULL,
			.policies = core->policies,
			.agents = core->agents,
			.ports = core->ports,
			.reporter = core->reporter,
		},
		.listen_fd = core->options.control_fd,
		.signal_fd = core->signal_fd,
		.event_fd = core->event_fd,
		.owner = core->owner,
	};

	int r = sl_filter_enter(core->records.flows_fd >= 0, err);

	if (r < 0)
		return r;
	tell_ready(core);
	return sl_control_run(&control, err);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Not started: its mailbox is not open, and 0 is standard input. */
static void close_worker(struct sl_worker *worker)
{
	if (!worker->started)
		return;
	sl_worker_join(worker);
	sl_mailbox_close(&worker->mailbox);
}

static void close_core(struct core *core)
{
	const uint64_t one = 1;
	struct sl_err err;

	if (core->stop_fd >= 0 && write(core->stop_fd, &one, sizeof(one)) < 0)
		sl_warn("telling the workers to end failed");
	for (uint32_t q = 0; q < core->options.queues; q++)
		close_worker(&core->workers[q]);
	sl_reporter_close(core->reporter);
	for (uint32_t q = 0; q < core->options.queues; q++)
		sl_engine_close(core->engines[q]);
	sl_policies_close(core->policies);
	sl_policies_close(core->agents);
	if (core->ports)
		core->ports->ops->destroy(core->ports);
	close_bulk(core);
	if (core->published && sl_xsk_withdraw(core->xsk, core->records.xsks_fd, &err) < 0)
		sl_debug("%s; the kernel does it when they close", err.text);
	sl_xsk_close(core->xsk);
	sl_records_close(&core->records);
	close_fd(core->signal_fd);
	close_fd(core->event_fd);
	close_fd(core->stop_fd);
}

/* Events to standard output; what was left out is said, not counted among them. */
static int run_replay(const struct sl_replay *replay)
{
	struct sl_replay_figures figures;
	struct sl_err err = { 0 };

	if (sl_replay(replay, stdout, &figures, &err) < 0) {
		sl_error("%s", err.text);
		return 1;
	}
	if (figures.foreign)
		sl_warn("%llu of %llu frames left out: not the workload's",
			(unsigned long long)figures.foreign, (unsigned long long)figures.frames);
	if (figures.cut)
		sl_warn("%llu of %llu frames left out: captured in part only (tcpdump -s 0 takes all)",
			(unsigned long long)figures.cut, (unsigned long long)figures.frames);
	return 0;
}

int main(int argc, char **argv)
{
	static struct core core = {
		.records = SL_RECORDS_NONE, .stop_fd = -1, .event_fd = -1, .signal_fd = -1
	};
	struct sl_err err = { 0 };
	const char *user = NULL;
	int r;

	r = sl_options_parse(&core.options, argc, argv, &err);
	if (r < 0) {
		fprintf(stderr, "sluice-dpi: %s\n", err.text);
		return 2;
	}
	if (r == SL_OPTIONS_HELP) {
		sl_options_help(stdout);
		return 0;
	}
	if (r == SL_OPTIONS_VERSION) {
		puts("sluice-dpi " SLUICE_VERSION);
		return 0;
	}
	sl_log_init("sluice-dpi", core.options.log_target, core.options.log_level);
	core.options.replay.thresholds = &core.options.thresholds;
	if (core.options.replay.file)
		return run_replay(&core.options.replay);
	if (core.options.spare_fd >= 0) {
		r = sl_spare_wait(&core.options, argv[0], &err);
		if (r < 0)
			sl_error("%s", err.text);
		if (r)
			return r < 0;
	}
	core.started_ns = sl_clock_ns();
	core.owner = geteuid();

	r = open_events(&core, &err);
	if (r >= 0)
		r = open_core(&core, &user, &err);
	if (r >= 0)
		r = start_workers(&core, &err);
	if (r >= 0) {
		sl_info("%s: forwarding, %u queues, %s, %s, as user %s", core.options.vth,
			core.options.queues,
			!core.xsk || sl_xsk_multi_buffer(core.xsk) ? "multi-buffer" : "single-buffer",
			core.bulk ? "with a bulk lane" : "without a bulk lane", user);
		r = run_core(&core, &err);
	}
	if (r < 0)
		sl_error("%s", err.text);
	close_core(&core);
	return r < 0 ? 1 : 0;
}
