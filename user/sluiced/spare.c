// SPDX-License-Identifier: BSD-2-Clause
/* Keeping a spare core; see spare.h for the invariant. */
#include "sluiced/spare.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/sock.h"
#include "lib/spare.h"
#include "sluiced/policy.h"

#define SOON_MS 1000 /* the core that has just begun needs the processors more */

struct spare {
	struct instance *inst;
	struct source exit; /* pidfd */
	struct source timer; /* until it is started */
	int fd; /* what it listens to */
	pid_t pid; /* 0: there is none */
	char *text; /* what it was started with */
};

static void forget(struct spare *spare)
{
	source_close(&spare->inst->loop, &spare->exit);
	if (spare->fd >= 0)
		close(spare->fd);
	free(spare->text);
	spare->fd = -1;
	spare->text = NULL;
	spare->pid = 0;
}

/* Nobody waits for one that ends by itself but this. */
static void on_exit_event(struct source *source, __u32 events)
{
	struct spare *spare = container_of(source, struct spare, exit);
	siginfo_t info = { 0 };

	(void)events;
	waitid(P_PIDFD, source->fd, &info, WEXITED | WNOHANG);
	sl_warn("the spare core (pid %d) has ended: the next core starts from nothing", spare->pid);
	forget(spare);
}

void spare_end(struct spare *spare)
{
	siginfo_t info = { 0 };

	timer_set(&spare->timer, 0, 0);
	if (!spare->pid)
		return;
	/* It holds nothing that would have to be put in order; a killed process is gone at once. */
	if (!pidfd_send_signal(spare->exit.fd, SIGKILL, NULL, 0))
		waitid(P_PIDFD, spare->exit.fd, &info, WEXITED);
	forget(spare);
}

/* 0 or -errno; what was made is in *spare either way. */
static int make(struct spare *spare, struct sl_err *err)
{
	struct core_descriptors fds = CORE_DESCRIPTORS_NONE;
	int pair[2], r;

	spare->text = core_process_text(spare->inst);
	if (!spare->text)
		return sl_err(err, ENOMEM, "no memory for a spare core");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return sl_errno(err, errno, "cannot make a socket for a spare core");
	spare->fd = pair[0];
	fds.spare = pair[1];
	r = core_process_run(spare->inst, &fds, &spare->pid, err);
	close(pair[1]);
	if (r)
		return r;
	spare->exit.fd = pidfd_open(spare->pid, 0);
	if (spare->exit.fd < 0)
		return sl_errno(err, errno, "cannot watch the spare core (pid %d)", spare->pid);
	return loop_add(&spare->inst->loop, &spare->exit, "the spare core", err);
}

static void on_timer_event(struct source *source, __u32 events)
{
	struct spare *spare = container_of(source, struct spare, timer);
	struct sl_err err;

	(void)events;
	timer_clear(source);
	if (spare->pid)
		return;
	if (!make(spare, &err)) {
		sl_debug("a spare core waits (pid %d)", spare->pid);
		return;
	}
	sl_warn("%s: the next core starts from nothing", err.text);
	/* With its socket closed it ends. */
	forget(spare);
}

void spare_keep(struct spare *spare)
{
	if (spare->inst->conf.spare && !spare->pid)
		timer_set(&spare->timer, SOON_MS, 0);
}

static int tell(const struct spare *spare, enum sl_spare_word word, int fd)
{
	char byte = (char)word;

	return fd < 0 ? sl_sock_send(spare->fd, &byte, 1) : sl_sock_send_fd(spare->fd, &byte, 1, fd);
}

static bool fits(const struct spare *spare)
{
	char *text = core_process_text(spare->inst);
	bool same = text && spare->text && !strcmp(text, spare->text);

	free(text);
	return same;
}

int spare_go(struct spare *spare, const struct core_descriptors *fds, pid_t *ret_pid)
{
	bool wait = spare->inst->conf.inspect && policy_present(spare->inst->policy);

	if (!spare->pid || !fits(spare) || tell(spare, SL_SPARE_CONTROL, fds->control) ||
	    tell(spare, SL_SPARE_LOCK, fds->lock) || tell(spare, SL_SPARE_READY, fds->ready) ||
	    tell(spare, wait ? SL_SPARE_GO_WAIT_POLICY : SL_SPARE_GO, -1)) {
		spare_end(spare);
		return -ENOENT;
	}
	*ret_pid = spare->pid;
	forget(spare);
	return 0;
}

int spare_create(struct instance *inst, struct spare **ret, struct sl_err *err)
{
	struct spare *spare = calloc(1, sizeof(*spare));
	int r;

	if (!spare)
		return sl_err(err, ENOMEM, "no memory for a spare core");
	spare->inst = inst;
	spare->fd = -1;
	spare->exit = (struct source){ -1, on_exit_event };
	spare->timer = (struct source){ -1, on_timer_event };
	r = timer_open(&inst->loop, &spare->timer, "the spare core", err);
	if (r) {
		free(spare);
		return r;
	}
	*ret = spare;
	return 0;
}

void spare_free(struct spare *spare)
{
	if (!spare)
		return;
	spare_end(spare);
	source_close(&spare->inst->loop, &spare->timer);
	free(spare);
}
