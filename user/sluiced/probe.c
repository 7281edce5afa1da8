// SPDX-License-Identifier: BSD-2-Clause
/*
 * The child process that probes, and the parent that waits for it no longer
 * than it must; see probe.h.
 *
 * Invariant: the daemon's own namespaces are never touched, and neither a
 * hang nor a crash of the child takes more from the parent than the checks
 * that were still to come.
 */
#include "sluiced/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.skel.h"
#include "sluiced/bpf_messages.h"
#include "sluiced/probe_lab.h"

/*
 * For one check; the experiments of all of them, failing by their own time limits, take about a sixth of it. The rest is
 * for a machine that has so much else to do that making namespaces and loading programs takes seconds.
 */
#define STALL_MS 20000

void probe_check(struct sl_probe *probe, const char *name, enum sl_check_status status, const char *fmt, ...)
{
	struct sl_check *check;
	va_list ap;

	if (probe->n_checks == SL_CHECKS_MAX)
		return;
	check = &probe->check[probe->n_checks];
	snprintf(check->name, sizeof(check->name), "%s", name);
	check->status = status;
	va_start(ap, fmt);
	vsnprintf(check->detail, sizeof(check->detail), fmt, ap);
	va_end(ap);
	/* Last: the parent may read this after the child was killed half way. */
	__atomic_store_n(&probe->n_checks, probe->n_checks + 1, __ATOMIC_RELEASE);
}

static void check_jit(struct probe_bpf *bpf, struct sl_probe *probe)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	/* The sysctl is seen in the first network namespace only; what became of a program, everywhere. */
	if (bpf_obj_get_info_by_fd(bpf_program__fd(bpf->progs.sl_probe_plain), &info, &len))
		probe_check(probe, "jit", SL_CHECK_WARN, "a loaded program cannot be looked at: %s",
			    strerror(errno));
	else if (info.jited_prog_len)
		probe_check(probe, "jit", SL_CHECK_OK, "programs are translated to machine code");
	else
		probe_check(
			probe, "jit", SL_CHECK_WARN,
			"programs are interpreted, several times slower: set net.core.bpf_jit_enable to 1");
}

static void run_probes(const struct sl_conf *conf, struct sl_probe *probe)
{
	struct lab lab = LAB_NONE;
	struct sl_err err;

	probe_host(conf, probe);
	if (lab_build(&lab, &err)) {
		probe_check(probe, "namespaces", SL_CHECK_FAIL, "nothing could be tried out: %s", err.text);
		goto out;
	}
	probe_check(probe, "namespaces", SL_CHECK_OK, "namespaces and veth pairs can be made");
	bpf_messages_start();
	lab.bpf = probe_bpf__open_and_load();
	if (!lab.bpf) {
		probe_check(probe, "programs", SL_CHECK_FAIL, "tc and XDP programs cannot be loaded: %s (%s)",
			    strerror(errno), bpf_messages_first());
		goto out;
	}
	probe_check(probe, "programs", SL_CHECK_OK, "tc and XDP programs can be loaded");
	check_jit(lab.bpf, probe);
	probe_redirect(conf, &lab, probe);
	probe_xdp(conf, &lab, probe);
	probe_xsk(conf, &lab, probe);
out:
	lab_free(&lab);
}

__attribute__((noreturn)) static void child(const struct sl_conf *conf, struct sl_probe *probe, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* What the daemon blocks for its event loop must be able to end this process. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	run_probes(conf, probe);
	_exit(0);
}

int sl_probe_wait(pid_t pid, const struct sl_probe *probe, int stall_ms)
{
	struct pollfd ended = { .events = POLLIN };
	unsigned int before = 0, checks;
	int status = 0, r = 0;

	ended.fd = pidfd_open(pid, 0);
	if (ended.fd < 0)
		r = -errno;
	while (!r) {
		r = poll(&ended, 1, stall_ms);
		checks = __atomic_load_n(&probe->n_checks, __ATOMIC_ACQUIRE);
		if ((r < 0 && errno == EINTR) || (!r && checks != before)) {
			before = checks;
			r = 0;
			continue;
		}
		r = r < 0 ? -errno : r ? 0 : -ETIMEDOUT;
		break;
	}
	if (r)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ended.fd >= 0)
		close(ended.fd);
	if (!r && (!WIFEXITED(status) || WEXITSTATUS(status)))
		r = -ECHILD;
	return r;
}

int sl_probe_run(const struct sl_conf *conf, struct sl_probe *ret, struct sl_err *err)
{
	struct sl_probe *shared;
	pid_t pid, parent = getpid();
	int r;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return sl_errno(err, errno,
				"cannot probe the kernel: no memory to share with a child process");
	pid = fork();
	if (!pid)
		child(conf, shared, parent);
	if (pid < 0) {
		r = sl_errno(err, errno, "cannot probe the kernel: no child process");
		munmap(shared, sizeof(*shared));
		return r;
	}
	r = sl_probe_wait(pid, shared, STALL_MS);
	shared->cut_short = r != 0;
	if (r)
		probe_check(shared, "probe", SL_CHECK_FAIL,
			    "probing was cut short: %s; what was not found is not used",
			    r == -ETIMEDOUT ? "it took too long"
			    : r == -ECHILD  ? "the child process crashed"
					    : strerror(-r));
	*ret = *shared;
	munmap(shared, sizeof(*shared));
	return 0;
}
