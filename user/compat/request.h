/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A datagram of the agent's as what it asks for: one typed request for each of
 * its keys that is a command.
 *
 * Invariant: a message is understood as a whole or refused as a whole, before
 * anything has been done; whatever its bytes are. Unknown commands and unknown
 * fields are ignored, as the protocol has it.
 */
#ifndef SLUICE_COMPAT_REQUEST_H
#define SLUICE_COMPAT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "policyfile/arena.h"

#define REQUEST_BYTES 8191 /* a datagram above that is refused */
#define REQUEST_COMMANDS 64 /* keys of one datagram */
#define PIECE_FIRST 1
#define PIECE_LAST 2

/* X(constant, name without "ctrl_") */
#define COMPAT_COMMANDS(X)                                                                                   \
	X(KEEP_ALIVE, keep_alive)                                                                            \
	X(ADD_SRVC_PORT, add_srvc_port)                                                                      \
	X(DEL_SRVC_PORT, del_srvc_port)                                                                      \
	X(ADD_PORT_PAIR, add_port_pair)                                                                      \
	X(DEL_PORT_PAIR, del_port_pair)                                                                      \
	X(ADD_TAP_PORT, add_tap_port)                                                                        \
	X(DEL_TAP_PORT, del_tap_port)                                                                        \
	X(ADD_NFQ_PORT, add_nfq_port)                                                                        \
	X(DEL_NFQ_PORT, del_nfq_port)                                                                        \
	X(ADD_MAC, add_mac)                                                                                  \
	X(DEL_MAC, del_mac)                                                                                  \
	X(CFG_MAC, cfg_mac)                                                                                  \
	X(CFG_NBE, cfg_nbe)                                                                                  \
	X(REFRESH_APP, refresh_app)                                                                          \
	X(STATS_MACS, stats_macs)                                                                            \
	X(STATS_DEVICE, stats_device)                                                                        \
	X(COUNTER_DEVICE, counter_device)                                                                    \
	X(COUNT_SESSION, count_session)                                                                      \
	X(LIST_SESSION, list_session)                                                                        \
	X(CLEAR_SESSION, clear_session)                                                                      \
	X(LIST_METER, list_meter)                                                                            \
	X(SET_DEBUG, set_debug)                                                                              \
	X(CFG_POLICY, cfg_policy)                                                                            \
	X(CFG_SET_FQDN, cfg_set_fqdn)                                                                        \
	X(CFG_DEL_FQDN, cfg_del_fqdn)                                                                        \
	X(CFG_INTERNAL_NET, cfg_internal_net)                                                                \
	X(CFG_POLICY_ADDR, cfg_policy_addr)                                                                  \
	X(CFG_SPECIP_NET, cfg_specip_net)                                                                    \
	X(CFG_DLP, cfg_dlp)                                                                                  \
	X(CFG_DLPMAC, cfg_dlpmac)                                                                            \
	X(BLD_DLP, bld_dlp)                                                                                  \
	X(BLD_DLPMAC, bld_dlpmac)                                                                            \
	X(SYS_CONF, sys_conf)                                                                                \
	X(DISABLE_NET_POLICY, disable_net_policy)                                                            \
	X(DETECT_UNMANAGED_WL, detect_unmanaged_wl)                                                          \
	X(ENABLE_ICMP_POLICY, enable_icmp_policy)                                                            \
	X(STRICT_GROUP_MODE, strict_group_mode)

enum compat_command {
#define X(constant, name) COMPAT_##constant,
	COMPAT_COMMANDS(X)
#undef X
		COMPAT_COMMANDS_MAX,
};
const char *compat_command_name(enum compat_command command); /* "ctrl_…" */

/* Their numbers. */
enum agent_action {
	AGENT_OPEN,
	AGENT_LEARN,
	AGENT_ALLOW,
	AGENT_CHECK_HOST,
	AGENT_CHECK_NBE,
	AGENT_CHECK_APP,
	AGENT_VIOLATE,
	AGENT_DENY,
	AGENT_ACTIONS,
};

enum agent_category {
	DEBUG_INIT = 0x1,
	DEBUG_ERROR = 0x2,
	DEBUG_CTRL = 0x4,
	DEBUG_PACKET = 0x8,
	DEBUG_SESSION = 0x10,
	DEBUG_TIMER = 0x20,
	DEBUG_TCP = 0x40,
	DEBUG_PARSER = 0x80,
	DEBUG_LOG = 0x100,
	DEBUG_DDOS = 0x200,
	DEBUG_POLICY = 0x400,
	DEBUG_DLP = 0x800,
	DEBUG_ALL = 0xfff,
};

