// SPDX-License-Identifier: BSD-2-Clause
/*
 * Snapshots as files: the kernel's own messages and whatever else a snapshot
 * holds, one record after the other.
 *
 * Invariant: a file that can be read to its last record is whole. It is read
 * by the same kernel's user space that wrote it, so numbers stay as they are.
 * The lines behind the last record are for people and change nothing.
 */
#include "port/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_MAGIC 0x326a6c73 /* "slj2" */
#define JOURNAL_MAX (64 << 20)

enum record_kind {
	LINK,
	ADDRS,
	ROUTES,
	LEANING,
	NEIGHS,
	LEARNED,
	NEXTHOPS,
	LABELS,
	QDISCS,
	GROUPS,
	SYSCTL,
	FEATURES,
	QUEUES,
	END
};

struct record {
	__u32 kind;
	__u32 len; /* of what follows */
};

/* fwrite() remembers an error, which is asked for once, at the end. */
static void put(FILE *file, enum record_kind kind, const void *data, size_t len)
{
	struct record record = { kind, len };

	fwrite(&record, sizeof(record), 1, file);
	if (len)
		fwrite(data, len, 1, file);
}

static void put_messages(FILE *file, enum record_kind kind, const struct msgs *msgs)
{
	for (size_t i = 0; i < msgs->n; i++)
		put(file, kind, msgs->item[i], msgs->item[i]->nlmsg_len);
}

/* Three texts, each with its NUL. */
static void put_sysctl(FILE *file, const struct port_sysctl *sysctl)
{
	char text[512];
	int len;

	len = snprintf(text, sizeof(text), "%s%c%s%c%s", sysctl->folder, 0, sysctl->file, 0, sysctl->value);
	if (len > 0 && len < (int)sizeof(text))
		put(file, SYSCTL, text, len + 1);
}

static int write_all(int fd, const struct port_snapshot *snapshot)
{
	__u32 magic = JOURNAL_MAGIC, queues[2] = { snapshot->rx_queues, snapshot->tx_queues };
	FILE *file = fdopen(fd, "w");
	int rc = 0;

	if (!file) {
		rc = -errno;
		close(fd);
		return rc;
	}
	fwrite(&magic, sizeof(magic), 1, file);
	put_messages(file, LINK, &snapshot->link_message);
	put_messages(file, ADDRS, &snapshot->addrs);
	put_messages(file, ROUTES, &snapshot->routes);
	put_messages(file, LEANING, &snapshot->leaning);
	put_messages(file, NEIGHS, &snapshot->neighs);
	put_messages(file, LEARNED, &snapshot->learned);
	put_messages(file, NEXTHOPS, &snapshot->nexthops);
	put_messages(file, LABELS, &snapshot->labels);
	put_messages(file, QDISCS, &snapshot->qdiscs);
	put_messages(file, GROUPS, &snapshot->groups);
	for (size_t i = 0; i < snapshot->sysctls.n; i++)
		put_sysctl(file, &snapshot->sysctls.item[i]);
	put(file, FEATURES, &snapshot->features, sizeof(snapshot->features));
	put(file, QUEUES, queues, sizeof(queues));
	put(file, END, NULL, 0);
	if (fflush(file) || ferror(file))
		rc = errno ? -errno : -EIO;
	fclose(file);
	return rc;
}

