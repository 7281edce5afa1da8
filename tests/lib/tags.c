// SPDX-License-Identifier: BSD-2-Clause
/* Two small programs at a clsact; see tags.h. */
#include "lib/tags.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "lib/netns.h"

#define FIRST_VID 7
#define INSNS_MAX (9 * TAGS_MAX + 4)

#define MOV(to, value)                                                                                       \
	((struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (value) })
#define COPY(to, from)                                                                                       \
	((struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from) })
#define LOAD(to, field)                                                                                      \
	((struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,                                               \
			    .dst_reg = (to),                                                                 \
			    .src_reg = BPF_REG_6,                                                            \
			    .off = offsetof(struct __sk_buff, field) })
/* Over so many instructions if it is that value. */
#define IF(reg, value, over)                                                                                 \
	((struct bpf_insn){                                                                                  \
		.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = (reg), .off = (over), .imm = (value) })
#define CALL(function) ((struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = (function) })
#define EXIT ((struct bpf_insn){ .code = BPF_JMP | BPF_EXIT })

#define DROP 2 /* TC_ACT_SHOT */
#define GO_ON -1 /* TC_ACT_UNSPEC */

static int load(const struct bpf_insn *insns, unsigned int n)
{
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tags", "GPL", insns, n, NULL);

	cr_assert_geq(fd, 0, "a program for VLAN tags: %s", strerror(-fd));
	return fd;
}

static int load_push(unsigned int n, const unsigned int *tpid)
{
	struct bpf_insn insns[INSNS_MAX];
	unsigned int at = 0;

	insns[at++] = COPY(BPF_REG_6, BPF_REG_1);
	for (unsigned int i = n; i-- > 0;) {
		insns[at++] = COPY(BPF_REG_1, BPF_REG_6);
		insns[at++] = MOV(BPF_REG_2, htons((uint16_t)tpid[i]));
		insns[at++] = MOV(BPF_REG_3, (int)(FIRST_VID + i));
		insns[at++] = CALL(BPF_FUNC_skb_vlan_push);
	}
	insns[at++] = MOV(BPF_REG_0, GO_ON);
	insns[at++] = EXIT;
	return load(insns, at);
}

/* What lacks one of the tags, or has another in its place, is dropped. */
static int load_pop(unsigned int n, const unsigned int *tpid)
{
	struct bpf_insn insns[INSNS_MAX];
	unsigned int at = 0;

	insns[at++] = COPY(BPF_REG_6, BPF_REG_1);
	insns[at++] = MOV(BPF_REG_0, DROP);
	for (unsigned int i = 0; i < n; i++) {
		insns[at++] = LOAD(BPF_REG_2, vlan_tci);
		insns[at++] = IF(BPF_REG_2, (int)(FIRST_VID + i), 1);
		insns[at++] = EXIT;
		insns[at++] = LOAD(BPF_REG_2, vlan_proto);
		insns[at++] = IF(BPF_REG_2, htons((uint16_t)tpid[i]), 1);
		insns[at++] = EXIT;
		insns[at++] = COPY(BPF_REG_1, BPF_REG_6);
		insns[at++] = CALL(BPF_FUNC_skb_vlan_pop);
		if (i + 1 < n)
			insns[at++] = MOV(BPF_REG_0, DROP);
	}
	insns[at++] = MOV(BPF_REG_0, GO_ON);
	insns[at++] = EXIT;
	return load(insns, at);
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
	cr_assert_leq(n, TAGS_MAX);
	both.ifindex = (int)link_index(ns, interface);
	rc = bpf_tc_hook_create(&both);
	cr_assert_eq(rc, 0, "clsact at %s: %s", interface, strerror(-rc));
	attach((unsigned int)both.ifindex, BPF_TC_EGRESS, load_push(n, tpid));
	attach((unsigned int)both.ifindex, BPF_TC_INGRESS, load_pop(n, tpid));
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
