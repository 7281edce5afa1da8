// SPDX-License-Identifier: BSD-2-Clause
/* What users call a workload, against a storage of podman's shape and a service of Docker's in a temporary folder. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluiced/containers.h"
#include "sluiced/resolve.h"
#include "sluiced/rundir.h"

#define ID_WEB "aa11111111111111111111111111111111111111111111111111111111111111"
#define ID_DB "aa22222222222222222222222222222222222222222222222222222222222222"
#define ID_OLD "bb33333333333333333333333333333333333333333333333333333333333333"

static char root[] = "/tmp/sluice-resolve-XXXXXX";
static pid_t server;

static void put(const char *path, const char *text)
{
	char full[256], folder[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	snprintf(folder, sizeof(folder), "%s", full);
	*strrchr(folder, '/') = '\0';
	cr_assert_eq(make_folders(folder, 0700, NULL), 0);
	file = fopen(full, "w");
	cr_assert(file);
	fputs(text, file);
	fclose(file);
}

static void put_pid(const char *id, pid_t pid)
{
	char path[256], text[16];

	snprintf(path, sizeof(path), "/run/containers/storage/overlay-containers/%s/userdata/pidfile", id);
	snprintf(text, sizeof(text), "%d\n", pid);
	put(path, text);
}

static void make_storage(void)
{
	cr_assert(mkdtemp(root));
	unsetenv("CONTAINERS_STORAGE_CONF");
	containers_set_root(root);
	put("/var/lib/containers/storage/overlay-containers/containers.json",
	    "[{\"id\":\"" ID_WEB "\",\"names\":[\"web\"],\"layer\":\"x\"},"
	    "{\"id\":\"" ID_DB "\",\"names\":[\"db\",\"aa1\"]},"
	    "{\"id\":\"../../etc\",\"names\":[\"evil\"]},{\"names\":[\"noid\"]},17,"
	    "{\"id\":\"" ID_OLD "\",\"names\":[\"old\"]}]");
	put_pid(ID_WEB, getpid());
}

static void remove_storage(void)
{
	char command[128];

	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_expect_eq(system(command), 0);
}

TestSuite(resolve, .init = make_storage, .fini = remove_storage);

Test(resolve, by_name_and_id_and_beginning)
{
	struct container found;
	struct sl_err err = { 0 };

	cr_assert_eq(container_find("web", &found, &err), 0, "%s", err.text);
	cr_assert_eq(found.pid, getpid());
	cr_assert_str_eq(found.id, ID_WEB);
	cr_assert_eq(container_find(ID_WEB, &found, &err), 0, "%s", err.text);
	cr_assert_str_eq(found.name, "web");
	cr_assert_eq(container_find("aa11", &found, &err), 0, "%s", err.text);
	cr_assert_str_eq(found.name, "web");
}

Test(resolve, an_ambiguous_beginning_lists_the_candidates)
{
	struct container found;
	struct sl_err err;

	cr_assert_eq(container_find("aa", &found, &err), -ENOTUNIQ);
	cr_assert(strstr(err.text, "web") && strstr(err.text, "db"), "%s", err.text);
}

Test(resolve, a_name_goes_before_the_beginning_of_an_id)
{
	struct container found;
	struct sl_err err;

	/* db is also called aa1, which web's id begins with. */
	put_pid(ID_DB, getppid());
	cr_assert_eq(container_find("aa1", &found, &err), 0, "%s", err.text);
	cr_assert_str_eq(found.id, ID_DB);
}

Test(resolve, stopped_containers_say_so)
{
	struct container found;
	struct sl_err err;

	cr_assert_eq(container_find("db", &found, &err), -ESRCH);
	cr_assert(strstr(err.text, "not running"), "%s", err.text);
	put_pid(ID_DB, 0);
	cr_assert_eq(container_find("db", &found, &err), -ESRCH);
	put_pid(ID_DB, 1);
	cr_assert_eq(container_find("db", &found, &err), -ESRCH);
}

