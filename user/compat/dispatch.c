// SPDX-License-Identifier: BSD-2-Clause
/* A datagram done, and the core told of what has changed; see serve.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat/serve.h"
#include "compat/stats.h"
#include "compat/translate.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "policyfile/compile.h"

#define RETRY_NS 1000000000ull
#define NAME_TTL_S 86400 /* addresses the agent knows hold until it says otherwise; the core's longest */
#define NAME_ADDRESSES 2048 /* in a message */

static void say_debug(uint32_t categories)
{
	sl_log_set_level(categories ? SL_LOG_DEBUG : SL_LOG_INFO);
}

static void debug_to_core(struct serve *serve, uint32_t categories)
{
	struct sl_err err = { 0 };
	json_t *result = core_ask(serve->core,
				  json_pack("{ss ss}", "cmd", "log", "level", categories ? "debug" : "info"),
				  -1, &err);

	if (!result)
		sl_debug("log level: %s", err.text);
	json_decref(result);
}

/* What the daemon or a later core does instead is said, not passed over. */
static int do_port(struct serve *serve, const struct compat_request *request, struct sl_err *err)
{
	const char *name = compat_command_name(request->command);

	if (request->command == COMPAT_ADD_NFQ_PORT) {
		sl_warn("%s: %s: accepted, but there is no NFQUEUE lane yet: nothing is read from queue %u",
			name, request->port.iface, request->port.queue);
		return 0;
	}
	if (request->command == COMPAT_DEL_NFQ_PORT)
		return 0;
	if (!serve->ports) {
		sl_info("%s: %s: the ports are sluiced's: take them with `sluicectl intercept`", name,
			request->port.iface);
		return 0;
	}
	return ports_apply(serve->ports, request, serve->core, err);
}

static int change(struct serve *serve, const struct compat_request *request, struct sl_err *err)
{
	size_t rules, choices;
	int r;

	switch (request->command) {
	case COMPAT_ADD_SRVC_PORT:
	case COMPAT_DEL_SRVC_PORT:
	case COMPAT_ADD_PORT_PAIR:
	case COMPAT_DEL_PORT_PAIR:
	case COMPAT_ADD_TAP_PORT:
	case COMPAT_DEL_TAP_PORT:
	case COMPAT_ADD_NFQ_PORT:
	case COMPAT_DEL_NFQ_PORT:
		r = do_port(serve, request, err);
		if (!r && serve->ports)
			serve->dirty |= CHANGED_ENDPOINTS;
		return r;
	default:
		break;
	}
	r = agent_apply(serve->agent, request, err);
	if (r < 0)
		return r;
	serve->dirty |= r;
	if (request->command == COMPAT_SET_DEBUG) {
		say_debug(request->categories);
		debug_to_core(serve, request->categories);
	}
	if (request->command == COMPAT_CFG_MAC && !serve->ports)
		daemon_mode(serve, &request->macs);
	if (request->command == COMPAT_BLD_DLP) {
		agent_dlp_count(serve->agent->dlp, &rules, &choices);
		sl_info("%zu content rules are kept for %zu endpoints; they are not matched yet", rules,
			choices);
	}
	return 0;
}

static bool is_answered(enum compat_command command)
{
	switch (command) {
	case COMPAT_KEEP_ALIVE:
	case COMPAT_REFRESH_APP:
	case COMPAT_STATS_MACS:
	case COMPAT_STATS_DEVICE:
	case COMPAT_COUNTER_DEVICE:
	case COMPAT_COUNT_SESSION:
	case COMPAT_LIST_SESSION:
	case COMPAT_CLEAR_SESSION:
	case COMPAT_LIST_METER:
		return true;
	default:
		return false;
	}
}

void dispatch(struct serve *serve, const char *bytes, size_t len)
{
	static struct compat_message message;
	struct sl_err err = { 0 };

	serve->requests++;
	if (compat_message_read(bytes, len, &message, &err) < 0) {
		serve->refused++;
		sl_error("refused: %s", err.text);
	}
	for (size_t i = 0; i < message.n; i++) {
		const struct compat_request *request = &message.requests[i];

		err.code = 0;
		sl_debug("%s", compat_command_name(request->command));
		if (change(serve, request, &err) < 0) {
			serve->refused++;
			sl_error("%s: %s", compat_command_name(request->command), err.text);
		}
		/*
		 * What was said before it is in force before it is answered. What is not answered can wait until
		 * nothing more comes: a thousand policies in a row are compiled a few times.
		 */
		if (is_answered(request->command))
			settle(serve);
		answer(serve, request);
	}
	sl_arena_free(&message.arena);
}

static json_t *endpoint_item(const struct endpoint *endpoint)
{
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", endpoint->mac[0], endpoint->mac[1],
		 endpoint->mac[2], endpoint->mac[3], endpoint->mac[4], endpoint->mac[5]);
	return json_pack("[isb]", (int)endpoint->core_id, mac, (int)!endpoint->tap);
}

