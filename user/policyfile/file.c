// SPDX-License-Identifier: BSD-2-Clause
/*
 * A policy file from disk or standard input. Invariant: no more than the
 * longest file allowed is ever held, whatever is behind the path.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyfile/rules.h"

#define FIRST_ROOM 65536

static int read_all(int fd, const char *path, char **ret, size_t *ret_len, struct sl_err *err)
{
	size_t room = FIRST_ROOM, len = 0;
	char *text = malloc(room), *more;
	ssize_t n = 1;
	int r = 0;

	if (!text)
		return sl_err(err, ENOMEM, "no memory to read %s", path);
	while (n > 0 && !r) {
		if (len == room) {
			more = len > SL_RULES_FILE_MAX ? NULL : realloc(text, room *= 2);
			if (!more) {
				r = sl_err(err, E2BIG, "%s: longer than %u MiB", path,
					   SL_RULES_FILE_MAX >> 20);
				break;
			}
			text = more;
		}
		n = read(fd, text + len, room - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			r = sl_errno(err, errno, "cannot read %s", path);
		else
			len += (size_t)n;
	}
	if (r) {
		free(text);
		return r;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

int sl_rules_read_file(const char *path, struct sl_rules **ret, struct sl_err *err)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), r;
	char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return sl_errno(err, errno, "cannot open policy file %s", path);
	r = read_all(fd, path, &text, &len, err);
	if (!standard)
		close(fd);
	if (!r)
		r = sl_rules_read(text, len, standard ? "<stdin>" : path, ret, err);
	free(text);
	return r;
}