int journal_write(const char *path, const struct port_snapshot *snapshot, struct sl_err *err)
{
	char beside[PATH_MAX];
	int fd, rc;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return sl_err(err, ENAMETOOLONG, "the path of journal %.64s… is too long", path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sl_errno(err, errno, "cannot write journal %s", beside);
	rc = write_all(fd, snapshot);
	if (!rc && rename(beside, path))
		rc = -errno;
	if (rc) {
		unlink(beside);
		return sl_errno(err, rc, "cannot write journal %s", path);
	}
	return 0;
}

static int get_sysctl(const char *text, size_t len, struct port_snapshot *ret)
{
	const char *end = text + len, *file, *value;

	if (!len || end[-1])
		return -EBADMSG;
	file = text + strlen(text) + 1;
	value = file < end ? file + strlen(file) + 1 : end;
	return value < end ? sysctls_add(&ret->sysctls, text, file, value) : -EBADMSG;
}

static int get_message(struct msgs *msgs, const void *data, size_t len)
{
	const struct nlmsghdr *message = data;

	if (len < sizeof(*message) || message->nlmsg_len != len)
		return -EBADMSG;
	return msgs_add(msgs, message);
}

static int get_record(const struct record *record, const void *data, struct port_snapshot *ret)
{
	struct msgs *const lists[] = {
		[LINK] = &ret->link_message, [ADDRS] = &ret->addrs,   [ROUTES] = &ret->routes,
		[LEANING] = &ret->leaning,   [NEIGHS] = &ret->neighs, [LEARNED] = &ret->learned,
		[NEXTHOPS] = &ret->nexthops, [LABELS] = &ret->labels, [QDISCS] = &ret->qdiscs,
		[GROUPS] = &ret->groups,
	};
	__u32 queues[2];

	switch (record->kind) {
	case SYSCTL:
		return get_sysctl(data, record->len, ret);
	case FEATURES:
		if (record->len != sizeof(ret->features))
			return -EBADMSG;
		memcpy(&ret->features, data, record->len);
		return ret->features.n <= SL_FEATURE_BLOCKS ? 0 : -EBADMSG;
	case QUEUES:
		if (record->len != sizeof(queues))
			return -EBADMSG;
		memcpy(queues, data, sizeof(queues));
		ret->rx_queues = queues[0];
		ret->tx_queues = queues[1];
		return 0;
	default:
		return record->kind <= GROUPS ? get_message(lists[record->kind], data, record->len)
					      : -EBADMSG;
	}
}

static int get_all(const char *bytes, size_t size, struct port_snapshot *ret)
{
	struct record record;
	size_t at = sizeof(__u32);
	char *copy;
	__u32 magic;
	int rc = 0;

	if (size < at)
		return -EBADMSG;
	memcpy(&magic, bytes, sizeof(magic));
	if (magic != JOURNAL_MAGIC)
		return -EBADMSG;
	while (!rc && size - at >= sizeof(record)) {
		memcpy(&record, bytes + at, sizeof(record));
		at += sizeof(record);
		if (record.len > size - at)
			return -EBADMSG;
		if (record.kind == END)
			return ret->link_message.n == 1 && !link_parse(ret->link_message.item[0], &ret->link)
				       ? 0
				       : -EBADMSG;
		/* A copy is aligned for the structures in it. */
		copy = malloc(record.len + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, bytes + at, record.len);
		rc = get_record(&record, copy, ret);
		free(copy);
		at += record.len;
	}
	return rc ? rc : -EBADMSG;
}

int journal_read(const char *path, struct port_snapshot *ret, struct sl_err *err)
{
	char *bytes = NULL;
	struct stat st;
	int fd, rc = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return sl_errno(err, errno, "cannot open journal %s", path);
	if (fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > JOURNAL_MAX)
		rc = -EBADMSG;
	if (!rc) {
		bytes = malloc(st.st_size + 1);
		if (!bytes)
			rc = -ENOMEM;
		else if (read(fd, bytes, st.st_size) != st.st_size)
			rc = -EIO;
	}
	close(fd);
	if (!rc)
		rc = get_all(bytes, st.st_size, ret);
	free(bytes);
	return rc ? sl_errno(err, rc, "journal %s cannot be used", path) : 0;
}

int journal_open_lines(const char *path, struct sl_err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? sl_errno(err, errno, "cannot open journal %s", path) : fd;
}

/* A newline before as well as behind it: what stands in front need not be text. */
int journal_line(int journal, struct sl_err *err, const char *fmt, ...)
{
	char line[JOURNAL_LINE + 2] = "\n";
	ssize_t len, done;
	va_list ap;

	va_start(ap, fmt);
	len = 1 + vsnprintf(line + 1, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len > JOURNAL_LINE)
		len = JOURNAL_LINE;
	line[len++] = '\n';
	done = write(journal, line, len);
	return done == len ? 0 : sl_errno(err, done < 0 ? errno : ENOSPC, "cannot write the journal");
}

int journal_sync(int journal, struct sl_err *err)
{
	return fdatasync(journal) ? sl_errno(err, errno, "cannot write the journal to the disk") : 0;
}

void journal_last_line(const char *path, char line[JOURNAL_LINE])
{
	char tail[2 * JOURNAL_LINE + 1], *end, *begin;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = 0;
	off_t size;

	line[0] = '\0';
	if (fd < 0)
		return;
	size = lseek(fd, 0, SEEK_END);
	if (size > 0)
		n = pread(fd, tail, sizeof(tail) - 1,
			  size < (off_t)sizeof(tail) - 1 ? 0 : size - (off_t)sizeof(tail) + 1);
	close(fd);
	/* One that was cut off has no newline at its end yet. */
	end = n > 0 ? memrchr(tail, '\n', n) : NULL;
	begin = end && end > tail ? memrchr(tail, '\n', end - tail) : NULL;
	/* The newline in front of one of which no more was written. */
	if (begin && begin + 1 == end) {
		end = begin;
		begin = end > tail ? memrchr(tail, '\n', end - tail) : NULL;
	}
	if (begin)
		snprintf(line, JOURNAL_LINE, "%.*s", (int)(end - begin - 1), begin + 1);
}
