// SPDX-License-Identifier: BSD-2-Clause
/*
 * The instance's folder on the BPF file system.
 *
 * Invariant: nothing is made or removed outside a BPF file system, so a wrong
 * path can neither litter nor empty somebody's folder.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sluiced/attach.h"
#include "sluiced/attach_hook.h"

#define DEPTH_MAX 4 /* <pin_dir>/links/<note>/<note> */

/* Makes the folder and those above it that are missing; looks at the file system before the first is made. */
static int make_folder(const char *path, unsigned int depth, struct sl_err *err)
{
	char above[SL_PATH_LEN];
	struct statfs fs;
	char *slash;
	int r;

	if (!statfs(path, &fs)) {
		if ((__u32)fs.f_type == BPF_FS_MAGIC)
			return 0;
		return sl_err(err, EINVAL,
			      "%s is not on a BPF file system: mount one (mount -t bpf bpf %s) or set "
			      "bpffs",
			      path, path);
	}
	if (errno != ENOENT)
		return sl_errno(err, errno, "cannot look at %s", path);
	snprintf(above, sizeof(above), "%s", path);
	slash = strrchr(above, '/');
	if (!slash || slash == above || !depth)
		return sl_errno(err, ENOENT, "there is no BPF file system to make %s on", path);
	*slash = '\0';
	r = make_folder(above, depth - 1, err);
	if (r)
		return r;
	if (mkdir(path, 0700) && errno != EEXIST)
		return sl_errno(err, errno, "cannot make the folder %s", path);
	return 0;
}

int pins_make_folders(const char *pin_dir, struct sl_err *err)
{
	static const char *const below[] = { "progs", "links" };
	char path[SL_PATH_LEN];
	unsigned int i;
	int r;

	for (i = 0; i < 2; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", pin_dir, below[i]) >= (int)sizeof(path))
			return sl_err(err, ENAMETOOLONG,
				      "the pin folder's path %s is too long: choose a shorter bpffs",
				      pin_dir);
		r = make_folder(path, DEPTH_MAX, err);
		if (r)
			return r;
	}
	return 0;
}

int pins_put_program(const char *pin_dir, const char *name, int fd, struct sl_err *err)
{
	char path[SL_PATH_LEN + 32], fresh[SL_PATH_LEN + 32];
	int code;

	snprintf(path, sizeof(path), "%s/progs/%s", pin_dir, name);
	snprintf(fresh, sizeof(fresh), "%s/progs/%s_new", pin_dir, name); /* bpffs takes no dot in a name */
	if (unlink(fresh) && errno != ENOENT)
		return sl_errno(err, errno, "cannot remove the old pin %s", fresh);
	if (bpf_obj_pin(fd, fresh))
		return sl_errno(err, errno, "cannot pin the program as %s", fresh);
	if (rename(fresh, path)) {
		code = errno;
		unlink(fresh);
		return sl_errno(err, code, "cannot pin the program as %s", path);
	}
	return 0;
}

/* Empties the folder behind dir_fd (consumed). 0, or -errno with the name that could not be removed. */
static int empty_folder(int dir_fd, unsigned int depth, char name[NAME_MAX + 1])
{
	struct dirent *entry;
	DIR *dir;
	int fd, r = 0;

	dir = fdopendir(dir_fd);
	if (!dir) {
		r = -errno;
		close(dir_fd);
		return r;
	}
	while (!r && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
		if (!unlinkat(dirfd(dir), name, 0))
			continue;
		if (errno != EISDIR && errno != EPERM) {
			r = -errno;
			break;
		}
		fd = openat(dirfd(dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			r = -errno;
			break;
		}
		if (!depth) {
			close(fd);
			r = -ELOOP;
			break;
		}
		r = empty_folder(fd, depth - 1, name);
		if (!r && unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR))
			r = -errno;
	}
	closedir(dir);
	return r;
}

int sl_pins_remove(const char *pin_dir, struct sl_err *err)
{
	char name[NAME_MAX + 1] = "";
	struct statfs fs;
	int fd, links, r;

	fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : sl_errno(err, errno, "cannot open the pin folder %s", pin_dir);
	if (fstatfs(fd, &fs) || (__u32)fs.f_type != BPF_FS_MAGIC) {
		close(fd);
		return sl_err(err, EINVAL, "%s is not on a BPF file system: nothing removed", pin_dir);
	}
	/* Attachments first: no program runs on while its maps lose their names. */
	links = openat(fd, "links", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = links >= 0 ? empty_folder(links, DEPTH_MAX, name) : 0;
	if (r)
		close(fd);
	else
		r = empty_folder(fd, DEPTH_MAX, name);
	if (r)
		return sl_errno(err, -r, "cannot remove %s below %s", name, pin_dir);
	if (rmdir(pin_dir) && errno != ENOENT)
		return sl_errno(err, errno, "cannot remove the pin folder %s", pin_dir);
	return 0;
}