Test(resolve, a_pid_that_is_somebody_elses_by_now)
{
	struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	struct container found;
	char path[256];
	struct sl_err err;

	put_pid(ID_OLD, getpid());
	snprintf(path, sizeof(path),
		 "%s/run/containers/storage/overlay-containers/" ID_OLD "/userdata/pidfile", root);
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	cr_assert_eq(container_find("old", &found, &err), -ESRCH);
	cr_assert(strstr(err.text, "is gone"), "%s", err.text);
}

Test(resolve, files_that_lie)
{
	struct container found;
	struct sl_err err;

	cr_assert_eq(container_find("evil", &found, &err), -ENOENT);
	cr_assert_eq(container_find("noid", &found, &err), -ENOENT);
	put("/run/containers/storage/overlay-containers/" ID_DB "/userdata/pidfile", "12; rm -rf /\n");
	cr_assert_eq(container_find("db", &found, &err), -EBADMSG);
	put("/var/lib/containers/storage/overlay-containers/containers.json", "[[[[");
	cr_assert_eq(container_find("web", &found, &err), -ENOENT);
}

Test(resolve, names_that_cannot_be)
{
	static const char *const bad[] = { "", "../x", "a b", "-x", ".", "a/b", "\xc3\xa4", "x?y" };
	struct container found;
	struct sl_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect_eq(container_find(bad[i], &found, &err), -EINVAL, "'%s'", bad[i]);
}

Test(resolve, storage_conf_moves_the_roots)
{
	struct container found;
	struct sl_err err = { 0 };

	put("/etc/containers/storage.conf",
	    "[storage]\n driver = \"overlay\"\n"
	    "graphroot = \"/srv/graph\"\nrunroot = \"/srv/run\"\n[storage.options]\n");
	put("/srv/graph/vfs-containers/containers.json", "[{\"id\":\"cc44\",\"names\":[\"moved\"]}]");
	put("/srv/run/vfs-containers/cc44/userdata/pidfile", "1\n");
	cr_assert_eq(container_find("moved", &found, &err), -ESRCH, "%s", err.text);
	cr_assert_eq(container_find("web", &found, &err), -ENOENT);
}

/* Answers one request after the other as told by the name asked for. */
static void serve(int listener)
{
	char request[2048], body[512], answer[1024];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t n = read(fd, request, sizeof(request) - 1);
		const char *status = "200 OK";

		request[n > 0 ? n : 0] = '\0';
		if (!strncmp(request, "GET /containers/api/json ", 25)) {
			snprintf(body, sizeof(body),
				 "{\"Id\":\"dd55\",\"Name\":\"/api\",\"State\":{\"Pid\":%d}}", getppid());
		} else if (strstr(request, "/stopped/")) {
			strcpy(body, "{\"Id\":\"dd66\",\"Name\":\"/stopped\",\"State\":{\"Pid\":0}}");
		} else if (strstr(request, "/odd/")) {
			strcpy(body, "[1,2");
		} else {
			strcpy(body, "{\"message\":\"no such container\"}");
			status = "404 Not Found";
		}
		n = snprintf(answer, sizeof(answer),
			     "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
			     strlen(body), body);
		if (write(fd, answer, n) != n)
			_exit(1);
		close(fd);
	}
}

static void start_service(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	put("/run/podman/x", "");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/run/podman/podman.sock", root);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(fd, 5), 0);
	server = fork();
	cr_assert_geq(server, 0);
	if (!server)
		serve(fd);
	close(fd);
}

Test(resolve, by_the_service)
{
	struct container found;
	struct sl_err err = { 0 };

	start_service();
	cr_assert_eq(container_find("api", &found, &err), 0, "%s", err.text);
	cr_assert_eq(found.pid, getpid());
	cr_assert_str_eq(found.name, "api");
	cr_assert_str_eq(found.id, "dd55");
	cr_assert_eq(container_find("stopped", &found, &err), -ESRCH);
	cr_assert_eq(container_find("odd", &found, &err), -EBADMSG);
	cr_assert_eq(container_find("unknown", &found, &err), -ENOENT);
	/* The files go first: no question is asked. */
	cr_assert_eq(container_find("web", &found, &err), 0);
	cr_assert_str_eq(found.id, ID_WEB);
}

