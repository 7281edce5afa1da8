// SPDX-License-Identifier: BSD-2-Clause
/* See hang.h. */
#include "sluiced/hang.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>

/* If more has passed since the last look we did not run, and perhaps the core did not either. */
#define LOOK_MAX_MS 1000

/* Stopped by a signal or by a debugger: proc_pid_stat(5). Unknown counts as stopped. */
static bool is_stopped(pid_t pid)
{
	char path[64], text[512];
	const char *state = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	/* "pid (name) state": the name may hold anything, also a parenthesis. */
	if (fgets(text, sizeof(text), file))
		state = strrchr(text, ')');
	fclose(file);
	return !state || state[1] != ' ' || strchr("Tt", state[2]);
}

/* Milliseconds that count since the last look. */
static __u32 passed_ms(struct hang *hang)
{
	__u64 now = now_ns(), passed = hang->looked_ns ? (now - hang->looked_ns) / 1000000 : 0;

	hang->looked_ns = now;
	return passed > LOOK_MAX_MS ? LOOK_MAX_MS : (__u32)passed;
}

/* Is that worker's heartbeat what it was at the last look? None at all is no sign of hanging. */
static bool stands_still(struct hang *hang, __u32 queue, const struct sl_core *record)
{
	bool same = record->heartbeat_ns && record->heartbeat_ns == hang->stamp[queue];

	hang->stamp[queue] = record->heartbeat_ns;
	return same;
}

bool hang_look(struct hang *hang, const struct instance *inst, pid_t pid)
{
	/* A heartbeat may be late by as much without being stale. */
	__u32 limit_ms = inst->conf.hang_s * 1000 + inst->conf.heartbeat_ms, passed = passed_ms(hang);
	struct sl_core record;

	if (!inst->conf.hang_s || hang->killed)
		return false;
	for (__u32 queue = 0; queue < inst->bridge.queues && queue < SL_QUEUES_MAX; queue++) {
		if (bpf_map_lookup_elem(inst->maps.core, &queue, &record))
			continue;
		if (!stands_still(hang, queue, &record) || is_stopped(pid))
			hang->still_ms[queue] = 0;
		else
			hang->still_ms[queue] += passed;
		if (hang->still_ms[queue] > limit_ms) {
			hang->queue = queue;
			hang->killed = true;
			return true;
		}
	}
	return false;
}
