// SPDX-License-Identifier: BSD-2-Clause
/* Waiting to be the core; see spare.h for the invariant. */
#include "dpi/spare.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dpi/inspect/ndpi.h"
#include "lib/sock.h"

_Static_assert(sizeof(SL_CORE_NAME) <= sizeof(SL_SPARE_NAME), "written over the other");

static void take(int *into, int fd)
{
	if (*into >= 0)
		close(*into);
	*into = fd;
}

/* 1: that was the last. */
static int obey(struct sl_options *options, char word, int fd)
{
	switch (word) {
	case SL_SPARE_CONTROL:
		take(&options->control_fd, fd);
		return 0;
	case SL_SPARE_LOCK:
		take(&options->lock_fd, fd);
		return 0;
	case SL_SPARE_READY:
		take(&options->ready_fd, fd);
		return 0;
	case SL_SPARE_GO_WAIT_POLICY:
		options->wait_policy = true;
		return 1;
	case SL_SPARE_GO:
		return 1;
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

int sl_spare_wait(struct sl_options *options, char *name, struct sl_err *err)
{
	int r = 0, fd;
	ssize_t n;
	char word;

	prctl(PR_SET_NAME, SL_SPARE_NAME);
	if (!options->forward_only)
		r = sl_ndpi_prepare(options->queues, err);
	if (r < 0)
		return r;
	/* Whatever it says: the libraries behind it are loaded by the first call. */
	getpwnam("nobody");
	do {
		n = sl_sock_recv_fd(options->spare_fd, &word, 1, &fd);
		if (n < 0)
			return sl_errno(err, (int)-n, "waiting to be needed");
		if (!n)
			return 1;
	} while (!obey(options, word, fd));
	close(options->spare_fd);
	options->spare_fd = -1;
	if (options->control_fd < 0 || options->lock_fd < 0 || options->ready_fd < 0)
		return sl_err(err, EBADMSG, "sent off without its descriptors");
	prctl(PR_SET_NAME, SL_CORE_NAME);
	/* What `ps` shows. */
	if (!strcmp(name, SL_SPARE_NAME))
		memcpy(memset(name, 0, strlen(SL_SPARE_NAME)), SL_CORE_NAME, strlen(SL_CORE_NAME));
	return 0;
}
