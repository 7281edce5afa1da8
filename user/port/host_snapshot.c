// SPDX-License-Identifier: BSD-2-Clause
/*
 * Looking at a host end, and writing down what was seen.
 *
 * Invariant: the kernel's own words, as in snapshot.c; a file that can be read
 * to its end mark is whole.
 */
#include "port/host_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/neigh.h"
#include "port/journal.h"

#define PLACE_MAGIC 0x31706c73 /* "slp1" */

enum list { VLANS, FDB, MDB, ASKED, LISTS };

static struct msgs *list_of(struct host_snapshot *snapshot, unsigned int list)
{
	switch (list) {
	case VLANS:
		return &snapshot->place.vlans;
	case FDB:
		return &snapshot->place.fdb;
	case MDB:
		return &snapshot->place.mdb;
	default:
		return &snapshot->asked;
	}
}

/* When the last port of a bridge goes away for a moment, the bridge forgets whom it knew. */
static int dump_asked(const struct port_side *host, struct host_snapshot *snapshot, struct sl_err *err)
{
	struct msgs all = MSGS_NONE;
	size_t i;
	int rc;

	if (!bridge_port_is(snapshot->port.link_message.item[0]))
		return 0;
	rc = neigh_dump_learned(host->nls, snapshot->port.link.master, &all, err);
	for (i = 0; !rc && i < all.n; i++) {
		struct nlattr *mac = message_attr(all.item[i], sizeof(struct ndmsg), NDA_LLADDR);

		if (mac && nla_len(mac) == SL_MAC_LEN && bridge_place_has(&snapshot->place, nla_data(mac)) &&
		    msgs_add(&snapshot->asked, all.item[i]))
			rc = sl_err(err, ENOMEM, "out of memory");
	}
	msgs_clear(&all);
	return rc;
}

int host_snapshot_take(const struct port_side *host, __u32 ifindex, struct host_snapshot *ret,
		       struct sl_err *err)
{
	int rc;

	rc = snapshot_take(host, NULL, ifindex, &ret->port, err);
	if (!rc)
		rc = bridge_place_dump(host->nls, ret->port.link_message.item[0], &ret->place, err);
	if (!rc)
		rc = dump_asked(host, ret, err);
	return rc;
}

void host_snapshot_free(struct host_snapshot *snapshot)
{
	snapshot_free(&snapshot->port);
	bridge_place_free(&snapshot->place);
	msgs_clear(&snapshot->asked);
}

static int place_path(const char *journal, char path[PATH_MAX], struct sl_err *err)
{
	if (snprintf(path, PATH_MAX, "%s" HOST_JOURNAL_SUFFIX, journal) >= PATH_MAX)
		return sl_err(err, ENAMETOOLONG, "the path of journal %.64s… is too long", journal);
	return 0;
}

/* Each message with the number of its list before it, and the number of lists behind the last. */
static int write_lists(const char *path, struct host_snapshot *snapshot)
{
	__u32 number = PLACE_MAGIC;
	FILE *file;
	int fd, rc = 0;

	/* Written anew whole before the journal itself, without which it is worth nothing. */
	if (unlink(path) && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	fwrite(&number, sizeof(number), 1, file);
	for (number = 0; number < LISTS; number++) {
		const struct msgs *list = list_of(snapshot, number);

		for (size_t i = 0; i < list->n; i++) {
			fwrite(&number, sizeof(number), 1, file);
			fwrite(list->item[i], NLMSG_ALIGN(list->item[i]->nlmsg_len), 1, file);
		}
	}
	fwrite(&number, sizeof(number), 1, file);
	if (fflush(file) || ferror(file) || fdatasync(fd))
		rc = errno ? -errno : -EIO;
	fclose(file);
	return rc;
}

int host_journal_write(const char *path, const struct host_snapshot *snapshot, struct sl_err *err)
{
	char place[PATH_MAX];
	int rc;

	rc = place_path(path, place, err);
	if (rc)
		return rc;
	rc = write_lists(place, (struct host_snapshot *)snapshot);
	if (rc) {
		unlink(place);
		return sl_errno(err, -rc, "cannot write journal %s", place);
	}
	rc = journal_write(path, &snapshot->port, err);
	if (rc)
		unlink(place);
	return rc;
}

static int read_message(FILE *file, struct msgs *list)
{
	struct nlmsghdr head, *message;
	size_t len;
	int rc = -EBADMSG;

	if (fread(&head, sizeof(head), 1, file) != 1 || head.nlmsg_len < sizeof(head) ||
	    head.nlmsg_len > 1 << 20)
		return -EBADMSG;
	len = NLMSG_ALIGN(head.nlmsg_len);
	message = malloc(len);
	if (!message)
		return -ENOMEM;
	memcpy(message, &head, sizeof(head));
	if (len == sizeof(head) || fread((char *)message + sizeof(head), len - sizeof(head), 1, file) == 1)
		rc = msgs_add(list, message);
	free(message);
	return rc;
}

static int read_lists(FILE *file, struct host_snapshot *ret)
{
	__u32 number;
	int rc = 0;

	if (fread(&number, sizeof(number), 1, file) != 1 || number != PLACE_MAGIC)
		return -EBADMSG;
	while (!rc) {
		if (fread(&number, sizeof(number), 1, file) != 1 || number > LISTS)
			return -EBADMSG;
		if (number == LISTS)
			return 0;
		rc = read_message(file, list_of(ret, number));
	}
	return rc;
}

int host_journal_read(const char *path, struct host_snapshot *ret, struct sl_err *err)
{
	char place[PATH_MAX];
	FILE *file;
	int fd, rc;

	rc = journal_read(path, &ret->port, err);
	if (!rc)
		rc = place_path(path, place, err);
	if (rc)
		return rc;
	fd = open(place, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	rc = file ? read_lists(file, ret) : -errno;
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return rc ? sl_errno(err, -rc, "journal %s cannot be used", place) : 0;
}
