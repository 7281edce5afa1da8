// SPDX-License-Identifier: BSD-2-Clause
/* The fake daemon and the runs of sluicectl; see ctl_lab.h for the invariant. */
#include "ctl_lab.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/sock.h"

#define WORDS_MAX 32
#define TALK_TIMEOUT_MS 20000

char ctl_dir[64];
pid_t ctl_server = -1;
char ctl_out[CTL_OUTPUT_MAX], ctl_err_out[CTL_OUTPUT_MAX];

static char socket_path[128], record_path[128];

void ctl_set_up(void)
{
	char path[128];

	unsetenv("SLUICE_INSTANCE");
	strcpy(ctl_dir, "/tmp/sluice-ctl-XXXXXX");
	cr_assert(mkdtemp(ctl_dir));
	snprintf(path, sizeof(path), "%s/default", ctl_dir);
	cr_assert(!mkdir(path, 0700));
	snprintf(socket_path, sizeof(socket_path), "%s/default/control.sock", ctl_dir);
	snprintf(record_path, sizeof(record_path), "%s/record", ctl_dir);
}

void ctl_tear_down(void)
{
	char path[128];

	if (ctl_server > 0) {
		kill(ctl_server, SIGKILL);
		waitpid(ctl_server, NULL, 0);
	}
	unlink(socket_path);
	unlink(record_path);
	snprintf(path, sizeof(path), "%s/default", ctl_dir);
	rmdir(path);
	rmdir(ctl_dir);
}

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

void ctl_serve(const char *const *answers, unsigned int n)
{
	int ready[2], listener;
	char byte;

	cr_assert(!pipe2(ready, O_CLOEXEC));
	ctl_server = fork();
	cr_assert(ctl_server >= 0);
	if (!ctl_server) {
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

void ctl_serve_one(const char *answer)
{
	ctl_serve(&answer, 1);
}

static void read_back(int fd, char *text)
{
	ssize_t n = pread(fd, text, CTL_OUTPUT_MAX - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

int ctl_run(const char *line)
{
	char program[256], words[512],
		*argv[WORDS_MAX] = { program, "--run-dir", ctl_dir, "--bpffs", ctl_dir };
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
	read_back(out_fd, ctl_out);
	read_back(err_fd, ctl_err_out);
	cr_assert(WIFEXITED(status), "sluicectl %s was ended by signal %d", line, WTERMSIG(status));
	return WEXITSTATUS(status);
}

void ctl_exits(int wanted, const char *line)
{
	int status = ctl_run(line);

	cr_assert_eq(status, wanted, "sluicectl %s: exit status %d instead of %d: %s%s", line, status, wanted,
		     ctl_out, ctl_err_out);
}

void ctl_expect_json(const char *text, const char *wanted)
{
	json_t *is = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *want = json_loads(wanted, 0, NULL);

	cr_assert(want, "the test's own JSON: %s", wanted);
	cr_assert(json_equal(is, want), "is %s instead of %s", text, wanted);
	json_decref(is);
	json_decref(want);
}

void ctl_expect_request(unsigned int n, const char *wanted)
{
	FILE *record = fopen(record_path, "re");
	static char line[SL_MSG_MAX];

	cr_assert(record, "no request was sent");
	for (unsigned int i = 0; i <= n; i++)
		cr_assert(fgets(line, sizeof(line), record), "there was no request %u", n);
	fclose(record);
	ctl_expect_json(line, wanted);
}
