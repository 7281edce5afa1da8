// SPDX-License-Identifier: BSD-2-Clause
/* The state files; see state.h for the invariant. */
#include "sluiced/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/maps.h"
#include "port/host.h"
#include "sluiced/rundir.h"

#define STATE_VERSION 1
#define STATE_MAX 16384 /* bytes of a file; ours are below 2000 */

const char *mac_format(const __u8 *mac, char text[MAC_TEXT_LEN])
{
	snprintf(text, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return text;
}

int mac_parse(const char *text, __u8 *ret_mac)
{
	unsigned int byte[SL_MAC_LEN];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4],
		   &byte[5], &end) != SL_MAC_LEN ||
	    text[end])
		return -EINVAL;
	for (int i = 0; i < SL_MAC_LEN; i++)
		ret_mac[i] = byte[i];
	return 0;
}

/* In one write: json_dumpfd() makes one of every comma. */
static int write_object(int fd, const json_t *object)
{
	char *text = json_dumps(object, JSON_INDENT(1));
	size_t len, done = 0;
	ssize_t n;

	if (!text)
		return -ENOMEM;
	for (len = strlen(text); done < len; done += (size_t)n) {
		n = write(fd, text + done, len - done);
		if (n < 0)
			break;
	}
	free(text);
	return done < len || fsync(fd) ? -errno : 0;
}

int state_write(const char *path, const json_t *object, struct sl_err *err)
{
	char beside[SL_PATH_LEN + 8];
	int fd, r;

	snprintf(beside, sizeof(beside), "%s.new", path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sl_errno(err, errno, "cannot write state %s", beside);
	r = write_object(fd, object);
	if (close(fd) && !r)
		r = -errno;
	if (!r && rename(beside, path))
		r = -errno;
	if (r) {
		sl_errno(err, r, "cannot write state %s", path);
		unlink(beside);
	}
	return r;
}

int state_read(const char *path, json_t **ret, struct sl_err *err)
{
	char text[STATE_MAX];
	json_error_t where;
	json_t *object;
	int n;

	n = read_text(path, text, sizeof(text));
	if (n < 0)
		return sl_errno(err, n, "cannot read state %s", path);
	object = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(object)) {
		json_decref(object);
		return sl_err(err, EINVAL, "state %s, line %d: %s", path, where.line,
			      object ? "not a JSON object" : where.text);
	}
	*ret = object;
	return 0;
}

static int port_path(const char *ports_dir, __u16 id, char path[SL_PATH_LEN], struct sl_err *err)
{
	if (snprintf(path, SL_PATH_LEN, "%s/%u.json", ports_dir, id) >= SL_PATH_LEN)
		return sl_err(err, ENAMETOOLONG, "the path %.64s… is too long", ports_dir);
	return 0;
}

static json_t *addresses(const struct port_taken *port)
{
	json_t *list = json_array();

	for (unsigned int i = 0; list && i < PORT_ADDRS && *port->addrs[i]; i++)
		json_array_append_new(list, json_string(port->addrs[i]));
	return list;
}

int state_save_port(const char *ports_dir, const struct workload *w, struct sl_err *err)
{
	char path[SL_PATH_LEN], mac[MAC_TEXT_LEN];
	const struct port_taken *port = &w->port;
	json_t *object;
	int r;

	r = port_path(ports_dir, w->id, path, err);
	if (r)
		return r;
	object = json_pack("{si si sb ss ss si ss s{sI sI} ss s{ss si} s{ss si} si si si ss ss ss sb sb sI}",
			   "version", STATE_VERSION, "id", w->id, "taken", w->taken, "name", w->value.name,
			   "target", w->target, "pid", (int)w->pid, "ns_path", w->ns_path, "netns", "dev",
			   (json_int_t)port->workload_ns.dev, "ino", (json_int_t)port->workload_ns.ino,
			   "port", port->name, "vex", "name", port->vex_name, "ifindex",
			   (int)port->vex_ifindex, "vin", "name", port->vin_name, "ifindex",
			   (int)port->vin_ifindex, "port_ifindex", (int)port->port_ifindex,
			   "original_ifindex", (int)port->original_ifindex, "mtu", (int)port->mtu, "mac",
			   mac_format(port->mac, mac), "mode", sl_mode_name(w->value.mode), "fail",
			   sl_fail_name(w->value.fail), "strict", !!(w->value.flags & SL_WL_STRICT), "trace",
			   !!(w->value.flags & SL_WL_TRACE), "generation", (json_int_t)w->value.generation);
	if (!object || json_object_set_new(object, "addresses", addresses(port))) {
		json_decref(object);
		return sl_err(err, ENOMEM, "no memory for the state of port %s of %s", port->name, w->target);
	}
	r = json_object_set_new(object, "side_reason", json_string(w->side_reason));
	if (port->side == PORT_SIDE_HOST)
		r |= json_object_set_new(object, "host",
					 json_pack("{sI sI ss si ss}", "dev", (json_int_t)port->host_ns.dev,
						   "ino", (json_int_t)port->host_ns.ino, "name",
						   port->host_name, "ifindex", (int)port->host_ifindex,
						   "master", port->host_master));
	r = r ? sl_err(err, ENOMEM, "no memory for the state of port %s of %s", port->name, w->target)
	      : state_write(path, object, err);
	json_decref(object);
	return r;
}

