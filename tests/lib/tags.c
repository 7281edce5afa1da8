// SPDX-License-Identifier: BSD-2-Clause
/* Two small programs at a clsact; see tags.h. */
#include "lib/tags.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "lib/netns.h"

#define FIRST_VID 7
#define INSNS_MAX (4 * TAGS_MAX + 3)

#define MOV(to, value)                                                                                       \
	((struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (value) })
#define COPY(to, from)                                                                                       \
	((struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from) })
#define CALL(function) ((struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = (function) })
#define EXIT ((struct bpf_insn){ .code = BPF_JMP | BPF_EXIT })

/* tpid NULL: n tags off; the frame goes on (TC_ACT_UNSPEC) in any case. */
static int load(unsigned int n, const unsigned int *tpid)
{
	struct bpf_insn insns[INSNS_MAX];
	unsigned int at = 0;
	int fd;

	cr_assert_leq(n, TAGS_MAX);
	insns[at++] = COPY(BPF_REG_6, BPF_REG_1);
	for (unsigned int i = n; i-- > 0;) {
		insns[at++] = COPY(BPF_REG_1, BPF_REG_6);
		if (tpid) {
			insns[at++] = MOV(BPF_REG_2, htons((uint16_t)tpid[i]));
			insns[at++] = MOV(BPF_REG_3, (int)(FIRST_VID + i));
		}
		insns[at++] = CALL(tpid ? BPF_FUNC_skb_vlan_push : BPF_FUNC_skb_vlan_pop);
	}
	insns[at++] = MOV(BPF_REG_0, -1);
	insns[at++] = EXIT;
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tags", "GPL", insns, at, NULL);
	cr_assert_geq(fd, 0, "a program for VLAN tags: %s", strerror(-fd));
	return fd;
}

static void attach(unsigned int ifindex, enum bpf_tc_attach_point point, int fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = 1, .priority = 1, .prog_fd = fd);
	int rc = bpf_tc_attach(&hook, &filter);

	cr_assert_eq(rc, 0, "VLAN tags: %s", strerror(-rc));
	close(fd);
}

void tags_on(struct ns *ns, const char *interface, unsigned int n, const unsigned int *tpid)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int token = sl_netns_enter(ns->fd, NULL), rc;

	cr_assert_geq(token, 0);
	both.ifindex = (int)link_index(ns, interface);
	rc = bpf_tc_hook_create(&both);
	cr_assert_eq(rc, 0, "clsact at %s: %s", interface, strerror(-rc));
	attach((unsigned int)both.ifindex, BPF_TC_EGRESS, load(n, tpid));
	attach((unsigned int)both.ifindex, BPF_TC_INGRESS, load(n, NULL));
	sl_netns_leave(token);
}

void tags_off(struct ns *ns, const char *interface)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int token = sl_netns_enter(ns->fd, NULL), rc;

	cr_assert_geq(token, 0);
	both.ifindex = (int)link_index(ns, interface);
	rc = bpf_tc_hook_destroy(&both);
	sl_netns_leave(token);
	cr_assert_eq(rc, 0, "clsact at %s: %s", interface, strerror(-rc));
}
