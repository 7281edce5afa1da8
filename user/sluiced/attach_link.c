// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs attached by pinned links: tcx and native XDP.
 *
 * Invariant: a pin is trusted only after the kernel has said that the link
 * behind it stands on this interface of this namespace. A link whose interface
 * is gone, or whose interface has left for another namespace while its number
 * was given to a new one, is thrown away and made anew.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sluiced/attach_hook.h"
#include "sluiced/bpf_messages.h"

/* Since kernel 6.6 in include/uapi/linux/bpf.h; older headers lack the numbers and layouts below. */
#define TCX_INGRESS 46 /* BPF_TCX_INGRESS */
#define LINK_TYPE_TCX 11 /* BPF_LINK_TYPE_TCX */
#define KERNEL_ENOTSUPP 524 /* the kernel's own, without a name in user space */
#define LINKS_MAX 64 /* BPF_MPROG_MAX: programs on one tcx hook */

/* Where struct bpf_link_info has its union, for tcx and (the first field) for XDP. */
struct device_link {
	__u32 ifindex; /* 0: the interface is gone, the link is dead */
	__u32 attach_type;
};

/* The part of union bpf_attr that BPF_PROG_QUERY uses. */
struct query_attr {
	__u32 target_ifindex;
	__u32 attach_type;
	__u32 query_flags;
	__u32 attach_flags;
	__u64 prog_ids;
	__u32 count;
	__u32 pad;
	__u64 prog_attach_flags;
	__u64 link_ids;
	__u64 link_attach_flags;
	__u64 revision;
};

/* 1 if the link stands on tcx ingress of ifindex in the current namespace, 0 if not, -errno. */
static int tcx_holds(__u32 ifindex, __u32 link_id)
{
	__u32 programs[LINKS_MAX] = { 0 }, links[LINKS_MAX] = { 0 }, i;
	struct query_attr attr = {
		.target_ifindex = ifindex,
		.attach_type = TCX_INGRESS,
		.prog_ids = (unsigned long)programs,
		.count = LINKS_MAX,
		.link_ids = (unsigned long)links,
	};

	if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)))
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	for (i = 0; i < attr.count && i < LINKS_MAX; i++) {
		if (links[i] == link_id)
			return 1;
	}
	return 0;
}

/* The same for native XDP: an interface has one such program, and it must be the link's. */
static int xdp_holds(__u32 ifindex, __u32 prog_id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int r;

	r = bpf_xdp_query(ifindex, 0, &query);
	if (r)
		return r == -ENODEV ? 0 : r;
	return query.drv_prog_id == prog_id;
}

static int holds(const struct hook *hook, int link_fd)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	struct device_link device;

	if (bpf_obj_get_info_by_fd(link_fd, &info, &len))
		return -errno;
	memcpy(&device, &info.xdp, sizeof(device));
	if (device.ifindex != hook->ifindex)
		return 0;
	if (hook->prog == SL_PROG_VTH)
		return info.type == BPF_LINK_TYPE_XDP ? xdp_holds(hook->ifindex, info.prog_id) : 0;
	if (info.type != LINK_TYPE_TCX || device.attach_type != TCX_INGRESS)
		return 0;
	return tcx_holds(hook->ifindex, info.id);
}

static int pinned_link(const char *path, struct sl_err *err)
{
	int fd = bpf_obj_get(path);

	if (fd < 0 && errno != ENOENT)
		return sl_errno(err, errno, "cannot open the pin %s", path);
	return fd < 0 ? -ENOENT : fd;
}

