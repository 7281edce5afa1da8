// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control socket under requests that are wrong in every way: each gets an
 * error or a closed connection, and nothing changes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/sock.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(control, .init = world_enter, .fini = world_leave, .timeout = 90);

#define SOCKET DAEMON_RUN "/control.sock"

static int dial(void)
{
	struct timeval patience = { .tv_sec = 5 };
	struct sl_err err = { 0 };
	int fd = sl_sock_connect(SOCKET, &err);

	cr_assert(fd >= 0, SOCKET ": %s", err.text);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* What the daemon answers to these bytes: NULL if it closed the connection; the test fails if it says nothing. */
static json_t *ask(int *fd, const void *bytes, size_t len)
{
	static char answer[SL_MSG_MAX + 1];
	json_error_t error;
	json_t *object;
	ssize_t n;

	if (*fd < 0)
		*fd = dial();
	if (send(*fd, bytes, len, MSG_NOSIGNAL) < 0) {
		cr_assert(errno == EPIPE || errno == ECONNRESET || errno == EMSGSIZE, "send: %s",
			  strerror(errno));
		n = 0;
	} else {
		n = recv(*fd, answer, SL_MSG_MAX, 0);
		cr_assert(n >= 0 || errno == ECONNRESET, "no answer (%s) to %zu bytes: %.200s",
			  strerror(errno), len, (const char *)bytes);
	}
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return NULL;
	}
	answer[n] = 0;
	object = json_loadb(answer, n, 0, &error);
	cr_assert(object != NULL, "the answer is no JSON (%s): %s", error.text, answer);
	cr_assert(json_is_boolean(json_at(object, "ok")), "the answer has no `ok`: %s", answer);
	return object;
}

static bool refused(json_t *answer)
{
	bool is = !answer || json_is_false(json_at(answer, "ok"));

	if (is && answer) {
		json_text(answer, "error.errno");
		cr_assert(*json_text(answer, "error.message"), "an error without a sentence");
	}
	json_decref(answer);
	return is;
}

/* All a client can see of the daemon's state, without what counts and ages. */
static char *state(struct topo *t)
{
	json_t *list = ctl(t->d, "workloads"), *item;
	char *text;
	size_t i;

	json_array_foreach (json_at(list, "items"), i, item)
		json_object_del(item, "traffic");
	text = json_dumps(list, JSON_SORT_KEYS);
	json_decref(list);
	return text;
}

static const char *const wrong[] = {
	"",
	"x",
	"{",
	"[]",
	"null",
	"\"status\"",
	"{}",
	"{\"cmd\":null}",
	"{\"cmd\":7}",
	"{\"cmd\":\"nosuch\"}",
	"{\"cmd\":\"status\"",
	"{\"cmd\":\"status\"} trailing",
	"{\"cmd\":\"status\",\"cmd\":\"status\"}",
	"{\"cmd\":\"status\",\"more\":1}",
	"{\"cmd\":\"intercept\"}",
	"{\"cmd\":\"intercept\",\"target\":7}",
	"{\"cmd\":\"intercept\",\"target\":\"\"}",
	"{\"cmd\":\"intercept\",\"target\":\"pid:0\"}",
	"{\"cmd\":\"intercept\",\"target\":\"pid:-1\"}",
	"{\"cmd\":\"intercept\",\"target\":\"pid:4000000000\"}",
	"{\"cmd\":\"intercept\",\"target\":\"pid:1x\"}",
	"{\"cmd\":\"intercept\",\"target\":\"netns:/nonexistent\"}",
	"{\"cmd\":\"intercept\",\"target\":\"netns:../../etc/passwd\"}",
	"{\"cmd\":\"intercept\",\"target\":\"container:../..\"}",
	"{\"cmd\":\"intercept\",\"target\":\"container:a\\u0000b\"}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":\"eth0\"}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[7]}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"a-name-much-longer-than-any-port\"]}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"../eth0\"]}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"mode\":\"other\"}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"mode\":1}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"fail\":true}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"strict\":\"yes\"}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"id\":0}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"id\":-1}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"id\":65536}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"id\":1.5}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"eth0\"],\"id\":99999999999999999999}",
	"{\"cmd\":\"intercept\",\"target\":\"WORKLOAD\",\"ports\":[\"lo\"]}",
	"{\"cmd\":\"mode\"}",
	"{\"cmd\":\"mode\",\"id\":180}",
	"{\"cmd\":\"mode\",\"id\":181,\"mode\":\"off\"}",
	"{\"cmd\":\"mode\",\"id\":180,\"all\":true,\"mode\":\"off\"}",
	"{\"cmd\":\"mode\",\"all\":1,\"mode\":\"off\"}",
	"{\"cmd\":\"release\"}",
	"{\"cmd\":\"release\",\"id\":181}",
	"{\"cmd\":\"release\",\"id\":\"180\"}",
	"{\"cmd\":\"release\",\"all\":\"true\"}",
	"{\"cmd\":\"release\",\"id\":180,\"ports\":[\"eth0\"]}",
	"{\"cmd\":\"workloads\",\"after\":\"x\"}",
	"{\"cmd\":\"trace\",\"programs\":[\"nosuch\"]}",
	"{\"cmd\":\"trace\",\"programs\":\"vex\"}",
	"{\"cmd\":\"stop\",\"release\":1}",
	"{\"cmd\":\"stop\",\"now\":true}",
	"\xff\xfe{\"cmd\":\"status\"}",
	"{\"cmd\":\"sta\xfftus\"}",
};

