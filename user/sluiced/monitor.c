// SPDX-License-Identifier: BSD-2-Clause
/* Link events; see monitor.h for the invariant. */
#include "sluiced/monitor.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sluiced/intercept.h"
#include "sluiced/supervise.h"

struct monitor {
	struct source source;
	struct instance *inst;
};

static void check_workload(struct instance *inst, struct workload *w)
{
	struct port_taken found = w->port;
	struct sl_err err;
	int r;

	r = port_find(&found, inst->agent_ns, &err);
	if (r && r != -ENODEV) {
		sl_warn("id %u: %s", w->id, err.text);
		return;
	}
	/* The same names may be on other interfaces meanwhile. */
	if (!r && found.vex_ifindex == w->port.vex_ifindex && found.vin_ifindex == w->port.vin_ifindex)
		return;
	drop_dead(inst, w, "an interface of it has vanished");
}

static void check_bridge(struct instance *inst)
{
	struct sl_err err;

	if (if_nametoindex(inst->conf.vbr) == inst->bridge.vbr_ifindex &&
	    if_nametoindex(inst->conf.vth) == inst->bridge.vth_ifindex &&
	    (!inst->bridge.vbk_ifindex || (if_nametoindex(inst->conf.vbk) == inst->bridge.vbk_ifindex &&
					   if_nametoindex(inst->conf.vtk) == inst->bridge.vtk_ifindex)))
		return;
	sl_error("%s/%s or %s/%s has vanished: making it again", inst->conf.vbr, inst->conf.vth,
		 inst->conf.vbk, inst->conf.vtk);
	if (instance_bridge_up(inst, &err))
		sl_error("%s; nothing can be inspected until sluiced is started again", err.text);
	core_restart(inst->core, "the interface it read is gone");
}

/* NULL: it is none of the two pairs. */
static const char *bridge_name(const struct instance *inst, __u32 ifindex)
{
	const struct sl_bridge *bridge = &inst->bridge;

	return !ifindex				? NULL
	       : ifindex == bridge->vbr_ifindex ? inst->conf.vbr
	       : ifindex == bridge->vth_ifindex ? inst->conf.vth
	       : ifindex == bridge->vbk_ifindex ? inst->conf.vbk
	       : ifindex == bridge->vtk_ifindex ? inst->conf.vtk
						: NULL;
}

static void link_gone(struct instance *inst, __u32 ifindex)
{
	struct workload *w = workloads_by_ifindex(inst->workloads, ifindex);

	if (w)
		check_workload(inst, w);
	else if (bridge_name(inst, ifindex))
		check_bridge(inst);
}

/*
 * Whoever sets one of them down cuts off what is inspected: the programs send to it as long as the core lives. To
 * have traffic pass by the core there is mode off.
 */
static void link_changed(struct instance *inst, const struct ifinfomsg *link)
{
	__u32 ifindex = (__u32)link->ifi_index;
	struct sl_err err;

	if (link->ifi_flags & IFF_UP || !bridge_name(inst, ifindex))
		return;
	sl_warn("%s was set down: setting it up again (sluicectl mode --all off lets traffic pass without "
		"it)",
		bridge_name(inst, ifindex));
	if (instance_bridge_up(inst, &err))
		sl_error("%s; nothing can be inspected until it is up", err.text);
}

/* Events were lost: look at everything. */
static void check_all(struct instance *inst)
{
	struct workload *w;
	__u32 id = 0;

	while ((w = workloads_next(inst->workloads, id))) {
		id = w->id;
		check_workload(inst, w);
	}
	check_bridge(inst);
}

static void on_event(struct source *source, __u32 events)
{
	struct instance *inst = container_of(source, struct monitor, source)->inst;
	char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	struct nlmsghdr *message = (struct nlmsghdr *)buffer;
	int len;

	(void)events;
	len = recvfrom(source->fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
	if (len < 0 && errno == ENOBUFS)
		check_all(inst);
	/* Only the kernel is believed. */
	if (len <= 0 || from.nl_pid || inst->ending)
		return;
	for (; NLMSG_OK(message, (__u32)len); message = NLMSG_NEXT(message, len)) {
		if (message->nlmsg_type == RTM_DELLINK)
			link_gone(inst, ((struct ifinfomsg *)NLMSG_DATA(message))->ifi_index);
		else if (message->nlmsg_type == RTM_NEWLINK)
			link_changed(inst, NLMSG_DATA(message));
	}
}

int monitor_open(struct instance *inst, struct sl_err *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return sl_err(err, ENOMEM, "no memory for the link monitor");
	monitor->inst = inst;
	monitor->source.ready = on_event;
	/* The process is in the agent's namespace, and so the socket. */
	monitor->source.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (monitor->source.fd < 0 || bind(monitor->source.fd, (struct sockaddr *)&addr, sizeof(addr)))
		r = sl_errno(err, errno, "cannot watch the interfaces of %s", instance_netns(inst));
	else
		r = loop_add(&inst->loop, &monitor->source, "the interfaces", err);
	if (r) {
		source_close(&inst->loop, &monitor->source);
		free(monitor);
		return r;
	}
	inst->monitor = monitor;
	return 0;
}

void monitor_close(struct instance *inst)
{
	if (!inst->monitor)
		return;
	source_close(&inst->loop, &inst->monitor->source);
	free(inst->monitor);
	inst->monitor = NULL;
}
