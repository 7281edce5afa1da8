// SPDX-License-Identifier: BSD-2-Clause
/*
 * Small frames through the core: how many of a flood of 64-byte UDP frames are
 * delivered in a second, by sluice-dpi and by the yardstick, each behind its own
 * sluiced with a workload inline. A plain veth beside them says what the flood
 * itself can do. The flood's own processor, which has the first half of the
 * way, may be the one that limits them: so also what they deliver in a second
 * of the core's.
 */
#include "bench/bench.h"
#include "bench/lane.h"

#define FLOWS 64

int measure_udp64(struct sl_err *err)
{
	struct lane ours = LANE_NONE, yardstick = LANE_NONE, plain = LANE_NONE;
	struct flood *flood = NULL;
	int r;

	r = flood_open(&flood, err);
	r = r ?: lane_open(&plain, flood, LANE_PLAIN, AGENT_DPI, err);
	r = r ?: lane_open(&yardstick, flood, LANE_AGENT, AGENT_RING, err);
	r = r ?: lane_open(&ours, flood, LANE_AGENT, AGENT_DPI, err);
	r = r
		    ?: lane_compare(
			       "udp64_inline_vs_yardstick", &ours, "sluice inline", &yardstick, "packet ring",
			       "64-byte UDP frames delivered; both behind sluiced, one thread on CPU 1, the "
			       "flood on CPU 0",
			       err);
	r = r
		    ?: lane_compare_core("udp64_inline_core_vs_yardstick", &ours, "sluice inline", &yardstick,
					 "packet ring",
					 "64-byte UDP frames delivered in each second that the core works",
					 err);
	ours.flows = yardstick.flows = FLOWS;
	r = r
		    ?: lane_compare("udp64_inline_flows_vs_yardstick", &ours, "sluice inline", &yardstick,
				    "packet ring", "64-byte UDP frames delivered, of 64 flows in turns", err);
	r = r
		    ?: lane_compare_core("udp64_inline_flows_core_vs_yardstick", &ours, "sluice inline",
					 &yardstick, "packet ring",
					 "64-byte UDP frames delivered in each second that the core's "
					 "processor works, of "
					 "64 flows in turns",
					 err);
	ours.flows = 0;
	r = r
		    ?: lane_compare("udp64_inline_vs_plain", &ours, "sluice inline", &plain, "plain veth",
				    "64-byte UDP frames delivered", err);
	lane_close(&ours);
	lane_close(&yardstick);
	lane_close(&plain);
	flood_close(flood);
	return r;
}
