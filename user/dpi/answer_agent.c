// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an agent of the existing protocol needs beyond what people ask for:
 * ports and endpoints, totals, meters, addresses of names, reports. Asked by
 * sluice-compat, which speaks to the agent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dpi/answer_own.h"
#include "dpi/decide/engine.h"
#include "dpi/decide/totals.h"
#include "dpi/io/ports.h"
#include "dpi/policy/policies.h"
#include "lib/clock.h"

#define LETTER_MS 2000
#define TOTALS_SHOWN 256
#define METERS_SHOWN 256
#define ENDPOINTS_AT_ONCE 4096
#define ADDRESSES_AT_ONCE 4096

static bool expects_agent(const struct sl_request *request, const char *command, struct sl_err *err)
{
	if (request->view->agents)
		return true;
	sl_err(err, ENOSYS, "%s: this core expects no agent (--agent)", command);
	return false;
}

static int ask_worker(const struct sl_request *request, uint32_t q, sl_letter_call call, void *arg,
		      struct sl_err *err)
{
	int r = sl_mailbox_ask(&request->view->workers[q].mailbox, call, arg, LETTER_MS);

	return r < 0 ? sl_errno(err, -r, "the worker of queue %u did not answer", q) : 0;
}

json_t *sl_answer_reports(struct sl_request *request, struct sl_err *err)
{
	if (!expects_agent(request, "reports", err))
		return NULL;
	request->wish.reports = true;
	return json_object();
}

struct total {
	uint32_t id;
	struct sl_totals_one one;
};

struct totals {
	uint32_t after, n;
	struct total shown[TOTALS_SHOWN];
};

static struct total *place(struct totals *all, uint32_t id)
{
	for (uint32_t i = 0; i < all->n; i++) {
		if (all->shown[i].id == id)
			return &all->shown[i];
	}
	return NULL;
}

/* Ascending; of more than fit those with the lowest ids stay. */
static struct total *insert(struct totals *all, uint32_t id)
{
	uint32_t i = all->n;

	if (i == TOTALS_SHOWN && all->shown[i - 1].id < id)
		return NULL;
	if (i == TOTALS_SHOWN)
		i--;
	else
		all->n++;
	for (; i && all->shown[i - 1].id > id; i--)
		all->shown[i] = all->shown[i - 1];
	memset(&all->shown[i], 0, sizeof(all->shown[i]));
	all->shown[i].id = id;
	return &all->shown[i];
}

/* In the worker. */
static void collect_totals(void *context, void *arg)
{
	const struct sl_totals *own = sl_engine_totals(context);
	const struct sl_totals_one *one;
	struct totals *all = arg;

	for (uint32_t id = all->after + 1; (one = sl_totals_next(own, &id)); id++) {
		struct total *total = place(all, id) ?: insert(all, id);

		if (!total)
			break;
		for (int way = 0; way < 2; way++) {
			total->one.packets[way] += one->packets[way];
			total->one.bytes[way] += one->bytes[way];
			total->one.sessions[way] += one->sessions[way];
			total->one.now[way] += one->now[way];
		}
	}
}

json_t *sl_answer_totals(struct sl_request *request, struct sl_err *err)
{
	json_int_t after = json_integer_value(json_object_get(request->fields, "after"));
	json_t *items = json_array(), *result;
	struct totals *all;
	int r = 0;

	all = calloc(1, sizeof(*all));
	if (!items || !all) {
		sl_errno(err, ENOMEM, "totals");
		r = -ENOMEM;
	} else if (!expects_agent(request, "totals", err)) {
		r = -ENOSYS;
	} else if (after < 0 || after > SL_ID_MAX) {
		r = sl_err(err, EINVAL, "totals: \"after\" must be an id");
	}
	if (all)
		all->after = (uint32_t)after;
	for (uint32_t q = 0; q < request->view->queues && !r; q++)
		r = ask_worker(request, q, collect_totals, all, err);
	if (r) {
		json_decref(items);
		free(all);
		return NULL;
	}
	/* id; sessions, now, packets, bytes: each from the workload, then to it */
	for (uint32_t i = 0; i < all->n; i++) {
		const struct sl_totals_one *one = &all->shown[i].one;

		json_array_append_new(items,
				      json_pack("[iIIIIIIII]", (int)all->shown[i].id,
						(json_int_t)one->sessions[0], (json_int_t)one->sessions[1],
						(json_int_t)one->now[0], (json_int_t)one->now[1],
						(json_int_t)one->packets[0], (json_int_t)one->packets[1],
						(json_int_t)one->bytes[0], (json_int_t)one->bytes[1]));
	}
	result = json_pack("{so}", "items", items);
	if (result && all->n == TOTALS_SHOWN)
		json_object_set_new(result, "next", json_integer(all->shown[all->n - 1].id));
	free(all);
	return result;
}

