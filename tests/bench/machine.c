// SPDX-License-Identifier: BSD-2-Clause
/* The machine behind the figures: without it they say nothing. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/lab.h"

struct text {
	char *at;
	size_t left;
};

static void add(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text->at, text->left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= text->left)
		n = text->left ? text->left - 1 : 0;
	text->at += n;
	text->left -= n;
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

static void add_packages(struct text *text)
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
	add(text, "| packages | %s |\n", out[0] ? out : "unknown");
}

void machine_describe(char *buffer, size_t size)
{
	struct text text = { buffer, size };
	struct utsname names;
	char line[512], when[64];
	time_t now = time(NULL);

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", gmtime(&now));
	add(&text, "| | |\n|---|---|\n| when | %s |\n| sluice | %s |\n", when, SLUICE_VERSION);
	if (!uname(&names))
		add(&text, "| kernel | %s %s, %s |\n", names.sysname, names.release, names.version);
	add(&text, "| CPU | %s |\n", file_line("/proc/cpuinfo", "model name", line, sizeof(line)));
	add(&text, "| hypervisor | %s |\n",
	    strstr(file_line("/proc/cpuinfo", "flags", line, sizeof(line)), "hypervisor") ? "yes"
											  : "none seen");
	add(&text, "| CPUs online | %ld |\n", sysconf(_SC_NPROCESSORS_ONLN));
	add(&text, "| memory | %s |\n", file_line("/proc/meminfo", "MemTotal", line, sizeof(line)));
	add(&text, "| net.core.bpf_jit_enable | %s |\n| load before | %s |\n", jit, load);
	add(&text, "| load after | %s |\n", file_line("/proc/loadavg", NULL, line, sizeof(line)));
	add(&text, "| compiler | gcc %s |\n", __VERSION__);
	add_packages(&text);
}
