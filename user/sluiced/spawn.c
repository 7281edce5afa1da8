// SPDX-License-Identifier: BSD-2-Clause
/* The core's process; see spawn.h for the invariant. */
#include "sluiced/spawn.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/sock.h"
#include "sluiced/core_process.h"

#define STATUS_TIMEOUT_S 1
#define SETTINGS_LEN 768

static __u32 map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* What a running core cannot change any more: if this differs, it must be another one. */
static void settings_text(const struct instance *inst, char text[SETTINGS_LEN])
{
	const struct sl_conf *conf = &inst->conf;

	snprintf(text, SETTINGS_LEN,
		 "vth=%s:%u queues=%u mtu=%u heartbeat_ms=%u busy_poll_us=%u user=%s xsks=%u core=%u "
		 "inspect=%d sessions=%u say_unreachable=%d events_per_second=%u agent=%d flows=%u "
		 "verdicts=%d vtk=%s:%u",
		 conf->vth, inst->bridge.vth_ifindex, inst->bridge.queues, inst->bridge.mtu,
		 conf->heartbeat_ms, conf->busy_poll_us, conf->dpi_user, map_id(inst->maps.xsks),
		 map_id(inst->maps.core), conf->inspect, conf->sessions, conf->say_unreachable,
		 conf->events_per_second, conf->compat && conf->inspect,
		 core_needs_flows(inst) ? map_id(inst->maps.flows) : 0, sl_conf_verdicts(conf),
		 inst->bridge.vtk_ifindex ? conf->vtk : "", inst->bridge.vtk_ifindex);
}

static int run_path(const struct instance *inst, const char *file, char path[SL_PATH_LEN], struct sl_err *err)
{
	if (sl_conf_run_path(&inst->conf, file, path, SL_PATH_LEN))
		return sl_err(err, ENAMETOOLONG, "the path %s/%s is too long", inst->run.path, file);
	return 0;
}

static int write_lock(const struct instance *inst, int lock, pid_t pid)
{
	char settings[SETTINGS_LEN], text[SETTINGS_LEN + 32];
	int len;

	settings_text(inst, settings);
	len = snprintf(text, sizeof(text), "%d\n%s\n", pid, settings);
	return ftruncate(lock, 0) || pwrite(lock, text, len, 0) != len ? -errno : 0;
}

int spawn_core(const struct instance *inst, struct spare *spare, struct spawned *ret, struct sl_err *err)
{
	struct core_descriptors fds = CORE_DESCRIPTORS_NONE;
	struct spawned made = { .pidfd = -1, .ready_fd = -1, .child = true, .fits = true };
	char lock_path[SL_PATH_LEN], sock_path[SL_PATH_LEN];
	int ready[2], r;

	r = run_path(inst, "dpi.lock", lock_path, err);
	if (!r)
		r = run_path(inst, "dpi.sock", sock_path, err);
	if (r)
		return r;
	if (pipe2(ready, O_CLOEXEC | O_NONBLOCK))
		return sl_errno(err, errno, "cannot make a pipe for the core");
	fds.ready = ready[1];
	fds.lock = r = lock_file(lock_path, err);
	if (r == -EWOULDBLOCK)
		r = sl_err(err, EBUSY, "a core of instance %s runs already (lock %s)", inst->conf.instance,
			   lock_path);
	if (r >= 0)
		fds.control = r = sl_sock_listen(sock_path, err);
	if (r >= 0) {
		made.was_spare = !spare_go(spare, &fds, &made.pid);
		r = made.was_spare ? 0 : core_process_run(inst, &fds, &made.pid, err);
	}
	if (r < 0)
		goto out;
	made.pidfd = pidfd_open(made.pid, 0);
	made.ready_fd = ready[0];
	if (made.pidfd < 0) {
		/* Not waited for yet, so the number is still its own. */
		r = sl_errno(err, errno, "cannot watch the core (pid %d)", made.pid);
		kill(made.pid, SIGKILL);
		goto out;
	}
	if (write_lock(inst, fds.lock, made.pid))
		sl_warn("cannot write %s: the next daemon will start another core", lock_path);
	*ret = made;
out:
	/* From here on the core alone holds the lock, and alone listens. */
	if (fds.lock >= 0)
		close(fds.lock);
	if (fds.control >= 0)
		close(fds.control);
	close(ready[1]);
	if (r)
		close(ready[0]);
	return r;
}

