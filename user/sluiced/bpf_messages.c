// SPDX-License-Identifier: BSD-2-Clause
/* See bpf_messages.h. The daemon is single-threaded, so one static buffer does. */
#include "sluiced/bpf_messages.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

static char first_warning[200];

static void take_line(enum libbpf_print_level level, const char *line)
{
	if (!*line)
		return;
	sl_debug("%s", line);
	if (level != LIBBPF_WARN || first_warning[0])
		return;
	if (!strncmp(line, "libbpf: ", 8))
		line += 8;
	snprintf(first_warning, sizeof(first_warning), "%s", line);
}

static int take_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text, *line, *rest;
	int n;

	if (level == LIBBPF_DEBUG) /* hundreds of lines for each object, about libbpf and not about us */
		return 0;
	n = vasprintf(&text, fmt, ap);
	if (n < 0)
		return 0;
	rest = text;
	while ((line = strsep(&rest, "\n"))) /* a verifier log comes as one message */
		take_line(level, line);
	free(text);
	return n;
}

void bpf_messages_start(void)
{
	first_warning[0] = '\0';
	libbpf_set_print(take_message);
}

const char *bpf_messages_first(void)
{
	return first_warning;
}
