// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads trace_pipe, which belongs to the whole machine: what others write is
 * left out of the output, but taken from the pipe all the same.
 *
 * Invariant: a line is printed whole or not at all, and at once.
 */
#include "sluicectl/trace_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/maps.h"
#include "sluicectl/output.h"

#define LINE_ROOM 8192 /* longer lines of others are cut */

static const char *const pipes[] = { "/sys/kernel/tracing/trace_pipe",
				     "/sys/kernel/debug/tracing/trace_pipe" };

struct follower {
	struct ctl *ctl;
	unsigned int programs, id;
	char text[LINE_ROOM];
	size_t used;
	bool skipping; /* the rest of a line that was too long */
};

/* What a program writes behind the kernel's own prefix; see bpf/trace.bpf.h. */
struct trace_line {
	char program[8], reason[32], src[16], dst[16];
	unsigned int id, len;
};

static bool parse(const char *line, struct trace_line *ret)
{
	const char *ours = strstr(line, "sluice ");

	return ours && sscanf(ours, "sluice %7s id %u %31s src %15s dst %15s len %u", ret->program, &ret->id,
			      ret->reason, ret->src, ret->dst, &ret->len) == 6;
}

static bool is_wanted(const struct follower *follower, const struct trace_line *line)
{
	unsigned int program;

	if (follower->id && line->id != follower->id)
		return false;
	if (!follower->programs)
		return true;
	return !sl_program_parse(line->program, &program) && follower->programs & (1U << program);
}

static int print_line(const struct follower *follower, char *text, struct sl_err *err)
{
	struct trace_line line;
	json_t *object;
	int r;

	make_printable(text); /* the kernel puts the names of processes in front */
	/* A line of ours that this version cannot read is shown to whoever wants everything. */
	if (!parse(text, &line)) {
		if (strstr(text, "sluice") && !follower->id && !follower->programs && !follower->ctl->json)
			puts(text);
		return 0;
	}
	if (!is_wanted(follower, &line))
		return 0;
	if (!follower->ctl->json) {
		puts(text);
		return 0;
	}
	object = json_pack("{ss si ss ss ss si ss}", "program", line.program, "id", (int)line.id, "reason",
			   line.reason, "src", line.src, "dst", line.dst, "len", (int)line.len, "line", text);
	if (!object)
		return 0; /* not UTF-8: not ours after all */
	r = print_json(follower->ctl, object, err);
	json_decref(object);
	return r;
}

static int take_lines(struct follower *follower, struct sl_err *err)
{
	char *line = follower->text, *end;
	int r = 0;

	while (!r && (end = memchr(line, '\n', follower->text + follower->used - line))) {
		*end = '\0';
		if (!follower->skipping)
			r = print_line(follower, line, err);
		follower->skipping = false;
		line = end + 1;
	}
	follower->used -= line - follower->text;
	memmove(follower->text, line, follower->used);
	if (follower->used == sizeof(follower->text)) {
		follower->skipping = true;
		follower->used = 0;
	}
	return r;
}

/* 0 to go on, or -errno. */
static int take_text(struct follower *follower, int fd, struct sl_err *err)
{
	ssize_t n = read(fd, follower->text + follower->used, sizeof(follower->text) - follower->used);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return sl_errno(err, errno, "cannot read trace_pipe");
	follower->used += n;
	r = take_lines(follower, err);
	if (!r && fflush(stdout))
		r = sl_errno(err, errno, "cannot write the output");
	return r;
}

static int open_pipe(struct ctl *ctl, struct sl_err *err)
{
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < sizeof(pipes) / sizeof(*pipes); i++) {
		fd = open(pipes[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno == EBUSY)
			snprintf(ctl->hint, sizeof(ctl->hint),
				 "somebody else reads it: fuser %s; the kernel allows one reader", pipes[i]);
		if (fd < 0 && errno != ENOENT)
			return sl_errno(err, errno, "cannot open %s", pipes[i]);
	}
	if (fd >= 0)
		return fd;
	snprintf(ctl->hint, sizeof(ctl->hint), "mount -t tracefs tracefs /sys/kernel/tracing");
	return sl_errno(err, ENOENT, "cannot open %s", pipes[0]);
}

static int follow(struct follower *follower, int pipe, int signals, struct sl_err *err)
{
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN }, { .fd = pipe, .events = POLLIN } };
	int r = 0;

	while (!r) {
		if (poll(fds, 2, -1) < 0) {
			if (errno != EINTR)
				return sl_errno(err, errno, "cannot wait for trace_pipe");
			continue;
		}
		if (fds[0].revents)
			return 0;
		if (fds[1].revents)
			r = take_text(follower, pipe, err);
	}
	return r;
}

int trace_follow(struct ctl *ctl, unsigned int programs, unsigned int id, struct sl_err *err)
{
	struct follower follower = { .ctl = ctl, .programs = programs, .id = id };
	int pipe = open_pipe(ctl, err), signals, r;

	if (pipe < 0)
		return pipe;
	signals = open_end(err);
	r = signals < 0 ? signals : follow(&follower, pipe, signals, err);
	if (signals >= 0)
		close(signals);
	close(pipe);
	return r;
}
