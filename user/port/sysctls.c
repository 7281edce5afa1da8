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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sysctl.h"
#include "port/sysfs.h"

#define VALUE_MAX 256

static const char *const folders[] = { "net/ipv4/conf", SYSCTLS_IPV6, "net/ipv4/neigh", "net/ipv6/neigh",
				       "net/mpls/conf" };

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

static int read_folder(const char *port, const char *folder, struct port_sysctls *ret)
{
	char path[160], value[VALUE_MAX];
	struct dirent *entry;
	DIR *dir;
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/sys/%s/%s", folder, port);
	dir = opendir(path);
	if (!dir)
		/* No IPv6 on this port, or in this kernel. */
		return errno == ENOENT ? 0 : -errno;
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
	size_t i;
	int rc;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		rc = read_folder(port, folders[i], ret);
		if (rc)
			return sl_errno(err, -rc, "cannot read the sysctls %s/%s", folders[i], port);
	}
	return sysfs_read(port, ret, err);
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
		snprintf(path, sizeof(path), "%s/%s/%s", entry->folder, port, entry->file);
		rc = sl_sysctl_write(path, entry->value, err);
	}
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
