// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command line as its users meet it: the real sluicectl is run against a
 * daemon that says what the test wants it to say.
 *
 * Invariant: every test has a run folder of its own, and what the fake daemon
 * was asked is on record in it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/sock.h"

#define OUTPUT_MAX 65536
#define WORDS_MAX 32
#define TALK_TIMEOUT_MS 20000

static char dir[64], socket_path[128], record_path[128];
static char out[OUTPUT_MAX], err_out[OUTPUT_MAX];
static pid_t server = -1;

static void setup(void)
{
	char path[128];

	unsetenv("SLUICE_INSTANCE");
	strcpy(dir, "/tmp/sluice-ctl-XXXXXX");
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/default", dir);
	cr_assert(!mkdir(path, 0700));
	snprintf(socket_path, sizeof(socket_path), "%s/default/control.sock", dir);
	snprintf(record_path, sizeof(record_path), "%s/record", dir);
}

static void teardown(void)
{
	char path[128];

	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	unlink(socket_path);
	unlink(record_path);
	snprintf(path, sizeof(path), "%s/default", dir);
	rmdir(path);
	rmdir(dir);
}

TestSuite(ctl, .init = setup, .fini = teardown, .timeout = 60);

/* One request each; an empty answer hangs up. */
static void talk(int listener, const char *const *answers, unsigned int n)
{
	int record = open(record_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), fd = -1;
	struct pollfd wait = { .fd = listener, .events = POLLIN };
	static char request[SL_MSG_MAX];
	ssize_t len;

	for (unsigned int i = 0; i < n;) {
		if (fd < 0) {
			if (poll(&wait, 1, TALK_TIMEOUT_MS) <= 0)
				_exit(1);
			fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			continue;
		}
		len = sl_sock_recv(fd, request, sizeof(request));
		if (len <= 0) {
			close(fd);
			fd = -1;
			continue;
		}
		if (dprintf(record, "%.*s\n", (int)len, request) < 0)
			_exit(1);
		/* Not sl_sock_send(), which refuses what is too long. */
		if (*answers[i])
			send(fd, answers[i], strlen(answers[i]), MSG_NOSIGNAL);
		if (!*answers[i++]) {
			close(fd);
			fd = -1;
		}
	}
	_exit(0);
}

static void serve(const char *const *answers, unsigned int n)
{
	int ready[2], listener;
	char byte;

	cr_assert(!pipe2(ready, O_CLOEXEC));
	server = fork();
	cr_assert(server >= 0);
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Here and not in the test, whose process would then count as the one that answers. */
		listener = sl_sock_listen(socket_path, NULL);
		if (listener < 0 || write(ready[1], "R", 1) != 1)
			_exit(1);
		talk(listener, answers, n);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1, "the fake daemon does not listen");
	close(ready[0]);
}

static void serve_one(const char *answer)
{
	serve(&answer, 1);
}

