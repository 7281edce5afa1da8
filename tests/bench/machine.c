// SPDX-License-Identifier: BSD-2-Clause
/* The machine behind the figures: without it they say nothing. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/lab.h"

static void add(json_t *machine, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void add(json_t *machine, const char *key, const char *fmt, ...)
{
	char value[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	json_object_set_new(machine, key, json_string(value));
}

/* The first line of the file that starts with key, what is behind the colon; or the first line with key NULL. */
static const char *file_line(const char *path, const char *key, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	const char *found = NULL;

	while (file && !found && fgets(line, size, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!key)
			found = line;
		else if (!strncmp(line, key, strlen(key)) && strchr(line, ':'))
			found = strchr(line, ':') + 1 + strspn(strchr(line, ':') + 1, " \t");
	}
	if (file)
		fclose(file);
	return found ? found : "unknown";
}

double machine_map_bytes(int fd)
{
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return strtod(file_line(path, "memlock", line, sizeof(line)), NULL);
}

double machine_resident_bytes(int pid)
{
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return 1024 * strtod(file_line(path, "VmRSS", line, sizeof(line)), NULL);
}

static char jit[64], load[64];

void machine_look(void)
{
	char line[256];

	snprintf(jit, sizeof(jit), "%s",
		 file_line("/proc/sys/net/core/bpf_jit_enable", NULL, line, sizeof(line)));
	snprintf(load, sizeof(load), "%s", file_line("/proc/loadavg", NULL, line, sizeof(line)));
}

static void add_packages(json_t *machine)
{
	char *words[] = {
		"dpkg-query",	     "-W",	 "-f", "${Package} ${Version}, ", "libbpf1", "libxdp1",
		"libnl-route-3-200", "iproute2", NULL
	};
	char out[512];

	/* Not Debian, or one is missing: what there is. */
	lab_capture(NULL, out, sizeof(out), words, NULL);
	out[strcspn(out, "\n")] = '\0';
	if (strlen(out) > 2 && !strcmp(out + strlen(out) - 2, ", "))
		out[strlen(out) - 2] = '\0';
	add(machine, "packages", "%s", out[0] ? out : "unknown");
}

json_t *machine_describe(void)
{
	json_t *machine = json_object();
	struct utsname names;
	char line[512], when[64];
	time_t now = time(NULL);

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", gmtime(&now));
	add(machine, "when", "%s", when);
	add(machine, "sluice", "%s", SLUICE_VERSION);
	if (!uname(&names))
		add(machine, "kernel", "%s %s, %s", names.sysname, names.release, names.version);
	add(machine, "CPU", "%s", file_line("/proc/cpuinfo", "model name", line, sizeof(line)));
	add(machine, "hypervisor", "%s",
	    strstr(file_line("/proc/cpuinfo", "flags", line, sizeof(line)), "hypervisor") ? "yes"
											  : "none seen");
	add(machine, "CPUs online", "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	add(machine, "memory", "%s", file_line("/proc/meminfo", "MemTotal", line, sizeof(line)));
	add(machine, "net.core.bpf_jit_enable", "%s", jit);
	add(machine, "load before", "%s", load);
	add(machine, "load after", "%s", file_line("/proc/loadavg", NULL, line, sizeof(line)));
	add(machine, "compiler", "gcc %s", __VERSION__);
	add_packages(machine);
	return machine;
}
