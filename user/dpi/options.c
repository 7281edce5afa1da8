// SPDX-License-Identifier: BSD-2-Clause
/* Parses the core's command line; see options.h. */
#include "dpi/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/types.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/thresholds.h"
#include "sluice/abi.h"

enum option_id {
	OPT_VTH = 1,
	OPT_VTK,
	OPT_QUEUES,
	OPT_MTU,
	OPT_HEARTBEAT,
	OPT_XSKS_FD,
	OPT_CORE_FD,
	OPT_FLOWS_FD,
	OPT_PIN_DIR,
	OPT_CONTROL_FD,
	OPT_LOCK_FD,
	OPT_READY_FD,
	OPT_BUSY_POLL,
	OPT_FORWARD_ONLY,
	OPT_AGENT,
	OPT_PORTS,
	OPT_SESSIONS,
	OPT_SAY_UNREACHABLE,
	OPT_VERDICTS,
	OPT_WAIT_POLICY,
	OPT_EVENTS,
	OPT_REPLAY,
	OPT_SPARE_FD,
	OPT_POLICY,
	OPT_WORKLOAD_MAC,
	OPT_WORKLOAD_NET,
	OPT_USER,
	OPT_LOG_LEVEL,
	OPT_LOG_TARGET,
	OPT_HELP,
	OPT_VERSION,
	/* Key i of the thresholds is OPT_THRESHOLDS + i. */
	OPT_THRESHOLDS,
#define X(field, option, value, max, text) OPT_##field,
	SL_THRESHOLDS(X)
#undef X
};

static const struct option long_options[] = {
	{ "vth", required_argument, NULL, OPT_VTH },
	{ "vtk", required_argument, NULL, OPT_VTK },
	{ "queues", required_argument, NULL, OPT_QUEUES },
	{ "mtu", required_argument, NULL, OPT_MTU },
	{ "heartbeat-ms", required_argument, NULL, OPT_HEARTBEAT },
	{ "xsks-map-fd", required_argument, NULL, OPT_XSKS_FD },
	{ "core-map-fd", required_argument, NULL, OPT_CORE_FD },
	{ "flows-map-fd", required_argument, NULL, OPT_FLOWS_FD },
	{ "pin-dir", required_argument, NULL, OPT_PIN_DIR },
	{ "control-fd", required_argument, NULL, OPT_CONTROL_FD },
	{ "lock-fd", required_argument, NULL, OPT_LOCK_FD },
	{ "ready-fd", required_argument, NULL, OPT_READY_FD },
	{ "spare-fd", required_argument, NULL, OPT_SPARE_FD },
	{ "busy-poll-us", required_argument, NULL, OPT_BUSY_POLL },
	{ "forward-only", no_argument, NULL, OPT_FORWARD_ONLY },
	{ "agent", no_argument, NULL, OPT_AGENT },
	{ "ports", no_argument, NULL, OPT_PORTS },
	{ "sessions", required_argument, NULL, OPT_SESSIONS },
	{ "say-unreachable", no_argument, NULL, OPT_SAY_UNREACHABLE },
	{ "verdicts", no_argument, NULL, OPT_VERDICTS },
	{ "wait-policy", no_argument, NULL, OPT_WAIT_POLICY },
	{ "events-per-second", required_argument, NULL, OPT_EVENTS },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "workload-mac", required_argument, NULL, OPT_WORKLOAD_MAC },
	{ "workload-net", required_argument, NULL, OPT_WORKLOAD_NET },
	{ "user", required_argument, NULL, OPT_USER },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "log-target", required_argument, NULL, OPT_LOG_TARGET },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
#define X(field, option, value, max, text) { option, required_argument, NULL, OPT_##field },
	SL_THRESHOLDS(X)
#undef X
		{ 0 },
};

