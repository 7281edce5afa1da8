// SPDX-License-Identifier: BSD-2-Clause
/* See ports.h for the invariant. */
#include "compat/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/netns.h"

#define RECEIVE_BUFFER (8 << 20) /* bytes: bursts wait here while the core is at something else */

struct port {
	const char *kind; /* as the core calls it */
	char iface[IFNAMSIZ];
	char *netns; /* "" the current one */
	uint8_t mac[6];
	bool quarantine;
	int fd; /* until it is handed over */
	bool handed; /* the core has it */
};

struct ports {
	unsigned int n;
	struct port port[PORTS_MAX];
};

struct ports *ports_new(void)
{
	return calloc(1, sizeof(struct ports));
}

static void close_port(struct port *port)
{
	if (port->fd >= 0)
		close(port->fd);
	free(port->netns);
}

void ports_free(struct ports *ports)
{
	if (!ports)
		return;
	while (ports->n)
		close_port(&ports->port[--ports->n]);
	free(ports);
}

/* In the current namespace. */
static int open_socket(const char *iface, bool tap, struct sl_err *err)
{
	int on = 1, others = !tap, size = RECEIVE_BUFFER, fd, r;
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = (int)if_nametoindex(iface) };

	if (!addr.sll_ifindex)
		return sl_errno(err, ENODEV, "no interface %s in that namespace", iface);
	/* Bound before anything is received: protocol 0. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sl_errno(err, errno, "packet socket for %s (is CAP_NET_RAW there?)", iface);
	/* What we send is not to come back (Linux 4.20); what an endpoint's own interface sends is half of a tap. */
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &others, sizeof(others)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)))
		goto fail;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
fail:
	r = sl_errno(err, errno, "packet socket for %s", iface);
	close(fd);
	return r;
}

static int open_port(const struct port *port, struct sl_err *err)
{
	bool tap = !strcmp(port->kind, "tap");
	int netns, token, fd;

	if (!*port->netns)
		return open_socket(port->iface, tap, err);
	netns = sl_netns_open_name(port->netns, err);
	if (netns < 0)
		return netns;
	token = sl_netns_enter(netns, err);
	close(netns);
	if (token < 0)
		return token;
	fd = open_socket(port->iface, tap, err);
	sl_netns_leave(token);
	return fd;
}

static struct port *find(struct ports *ports, const char *kind, const char *iface)
{
	for (unsigned int i = 0; i < ports->n; i++) {
		if (!strcmp(ports->port[i].kind, kind) && (!iface || !strcmp(ports->port[i].iface, iface)))
			return &ports->port[i];
	}
	return NULL;
}

static int add(struct ports *ports, const char *kind, const struct agent_port *conf, const char *iface,
	       struct sl_err *err)
{
	struct port *port = &ports->port[ports->n];
	int r;

	if (find(ports, kind, iface))
		return 0; /* as it is */
	if (ports->n == PORTS_MAX)
		return sl_err(err, ENOSPC, "more than %d ports", PORTS_MAX);
	*port = (struct port){ .kind = kind, .quarantine = conf->quarantine, .fd = -1 };
	strncpy(port->iface, iface, sizeof(port->iface) - 1);
	memcpy(port->mac, conf->mac, sizeof(port->mac));
	port->netns = strdup(conf->netns);
	r = port->netns ? open_port(port, err) : sl_err(err, ENOMEM, "no memory for port %s", iface);
	if (r < 0) {
		close_port(port);
		return r;
	}
	port->fd = r;
	ports->n++;
	return 0;
}

/* The core closes its socket. False: it has none of that name. */
static bool take_back(const struct port *port, struct core *core, struct sl_err *err)
{
	json_t *result =
		core_ask(core,
			 json_pack("{ss ss ss}", "cmd", "port_del", "kind", port->kind, "name", port->iface),
			 -1, err);

	json_decref(result);
	return result;
}

static void remove_port(struct ports *ports, const char *kind, const char *iface, struct core *core)
{
	struct port *port = find(ports, kind, iface);
	struct sl_err err = { 0 };

	if (!port)
		return;
	if (port->handed && !take_back(port, core, &err))
		sl_warn("port %s: %s", port->iface, err.text);
	close_port(port);
	*port = ports->port[--ports->n];
}

static int add_service(struct ports *ports, const struct agent_port *conf, struct sl_err *err)
{
	const struct port *port = find(ports, "service", NULL);

	if (port && strcmp(port->iface, conf->iface) != 0)
		return sl_err(err, EEXIST, "%s is the service port already; delete it first", port->iface);
	return add(ports, "service", conf, conf->iface, err);
}

static int add_pair(struct ports *ports, const struct agent_port *conf, struct core *core, struct sl_err *err)
{
	int r;

	/* Given again it may be in quarantine now, or not any more. */
	remove_port(ports, "vin", conf->iface, core);
	remove_port(ports, "vex", conf->vex, core);
	r = add(ports, "vin", conf, conf->iface, err);
	if (r)
		return r;
	r = add(ports, "vex", conf, conf->vex, err);
	if (r)
		remove_port(ports, "vin", conf->iface, core);
	return r;
}

int ports_apply(struct ports *ports, const struct compat_request *request, struct core *core,
		struct sl_err *err)
{
	const struct agent_port *conf = &request->port;

	switch (request->command) {
	case COMPAT_ADD_SRVC_PORT:
		return add_service(ports, conf, err);
	case COMPAT_DEL_SRVC_PORT:
		remove_port(ports, "service", conf->iface, core);
		return 0;
	case COMPAT_ADD_TAP_PORT:
		return add(ports, "tap", conf, conf->iface, err);
	case COMPAT_DEL_TAP_PORT:
		remove_port(ports, "tap", conf->iface, core);
		return 0;
	case COMPAT_ADD_PORT_PAIR:
		return add_pair(ports, conf, core, err);
	case COMPAT_DEL_PORT_PAIR:
		remove_port(ports, "vin", conf->iface, core);
		remove_port(ports, "vex", conf->vex, core);
		return 0;
	default:
		return 0;
	}
}

static int hand_over(struct port *port, uint16_t id, struct core *core, struct sl_err *err)
{
	struct sl_err ignored;
	json_t *result;

	/* A core that outlived another of us may have one, to an interface that is gone. */
	take_back(port, core, &ignored);
	result = core_ask(core,
			  json_pack("{ss ss ss si sb}", "cmd", "port_add", "kind", port->kind, "name",
				    port->iface, "workload", (int)id, "quarantine", (int)port->quarantine),
			  port->fd, err);
	json_decref(result);
	if (!result)
		return -err->code;
	close(port->fd);
	port->fd = -1;
	port->handed = true;
	return 0;
}

static void settle_one(struct port *port, const struct agent *agent, struct core *core, bool again)
{
	const struct endpoint *endpoint = agent_find(agent, port->mac);
	bool service = !strcmp(port->kind, "service");
	struct sl_err err = { 0 };
	int r = 0;

	if (again)
		port->handed = false;
	if (port->handed || (!service && !endpoint))
		return;
	if (port->fd < 0)
		r = port->fd = open_port(port, &err);
	if (r >= 0)
		r = hand_over(port, service ? 0 : endpoint->core_id, core, &err);
	if (r < 0)
		sl_error("port %s: %s", port->iface, err.text);
	else
		sl_info("port %s: %s", port->iface, port->kind);
}

void ports_settle(struct ports *ports, const struct agent *agent, struct core *core, bool again)
{
	for (unsigned int i = 0; i < ports->n && core_generation(core); i++)
		settle_one(&ports->port[i], agent, core, again);
}
