/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of attach.h: one program on one interface, and the two ways to put
 * it there.
 *
 * Invariant: both ways leave a trace in <pin_dir>/links before anything that
 * would outlive the daemon takes effect, so a crash at any point leaves
 * nothing that a later attach or detach would not find.
 */
#ifndef SLUICE_SLUICED_ATTACH_HOOK_H
#define SLUICE_SLUICED_ATTACH_HOOK_H

#include <linux/types.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "sluice/abi.h"

struct sl_programs {
	char pin_dir[SL_PATH_LEN];
	int fd[SL_PROG_MAX]; /* -1: not loaded */
	__u32 id[SL_PROG_MAX]; /* the kernel's number of the program */
	int hold_fd; /* sl_hold, see attach_carry.c; -1: not loaded */
};

/* Of our own, in the kernel's and bpffs' sense: "sl_vex" … */
#define SL_PROG_NAME_LEN 16
void sl_prog_name(enum sl_program prog, char name[SL_PROG_NAME_LEN]);

struct hook {
	enum sl_program prog;
	__u32 ifindex; /* in the current network namespace */
	int prog_fd;
	__u32 prog_id;
	const char *pin_dir;
};

/* "sl_vex on vex1f-eth0 (interface 7) in net:[4026531840]", for errors. */
#define HOOK_TEXT_LEN 128
void hook_text(const struct hook *hook, char text[HOOK_TEXT_LEN]);

/* Link pins and clsact traces live here: <pin_dir>/links/<program>-<ifindex><suffix>. 0 or -errno. */
int hook_path(const struct hook *hook, const char *suffix, char path[SL_PATH_LEN], struct sl_err *err);

/* A pinned bpf_link: tcx for sl_vex, sl_vin, sl_vbr, native XDP for sl_vth. */
int hook_link_attach(const struct hook *hook, struct sl_err *err);
int hook_link_detach(const struct hook *hook, struct sl_err *err);
/* 1 if our link stands on this interface, 0 if not, -errno. */
int hook_link_live(const struct hook *hook);

/* A filter of fixed handle and priority on the clsact qdisc. */
int hook_clsact_attach(const struct hook *hook, struct sl_err *err);
int hook_clsact_detach(const struct hook *hook, struct sl_err *err);
/* 1 if our filter is there, 0 if not, -errno. */
int hook_clsact_live(const struct hook *hook);

/*
 * The folders <pin_dir>, progs, links, mode 0700. -EINVAL with the remedy if
 * they would not lie on a BPF file system.
 */
int pins_make_folders(const char *pin_dir, struct sl_err *err);
/* Pins fd as <pin_dir>/progs/<name>, atomically in the place of an older one. */
int pins_put_program(const char *pin_dir, const char *name, int fd, struct sl_err *err);

#endif
