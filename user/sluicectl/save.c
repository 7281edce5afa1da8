// SPDX-License-Identifier: BSD-2-Clause
/* Writing files whole; see save.h. */
#include "sluicectl/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int save_all(int fd, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int save_file(const char *path, const void *data, size_t len, struct sl_err *err)
{
	char *beside = NULL;
	int fd, r;

	if (asprintf(&beside, "%s.new", path) < 0)
		return sl_err(err, ENOMEM, "no memory for the path %s", path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	r = fd < 0 ? -errno : save_all(fd, data, len);
	if (fd >= 0 && close(fd) && !r)
		r = -errno;
	if (!r && rename(beside, path))
		r = -errno;
	if (r && fd >= 0)
		unlink(beside);
	free(beside);
	return r ? sl_errno(err, r, "cannot write %s", path) : 0;
}