static void with_workload(char *out, size_t size, const char *request, pid_t pid)
{
	const char *at = strstr(request, "WORKLOAD");

	if (at)
		snprintf(out, size, "%.*spid:%d%s", (int)(at - request), request, pid, at + 8);
	else
		snprintf(out, size, "%s", request);
}

Test(control, wrong_requests_are_refused)
{
	struct topo *t = topo_bridge("");
	char *before, *after, request[512];
	int fd = -1;

	daemon_intercept(t->d, t->workload, "--mode inline --id 180");
	before = state(t);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		with_workload(request, sizeof(request), wrong[i], t->workload2->pid);
		cr_expect(refused(ask(&fd, request, strlen(request))), "accepted: %s", request);
	}
	after = state(t);
	cr_expect_str_eq(after, before);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	topo_end(t);
}

Test(control, oversized_and_deep_requests)
{
	struct topo *t = topo_direct("");
	static char big[200000];
	const size_t sizes[] = { SL_MSG_MAX - 1, SL_MSG_MAX, SL_MSG_MAX + 1, sizeof(big) };
	int fd = -1;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memset(big, ' ', sizeof(big));
		memcpy(big, "{\"cmd\":\"nosuch\"", 15);
		big[sizes[i] - 1] = '}';
		cr_expect(refused(ask(&fd, big, sizes[i])), "%zu bytes were accepted", sizes[i]);
		memset(big, '[', sizeof(big));
		cr_expect(refused(ask(&fd, big, sizes[i])), "%zu brackets were accepted", sizes[i]);
	}
	memset(big, 'a', sizeof(big));
	memcpy(big, "{\"cmd\":\"intercept\",\"target\":\"", 29);
	memcpy(big + 60000, "\"}", 2);
	cr_expect(refused(ask(&fd, big, 60002)));
	ctl_do(t->d, "status");
	topo_end(t);
}

/* xorshift: the same mutations on every run, so that a failure can be looked at again. */
static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static size_t mutate(char *text, size_t len, size_t room, uint32_t *seed)
{
	size_t at = next_random(seed) % len, n = 1 + next_random(seed) % 8;

	switch (next_random(seed) % 5) {
	case 0:
		text[at] = (char)next_random(seed);
		return len;
	case 1:
		text[at] ^= (char)(1 << next_random(seed) % 8);
		return len;
	case 2:
		return at ? at : 1;
	case 3:
		n = n < len - at ? n : len - at;
		memmove(text + at, text + at + n, len - at - n);
		return len - n ? len - n : 1;
	default:
		n = len + n < room ? n : 0;
		memmove(text + at + n, text + at, len - at);
		for (size_t i = 0; i < n; i++)
			text[at + i] = (char)next_random(seed);
		return len + n;
	}
}

