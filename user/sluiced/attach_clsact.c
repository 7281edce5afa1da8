// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs attached as a filter on clsact ingress, for kernels without tcx.
 *
 * Invariants: only the filter of our handle and priority that runs a program
 * of our name is ever replaced or removed. The qdisc goes only if we made it
 * and no other filter is on either side of it.
 *
 * What we did is noted as empty folders on the BPF file system, which lives
 * exactly as long as the kernel's state it speaks of:
 *
 *	links/<program>-<ifindex>-clsact         our filter is, or may be, there
 *	links/<program>-<ifindex>-clsact/qdisc   and we made the qdisc for it
 *
 * Both are made before what they note, and removed after it. A note without
 * a filter (a crash, or a new interface with an old number) is worth nothing
 * and is dropped: then an empty qdisc may stay behind, which harms nobody,
 * whereas to remove one that was made by others would.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netlink/session.h"
#include "sluiced/attach_hook.h"
#include "sluiced/bpf_messages.h"

#define OUR_HANDLE 1
#define OUR_PRIORITY 49152 /* behind what people number by hand, before nobody knows what */

struct notes {
	char filter[SL_PATH_LEN];
	char qdisc[SL_PATH_LEN];
};

static int notes_paths(const struct hook *hook, struct notes *notes, struct sl_err *err)
{
	int r = hook_path(hook, "-clsact", notes->filter, err);

	return r ? r : hook_path(hook, "-clsact/qdisc", notes->qdisc, err);
}

static int note(const char *path, struct sl_err *err)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return sl_errno(err, errno, "cannot make the folder %s", path);
	return 0;
}

static int forget(const char *path, struct sl_err *err)
{
	if (rmdir(path) && errno != ENOENT)
		return sl_errno(err, errno, "cannot remove the folder %s", path);
	return 0;
}

static int forget_all(const struct notes *notes, struct sl_err *err)
{
	int r = forget(notes->qdisc, err);

	return r ? r : forget(notes->filter, err);
}

static int fail(const struct hook *hook, const char *what, int code, struct sl_err *err)
{
	const char *said = bpf_messages_first();
	char text[HOOK_TEXT_LEN];

	hook_text(hook, text);
	return sl_err(err, code, "cannot %s %s by clsact: %s%s%s%s", what, text, strerror(code),
		      *said ? " (" : "", said, *said ? ")" : "");
}

static struct bpf_tc_hook tc_hook(const struct hook *hook)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)hook->ifindex,
		.attach_point = BPF_TC_INGRESS,
	};
}

static int runs_our_name(const struct hook *hook, __u32 prog_id)
{
	char name[SL_PROG_NAME_LEN];
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd, r;

	fd = bpf_prog_get_fd_by_id(prog_id);
	if (fd < 0)
		return -errno;
	r = bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : 0;
	close(fd);
	sl_prog_name(hook->prog, name);
	return r ? r : !strncmp(info.name, name, sizeof(info.name));
}

/* 1: our filter is there and runs *ret_id; 0: nothing is; -EEXIST: something of others; other -errno. */
static int query(const struct hook *hook, __u32 *ret_id)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = OUR_HANDLE, .priority = OUR_PRIORITY);
	struct bpf_tc_hook tc = tc_hook(hook);
	int r;

	bpf_messages_start();
	r = bpf_tc_query(&tc, &opts);
	bpf_messages_start(); /* "not found" is an answer here, not a complaint */
	if (r == -ENOENT || r == -EINVAL || r == -ENODEV) /* no filter; no qdisc; no interface */
		return 0;
	if (r)
		return r;
	r = runs_our_name(hook, opts.prog_id);
	if (r > 0)
		*ret_id = opts.prog_id;
	return r ? r : -EEXIST;
}

static int query_failed(const struct hook *hook, int r, struct sl_err *err)
{
	char text[HOOK_TEXT_LEN];

	if (r != -EEXIST)
		return fail(hook, "read back the filter for", -r, err);
	hook_text(hook, text);
	return sl_err(err, EEXIST,
		      "cannot attach %s by clsact: a filter of others has priority %d, handle %d: remove it, "
		      "or use "
		      "--attach tcx",
		      text, OUR_PRIORITY, OUR_HANDLE);
}

static int count_other(void *context, struct nlmsghdr *message)
{
	const struct tcmsg *body = nlmsg_data(message);
	unsigned int *others = context;
	bool head = true;

	if (message->nlmsg_type != RTM_NEWTFILTER || !nlmsg_valid_hdr(message, sizeof(*body)))
		return 0;
	/* A priority in use is announced by a message without options, then comes each of its filters. */
	if (nlmsg_find_attr(message, sizeof(*body), TCA_OPTIONS))
		head = false;
	if (TC_H_MAJ(body->tcm_info) >> 16 == OUR_PRIORITY && (head || body->tcm_handle == OUR_HANDLE) &&
	    body->tcm_parent == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS))
		return 0;
	(*others)++;
	return 0;
}

