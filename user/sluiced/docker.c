// SPDX-License-Identifier: BSD-2-Clause
/*
 * GET /containers/<name>/json and /containers/json, as dockerd and `podman
 * system service` answer them.
 *
 * Invariant: the daemon waits for such a service REQUEST_MS at most and takes
 * ANSWER_MAX bytes at most.
 */
#include "sluiced/docker.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MS 2000L
#define ANSWER_MAX (1 << 20)

struct answer {
	char *text;
	size_t len;
};

static size_t receive(char *data, size_t size, size_t n, void *context)
{
	struct answer *answer = context;
	char *text;

	n *= size;
	if (n > ANSWER_MAX - answer->len)
		return 0; /* makes curl give up */
	text = realloc(answer->text, answer->len + n);
	if (!text)
		return 0;
	memcpy(text + answer->len, data, n);
	answer->text = text;
	answer->len += n;
	return n;
}

/* name NULL: of all that run. */
static int get(const char *socket_path, const char *name, struct answer *answer, long *ret_status,
	       struct sl_err *err)
{
	char why[CURL_ERROR_SIZE] = "", url[CONTAINER_NAME_LEN + 64];
	CURL *curl = curl_easy_init();
	CURLcode code;

	if (!curl)
		return sl_err(err, ENOMEM, "no memory to ask %s", socket_path);
	snprintf(url, sizeof(url), "http://localhost/containers/%s%sjson", name ?: "", name ? "/" : "");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, REQUEST_MS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK)
		return sl_err(err, code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : EIO,
			      "asking %s for container%s%s: %s", socket_path, name ? " " : "s", name ?: "",
			      *why ? why : curl_easy_strerror(code));
	return 0;
}

static int understand(const char *socket_path, const char *asked, const struct answer *answer,
		      struct container *ret, struct sl_err *err)
{
	json_t *object = json_loadb(answer->text, answer->len, 0, NULL);
	const char *id, *name;
	json_int_t pid;
	int r = 0;

	if (json_unpack(object, "{s:s, s:s, s:{s:I}}", "Id", &id, "Name", &name, "State", "Pid", &pid)) {
		r = sl_err(err, EBADMSG, "%s answered without Id, Name and State.Pid of container %s",
			   socket_path, asked);
	} else if (pid <= 1 || pid > INT32_MAX) {
		r = sl_err(err, ESRCH, "container %s is not running: start it first", asked);
	} else {
		snprintf(ret->id, sizeof(ret->id), "%s", id);
		snprintf(ret->name, sizeof(ret->name), "%s", *name == '/' ? name + 1 : name);
		ret->pid = pid;
	}
	json_decref(object);
	return r;
}

static int initialise(struct sl_err *err)
{
	static bool initialised;

	if (!initialised && curl_global_init(CURL_GLOBAL_NOTHING))
		return sl_err(err, ENOMEM, "cannot initialise libcurl");
	initialised = true;
	return 0;
}

int docker_find(const char *socket_path, const char *name, struct container *ret, struct sl_err *err)
{
	struct answer answer = { 0 };
	long status = 0;
	int r;

	r = initialise(err);
	if (r)
		return r;
	r = get(socket_path, name, &answer, &status, err);
	if (r)
		goto out;
	if (status == 404)
		r = sl_err(err, ENOENT, "%s knows no container %s", socket_path, name);
	else if (status != 200)
		r = sl_err(err, EBADMSG, "%s answered with HTTP status %ld when asked for container %s",
			   socket_path, status, name);
	else
		r = understand(socket_path, name, &answer, ret, err);
out:
	free(answer.text);
	return r;
}

static int visit_all(const char *socket_path, const struct answer *answer, container_visit visit,
		     void *context, struct sl_err *err)
{
	json_t *list = json_loadb(answer->text, answer->len, 0, NULL), *item;
	const char *id, *name;
	size_t i;
	int r = 0;

	if (!json_is_array(list))
		r = sl_err(err, EBADMSG, "%s answered with no list of containers", socket_path);
	json_array_foreach (list, i, item) {
		struct container found = { .pid = 0 };

		id = json_string_value(json_object_get(item, "Id"));
		name = json_string_value(json_array_get(json_object_get(item, "Names"), 0)) ?: id;
		if (r || !id || !*id || strlen(id) >= CONTAINER_NAME_LEN ||
		    id[strspn(id, "0123456789abcdef")])
			continue;
		snprintf(found.id, sizeof(found.id), "%s", id);
		snprintf(found.name, sizeof(found.name), "%s", *name == '/' ? name + 1 : name);
		r = visit(context, &found);
	}
	json_decref(list);
	return r;
}

int docker_list(const char *socket_path, container_visit visit, void *context, struct sl_err *err)
{
	struct answer answer = { 0 };
	long status = 0;
	int r;

	r = initialise(err);
	if (r)
		return r;
	r = get(socket_path, NULL, &answer, &status, err);
	if (!r && status != 200)
		r = sl_err(err, EBADMSG, "%s answered with HTTP status %ld when asked for all containers",
			   socket_path, status);
	if (!r)
		r = visit_all(socket_path, &answer, visit, context, err);
	free(answer.text);
	return r;
}
