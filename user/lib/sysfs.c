// SPDX-License-Identifier: BSD-2-Clause
/*
 * sysfs of a namespace, by way of a mount of its own.
 *
 * Invariant: nobody else sees the mount, and it is gone with its descriptor.
 */
#include "lib/sysfs.h"

#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

int sl_sysfs_open(struct sl_err *err)
{
	int context = fsopen("sysfs", FSOPEN_CLOEXEC), fd = -1, code;

	if (context >= 0 && !fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = fsmount(context, FSMOUNT_CLOEXEC,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	code = errno;
	if (context >= 0)
		close(context);
	return fd < 0 ? sl_errno(err, code, "cannot mount sysfs for this network namespace") : fd;
}
