// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions over the control socket: listed, counted, ended. What a worker owns
 * is looked at by the worker itself, a part at a time, when it opens a letter.
 *
 * Invariant: no letter looks at more than LOOK sessions, so frames wait
 * microseconds; a list goes on where it stopped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/answer_own.h"
#include "dpi/decide/engine.h"
#include "dpi/inspect/application.h"
#include "dpi/session/list.h"

#define LOOK 2048 /* sessions a letter may look at */
#define SHOWN 64 /* in a message */
#define LETTER_MS 2000

/* A session as it was when it was looked at. */
struct shown {
	struct sl_session session;
	char name[128];
	uint32_t life_s, idle_s, age_s;
	uint8_t mac[2][6]; /* by side: the sender's */
};

struct walk {
	struct sl_session_filter filter;
	struct sl_cursor cursor;
	uint32_t looked; /* budget of the letter */
	uint64_t found;
	/* list: */
	struct shown *shown;
	uint32_t n_shown;
	/* end: */
	bool end, kill;
};

static void show(struct sl_table *table, const struct sl_session *session, uint64_t now_ns, struct shown *ret)
{
	ret->session = *session;
	snprintf(ret->name, sizeof(ret->name), "%s", session->name ? session->name : "");
	for (enum sl_side side = SL_CLIENT; side <= SL_SERVER; side++) {
		uint8_t other[6];
		uint16_t vlan;

		/* Who has not spoken yet is whom the other speaks to. */
		if (session->flow[side].packets)
			sl_session_mac(session, side, other, ret->mac[side], &vlan);
		else
			sl_session_mac(session, !side, ret->mac[side], other, &vlan);
	}
	ret->life_s = sl_session_life(table, session);
	ret->idle_s = now_ns > session->last_ns ? (uint32_t)((now_ns - session->last_ns) / 1000000000u) : 0;
	ret->age_s = session->last_ns > session->started_ns
			     ? (uint32_t)((session->last_ns - session->started_ns) / 1000000000u)
			     : 0;
}

/* In the worker. */
static void walk_on(void *context, void *arg)
{
	struct sl_engine *engine = context;
	struct sl_table *table = sl_engine_table(engine);
	struct walk *walk = arg;
	uint32_t budget = LOOK;
	struct sl_session *session;

	while (walk->n_shown < SHOWN &&
	       (session = sl_sessions_next(table, &walk->cursor, &walk->filter, &budget))) {
		walk->found++;
		if (walk->shown)
			show(table, session, sl_engine_now(engine), &walk->shown[walk->n_shown++]);
		if (walk->end && walk->kill)
			sl_engine_kill(engine, session);
		else if (walk->end)
			sl_session_end(table, session, SL_END_KILLED);
	}
}

static int walk_worker(const struct sl_view *view, uint32_t q, struct walk *walk, struct sl_err *err)
{
	int r = sl_mailbox_ask(&view->workers[q].mailbox, walk_on, walk, LETTER_MS);

	return r < 0 ? sl_errno(err, -r, "the worker of queue %u did not answer", q) : 0;
}

static int get_number(json_t *filter, const char *key, json_int_t max, json_int_t *ret, struct sl_err *err)
{
	json_t *field = json_object_get(filter, key);

	if (!field)
		return 0;
	if (!json_is_integer(field) || json_integer_value(field) < 0 || json_integer_value(field) > max)
		return sl_err(err, EINVAL, "filter: \"%s\" must be a whole number up to %lld", key,
			      (long long)max);
	*ret = json_integer_value(field);
	return 1;
}

static int get_bool(json_t *filter, const char *key, bool *ret, struct sl_err *err)
{
	json_t *field = json_object_get(filter, key);

	if (!field)
		return 0;
	if (!json_is_boolean(field))
		return sl_err(err, EINVAL, "filter: \"%s\" must be true or false", key);
	*ret = json_is_true(field);
	return 1;
}

static int get_address(json_t *filter, struct sl_session_filter *ret, struct sl_err *err)
{
	const char *text = json_string_value(json_object_get(filter, "address"));
	char address[INET6_ADDRSTRLEN];
	const char *slash;
	int bits = 128;
	char *end;

	if (!json_object_get(filter, "address"))
		return 0;
	slash = text ? strchr(text, '/') : NULL;
	if (!text || (slash ? (size_t)(slash - text) : strlen(text)) >= sizeof(address))
		goto wrong;
	memset(address, 0, sizeof(address));
	memcpy(address, text, slash ? (size_t)(slash - text) : strlen(text));
	if (strchr(address, ':')) {
		if (inet_pton(AF_INET6, address, ret->address.byte) != 1)
			goto wrong;
	} else {
		ret->address.byte[10] = ret->address.byte[11] = 0xff;
		if (inet_pton(AF_INET, address, ret->address.byte + 12) != 1)
			goto wrong;
		bits = 32;
	}
	if (slash) {
		long n = strtol(slash + 1, &end, 10);

		if (*end || end == slash + 1 || n < 0 || n > bits)
			goto wrong;
		ret->prefix = (uint8_t)(n + 128 - bits);
	} else {
		ret->prefix = 128;
	}
	ret->has_address = true;
	return 0;
wrong:
	return sl_err(err, EINVAL, "filter: \"address\" must be an address or a network, like 10.0.0.0/8");
}