/* All endpoints, and all that were there before and are gone. */
static int tell_endpoints(struct serve *serve, struct sl_err *err)
{
	static bool known[UINT16_MAX + 1];
	json_t *items = json_array(), *result;
	struct endpoint *e;
	int r = 0;

	for (uint32_t id = 1; id <= UINT16_MAX; id++) {
		if (known[id] && !agent_find_core(serve->agent, (uint16_t)id)) {
			json_array_append_new(items, json_pack("[i]", (int)id));
			known[id] = false;
		}
	}
	for (e = serve->agent->endpoints; e && !r; e = e->next) {
		json_array_append_new(items, endpoint_item(e));
		known[e->core_id] = true;
		if (json_array_size(items) < 1024 && e->next)
			continue;
		result = core_ask(serve->core, json_pack("{ss sO}", "cmd", "endpoints", "items", items), -1,
				  err);
		r = result ? 0 : -err->code;
		json_decref(result);
		json_array_clear(items);
	}
	if (!r && json_array_size(items)) {
		result = core_ask(serve->core, json_pack("{ss sO}", "cmd", "endpoints", "items", items), -1,
				  err);
		r = result ? 0 : -err->code;
		json_decref(result);
	}
	json_decref(items);
	return r;
}

/* We are new, the core is not, and what an agent has said before still holds: until it says it again, nothing changes. */
static bool must_not_forget(struct serve *serve)
{
	struct sl_err err = { 0 };
	json_t *result;
	bool has;

	if (serve->agent->n_endpoints || serve->agent->policies)
		return false;
	result = core_ask(serve->core, json_pack("{ss sb}", "cmd", "policy", "agent", 1), -1, &err);
	has = json_integer_value(json_object_get(result, "generation")) > 0;
	json_decref(result);
	return has;
}

static int tell_policy(struct serve *serve, struct sl_err *err)
{
	size_t size, rules;
	json_t *result;
	void *block;
	int fd, r = translate_policy(serve->agent, &block, &size, &rules, err);

	if (r)
		return r;
	fd = sl_block_memfd(block, size, err);
	free(block);
	if (fd < 0)
		return fd;
	result = core_ask(serve->core, json_pack("{ss sb}", "cmd", "policy", "agent", 1), fd, err);
	close(fd);
	json_decref(result);
	if (!result)
		return -err->code;
	serve->rules = rules;
	return 0;
}

static int tell_names(struct serve *serve, struct sl_err *err)
{
	int r = 0;

	for (const struct agent_name *name = serve->agent->names; name && !r; name = name->next) {
		json_t *addresses = json_array(), *result;

		for (size_t i = 0; i < name->n_ips && i < NAME_ADDRESSES; i++) {
			struct in_addr in = { .s_addr = htonl(name->ips[i]) };
			char text[INET_ADDRSTRLEN];

			json_array_append_new(addresses,
					      json_string(inet_ntop(AF_INET, &in, text, sizeof(text))));
		}
		result = core_ask(serve->core,
				  json_pack("{ss ss so si}", "cmd", "known", "name", name->name, "addresses",
					    addresses, "ttl", NAME_TTL_S),
				  -1, err);
		r = result ? 0 : -err->code;
		json_decref(result);
	}
	return r;
}

void settle(struct serve *serve)
{
	uint32_t generation = core_generation(serve->core);
	bool again = generation != serve->generation;
	struct sl_err err = { 0 };
	int r = 0;

	if (!generation || (!again && (!serve->dirty || sl_clock_ns() < serve->retry_ns)))
		return;
	if (again) {
		stats_new_core(serve->agent);
		serve->dirty = CHANGED_ENDPOINTS | CHANGED_POLICY | CHANGED_NAMES;
	}
	for (struct endpoint *e = serve->agent->endpoints; e && serve->ports; e = e->next)
		e->core_id = e->id;
	if (!serve->ports && serve->dirty & CHANGED_ENDPOINTS)
		daemon_find(serve);
	/* The policy first: no frame is to pass before it. Names are learned for the policy in force. */
	if (serve->dirty & CHANGED_POLICY && !(again && must_not_forget(serve)))
		r = tell_policy(serve, &err);
	if (!r && serve->dirty & (CHANGED_NAMES | CHANGED_POLICY) && serve->agent->names)
		r = tell_names(serve, &err);
	if (!r && serve->dirty & CHANGED_ENDPOINTS && serve->ports) {
		r = tell_endpoints(serve, &err);
		if (!r)
			ports_settle(serve->ports, serve->agent, serve->core, again);
	}
	if (r) {
		sl_error("the core: %s; trying again", err.text);
		serve->retry_ns = sl_clock_ns() + RETRY_NS;
		return;
	}
	serve->dirty = 0;
	serve->generation = generation;
}
