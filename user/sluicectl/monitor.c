// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl monitor: the core's events as they come.
 *
 * Invariant: with --json lines are passed on byte for byte as the core has
 * written them; a line is printed whole, at once, or not at all.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/sock.h"
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/verb.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_monitor = {
	.name = "monitor",
	.arguments = "[--type KIND,...] [--workload NAME]",
	.summary = "Follows what the core sees: sessions, violations, drops",
	.help = "  --type KIND,...  of these kinds alone: flow, alert, drop, stats\n"
		"  --workload NAME  of this workload alone, by name or id\n"
		"\n"
		"Ends on ^C. With --json the lines of the EVE layout, as events are written to files.\n"
		"\n"
		"Example:\n"
		"  sluicectl monitor --type alert,drop --workload web\n",
	.run = run,
};

enum { OPT_TYPE = OPT_FIRST, OPT_WORKLOAD };

static const struct option options[] = {
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "workload", required_argument, NULL, OPT_WORKLOAD },
	VERB_OPTIONS,
};

static const char *const kinds[] = { "flow", "netflow", "alert", "drop", "stats" };
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

struct follower {
	struct ctl *ctl;
	bool wanted[N_KINDS]; /* none: all */
	bool choosy;
	const char *workload; /* NULL: any */
	bool colour;
	char message[SL_MSG_MAX + 1];
};

static int kind_of(const char *name, size_t len)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (strlen(kinds[i]) == len && !strncmp(kinds[i], name, len))
			return (int)i;
	}
	return -1;
}

static int read_kinds(struct follower *follower, const char *list, struct sl_err *err)
{
	size_t len;
	int kind;

	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		kind = kind_of(list, len);
		if (kind < 0)
			return usage_error(err, "'%.*s' is none of flow, netflow, alert, drop, stats",
					   (int)len, list);
		follower->wanted[kind] = true;
		follower->choosy = true;
	}
	return follower->choosy ? 0 : usage_error(err, "--type needs a kind");
}

static const char *variable(const json_t *line, const char *key)
{
	json_t *vars = json_object_get(json_object_get(line, "metadata"), "flowvars"), *var;
	size_t i;

	json_array_foreach (vars, i, var) {
		if (!strcmp(member_text(var, "key") ?: "", key))
			return member_text(var, "value");
	}
	return NULL;
}

static __u64 workload_id(const json_t *line)
{
	return member_number(json_object_get(json_object_get(line, "metadata"), "flowints"), "workload_id");
}

static bool is_wanted(const struct follower *follower, const json_t *line)
{
	const char *type = member_text(line, "event_type") ?: "", *name = variable(line, "workload");
	int kind = kind_of(type, strlen(type));
	char id[16];

	/* Netflow repeats what flow tells. */
	if (follower->choosy ? kind < 0 || !follower->wanted[kind] : !strcmp(type, "netflow"))
		return false;
	if (!follower->workload)
		return true;
	snprintf(id, sizeof(id), "%llu", (unsigned long long)workload_id(line));
	return (name && !strcmp(name, follower->workload)) || !strcmp(id, follower->workload);
}

static void say_side(FILE *out, const json_t *line, const char *address, const char *port)
{
	const char *text = member_text(line, address) ?: "?";
	const json_t *number = json_object_get(line, port);

	fprintf(out, number && strchr(text, ':') ? "[%s]" : "%s", text);
	if (number)
		fprintf(out, ":%llu", (unsigned long long)json_integer_value(number));
}

static void say_flow(FILE *out, const json_t *line)
{
	const json_t *flow = json_object_get(line, "flow");

	fprintf(out, "%s, %s, %llu/%llu packets, %llu/%llu bytes, %llu s", member_text(flow, "state") ?: "?",
		member_text(flow, "reason") ?: "?", (unsigned long long)member_number(flow, "pkts_toserver"),
		(unsigned long long)member_number(flow, "pkts_toclient"),
		(unsigned long long)member_number(flow, "bytes_toserver"),
		(unsigned long long)member_number(flow, "bytes_toclient"),
		(unsigned long long)member_number(flow, "age"));
}

static void say_stats(FILE *out, const json_t *line)
{
	const json_t *stats = json_object_get(line, "stats"), *decoder = json_object_get(stats, "decoder");
	const json_t *flow = json_object_get(stats, "flow");

	fprintf(out, "up %llu s, %llu packets, %llu bytes, %llu sessions, %llu alerts",
		(unsigned long long)member_number(stats, "uptime"),
		(unsigned long long)member_number(decoder, "pkts"),
		(unsigned long long)member_number(decoder, "bytes"),
		(unsigned long long)member_number(flow, "active"),
		(unsigned long long)member_number(json_object_get(stats, "detect"), "alert"));
}

static void say_session(FILE *out, const json_t *line)
{
	const char *name = variable(line, "workload"), *application = member_text(line, "app_proto");
	const char *server = variable(line, "server_name");

	if (name)
		fprintf(out, "%s ", name);
	else
		fprintf(out, "%llu ", (unsigned long long)workload_id(line));
	fprintf(out, "%s %s ", variable(line, "direction") ?: "?", member_text(line, "proto") ?: "?");
	say_side(out, line, "src_ip", "src_port");
	fputs(" > ", out);
	say_side(out, line, "dest_ip", "dest_port");
	if (application)
		fprintf(out, " %s", application);
	if (server)
		fprintf(out, " (%s)", server);
	fputs(": ", out);
}

