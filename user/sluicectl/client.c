// SPDX-License-Identifier: BSD-2-Clause
/* Asking the daemon; see client.h for the invariant. */
#include "sluicectl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/sock.h"
#include "sluicectl/output.h"

/* Taking or giving back some thousand ports takes seconds; a daemon that hangs must not hold a script for ever. */
#define ANSWER_TIMEOUT_S 120
#define ERRNO_MAX 4095 /* the kernel's own bound */

json_t *client_request(const char *command, struct sl_err *err)
{
	json_t *request = json_pack("{ss}", "cmd", command);

	if (!request)
		sl_err(err, ENOMEM, "no memory for the request");
	return request;
}

static int connect_daemon(struct ctl *ctl, struct sl_err *err)
{
	struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	const char *instance = ctl->conf.instance;
	char path[2 * SL_PATH_LEN];
	int fd;

	if (sl_conf_run_path(&ctl->conf, "control.sock", path, sizeof(path)))
		return sl_err(err, ENAMETOOLONG, "the path of instance %s's control socket is too long",
			      instance);
	fd = sl_sock_connect(path, err);
	if (fd == -ENOENT || fd == -ECONNREFUSED) {
		if (strcmp(instance, "default"))
			snprintf(ctl->hint, sizeof(ctl->hint), "is sluiced running? sluiced --instance %s",
				 instance);
		else
			snprintf(ctl->hint, sizeof(ctl->hint),
				 "is sluiced running? systemctl start sluiced, or sluiced --instance %s",
				 instance);
	} else if (fd == -EACCES || fd == -EPERM) {
		snprintf(ctl->hint, sizeof(ctl->hint), "only root may speak to sluiced");
	}
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return fd;
}

static int send_request(int fd, const json_t *request, int passed, struct sl_err *err)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int r;

	if (!text)
		return sl_err(err, ENOMEM, "no memory for the request");
	r = passed >= 0 ? sl_sock_send_fd(fd, text, strlen(text), passed)
			: sl_sock_send(fd, text, strlen(text));
	free(text);
	/* A daemon that will not hear us says why and closes: then the answer is there before the question. */
	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	if (r == -EMSGSIZE)
		return sl_err(err, EMSGSIZE, "the request is longer than %d bytes", SL_MSG_MAX);
	return r ? sl_errno(err, r, "cannot send the request to sluiced") : 0;
}

/* The number behind an errno's name, 0 if it has none. */
static int errno_by_name(const char *name)
{
	for (int code = 1; code <= ERRNO_MAX; code++) {
		const char *known = strerrorname_np(code);

		if (known && !strcmp(known, name))
			return code;
	}
	return 0;
}

static int malformed(struct sl_err *err, const char *what)
{
	return sl_err(err, EPROTO, "sluiced's answer is malformed: %s; are both of one version?", what);
}

static int daemon_error(const json_t *answer, struct sl_err *err)
{
	const json_t *error = json_object_get(answer, "error");
	const char *name = json_string_value(json_object_get(error, "errno"));
	const char *message = json_string_value(json_object_get(error, "message"));
	int code;

	if (!name || !message)
		return malformed(err, "an error without errno and message");
	code = errno_by_name(name);
	if (!code)
		return sl_err(err, EPROTO, "%s (sluiced says %s)", message, name);
	return sl_err(err, code, "%s", message);
}

static int take_answer(const char *text, size_t len, json_t **ret, struct sl_err *err)
{
	json_error_t where;
	json_t *answer = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	const json_t *ok = json_object_get(answer, "ok");
	json_t *result = json_object_get(answer, "result");
	int r = 0;

	if (!answer)
		r = malformed(err, "not JSON");
	else if (!json_is_boolean(ok))
		r = malformed(err, "neither ok nor not");
	else if (json_is_false(ok))
		r = daemon_error(answer, err);
	else if (!json_is_object(result))
		r = malformed(err, "no result");
	else
		*ret = json_incref(result);
	json_decref(answer);
	return r;
}

static int receive_answer(int fd, json_t **ret, int *ret_fd, struct sl_err *err)
{
	char *text = malloc(SL_MSG_MAX);
	ssize_t n;
	int r;

	if (!text)
		return sl_err(err, ENOMEM, "no memory for the answer");
	n = ret_fd ? sl_sock_recv_fd(fd, text, SL_MSG_MAX, ret_fd) : sl_sock_recv(fd, text, SL_MSG_MAX);
	if (n > 0)
		r = take_answer(text, n, ret, err);
	else if (!n)
		r = sl_err(err, ECONNRESET, "sluiced has closed the connection without an answer");
	else if (n == -EMSGSIZE)
		r = malformed(err, "longer than 64 KiB");
	else if (n == -EAGAIN)
		r = sl_err(err, ETIMEDOUT,
			   "no answer from sluiced within %d s; it may still do what it was asked",
			   ANSWER_TIMEOUT_S);
	else
		r = sl_errno(err, (int)n, "cannot receive sluiced's answer");
	free(text);
	return r;
}

static int ask(int fd, const json_t *request, json_t **ret, struct sl_err *err)
{
	int r = send_request(fd, request, -1, err);

	return r ?: receive_answer(fd, ret, NULL, err);
}

