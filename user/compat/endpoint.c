// SPDX-License-Identifier: BSD-2-Clause
/* Endpoints and what speaks on their ports; see agent.h for the invariant. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compat/agent.h"
#include "dpi/inspect/application.h"
#include "sluice/ucmac.h"

#define PROGRAMS_FIRST 2000 /* below are protocols: told as `proto`, the others as `application` */

struct endpoint *agent_find(const struct agent *agent, const uint8_t mac[6])
{
	for (struct endpoint *e = agent->endpoints; e; e = e->next) {
		if (!memcmp(e->mac, mac, sizeof(e->mac)))
			return e;
	}
	return NULL;
}

struct endpoint *agent_find_id(const struct agent *agent, uint16_t id)
{
	for (struct endpoint *e = agent->endpoints; e; e = e->next) {
		if (e->id == id)
			return e;
	}
	return NULL;
}

struct endpoint *agent_find_core(const struct agent *agent, uint16_t core_id)
{
	for (struct endpoint *e = agent->endpoints; e; e = e->next) {
		if (e->core_id == core_id)
			return e;
	}
	return NULL;
}

static void free_endpoint(struct endpoint *endpoint)
{
	free(endpoint->ports);
	free(endpoint->stats);
	free(endpoint);
}

void agent_endpoints_free(struct agent *agent)
{
	while (agent->endpoints) {
		struct endpoint *endpoint = agent->endpoints;

		agent->endpoints = endpoint->next;
		free_endpoint(endpoint);
	}
}

/* 0: it has none of ours. */
static uint16_t id_of(const struct agent_mac *mac)
{
	return mac->has_ucmac && sl_is_ucmac(mac->ucmac) ? (uint16_t)(mac->ucmac[4] << 8 | mac->ucmac[5]) : 0;
}

int agent_endpoint_add(struct agent *agent, const struct agent_mac *mac, struct sl_err *err)
{
	struct endpoint *endpoint = agent_find(agent, mac->mac), *other;
	uint16_t id = id_of(mac);

	if (!id)
		return sl_err(err, EINVAL,
			      "\"ucmac\" must be 4e:65:75:56 and two bytes that are not both zero");
	other = agent_find_id(agent, id);
	if (other && other != endpoint)
		return sl_err(err, EEXIST, "\"ucmac\" ends like that of another endpoint: %04x", id);
	/* It may have had another MAC before, with all that was said of it. */
	if (!endpoint && mac->has_old_mac)
		endpoint = agent_find(agent, mac->old_mac);
	if (!endpoint) {
		if (agent->n_endpoints == AGENT_ENDPOINTS_MAX)
			return sl_err(err, ENOSPC, "more than %d endpoints", AGENT_ENDPOINTS_MAX);
		endpoint = calloc(1, sizeof(*endpoint));
		if (!endpoint)
			return sl_err(err, ENOMEM, "no memory for an endpoint");
		endpoint->tap = true;
		endpoint->next = agent->endpoints;
		agent->endpoints = endpoint;
		agent->n_endpoints++;
	}
	memcpy(endpoint->mac, mac->mac, sizeof(endpoint->mac));
	memcpy(endpoint->ucmac, mac->ucmac, sizeof(endpoint->ucmac));
	memcpy(endpoint->parent_mac, mac->parent_mac, sizeof(endpoint->parent_mac));
	endpoint->id = id;
	return CHANGED_ENDPOINTS | CHANGED_POLICY;
}

int agent_endpoint_delete(struct agent *agent, const uint8_t mac[6])
{
	for (struct endpoint **at = &agent->endpoints; *at; at = &(*at)->next) {
		struct endpoint *endpoint = *at;

		if (memcmp(endpoint->mac, mac, sizeof(endpoint->mac)) != 0)
			continue;
		*at = endpoint->next;
		free_endpoint(endpoint);
		agent->n_endpoints--;
		return CHANGED_ENDPOINTS | CHANGED_POLICY;
	}
	return 0;
}

static struct agent_learned *find_port(struct endpoint *endpoint, uint16_t port, uint8_t ip_proto)
{
	for (size_t i = 0; i < endpoint->n_ports; i++) {
		if (endpoint->ports[i].port == port && endpoint->ports[i].ip_proto == ip_proto)
			return &endpoint->ports[i];
	}
	return NULL;
}

/* NULL: no memory, or there are enough. */
static struct agent_learned *add_port(struct endpoint *endpoint, uint16_t port, uint8_t ip_proto)
{
	if (endpoint->n_ports == endpoint->ports_room) {
		size_t room = endpoint->ports_room ? 2 * endpoint->ports_room : 8;
		struct agent_learned *ports;

		if (room > AGENT_PORTS_KEPT)
			return NULL;
		ports = realloc(endpoint->ports, room * sizeof(*ports));
		if (!ports)
			return NULL;
		endpoint->ports = ports;
		endpoint->ports_room = room;
	}
	endpoint->ports[endpoint->n_ports] = (struct agent_learned){ .port = port, .ip_proto = ip_proto };
	return &endpoint->ports[endpoint->n_ports++];
}

bool agent_learn(struct endpoint *endpoint, uint16_t port, uint8_t ip_proto, uint16_t number)
{
	struct agent_learned *known = find_port(endpoint, port, ip_proto);
	uint16_t *field;

	/* Numbers that are ours alone say nothing to the agent. */
	if (!number || number >= SL_APPLICATION_NDPI)
		return false;
	if (!known)
		known = add_port(endpoint, port, ip_proto);
	if (!known)
		return false;
	field = number < PROGRAMS_FIRST ? &known->proto : &known->application;
	/* What was configured stays; the protocol spoken there is found anew. */
	if (*field == number || (known->configured && field == &known->application && *field))
		return false;
	*field = number;
	return true;
}

/* The list replaces what was configured; what was learned stays. */
static void set_apps(struct endpoint *endpoint, const struct agent_macs *macs)
{
	size_t kept = 0;

	for (size_t i = 0; i < endpoint->n_ports; i++) {
		if (!endpoint->ports[i].configured)
			endpoint->ports[kept++] = endpoint->ports[i];
	}
	endpoint->n_ports = kept;
	for (size_t i = 0; i < macs->n_apps; i++) {
		const struct agent_app *app = &macs->apps[i];
		struct agent_learned *port = find_port(endpoint, app->port, app->ip_proto);

		if (!port)
			port = add_port(endpoint, app->port, app->ip_proto);
		/* Beyond the limit they are not repeated to the agent, which has them anyway. */
		if (!port)
			return;
		port->configured = true;
		port->application = app->application;
		port->server = app->server;
	}
}

int agent_endpoint_config(struct agent *agent, const struct agent_macs *macs, struct sl_err *err)
{
	for (size_t i = 0; i < macs->n_macs; i++) {
		if (!agent_find(agent, macs->macs[i]))
			return sl_err(err, ENOENT, "no endpoint has MAC %02x:%02x:%02x:%02x:%02x:%02x",
				      macs->macs[i][0], macs->macs[i][1], macs->macs[i][2], macs->macs[i][3],
				      macs->macs[i][4], macs->macs[i][5]);
	}
	for (size_t i = 0; i < macs->n_macs; i++) {
		struct endpoint *endpoint = agent_find(agent, macs->macs[i]);

		endpoint->tap = macs->tap;
		if (macs->has_apps)
			set_apps(endpoint, macs);
	}
	return CHANGED_ENDPOINTS | CHANGED_POLICY;
}
