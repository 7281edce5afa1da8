// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluice-bench: side by side on the machine at hand, in one run.
 *
 * ONLY=name,name picks measurements, REPEAT=n the number of pairs. Results
 * are printed as they come and written to $(BUILD)/bench/. With --compare
 * nothing is measured: two results are compared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/lab.h"

static const struct {
	const char *name;
	int (*measure)(struct sl_err *err);
	const char *what;
} measurements[] = {
	{ "prog", measure_prog, "ns per frame of the programs" },
	{ "vbr", measure_vbr, "the same with 4096 workloads" },
	{ "u32", measure_u32, "sl_vbr beside the u32 rules it replaces, 1 to 1000 workloads" },
	{ "flows", measure_flows, "judged flows: cost and memory" },
	{ "tcp_off", measure_tcp_off, "TCP through a port in mode off" },
	{ "udp64", measure_udp64, "64-byte frames through the core" },
	{ "tcp_inline", measure_tcp_inline, "TCP through the core" },
	{ "tcp_bulk", measure_tcp_bulk, "TCP through the core by the bulk lane" },
	{ "tcp_judged", measure_tcp_judged, "TCP of a judged flow" },
	{ "tcp_judged_rtt", measure_tcp_judged_rtt, "round trips of a judged flow" },
	{ "udp64_judged", measure_udp64_judged, "64-byte UDP of a judged flow" },
	{ "verdict_latency", measure_verdict_latency, "from the first SYN to the verdict" },
	{ "crr_inline", measure_crr_inline, "new TCP connections through the core" },
	{ "cores", measure_cores, "processors at work at 100,000 frames a second" },
	{ "sizes", measure_sizes, "frames through the core by their size" },
	{ "datagrams", measure_datagram_sizes, "datagrams of 64 to 9000 bytes from socket to socket" },
	{ "flows_inline", measure_flows_inline, "frames through the core by the number of flows" },
	{ "attachment", measure_attachment, "clsact and tcx, bpf_redirect and bpf_redirect_peer" },
	{ "core_work", measure_core_work, "the core that does less, or by two workers" },
	{ "flows_axis", measure_flows_axis, "judged flows: cost by their number" },
	{ "rtt", measure_rtt, "round trips through the core" },
	{ "gap", measure_gap, "taking and giving back a port" },
	{ "many", measure_many, "memory and time of one more workload" },
	{ "session", measure_session, "making and finding a session among half a million" },
	{ "policy", measure_policy, "a lookup in 10 to 10,000 rules" },
	{ "dpi", measure_dpi, "a frame in the core, by stage" },
};
#define N_MEASUREMENTS (sizeof(measurements) / sizeof(measurements[0]))

static char build[512];

const char *bench_build(void)
{
	return build;
}

/* This program is $(BUILD)/tests/bench/sluice-bench. */
static int find_build(struct sl_err *err)
{
	ssize_t n = readlink("/proc/self/exe", build, sizeof(build) - 1);

	if (n < 0)
		return sl_errno(err, errno, "finding the build folder by /proc/self/exe");
	build[n] = '\0';
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(build, '/');

		if (slash)
			*slash = '\0';
	}
	return 0;
}

/* Is `name` one of the words of the list? An empty list holds all. */
static bool picked(const char *list, const char *name)
{
	size_t len = strlen(name);

	if (!list || !*list)
		return true;
	for (const char *word = list; word; word = strchr(word, ',')) {
		word += *word == ',';
		if (!strncmp(word, name, len) && (word[len] == '\0' || word[len] == ','))
			return true;
	}
	return false;
}

static bool known(const char *word, size_t len)
{
	for (unsigned int i = 0; i < N_MEASUREMENTS; i++) {
		if (strlen(measurements[i].name) == len && !strncmp(measurements[i].name, word, len))
			return true;
	}
	return false;
}

static int check_list(const char *list)
{
	const char *word = list ? list : "";

	while (*word) {
		size_t len = strcspn(word, ",");

		if (!known(word, len)) {
			fprintf(stderr, "sluice-bench: ONLY: no measurement '%.*s'; there are:\n", (int)len,
				word);
			for (unsigned int i = 0; i < N_MEASUREMENTS; i++)
				fprintf(stderr, "  %-12s %s\n", measurements[i].name, measurements[i].what);
			return -EINVAL;
		}
		word += len;
		word += *word == ',';
	}
	return 0;
}

/* For whoever waits: what is measured now, of how many. */
static void tell_progress(const char *only, unsigned int now)
{
	unsigned int n = 0, at = 0;

	for (unsigned int i = 0; i < N_MEASUREMENTS; i++) {
		n += picked(only, measurements[i].name);
		if (i <= now)
			at = n;
	}
	fprintf(stderr, "[%u/%u] %s: %s\n", at, n, measurements[now].name, measurements[now].what);
}

/* Runs as first process of the bench's own namespaces. */
static int run_all(void *context)
{
	const char *only = getenv("ONLY");
	struct sl_err err = { 0 };
	char dir[600];
	int failed = 0;

	(void)context;
	snprintf(dir, sizeof(dir), "%s/bench", build);
	if (lab_run(NULL, &err, "ip link set lo up")) {
		fprintf(stderr, "sluice-bench: %s\n", err.text);
		return 1;
	}
	for (unsigned int i = 0; i < N_MEASUREMENTS; i++) {
		if (!picked(only, measurements[i].name))
			continue;
		err = (struct sl_err){ 0 };
		tell_progress(only, i);
		if (measurements[i].measure(&err)) {
			report_missing(measurements[i].name, err.text);
			failed++;
		}
		/* After each: what has been measured is there when the next one is interrupted. */
		if (report_write(dir, &err)) {
			fprintf(stderr, "sluice-bench: %s\n", err.text);
			return 1;
		}
	}
	printf("written: %s/result.json, machine.json, result.md, figures.svg\n", dir);
	return failed ? 1 : 0;
}

static int compare_files(const char *old_path, const char *new_path)
{
	struct sl_err err = { 0 };
	int r = bench_compare(old_path, new_path, &err);

	if (r < 0)
		fprintf(stderr, "sluice-bench: %s\n", err.text);
	return r < 0 ? 2 : r;
}

int main(int argc, char *argv[])
{
	const char *repeat = getenv("REPEAT");
	struct sl_err err = { 0 };
	int r;

	if (argc == 4 && !strcmp(argv[1], "--compare"))
		return compare_files(argv[2], argv[3]);
	if (argc > 1) {
		fprintf(stderr,
			"usage: sluice-bench [--compare OLD.json NEW.json]; ONLY=name,… and REPEAT=n in "
			"the environment\n");
		return 2;
	}

	if (check_list(getenv("ONLY")))
		return 2;
	if (repeat && *repeat)
		bench_set_pairs(strtoul(repeat, NULL, 10));
	machine_look();
	r = find_build(&err);
	r = r ?: lab_isolate(run_all, NULL, &err);
	if (r < 0) {
		fprintf(stderr, "sluice-bench: %s\n", err.text);
		return 1;
	}
	return r;
}