Test(resolve, forms_of_a_target)
{
	struct sl_netns_id own;
	struct target target;
	struct sl_err err = { 0 };
	char text[64];
	int fd = sl_netns_open_self(&err);

	cr_assert_geq(fd, 0);
	cr_assert_eq(sl_netns_id(fd, &own), 0);
	close(fd);

	snprintf(text, sizeof(text), "pid:%d", getpid());
	cr_assert_eq(target_resolve(text, &target, &err), 0, "%s", err.text);
	cr_assert(sl_netns_same(&own, &target.ns));
	cr_assert_eq(target.pid, getpid());
	cr_assert_str_eq(target.text, text);
	target_close(&target);

	cr_assert_eq(target_resolve(text + 4, &target, &err), 0, "%s", err.text);
	cr_assert_str_eq(target.text, text);
	target_close(&target);

	cr_assert_eq(target_resolve("/proc/self/ns/net", &target, &err), 0, "%s", err.text);
	cr_assert_str_eq(target.text, "netns:/proc/self/ns/net");
	cr_assert_eq(target.pid, 0);
	target_close(&target);

	snprintf(text, sizeof(text), "netns:/proc/%d/ns/net", getpid());
	cr_assert_eq(target_resolve(text, &target, &err), 0, "%s", err.text);
	cr_assert_eq(target.pid, getpid(), "the path names the process");
	target_close(&target);

	cr_assert_eq(target_resolve("web", &target, &err), 0, "%s", err.text);
	cr_assert_str_eq(target.text, "container:web");
	cr_assert_str_eq(target.name, "web");
	cr_assert(sl_netns_same(&own, &target.ns));
	target_close(&target);
}

Test(resolve, targets_that_are_none)
{
	struct target target = { .pid = 77 };
	struct sl_err err;

	cr_assert_eq(target_resolve("", &target, &err), -EINVAL);
	cr_assert_eq(target_resolve("pid:0", &target, &err), -EINVAL);
	cr_assert_eq(target_resolve("pid:-1", &target, &err), -EINVAL);
	cr_assert_eq(target_resolve("pid:1x", &target, &err), -EINVAL);
	cr_assert_eq(target_resolve("pid:2147483646", &target, &err), -ESRCH);
	cr_assert_eq(target_resolve("netns:", &target, &err), -EINVAL);
	cr_assert_eq(target_resolve("netns:/etc/passwd", &target, &err), -EINVAL);
	cr_assert_eq(target_resolve("container:nobody", &target, &err), -ENOENT);
	cr_assert_eq(target_resolve("sluice-no-such", &target, &err), -ENOENT);
	cr_assert(strstr(err.text, "container") && strstr(err.text, "namespace"), "%s", err.text);
	cr_assert_lt(target_resolve("a\nb", &target, &err), 0);
	cr_assert_eq(target.pid, 77, "untouched on failure");
}

/* Whoever opened one to read would wait for a writer, for ever. */
Test(resolve, a_fifo_instead_of_a_storage_file_holds_nobody, .timeout = 10)
{
	struct container found;
	struct sl_err err;
	char path[256];

	snprintf(path, sizeof(path), "%s/var/lib/containers/storage/vfs-containers", root);
	cr_assert_eq(make_folders(path, 0700, NULL), 0);
	snprintf(path, sizeof(path), "%s/var/lib/containers/storage/vfs-containers/containers.json", root);
	cr_assert_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/etc/containers", root);
	cr_assert_eq(make_folders(path, 0700, NULL), 0);
	snprintf(path, sizeof(path), "%s/etc/containers/storage.conf", root);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(container_find("web", &found, &err), 0, "%s", err.text);
	cr_expect_eq(found.pid, getpid());
}
