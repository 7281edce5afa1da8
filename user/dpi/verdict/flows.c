// SPDX-License-Identifier: BSD-2-Clause
/* See flows.h. Each call is one system call; none is made for a packet of a flow that has its verdict. */
#include "dpi/verdict/flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

static void add(uint64_t *figure)
{
	__atomic_store_n(figure, *figure + 1, __ATOMIC_RELAXED);
}

int sl_flows_open(struct sl_flows *ret, int fd, uint16_t queue, uint32_t workers, struct sl_err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return sl_errno(err, errno, "descriptor %d: not a BPF map, expected %s", fd, SL_MAP_FLOWS);
	*ret = (struct sl_flows){ .fd = fd, .queue = queue, .room = info.max_entries / workers };
	return 0;
}

void sl_flows_key(const struct sl_session *session, struct sl_flow_key *ret)
{
	const struct sl_tuple *t = &session->tuple;
	const struct sl_addr *workload = session->ingress ? &t->destination : &t->source;
	const struct sl_addr *remote = session->ingress ? &t->source : &t->destination;
	struct sl_flow_key key = {
		.workload_port = htons(session->ingress ? t->destination_port : t->source_port),
		.remote_port = htons(session->ingress ? t->source_port : t->destination_port),
		.workload = session->workload,
		.family = t->family,
		.protocol = t->protocol,
	};

	memcpy(key.workload_addr, workload->byte, sizeof(key.workload_addr));
	memcpy(key.remote_addr, remote->byte, sizeof(key.remote_addr));
	*ret = key;
}

void sl_flows_tuple(const struct sl_flow_key *key, bool ingress, struct sl_tuple *ret)
{
	struct sl_tuple tuple = { .protocol = key->protocol, .family = key->family };
	struct sl_addr *workload = ingress ? &tuple.destination : &tuple.source;
	struct sl_addr *remote = ingress ? &tuple.source : &tuple.destination;

	memcpy(workload->byte, key->workload_addr, sizeof(workload->byte));
	memcpy(remote->byte, key->remote_addr, sizeof(remote->byte));
	tuple.source_port = ntohs(ingress ? key->remote_port : key->workload_port);
	tuple.destination_port = ntohs(ingress ? key->workload_port : key->remote_port);
	*ret = tuple;
}

int sl_flows_put(struct sl_flows *flows, const struct sl_flow_key *key, struct sl_flow *flow, bool is_new)
{
	int r;

	if (is_new && flows->used >= flows->room) {
		add(&flows->no_room);
		return -ENOSPC;
	}
	flow->check = sl_flow_check(key, flow->verdict, flow->generation);
	r = bpf_map_update_elem(flows->fd, key, flow, BPF_ANY);
	if (r < 0) {
		add(&flows->no_room);
		return r == -E2BIG || r == -ENOMEM ? -ENOSPC : r;
	}
	flows->used += is_new;
	add(&flows->given);
	return 0;
}

int sl_flows_look(const struct sl_flows *flows, const struct sl_flow_key *key, struct sl_flow *ret)
{
	return bpf_map_lookup_elem(flows->fd, key, ret);
}

int sl_flows_take(struct sl_flows *flows, const struct sl_flow_key *key, struct sl_flow *ret)
{
	int r = bpf_map_lookup_and_delete_elem(flows->fd, key, ret);

	if (flows->used)
		flows->used--;
	if (r == -ENOENT)
		add(&flows->lost);
	return r;
}
