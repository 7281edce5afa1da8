/* SPDX-License-Identifier: BSD-2-Clause */
/* The core's command line. Invariant: options that parsed are valid as a whole. */
#ifndef SLUICE_DPI_OPTIONS_H
#define SLUICE_DPI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dpi/replay.h"
#include "lib/err.h"
#include "lib/log.h"
#include "sluice/thresholds.h"

struct sl_options {
	const char *vth;
	const char *vtk; /* of the bulk lane; NULL: there is none */
	uint32_t queues, mtu, heartbeat_ms, busy_poll_us;
	const char *pin_dir; /* or the two descriptors, else -1 */
	int xsks_map_fd, core_map_fd, flows_map_fd;
	int control_fd, lock_fd, ready_fd; /* -1: none */
	int spare_fd; /* -1: it is to work at once; else those three come by it (dpi/spare.h) */
	const char *user; /* NULL: the default */
	bool forward_only; /* nothing is inspected */
	bool agent; /* an agent of the existing protocol has policies of its own, and is told */
	bool ports; /* no interface: sockets are handed over by a client of the control socket */
	bool say_unreachable;
	bool verdicts; /* judged flows are left to the kernel */
	bool wait_policy; /* forwards nothing before the first policy has come */
	uint32_t sessions; /* of each worker; 0: the default */
	uint32_t events_per_second; /* of a kind; 0: no limit */
	struct sl_thresholds thresholds;
	struct sl_replay
		replay; /* file: NULL unless a capture is to be replayed, and nothing else is to be done */
	enum sl_log_level log_level;
	enum sl_log_target log_target;
};

enum sl_options_what { SL_OPTIONS_RUN, SL_OPTIONS_HELP, SL_OPTIONS_VERSION };

/* enum sl_options_what, or -errno with err. Strings point into argv. */
int sl_options_parse(struct sl_options *ret, int argc, char **argv, struct sl_err *err);
void sl_options_help(FILE *out);

#endif
