// SPDX-License-Identifier: BSD-2-Clause
/*
 * Experiments on the tc side: do tcx and clsact run a program, and what does
 * a frame look like after bpf_redirect_peer()?
 *
 * The frame is sent to the MAC of the receiving interface, so it is a
 * stranger's (PACKET_OTHERHOST) where the program meets it; a stack that got
 * it so would drop it in silence. Only what arrives as PACKET_HOST counts.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>

#include "probe.skel.h"
#include "sluiced/bpf_messages.h"
#include "sluiced/probe_lab.h"

/* What became of one kind of attachment. */
struct tc_result {
	int attach; /* 0 or -errno */
	bool ran;
	int plain, peer, bare; /* packet type on arrival, or -errno */
};

static int experiment(struct lab *lab, struct bpf_program *program, int kind, int *ret_type)
{
	int token = -1, r;

	r = lab_on(lab, bpf_program__fd(program), kind, &token);
	if (!r)
		*ret_type = lab_try(lab, lab->receiver);
	lab_off(lab, kind, token);
	return r;
}

static struct tc_result try_kind(struct lab *lab, int kind)
{
	struct tc_result result = { .plain = -ENODATA, .peer = -ENODATA, .bare = -ENODATA };

	lab->bpf->bss->probe_to = lab->near[1];
	lab->bpf->bss->probe_queue = 0;
	lab->bpf->bss->probe_tc_runs = 0;
	result.attach = experiment(lab, lab->bpf->progs.sl_probe_plain, kind, &result.plain);
	result.ran = !result.attach && lab->bpf->bss->probe_tc_runs;
	if (result.ran) {
		experiment(lab, lab->bpf->progs.sl_probe_peer, kind, &result.peer);
		experiment(lab, lab->bpf->progs.sl_probe_bare, kind, &result.bare);
	}
	return result;
}

static const char *seen(int type, char text[48])
{
	switch (type) {
	case PACKET_HOST:
		return "as PACKET_HOST";
	case PACKET_OTHERHOST:
		return "as PACKET_OTHERHOST, which a stack drops";
	case -ETIMEDOUT:
		return "not at all";
	}
	if (type < 0)
		snprintf(text, 48, "not at all (%s)", strerror(-type));
	else
		snprintf(text, 48, "as packet type %d", type);
	return text;
}

static void check_kind(const struct sl_conf *conf, int kind, const struct tc_result *result, bool other,
		       struct sl_probe *probe)
{
	const char *name = kind == SL_ATTACH_TCX ? "tcx" : "clsact";
	const char *instead = kind == SL_ATTACH_TCX ? "clsact is used instead" : "tcx is used instead";
	enum sl_check_status status = SL_CHECK_WARN;

	if (result->ran) {
		probe_check(probe, name, SL_CHECK_OK, "a program attached by %s ran", name);
		return;
	}
	if ((int)conf->attach == kind || !other)
		status = SL_CHECK_FAIL;
	probe_check(probe, name, status, "a program %s by %s%s%s: %s",
		    result->attach ? "could not be attached" : "was attached, but did not run,", name,
		    result->attach ? ": " : "",
		    result->attach == -524 ? "not supported"
		    : result->attach	   ? strerror(-result->attach)
					   : "",
		    (int)conf->attach == kind && other ? "set attach to auto"
		    : other			       ? instead
						       : "sluice cannot work here");
}

static void check_peer(const struct sl_conf *conf, const struct tc_result *result, struct sl_probe *probe)
{
	enum sl_check_status status = SL_CHECK_OK;
	char peer[48], bare[48], plain[48];

	if (!probe->redirect_peer)
		status = conf->redirect == SL_REDIRECT_PEER ? SL_CHECK_FAIL : SL_CHECK_WARN;
	probe_check(probe, "redirect_peer", status,
		    "into another namespace a frame arrives %s by bpf_redirect_peer() (without "
		    "bpf_skb_change_type() %s), "
		    "%s by bpf_redirect(): %s",
		    seen(result->peer, peer), seen(result->bare, bare), seen(result->plain, plain),
		    probe->redirect_peer ? "used" : "not used, the direct path is slower");
}

void probe_redirect(const struct sl_conf *conf, struct lab *lab, struct sl_probe *probe)
{
	struct tc_result tcx, clsact;

	bpf_messages_start();
	tcx = try_kind(lab, SL_ATTACH_TCX);
	clsact = try_kind(lab, SL_ATTACH_CLSACT);
	probe->tcx = tcx.ran;
	probe->clsact = clsact.ran;
	probe->redirect_peer = (tcx.ran || clsact.ran) && (!tcx.ran || tcx.peer == PACKET_HOST) &&
			       (!clsact.ran || clsact.peer == PACKET_HOST);
	check_kind(conf, SL_ATTACH_TCX, &tcx, clsact.ran, probe);
	check_kind(conf, SL_ATTACH_CLSACT, &clsact, tcx.ran, probe);
	check_peer(conf, tcx.ran ? &tcx : &clsact, probe);
}
