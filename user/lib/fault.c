// SPDX-License-Identifier: BSD-2-Clause
/*
 * The counters behind fault.h; an empty file in a normal build.
 *
 * Invariant: one process, one thread, one fault: what fails is decided by the
 * number of the call alone, so a run can be repeated.
 */
#include "lib/fault.h"

#ifdef SL_FAULTS

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 4096

static const char *kinds[KINDS_MAX];

static struct {
	bool counting;
	unsigned int nth;
	int code;
	const char *kind; /* NULL: of whatever kind */
	struct sl_fault_report report;
} calls;

static struct {
	bool read; /* the environment has been looked at */
	char doing[32];
	unsigned int step;
} kill_at;

int sl_fault(const char *kind)
{
	if (!calls.counting || (calls.kind && strcmp(kind, calls.kind) != 0))
		return 0;
	if (calls.report.calls < KINDS_MAX)
		kinds[calls.report.calls] = kind;
	if (++calls.report.calls != calls.nth)
		return 0;
	calls.report.failed = kind;
	return calls.code;
}

void sl_fault_arm(unsigned int nth, int code)
{
	memset(&calls, 0, sizeof(calls));
	memset(kinds, 0, sizeof(kinds));
	calls.counting = true;
	calls.nth = nth;
	calls.code = code;
}

void sl_fault_arm_kind(const char *kind, unsigned int nth, int code)
{
	sl_fault_arm(nth, code);
	calls.kind = kind;
}

const char *sl_fault_kind(unsigned int nth)
{
	return nth && nth <= calls.report.calls && nth <= KINDS_MAX ? kinds[nth - 1] : NULL;
}

void sl_fault_disarm(struct sl_fault_report *ret)
{
	calls.counting = false;
	*ret = calls.report;
}

void sl_fault_kill_at(const char *doing, unsigned int step)
{
	snprintf(kill_at.doing, sizeof(kill_at.doing), "%s", doing ? doing : "");
	kill_at.step = step;
	kill_at.read = true;
}

static void read_environment(void)
{
	const char *text = getenv("SLUICE_FAULT_STEP"), *colon = text ? strchr(text, ':') : NULL;

	kill_at.read = true;
	if (!colon || colon - text >= (long)sizeof(kill_at.doing))
		return;
	memcpy(kill_at.doing, text, colon - text);
	kill_at.step = strtoul(colon + 1, NULL, 10);
}

void sl_fault_step(const char *doing, unsigned int step)
{
	calls.report.stepped = true;
	if (!kill_at.read)
		read_environment();
	if (step == kill_at.step && !strcmp(doing, kill_at.doing))
		raise(SIGKILL);
}

/* libbpf's calls are counted where they are linked (ld --wrap), so that their callers need not know. */
#define WRAP(function, params, args)                                                                         \
	int __real_##function params;                                                                        \
	int __wrap_##function params;                                                                        \
	int __wrap_##function params                                                                         \
	{                                                                                                    \
		int code = sl_fault(#function);                                                              \
                                                                                                             \
		if (!code)                                                                                   \
			return __real_##function args;                                                       \
		errno = code;                                                                                \
		return -code;                                                                                \
	}

WRAP(bpf_map_update_elem, (int fd, const void *key, const void *value, __u64 flags), (fd, key, value, flags))
WRAP(bpf_map_delete_elem, (int fd, const void *key), (fd, key))
WRAP(bpf_link_create,
     (int prog_fd, int target_fd, enum bpf_attach_type type, const struct bpf_link_create_opts *opts),
     (prog_fd, target_fd, type, opts))
WRAP(bpf_link_update, (int link_fd, int prog_fd, const struct bpf_link_update_opts *opts),
     (link_fd, prog_fd, opts))
WRAP(bpf_link_detach, (int link_fd), (link_fd))
WRAP(bpf_obj_pin, (int fd, const char *path), (fd, path))
WRAP(bpf_obj_get, (const char *path), (path))

#endif
