// SPDX-License-Identifier: BSD-2-Clause
/*
 * Containers by name; see containers.h for the invariant.
 *
 * podman keeps all containers of a storage in <graphroot>/<driver>-containers/
 * containers.json and, while one runs, its process in <runroot>/<driver>-
 * containers/<id>/userdata/pidfile. It may leave that file behind when a
 * container dies, so the pid in it may long be somebody else's.
 */
#include "sluiced/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/conf.h"
#include "sluiced/docker.h"
#include "sluiced/rundir.h"

#define LIST_MAX (16 << 20) /* bytes of containers.json */
#define CONF_MAX (1 << 20) /* bytes of storage.conf */
#define CLOCK_SLACK_S 2

static const char *root = "";
static const char *const drivers[] = { "overlay", "vfs" };
static const char *const sockets[] = { "/run/podman/podman.sock", "/var/run/docker.sock" };

void containers_set_root(const char *new_root)
{
	root = new_root;
}

struct storage {
	char graph[SL_PATH_LEN], run[SL_PATH_LEN];
};

/* storage.conf is TOML; of it these two lines are wanted, whose form INI shares but for the quotes. */
static int storage_key(void *context, const char *section, const char *name, const char *value)
{
	struct storage *storage = context;
	size_t len = strlen(value);
	char *field;

	if (strcmp(section, "storage") || len < 3 || *value != '"' || value[len - 1] != '"' ||
	    len > SL_PATH_LEN)
		return 1;
	field = !strcmp(name, "graphroot") ? storage->graph : !strcmp(name, "runroot") ? storage->run : NULL;
	if (field)
		snprintf(field, SL_PATH_LEN, "%.*s", (int)len - 2, value + 1);
	return 1;
}

/* NULL if it is not a file of at most max bytes; a FIFO in its place does not hold the daemon. */
static FILE *open_regular(const char *path, off_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= max) {
		file = fdopen(fd, "r");
		if (file)
			return file;
	}
	close(fd);
	return NULL;
}

static void find_storage(struct storage *ret)
{
	const char *named = getenv("CONTAINERS_STORAGE_CONF");
	char path[SL_PATH_LEN];
	FILE *file;

	*ret = (struct storage){ "/var/lib/containers/storage", "/run/containers/storage" };
	snprintf(path, sizeof(path), "%s%s", root, named ?: "/etc/containers/storage.conf");
	/* Without the file, or with lines that INI does not know, the defaults stand. */
	file = open_regular(path, CONF_MAX);
	if (!file)
		return;
	ini_parse_file(file, storage_key, ret);
	fclose(file);
}

/* Matches of one name among the containers of all drivers. */
struct search {
	const char *name;
	struct container found; /* pid not set */
	const char *driver;
	bool exact;
	unsigned int prefixes; /* ids that begin with the name */
	char candidates[256];
};

static void take(struct search *search, const char *id, const char *name, const char *driver)
{
	snprintf(search->found.id, sizeof(search->found.id), "%s", id);
	snprintf(search->found.name, sizeof(search->found.name), "%s", name);
	search->driver = driver;
}

static void consider(struct search *search, json_t *container, const char *driver)
{
	const char *id = json_string_value(json_object_get(container, "id"));
	json_t *names = json_object_get(container, "names"), *item;
	const char *first = json_string_value(json_array_get(names, 0)) ?: id;
	size_t i, used = strlen(search->candidates);

	/* The id becomes part of a path. */
	if (!id || !*id || strlen(id) >= CONTAINER_NAME_LEN || id[strspn(id, "0123456789abcdef")] ||
	    search->exact)
		return;
	json_array_foreach (names, i, item) {
		if (!strcmp(json_string_value(item) ?: "", search->name)) {
			take(search, id, search->name, driver);
			search->exact = true;
			return;
		}
	}
	if (strncmp(id, search->name, strlen(search->name)))
		return;
	take(search, id, first, driver);
	search->exact = !strcmp(id, search->name);
	search->prefixes++;
	snprintf(search->candidates + used, sizeof(search->candidates) - used, "%s%.12s (%s)",
		 used ? ", " : "", id, first);
}

static void search_driver(struct search *search, const struct storage *storage, const char *driver)
{
	char path[2 * SL_PATH_LEN + 64];
	json_t *list, *container;
	FILE *file;
	size_t i;

	snprintf(path, sizeof(path), "%s%s/%s-containers/containers.json", root, storage->graph, driver);
	file = open_regular(path, LIST_MAX);
	if (!file)
		return;
	list = json_loadf(file, 0, NULL);
	fclose(file);
	json_array_foreach (list, i, container)
		consider(search, container, driver);
	json_decref(list);
}

/* Seconds since the epoch at which the process started, or -1. */
static double started_at(pid_t pid)
{
	char path[64], text[1024], *fields;
	struct timespec now, up;
	unsigned long long ticks;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_text(path, text, sizeof(text)) < 0)
		return -1;
	/* Field 22; the second, the name in parentheses, may itself hold anything. */
	fields = strrchr(text, ')');
	if (!fields || sscanf(fields + 1,
			      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			      "%*d %llu",
			      &ticks) != 1)
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return now.tv_sec - up.tv_sec + (double)ticks / sysconf(_SC_CLK_TCK);
}