/* The line for people; malloc'ed, NULL without memory. */
static char *words(const json_t *line)
{
	const char *type = member_text(line, "event_type") ?: "?",
		   *time = member_text(line, "timestamp") ?: "";
	const json_t *alert = json_object_get(line, "alert"), *drop = json_object_get(line, "drop");
	const char *clock = strchr(time, 'T');
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%.12s %-7s ", clock ? clock + 1 : time, type);
	if (!strcmp(type, "stats"))
		say_stats(out, line);
	else
		say_session(out, line);
	if (alert)
		fprintf(out, "%s %s", member_text(alert, "action") ?: "?",
			member_text(alert, "signature") ?: "?");
	if (drop)
		fprintf(out, "%s, %llu bytes", member_text(drop, "reason") ?: "?",
			(unsigned long long)member_number(drop, "len"));
	if (!strcmp(type, "flow"))
		say_flow(out, line);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static const char *colour_of(const json_t *line)
{
	const char *type = member_text(line, "event_type") ?: "";

	if (!strcmp(type, "drop"))
		return COLOUR_BAD;
	if (strcmp(type, "alert"))
		return NULL;
	return !strcmp(member_text(json_object_get(line, "alert"), "action") ?: "", "blocked") ? COLOUR_BAD
											       : COLOUR_WARN;
}

static int print_event(const struct follower *follower, const char *text, size_t len, struct sl_err *err)
{
	json_t *line = json_loadb(text, len, 0, NULL);
	const char *colour = line && follower->colour ? colour_of(line) : NULL;
	char *said = NULL;
	int r = 0;

	if (line && is_wanted(follower, line)) {
		if (follower->ctl->pretty) {
			r = print_json(follower->ctl, line, err);
		} else if (follower->ctl->json) {
			printf("%.*s\n", (int)len, text);
		} else {
			said = words(line);
			if (said) {
				make_printable(said);
				printf("%s%s%s\n", colour ?: "", said, colour ? "\033[0m" : "");
			} else {
				r = sl_err(err, ENOMEM, "no memory for an event");
			}
		}
	}
	free(said);
	json_decref(line);
	return r;
}

static int print_events(const struct follower *follower, size_t len, struct sl_err *err)
{
	const char *text = follower->message, *end = text + len, *newline;
	int r = 0;

	while (!r && text < end) {
		newline = memchr(text, '\n', (size_t)(end - text)) ?: end;
		r = print_event(follower, text, (size_t)(newline - text), err);
		text = newline + 1;
	}
	/* Whoever read it has gone: nobody is left to tell. */
	if (!r && fflush(stdout))
		r = errno == EPIPE ? 1 : sl_errno(err, errno, "cannot write the output");
	return r;
}

/* 1: told to end, or nobody reads. */
static int follow(struct follower *follower, int core, int signals, struct sl_err *err)
{
	/* A reader that has gone shows as an error of the output even while there are no events. */
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
				{ .fd = core, .events = POLLIN },
				{ .fd = STDOUT_FILENO, .events = 0 } };
	ssize_t n;
	int r = 0;

	while (!r) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return sl_errno(err, errno, "cannot wait for events");
		if (fds[0].revents || fds[2].revents & (POLLERR | POLLHUP))
			return 1;
		if (!fds[1].revents)
			continue;
		n = sl_sock_recv(core, follower->message, SL_MSG_MAX);
		if (!n || n == -ECONNRESET)
			return sl_err(err, ECONNRESET, "the core has ended");
		if (n < 0 && n != -EMSGSIZE)
			return sl_errno(err, (int)n, "cannot receive events");
		if (n > 0)
			r = print_events(follower, (size_t)n, err);
	}
	return r;
}

static int subscribe(struct follower *follower, int core, struct sl_err *err)
{
	json_t *request = client_request("events", err), *result = NULL;
	int signals, r = request ? client_ask_core(core, request, &result, err) : -ENOMEM;

	json_decref(result);
	json_decref(request);
	if (r)
		return r;
	signal(SIGPIPE, SIG_IGN);
	signals = open_end(err);
	if (signals < 0)
		return signals;
	r = follow(follower, core, signals, err);
	close(signals);
	if (r != 1)
		return r;
	/* What could not be written is no error: its reader has gone on purpose. */
	if (ferror(stdout))
		_exit(EXIT_SUCCESS);
	return 0;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	struct follower *follower = calloc(1, sizeof(*follower));
	int c, core, r = 0;

	if (!follower)
		return sl_err(err, ENOMEM, "no memory for events");
	while (!r && (c = verb_option(ctl, &verb_monitor, argc, argv, options, err))) {
		if (c == OPT_TYPE)
			r = read_kinds(follower, optarg, err);
		else if (c == OPT_WORKLOAD)
			follower->workload = optarg;
		else
			r = c;
	}
	r = r ?: check_words(argc, argv, 0, 0, "", err);
	follower->ctl = ctl;
	follower->colour = can_colour();
	if (!r) {
		core = client_core(ctl, err);
		r = core < 0 ? core : subscribe(follower, core, err);
		if (core >= 0)
			close(core);
	}
	free(follower);
	return r;
}