static void read_back(int fd, char *text)
{
	ssize_t n = pread(fd, text, OUTPUT_MAX - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* sluicectl --run-dir DIR --bpffs DIR and these words, which blanks set apart. Its exit status. */
static int ctl(const char *line)
{
	char program[256], words[512], *argv[WORDS_MAX] = { program, "--run-dir", dir, "--bpffs", dir };
	int out_fd = memfd_create("out", MFD_CLOEXEC), err_fd = memfd_create("err", MFD_CLOEXEC), status;
	unsigned int n = 5;
	char *save = NULL;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/sluicectl", getenv("SLUICE_BUILD") ?: "build");
	cr_assert(!access(program, X_OK), "%s is not there: build it first, or set SLUICE_BUILD", program);
	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok_r(words, " ", &save); word && n < WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	pid = fork();
	cr_assert(pid >= 0);
	if (!pid) {
		dup2(out_fd, STDOUT_FILENO);
		dup2(err_fd, STDERR_FILENO);
		execv(program, argv);
		_exit(127);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	read_back(out_fd, out);
	read_back(err_fd, err_out);
	cr_assert(WIFEXITED(status), "sluicectl %s was ended by signal %d", line, WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void expect_exit(int wanted, const char *line)
{
	int status = ctl(line);

	cr_assert_eq(status, wanted, "sluicectl %s: exit status %d instead of %d: %s%s", line, status, wanted,
		     out, err_out);
}

#define expect_has(text, part) cr_assert(strstr(text, part), "'%s' is missing in: %s", part, text)

static void expect_json(const char *text, const char *wanted)
{
	json_t *is = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *want = json_loads(wanted, 0, NULL);

	cr_assert(want, "the test's own JSON: %s", wanted);
	cr_assert(json_equal(is, want), "is %s instead of %s", text, wanted);
	json_decref(is);
	json_decref(want);
}

/* The n-th request the fake daemon was sent, from 0. */
static void expect_request(unsigned int n, const char *wanted)
{
	FILE *record = fopen(record_path, "re");
	static char line[SL_MSG_MAX];

	cr_assert(record, "no request was sent");
	for (unsigned int i = 0; i <= n; i++)
		cr_assert(fgets(line, sizeof(line), record), "there was no request %u", n);
	fclose(record);
	expect_json(line, wanted);
}

Test(ctl, usage_errors)
{
	static const char *const lines[] = {
		"",
		"bogus",
		"st",
		"--bogus",
		"-i",
		"-i a/b status",
		"status x",
		"status -q",
		"intercept",
		"intercept a b",
		"intercept a --mode x",
		"intercept a --fail x",
		"intercept a --id 0",
		"intercept a --id 65536",
		"intercept a --id 1x",
		"intercept a --id",
		"intercept a --port ,",
		"intercept a --port x,",
		"intercept a --id 1 --port x,y",
		"intercept a --strict=1",
		"intercept a --name 12345678901234567890123456789012",
		"release",
		"release --all x",
		"release --all --id 1",
		"release --id 1 --port x",
		"mode",
		"mode a",
		"mode a bogus",
		"mode --id 1",
		"mode --all inline off",
		"workloads x",
		"counters x",
		"counters --program vxx",
		"counters --watch 0",
		"counters --watch nan",
		"counters --check --watch 1",
		"trace",
		"trace bogus",
		"trace on off",
		"trace on --id 1 --all",
		"trace show --all",
		"trace follow --workload x",
		"stop --release --keep",
		"help bogus",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		expect_exit(2, lines[i]);
		expect_has(err_out, "--help");
		cr_assert_str_empty(out);
	}
	expect_exit(2, "-j mode a bogus");
	expect_has(err_out, "{\"error\":{\"errno\":\"EINVAL\"");
}

Test(ctl, help_of_every_verb)
{
	static const char *const verbs[] = { "status",	 "intercept", "release", "mode", "workloads",
					     "counters", "doctor",    "trace",	 "stop", "repair" };
	char line[64];

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		snprintf(line, sizeof(line), "%s --help", verbs[i]);
		expect_exit(0, line);
		expect_has(out, "Usage: sluicectl");
		expect_has(out, "Example:");
		cr_assert_str_empty(err_out);
	}
	expect_exit(0, "--help");
	expect_exit(0, "help");
	expect_exit(0, "help mode");
	expect_exit(0, "--version");
	expect_exit(0, "version");
}

Test(ctl, daemon_absent)
{
	expect_exit(1, "status");
	expect_has(err_out, "ENOENT");
	expect_has(err_out, "is sluiced running?");
	expect_exit(1, "-j status");
	expect_has(err_out, "\"errno\":\"ENOENT\"");
	expect_has(err_out, "is sluiced running?");
	cr_assert_str_empty(out);
	setenv("SLUICE_INSTANCE", "elsewhere", 1);
	expect_exit(1, "status");
	expect_has(err_out, "/elsewhere/control.sock");
	expect_has(err_out, "sluiced --instance elsewhere");
	expect_exit(1, "-i there status");
	expect_has(err_out, "/there/control.sock");
}

Test(ctl, daemon_absent_but_not_for_doctor)
{
	expect_exit(0, "doctor");
	expect_has(out, "not asked");
	expect_has(out, "btf");
	expect_exit(0, "-j doctor");
	expect_has(out, "{\"checks\":[{\"name\":\"daemon\",\"status\":\"warn\"");
}

Test(ctl, no_pins)
{
	expect_exit(1, "counters");
	expect_has(err_out, "sluice/default/");
	expect_has(err_out, ": ENOENT");
}

Test(ctl, daemon_error)
{
	static const char *const answers[] = {
		"{\"ok\":false,\"error\":{\"errno\":\"ENODEV\",\"message\":\"no port x\"}}",
		"{\"ok\":false,\"error\":{\"errno\":\"ENODEV\",\"message\":\"no port x\"}}",
		"{\"ok\":false,\"error\":{\"errno\":\"EBOGUS\",\"message\":\"a\\u001bb\"}}",
	};

	serve(answers, 3);
	expect_exit(1, "intercept pid:1 --port x");
	cr_assert_str_eq(err_out, "sluicectl: no port x: ENODEV\n");
	cr_assert_str_empty(out);
	expect_exit(1, "-j intercept pid:1 --port x");
	expect_json(err_out, "{\"error\":{\"errno\":\"ENODEV\",\"message\":\"no port x\"}}");
	expect_exit(1, "intercept pid:1 --port x");
	cr_assert_str_eq(err_out, "sluicectl: a?b (sluiced says EBOGUS): EPROTO\n");
}

Test(ctl, json_passes_through)
{
	static const char result[] = "{\"instance\":\"default\",\"news\":{\"a\":[1,null,true,\"\\u00e9\"]}}";
	char answer[256];
	const char *answers[] = { answer, answer };

	snprintf(answer, sizeof(answer), "{\"ok\":true,\"result\":%s}", result);
	serve(answers, 2);
	expect_exit(0, "-j status");
	expect_json(out, result);
	expect_exit(0, "status --pretty");
	expect_json(out, result);
	expect_request(0, "{\"cmd\":\"status\"}");
}

Test(ctl, requests)
{
	static const struct {
		const char *line, *request;
	} cases[] = {
		{ "intercept container:web --port a,b --port c --mode tap --fail open --no-strict --name n "
		  "--dry-run",
		  "{\"cmd\":\"intercept\",\"target\":\"container:web\",\"ports\":[\"a\",\"b\",\"c\"],"
		  "\"mode\":\"tap\",\"fail\":\"open\",\"strict\":false,\"name\":\"n\",\"dry_run\":true}" },
		{ "intercept 7 --id 180 --strict",
		  "{\"cmd\":\"intercept\",\"target\":\"7\",\"id\":180,\"strict\":true}" },
		{ "release pid:7 --port x", "{\"cmd\":\"release\",\"target\":\"pid:7\",\"ports\":[\"x\"]}" },
		{ "release --id 3", "{\"cmd\":\"release\",\"id\":3}" },
		{ "release --all", "{\"cmd\":\"release\",\"all\":true}" },
		{ "mode web inline --fail closed",
		  "{\"cmd\":\"mode\",\"target\":\"web\",\"mode\":\"inline\",\"fail\":\"closed\"}" },
		{ "mode --id 3 --strict", "{\"cmd\":\"mode\",\"id\":3,\"strict\":true}" },
		{ "mode --all off", "{\"cmd\":\"mode\",\"all\":true,\"mode\":\"off\"}" },
		{ "trace show", "{\"cmd\":\"trace\"}" },
		{ "trace off --all", "{\"cmd\":\"trace\",\"all\":false}" },
	};
	static const char empty[] = "{\"ok\":true,\"result\":{\"items\":[]}}";
	const char *answers[sizeof(cases) / sizeof(*cases)];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		answers[i] = empty;
	serve(answers, sizeof(cases) / sizeof(*cases));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		expect_exit(0, cases[i].line);
		expect_request(i, cases[i].request);
	}
}

Test(ctl, pages_are_joined)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":1},{\"id\":2}],\"next\":2}}",
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":7}],\"next\":7}}",
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":9}]}}",
	};

	serve(answers, 3);
	expect_exit(0, "-j workloads");
	expect_json(out, "{\"items\":[{\"id\":1},{\"id\":2},{\"id\":7},{\"id\":9}]}");
	expect_request(0, "{\"cmd\":\"workloads\"}");
	expect_request(1, "{\"cmd\":\"workloads\",\"after\":2}");
	expect_request(2, "{\"cmd\":\"workloads\",\"after\":7}");
}

Test(ctl, pages_that_never_end)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":1}],\"next\":5}}",
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":1}],\"next\":5}}",
	};

	serve(answers, 2);
	expect_exit(1, "-j workloads");
	expect_has(err_out, "EPROTO");
	cr_assert_str_empty(out);
}

