// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making, adopting and tuning vbr/vth and vbk/vtk; see bridge.h for the invariants.
 *
 * Adopting is what a restart relies on: a pair that is right is touched only
 * by settings that are idempotent, so frames in flight and the XDP program on
 * vth stay.
 */
#include "sluiced/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/ethtool.h"
#include "lib/sysctl.h"
#include "netlink/link.h"

/*
 * Whatever leaves work for later: a core that reads frames off AF_XDP sees
 * bytes, not the skb's notes beside them. Without the two of VLAN the outermost
 * tag would stay in such a note and be gone from the frame. Scatter-gather may
 * stay: native XDP on the far end copies such frames into pages of its own.
 */
static const char *const off_on_vbr[] = {
	"tx-checksum-ip-generic",
	"tx-checksum-ipv4",
	"tx-checksum-ipv6",
	"tx-checksum-sctp",
	"tx-checksum-fcoe-crc",
	"tx-tcp-segmentation",
	"tx-tcp-ecn-segmentation",
	"tx-tcp-mangleid-segmentation",
	"tx-tcp6-segmentation",
	"tx-tcp-accecn-segmentation",
	"tx-generic-segmentation",
	"tx-udp-segmentation",
	"tx-sctp-segmentation",
	"tx-gso-list",
	"tx-gso-partial",
	"tx-gso-robust",
	"tx-gre-segmentation",
	"tx-gre-csum-segmentation",
	"tx-ipxip4-segmentation",
	"tx-ipxip6-segmentation",
	"tx-udp_tnl-segmentation",
	"tx-udp_tnl-csum-segmentation",
	"tx-tunnel-remcsum-segmentation",
	"tx-esp-segmentation",
	"tx-fcoe-segmentation",
	"tx-vlan-hw-insert",
	"tx-vlan-stag-hw-insert",
};
#define N_OFF (sizeof(off_on_vbr) / sizeof(off_on_vbr[0]))

/* What lets super-frames and open checksums through. */
static const char *const on_on_vbk[] = {
	"tx-checksum-ip-generic", "tx-scatter-gather",	     "tx-scatter-gather-fraglist",
	"tx-tcp-segmentation",	  "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation",
	"tx-tcp6-segmentation",	  "tx-generic-segmentation", "tx-udp-segmentation",
};
#define N_ON (sizeof(on_on_vbk) / sizeof(on_on_vbk[0]))

struct pair {
	const char *outer, *inner; /* vbr and vth, or vbk and vtk */
	const char *options; /* by which they get other names */
};

static struct pair frames_pair(const struct sl_conf *conf)
{
	return (struct pair){ conf->vbr, conf->vth, "--vbr, --vth" };
}

static struct pair bulk_pair(const struct sl_conf *conf)
{
	return (struct pair){ conf->vbk, conf->vtk, "--vbk, --vtk" };
}

/* No station of its own: no addresses, no neighbours, nothing of its own making on the wire. */
static int silence(const char *name, struct sl_err *err)
{
	char path[80];
	int rc;

	snprintf(path, sizeof(path), "net/ipv6/conf/%s/disable_ipv6", name);
	rc = sl_sysctl_write(path, "1", err);
	return rc == -ENOENT ? 0 : rc;
}

static int tune(struct nls *nls, const struct link_info *link, __u32 mtu, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	int rc;

	rc = silence(link->name, err);
	if (rc)
		return rc;
	if (link->mtu != mtu)
		change.mtu = mtu;
	change.flags_set = IFF_NOARP;
	change.up = 1;
	return link_change(nls, link->ifindex, &change, err);
}

/* 0, or -EEXIST with what is in the way of adopting the pair. */
static int check_shape(const struct sl_conf *conf, const struct pair *pair, const struct link_info *outer,
		       const struct link_info *inner, struct sl_err *err)
{
	const struct link_info *both[] = { outer, inner };
	unsigned int i, rx, tx;
	int rc;

	for (i = 0; i < 2; i++) {
		const struct link_info *other = both[1 - i];

		if (strcmp(both[i]->kind, "veth"))
			return sl_err(err, EEXIST,
				      "%s exists and is no veth; rename it, or choose other names (%s)",
				      both[i]->name, pair->options);
		if (both[i]->peer_ifindex != other->ifindex || both[i]->peer_nsid >= 0)
			return sl_err(
				err, EEXIST,
				"%s exists, but %s is not its far end; remove it, or choose other names "
				"(%s)",
				both[i]->name, other->name, pair->options);
		if (both[i]->master)
			return sl_err(err, EEXIST,
				      "%s exists and is a port of another interface; take it out",
				      both[i]->name);
		rc = sl_ethtool_queues(both[i]->name, &rx, &tx, err);
		if (rc)
			return rc;
		if (rx != conf->workers || tx != conf->workers)
			return sl_err(
				err, EEXIST,
				"%s exists with %u receive and %u transmit queues instead of %u; start with "
				"--workers %u or remove it (ip link del %s)",
				both[i]->name, rx, tx, conf->workers, rx, outer->name);
	}
	return 0;
}