/* None of them changes anything when it is right, so no mutation may either. */
static const char *const harmless[] = {
	"{\"cmd\":\"status\"}",
	"{\"cmd\":\"workloads\",\"after\":0}",
	"{\"cmd\":\"mode\",\"id\":180,\"mode\":\"inline\",\"fail\":\"closed\",\"strict\":true}",
	"{\"cmd\":\"intercept\",\"target\":\"pid:0\",\"ports\":[\"eth0\"],\"mode\":\"tap\",\"id\":9}",
	"{\"cmd\":\"release\",\"id\":44444}",
	"{\"cmd\":\"doctor\"}",
};

Test(control, a_thousand_mutations)
{
	struct topo *t = topo_direct("");
	uint32_t seed = 20240611;
	char *before, *after, text[512];
	unsigned int accepted = 0;
	int fd = -1;

	daemon_intercept(t->d, t->workload, "--mode inline --fail closed --id 180");
	before = state(t);
	for (int i = 0; i < 1000; i++) {
		const char *base = harmless[i % (sizeof(harmless) / sizeof(*harmless))];
		size_t len = strlen(base);

		memcpy(text, base, len);
		for (unsigned int n = 1 + next_random(&seed) % 4; n; n--)
			len = mutate(text, len, sizeof(text), &seed);
		accepted += !refused(ask(&fd, text, len));
	}
	cr_log_info("of 1000 mutations %u were still right", accepted);
	cr_expect_lt(accepted, 200);
	after = state(t);
	cr_expect_str_eq(after, before);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	topo_end(t);
}

Test(control, nobody_but_root)
{
	struct topo *t = topo_direct("");
	struct sl_err err;
	pid_t child = fork();
	int status;

	if (!child) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(sl_sock_connect(SOCKET, &err) < 0 ? 0 : 1);
	}
	cr_assert(waitpid(child, &status, 0) == child);
	cr_expect(WIFEXITED(status) && !WEXITSTATUS(status),
		  "an unprivileged user reaches the control socket");
	topo_end(t);
}

Test(control, many_idle_clients_do_not_shut_the_others_out)
{
	struct topo *t = topo_direct("");
	int idle[100], n = 0, fd;
	struct sl_err err;

	for (; n < 100; n++) {
		idle[n] = sl_sock_connect(SOCKET, &err);
		if (idle[n] < 0)
			break;
	}
	for (int i = 0; i < n; i++)
		close(idle[i]);
	fd = -1;
	cr_expect(wait_until(3000, !refused(ask(&fd, "{\"cmd\":\"status\"}", 16))), "shut out");
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	topo_end(t);
}

Test(control, ids_and_ports_are_given_once)
{
	struct topo *t = topo_bridge("");
	const char *said;

	daemon_intercept(t->d, t->workload, "--mode inline --id 180");
	said = ctl_refused(t->d, "intercept pid:%d --port eth0 --id 180", t->workload2->pid);
	cr_expect(strstr(said, "180"), "does not name the id: %s", said);
	said = ctl_refused(t->d, "intercept pid:%d --port eth0", t->workload->pid);
	cr_expect(strstr(said, "eth0"), "does not name the port: %s", said);
	ctl_refused(t->d, "intercept pid:%d --port eth7", t->workload2->pid);
	ctl_refused(t->d, "intercept pid:%d --port lo", t->workload2->pid);
	/* The agent's own namespace is no workload. */
	ctl_refused(t->d, "intercept netns:%s", t->agent->path);
	cr_expect_eq(daemon_intercept(t->d, t->workload2, "--id 65535"), 65535);
	ctl_do(t->d, "release --id 180");
	cr_expect_eq(daemon_intercept(t->d, t->workload, "--id 180"), 180);
	topo_end(t);
}

Test(control, dry_run_changes_nothing)
{
	struct topo *t = topo_direct("");
	char *before = state(t), *after;

	ctl_do(t->d, "intercept pid:%d --port eth0 --dry-run", t->workload->pid);
	after = state(t);
	cr_expect_str_eq(after, before);
	cr_expect_eq(ns_sh(t->agent, "ip -o link | grep -q eth0"), 1, "%s", ns_said());
	topo_end(t);
}