static const char help[] =
	"Usage: sluice-dpi --vth NAME --queues N --mtu N --heartbeat-ms N\n"
	"                  { --pin-dir DIR | --xsks-map-fd N --core-map-fd N } [OPTION]...\n"
	"       sluice-dpi --replay FILE [--policy FILE] [--workload-mac MAC | --workload-net NET]\n"
	"\n"
	"Inspects and forwards the frames of NAME through AF_XDP sockets. Started by sluiced; by hand as\n"
	"root, in the agent's network namespace, with the programs attached.\n"
	"\n"
	"  --vth NAME           interface\n"
	"  --vtk NAME           interface of the bulk lane, of as many queues (default: none)\n"
	"  --queues N           its queues, one worker each\n"
	"  --mtu N              its MTU\n"
	"  --heartbeat-ms N     age at which a heartbeat is stale\n"
	"  --pin-dir DIR        open " SL_MAP_XSKS " and " SL_MAP_CORE " pinned in DIR, or\n"
	"  --xsks-map-fd N      take the inherited descriptor of " SL_MAP_XSKS "\n"
	"  --core-map-fd N      and that of " SL_MAP_CORE "\n"
	"  --flows-map-fd N     with --verdicts or --vtk that of " SL_MAP_FLOWS " too\n"
	"  --control-fd N       listening SEQPACKET socket for control\n"
	"  --lock-fd N          a lock file to be kept open\n"
	"  --ready-fd N         where \"R\" is written once frames are forwarded\n"
	"  --spare-fd N         get ready, then wait for these three to come by socket N\n"
	"  --busy-poll-us N     preferred busy polling, that long without frames; 0 (default): off\n"
	"  --forward-only       inspect nothing: no sessions, policy or events\n"
	"  --agent              take policies of an agent, report to it: sluice-compat(8)\n"
	"  --ports              packet sockets handed over by a client of the control\n"
	"                       socket, instead of --vth and what goes with it\n"
	"  --sessions N         at most so many sessions a worker (default: as memory allows)\n"
	"  --say-unreachable    answer a denied datagram by an ICMP error\n"
	"  --verdicts           leave judged flows to the kernel\n"
	"  --wait-policy        as if absent until the first policy has come\n"
	"  --events-per-second N  of each kind; 0: no limit (default 1000)\n"
	"  --user NAME          user to become (default: sluice if it exists, else nobody)\n"
	"  --log-level LEVEL    error, warn, info (default), debug\n"
	"  --log-target TARGET  stderr (default), syslog, journal\n"
	"  --help  --version\n"
	"\n"
	"Or prints the events that a capture gives, as lines of JSON, and ends:\n"
	"\n"
	"  --replay FILE        pcap or pcapng, of Ethernet or raw IP\n"
	"  --policy FILE        a compiled policy (default: discover, all passes)\n"
	"  --workload-mac MAC   whose traffic it is: frames to and from MAC, or\n"
	"  --workload-net NET   packets to and from an address or network (default: the first server)\n"
	"\n"
	"From where on something is a threat, 0 for never:\n"
	"\n";

static int number(const char *option, const char *text, unsigned long min, unsigned long max, uint32_t *ret,
		  struct sl_err *err)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	/* strtoul() takes signs and blanks. */
	if (*text < '0' || *text > '9' || *end || errno || value < min || value > max)
		return sl_err(err, EINVAL, "--%s %s: must be a number from %lu to %lu", option, text, min,
			      max);
	*ret = (uint32_t)value;
	return 0;
}

static int descriptor(const char *option, const char *text, int *ret, struct sl_err *err)
{
	uint32_t fd;
	int r = number(option, text, 0, INT_MAX, &fd, err);

	if (r < 0)
		return r;
	if (fcntl((int)fd, F_GETFD) < 0)
		return sl_errno(err, errno, "--%s %s: not inherited", option, text);
	*ret = (int)fd;
	return 0;
}

static int threshold(struct sl_options *options, unsigned int i, const char *text, struct sl_err *err)
{
	const struct sl_threshold *threshold = sl_threshold(i);

	return number(threshold->option, text, 0, threshold->max, sl_threshold_of(&options->thresholds, i),
		      err);
}