static int get_words(json_t *filter, struct sl_session_filter *ret, struct sl_err *err)
{
	static const char *const actions[] = { "none", "allow", "violate", "deny", "pending" };
	const char *application = json_string_value(json_object_get(filter, "application"));
	const char *action = json_string_value(json_object_get(filter, "action"));

	if (json_object_get(filter, "application") &&
	    (!application || sl_application_number(application, &ret->application) < 0))
		return sl_err(err, EINVAL, "filter: no application of that name is known");
	if (!json_object_get(filter, "action"))
		return 0;
	for (uint8_t i = 0; action && i < sizeof(actions) / sizeof(*actions); i++) {
		if (!strcmp(action, actions[i])) {
			ret->has_action = true;
			ret->action = i;
			return 0;
		}
	}
	return sl_err(err, EINVAL, "filter: \"action\" must be one of none, allow, violate, deny, pending");
}

static int get_filter(json_t *filter, struct sl_session_filter *ret, struct sl_err *err)
{
	static const char *const known[] = { "id",	    "workload", "family",      "protocol",
					     "address",	    "port",	"client_port", "server_port",
					     "application", "action",	"ingress",     "established",
					     "idle" };
	json_int_t id = 0, workload = 0, family = 0, protocol = 0, port = 0, client = 0, server = 0, idle = 0;
	const char *key;
	json_t *field;
	int r;

	memset(ret, 0, sizeof(*ret));
	json_object_foreach (filter, key, field) {
		size_t i = 0;

		while (i < sizeof(known) / sizeof(*known) && strcmp(known[i], key))
			i++;
		if (i == sizeof(known) / sizeof(*known))
			return sl_err(err, EINVAL, "filter: unknown condition");
	}
	if ((r = get_number(filter, "id", INT64_MAX, &id, err)) < 0 ||
	    (r = get_number(filter, "workload", SL_ID_MAX, &workload, err)) < 0 ||
	    (r = get_number(filter, "family", 6, &family, err)) < 0 ||
	    (r = get_number(filter, "port", UINT16_MAX, &port, err)) < 0 ||
	    (r = get_number(filter, "client_port", UINT16_MAX, &client, err)) < 0 ||
	    (r = get_number(filter, "server_port", UINT16_MAX, &server, err)) < 0 ||
	    (r = get_number(filter, "idle", UINT32_MAX, &idle, err)) < 0 ||
	    (r = get_address(filter, ret, err)) < 0 || (r = get_words(filter, ret, err)) < 0 ||
	    (r = get_bool(filter, "established", &ret->established, err)) < 0)
		return r;
	r = get_bool(filter, "ingress", &ret->ingress, err);
	if (r < 0)
		return r;
	ret->has_direction = r > 0;
	r = get_number(filter, "protocol", UINT8_MAX, &protocol, err);
	if (r < 0)
		return r;
	ret->has_protocol = r > 0;
	ret->protocol = (uint8_t)protocol;
	ret->id = (uint64_t)id;
	ret->workload = (uint16_t)workload;
	ret->family = (uint8_t)family;
	ret->port = (uint16_t)port;
	ret->client_port = (uint16_t)client;
	ret->server_port = (uint16_t)server;
	ret->idle_s = (uint32_t)idle;
	return 0;
}

static json_t *address_json(const struct sl_addr *addr, uint8_t family)
{
	char text[INET6_ADDRSTRLEN];

	if (family == 4)
		inet_ntop(AF_INET, addr->byte + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, addr->byte, text, sizeof(text));
	return json_string(text);
}

