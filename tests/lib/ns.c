// SPDX-License-Identifier: BSD-2-Clause
/* Namespaces and commands in them; see ns.h for the invariant. */
#include "lib/ns.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/world.h"

static void holder(int ready)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET))
		_exit(1);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	lo.ifr_flags = IFF_UP;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		_exit(2);
	if (write(ready, "r", 1) != 1)
		_exit(3);
	/* Nothing of the test's stays open here: a holder must not keep a pipe's far end waiting. */
	syscall(SYS_close_range, 0, ~0U, 0);
	for (;;)
		pause();
}

static void open_ns(struct ns *ns, const char *label)
{
	snprintf(ns->path, sizeof(ns->path), "/proc/%d/ns/net", ns->pid);
	snprintf(ns->label, sizeof(ns->label), "%s", label);
	ns->fd = open(ns->path, O_RDONLY | O_CLOEXEC);
	cr_assert(ns->fd >= 0, "open %s: %s", ns->path, strerror(errno));
}

struct ns *ns_create(const char *label)
{
	struct ns *ns = calloc(1, sizeof(*ns));
	int ready[2];
	char byte;

	cr_assert(ns && pipe2(ready, O_CLOEXEC) == 0, "a namespace for %s: %s", label, strerror(errno));
	ns->pid = fork();
	cr_assert(ns->pid >= 0, "fork for namespace %s: %s", label, strerror(errno));
	if (!ns->pid)
		holder(ready[1]);
	close(ready[1]);
	cr_assert(read(ready[0], &byte, 1) == 1, "namespace %s could not be made", label);
	close(ready[0]);
	open_ns(ns, label);
	return ns;
}

struct ns *ns_of(pid_t pid, const char *label)
{
	struct ns *ns = calloc(1, sizeof(*ns));

	cr_assert(ns != NULL);
	ns->pid = pid;
	open_ns(ns, label);
	return ns;
}

void ns_kill(struct ns *ns)
{
	if (!ns || ns->fd < 0)
		return;
	kill(ns->pid, SIGKILL);
	waitpid(ns->pid, NULL, 0);
	close(ns->fd);
	ns->fd = -1;
}

int ns_socket(struct ns *ns, int domain, int type, int protocol)
{
	int own = -1, fd, error;

	if (ns) {
		own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		cr_assert(own >= 0 && setns(ns->fd, CLONE_NEWNET) == 0, "setns to %s: %s", ns->label,
			  strerror(errno));
	}
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	error = errno;
	if (ns) {
		cr_assert(setns(own, CLONE_NEWNET) == 0, "setns back: %s", strerror(errno));
		close(own);
	}
	return fd >= 0 ? fd : -error;
}

static int link_ioctl(struct ns *ns, unsigned long request, const char *name, struct ifreq *ret)
{
	int fd = ns_socket(ns, AF_INET, SOCK_DGRAM, 0), r;

	if (fd < 0)
		return fd;
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->ifr_name, sizeof(ret->ifr_name), "%s", name);
	r = ioctl(fd, request, ret) ? -errno : 0;
	close(fd);
	return r;
}

unsigned int link_index(struct ns *ns, const char *name)
{
	struct ifreq request;

	return link_ioctl(ns, SIOCGIFINDEX, name, &request) ? 0 : (unsigned int)request.ifr_ifindex;
}

bool link_exists(struct ns *ns, const char *name)
{
	return link_index(ns, name) != 0;
}

struct mac link_mac(struct ns *ns, const char *name)
{
	struct ifreq request;
	struct mac mac;
	int r = link_ioctl(ns, SIOCGIFHWADDR, name, &request);

	cr_assert(r == 0, "MAC of %s in %s: %s", name, ns->label, strerror(-r));
	memcpy(mac.b, request.ifr_hwaddr.sa_data, sizeof(mac.b));
	return mac;
}

