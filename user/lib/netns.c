// SPDX-License-Identifier: BSD-2-Clause
/*
 * Network namespaces by descriptor: the only name of a namespace that stays
 * right while processes and files come and go. See netns.h for the invariant.
 */
#include "lib/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fault.h"

#define NETNS_DIR "/run/netns"
#define DOCKER_DIR "/run/docker/netns"

static int is_net_namespace(int fd)
{
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

static int open_net_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (!is_net_namespace(fd)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

int sl_netns_open_self(struct sl_err *err)
{
	int fd = open_net_namespace("/proc/thread-self/ns/net");

	if (fd < 0)
		return sl_errno(err, -fd, "cannot open this process's network namespace; is /proc mounted?");
	return fd;
}

int sl_netns_open_pid(pid_t pid, struct sl_err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open_net_namespace(path);
	if (fd == -ENOENT)
		return sl_err(err, ESRCH, "no process %d", (int)pid);
	if (fd < 0)
		return sl_errno(err, -fd, "cannot open the network namespace of process %d", (int)pid);
	return fd;
}

int sl_netns_open_name(const char *name_or_path, struct sl_err *err)
{
	char path[4096];
	int fd, len;

	if (strchr(name_or_path, '/'))
		len = snprintf(path, sizeof(path), "%s", name_or_path);
	else
		len = snprintf(path, sizeof(path), NETNS_DIR "/%s", name_or_path);
	if (len < 0 || (size_t)len >= sizeof(path))
		return sl_err(err, ENAMETOOLONG, "name of a network namespace is too long");
	fd = open_net_namespace(path);
	/* A mount point whose mount is gone is a plain empty file: no nsfs ioctl there either. */
	if (fd == -EINVAL)
		return sl_err(err, EINVAL, "%s is not a network namespace", path);
	if (fd < 0)
		return sl_errno(err, -fd, "cannot open network namespace %s", path);
	return fd;
}

int sl_netns_id(int netns_fd, struct sl_netns_id *ret_id)
{
	struct stat st;

	if (fstat(netns_fd, &st))
		return -errno;
	ret_id->dev = st.st_dev;
	ret_id->ino = st.st_ino;
	return 0;
}

int sl_netns_same(const struct sl_netns_id *a, const struct sl_netns_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* Descriptor if dir/name is the namespace, else negative. The second look guards against a reused path. */
static int open_if_it_is(const char *path, const struct sl_netns_id *id)
{
	struct sl_netns_id found = { 0 };
	struct stat st;
	int fd;

	if (stat(path, &st) || st.st_dev != id->dev || st.st_ino != id->ino)
		return -ENOENT;
	fd = open_net_namespace(path);
	if (fd < 0)
		return fd;
	if (sl_netns_id(fd, &found) || !sl_netns_same(&found, id)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int find_in_folder(const char *folder, const char *suffix, int numbers_only,
			  const struct sl_netns_id *id)
{
	struct dirent *entry;
	char path[512];
	DIR *dir;
	int fd = -ENOENT;

	dir = opendir(folder);
	if (!dir)
		return -errno;
	while (fd < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (numbers_only && (entry->d_name[0] < '0' || entry->d_name[0] > '9'))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", folder, entry->d_name, suffix);
		fd = open_if_it_is(path, id);
	}
	closedir(dir);
	return fd;
}

int sl_netns_find(const struct sl_netns_id *id, struct sl_err *err)
{
	int fd;

	fd = find_in_folder(NETNS_DIR, "", 0, id);
	if (fd < 0)
		fd = find_in_folder(DOCKER_DIR, "", 0, id);
	if (fd < 0)
		fd = find_in_folder("/proc", "/ns/net", 1, id);
	if (fd < 0)
		return sl_err(err, ENOENT,
			      "network namespace net:[%lu] is gone: no process and no name holds it",
			      (unsigned long)id->ino);
	return fd;
}

static int is_where_we_are(int netns_fd)
{
	struct stat here, there;

	return !stat("/proc/thread-self/ns/net", &here) && !fstat(netns_fd, &there) &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

int sl_netns_enter(int netns_fd, struct sl_err *err)
{
	int token = sl_netns_open_self(err);
	int code;

	if (token < 0)
		return token;
	/* Callers nest, and most often work where they are: that costs nothing. */
	if (is_where_we_are(netns_fd))
		return token;
	code = sl_fault("setns");
	if (code || setns(netns_fd, CLONE_NEWNET)) {
		code = code ? code : errno;
		close(token);
		return sl_errno(err, code, "cannot enter a network namespace (CAP_SYS_ADMIN is needed)");
	}
	return token;
}

void sl_netns_leave(int token)
{
	/* Going on in the wrong namespace would change somebody else's interfaces. */
	if (!is_where_we_are(token) && setns(token, CLONE_NEWNET)) {
		perror("cannot return to the own network namespace");
		abort();
	}
	close(token);
}