static int create(struct nls *nls, const struct sl_conf *conf, const struct pair *pair, struct sl_err *err)
{
	struct veth_end outer = {
		.name = pair->outer,
		.netns_fd = -1,
		.mtu = conf->mtu,
		.queues = conf->workers,
	};
	struct veth_end inner = outer;

	inner.name = pair->inner;
	return link_create_veth(nls, &outer, &inner, err);
}

/* 0 with both, -ENODEV if neither is there, -EEXIST if only one is. */
static int find_both(struct nls *nls, const struct pair *pair, struct link_info *outer,
		     struct link_info *inner, struct sl_err *err)
{
	int first, second;

	first = link_find(nls, pair->outer, 0, outer, err);
	if (first && first != -ENODEV)
		return first;
	second = link_find(nls, pair->inner, 0, inner, err);
	if (second && second != -ENODEV)
		return second;
	if (first != second)
		return sl_err(err, EEXIST,
			      "%s exists without %s in %s; remove it, or choose other names (%s)",
			      first ? pair->inner : pair->outer, first ? pair->outer : pair->inner,
			      nls_label(nls), pair->options);
	return first;
}

/* Makes the pair or adopts it, has `prepare` switch the outer end's offloads, tunes and brings up both. */
static int ensure(const struct sl_conf *conf, const struct pair *pair,
		  int (*prepare)(const char *outer, struct sl_err *err), struct link_info *outer,
		  struct link_info *inner, bool *ret_adopted, struct sl_err *err)
{
	struct nls *nls = NULL;
	bool adopted = true;
	int rc;

	rc = nls_open(&nls, -1, "the agent's namespace", err);
	if (rc)
		return rc;
	rc = find_both(nls, pair, outer, inner, err);
	if (rc == -ENODEV) {
		adopted = false;
		rc = create(nls, conf, pair, err);
		if (!rc)
			rc = find_both(nls, pair, outer, inner, err);
	} else if (!rc) {
		rc = check_shape(conf, pair, outer, inner, err);
	}
	if (!rc)
		rc = prepare(pair->outer, err);
	if (!rc)
		rc = tune(nls, outer, conf->mtu, err);
	if (!rc)
		rc = tune(nls, inner, conf->mtu, err);
	if (rc && !adopted && !link_find(nls, pair->outer, 0, outer, NULL))
		/* Ours from a moment ago, and of no use half made. */
		link_delete(nls, outer->ifindex, NULL);
	nls_close(nls);
	if (!rc)
		*ret_adopted = adopted;
	return rc;
}

static int switch_off(const char *vbr, struct sl_err *err)
{
	return sl_ethtool_set(vbr, off_on_vbr, N_OFF, false, err);
}

static int switch_on(const char *vbk, struct sl_err *err)
{
	return sl_ethtool_set(vbk, on_on_vbk, N_ON, true, err);
}

int sl_bridge_ensure(const struct sl_conf *conf, struct sl_bridge *ret, struct sl_err *err)
{
	struct sl_bridge bridge = { .mtu = conf->mtu, .queues = conf->workers };
	const struct pair pair = frames_pair(conf);
	struct link_info vbr, vth;
	int rc;

	rc = ensure(conf, &pair, switch_off, &vbr, &vth, &bridge.adopted, err);
	if (rc)
		return rc;
	bridge.vbr_ifindex = vbr.ifindex;
	bridge.vth_ifindex = vth.ifindex;
	*ret = bridge;
	return 0;
}

int sl_bridge_ensure_bulk(const struct sl_conf *conf, struct sl_bridge *bridge, struct sl_err *err)
{
	const struct pair pair = bulk_pair(conf);
	struct link_info vbk, vtk;
	int rc;

	rc = ensure(conf, &pair, switch_on, &vbk, &vtk, &bridge->bulk_adopted, err);
	if (rc)
		return rc;
	bridge->vbk_ifindex = vbk.ifindex;
	bridge->vtk_ifindex = vtk.ifindex;
	return 0;
}

static int remove_pair(const struct pair *pair, struct sl_err *err)
{
	struct link_info outer, inner;
	struct nls *nls = NULL;
	int rc;

	rc = nls_open(&nls, -1, "the agent's namespace", err);
	if (rc)
		return rc;
	rc = find_both(nls, pair, &outer, &inner, err);
	if (!rc && (strcmp(outer.kind, "veth") || outer.peer_ifindex != inner.ifindex))
		rc = sl_err(err, EEXIST, "%s and %s are not the pair sluiced made; left alone", pair->outer,
			    pair->inner);
	if (!rc)
		rc = link_delete(nls, outer.ifindex, err);
	nls_close(nls);
	return rc == -ENODEV ? 0 : rc;
}

int sl_bridge_remove(const struct sl_conf *conf, struct sl_err *err)
{
	const struct pair pair = frames_pair(conf);

	return remove_pair(&pair, err);
}

int sl_bridge_remove_bulk(const struct sl_conf *conf, struct sl_err *err)
{
	const struct pair pair = bulk_pair(conf);

	return remove_pair(&pair, err);
}
