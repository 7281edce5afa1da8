// SPDX-License-Identifier: BSD-2-Clause
/* Connections and messages; see control.h for the invariant. */
#include "sluiced/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/sock.h"
#include "sluiced/commands.h"

#define CONNECTIONS_MAX 16

struct connection {
	struct source source;
	struct control *control;
};

struct control {
	struct instance *inst;
	void (*finished)(struct instance *inst);
	struct source listener;
	struct connection connections[CONNECTIONS_MAX];
	char path[SL_PATH_LEN];
	char buffer[SL_MSG_MAX]; /* requests are read and answered one at a time */
};

/* {"ok": false, "error": {…}} or NULL. */
static json_t *error_object(const struct sl_err *err)
{
	json_t *message = json_string(err->text);
	char text[SL_ERR_LEN];

	/* A name from outside, or one cut in the middle of a character. */
	if (!message) {
		strcpy(text, err->text);
		for (char *p = text; *p; p++) {
			if ((unsigned char)*p >= 0x80)
				*p = '?';
		}
		message = json_string(text);
	}
	return json_pack("{sb s{ss so}}", "ok", 0, "error", "errno", sl_errno_name(err->code), "message",
			 message);
}

/* 0, or -errno when the peer must go. Takes the reference. passed: a descriptor to go with it, -1 for none. */
static int send_object(int fd, json_t *object, int passed)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int r;

	json_decref(object);
	if (!text)
		return -ENOMEM;
	r = passed >= 0 ? sl_sock_send_fd(fd, text, strlen(text), passed)
			: sl_sock_send(fd, text, strlen(text));
	free(text);
	return r;
}

static int send_error(int fd, const struct sl_err *err)
{
	return send_object(fd, error_object(err), -1);
}

static json_t *answer(struct control *control, const char *text, size_t len, struct passed *passed)
{
	json_t *request, *result = NULL, *object;
	struct sl_err err = { 0 };
	json_error_t where;
	int r;

	request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!request)
		r = sl_err(&err, EBADMSG, "the request is not JSON: %s", where.text);
	else if (control->inst->ending)
		r = sl_err(&err, ESHUTDOWN, "sluiced is ending");
	else
		r = command_run(control->inst, request, passed, &result, &err);
	json_decref(request);
	if (r)
		return error_object(&err);
	object = json_pack("{sb so}", "ok", 1, "result", result);
	return object;
}

static void on_request(struct source *source, __u32 events)
{
	struct connection *connection = container_of(source, struct connection, source);
	struct control *control = connection->control;
	struct instance *inst = control->inst;
	struct passed passed = { -1, -1 };
	struct sl_err err;
	ssize_t n;
	int r;

	(void)events;
	n = sl_sock_recv_fd(source->fd, control->buffer, sizeof(control->buffer), &passed.given);
	if (n == -EAGAIN)
		return;
	if (n == -EMSGSIZE) {
		sl_err(&err, EMSGSIZE, "the request is longer than %d bytes", SL_MSG_MAX);
		r = send_error(source->fd, &err);
	} else if (n <= 0) {
		r = n ?: -ECONNRESET;
	} else {
		json_t *object = answer(control, control->buffer, n, &passed);

		r = send_object(source->fd, object, passed.back);
	}
	if (passed.given >= 0)
		close(passed.given);
	if (passed.back >= 0)
		close(passed.back);
	/* A full buffer (EAGAIN) too: whoever asks must read the answers. */
	if (r) {
		if (n > 0)
			sl_debug("control: dropping a peer: %s", strerror(-r));
		source_close(&inst->loop, source);
	}
	control->finished(inst);
}

static struct connection *free_slot(struct control *control)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (control->connections[i].source.fd < 0)
			return &control->connections[i];
	}
	return NULL;
}

static int admit(struct control *control, int fd, struct sl_err *err)
{
	struct connection *connection = free_slot(control);
	uid_t uid;
	pid_t pid;
	int r;

	r = sl_sock_peer(fd, &uid, &pid);
	if (r)
		return sl_errno(err, r, "cannot tell who is asking");
	if (uid && uid != geteuid())
		return sl_err(err, EPERM, "only root may speak to sluiced (this is user %u)", uid);
	if (!connection)
		return sl_err(err, EBUSY, "%d connections are open already", CONNECTIONS_MAX);
	connection->source.fd = fd;
	r = loop_add(&control->inst->loop, &connection->source, "a control connection", err);
	if (r)
		connection->source.fd = -1;
	return r;
}

static void on_connect(struct source *source, __u32 events)
{
	struct control *control = container_of(source, struct control, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct sl_err err;

	(void)events;
	if (fd < 0)
		return;
	if (admit(control, fd, &err)) {
		sl_warn("control: refused a connection: %s", err.text);
		send_error(fd, &err);
		close(fd);
	}
}

int control_open(struct instance *inst, void (*finished)(struct instance *inst), struct control **ret,
		 struct sl_err *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return sl_err(err, ENOMEM, "no memory for the control socket");
	control->inst = inst;
	control->finished = finished;
	control->listener = (struct source){ -1, on_connect };
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		control->connections[i] = (struct connection){ { -1, on_request }, control };
	r = sl_conf_run_path(&inst->conf, "control.sock", control->path, sizeof(control->path));
	if (r)
		sl_err(err, ENAMETOOLONG, "the control socket's path is too long: choose a shorter run_dir");
	else
		r = sl_sock_listen(control->path, err);
	if (r >= 0) {
		control->listener.fd = r;
		r = loop_add(&inst->loop, &control->listener, "the control socket", err);
		if (r) {
			source_close(&inst->loop, &control->listener);
			unlink(control->path);
		}
	}
	if (r) {
		free(control);
		return r;
	}
	*ret = control;
	return 0;
}

void control_shut(struct control *control)
{
	if (control->listener.fd < 0)
		return;
	/* First, so that whoever fails to connect now is told that nobody is there. */
	unlink(control->path);
	source_close(&control->inst->loop, &control->listener);
}

void control_free(struct control *control)
{
	if (!control)
		return;
	control_shut(control);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		source_close(&control->inst->loop, &control->connections[i].source);
	free(control);
}
