// SPDX-License-Identifier: BSD-2-Clause
/* Legs without a record; see orphans.h for the invariant. */
#include "sluiced/orphans.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/link.h"
#include "netlink/nsid.h"

#define ORPHANS_MAX 256 /* at once; the next run finds the rest */

struct leg {
	struct link_info vex, vin; /* vin.ifindex 0: gone */
	struct sl_port entry; /* of the map, all zero if it has none */
};

struct legs {
	const struct instance *inst;
	struct leg item[ORPHANS_MAX];
	unsigned int n;
};

static int visit_vex(void *context, const struct link_info *link)
{
	struct legs *legs = context;

	if (strncmp(link->name, "vex", 3) != 0 || !link->mac_valid || legs->n == ORPHANS_MAX ||
	    workloads_by_leg(legs->inst->workloads, link->name))
		return 0;
	memset(&legs->item[legs->n], 0, sizeof(legs->item[0]));
	legs->item[legs->n++].vex = *link;
	return 0;
}

/* Its partner, and what the map says. */
static void complete(const struct instance *inst, struct leg *leg)
{
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "vin%.12s", leg->vex.name + 3);
	if (link_find(inst->nls, name, 0, &leg->vin, NULL) || strcmp(leg->vin.kind, "veth") != 0)
		memset(&leg->vin, 0, sizeof(leg->vin));
	if (inst->maps.ports < 0 || bpf_map_lookup_elem(inst->maps.ports, &leg->vex.ifindex, &leg->entry) ||
	    leg->entry.program != SL_PROG_VEX)
		memset(&leg->entry, 0, sizeof(leg->entry));
}

/* Is the far end of `leg`, an interface of the agent's, in that namespace? The kernel must say so of both. */
static bool holds_far_end(const struct instance *inst, int ns, const struct link_info *leg,
			  struct link_info *ret)
{
	struct sl_netns_id id;
	struct nls *nls;
	bool same, is;
	__s32 nsid;

	if (sl_netns_id(ns, &id) || nls_open(&nls, ns, "a namespace", NULL))
		return false;
	same = sl_netns_same(&id, &inst->agent_id);
	is = !link_find(nls, NULL, leg->peer_ifindex, ret, NULL) && !strcmp(ret->kind, "veth") &&
	     ret->peer_ifindex == leg->ifindex && ret->mac_valid;
	if (is && same)
		is = ret->peer_nsid < 0 && leg->peer_nsid < 0;
	else if (is)
		is = !nsid_of(nls, inst->agent_ns, &nsid, NULL) && nsid >= 0 && nsid == ret->peer_nsid;
	nls_close(nls);
	return is;
}

/* Every namespace that a process is in or that has a name, one after the other. Descriptor or -ENOENT. */
static int search_folder(const struct instance *inst, const char *folder, const char *suffix,
			 const struct link_info *leg, struct link_info *ret)
{
	struct sl_netns_id id, last = { 0 };
	char path[SL_PATH_LEN];
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int fd = -ENOENT;

	while (dir && fd < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    (*suffix && (entry->d_name[0] < '0' || entry->d_name[0] > '9')))
			continue;
		snprintf(path, sizeof(path), "%s/%.64s%s", folder, entry->d_name, suffix);
		fd = sl_netns_open_name(path, NULL);
		if (fd < 0)
			continue;
		/* Most processes are where the one before is. */
		if (sl_netns_id(fd, &id) || sl_netns_same(&id, &last) || !holds_far_end(inst, fd, leg, ret)) {
			last = id;
			close(fd);
			fd = -ENOENT;
		}
	}
	if (dir)
		closedir(dir);
	return fd;
}

/* The namespace of the far end, first of all that of `pid`. Descriptor or -ENOENT, then *ret is all zero. */
static int find_far_end(const struct instance *inst, const struct link_info *leg, pid_t pid,
			struct link_info *ret)
{
	int fd = sl_netns_open_pid(pid, NULL);

	if (fd >= 0 && holds_far_end(inst, fd, leg, ret))
		return fd;
	if (fd >= 0)
		close(fd);
	fd = search_folder(inst, "/run/netns", "", leg, ret);
	if (fd < 0)
		fd = search_folder(inst, "/run/docker/netns", "", leg, ret);
	if (fd < 0)
		fd = search_folder(inst, "/proc", "/ns/net", leg, ret);
	if (fd < 0)
		memset(ret, 0, sizeof(*ret));
	return fd;
}