/* How many filters of others are on both sides of the qdisc. */
static int count_others(const struct hook *hook, unsigned int *ret, struct sl_err *err)
{
	static const __u32 sides[] = { TC_H_MIN_INGRESS, TC_H_MIN_EGRESS };
	unsigned int others = 0, i;
	struct nls *nls;
	int r;

	r = nls_open(&nls, -1, "the current namespace", err);
	for (i = 0; !r && i < 2; i++) {
		struct tcmsg body = {
			.tcm_ifindex = (int)hook->ifindex,
			.tcm_parent = TC_H_MAKE(TC_H_CLSACT, sides[i]),
		};
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP);

		if (msg && nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO)) {
			nlmsg_free(msg);
			msg = NULL;
		}
		r = nls_dump(nls, msg, count_other, &others, err, "list the filters of interface %u",
			     hook->ifindex);
		if (i == 1 || r)
			nls_close(nls);
	}
	if (!r)
		*ret = others;
	return r;
}

/* Removes our filter, by removing the qdisc if that is ours and serves nobody else. */
static int take_away(const struct hook *hook, const struct notes *notes, struct sl_err *err)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = OUR_HANDLE, .priority = OUR_PRIORITY);
	struct bpf_tc_hook tc = tc_hook(hook);
	unsigned int others = 1;
	int r;

	if (!access(notes->qdisc, F_OK)) {
		r = count_others(hook, &others, err);
		if (r)
			return r;
	}
	bpf_messages_start();
	if (others) {
		r = bpf_tc_detach(&tc, &opts);
	} else {
		tc.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* both: the qdisc itself */
		r = bpf_tc_hook_destroy(&tc);
	}
	if (r && r != -ENOENT && r != -ENODEV)
		return fail(hook, "detach", -r, err);
	return 0;
}

static int make_qdisc(const struct hook *hook, const struct notes *notes, struct sl_err *err)
{
	struct bpf_tc_hook tc = tc_hook(hook);
	int r;

	r = forget(notes->qdisc, err); /* of a filter that is gone */
	if (!r)
		r = note(notes->filter, err);
	if (!r)
		r = note(notes->qdisc, err);
	if (r)
		return r;
	bpf_messages_start();
	r = bpf_tc_hook_create(&tc);
	if (r == -EEXIST)
		return forget(notes->qdisc, err);
	if (r) {
		r = fail(hook, "make the qdisc for", -r, err);
		forget_all(notes, NULL);
	}
	return r;
}

int hook_clsact_attach(const struct hook *hook, struct sl_err *err)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = OUR_HANDLE, .priority = OUR_PRIORITY,
		    .prog_fd = hook->prog_fd, .flags = BPF_TC_F_REPLACE);
	struct bpf_tc_hook tc = tc_hook(hook);
	struct notes notes;
	__u32 id = 0;
	int r, there;

	r = notes_paths(hook, &notes, err);
	if (r)
		return r;
	there = query(hook, &id);
	if (there < 0)
		return query_failed(hook, there, err);
	if (!there)
		r = make_qdisc(hook, &notes, err);
	if (r)
		return r;
	bpf_messages_start();
	r = bpf_tc_attach(&tc, &opts);
	if (r) {
		r = fail(hook, "attach", -r, err);
	} else {
		r = query(hook, &id);
		if (r == 1 && id == hook->prog_id)
			return 0;
		r = r < 0 ? query_failed(hook, r, err) : fail(hook, "read back", EIO, err);
	}
	/* What was there before keeps running its old program. */
	if (!there && !take_away(hook, &notes, NULL))
		forget_all(&notes, NULL);
	return r;
}

int hook_clsact_detach(const struct hook *hook, struct sl_err *err)
{
	struct notes notes;
	__u32 id;
	int r;

	r = notes_paths(hook, &notes, err);
	if (r)
		return r;
	r = query(hook, &id);
	if (r < 0 && r != -EEXIST)
		return query_failed(hook, r, err);
	if (r == 1) {
		r = take_away(hook, &notes, err);
		if (r)
			return r;
	}
	return forget_all(&notes, err);
}

int hook_clsact_live(const struct hook *hook)
{
	__u32 id;
	int r = query(hook, &id);

	return r == -EEXIST ? 0 : r;
}
