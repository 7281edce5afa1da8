// SPDX-License-Identifier: BSD-2-Clause
/*
 * What one more workload costs: memory of the maps, the daemon and the core,
 * and the time until its port is taken, of a hundred that are taken one after
 * the other. Each pair has an agent of its own, or what the last one gave back
 * would be used again and cost nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/agent.h"
#include "bench/bench.h"

#define MANY 100u
#define FEW 10u

struct memory {
	double maps, daemon, core;
};

static int look(struct agent *agent, struct memory *ret, struct sl_err *err)
{
	const int maps[] = { agent->maps.ports, agent->maps.workloads, agent->maps.ucmacs,
			     agent->maps.traffic };
	pid_t core = 0;
	int r = agent_core_pid(agent, &core, err);

	*ret = (struct memory){ 0 };
	for (unsigned int i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		ret->maps += machine_map_bytes(maps[i]);
	ret->daemon = machine_resident_bytes(agent->daemon);
	ret->core = machine_resident_bytes(core);
	return r;
}

/* Of some workloads that follow each other: ms each. */
static int take_some(struct agent *agent, const struct workload *workloads, unsigned int n, double *ret,
		     struct sl_err *err)
{
	__u64 start = lab_now_ns();
	int r = 0;

	for (unsigned int i = 0; !r && i < n; i++)
		r = agent_intercept(agent, &workloads[i], "inline --side workload", err);
	*ret = (double)(lab_now_ns() - start) / 1e6 / n;
	return r;
}

struct figures {
	struct series bytes, maps, daemon, core, take;
};

/* An agent's life. */
static int once(const struct workload *workloads, struct figures *figures, unsigned int i, struct sl_err *err)
{
	struct memory before = { 0 }, after = { 0 };
	struct agent agent = { 0 };
	double middle;
	int r = agent_start(&agent, AGENT_JUDGED, err);

	r = r ?: take_some(&agent, workloads, FEW, &figures->take.baselines[i], err);
	r = r ?: look(&agent, &before, err);
	r = r ?: take_some(&agent, workloads + FEW, MANY - 2 * FEW, &middle, err);
	r = r ?: take_some(&agent, workloads + MANY - FEW, FEW, &figures->take.contenders[i], err);
	r = r ?: look(&agent, &after, err);
	agent_end(&agent);
	if (r)
		return r;
	figures->maps.contenders[i] = (after.maps - before.maps) / (MANY - FEW);
	figures->daemon.contenders[i] = (after.daemon - before.daemon) / (MANY - FEW);
	figures->core.contenders[i] = (after.core - before.core) / (MANY - FEW);
	figures->bytes.contenders[i] =
		figures->maps.contenders[i] + figures->daemon.contenders[i] + figures->core.contenders[i];
	return 0;
}

static struct series memory_series(const char *name, const char *note)
{
	return (struct series){
		.name = name, .contender = "a taken port", .unit = "bytes", .note = note, .kind = BENCH_VALUE
	};
}

int measure_many(struct sl_err *err)
{
	struct figures figures = {
		.bytes = memory_series("bytes_per_workload",
				       "the sum of the next three, of the last 90 of 100"),
		.maps = memory_series("bytes_per_workload_maps", "the kernel's own figures for the maps"),
		.daemon = memory_series("bytes_per_workload_daemon", "resident memory"),
		.core = memory_series("bytes_per_workload_core", "resident memory, no session of it"),
		.take = { .name = "take_hundredth_vs_first",
			  .contender = "the last ten of 100",
			  .baseline = "the first ten",
			  .unit = "ms",
			  .note = "by sluicectl, from its start to its end, one after the other",
			  .kind = BENCH_RATIO },
	};
	struct series *all[] = { &figures.bytes, &figures.maps, &figures.daemon, &figures.core,
				 &figures.take };
	struct workload *workloads = calloc(MANY, sizeof(*workloads));
	int r = workloads ? 0 : sl_err(err, ENOMEM, "no memory for %u workloads", MANY);

	for (unsigned int i = 0; !r && i < MANY; i++)
		r = workload_make(&workloads[i], err);
	for (unsigned int i = 0; !r && i < bench_pairs(); i++) {
		r = once(workloads, &figures, i, err);
		for (unsigned int k = 0; !r && k < sizeof(all) / sizeof(*all); k++)
			all[k]->n = i + 1;
	}
	for (unsigned int k = 0; !r && k < sizeof(all) / sizeof(*all); k++)
		report_add(all[k]);
	for (unsigned int i = 0; workloads && i < MANY && workloads[i].ns.pid; i++)
		workload_end(&workloads[i]);
	free(workloads);
	return r;
}