static const char *hint(const struct hook *hook, int code)
{
	if (code == ENODEV)
		return "the interface is gone";
	if (code == EPERM || code == EACCES)
		return "CAP_NET_ADMIN and CAP_BPF are needed";
	if (hook->prog == SL_PROG_VTH) {
		switch (code) {
		case EBUSY:
		case EEXIST:
			return "another XDP program is on this interface: remove it, or use --dpi external";
		case ERANGE:
			return "the interface's MTU is too large for XDP: make mtu smaller";
		default:
			return "native XDP is needed here, see the doctor's check xdp_native";
		}
	}
	switch (code) {
	case EINVAL:
	case ENOTSUP:
	case KERNEL_ENOTSUPP:
		return "this kernel has no tcx: use --attach clsact";
	case ERANGE:
		return "there are too many programs on this interface: remove some, or use --attach clsact";
	default:
		return "or use --attach clsact";
	}
}

static const char *way(const struct hook *hook)
{
	return hook->prog == SL_PROG_VTH ? "native XDP" : "tcx";
}

static int fail(const struct hook *hook, const char *what, int code, struct sl_err *err)
{
	char text[HOOK_TEXT_LEN];

	hook_text(hook, text);
	return sl_err(err, code, "cannot %s %s by %s: %s (%s)", what, text, way(hook),
		      code == KERNEL_ENOTSUPP ? "Operation not supported" : strerror(code), hint(hook, code));
}

static int create(const struct hook *hook, const char *path, struct sl_err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int fd, r;

	bpf_messages_start();
	if (hook->prog == SL_PROG_VTH) {
		opts.flags = XDP_FLAGS_DRV_MODE;
		fd = bpf_link_create(hook->prog_fd, hook->ifindex, BPF_XDP, &opts);
	} else {
		fd = bpf_link_create(hook->prog_fd, hook->ifindex, TCX_INGRESS, NULL);
	}
	if (fd < 0)
		return fail(hook, "attach", errno, err);
	/* A crash in between lets the unpinned link go with the process: as if nothing had been done. */
	r = bpf_obj_pin(fd, path) ? sl_errno(err, errno, "cannot pin the link as %s", path) : 0;
	close(fd);
	return r;
}

/* 0: the live link now runs our program; -ENOLINK: there is none, the pin is gone; other -errno. */
static int adopt(const struct hook *hook, const char *path, struct sl_err *err)
{
	int fd, r;

	fd = pinned_link(path, err);
	if (fd < 0)
		return fd == -ENOENT ? -ENOLINK : fd;
	r = holds(hook, fd);
	if (r > 0) {
		r = bpf_link_update(fd, hook->prog_fd, NULL) ? -errno : 0;
		if (r == -ENOLINK) /* the interface has just gone */
			r = -ENODEV;
	} else if (!r) {
		r = -ENOLINK;
	}
	close(fd);
	if (r == -ENOLINK && unlink(path) && errno != ENOENT)
		return sl_errno(err, errno, "cannot remove the dead pin %s", path);
	return r && r != -ENOLINK ? fail(hook, "update", -r, err) : r;
}

int hook_link_attach(const struct hook *hook, struct sl_err *err)
{
	char path[SL_PATH_LEN];
	int r;

	r = hook_path(hook, "", path, err);
	if (r)
		return r;
	r = adopt(hook, path, err);
	return r == -ENOLINK ? create(hook, path, err) : r;
}

int hook_link_detach(const struct hook *hook, struct sl_err *err)
{
	char path[SL_PATH_LEN];
	int fd, r;

	r = hook_path(hook, "", path, err);
	if (r)
		return r;
	fd = pinned_link(path, err);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	/*
	 * Detached outright, not left to the last reference: somebody looking at
	 * it holds one too. A dead link has nothing to detach.
	 */
	r = bpf_link_detach(fd) ? errno : 0;
	close(fd);
	if (r && r != ENOLINK && r != EINVAL)
		return fail(hook, "detach", r, err);
	if (unlink(path) && errno != ENOENT)
		return sl_errno(err, errno, "cannot remove the pin %s", path);
	return 0;
}

int hook_link_live(const struct hook *hook)
{
	char path[SL_PATH_LEN];
	int fd, r;

	r = hook_path(hook, "", path, NULL);
	if (r)
		return r;
	fd = pinned_link(path, NULL);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = holds(hook, fd);
	close(fd);
	return r;
}
