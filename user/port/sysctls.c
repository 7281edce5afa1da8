// SPDX-License-Identifier: BSD-2-Clause
/*
 * A port's sysctls: whatever files the kernel has, so that one nobody has
 * heard of yet is kept too.
 *
 * Invariant: only what differs is written. Files that are another view of a
 * neighbour's value (in coarser units) or that act when written are left out;
 * the value they stand for is kept by other means.
 */
#include "port/sysctls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/sysctl.h"
#include "port/sysfs.h"

#define VALUE_MAX 256

static const char *const folders[] = { "net/ipv4/conf", "net/ipv4/neigh", SYSCTLS_IPV6, "net/ipv6/neigh",
				       "net/mpls/conf" };

/* The folders of one protocol are below a common one, which is opened once: see sl_sysctl_folder(). */
struct protocol {
	char path[16]; /* "net/ipv4" */
	int fd; /* or -errno */
};
#define PROTOCOL_NONE                                                                                        \
	{                                                                                                    \
		.fd = -EBADF                                                                                 \
	}

/* Makes it the one of `folder`; the rest of the folder's path, to be read behind it. */
static const char *protocol_of(struct protocol *protocol, const char *folder)
{
	size_t len = strrchr(folder, '/') - folder;

	if (strncmp(protocol->path, folder, len) != 0 || protocol->path[len]) {
		if (protocol->fd >= 0)
			close(protocol->fd);
		snprintf(protocol->path, sizeof(protocol->path), "%.*s", (int)len, folder);
		protocol->fd = sl_sysctl_folder(protocol->path);
	}
	return folder + len + 1;
}

static void protocol_close(const struct protocol *protocol)
{
	if (protocol->fd >= 0)
		close(protocol->fd);
}

static const char *const left_out[] = {
	"addr_gen_mode", /* writing it makes a link-local address; carried over by netlink */
	"base_reachable_time", /* seconds of base_reachable_time_ms */
	"retrans_time", /* ticks of retrans_time_ms */
	"unres_qlen", /* packets of unres_qlen_bytes */
	"mc_forwarding", /* read-only: a multicast router's socket sets it */
};

static bool is_left_out(const char *file)
{
	size_t i;

	for (i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (!strcmp(file, left_out[i]))
			return true;
	return false;
}

static int add(struct port_sysctls *list, const char *folder, const char *file, const char *value)
{
	struct port_sysctl *entry;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 128;
		struct port_sysctl *grown = reallocarray(list->item, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->item = grown;
		list->room = room;
	}
	entry = &list->item[list->n];
	entry->folder = folder;
	snprintf(entry->file, sizeof(entry->file), "%s", file);
	entry->value = strdup(value);
	if (!entry->value)
		return -ENOMEM;
	list->n++;
	return 0;
}

static int read_folder(struct protocol *protocol, const char *port, const char *folder,
		       struct port_sysctls *ret)
{
	char path[160], value[VALUE_MAX];
	struct dirent *entry;
	int rc = 0, fd;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", protocol_of(protocol, folder), port);
	fd = protocol->fd < 0 ? protocol->fd : openat(protocol->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && protocol->fd >= 0)
		fd = -errno;
	/* No IPv6 on this port, or in this kernel. */
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (!rc && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) > 63 || is_left_out(entry->d_name))
			continue;
		rc = sl_sysctl_read_at(dirfd(dir), entry->d_name, value, sizeof(value), NULL);
		if (!rc)
			rc = add(ret, folder, entry->d_name, value);
		/* One that cannot be read holds nothing: stable_secret until it is set. */
		else if (rc == -EIO || rc == -EACCES || rc == -EPERM)
			rc = 0;
	}
	closedir(dir);
	return rc;
}

int sysctls_add(struct port_sysctls *list, const char *folder, const char *file, const char *value)
{
	size_t i;

	if (!strcmp(folder, SYSFS_FOLDER) && sysfs_knows(file))
		return add(list, SYSFS_FOLDER, file, value);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (!strcmp(folder, folders[i]) && strlen(file) <= 63 && !strchr(file, '/'))
			return add(list, folders[i], file, value);
	return -EBADMSG;
}

int sysctls_read(const char *port, struct port_sysctls *ret, struct sl_err *err)
{
	struct protocol protocol = PROTOCOL_NONE;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(folders) / sizeof(folders[0]); i++) {
		rc = read_folder(&protocol, port, folders[i], ret);
		if (rc)
			sl_errno(err, -rc, "cannot read the sysctls %s/%s", folders[i], port);
	}
	protocol_close(&protocol);
	return rc ? rc : sysfs_read(port, ret, err);
}

const char *sysctls_value(const struct port_sysctls *sysctls, const char *folder, const char *file)
{
	size_t i;

	for (i = 0; i < sysctls->n; i++)
		if (!strcmp(sysctls->item[i].file, file) && !strcmp(sysctls->item[i].folder, folder))
			return sysctls->item[i].value;
	return NULL;
}

static bool same(const struct port_sysctl *wanted, const struct port_sysctls *now)
{
	const char *value = sysctls_value(now, wanted->folder, wanted->file);

	return value && !strcmp(value, wanted->value);
}

const struct port_sysctl *sysctls_difference(const struct port_sysctls *wanted,
					     const struct port_sysctls *now)
{
	size_t i;

	for (i = 0; i < wanted->n; i++)
		if (!same(&wanted->item[i], now))
			return &wanted->item[i];
	return NULL;
}

int sysctls_apply(const char *port, const struct port_sysctls *wanted, const struct port_sysctls *known,
		  struct sl_err *err)
{
	struct protocol protocol = PROTOCOL_NONE;
	struct port_sysctls now = { 0 };
	char path[160];
	size_t i;
	int rc = 0;

	if (!known)
		rc = sysctls_read(port, &now, err);
	for (i = 0; !rc && i < wanted->n; i++) {
		const struct port_sysctl *entry = &wanted->item[i];

		if (!strcmp(entry->folder, SYSFS_FOLDER) || same(entry, known ? known : &now))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", protocol_of(&protocol, entry->folder), port,
			 entry->file);
		if (protocol.fd < 0)
			rc = sl_errno(err, -protocol.fd, "cannot open the sysctls %s", protocol.path);
		else
			rc = sl_sysctl_write_at(protocol.fd, path, entry->value, err);
	}
	protocol_close(&protocol);
	sysctls_free(&now);
	return rc ? rc : sysfs_apply(port, wanted, err);
}

void sysctls_free(struct port_sysctls *sysctls)
{
	size_t i;

	for (i = 0; i < sysctls->n; i++)
		free(sysctls->item[i].value);
	free(sysctls->item);
	memset(sysctls, 0, sizeof(*sysctls));
}