/* Printable ASCII: a server name is a sender's choice. */
static json_t *name_json(char *name)
{
	for (char *c = name; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	return json_string(name);
}

static json_t *mac_json(const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return json_string(text);
}

static json_t *shown_json(struct shown *shown, bool agent)
{
	static const char *const actions[] = { "none", "allow", "violate", "deny", "pending" };
	const struct sl_session *s = &shown->session;

	json_t *result =
		json_pack("{sI si ss si si so si so si ss si sb so ss sI si si s[ii] s[II] s[II] si si si}",
			  "id", (json_int_t)s->id, "workload", (int)s->workload, "direction",
			  s->ingress ? "ingress" : "egress", "family", (int)s->tuple.family, "protocol",
			  (int)s->tuple.protocol, "client", address_json(&s->tuple.source, s->tuple.family),
			  "client_port", (int)s->tuple.source_port, "server",
			  address_json(&s->tuple.destination, s->tuple.family), "server_port",
			  (int)s->tuple.destination_port, "application", sl_application_name(s->application),
			  "confidence", (int)s->confidence, "application_final", (int)s->application_final,
			  "name", name_json(shown->name), "action",
			  actions[s->action <= SL_POLICY_PENDING ? s->action : 0], "rule",
			  (json_int_t)s->rule, "picked_up", (int)s->picked_up, "reported", (int)s->reported,
			  "state", (int)s->state[0], (int)s->state[1], "packets",
			  (json_int_t)s->flow[SL_CLIENT].packets, (json_int_t)s->flow[SL_SERVER].packets,
			  "bytes", (json_int_t)s->flow[SL_CLIENT].bytes, (json_int_t)s->flow[SL_SERVER].bytes,
			  "age", (int)shown->age_s, "idle", (int)shown->idle_s, "life", (int)shown->life_s);

	/* In the numbers of the existing protocol, if an agent is there to ask for them. */
	if (result && agent)
		json_object_set_new(result, "agent",
				    json_pack("{sI so so si si si si}", "threat", (json_int_t)s->agent.threat,
					      "client_mac", mac_json(shown->mac[SL_CLIENT]), "server_mac",
					      mac_json(shown->mac[SL_SERVER]), "label", (int)s->agent_label,
					      "severity", (int)s->agent.severity, "flags",
					      (int)s->agent_flags, "application", (int)s->application));
	return result;
}

/* "3.4711": worker and place of the last one looked at. */
static int get_after(const struct sl_request *request, uint32_t *ret_queue, struct sl_cursor *ret,
		     struct sl_err *err)
{
	const char *text = json_string_value(json_object_get(request->fields, "after"));
	unsigned int queue, next;
	char end;

	if (!text)
		return 0;
	if (sscanf(text, "%u.%u%c", &queue, &next, &end) != 2 || queue >= request->view->queues)
		return sl_err(err, EINVAL, "sessions: \"after\" must be a \"next\" of an answer");
	*ret_queue = queue;
	ret->next = next;
	return 0;
}

json_t *sl_answer_sessions(struct sl_request *request, struct sl_err *err)
{
	struct walk walk = { .found = 0 };
	json_t *items, *result = NULL;
	uint32_t queue = 0;
	char next[32] = "";

	if (!sl_can_inspect(request, "sessions", err) ||
	    get_filter(json_object_get(request->fields, "filter"), &walk.filter, err) < 0 ||
	    get_after(request, &queue, &walk.cursor, err) < 0)
		return NULL;
	walk.shown = calloc(SHOWN, sizeof(*walk.shown));
	items = json_array();
	if (!walk.shown || !items) {
		sl_errno(err, ENOMEM, "sessions");
		goto out;
	}
	/* One letter an answer: an answer with nothing in it may have a "next" all the same. */
	if (walk_worker(request->view, queue, &walk, err) < 0)
		goto out;
	for (uint32_t i = 0; i < walk.n_shown; i++)
		json_array_append_new(items, shown_json(&walk.shown[i], request->view->agents));
	if (!walk.cursor.done)
		snprintf(next, sizeof(next), "%u.%u", queue, walk.cursor.next);
	else if (queue + 1 < request->view->queues)
		snprintf(next, sizeof(next), "%u.0", queue + 1);
	result = json_pack("{sO}", "items", items);
	if (result && *next)
		json_object_set_new(result, "next", json_string(next));
out:
	json_decref(items);
	free(walk.shown);
	return result;
}

/* All of them, by as many letters as it takes. */
static json_t *walk_all(struct sl_request *request, struct walk *walk, const char *what, struct sl_err *err)
{
	if (get_filter(json_object_get(request->fields, "filter"), &walk->filter, err) < 0)
		return NULL;
	for (uint32_t q = 0; q < request->view->queues; q++) {
		walk->cursor = (struct sl_cursor){ 0 };
		do {
			if (walk_worker(request->view, q, walk, err) < 0)
				return NULL;
		} while (!walk->cursor.done);
	}
	return json_pack("{sI}", what, (json_int_t)walk->found);
}

json_t *sl_answer_session_count(struct sl_request *request, struct sl_err *err)
{
	struct walk walk = { .found = 0 };

	if (!sl_can_inspect(request, "session_count", err))
		return NULL;
	return walk_all(request, &walk, "count", err);
}

json_t *sl_answer_session_end(struct sl_request *request, struct sl_err *err)
{
	const char *how = json_string_value(json_object_get(request->fields, "how"));
	struct walk walk = { .end = true };

	if (!sl_can_inspect(request, "session_end", err))
		return NULL;
	if (!how || (strcmp(how, "clear") && strcmp(how, "kill"))) {
		sl_err(err, EINVAL, "session_end: \"how\" must be clear or kill");
		return NULL;
	}
	walk.kill = !strcmp(how, "kill");
	return walk_all(request, &walk, "ended", err);
}
