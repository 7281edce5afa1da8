// SPDX-License-Identifier: BSD-2-Clause
/* Sealed memory files; see sealed.h for the invariant. */
#include "lib/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

int sl_sealed_map(int fd, const char *what, size_t min, size_t max, const void **ret, size_t *ret_size,
		  struct sl_err *err)
{
	const int needed = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *map;

	if (seals < 0 || (seals & needed) != needed)
		return sl_err(err, EPERM, "the memory file of %s is not sealed against changes", what);
	if (fstat(fd, &st))
		return sl_errno(err, errno, "cannot look at the memory file of %s", what);
	if (st.st_size < 0 || (size_t)st.st_size < min || (size_t)st.st_size > max)
		return sl_err(err, EBADMSG, "the memory file of %s: none has this size", what);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return sl_errno(err, errno, "cannot map the memory file of %s", what);
	*ret = map;
	*ret_size = (size_t)st.st_size;
	return 0;
}
