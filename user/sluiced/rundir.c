// SPDX-License-Identifier: BSD-2-Clause
/* The run folder and its locks; see rundir.h for the invariant. */
#include "sluiced/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int make_folders(const char *path, mode_t mode, struct sl_err *err)
{
	char part[SL_PATH_LEN + 64];
	char *slash;

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return sl_err(err, ENAMETOOLONG, "the path %.64s… is too long", path);
	for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return sl_errno(err, errno, "cannot make folder %s", part);
		*slash = '/';
	}
	if (mkdir(part, mode) && errno != EEXIST)
		return sl_errno(err, errno, "cannot make folder %s", part);
	return 0;
}

int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, size - len)) > 0)
		len += n;
	n = n < 0 ? -errno : 0;
	close(fd);
	if (n)
		return n;
	if (len == size)
		return -EFBIG;
	text[len] = '\0';
	return len;
}

int lock_file(const char *path, struct sl_err *err)
{
	struct stat ours, there;
	int fd, r;

	/* Anew when the file was removed between open() and flock(): a lock on a nameless file locks nobody out. */
	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return sl_errno(err, errno, "cannot open lock %s", path);
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			r = sl_errno(err, errno, "cannot lock %s", path);
			close(fd);
			return r;
		}
		if (!fstat(fd, &ours) && !stat(path, &there) && ours.st_dev == there.st_dev &&
		    ours.st_ino == there.st_ino)
			return fd;
		close(fd);
	}
}

/* Locks and signs: "<pid> <instance>". */
static int take(const char *path, const char *instance, const char *what, struct sl_err *err)
{
	char line[64] = "";
	int fd, n;

	fd = lock_file(path, err);
	if (fd == -EWOULDBLOCK) {
		if (read_text(path, line, sizeof(line)) < 0)
			line[0] = '\0';
		line[strcspn(line, "\n")] = '\0';
		return sl_err(err, EBUSY, "%s is served by another sluiced (pid and instance: %s; lock %s)",
			      what, *line ? line : "not recorded yet", path);
	}
	if (fd < 0)
		return fd;
	n = snprintf(line, sizeof(line), "%d %s\n", getpid(), instance);
	if (ftruncate(fd, 0) || pwrite(fd, line, n, 0) != n) {
		n = sl_errno(err, errno, "cannot write lock %s", path);
		close(fd);
		return n;
	}
	return fd;
}

int rundir_open(struct rundir *dir, const struct sl_conf *conf, const struct sl_netns_id *ns,
		struct sl_err *err)
{
	char lock_path[SL_PATH_LEN], what[96];
	struct rundir made = RUNDIR_NONE;
	int r;

	if (snprintf(made.path, SL_PATH_LEN, "%s/%s", conf->run_dir, conf->instance) >= SL_PATH_LEN ||
	    sl_conf_run_path(conf, "ports", made.ports, sizeof(made.ports)) ||
	    sl_conf_run_path(conf, "lock", lock_path, sizeof(lock_path)) ||
	    snprintf(made.netns_lock_path, SL_PATH_LEN, "%s/netns-%lu-%lu.lock", conf->run_dir,
		     (unsigned long)ns->dev, (unsigned long)ns->ino) >= SL_PATH_LEN)
		return sl_err(err, ENAMETOOLONG, "the paths below %s are too long: choose a shorter run_dir",
			      conf->run_dir);
	r = make_folders(conf->run_dir, 0755, err);
	if (!r)
		r = make_folders(made.ports, 0700, err);
	if (r)
		return r;
	snprintf(what, sizeof(what), "instance %s", conf->instance);
	made.lock = take(lock_path, conf->instance, what, err);
	if (made.lock < 0)
		return made.lock;
	snprintf(what, sizeof(what), "network namespace net:[%lu]", (unsigned long)ns->ino);
	made.netns_lock = take(made.netns_lock_path, conf->instance, what, err);
	if (made.netns_lock < 0) {
		close(made.lock);
		return made.netns_lock;
	}
	*dir = made;
	return 0;
}

void rundir_close(struct rundir *dir)
{
	if (dir->lock >= 0)
		close(dir->lock);
	if (dir->netns_lock >= 0)
		close(dir->netns_lock);
	dir->lock = dir->netns_lock = -1;
}

static int remove_files(const char *path, struct sl_err *err)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return errno == ENOENT ? 0 : sl_errno(err, errno, "cannot read folder %s", path);
	while (!r && (entry = readdir(folder))) {
		if (entry->d_type != DT_DIR && unlinkat(dirfd(folder), entry->d_name, 0) && errno != ENOENT)
			r = sl_errno(err, errno, "cannot remove %s/%s", path, entry->d_name);
	}
	closedir(folder);
	if (!r && rmdir(path) && errno != ENOENT)
		r = sl_errno(err, errno, "cannot remove folder %s", path);
	return r;
}

int rundir_remove(const struct rundir *dir, struct sl_err *err)
{
	int r = remove_files(dir->ports, err);

	if (!r)
		r = remove_files(dir->path, err);
	if (!r && unlink(dir->netns_lock_path) && errno != ENOENT)
		r = sl_errno(err, errno, "cannot remove %s", dir->netns_lock_path);
	return r;
}
