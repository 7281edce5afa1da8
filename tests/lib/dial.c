// SPDX-License-Identifier: BSD-2-Clause
/* One connection, one datagram; see dial.h for the invariant. */
#include "lib/dial.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Tests dial without accepting: more than any of them dials, or the last ones are met with silence. */
#define BACKLOG 1024

socklen_t dial_address(const char *text, int port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *v6 = (void *)ret;
	struct sockaddr_in *v4 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (strchr(text, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		inet_pton(AF_INET6, text, &v6->sin6_addr);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	inet_pton(AF_INET, text, &v4->sin_addr);
	return sizeof(*v4);
}

int dial_server(struct ns *ns, const char *at, int port, int type)
{
	struct sockaddr_storage addr;
	socklen_t len = dial_address(at, port, &addr);
	int fd = ns_socket(ns, addr.ss_family, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert(fd >= 0 && !bind(fd, (void *)&addr, len) && (type != SOCK_STREAM || !listen(fd, BACKLOG)),
		  "a server at %s port %d: %s", at, port, strerror(errno));
	return fd;
}

int dial_tcp(struct ns *from, const char *to, int port, int ms, int *ret_fd)
{
	struct sockaddr_storage addr;
	socklen_t len = dial_address(to, port, &addr), size = sizeof(int);
	int fd = ns_socket(from, addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	cr_assert(fd >= 0);
	if (connect(fd, (void *)&addr, len) && errno != EINPROGRESS)
		error = errno;
	else if (poll(&wait, 1, ms) <= 0)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (!error && ret_fd)
		*ret_fd = fd;
	else
		close(fd);
	return error;
}

int dial_udp(struct ns *from, const char *to, int port, int receiver, int ms)
{
	struct sockaddr_storage addr;
	socklen_t len = dial_address(to, port, &addr), size = sizeof(int);
	int fd = ns_socket(from, addr.ss_family, SOCK_DGRAM, 0), error = ETIMEDOUT;
	struct pollfd wait[] = { { .fd = receiver, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	char text[64];

	cr_assert(fd >= 0 && !connect(fd, (void *)&addr, len) && send(fd, "hello", 5, 0) == 5);
	if (poll(wait, 2, ms) > 0) {
		if (wait[0].revents)
			error = recv(receiver, text, sizeof(text), 0) == 5 ? 0 : EBADMSG;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
	close(fd);
	return error;
}
