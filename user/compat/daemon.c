// SPDX-License-Identifier: BSD-2-Clause
/*
 * Beside sluiced: endpoints are its workloads, found by MAC, and whether they
 * are looked at only or passed through the core is their mode; see serve.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "compat/serve.h"
#include "lib/log.h"
#include "lib/sock.h"

#define WAIT_S 2

static json_t *ask(const struct serve *serve, json_t *request, struct sl_err *err)
{
	struct timeval wait = { .tv_sec = WAIT_S };
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL, *message = malloc(SL_MSG_MAX);
	json_t *answer = NULL, *result = NULL;
	int fd = text && message ? sl_sock_connect(serve->options->control, err) : -1;
	ssize_t n = -1;

	json_decref(request);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		n = sl_sock_send(fd, text, strlen(text));
		n = n ? n : sl_sock_recv(fd, message, SL_MSG_MAX);
		if (n <= 0)
			sl_errno(err, n ? (int)-n : ECONNRESET, "the daemon does not answer");
		close(fd);
	}
	if (n > 0)
		answer = json_loadb(message, (size_t)n, 0, NULL);
	if (json_is_true(json_object_get(answer, "ok")))
		result = json_incref(json_object_get(answer, "result"));
	else if (n > 0)
		sl_err(err, EREMOTEIO, "the daemon says: %.300s",
		       json_string_value(json_object_get(json_object_get(answer, "error"), "message"))
			       ?: "nothing that can be understood");
	json_decref(answer);
	free(message);
	free(text);
	return result;
}

static struct endpoint *endpoint_of(const struct serve *serve, json_t *item)
{
	const char *text = json_string_value(json_object_get(item, "mac"));
	unsigned int b[6];
	uint8_t mac[6];

	if (!text || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6)
		return NULL;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return agent_find(serve->agent, mac);
}

void daemon_find(struct serve *serve)
{
	struct sl_err err = { 0 };
	uint16_t *before = NULL;
	json_int_t after = 0;
	json_t *result, *item;
	size_t i, n = 0;

	if (!serve->agent->n_endpoints)
		return;
	before = calloc(serve->agent->n_endpoints, sizeof(*before));
	if (!before)
		return;
	for (struct endpoint *e = serve->agent->endpoints; e; e = e->next) {
		before[n++] = e->core_id;
		e->core_id = 0;
	}
	do {
		result = ask(serve, json_pack("{ss sI}", "cmd", "workloads", "after", after), &err);
		json_array_foreach (json_object_get(result, "items"), i, item) {
			struct endpoint *e = endpoint_of(serve, item);

			if (e)
				e->core_id = (uint16_t)json_integer_value(json_object_get(item, "id"));
		}
		after = json_integer_value(json_object_get(result, "next"));
		json_decref(result);
	} while (after);
	if (err.code)
		sl_warn("workloads: %s", err.text);
	n = 0;
	for (struct endpoint *e = serve->agent->endpoints; e; e = e->next, n++) {
		/* A daemon that does not answer has taken nothing away. */
		if (err.code)
			e->core_id = before[n];
		if (e->core_id != before[n])
			serve->dirty |= CHANGED_POLICY;
	}
	free(before);
}

void daemon_mode(struct serve *serve, const struct agent_macs *macs)
{
	struct sl_err err = { 0 };

	daemon_find(serve);
	for (size_t i = 0; i < macs->n_macs; i++) {
		const struct endpoint *endpoint = agent_find(serve->agent, macs->macs[i]);
		json_t *result;

		if (!endpoint || !endpoint->core_id) {
			sl_warn("ctrl_cfg_mac: sluiced has no workload of that MAC: `sluicectl intercept` "
				"takes one");
			continue;
		}
		result = ask(serve,
			     json_pack("{ss si ss}", "cmd", "mode", "id", (int)endpoint->core_id, "mode",
				       macs->tap ? "tap" : "inline"),
			     &err);
		if (!result)
			sl_error("ctrl_cfg_mac: %s", err.text);
		json_decref(result);
	}
}
