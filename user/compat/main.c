// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluice-compat: opens its socket, gives up what it does not need, serves.
 *
 * Invariant: beside a daemon it has no capability at all; by itself only those
 * by which packet sockets are opened in other namespaces. It never sees a
 * frame: sockets go to the core as they are.
 */
#include <cap-ng.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "compat/options.h"
#include "compat/serve.h"
#include "lib/log.h"

#define RECEIVE_BUFFER (1 << 20)
/*
 * What connected clients have not read yet is charged to us, and has no other limit: so much of it, before one that
 * never reads keeps answers from the others.
 */
#define SEND_BUFFER (16 << 20)

/* 0 if nobody listens there any more. */
static int clear_stale(const struct sockaddr_un *addr, struct sl_err *err)
{
	struct stat st;
	int fd, r;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : sl_errno(err, errno, "cannot look at %s", addr->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return sl_err(err, EEXIST, "%s exists and is not a socket: remove it", addr->sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sl_errno(err, errno, "socket");
	r = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;
	close(fd);
	if (r != -ECONNREFUSED && r != -ENOENT)
		return sl_err(err, EADDRINUSE, "another data plane listens on %s", addr->sun_path);
	if (unlink(addr->sun_path) && errno != ENOENT)
		return sl_errno(err, errno, "cannot remove the stale socket %s", addr->sun_path);
	return 0;
}

static int listen_for_agent(const struct compat_options *options, struct sl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, size = RECEIVE_BUFFER, unread = SEND_BUFFER, r;
	mode_t before;

	strcpy(addr.sun_path, options->listen);
	r = clear_stale(&addr, err);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sl_errno(err, errno, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &unread, sizeof(unread)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &unread, sizeof(unread));
	/* Never open to more than it is to be, not even for a moment. */
	before = umask(0777 & ~options->socket_mode);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(before);
	if (!r && chmod(options->listen, options->socket_mode))
		r = -errno;
	if (!r)
		return fd;
	close(fd);
	return sl_errno(err, -r, "cannot listen on %s", options->listen);
}

static int drop_privileges(const struct compat_options *options, struct sl_err *err)
{
	capng_clear(CAPNG_SELECT_BOTH);
	/* The core, which we start, drops its own; it needs what it drops them with. */
	if (!options->core)
		capng_updatev(CAPNG_ADD,
			      CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_BOUNDING_SET,
			      CAP_NET_RAW, CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SETUID,
			      CAP_SETGID, CAP_SETPCAP, CAP_KILL, CAP_DAC_OVERRIDE, -1);
	if (capng_apply(CAPNG_SELECT_BOTH))
		return sl_err(err, EPERM, "cannot drop capabilities: start as root");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return sl_errno(err, errno, "PR_SET_NO_NEW_PRIVS");
	/* A daemon that is killed must find the agent's socket free when it comes back. */
	if (options->core && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
		return sl_errno(err, errno, "PR_SET_PDEATHSIG");
	return 0;
}

static int open_signals(struct sl_err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? sl_errno(err, errno, "signals") : fd;
}

static int run(const struct compat_options *options, struct sl_err *err)
{
	static struct serve serve = { .fd = -1 };
	struct sockaddr_un notify = { .sun_family = AF_UNIX };
	int signals = open_signals(err), r = signals < 0 ? signals : 0;

	serve.options = options;
	if (!r)
		r = serve.fd = listen_for_agent(options, err);
	if (r >= 0)
		r = core_open(&serve.core, options, err);
	if (r >= 0)
		r = drop_privileges(options, err);
	serve.replies.fd = serve.fd;
	serve.notices.fd = r < 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	serve.notices.patient = true;
	strcpy(notify.sun_path, options->notify);
	serve.agent = agent_new();
	serve.tell = serve.agent ? tell_new(serve.agent, &serve.notices, &notify) : NULL;
	serve.ports = options->core ? NULL : ports_new();
	if (r >= 0 && (serve.notices.fd < 0 || !serve.tell || (!options->core && !serve.ports)))
		r = sl_err(err, ENOMEM, "no memory, or no socket");
	if (r >= 0) {
		sl_info("serving an agent at %s, %s", options->listen,
			options->core ? "with the daemon's core" : "with a core of its own");
		r = serve_run(&serve, signals, err);
	}
	if (serve.fd >= 0)
		unlink(options->listen);
	queue_clear(&serve.replies);
	queue_clear(&serve.notices);
	core_close(serve.core);
	tell_free(serve.tell);
	ports_free(serve.ports);
	agent_free(serve.agent);
	return r;
}

int main(int argc, char **argv)
{
	struct sl_err err = { 0 };
	struct compat_options options;
	int r = compat_options_parse(&options, argc, argv, &err);

	if (r < 0) {
		fprintf(stderr, "sluice-compat: %s\n", err.text);
		return 2;
	}
	if (r == OPTIONS_HELP) {
		compat_options_help(stdout);
		return 0;
	}
	if (r == OPTIONS_VERSION) {
		puts("sluice-compat " SLUICE_VERSION);
		return 0;
	}
	sl_log_init("sluice-compat", options.log_target, options.log_level);
	r = run(&options, &err);
	if (r < 0)
		sl_error("%s", err.text);
	return r < 0 ? 1 : 0;
}