static bool same_mac(const struct link_info *a, const struct link_info *b)
{
	return a->mac_valid && b->mac_valid && !memcmp(a->mac, b->mac, SL_MAC_LEN);
}

/*
 * Where the port belongs: behind vin; if that is gone, where the name says, if
 * the map knows the leg. By the workload's side vex's address is behind vin, by
 * the host's side vin's is behind vex: nothing else is like that.
 * ret_host: the host end, all zero by the workload's side; its namespace is *ret_host_ns.
 */
static int find_home(const struct instance *inst, const struct leg *leg, struct link_info *ret_far,
		     struct link_info *ret_host, struct sl_netns_id *ret_host_ns)
{
	pid_t pid = (pid_t)strtoul(leg->vex.name + 3, NULL, 16);
	int fd, host;

	memset(ret_host, 0, sizeof(*ret_host));
	memset(ret_far, 0, sizeof(*ret_far));
	if (!leg->vin.ifindex)
		return leg->entry.workload.id ? sl_netns_open_pid(pid, NULL) : -ENOENT;
	fd = find_far_end(inst, &leg->vin, pid, ret_far);
	if (fd < 0 || same_mac(&leg->vex, ret_far))
		return fd;
	host = find_far_end(inst, &leg->vex, 1, ret_host);
	if (host >= 0 && same_mac(&leg->vin, ret_host) && !sl_netns_id(host, ret_host_ns)) {
		close(host);
		return fd;
	}
	if (host >= 0)
		close(host);
	close(fd);
	return -ENOENT;
}

/* The substitute has it, unless it is only being prepared or is set aside; then the leg's name has it. */
static const char *port_name(const struct leg *leg, const struct link_info *substitute)
{
	const char *dash = strchr(leg->vex.name, '-');

	if (*substitute->name && strncmp(substitute->name, "sluice", 6) != 0)
		return substitute->name;
	return dash ? dash + 1 : "eth0";
}

static int enlist(struct instance *inst, const struct leg *leg, bool reserved, struct sl_err *err)
{
	__u32 id = leg->entry.workload.id;
	struct link_info substitute, host;
	struct sl_netns_id host_ns;
	struct workload *w;
	int ns, r;

	if (id && workloads_is_reserved(inst->workloads, id) && !reserved)
		return 0;
	ns = find_home(inst, leg, &substitute, &host, &host_ns);
	if (ns < 0)
		return 0;
	workloads_unreserve(inst->workloads, id);
	if (id && workloads_by_id(inst->workloads, id))
		id = 0;
	r = workloads_add(inst->workloads, id, &w, err);
	if (!r)
		r = sl_netns_id(ns, &w->port.workload_ns);
	close(ns);
	if (r)
		return r;
	snprintf(w->port.name, sizeof(w->port.name), "%s", port_name(leg, &substitute));
	snprintf(w->port.vex_name, sizeof(w->port.vex_name), "%s", leg->vex.name);
	snprintf(w->port.vin_name, sizeof(w->port.vin_name), "vin%.12s", leg->vex.name + 3);
	w->port.vex_ifindex = leg->vex.ifindex;
	w->port.vin_ifindex = leg->vin.ifindex;
	w->port.port_ifindex = substitute.ifindex;
	w->port.mtu = leg->vex.mtu;
	memcpy(w->port.mac, host.ifindex ? substitute.mac : leg->vex.mac, SL_MAC_LEN);
	if (host.ifindex) {
		w->port.side = PORT_SIDE_HOST;
		w->port.original_ifindex = substitute.ifindex;
		w->port.host_ns = host_ns;
		w->port.host_ifindex = host.ifindex;
		strcpy(w->port.host_name, host.name);
	}
	snprintf(w->target, sizeof(w->target), "net:[%lu]", (unsigned long)w->port.workload_ns.ino);
	w->taken = false;
	return 1;
}

int orphans_enlist(struct instance *inst, bool reserved, struct sl_err *err)
{
	struct legs *legs = calloc(1, sizeof(*legs));
	int r, found = 0;

	if (!legs)
		return sl_err(err, ENOMEM, "no memory to look for ports without a record");
	legs->inst = inst;
	r = link_list(inst->nls, visit_vex, legs, err);
	for (unsigned int i = 0; r >= 0 && i < legs->n; i++) {
		complete(inst, &legs->item[i]);
		r = enlist(inst, &legs->item[i], reserved, err);
		found += r > 0;
	}
	free(legs);
	return r < 0 ? r : found;
}