static int set_option(struct sl_options *options, int id, const char *name, const char *text,
		      struct sl_err *err)
{
	switch (id) {
	case OPT_VTH:
	case OPT_VTK:
		if (!*text || strlen(text) >= IFNAMSIZ)
			return sl_err(err, EINVAL, "--%s '%s': not an interface's name", name, text);
		*(id == OPT_VTH ? &options->vth : &options->vtk) = text;
		return 0;
	case OPT_QUEUES:
		return number(name, text, 1, SL_QUEUES_MAX, &options->queues, err);
	case OPT_MTU:
		return number(name, text, 68, 65535, &options->mtu, err);
	case OPT_HEARTBEAT:
		return number(name, text, 1, 3600000, &options->heartbeat_ms, err);
	case OPT_XSKS_FD:
		return descriptor(name, text, &options->xsks_map_fd, err);
	case OPT_CORE_FD:
		return descriptor(name, text, &options->core_map_fd, err);
	case OPT_FLOWS_FD:
		return descriptor(name, text, &options->flows_map_fd, err);
	case OPT_PIN_DIR:
		options->pin_dir = text;
		return 0;
	case OPT_CONTROL_FD:
		return descriptor(name, text, &options->control_fd, err);
	case OPT_LOCK_FD:
		return descriptor(name, text, &options->lock_fd, err);
	case OPT_READY_FD:
		return descriptor(name, text, &options->ready_fd, err);
	case OPT_SPARE_FD:
		return descriptor(name, text, &options->spare_fd, err);
	case OPT_BUSY_POLL:
		return number(name, text, 0, 1000000, &options->busy_poll_us, err);
	case OPT_FORWARD_ONLY:
		options->forward_only = true;
		return 0;
	case OPT_AGENT:
		options->agent = true;
		return 0;
	case OPT_PORTS:
		options->ports = true;
		return 0;
	case OPT_SAY_UNREACHABLE:
		options->say_unreachable = true;
		return 0;
	case OPT_VERDICTS:
		options->verdicts = true;
		return 0;
	case OPT_WAIT_POLICY:
		options->wait_policy = true;
		return 0;
	case OPT_SESSIONS:
		return number(name, text, 1024, 16000000, &options->sessions, err);
	case OPT_EVENTS:
		return number(name, text, 0, 1000000, &options->events_per_second, err);
	case OPT_REPLAY:
		options->replay.file = text;
		return 0;
	case OPT_POLICY:
		options->replay.policy = text;
		return 0;
	case OPT_WORKLOAD_MAC:
		if (sl_replay_parse_mac(text, &options->replay) < 0)
			return sl_err(err, EINVAL, "--workload-mac %s: must be like 02:00:00:00:00:01", text);
		return 0;
	case OPT_WORKLOAD_NET:
		if (sl_replay_parse_net(text, &options->replay) < 0)
			return sl_err(err, EINVAL,
				      "--workload-net %s: must be an address or a network, "
				      "like 10.0.0.0/8 or fd00::1",
				      text);
		return 0;
	case OPT_USER:
		options->user = text;
		return 0;
	case OPT_LOG_LEVEL:
		if (sl_log_parse_level(text, &options->log_level) < 0)
			return sl_err(err, EINVAL, "--log-level %s: must be error, warn, info or debug",
				      text);
		return 0;
	case OPT_LOG_TARGET:
		if (sl_log_parse_target(text, &options->log_target) < 0)
			return sl_err(err, EINVAL, "--log-target %s: must be stderr, syslog or journal",
				      text);
		return 0;
	}
	if (id > OPT_THRESHOLDS)
		return threshold(options, (unsigned int)(id - OPT_THRESHOLDS - 1), text, err);
	return sl_err(err, EINVAL, "--%s: unknown option", name);
}

