// SPDX-License-Identifier: BSD-2-Clause
/* Drops all privileges; see sandbox.h for the invariant. */
#include "dpi/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

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

int sl_sandbox_enter(const char *user, const char **ret_user, struct sl_err *err)
{
	const char *name;
	uid_t uid = 0;
	gid_t gid = 0;
	int r;

	r = find_user(user, &uid, &gid, &name, err);
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
	/* Frames are in our memory: no core dump, no ptrace by others of that user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return sl_errno(err, errno, "PR_SET_DUMPABLE");
	r = verify(uid, gid, err);
	if (r < 0)
		return r;
	/* The seccomp filter and an empty file system belong here: everything is open by now. */
	*ret_user = name;
	return 0;
}
