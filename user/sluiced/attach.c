// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which way a program goes onto its interface, and the change from one way to
 * the other; see attach.h for the invariants.
 *
 * A change puts the new attachment in place before it takes the old one away,
 * so no frame passes by. While both are there a frame is seen once only: tcx
 * runs before clsact and our programs always end the chain.
 */
#include "sluiced/attach.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sluiced/attach_hook.h"

void sl_prog_name(enum sl_program prog, char name[SL_PROG_NAME_LEN])
{
	snprintf(name, SL_PROG_NAME_LEN, "sl_%s", sl_program_name(prog));
}

void hook_text(const struct hook *hook, char text[HOOK_TEXT_LEN])
{
	char program[SL_PROG_NAME_LEN], name[IFNAMSIZ];
	struct stat ns = { 0 };

	sl_prog_name(hook->prog, program);
	if (!if_indextoname(hook->ifindex, name))
		snprintf(name, sizeof(name), "?");
	stat("/proc/thread-self/ns/net", &ns);
	snprintf(text, HOOK_TEXT_LEN, "%s on %s (interface %u) in net:[%lu]", program, name, hook->ifindex,
		 (unsigned long)ns.st_ino);
}

int hook_path(const struct hook *hook, const char *suffix, char path[SL_PATH_LEN], struct sl_err *err)
{
	char program[SL_PROG_NAME_LEN];

	sl_prog_name(hook->prog, program);
	if (snprintf(path, SL_PATH_LEN, "%s/links/%s-%u%s", hook->pin_dir, program, hook->ifindex, suffix) >=
	    SL_PATH_LEN)
		return sl_err(err, ENAMETOOLONG,
			      "the pin folder's path %s is too long: choose a shorter bpffs", hook->pin_dir);
	return 0;
}

static struct hook make_hook(const struct sl_programs *programs, enum sl_program prog, __u32 ifindex)
{
	return (struct hook){
		.prog = prog,
		.ifindex = ifindex,
		.prog_fd = programs->fd[prog],
		.prog_id = programs->id[prog],
		.pin_dir = programs->pin_dir,
	};
}

int sl_attach_tc(struct sl_programs *programs, enum sl_program prog, __u32 ifindex, enum sl_attach kind,
		 struct sl_err *err)
{
	struct hook hook = make_hook(programs, prog, ifindex);
	int r;

	if (kind == SL_ATTACH_TCX) {
		r = hook_link_attach(&hook, err);
		return r ? r : hook_clsact_detach(&hook, err);
	}
	r = hook_clsact_attach(&hook, err);
	return r ? r : hook_link_detach(&hook, err);
}

int sl_attach_xdp(struct sl_programs *programs, __u32 ifindex, struct sl_err *err)
{
	struct hook hook = make_hook(programs, SL_PROG_VTH, ifindex);

	return hook_link_attach(&hook, err);
}

int sl_detach(struct sl_programs *programs, enum sl_program prog, __u32 ifindex, struct sl_err *err)
{
	struct hook hook = make_hook(programs, prog, ifindex);
	struct sl_err other;
	int r, r2 = 0;

	/* Both are tried, whatever becomes of the first. */
	r = hook_link_detach(&hook, err);
	if (prog != SL_PROG_VTH)
		r2 = hook_clsact_detach(&hook, r ? &other : err);
	return r ? r : r2;
}

int sl_attached_kind(struct sl_programs *programs, enum sl_program prog, __u32 ifindex)
{
	struct hook hook = make_hook(programs, prog, ifindex);
	int r;

	r = hook_link_live(&hook);
	if (r)
		return r < 0 ? r : SL_ATTACH_TCX;
	r = prog == SL_PROG_VTH ? 0 : hook_clsact_live(&hook);
	if (r)
		return r < 0 ? r : SL_ATTACH_CLSACT;
	return -ENOENT;
}
