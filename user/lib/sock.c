// SPDX-License-Identifier: BSD-2-Clause
/* Unix SEQPACKET sockets; see sock.h for the invariant. */
#include "lib/sock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16
/* A peer that does not take what it is sent must not hold its partner for ever. */
#define SEND_TIMEOUT_S 5

static int address(const char *path, struct sockaddr_un *ret, struct sl_err *err)
{
	if (strlen(path) >= sizeof(ret->sun_path))
		return sl_err(
			err, ENAMETOOLONG,
			"socket path %s is longer than %zu characters: choose a shorter run_dir or instance",
			path, sizeof(ret->sun_path) - 1);
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(ret->sun_path, path);
	return 0;
}

static int connect_to(const struct sockaddr_un *addr, int flags)
{
	struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	int r;

	if (fd < 0)
		return -errno;
	/* Also bounds connect() to a listener whose backlog is full. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	do {
		r = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	} while (r && errno == EINTR);
	if (r) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Removes a socket file nobody listens on. 0 when the path is free then. */
static int clear_stale(const struct sockaddr_un *addr, struct sl_err *err)
{
	const char *path = addr->sun_path;
	struct stat st;
	int fd;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : sl_errno(err, errno, "cannot look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return sl_err(err, EEXIST, "%s exists and is not a socket: remove it", path);
	fd = connect_to(addr, SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	/* EAGAIN: somebody listens whose backlog is full. EPROTOTYPE: a socket of another type is alive there. */
	if (fd != -ECONNREFUSED && fd != -ENOENT)
		return sl_err(err, EADDRINUSE, "another process listens on %s", path);
	if (unlink(path) && errno != ENOENT)
		return sl_errno(err, errno, "cannot remove the stale socket %s", path);
	return 0;
}

int sl_sock_listen(const char *path, struct sl_err *err)
{
	struct sockaddr_un addr;
	int fd, r;

	r = address(path, &addr, err);
	if (!r)
		r = clear_stale(&addr, err);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sl_errno(err, errno, "cannot make a socket for %s", path);
	/* The file inherits the socket's mode, so there is no moment in which others could connect. */
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		r = sl_errno(err, errno, "cannot bind %s", path);
		close(fd);
		return r;
	}
	if (listen(fd, BACKLOG)) {
		r = sl_errno(err, errno, "cannot listen on %s", path);
		unlink(path);
		close(fd);
		return r;
	}
	return fd;
}

int sl_sock_connect(const char *path, struct sl_err *err)
{
	struct sockaddr_un addr;
	int r;

	r = address(path, &addr, err);
	if (r)
		return r;
	r = connect_to(&addr, 0);
	if (r == -EAGAIN)
		return sl_err(err, ETIMEDOUT, "nobody accepts connections on %s", path);
	if (r < 0)
		return sl_errno(err, r, "cannot connect to %s", path);
	return r;
}

int sl_sock_peer(int fd, uid_t *ret_uid, pid_t *ret_pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	*ret_uid = cred.uid;
	*ret_pid = cred.pid;
	return 0;
}

int sl_sock_send(int fd, const void *data, size_t len)
{
	ssize_t n;

	if (len > SL_MSG_MAX)
		return -EMSGSIZE;
	do {
		n = send(fd, data, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t sl_sock_recv(int fd, void *buf, size_t size)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size < SL_MSG_MAX ? size : SL_MSG_MAX };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

union control {
	struct cmsghdr header; /* for its alignment */
	char space[CMSG_SPACE(sizeof(int))];
};

ssize_t sl_sock_recv_fd(int fd, void *buf, size_t size, int *ret_fd)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size < SL_MSG_MAX ? size : SL_MSG_MAX };
	/* Room for one: the kernel closes what does not fit. */
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	const struct cmsghdr *part;
	ssize_t n;

	*ret_fd = -1;
	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	part = CMSG_FIRSTHDR(&msg);
	if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
	    part->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(part), sizeof(int));
	return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

int sl_sock_send_fd(int fd, const void *data, size_t len, int passed)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	union control control = { .space = { 0 } };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	struct cmsghdr *part = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	if (len > SL_MSG_MAX)
		return -EMSGSIZE;
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(part), &passed, sizeof(int));
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