Test(ctl, malformed_answers)
{
	static const char *const answers[] = {
		"{",
		"[]",
		"7",
		"{}",
		"{\"ok\":1,\"result\":{}}",
		"{\"ok\":true}",
		"{\"ok\":true,\"result\":[]}",
		"{\"ok\":true,\"ok\":true,\"result\":{}}",
		"{\"ok\":true,\"result\":{}} x",
		"{\"ok\":false}",
		"{\"ok\":false,\"error\":{\"errno\":5,\"message\":\"\"}}",
		"{\"ok\":true,\"result\":{\"a\":\"\xff\"}}",
		"\xff\xff",
	};
	unsigned int n = sizeof(answers) / sizeof(*answers);

	serve(answers, n);
	for (unsigned int i = 0; i < n; i++) {
		expect_exit(1, "-j status");
		expect_has(err_out, "\"errno\":\"EPROTO\"");
		cr_assert_str_empty(out);
	}
}

Test(ctl, answer_too_long)
{
	static char answer[SL_MSG_MAX + 100];

	memset(answer, ' ', sizeof(answer) - 1);
	serve_one(answer);
	expect_exit(1, "status");
	expect_has(err_out, "longer than 64 KiB");
	expect_has(err_out, ": EPROTO");
}

Test(ctl, connection_closed)
{
	serve_one("");
	expect_exit(1, "status");
	expect_has(err_out, ": ECONNRESET");
}

