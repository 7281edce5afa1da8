// SPDX-License-Identifier: BSD-2-Clause
/* Drops all privileges; see sandbox.h for the invariant. */
#include "dpi/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/log.h"

static int find_user(const char *user, uid_t *ret_uid, gid_t *ret_gid, const char **ret_user,
		     struct sl_err *err)
{
	static char name[64];
	const char *const names[] = { user ? user : "sluice", user ? NULL : "nobody" };
	const struct passwd *pw = NULL;

	for (unsigned int i = 0; i < 2 && !pw && names[i]; i++) {
		errno = 0;
		pw = getpwnam(names[i]);
	}
	if (!pw && user)
		return sl_err(err, ENOENT, "user %s does not exist: create it, or give --user another", user);
	if (!pw)
		return sl_err(err, ENOENT,
			      "neither user sluice nor nobody exists: create one, or give --user");
	if (!pw->pw_uid || !pw->pw_gid)
		return sl_err(err, EINVAL, "user %s has root's uid or gid: the core must not run as root",
			      pw->pw_name);
	snprintf(name, sizeof(name), "%s", pw->pw_name);
	*ret_uid = pw->pw_uid;
	*ret_gid = pw->pw_gid;
	*ret_user = name;
	return 0;
}

/* Believe nobody: what is left in the process decides. */
static int verify(uid_t uid, gid_t gid, struct sl_err *err)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0 || ruid != uid ||
	    euid != uid || suid != uid || rgid != gid || egid != gid || sgid != gid ||
	    getgroups(0, NULL) != 0)
		return sl_err(err, EPERM,
			      "privileges were not dropped: the user or group ids are not %u:%u alone", uid,
			      gid);
	if (capng_get_caps_process() < 0 || capng_have_capabilities(CAPNG_SELECT_ALL) > CAPNG_NONE)
		return sl_err(err, EPERM, "privileges were not dropped: capabilities are left");
	return 0;
}

/*
 * An empty file system of its own for the process: the one it had is not
 * hidden behind permissions but gone. In a mount namespace of its own, where
 * making mounts is possible only with CAP_SYS_ADMIN; without that the filter
 * of system calls is what is left.
 */
static int leave_files(struct sl_err *err)
{
	static const char place[] =
		"/tmp"; /* any folder will do: what is mounted there is seen by nobody else */

	if (unshare(CLONE_NEWNS | CLONE_FS) < 0) {
		if (errno != EPERM)
			return sl_errno(err, errno, "a mount namespace for the core");
		sl_warn("without CAP_SYS_ADMIN the core keeps its view of the file system (it can open "
			"nothing there)");
		return 0;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return sl_errno(err, errno, "making the core's mounts private");
	if (mount("sluice-dpi", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4k,nr_inodes=1,mode=0555") < 0)
		return sl_errno(err, errno, "an empty file system on %s", place);
	/* The old root lies on top of the new one then, and is taken off. */
	if (chdir(place) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		return sl_errno(err, errno, "making the empty file system the root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return sl_errno(err, errno, "making the empty root read-only");
	return 0;
}

int sl_sandbox_enter(const char *user, const char **ret_user, struct sl_err *err)
{
	const char *name;
	uid_t uid = 0;
	gid_t gid = 0;
	int r;

	r = find_user(user, &uid, &gid, &name, err);
	if (r < 0)
		return r;
	r = leave_files(err);
	if (r < 0)
		return r;
	capng_clear(CAPNG_SELECT_ALL);
	/* Groups, bounding set, ids, then the other sets: the order in which each is still allowed. */
	r = capng_change_id((int)uid, (int)gid,
			    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);
	if (r < 0)
		return sl_err(err, EPERM,
			      "cannot become user %s (libcap-ng step %d): CAP_SETUID, CAP_SETGID and "
			      "CAP_SETPCAP are "
			      "needed: start as root",
			      name, r);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return sl_errno(err, errno, "PR_SET_NO_NEW_PRIVS");
	/* A worker's pause is to last as long as it says; threads that are started from now on inherit it. */
	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	/* Frames are in our memory: no core dump, no ptrace by others of that user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return sl_errno(err, errno, "PR_SET_DUMPABLE");
	r = verify(uid, gid, err);
	if (r < 0)
		return r;
	*ret_user = name;
	return 0;
}
