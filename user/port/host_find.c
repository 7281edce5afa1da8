// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where is the other end? The workload's namespace knows it by two numbers,
 * which mean something to that namespace only; so every namespace in sight is
 * asked whether it has an interface that leads back to the port.
 *
 * Invariant: found means proved: the kernel itself says that the two are each
 * other's far ends.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/nsid.h"
#include "port/host.h"

#define SEEN_MAX 4096

struct search {
	const struct port_request *request;
	struct link_info port;
	struct sl_netns_id agent;
	struct sl_netns_id seen[SEEN_MAX];
	unsigned int n;
	struct host_end *ret;
};

static bool seen_before(struct search *search, const struct sl_netns_id *id)
{
	unsigned int i;

	for (i = 0; i < search->n; i++)
		if (sl_netns_same(&search->seen[i], id))
			return true;
	if (search->n < SEEN_MAX)
		search->seen[search->n++] = *id;
	return false;
}

static bool leads_back(const struct search *search, struct nls *nls, struct link_info *ret)
{
	struct link_info link;
	__s32 nsid;

	if (link_find(nls, NULL, search->port.peer_ifindex, &link, NULL) || strcmp(link.kind, "veth") ||
	    link.peer_ifindex != search->port.ifindex || link.peer_nsid < 0)
		return false;
	if (nsid_of(nls, search->request->workload_ns, &nsid, NULL) || nsid != link.peer_nsid)
		return false;
	*ret = link;
	return true;
}

/* fd (taken over, -errno allowed): is it there? */
static bool look_in(struct search *search, int fd)
{
	struct nls *nls = NULL;
	struct sl_netns_id id;
	bool found = false;

	if (fd < 0)
		return false;
	if (!sl_netns_id(fd, &id) && !seen_before(search, &id) &&
	    !nls_open(&nls, fd, "the host's namespace", NULL))
		found = leads_back(search, nls, &search->ret->link);
	nls_close(nls);
	if (found) {
		search->ret->ns = fd;
		search->ret->is_agent = sl_netns_same(&id, &search->agent);
	} else {
		close(fd);
	}
	return found;
}

/* By a path, which is remembered if it leads there. */
static bool look_at(struct search *search, const char *path)
{
	char *known = search->request->host_path;

	if (!look_in(search, sl_netns_open_name(path, NULL)))
		return false;
	if (known && known != path && strlen(path) < PORT_HOST_PATH)
		strcpy(known, path);
	return true;
}

static bool look_where_it_was(struct search *search)
{
	const char *known = search->request->host_path;

	return known && *known && look_at(search, known);
}

static bool look_in_named(struct search *search, const char *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir(folder);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		found = look_at(search, path);
	}
	closedir(dir);
	return found;
}

static bool look_in_processes(struct search *search)
{
	char path[PORT_HOST_PATH];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir("/proc");
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		long pid = strtol(entry->d_name, NULL, 10);

		snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
		if (pid > 0)
			found = look_at(search, path);
	}
	closedir(dir);
	return found;
}

static int look_at_port(struct search *search, struct sl_err *err)
{
	const struct port_request *request = search->request;
	struct nls *nls;
	int rc;

	rc = nls_open(&nls, request->workload_ns, request->workload_label, err);
	if (rc)
		return rc;
	rc = link_find(nls, request->name, 0, &search->port, err);
	nls_close(nls);
	if (rc)
		return rc;
	if (strcmp(search->port.kind, "veth"))
		return sl_err(err, EOPNOTSUPP, "%s in %s is no veth and has no other end on the host",
			      request->name, request->workload_label);
	if (search->port.peer_nsid < 0)
		return sl_err(err, EOPNOTSUPP, "both ends of %s are in %s", request->name,
			      request->workload_label);
	return 0;
}

int host_find(const struct port_request *request, struct host_end *ret, struct sl_err *err)
{
	struct host_end found = { .ns = -1 };
	struct search *search;
	int rc;

	search = calloc(1, sizeof(*search));
	if (!search)
		return sl_err(err, ENOMEM, "out of memory");
	search->request = request;
	search->ret = &found;
	rc = look_at_port(search, err);
	if (!rc && sl_netns_id(request->agent_ns, &search->agent))
		rc = sl_err(err, EINVAL, "cannot identify the agent's namespace");
	if (!rc && !look_in(search, fcntl(request->agent_ns, F_DUPFD_CLOEXEC, 0)) &&
	    !look_where_it_was(search) && !look_in(search, sl_netns_open_pid(1, NULL)) &&
	    !look_in_named(search, "/run/netns") && !look_in_named(search, "/run/docker/netns") &&
	    !look_in_processes(search))
		rc = sl_err(err, ENODEV,
			    "the other end of %s in %s is in no namespace that has a name or a process",
			    request->name, request->workload_label);
	free(search);
	if (!rc)
		*ret = found;
	return rc;
}
