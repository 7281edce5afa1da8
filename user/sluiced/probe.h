/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this kernel does, found by doing it in throw-away namespaces, never by
 * its version number.
 *
 * Invariant: the probe leaves no interface, namespace, program or pin behind,
 * also when it fails half way.
 */
#ifndef SLUICE_SLUICED_PROBE_H
#define SLUICE_SLUICED_PROBE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/conf.h"
#include "lib/err.h"

enum sl_check_status { SL_CHECK_OK, SL_CHECK_WARN, SL_CHECK_FAIL };

struct sl_check {
	char name[32]; /* "tcx", "redirect_peer", … */
	enum sl_check_status status;
	char detail[256]; /* what was tried, what was seen, what follows from it */
};
#define SL_CHECKS_MAX 32

struct sl_probe {
	bool tcx; /* a program could be attached and ran through a tcx link */
	bool clsact;
	/*
	 * A frame redirected with bpf_redirect_peer() into another namespace arrived
	 * there and its packet type was PACKET_HOST, though its MAC was not that of
	 * the interface it came in on.
	 */
	bool redirect_peer;
	bool xdp_native; /* native XDP on veth takes frames that bpf_redirect() sent */
	bool xsk; /* an AF_XDP socket can be opened and bound in copy mode */
	bool xsk_multi_buffer; /* … with XDP_USE_SG: jumbo frames */
	bool cut_short; /* what was not found may be there all the same */
	struct sl_check check[SL_CHECKS_MAX];
	unsigned int n_checks;
};

/*
 * Runs all probes in a child process: some tenths of a second (the kernel waits
 * for RCU at each attaching), a few seconds where things fail; given up when
 * a check takes twenty. Missing features are recorded, not errors; -errno only if probing itself is impossible. Also
 * records bpffs, tracefs, BTF, the JIT and the privileges of the process.
 */
int sl_probe_run(const struct sl_conf *conf, struct sl_probe *ret, struct sl_err *err);

/*
 * Waits for the child that probes, for as long as one check follows the other within stall_ms. 0 when it has ended by
 * itself; -ETIMEDOUT or -ECHILD (it crashed), and it is gone in any case.
 */
int sl_probe_wait(pid_t pid, const struct sl_probe *probe, int stall_ms);

#endif
