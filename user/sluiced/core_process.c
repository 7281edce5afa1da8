// SPDX-License-Identifier: BSD-2-Clause
/* Starting the core's program; see core_process.h for the invariant. */
#include "sluiced/core_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/spare.h"
#include "lib/thresholds.h"
#include "sluiced/policy.h"

extern char **environ;

/* The environment without what the service manager has meant for the daemon alone. NULL: no memory. */
static char **core_environment(void)
{
	static const char *const not_its[] = { "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_" };
	char **copy;
	size_t n = 0;

	while (environ[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return NULL;
	n = 0;
	for (char **e = environ; *e; e++) {
		bool keep = true;

		for (size_t i = 0; i < sizeof(not_its) / sizeof(*not_its); i++)
			keep = keep && strncmp(*e, not_its[i], strlen(not_its[i]));
		if (keep)
			copy[n++] = *e;
	}
	return copy;
}

#define ARGS_MAX 96
struct arguments {
	char *argv[ARGS_MAX + 1];
	unsigned int n;
	char numbers[ARGS_MAX][16];
};

static void add_text(struct arguments *args, const char *option, const char *value)
{
	args->argv[args->n++] = (char *)option;
	args->argv[args->n++] = (char *)value;
}

static void add_number(struct arguments *args, const char *option, __u32 value)
{
	snprintf(args->numbers[args->n], sizeof(args->numbers[0]), "%u", value);
	add_text(args, option, args->numbers[args->n]);
}

static void add_thresholds(struct arguments *args, const struct sl_conf *conf)
{
	struct sl_thresholds thresholds = conf->thresholds;
	const struct sl_threshold *what;

	for (unsigned int i = 0; (what = sl_threshold(i)); i++)
		add_number(args, what->dashed, *sl_threshold_of(&thresholds, i));
}

static void fill_arguments(const struct instance *inst, const struct core_descriptors *fds,
			   struct arguments *args)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	static const char *const targets[] = { "stderr", "syslog", "journal" };
	const struct sl_conf *conf = &inst->conf;

	args->argv[args->n++] = fds->spare >= 0 ? SL_SPARE_NAME : SL_CORE_NAME;
	add_text(args, "--vth", conf->vth);
	add_number(args, "--queues", inst->bridge.queues);
	add_number(args, "--mtu", inst->bridge.mtu);
	add_number(args, "--heartbeat-ms", conf->heartbeat_ms);
	add_number(args, "--xsks-map-fd", inst->maps.xsks);
	add_number(args, "--core-map-fd", inst->maps.core);
	if (fds->spare >= 0) {
		add_number(args, "--spare-fd", fds->spare);
	} else {
		add_number(args, "--control-fd", fds->control);
		add_number(args, "--lock-fd", fds->lock);
		add_number(args, "--ready-fd", fds->ready);
	}
	add_number(args, "--busy-poll-us", conf->busy_poll_us);
	if (sl_conf_verdicts(conf))
		args->argv[args->n++] = (char *)"--verdicts";
	if (inst->bridge.vtk_ifindex)
		add_text(args, "--vtk", conf->vtk);
	if (core_needs_flows(inst))
		add_number(args, "--flows-map-fd", inst->maps.flows);
	if (!conf->inspect)
		args->argv[args->n++] = (char *)"--forward-only";
	else if (fds->spare < 0 && policy_present(inst->policy))
		args->argv[args->n++] = (char *)"--wait-policy";
	if (conf->compat && conf->inspect)
		args->argv[args->n++] = (char *)"--agent";
	if (conf->sessions)
		add_number(args, "--sessions", conf->sessions);
	if (conf->say_unreachable)
		args->argv[args->n++] = (char *)"--say-unreachable";
	add_number(args, "--events-per-second", conf->events_per_second);
	add_thresholds(args, conf);
	if (*conf->dpi_user)
		add_text(args, "--user", conf->dpi_user);
	add_text(args, "--log-level", levels[conf->log_level]);
	add_text(args, "--log-target", targets[conf->log_target]);
}

int core_process_run(const struct instance *inst, const struct core_descriptors *fds, pid_t *ret_pid,
		     struct sl_err *err)
{
	const int inherited[] = { inst->maps.xsks, inst->maps.core, inst->maps.flows, fds->control,
				  fds->lock,	   fds->ready,	    fds->spare };
	struct arguments args = { .n = 0 };
	char **env = core_environment();
	int r;

	if (!env)
		return sl_err(err, ENOMEM, "no memory to start %s", inst->conf.dpi_path);
	fill_arguments(inst, fds, &args);
	r = sl_child_start(ret_pid, inst->conf.dpi_path, args.argv, env, inherited,
			   sizeof(inherited) / sizeof(*inherited));
	free(env);
	return r ? sl_errno(err, r, "cannot start the core %s (see --dpi-path)", inst->conf.dpi_path) : 0;
}

char *core_process_text(const struct instance *inst)
{
	struct core_descriptors fds = CORE_DESCRIPTORS_NONE;
	struct arguments args = { .n = 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	/* As of a spare one: no argument that differs from start to start. */
	fds.spare = 0;
	fill_arguments(inst, &fds, &args);
	fprintf(out, "%s", inst->conf.dpi_path);
	for (unsigned int i = 1; i < args.n; i++)
		fprintf(out, "\n%s", args.argv[i]);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
