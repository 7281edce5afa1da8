// SPDX-License-Identifier: BSD-2-Clause
/* A socket that only says "look again"; see watch.h. */
#include "netlink/watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/fault.h"
#include "lib/netns.h"

struct watch {
	struct nl_sock *socket;
	long until_ms;
};

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

int watch_open(struct watch **ret, int netns_fd, struct sl_err *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int token, rc;

	if (watch)
		watch->socket = nl_socket_alloc();
	if (!watch || !watch->socket) {
		watch_close(watch);
		return sl_err(err, ENOMEM, "out of memory");
	}
	token = sl_netns_enter(netns_fd, err);
	if (token < 0) {
		watch_close(watch);
		return token;
	}
	rc = nl_connect(watch->socket, NETLINK_ROUTE);
	sl_netns_leave(token);
	if (!rc)
		rc = nl_socket_add_memberships(watch->socket, RTNLGRP_LINK, RTNLGRP_IPV6_IFINFO,
					       RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE, 0);
	if (rc) {
		watch_close(watch);
		return sl_err(err, EIO, "cannot listen to the kernel's network events: %s", nl_geterror(rc));
	}
	*ret = watch;
	return 0;
}

void watch_start(struct watch *watch, int timeout_ms)
{
	watch->until_ms = now_ms() + timeout_ms;
}

bool watch_wait(struct watch *watch)
{
	struct pollfd fd = { .fd = nl_socket_get_fd(watch->socket), .events = POLLIN };
	long left = watch->until_ms - now_ms();
	char drain[8192];

	if (left <= 0 || sl_fault("watch") || poll(&fd, 1, left) <= 0)
		return false;
	/* What it says does not matter (a full buffer included): the caller looks for itself. */
	while (recv(fd.fd, drain, sizeof(drain), MSG_DONTWAIT) > 0)
		;
	return true;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	nl_socket_free(watch->socket);
	free(watch);
}