static bool has_open(pid_t pid, const char *path)
{
	char folder[64], entry_path[512];
	struct statx found_at;
	struct stat wanted;
	struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", pid);
	fds = opendir(folder);
	if (!fds || stat(path, &wanted)) {
		if (fds)
			closedir(fds);
		return false;
	}
	while (!found && (entry = readdir(fds))) {
		snprintf(entry_path, sizeof(entry_path), "%s/%s", folder, entry->d_name);
		/* Not synced: a file system of a container that does not answer must not hold the daemon. */
		found = !statx(AT_FDCWD, entry_path, AT_STATX_DONT_SYNC, STATX_INO, &found_at) &&
			makedev(found_at.stx_dev_major, found_at.stx_dev_minor) == wanted.st_dev &&
			found_at.stx_ino == wanted.st_ino;
	}
	closedir(fds);
	return found;
}

/* Who has it open? Needed when the daemon was killed before it could write the core's pid down. 0: nobody. */
static pid_t find_holder(const char *path)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid = 0;

	while (proc && !pid && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		pid = atoi(entry->d_name);
		if (pid == getpid() || !has_open(pid, path))
			pid = 0;
	}
	if (proc)
		closedir(proc);
	return pid;
}

/* Does it answer, and serve as many queues as it should? */
static bool answers(const struct instance *inst)
{
	static const char request[] = "{\"cmd\":\"status\"}";
	struct timeval timeout = { .tv_sec = STATUS_TIMEOUT_S };
	char path[SL_PATH_LEN], *answer = malloc(SL_MSG_MAX);
	json_t *object = NULL;
	int fd = -1, ok, queues;
	bool good = false;
	ssize_t n = -1;

	if (answer && !run_path(inst, "dpi.sock", path, NULL))
		fd = sl_sock_connect(path, NULL);
	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) &&
	    !sl_sock_send(fd, request, strlen(request)))
		n = sl_sock_recv(fd, answer, SL_MSG_MAX);
	if (n > 0)
		object = json_loadb(answer, n, 0, NULL);
	if (object && !json_unpack(object, "{s:b, s:{s:i}}", "ok", &ok, "result", "queues", &queues))
		good = ok && queues == (int)inst->bridge.queues;
	json_decref(object);
	if (fd >= 0)
		close(fd);
	free(answer);
	return good;
}

int find_core(const struct instance *inst, struct spawned *ret, struct sl_err *err)
{
	struct spawned found = { .ready_fd = -1 };
	char path[SL_PATH_LEN], text[SETTINGS_LEN + 32], settings[SETTINGS_LEN], *line;
	int r;

	r = run_path(inst, "dpi.lock", path, err);
	if (r)
		return r;
	r = lock_file(path, err);
	if (r >= 0)
		close(r);
	if (r != -EWOULDBLOCK)
		return r >= 0 ? sl_err(err, ENOENT, "no core of instance %s runs", inst->conf.instance) : r;
	r = read_text(path, text, sizeof(text));
	if (r < 0)
		return sl_errno(err, r, "cannot read %s", path);
	found.pid = strtol(text, &line, 10);
	if (found.pid <= 1 || *line != '\n' || !has_open(found.pid, path)) {
		found.pid = find_holder(path);
		line = text + strlen(text); /* what is written there was of another core */
	}
	found.pidfd = found.pid ? pidfd_open(found.pid, 0) : -1;
	/* Again, now that the descriptor keeps the number from meaning another process. */
	if (found.pidfd < 0 || !has_open(found.pid, path)) {
		if (found.pidfd >= 0)
			close(found.pidfd);
		return sl_err(err, ESRCH, "a core runs that holds %s, but it cannot be found: end it by hand",
			      path);
	}
	if (*line)
		line++;
	line[strcspn(line, "\n")] = '\0';
	settings_text(inst, settings);
	found.fits = !strcmp(line, settings) && answers(inst);
	*ret = found;
	return 0;
}

int tell_core(const struct instance *inst, const char *json, struct sl_err *err)
{
	char path[SL_PATH_LEN];
	int fd, r;

	r = run_path(inst, "dpi.sock", path, err);
	if (r)
		return r;
	fd = sl_sock_connect(path, err);
	if (fd < 0)
		return fd;
	r = sl_sock_send(fd, json, strlen(json));
	close(fd);
	return r ? sl_errno(err, r, "cannot write to %s", path) : 0;
}