/* Is it the process that the file was written for? Its control group says so, or it was there before the file. */
static bool is_of(pid_t pid, const struct container *container, const struct stat *pidfile)
{
	char path[64], text[8192];
	double started;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (read_text(path, text, sizeof(text)) > 0 && strstr(text, container->id))
		return true;
	started = started_at(pid);
	return started >= 0 && started <= (double)pidfile->st_mtim.tv_sec + CLOCK_SLACK_S;
}

static int read_pid(const struct storage *storage, const char *driver, struct container *container,
		    struct sl_err *err)
{
	char path[2 * SL_PATH_LEN + 256], text[32], *end;
	struct stat st;
	long pid;
	int n;

	snprintf(path, sizeof(path), "%s%s/%s-containers/%s/userdata/pidfile", root, storage->run, driver,
		 container->id);
	n = read_text(path, text, sizeof(text));
	if (n == -ENOENT || n == 0)
		return sl_err(err, ESRCH, "container %s is not running: start it first", container->name);
	if (n < 0 || stat(path, &st))
		return sl_errno(err, n < 0 ? n : errno, "cannot read the pid of container %s from %s",
				container->name, path);
	pid = strtol(text, &end, 10);
	if (end == text || end[strspn(end, " \n")] || pid < 0 || pid > INT32_MAX)
		return sl_err(err, EBADMSG, "%s holds no pid", path);
	if (pid <= 1 || !is_of(pid, container, &st))
		return sl_err(err, ESRCH, "container %s is not running (process %ld is gone): start it first",
			      container->name, pid);
	container->pid = pid;
	return 0;
}

static int find_podman(const char *name, struct container *ret, struct sl_err *err)
{
	struct search search = { .name = name };
	struct storage storage;
	int r;

	find_storage(&storage);
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		search_driver(&search, &storage, drivers[i]);
	if (!search.exact && search.prefixes > 1)
		return sl_err(err, ENOTUNIQ, "%s is the beginning of %u containers' ids: %s", name,
			      search.prefixes, search.candidates);
	if (!search.exact && !search.prefixes)
		return sl_err(err, ENOENT, "no container %s below %s", name, storage.graph);
	r = read_pid(&storage, search.driver, &search.found, err);
	if (!r)
		*ret = search.found;
	return r;
}

int container_find(const char *name, struct container *ret, struct sl_err *err)
{
	char path[SL_PATH_LEN];
	int r;

	if (!*name || *name == '.' || *name == '-' || strlen(name) >= CONTAINER_NAME_LEN ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")])
		return sl_err(err, EINVAL,
			      "'%.64s' is not a container's name: letters, digits, '_', '.' and '-' are",
			      name);
	r = find_podman(name, ret, err);
	for (size_t i = 0; r == -ENOENT && i < sizeof(sockets) / sizeof(*sockets); i++) {
		snprintf(path, sizeof(path), "%s%s", root, sockets[i]);
		if (!access(path, F_OK))
			r = docker_find(path, name, ret, err);
	}
	if (r == -ENOENT)
		return sl_err(err, ENOENT, "no container is called %s, nor has an id that begins so", name);
	return r;
}

/* A listing under way; ids of what has been shown, so that two sources do not show the same. */
struct listing {
	container_visit visit;
	void *context;
	json_t *shown;
};

static int show_once(void *context, const struct container *container)
{
	struct listing *listing = context;

	if (json_object_get(listing->shown, container->id))
		return 0;
	if (json_object_set_new(listing->shown, container->id, json_true()))
		return -ENOMEM;
	return listing->visit(listing->context, container);
}

static int list_driver(struct listing *listing, const struct storage *storage, const char *driver)
{
	char path[2 * SL_PATH_LEN + 64];
	json_t *list, *item;
	FILE *file;
	size_t i;
	int r = 0;

	snprintf(path, sizeof(path), "%s%s/%s-containers/containers.json", root, storage->graph, driver);
	file = open_regular(path, LIST_MAX);
	if (!file)
		return 0;
	list = json_loadf(file, 0, NULL);
	fclose(file);
	json_array_foreach (list, i, item) {
		const char *id = json_string_value(json_object_get(item, "id"));
		struct search one = { .name = id };

		if (id && *id && !r)
			consider(&one, item, driver);
		if (r || !one.driver || read_pid(storage, driver, &one.found, NULL))
			continue;
		r = show_once(listing, &one.found);
	}
	json_decref(list);
	return r;
}

int containers_list(container_visit visit, void *context, struct sl_err *err)
{
	struct listing listing = { visit, context, json_object() };
	struct storage storage;
	char path[SL_PATH_LEN];
	struct sl_err why;
	int r = listing.shown ? 0 : -ENOMEM, unanswered = 0;

	find_storage(&storage);
	for (size_t i = 0; !r && i < sizeof(drivers) / sizeof(*drivers); i++)
		r = list_driver(&listing, &storage, drivers[i]);
	for (size_t i = 0; !r && i < sizeof(sockets) / sizeof(*sockets); i++) {
		snprintf(path, sizeof(path), "%s%s", root, sockets[i]);
		if (access(path, F_OK))
			continue;
		r = docker_list(path, show_once, &listing, &why);
		/* A socket file nobody listens on is what a stopped service leaves. */
		if (r < 0 && r != -ENOMEM) {
			unanswered = r;
			r = 0;
		}
	}
	if (!r && unanswered && !json_object_size(listing.shown)) {
		r = unanswered;
		if (err)
			*err = why;
	} else if (r == -ENOMEM) {
		sl_err(err, ENOMEM, "no memory to list the containers");
	}
	json_decref(listing.shown);
	return r;
}
