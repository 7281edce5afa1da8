// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs of a port that moves to another namespace.
 *
 * Attaching and detaching a tcx link waits for a grace period of the kernel,
 * milliseconds in which the workload would be cut off; exchanging the program
 * of a standing link does not wait, and a link goes with its interface. So the
 * link is made while the workload still has its port, with a program that lets
 * everything pass, and gets the real one on arrival. Leaving is the mirror
 * image.
 *
 * Invariant: until it has arrived, and once it has left, the link is pinned
 * nowhere: if the daemon dies it goes by itself, and no port of a workload is
 * left with a program of ours.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "sluiced/attach.h"
#include "sluiced/attach_hook.h"

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, see attach_link.c */

int sl_carry_in(struct sl_programs *programs, __u32 ifindex, struct sl_err *err)
{
	int fd = bpf_link_create(programs->hold_fd, (int)ifindex, TCX_INGRESS, NULL);

	return fd < 0 ? sl_errno(err, errno, "cannot hold a place on interface %u by tcx", ifindex) : fd;
}

int sl_carry_arrive(struct sl_programs *programs, int link_fd, enum sl_program prog, __u32 ifindex,
		    struct sl_err *err)
{
	struct hook hook = { .prog = prog, .ifindex = ifindex, .pin_dir = programs->pin_dir };
	char path[SL_PATH_LEN];
	int r;

	r = hook_path(&hook, "", path, err);
	if (r)
		return r;
	/* A pin of that name is of an interface that is gone: its number was free. */
	if (unlink(path) && errno != ENOENT)
		return sl_errno(err, errno, "cannot remove the dead pin %s", path);
	return bpf_obj_pin(link_fd, path) ? sl_errno(err, errno, "cannot pin the link as %s", path) : 0;
}

int sl_carry_out(struct sl_programs *programs, enum sl_program prog, __u32 ifindex, struct sl_err *err)
{
	struct hook hook = { .prog = prog, .ifindex = ifindex, .pin_dir = programs->pin_dir };
	char path[SL_PATH_LEN];
	int fd, r;

	r = hook_path(&hook, "", path, err);
	if (r)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return sl_errno(err, errno, "cannot open the pin %s", path);
	if (bpf_link_update(fd, programs->hold_fd, NULL)) {
		r = sl_errno(err, errno, "cannot exchange the program of %s", path);
		close(fd);
		return r;
	}
	if (unlink(path) && errno != ENOENT) {
		r = sl_errno(err, errno, "cannot remove the pin %s", path);
		close(fd);
		return r;
	}
	return fd;
}

void sl_carry_end(int link_fd)
{
	if (link_fd < 0)
		return;
	/* Outright, so that it is gone when this returns; a link that died with its interface has nothing to detach. */
	bpf_link_detach(link_fd);
	close(link_fd);
}
