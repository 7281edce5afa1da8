// SPDX-License-Identifier: BSD-2-Clause
/* See ports.h. */
#include "bench/ports.h"

static int make(struct workload *workload, unsigned int mtu, struct sl_err *err)
{
	int r = workload_make(workload, err);

	if (r || !mtu)
		return r;
	r = lab_run(NULL, err, "ip link set %s mtu %u", workload->host_if, mtu);
	return r ?: lab_run(&workload->ns, err, "ip link set eth0 mtu %u", mtu);
}

int ports_open(struct ports *ports, enum agent_core core, const char *options, const char *mode,
	       struct sl_err *err)
{
	int r = make(&ports->ours, ports->mtu, err);

	r = r ?: make(&ports->plain, ports->mtu, err);
	r = r ?: agent_start_with(&ports->agent, core, options, err);
	return r ?: agent_intercept(&ports->agent, &ports->ours, mode, err);
}

void ports_close(struct ports *ports)
{
	agent_end(&ports->agent);
	workload_end(&ports->plain);
	workload_end(&ports->ours);
}

int ports_compare(struct ports *ports, const char *contender, struct series series, bench_measure measure,
		  struct sl_err *err)
{
	series.contender = contender;
	series.baseline = "plain veth";
	return bench_figure(&series, &(struct bench_side){ measure, &ports->ours },
			    &(struct bench_side){ measure, &ports->plain }, err);
}
