// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checks that only look: what the machine offers besides the packet path.
 *
 * Invariant: nothing is changed; a thing that is missing but can be done
 * without is a warning that says what then is not there.
 */
#include <cap-ng.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sluiced/probe_lab.h"

static void check_kernel(struct sl_probe *probe)
{
	struct utsname uts;

	if (!uname(&uts)) /* to be read by people; nothing is decided by it */
		probe_check(probe, "kernel", SL_CHECK_OK, "%s %s on %s", uts.sysname, uts.release,
			    uts.machine);
}

static void check_btf(struct sl_probe *probe)
{
	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		probe_check(probe, "btf", SL_CHECK_OK, "/sys/kernel/btf/vmlinux can be read");
	else
		probe_check(probe, "btf", SL_CHECK_WARN,
			    "/sys/kernel/btf/vmlinux cannot be read: %s: bpftool map dump will show bytes "
			    "without names",
			    strerror(errno));
}

static void check_bpffs(const struct sl_conf *conf, struct sl_probe *probe)
{
	struct statfs fs;

	if (statfs(conf->bpffs, &fs))
		probe_check(probe, "bpffs", errno == ENOENT ? SL_CHECK_WARN : SL_CHECK_FAIL,
			    "%.128s: %s: the daemon tries to make it and mount a BPF file system there",
			    conf->bpffs, strerror(errno));
	else if ((__u32)fs.f_type != BPF_FS_MAGIC)
		probe_check(probe, "bpffs", SL_CHECK_WARN,
			    "%.128s is no BPF file system yet: the daemon tries to mount one there",
			    conf->bpffs);
	else
		probe_check(probe, "bpffs", SL_CHECK_OK, "%.128s is a BPF file system", conf->bpffs);
}

static void check_tracefs(struct sl_probe *probe)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char pipe[64];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		snprintf(pipe, sizeof(pipe), "%s/trace_pipe", places[i]);
		if (!access(pipe, R_OK)) {
			probe_check(probe, "tracefs", SL_CHECK_OK, "the programs' trace can be read from %s",
				    pipe);
			return;
		}
	}
	probe_check(probe, "tracefs", SL_CHECK_WARN,
		    "no trace_pipe in %s or %s: mount -t tracefs tracefs %s to read the programs' trace",
		    places[0], places[1], places[0]);
}

static const struct {
	int capability;
	const char *without;
} wanted[] = {
	{ CAP_SYS_ADMIN, "no namespaces, no programs" },
	{ CAP_NET_ADMIN, "no interfaces" },
	{ CAP_NET_RAW, "no AF_XDP sockets" },
	{ CAP_SYS_PTRACE, "no pid: targets of other users" },
	{ CAP_SETUID, "the core keeps its user" },
	{ CAP_SETGID, "the core keeps its groups" },
};
#define VITAL 3 /* of these */

static void check_capabilities(struct sl_probe *probe)
{
	enum sl_check_status status = SL_CHECK_OK;
	char missing[240] = "";
	size_t i, len = 0;

	if (capng_get_caps_process()) {
		probe_check(probe, "capabilities", SL_CHECK_WARN,
			    "the process's capabilities cannot be read");
		return;
	}
	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, wanted[i].capability))
			continue;
		if (i < VITAL)
			status = SL_CHECK_FAIL;
		else if (status == SL_CHECK_OK)
			status = SL_CHECK_WARN;
		if (len < sizeof(missing))
			len += snprintf(missing + len, sizeof(missing) - len, "%s%s (%s)", len ? ", " : "",
					capng_capability_to_name(wanted[i].capability), wanted[i].without);
	}
	if (status == SL_CHECK_OK)
		probe_check(probe, "capabilities", status, "all that are needed are there");
	else
		probe_check(probe, "capabilities", status, "missing: %s", missing);
}

void probe_host(const struct sl_conf *conf, struct sl_probe *probe)
{
	check_kernel(probe);
	check_capabilities(probe);
	check_btf(probe);
	check_bpffs(conf, probe);
	check_tracefs(probe);
}