static int check(const struct sl_options *options, struct sl_err *err)
{
	bool fds = options->xsks_map_fd >= 0 || options->core_map_fd >= 0 || options->flows_map_fd >= 0;

	if (sl_thresholds_check(&options->thresholds, err) < 0)
		return -EINVAL;
	if (options->spare_fd >= 0 &&
	    (options->replay.file || options->ports || options->wait_policy || options->control_fd >= 0 ||
	     options->lock_fd >= 0 || options->ready_fd >= 0))
		return sl_err(err, EINVAL,
			      "--spare-fd goes without --control-fd, --lock-fd, --ready-fd, --wait-policy, "
			      "--ports and --replay; see --help");
	if (options->replay.has_mac && options->replay.has_net)
		return sl_err(err, EINVAL, "--workload-mac and --workload-net exclude each other");
	if (options->replay.file) {
		if (options->vth || options->vtk || options->queues || options->pin_dir || fds ||
		    options->control_fd >= 0)
			return sl_err(err, EINVAL, "--replay goes without an interface; see --help");
		return 0;
	}
	if (options->replay.policy || options->replay.has_mac || options->replay.has_net)
		return sl_err(err, EINVAL,
			      "--policy, --workload-mac and --workload-net are for --replay; see --help");
	if (options->ports) {
		if (options->vth || options->vtk || options->queues || options->mtu || options->pin_dir ||
		    fds || options->forward_only || options->control_fd < 0)
			return sl_err(err, EINVAL,
				      "--ports goes without an interface, and needs --control-fd and "
				      "inspection; see "
				      "--help");
		return 0;
	}
	if (!options->vth || !options->queues || !options->mtu || !options->heartbeat_ms)
		return sl_err(err, EINVAL,
			      "--vth, --queues, --mtu and --heartbeat-ms are needed; see --help");
	if (!options->pin_dir && (options->xsks_map_fd < 0 || options->core_map_fd < 0))
		return sl_err(err, EINVAL,
			      "--pin-dir, or both --xsks-map-fd and --core-map-fd, is needed; see --help");
	if (options->wait_policy && (options->forward_only || options->control_fd < 0))
		return sl_err(err, EINVAL,
			      "--wait-policy needs --control-fd, and inspection: without, none can come");
	if ((options->verdicts || options->vtk) && options->forward_only)
		return sl_err(err, EINVAL,
			      "--verdicts and --vtk need inspection: without, nothing is judged");
	if (!options->pin_dir && (options->verdicts || options->vtk) != (options->flows_map_fd >= 0))
		return sl_err(err, EINVAL,
			      "--flows-map-fd goes with --verdicts or --vtk, and they with it; see --help");
	if (options->pin_dir && fds)
		return sl_err(err, EINVAL, "--pin-dir and map descriptors exclude each other");
	return 0;
}

int sl_options_parse(struct sl_options *ret, int argc, char **argv, struct sl_err *err)
{
	struct sl_options options = {
		.xsks_map_fd = -1,
		.core_map_fd = -1,
		.flows_map_fd = -1,
		.control_fd = -1,
		.lock_fd = -1,
		.ready_fd = -1,
		.spare_fd = -1,
		.events_per_second = 1000,
		.thresholds = SL_THRESHOLDS_DEFAULT,
		.log_level = SL_LOG_INFO,
		.log_target = SL_LOG_STDERR,
	};
	int id, index, r;

	optind = 0;
	/* ':' and opterr: the text of an error is ours to give. */
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
		if (id == OPT_HELP)
			return SL_OPTIONS_HELP;
		if (id == OPT_VERSION)
			return SL_OPTIONS_VERSION;
		if (id == ':')
			return sl_err(err, EINVAL, "%s: a value is missing; see --help", argv[optind - 1]);
		/* The rest of a cluster such as -xy is not in argv[optind - 1]; a long option has a small optopt. */
		if (id == '?' && optopt >= ' ')
			return sl_err(err, EINVAL, "-%c: unknown option; see --help", optopt);
		if (id == '?')
			return sl_err(err, EINVAL, "%s: unknown option; see --help", argv[optind - 1]);
		r = set_option(&options, id, long_options[index].name, optarg, err);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return sl_err(err, EINVAL, "%s: unexpected argument; see --help", argv[optind]);
	r = check(&options, err);
	if (r < 0)
		return r;
	if (options.ports) {
		options.queues = 1;
		options.vth = "ports";
		options.heartbeat_ms = options.heartbeat_ms ? options.heartbeat_ms : 1000;
	}
	*ret = options;
	return SL_OPTIONS_RUN;
}

void sl_options_help(FILE *out)
{
	const struct sl_threshold *threshold;

	fputs(help, out);
	for (unsigned int i = 0; (threshold = sl_threshold(i)); i++)
		fprintf(out, "  --%s N\n        %s (default %u)\n", threshold->option, threshold->help,
			threshold->value);
	fputs("\nExit status: 0 told to end, 1 failed, 2 wrong usage.\n", out);
}
