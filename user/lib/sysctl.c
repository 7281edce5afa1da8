// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sysctls as files: /proc/sys/net shows the namespace of the task that opens
 * the file, so entering a network namespace is enough, no mount is needed.
 *
 * Invariant: a value is written whole in one write(), as the kernel parses it.
 */
#include "lib/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fault.h"

static int open_at(int folder, const char *path, int flags)
{
	int fd = sl_fault("open of a sysctl");

	if (fd)
		return -fd;
	fd = openat(folder, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int sysctl_open(const char *path, int flags)
{
	char full[512];
	int len;

	len = snprintf(full, sizeof(full), "/proc/sys/%s", path);
	if (len < 0 || (size_t)len >= sizeof(full))
		return -ENAMETOOLONG;
	return open_at(AT_FDCWD, full, flags);
}

/* fd is closed. */
static int write_value(int fd, const char *path, const char *value, struct sl_err *err)
{
	size_t len = strlen(value);
	ssize_t done;
	int code;

	if (fd < 0)
		return sl_errno(err, -fd, "cannot open sysctl %s for writing", path);
	code = sl_fault("write of a sysctl");
	done = code ? -1 : write(fd, value, len);
	if (!code)
		code = done < 0 ? errno : (size_t)done < len ? EIO : 0;
	close(fd);
	if (code)
		return sl_errno(err, code, "cannot set sysctl %s to \"%s\"", path, value);
	return 0;
}

int sl_sysctl_write(const char *path, const char *value, struct sl_err *err)
{
	return write_value(sysctl_open(path, O_WRONLY), path, value, err);
}

int sl_sysctl_write_at(int folder, const char *file, const char *value, struct sl_err *err)
{
	return write_value(open_at(folder, file, O_WRONLY), file, value, err);
}

int sl_sysctl_folder(const char *path)
{
	return sysctl_open(path, O_PATH | O_DIRECTORY);
}

/* fd is closed. */
static int read_value(int fd, const char *path, char *value, size_t size, struct sl_err *err)
{
	size_t used = 0;
	ssize_t got;
	int code;

	if (fd < 0)
		return sl_errno(err, -fd, "cannot open sysctl %s", path);
	do {
		got = read(fd, value + used, size - used);
		code = got < 0 ? errno : 0;
		if (got > 0)
			used += got;
		/* A value is one line: hundreds are read for a port, and the read that says so would be half of the calls. */
	} while (got > 0 && used < size && value[used - 1] != '\n');
	close(fd);
	if (code)
		return sl_errno(err, code, "cannot read sysctl %s", path);
	if (used && value[used - 1] == '\n')
		used--;
	if (used >= size)
		return sl_err(err, E2BIG, "sysctl %s holds more than %zu bytes", path, size - 1);
	value[used] = '\0';
	return 0;
}

int sl_sysctl_read(const char *path, char *value, size_t size, struct sl_err *err)
{
	return read_value(sysctl_open(path, O_RDONLY), path, value, size, err);
}

int sl_sysctl_read_at(int folder, const char *file, char *value, size_t size, struct sl_err *err)
{
	return read_value(open_at(folder, file, O_RDONLY), file, value, size, err);
}
