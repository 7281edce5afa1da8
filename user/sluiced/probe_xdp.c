// SPDX-License-Identifier: BSD-2-Clause
/*
 * Experiment: does native XDP on a veth see what bpf_redirect() sent into the
 * other end? (Generic XDP does not, which is why native is needed.)
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include "probe.skel.h"
#include "sluiced/probe_lab.h"

static void report(const struct sl_conf *conf, bool good, const char *saw, const char *why,
		   struct sl_probe *probe)
{
	bool vital = conf->dpi == SL_DPI_INTERNAL;

	if (good)
		probe_check(
			probe, "xdp_native", SL_CHECK_OK,
			"native XDP on a veth takes the frames that bpf_redirect() sends into its other end");
	else
		probe_check(probe, "xdp_native", vital ? SL_CHECK_FAIL : SL_CHECK_WARN,
			    "native XDP on a veth %s%s%s: %s", saw, *why ? ": " : "", why,
			    vital ? "the core gets no frames, only --dpi external is left"
				  : "no matter with --dpi external");
}

void probe_xdp(const struct sl_conf *conf, struct lab *lab, struct sl_probe *probe)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int kind = probe->tcx ? SL_ATTACH_TCX : SL_ATTACH_CLSACT;
	int link, token = -1, type, r;
	bool saw;

	link = bpf_link_create(bpf_program__fd(lab->bpf->progs.sl_probe_xdp), (int)lab->tap, BPF_XDP, &opts);
	if (link < 0) {
		report(conf, false, "cannot be attached", strerror(errno), probe);
		return;
	}
	lab->bpf->bss->probe_to = lab->bridge;
	lab->bpf->bss->probe_queue = 0;
	lab->bpf->bss->probe_xdp_runs = 0;
	r = lab_on(lab, bpf_program__fd(lab->bpf->progs.sl_probe_plain), kind, &token);
	type = r ? r : lab_try(lab, lab->tap_receiver);
	lab_off(lab, kind, token);
	close(link);
	saw = lab->bpf->bss->probe_xdp_runs > 0;
	probe->xdp_native = saw && type >= 0;
	if (saw)
		report(conf, probe->xdp_native, "took a frame, but did not pass it on", "", probe);
	else if (type >= 0)
		report(conf, false, "did not see a frame that bpf_redirect() sent", "", probe);
	else
		report(conf, false, "could not be tried: no frame arrived", strerror(-type), probe);
}