struct meters {
	unsigned int n;
	struct sl_meter_state shown[METERS_SHOWN];
};

/* In the worker. */
static void collect_meters(void *context, void *arg)
{
	struct meters *all = arg;

	all->n += sl_meters_show(sl_engine_meters(context), sl_engine_now(context), all->shown + all->n,
				 METERS_SHOWN - all->n);
}

static json_t *meter_json(const struct sl_meter_state *meter)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char source[INET6_ADDRSTRLEN];

	if (!memcmp(meter->source.byte, mapped, sizeof(mapped)))
		inet_ntop(AF_INET, meter->source.byte + 12, source, sizeof(source));
	else
		inet_ntop(AF_INET6, meter->source.byte, source, sizeof(source));
	return json_pack("{si si ss sb sI sI sI sI sI}", "workload", (int)meter->workload, "meter",
			 (int)meter->kind, "source", source, "firing", (int)meter->firing, "count",
			 (json_int_t)meter->count, "before", (json_int_t)meter->before, "upper",
			 (json_int_t)meter->limit.upper, "lower", (json_int_t)meter->limit.lower, "idle",
			 (json_int_t)meter->idle_s);
}

json_t *sl_answer_meters(struct sl_request *request, struct sl_err *err)
{
	struct meters *all = calloc(1, sizeof(*all));
	json_t *items = json_array();
	int r = 0;

	if (!all || !items)
		r = sl_errno(err, ENOMEM, "meters");
	else if (!sl_can_inspect(request, "meters", err))
		r = -ENOSYS;
	for (uint32_t q = 0; !r && q < request->view->queues; q++)
		r = ask_worker(request, q, collect_meters, all, err);
	for (unsigned int i = 0; !r && all && i < all->n; i++)
		json_array_append_new(items, meter_json(&all->shown[i]));
	free(all);
	if (r) {
		json_decref(items);
		return NULL;
	}
	return json_pack("{so}", "items", items);
}

static bool parse_address(const char *text, struct sl_addr *ret)
{
	*ret = (struct sl_addr){ .byte = { [10] = 0xff, [11] = 0xff } };
	return text &&
	       (inet_pton(AF_INET, text, ret->byte + 12) == 1 || inet_pton(AF_INET6, text, ret->byte) == 1);
}

/* The agent knows addresses of names as well, and says so. */
json_t *sl_answer_known(struct sl_request *request, struct sl_err *err)
{
	const char *name = json_string_value(json_object_get(request->fields, "name"));
	json_t *addresses = json_object_get(request->fields, "addresses"), *item;
	json_int_t ttl = json_integer_value(json_object_get(request->fields, "ttl"));
	struct sl_addr address;
	size_t i;

	if (!expects_agent(request, "known", err))
		return NULL;
	if (!name || !*name || ttl < 0 || ttl > UINT32_MAX ||
	    json_array_size(addresses) > ADDRESSES_AT_ONCE) {
		sl_err(err, EINVAL, "known: \"name\" and \"addresses\" are needed, of which %d may be",
		       ADDRESSES_AT_ONCE);
		return NULL;
	}
	json_array_foreach (addresses, i, item) {
		if (!parse_address(json_string_value(item), &address)) {
			sl_err(err, EINVAL, "known: \"addresses\" must be addresses");
			return NULL;
		}
	}
	json_array_foreach (addresses, i, item) {
		if (parse_address(json_string_value(item), &address))
			sl_policies_learn(request->view->agents, name, &address, (uint32_t)ttl,
					  sl_clock_ns());
	}
	return json_object();
}

static bool has_ports(const struct sl_request *request, const char *command, struct sl_err *err)
{
	if (request->view->ports)
		return true;
	sl_err(err, ENOSYS, "%s: this core's interface was given to it at its start", command);
	return false;
}

static int get_kind(const struct sl_request *request, enum sl_port_kind *ret, struct sl_err *err)
{
	static const char *const kinds[] = { "service", "tap", "vin", "vex" };
	const char *word = json_string_value(json_object_get(request->fields, "kind"));

	for (unsigned int i = 0; word && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!strcmp(kinds[i], word)) {
			*ret = (enum sl_port_kind)i;
			return 0;
		}
	}
	return sl_err(err, EINVAL, "\"kind\" must be service, tap, vin or vex");
}

static int get_name(const struct sl_request *request, char ret[SL_PORT_NAME], struct sl_err *err)
{
	const char *name = json_string_value(json_object_get(request->fields, "name"));

	if (!name || !*name || strlen(name) >= SL_PORT_NAME)
		return sl_err(err, EINVAL, "\"name\" must be the port's, of at most %d bytes",
			      SL_PORT_NAME - 1);
	memset(ret, 0, SL_PORT_NAME);
	memcpy(ret, name, strlen(name));
	return 0;
}