int state_journal_path(const char *ports_dir, __u16 id, char path[SL_PATH_LEN], struct sl_err *err)
{
	if (snprintf(path, SL_PATH_LEN, "%s/%u.journal", ports_dir, id) >= SL_PATH_LEN)
		return sl_err(err, ENAMETOOLONG, "the path %.64s… is too long", ports_dir);
	return 0;
}

int state_remove_journal(const char *ports_dir, __u16 id, struct sl_err *err)
{
	char path[SL_PATH_LEN];
	int r = state_journal_path(ports_dir, id, path, err);

	if (!r && unlink(path) && errno != ENOENT)
		r = sl_errno(err, errno, "cannot remove journal %s", path);
	/* Behind it: without the journal it is worth nothing. */
	if (!r && strlen(path) + strlen(HOST_JOURNAL_SUFFIX) < SL_PATH_LEN &&
	    unlink(strcat(path, HOST_JOURNAL_SUFFIX)) && errno != ENOENT)
		r = sl_errno(err, errno, "cannot remove journal %s", path);
	return r;
}

int state_remove_port(const char *ports_dir, __u16 id, struct sl_err *err)
{
	char path[SL_PATH_LEN];
	int r = port_path(ports_dir, id, path, err);

	if (!r && unlink(path) && errno != ENOENT)
		r = sl_errno(err, errno, "cannot remove state %s", path);
	return r;
}

static bool copy(char *to, size_t size, const char *from)
{
	return snprintf(to, size, "%s", from) < (int)size;
}

/* Only what was taken from the host's side has a host end. 0 or -EINVAL. */
static int unpack_side(const json_t *object, struct workload *w)
{
	json_t *host = json_object_get(object, "host");
	const char *reason = json_string_value(json_object_get(object, "side_reason"));
	struct port_taken *p = &w->port;
	json_int_t dev, ino;
	const char *name, *master = "";
	int ifindex;

	snprintf(w->side_reason, sizeof(w->side_reason), "%s", reason ?: "not on record");
	p->side = host ? PORT_SIDE_HOST : PORT_SIDE_WORKLOAD;
	if (!host)
		return 0;
	if (json_unpack(host, "{s:I, s:I, s:s, s:i, s?s !}", "dev", &dev, "ino", &ino, "name", &name,
			"ifindex", &ifindex, "master", &master) ||
	    !copy(p->host_master, sizeof(p->host_master), master) ||
	    !copy(p->host_name, sizeof(p->host_name), name) || !*name)
		return -EINVAL;
	p->host_ns = (struct sl_netns_id){ .dev = dev, .ino = ino };
	p->host_ifindex = ifindex;
	return 0;
}