int client_call_passing(struct ctl *ctl, json_t *request, int passed, json_t **ret, int *ret_fd,
			struct sl_err *err)
{
	int fd = connect_daemon(ctl, err), back = -1, r;

	if (fd < 0)
		return fd;
	r = send_request(fd, request, passed, err) ?: receive_answer(fd, ret, ret_fd ? &back : NULL, err);
	close(fd);
	if (r && back >= 0)
		close(back);
	else if (!r && ret_fd)
		*ret_fd = back;
	return r;
}

int client_core(struct ctl *ctl, struct sl_err *err)
{
	struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	char path[2 * SL_PATH_LEN];
	int fd;

	if (sl_conf_run_path(&ctl->conf, "dpi.sock", path, sizeof(path)))
		return sl_err(err, ENAMETOOLONG, "the path of instance %s's core is too long",
			      ctl->conf.instance);
	fd = sl_sock_connect(path, err);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		snprintf(ctl->hint, sizeof(ctl->hint), "no core runs: see sluicectl status");
	else if (fd == -EACCES || fd == -EPERM)
		snprintf(ctl->hint, sizeof(ctl->hint), "only root may speak to the core");
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return fd;
}

int client_ask_core(int fd, const json_t *request, json_t **ret, struct sl_err *err)
{
	return ask(fd, request, ret, err);
}

int client_call(struct ctl *ctl, json_t *request, json_t **ret, struct sl_err *err)
{
	int fd = connect_daemon(ctl, err), r;

	if (fd < 0)
		return fd;
	r = ask(fd, request, ret, err);
	close(fd);
	return r;
}

/* Moves a page's items behind those of *list. *ret_next: 0 on the last page. */
static int join_page(json_t *page, json_t *list, json_int_t *ret_next, struct sl_err *err)
{
	const json_t *items = json_object_get(page, "items"), *next = json_object_get(page, "next");

	if (!json_is_array(items))
		return malformed(err, "no items");
	/* Ids only grow, so a list ends. */
	if (next && json_integer_value(next) <= *ret_next)
		return malformed(err, "the next page is not behind this one");
	if (json_array_extend(list, (json_t *)items))
		return sl_err(err, ENOMEM, "no memory for the list");
	*ret_next = json_integer_value(next);
	return 0;
}

static int ask_pages(int fd, json_t *request, json_t *list, struct sl_err *err)
{
	json_int_t next = 0;
	json_t *page = NULL;
	int r;

	do {
		if (next && json_object_set_new(request, "after", json_integer(next)))
			return sl_err(err, ENOMEM, "no memory for the request");
		r = ask(fd, request, &page, err);
		if (r)
			return r;
		r = join_page(page, list, &next, err);
		json_decref(page);
	} while (!r && next);
	return r;
}

int client_list(struct ctl *ctl, json_t *request, json_t **ret, struct sl_err *err)
{
	json_t *list = json_array(), *joined;
	int fd = connect_daemon(ctl, err), r = fd;

	if (fd >= 0) {
		r = ask_pages(fd, request, list, err);
		close(fd);
	}
	if (r < 0) {
		json_decref(list);
		return r;
	}
	joined = json_pack("{so}", "items", list);
	if (!joined)
		return sl_err(err, ENOMEM, "no memory for the list");
	*ret = joined;
	return 0;
}

/* The process at the other end, to be polled for its end. -errno if there is no such thing. */
static int open_peer(int fd)
{
	pid_t pid;
	uid_t uid;
	int r = sl_sock_peer(fd, &uid, &pid);

	if (r)
		return r;
	/* 0: it lives in a process namespace that cannot be seen from here. */
	if (pid <= 0 || pid == getpid())
		return -ESRCH;
	r = (int)syscall(SYS_pidfd_open, pid, 0);
	return r < 0 ? -errno : r;
}

static int wait_end(int fd, int peer, struct sl_err *err)
{
	/* Without a process to look at, the end of the connection is the next best sign. */
	struct pollfd wait = { .fd = peer >= 0 ? peer : fd, .events = POLLIN };
	int n;

	do {
		n = poll(&wait, 1, ANSWER_TIMEOUT_S * 1000);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return sl_errno(err, errno, "cannot wait for the end of sluiced");
	if (!n)
		return sl_err(err, ETIMEDOUT,
			      "sluiced has said it would end, and has not within %d s: see its log",
			      ANSWER_TIMEOUT_S);
	return 0;
}

int client_verb(struct ctl *ctl, const char *command, client_read read, client_print print, int argc,
		char **argv, struct sl_err *err)
{
	json_t *request = client_request(command, err), *result = NULL;
	int r;

	if (!request)
		return -err->code;
	r = read(ctl, request, argc, argv, err);
	if (!r)
		r = client_call(ctl, request, &result, err);
	if (!r)
		r = ctl->json ? print_json(ctl, result, err) : print(result, err);
	json_decref(result);
	json_decref(request);
	return r;
}

int client_call_until_end(struct ctl *ctl, json_t *request, json_t **ret, struct sl_err *err)
{
	int fd = connect_daemon(ctl, err), peer, r;

	if (fd < 0)
		return fd;
	peer = open_peer(fd);
	r = ask(fd, request, ret, err);
	if (!r)
		r = wait_end(fd, peer, err);
	if (peer >= 0)
		close(peer);
	close(fd);
	return r;
}
