// SPDX-License-Identifier: BSD-2-Clause
/* Targets; see resolve.h for the invariant. */
#include "sluiced/resolve.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluiced/containers.h"

/* Cut to fit, but never inside a UTF-8 character: names are shown as JSON. */
static void copy_name(char name[SL_NAME_LEN], const char *from)
{
	size_t len = strlen(from);

	if (len >= SL_NAME_LEN) {
		len = SL_NAME_LEN - 1;
		while (len && (from[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(name, from, len);
	name[len] = '\0';
}

/* 0 or -EINVAL. */
static int parse_pid(const char *text, pid_t *ret)
{
	long pid;
	char *end;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || pid < 1 || pid > INT_MAX)
		return -EINVAL;
	*ret = pid;
	return 0;
}

static int by_pid(const char *text, struct target *ret, struct sl_err *err)
{
	if (parse_pid(text, &ret->pid))
		return sl_err(err, EINVAL, "'%.64s' is not a process's number", text);
	snprintf(ret->text, sizeof(ret->text), "pid:%d", ret->pid);
	snprintf(ret->name, sizeof(ret->name), "pid-%d", ret->pid);
	return sl_netns_open_pid(ret->pid, err);
}

/* "/proc/12/ns/net" names a process as well as a namespace. */
static pid_t pid_in_path(const char *path)
{
	int pid, end = 0;

	if (sscanf(path, "/proc/%d/ns/net%n", &pid, &end) == 1 && end && !path[end] && pid > 0)
		return pid;
	return 0;
}

static int by_netns(const char *text, struct target *ret, struct sl_err *err)
{
	const char *slash = strrchr(text, '/');

	if (!*text)
		return sl_err(err, EINVAL, "a namespace's name or path must follow 'netns:'");
	if (strlen(text) >= sizeof(ret->ns_path))
		return sl_err(err, ENAMETOOLONG, "the namespace's path is longer than %zu characters",
			      sizeof(ret->ns_path) - 1);
	ret->pid = pid_in_path(text);
	snprintf(ret->text, sizeof(ret->text), "netns:%s", text);
	snprintf(ret->ns_path, sizeof(ret->ns_path), "%s", text);
	if (ret->pid)
		snprintf(ret->name, sizeof(ret->name), "pid-%d", ret->pid);
	else
		copy_name(ret->name, slash ? slash + 1 : text);
	return sl_netns_open_name(text, err);
}

static int by_container(const char *text, struct target *ret, struct sl_err *err)
{
	struct container container = { 0 };
	int r;

	r = container_find(text, &container, err);
	if (r)
		return r;
	ret->pid = container.pid;
	snprintf(ret->text, sizeof(ret->text), "container:%s", container.name);
	copy_name(ret->name, container.name);
	r = sl_netns_open_pid(container.pid, err);
	if (r < 0)
		sl_err_prefix(err, "container %s", container.name);
	return r;
}

/* Without a prefix: a container goes before a namespace of the same name. */
static int by_bare(const char *text, struct target *ret, struct sl_err *err)
{
	struct sl_err second;
	pid_t pid;
	int r;

	if (!*text)
		return sl_err(err, EINVAL, "the target is empty: pid:N, netns:NAME or container:NAME");
	if (!parse_pid(text, &pid))
		return by_pid(text, ret, err);
	if (strchr(text, '/'))
		return by_netns(text, ret, err);
	r = by_container(text, ret, err);
	if (r != -ENOENT)
		return r;
	r = by_netns(text, ret, &second);
	if (r == -ENOENT)
		return sl_err(err, ENOENT, "there is neither a container nor a network namespace called %s",
			      text);
	if (r < 0 && err)
		*err = second;
	return r;
}

int target_resolve(const char *text, struct target *ret, struct sl_err *err)
{
	static const struct {
		const char *prefix;
		int (*resolve)(const char *text, struct target *ret, struct sl_err *err);
	} forms[] = {
		{ "pid:", by_pid }, { "netns:", by_netns }, { "container:", by_container }, { "", by_bare }
	};
	struct target target = { .ns_fd = -1 };
	size_t len;
	int r;

	for (const char *p = text; *p; p++) {
		if (iscntrl((unsigned char)*p))
			return sl_err(err, EINVAL, "the target holds a control character");
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		len = strlen(forms[i].prefix);
		if (strncmp(text, forms[i].prefix, len))
			continue;
		target.ns_fd = forms[i].resolve(text + len, &target, err);
		break;
	}
	if (target.ns_fd < 0)
		return target.ns_fd;
	r = sl_netns_id(target.ns_fd, &target.ns);
	if (r) {
		close(target.ns_fd);
		return sl_errno(err, r, "cannot identify the network namespace of %s", target.text);
	}
	*ret = target;
	return 0;
}

void target_close(struct target *target)
{
	if (target->ns_fd >= 0)
		close(target->ns_fd);
	target->ns_fd = -1;
}