struct agent_port {
	const char *iface; /* of a pair: vin's */
	const char *vex; /* of a pair */
	const char *netns; /* a path; "" the current one */
	uint8_t mac[6];
	bool jumbo, quarantine;
	uint32_t queue;
};

struct agent_mac {
	const char *iface;
	uint8_t mac[6], ucmac[6], bcmac[6], old_mac[6], parent_mac[6];
	bool has_ucmac, has_old_mac, has_parent_mac;
	size_t n_ips;
	uint32_t *ips;
};

struct agent_app {
	uint16_t port, application, server;
	uint8_t ip_proto;
};

struct agent_macs {
	const uint8_t (*macs)[6];
	size_t n_macs;
	bool tap, nbe;
	bool has_apps; /* a list was given, even if an empty one */
	size_t n_apps;
	struct agent_app *apps;
};

struct agent_rule_app {
	uint32_t id, application; /* application 0: any; UINT32_MAX: unknown */
	uint8_t action;
};

struct agent_rule {
	uint32_t id;
	uint32_t source_from, source_to, destination_from, destination_to;
	uint16_t port_from, port_to;
	uint8_t protocol, action; /* enum agent_action */
	bool ingress, host;
	const char *name; /* "" none */
	size_t n_apps;
	struct agent_rule_app *apps;
};

struct agent_policy_piece {
	uint8_t command; /* 1 add, 2 modify, 3 delete */
	uint8_t piece, action, directions; /* PIECE_*; the default; 1 egress, 2 ingress */
	const uint8_t (*macs)[6];
	size_t n_macs, n_rules;
	struct agent_rule *rules;
};

enum agent_net_kind {
	NET_PLAIN = 0,
	NET_DEVICE = 0x1,
	NET_SERVICE = 0x2,
	NET_UNMANAGED = 0x4,
	NET_EXTERNAL = 0x8,
	NET_HOST = 0x10,
	NET_TUNNEL = 0x20,
};

struct agent_net {
	uint32_t address, mask; /* host byte order */
	uint8_t kind; /* enum agent_net_kind */
};

struct agent_nets_piece {
	uint8_t piece;
	size_t n;
	struct agent_net *nets;
};

struct agent_names {
	bool host;
	size_t n; /* set: addresses of names[0]; delete: names */
	const char **names;
	uint32_t *ips;
};

struct agent_dlp_choice {
	uint32_t id;
	uint8_t action;
};

struct agent_dlp_piece {
	uint8_t piece;
	const uint8_t (*macs)[6];
	size_t n_macs, n_dlp, n_waf, n_dlp_policies, n_waf_policies;
	const char *dlp_type, *waf_type; /* "inside", "outside", "wafinside", "wafoutside" or "" */
	struct agent_dlp_choice *dlp, *waf;
	uint32_t *dlp_policies, *waf_policies;
};

struct agent_dlp_rule {
	uint32_t id;
	const char *name;
	size_t n_patterns;
	const char **patterns;
};

struct agent_dlp_build {
	uint8_t piece, directions;
	const uint8_t (*macs)[6], (*gone)[6], (*old)[6];
	size_t n_macs, n_gone, n_old, n_rules;
	struct agent_dlp_rule *rules;
};

struct compat_request {
	enum compat_command command;
	union {
		uint32_t sequence; /* keep_alive */
		uint32_t filter; /* clear_session */
		uint32_t categories; /* set_debug */
		bool on; /* the booleans */
		struct agent_port port;
		struct agent_mac mac;
		struct agent_macs macs;
		struct agent_policy_piece policy;
		struct agent_nets_piece nets;
		struct agent_names names;
		struct agent_dlp_piece dlp;
		struct agent_dlp_build build;
	};
};

struct compat_message {
	size_t n;
	struct compat_request requests[REQUEST_COMMANDS];
	struct sl_arena arena; /* holds what they point to */
};

/*
 * ret->arena is the caller's to free, in any case. 0 or -EINVAL, -E2BIG,
 * -EBADMSG, -ENOMEM with err, whose text names the command.
 */
int compat_message_read(const char *bytes, size_t len, struct compat_message *ret, struct sl_err *err);

/* request_policy.c, request_dlp.c: each fills in its part. */
struct fields;
void request_policy(const struct fields *fields, struct agent_policy_piece *ret);
void request_nets(const struct fields *fields, bool kinds, struct agent_nets_piece *ret);
void request_name_set(const struct fields *fields, struct agent_names *ret);
void request_names_delete(const struct fields *fields, struct agent_names *ret);
void request_dlp(const struct fields *fields, struct agent_dlp_piece *ret);
void request_dlp_build(const struct fields *fields, struct agent_dlp_build *ret);

#endif