/* Everything but the id, which the register has given. 0 or -EINVAL. */
static int unpack_port(json_t *object, struct workload *w)
{
	const char *name, *target, *ns_path, *port, *vex, *vin, *mac, *mode, *fail;
	int version, taken, pid, vex_ifindex, vin_ifindex, port_ifindex, original, mtu, strict, trace;
	struct port_taken *p = &w->port;
	json_int_t dev, ino, generation;
	json_t *addrs = NULL;
	__u8 mode_value, fail_value;

	if (json_unpack(object,
			"{s:i, s:i, s:b, s:s, s:s, s:i, s:s, s:{s:I, s:I !}, s:s, s:{s:s, s:i !}, s:{s:s, "
			"s:i !}, "
			"s:i, s:i, s:i, s:s, s:s, s:s, s:b, s:b, s:I, s?o, s?s, s?o !}",
			"version", &version, "id", &(int){ 0 }, "taken", &taken, "name", &name, "target",
			&target, "pid", &pid, "ns_path", &ns_path, "netns", "dev", &dev, "ino", &ino, "port",
			&port, "vex", "name", &vex, "ifindex", &vex_ifindex, "vin", "name", &vin, "ifindex",
			&vin_ifindex, "port_ifindex", &port_ifindex, "original_ifindex", &original, "mtu",
			&mtu, "mac", &mac, "mode", &mode, "fail", &fail, "strict", &strict, "trace", &trace,
			"generation", &generation, "addresses", &addrs, "side_reason", &(char *){ NULL },
			"host", &(json_t *){ NULL }))
		return -EINVAL;
	if (version != STATE_VERSION || !copy(w->value.name, sizeof(w->value.name), name) ||
	    !copy(w->target, sizeof(w->target), target) || !copy(w->ns_path, sizeof(w->ns_path), ns_path) ||
	    !copy(p->name, sizeof(p->name), port) || !copy(p->vex_name, sizeof(p->vex_name), vex) ||
	    !copy(p->vin_name, sizeof(p->vin_name), vin) || mac_parse(mac, p->mac) ||
	    sl_mode_parse(mode, &mode_value) || sl_fail_parse(fail, &fail_value) || !*port || !*vex || !*vin)
		return -EINVAL;
	/* Files of before have none; what makes no sense is not missed until it is needed. */
	for (unsigned int i = 0; i < PORT_ADDRS; i++)
		copy(p->addrs[i], sizeof(p->addrs[i]), json_string_value(json_array_get(addrs, i)) ?: "");
	w->taken = taken;
	w->value.mode = mode_value;
	w->value.fail = fail_value;
	w->pid = pid;
	p->workload_ns = (struct sl_netns_id){ .dev = dev, .ino = ino };
	p->vex_ifindex = vex_ifindex;
	p->vin_ifindex = vin_ifindex;
	p->port_ifindex = port_ifindex;
	p->original_ifindex = original;
	p->mtu = mtu;
	w->value.flags = (strict ? SL_WL_STRICT : 0) | (trace ? SL_WL_TRACE : 0);
	w->value.generation = generation;
	return unpack_side(object, w);
}

static int load_port(const char *path, __u32 id, struct workloads *workloads, struct sl_err *err)
{
	struct workload *w = NULL;
	json_t *object;
	int r;

	r = state_read(path, &object, err);
	if (r)
		return r;
	r = workloads_add(workloads, id, &w, err);
	if (!r && unpack_port(object, w)) {
		r = sl_err(
			err, EINVAL,
			"state %s is not of this version: give its port back with the sluiced that wrote it",
			path);
		workloads_remove(workloads, w);
	}
	json_decref(object);
	return r;
}

int state_load_ports(const char *ports_dir, struct workloads *workloads,
		     void (*bad)(const struct sl_err *err), struct sl_err *err)
{
	DIR *folder = opendir(ports_dir);
	char path[SL_PATH_LEN];
	struct dirent *entry;
	struct sl_err why;
	unsigned int id;
	int end;

	if (!folder)
		return sl_errno(err, errno, "cannot read folder %s", ports_dir);
	while ((entry = readdir(folder))) {
		end = 0;
		/* Others are unfinished writes (.new): the file they were to replace still holds. */
		if (sscanf(entry->d_name, "%5u.json%n", &id, &end) != 1 || !end || entry->d_name[end] ||
		    !id || port_path(ports_dir, id, path, NULL))
			continue;
		if (load_port(path, id, workloads, &why)) {
			workloads_reserve(workloads, id);
			bad(&why);
		}
	}
	closedir(folder);
	return 0;
}