const char *link_names(struct ns *ns)
{
	static char names[16384];
	const char *text = ns_run(ns, "ip -o link");
	size_t at = 0;

	names[0] = 0;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		char name[32];

		if (*line == '\n')
			line++;
		if (sscanf(line, "%*d: %31[^:@]", name) != 1 || !strcmp(name, "lo"))
			continue;
		at += snprintf(names + at, sizeof(names) - at, "%s%s", at ? " " : "", name);
		if (at >= sizeof(names))
			break;
	}
	return names;
}

void link_pair(struct ns *a, const char *name_a, const char *mac_a, struct ns *b, const char *name_b,
	       const char *mac_b)
{
	ns_run(a, "ip link add %s %s%s up type veth peer name %s %s%s netns %d", name_a,
	       mac_a ? "address " : "", mac_a ? mac_a : "", name_b, mac_b ? "address " : "",
	       mac_b ? mac_b : "", b->pid);
	ns_run(b, "ip link set %s up", name_b);
}

static struct proc *spawn(struct ns *ns, const char *prefix, const char *fmt, va_list ap)
{
	struct proc *proc = calloc(1, sizeof(*proc));
	char *body, *command;
	int null;

	cr_assert(proc && vasprintf(&body, fmt, ap) >= 0 && asprintf(&command, "%s%s", prefix, body) >= 0);
	proc->out = memfd_create("output", MFD_CLOEXEC);
	cr_assert(proc->out >= 0, "memfd for the output of %s: %s", command, strerror(errno));
	proc->pid = fork();
	cr_assert(proc->pid >= 0, "fork for %s: %s", command, strerror(errno));
	if (!proc->pid) {
		null = open("/dev/null", O_RDONLY);
		if (ns && setns(ns->fd, CLONE_NEWNET))
			_exit(126);
		dup2(null, 0);
		/* Append, so that what stdout and stderr say does not overwrite each other. */
		fcntl(proc->out, F_SETFL, O_APPEND);
		dup2(proc->out, 1);
		dup2(proc->out, 2);
		world_child();
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	proc->pidfd = syscall(SYS_pidfd_open, proc->pid, 0);
	free(body);
	free(command);
	return proc;
}

struct proc *ns_spawn(struct ns *ns, const char *fmt, ...)
{
	struct proc *proc;
	va_list ap;

	va_start(ap, fmt);
	proc = spawn(ns, "exec ", fmt, ap);
	va_end(ap);
	return proc;
}

const char *proc_text(struct proc *proc)
{
	struct stat st;
	ssize_t n = 0;

	if (fstat(proc->out, &st))
		st.st_size = 0;
	proc->text = realloc(proc->text, st.st_size + 1);
	if (st.st_size)
		n = pread(proc->out, proc->text, st.st_size, 0);
	proc->text[n > 0 ? n : 0] = 0;
	return proc->text;
}

bool proc_ended(struct proc *proc, int ms)
{
	int status;

	if (!proc->pid)
		return true;
	if (!readable(proc->pidfd, patient(ms)))
		return false;
	waitpid(proc->pid, &status, 0);
	proc->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	proc->pid = 0;
	close(proc->pidfd);
	return true;
}

int proc_end(struct proc *proc, int signal, int ms)
{
	if (proc->pid && signal)
		kill(proc->pid, signal);
	return proc_ended(proc, ms) ? proc->status : -1;
}

/* The last command that ran to its end; one at a time is enough for everyone. */
static struct proc *last;

static int run(struct ns *ns, const char *fmt, va_list ap)
{
	if (last) {
		close(last->out);
		free(last->text);
		free(last);
	}
	last = spawn(ns, "", fmt, ap);
	proc_ended(last, -1);
	return last->status;
}

int ns_sh(struct ns *ns, const char *fmt, ...)
{
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = run(ns, fmt, ap);
	va_end(ap);
	return status;
}

const char *ns_said(void)
{
	return last ? proc_text(last) : "";
}

const char *ns_run(struct ns *ns, const char *fmt, ...)
{
	char command[512];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	va_start(ap, fmt);
	status = run(ns, fmt, ap);
	va_end(ap);
	cr_assert(status == 0, "in %s: `%s` ended with %d: %s", ns ? ns->label : "the test's namespace",
		  command, status, ns_said());
	return ns_said();
}
