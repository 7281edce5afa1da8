// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading and writing a port's settings in sysfs; see sysfs.h.
 *
 * Invariant: the kernel makes all of them zero, so what is zero is not kept,
 * and what is there but not wanted becomes zero. Where there is no sysfs of
 * another namespace to be had (before Linux 5.2), there is nothing to keep.
 */
#include "port/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/sysctl.h"
#include "lib/sysfs.h"

#define QUEUES_MAX 64
#define VALUE_MAX 1024 /* a mask of CPUs */

static const char *const own[] = { "gro_flush_timeout", "napi_defer_hard_irqs", "threaded" };
static const char *const of_rx[] = { "rps_cpus", "rps_flow_cnt" };
static const char *const of_tx[] = { "xps_cpus", "xps_rxqs", "tx_maxrate" };
#define N(list) (sizeof(list) / sizeof((list)[0]))

static bool is_in(const char *file, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(file, list[i]))
			return true;
	return false;
}

bool sysfs_knows(const char *file)
{
	char direction[3], name[32];
	unsigned int queue;
	int end = 0;

	if (is_in(file, own, N(own)))
		return true;
	if (sscanf(file, "queues/%2[rtx]-%u/%31[a-z_]%n", direction, &queue, name, &end) != 3 || file[end])
		return false;
	return !strcmp(direction, "rx") ? is_in(name, of_rx, N(of_rx)) : is_in(name, of_tx, N(of_tx));
}

/* The port's folder. */
static int open_port(const char *port)
{
	char path[32 + IFNAMSIZ];
	int sysfs = sl_sysfs_open(NULL), fd;

	if (sysfs < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "class/net/%s", port);
	fd = openat(sysfs, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = fd < 0 ? -errno : fd;
	close(sysfs);
	return fd;
}

/* 1: read; 0: there is no such file, or none that could be read; -errno. */
static int read_file(int folder, const char *file, struct port_sysctls *list)
{
	char value[VALUE_MAX];
	int rc = sl_sysctl_read_at(folder, file, value, sizeof(value), NULL);

	/* Not all queues have all files, and some files can be read only where the driver knows an answer. */
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc == -EINVAL || rc == -EOPNOTSUPP || rc == -EACCES || rc == -EIO ? 1 : rc;
	if (value[strspn(value, "0,")])
		rc = sysctls_add(list, SYSFS_FOLDER, file, value);
	return rc ? rc : 1;
}

static int read_queues(int folder, const char *direction, const char *const *files, size_t n,
		       struct port_sysctls *list)
{
	char file[64];
	int rc = 1;

	for (unsigned int queue = 0; rc > 0 && queue < QUEUES_MAX; queue++) {
		for (size_t i = 0; rc >= 0 && i < n; i++) {
			snprintf(file, sizeof(file), "queues/%s-%u/%s", direction, queue, files[i]);
			rc = read_file(folder, file, list);
			/* The first file is one that every queue has. */
			if (!rc && !i)
				return 0;
		}
		rc = rc < 0 ? rc : 1;
	}
	return rc < 0 ? rc : 0;
}

int sysfs_read(const char *port, struct port_sysctls *list, struct sl_err *err)
{
	int folder = open_port(port), rc = 0;

	if (folder < 0)
		return 0;
	for (size_t i = 0; rc >= 0 && i < N(own); i++)
		rc = read_file(folder, own[i], list);
	if (rc >= 0)
		rc = read_queues(folder, "rx", of_rx, N(of_rx), list);
	if (rc >= 0)
		rc = read_queues(folder, "tx", of_tx, N(of_tx), list);
	close(folder);
	return rc < 0 ? sl_errno(err, -rc, "cannot read the settings of %s in sysfs", port) : 0;
}

static int write_file(int folder, const char *port, const char *file, const char *value, struct sl_err *err)
{
	int code = sl_fault("write of a sysctl"), fd;
	size_t len = strlen(value);

	if (code)
		return sl_errno(err, code, "cannot set %s of %s in sysfs", file, port);
	fd = openat(folder, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, len) != (ssize_t)len)
		code = errno;
	if (fd >= 0)
		close(fd);
	return code ? sl_errno(err, code, "cannot set %s of %s in sysfs to \"%s\"", file, port, value) : 0;
}

static bool holds(const struct port_sysctls *list, const struct port_sysctl *entry, bool same_value)
{
	const char *value = sysctls_value(list, SYSFS_FOLDER, entry->file);

	return value && (!same_value || !strcmp(value, entry->value));
}

int sysfs_apply(const char *port, const struct port_sysctls *wanted, struct sl_err *err)
{
	struct port_sysctls now = { 0 };
	int folder, rc;

	rc = sysfs_read(port, &now, err);
	folder = rc ? -1 : open_port(port);
	for (size_t i = 0; folder >= 0 && !rc && i < now.n; i++)
		if (!holds(wanted, &now.item[i], false))
			rc = write_file(folder, port, now.item[i].file, "0", err);
	for (size_t i = 0; folder >= 0 && !rc && i < wanted->n; i++)
		if (!strcmp(wanted->item[i].folder, SYSFS_FOLDER) && !holds(&now, &wanted->item[i], true))
			rc = write_file(folder, port, wanted->item[i].file, wanted->item[i].value, err);
	if (folder >= 0)
		close(folder);
	sysctls_free(&now);
	return rc;
}