struct port_letter {
	struct sl_lane *lane;
	struct sl_inlet port;
	bool remove;
	int r;
};

/* In the worker. */
static void change_port(void *context, void *arg)
{
	struct port_letter *letter = arg;

	(void)context;
	letter->r = letter->remove ? sl_ports_remove(letter->lane, letter->port.kind, letter->port.name)
				   : sl_ports_add(letter->lane, &letter->port);
}

json_t *sl_answer_port_add(struct sl_request *request, struct sl_err *err)
{
	json_int_t workload = json_integer_value(json_object_get(request->fields, "workload"));
	struct port_letter letter = { .lane = request->view->ports };

	if (!has_ports(request, "port_add", err) || get_kind(request, &letter.port.kind, err) < 0 ||
	    get_name(request, letter.port.name, err) < 0)
		return NULL;
	if (workload < 0 || workload > SL_ID_MAX || (letter.port.kind != SL_PORT_SERVICE && !workload) ||
	    request->fd < 0) {
		sl_err(err, EINVAL,
		       "port_add: a packet socket and, but for service, \"workload\" are needed");
		return NULL;
	}
	letter.port.workload = (uint16_t)workload;
	letter.port.quarantine = json_is_true(json_object_get(request->fields, "quarantine"));
	letter.port.fd = fcntl(request->fd, F_DUPFD_CLOEXEC, 3);
	if (letter.port.fd < 0) {
		sl_errno(err, errno, "port_add: the socket");
		return NULL;
	}
	if (ask_worker(request, 0, change_port, &letter, err) < 0)
		goto fail;
	if (!letter.r)
		return json_object();
	sl_errno(err, -letter.r, "port_add: %s", letter.port.name);
fail:
	close(letter.port.fd);
	return NULL;
}

json_t *sl_answer_port_del(struct sl_request *request, struct sl_err *err)
{
	struct port_letter letter = { .lane = request->view->ports, .remove = true };

	if (!has_ports(request, "port_del", err) || get_kind(request, &letter.port.kind, err) < 0 ||
	    get_name(request, letter.port.name, err) < 0 ||
	    ask_worker(request, 0, change_port, &letter, err) < 0)
		return NULL;
	if (!letter.r)
		return json_object();
	sl_errno(err, -letter.r, "port_del: %s", letter.port.name);
	return NULL;
}

struct endpoint {
	uint16_t id;
	bool known, forward;
	uint8_t mac[6];
};

struct endpoints {
	struct sl_lane *lane;
	size_t n;
	struct endpoint *endpoint;
};

/* In the worker. */
static void set_endpoints(void *context, void *arg)
{
	const struct endpoints *all = arg;

	(void)context;
	for (size_t i = 0; i < all->n; i++) {
		const struct endpoint *e = &all->endpoint[i];

		sl_ports_endpoint(all->lane, e->id, e->known ? e->mac : NULL, e->forward);
	}
}

/* [id, "mac", forward], or [id] for one that is gone. */
static bool parse_endpoint(json_t *item, struct endpoint *ret)
{
	json_int_t id = json_integer_value(json_array_get(item, 0));
	const char *text = json_string_value(json_array_get(item, 1));
	unsigned int b[6];
	int end = 0;

	if (id < 1 || id > SL_ID_MAX)
		return false;
	ret->id = (uint16_t)id;
	ret->known = json_array_size(item) > 1;
	if (!ret->known)
		return true;
	ret->forward = json_is_true(json_array_get(item, 2));
	if (!text ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", b, b + 1, b + 2, b + 3, b + 4, b + 5, &end) != 6 ||
	    text[end])
		return false;
	for (int i = 0; i < 6; i++)
		ret->mac[i] = (uint8_t)b[i];
	return true;
}

json_t *sl_answer_endpoints(struct sl_request *request, struct sl_err *err)
{
	json_t *items = json_object_get(request->fields, "items"), *item, *result = NULL;
	struct endpoints all = { .lane = request->view->ports, .n = json_array_size(items) };
	size_t i;

	if (!has_ports(request, "endpoints", err))
		return NULL;
	if (all.n > ENDPOINTS_AT_ONCE) {
		sl_err(err, E2BIG, "endpoints: at most %d at a time", ENDPOINTS_AT_ONCE);
		return NULL;
	}
	all.endpoint = calloc(all.n + 1, sizeof(*all.endpoint));
	if (!all.endpoint) {
		sl_errno(err, ENOMEM, "endpoints");
		return NULL;
	}
	json_array_foreach (items, i, item) {
		if (!parse_endpoint(item, &all.endpoint[i])) {
			sl_err(err, EINVAL, "endpoints: \"items\" must be [id, mac, forward] or [id]");
			goto out;
		}
	}
	if (!ask_worker(request, 0, set_endpoints, &all, err))
		result = json_object();
out:
	free(all.endpoint);
	return result;
}