Test(ctl, tables)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":180,\"name\":\"a\\u001b[31m\\u009bb\\n\","
		"\"port\":\"eth0\","
		"\"mode\":\"inline\",\"strict\":true,\"traffic\":{\"to_workload\":{\"frames\":1234567,"
		"\"inspected\":5},"
		"\"from_workload\":{\"frames\":999,\"inspected\":6}}}]}}",
		"{\"ok\":true,\"result\":{}}",
		"{\"ok\":true,\"result\":{}}",
	};

	serve(answers, 3);
	expect_exit(0, "workloads");
	expect_has(out, "1,234,567");
	expect_has(out, " 11 ");
	expect_has(out, "a?[31m?b? ");
	/* What is absent is shown as such, and nothing crashes on it. */
	expect_exit(0, "status");
	expect_exit(0, "trace show");
}

Test(ctl, doctor_result_is_the_exit_status)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"checks\":[{\"name\":\"tcx\",\"status\":\"ok\",\"detail\":\"d\"},"
		"{\"name\":\"x\",\"status\":\"warn\",\"detail\":\"d\"}]}}",
		"{\"ok\":true,\"result\":{\"checks\":[{\"name\":\"tcx\",\"status\":\"fail\",\"detail\":"
		"\"why\"}]}}",
	};

	serve(answers, 2);
	expect_exit(0, "doctor");
	expect_exit(1, "doctor");
	expect_has(out, "why");
	cr_assert_str_empty(err_out);
}

Test(ctl, trace_off_leaves_nobody_marked)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"programs\":[],\"all\":false,\"workloads\":[3,9]}}",
		"{\"ok\":true,\"result\":{\"programs\":[],\"all\":false,\"workloads\":[9]}}",
		"{\"ok\":false,\"error\":{\"errno\":\"ENOENT\",\"message\":\"released meanwhile\"}}",
		"{\"ok\":true,\"result\":{\"programs\":[],\"all\":false,\"workloads\":[]}}",
	};

	serve(answers, 4);
	expect_exit(0, "-j trace off");
	expect_request(0, "{\"cmd\":\"trace\",\"programs\":[],\"all\":false}");
	expect_request(1, "{\"cmd\":\"trace\",\"id\":3,\"on\":false}");
	expect_request(2, "{\"cmd\":\"trace\",\"id\":9,\"on\":false}");
	expect_request(3, "{\"cmd\":\"trace\"}");
	expect_json(out, "{\"programs\":[],\"all\":false,\"workloads\":[]}");
}

Test(ctl, trace_on_adds)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"programs\":[\"vbr\"],\"all\":false,\"workloads\":[]}}",
		"{\"ok\":true,\"result\":{\"programs\":[\"vex\",\"vbr\"],\"all\":false,\"workloads\":[180]}}",
	};

	serve(answers, 2);
	expect_exit(0, "trace on --id 180 --program vex");
	expect_request(1, "{\"cmd\":\"trace\",\"id\":180,\"programs\":[\"vex\",\"vbr\"],\"on\":true}");
	expect_has(out, "id 180");
}

Test(ctl, stop_waits_for_the_end)
{
	siginfo_t info = { 0 };

	serve_one("{\"ok\":true,\"result\":{}}");
	expect_exit(0, "stop --release");
	cr_assert_str_empty(out);
	cr_assert(!waitid(P_PID, server, &info, WEXITED | WNOHANG | WNOWAIT));
	cr_assert_eq(info.si_pid, server, "sluicectl stop has returned before the daemon had ended");
	expect_request(0, "{\"cmd\":\"stop\",\"release\":true}");
}

Test(ctl, full_output)
{
	char line[512];
	int status;

	serve_one("{\"ok\":true,\"result\":{}}");
	snprintf(line, sizeof(line), "exec %s/sluicectl --run-dir %s -j status >/dev/full 2>%s/record.err",
		 getenv("SLUICE_BUILD") ?: "build", dir, dir);
	status = system(line); /* NOLINT: a test may */
	cr_assert_eq(WEXITSTATUS(status), 1);
	snprintf(line, sizeof(line), "%s/record.err", dir);
	cr_assert(!access(line, F_OK));
	unlink(line);
}
