// SPDX-License-Identifier: BSD-2-Clause
/* Datagrams to requests; see request.h for the invariant. */
#include "compat/request.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "compat/fields.h"

#define MACS_MAX 512 /* more do not fit a datagram */
#define APPS_MAX 512
#define IPS_MAX 512
#define NETNS_MAX 1024
#define MESSAGE_ARENA (1 << 20) /* what 8 KiB of JSON can become is far below */

static const char *const names[COMPAT_COMMANDS_MAX] = {
#define X(constant, name) "ctrl_" #name,
	COMPAT_COMMANDS(X)
#undef X
};

const char *compat_command_name(enum compat_command command)
{
	return command < COMPAT_COMMANDS_MAX ? names[command] : "?";
}

static enum compat_command find_command(const char *key)
{
	enum compat_command i = 0;

	while (i < COMPAT_COMMANDS_MAX && strcmp(names[i], key) != 0)
		i++;
	return i;
}

static void read_port(const struct fields *fields, enum compat_command command, struct agent_port *ret)
{
	bool pair = command == COMPAT_ADD_PORT_PAIR || command == COMPAT_DEL_PORT_PAIR;

	ret->iface = field_iface(fields, pair ? "vin_iface" : "iface");
	ret->vex = pair ? field_iface(fields, "vex_iface") : "";
	ret->jumbo = field_bool(fields, "jumboframe");
	ret->quarantine = field_bool(fields, "quar");
	ret->netns = field_text(fields, "netns", NETNS_MAX);
	ret->queue = field_number(fields, "qnum", UINT16_MAX);
	field_mac(fields, "epmac", command == COMPAT_ADD_PORT_PAIR || command == COMPAT_ADD_TAP_PORT,
		  ret->mac);
}

static void read_mac(const struct fields *fields, struct agent_mac *ret)
{
	json_t *list;
	size_t n = field_list(fields, "pips", IPS_MAX, &list);

	ret->iface = field_text(fields, "iface", 15);
	field_mac(fields, "mac", true, ret->mac);
	ret->has_ucmac = field_mac(fields, "ucmac", false, ret->ucmac);
	field_mac(fields, "bcmac", false, ret->bcmac);
	ret->has_old_mac = field_mac(fields, "oldmac", false, ret->old_mac);
	ret->has_parent_mac = field_mac(fields, "pmac", false, ret->parent_mac);
	ret->ips = fields_take(fields, n, sizeof(*ret->ips));
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		struct fields element = field_element(fields, list, i, "pips");
		bool v6;
		uint32_t ip = field_ip(&element, "ip", &v6);

		if (!v6 && !fields_failed(fields))
			ret->ips[ret->n_ips++] = ip;
	}
}

static void read_apps(const struct fields *fields, struct agent_macs *ret)
{
	json_t *list;
	size_t n = field_list(fields, "apps", APPS_MAX, &list);

	ret->has_apps = list;
	ret->apps = fields_take(fields, n, sizeof(*ret->apps));
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		struct fields element = field_element(fields, list, i, "apps");
		struct agent_app *app = &ret->apps[i];

		app->port = (uint16_t)field_number(&element, "port", UINT16_MAX);
		app->ip_proto = (uint8_t)field_number(&element, "ip_proto", UINT8_MAX);
		app->application = (uint16_t)field_number(&element, "app", UINT16_MAX);
		app->server = (uint16_t)field_number(&element, "server", UINT16_MAX);
	}
	ret->n_apps = n;
}

static uint32_t read_categories(const struct fields *fields)
{
	static const struct {
		const char *word;
		uint32_t bits;
	} words[] = { { "all", DEBUG_ALL },	{ "init", DEBUG_INIT },	    { "error", DEBUG_ERROR },
		      { "ctrl", DEBUG_CTRL },	{ "packet", DEBUG_PACKET }, { "session", DEBUG_SESSION },
		      { "timer", DEBUG_TIMER }, { "tcp", DEBUG_TCP },	    { "parser", DEBUG_PARSER },
		      { "log", DEBUG_LOG },	{ "ddos", DEBUG_DDOS },	    { "policy", DEBUG_POLICY },
		      { "dlp", DEBUG_DLP } };
	json_t *list;
	size_t n = field_list(fields, "categories", 64, &list);
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		const char *word = json_string_value(json_array_get(list, i));

		if (!word)
			fields_wrong(fields, "categories", "a list of words");
		/* Words that came later are ignored, as unknown fields are. */
		for (size_t k = 0; word && k < sizeof(words) / sizeof(*words); k++)
			bits |= strcmp(words[k].word, word) ? 0 : words[k].bits;
	}
	return bits;
}

/* Modulo 2^32; 0 if it is no integer: the agent is to be answered whatever it asks. */
static uint32_t read_sequence(const struct fields *fields)
{
	return (uint32_t)json_integer_value(json_object_get(fields->object, "seq_num"));
}

static void read_macs(const struct fields *fields, struct agent_macs *ret)
{
	ret->macs = field_macs(fields, "macs", MACS_MAX, &ret->n_macs);
}

static void read_command(const struct fields *fields, struct compat_request *ret)
{
	switch (ret->command) {
	case COMPAT_KEEP_ALIVE:
		ret->sequence = read_sequence(fields);
		break;
	case COMPAT_ADD_SRVC_PORT:
	case COMPAT_DEL_SRVC_PORT:
	case COMPAT_ADD_PORT_PAIR:
	case COMPAT_DEL_PORT_PAIR:
	case COMPAT_ADD_TAP_PORT:
	case COMPAT_DEL_TAP_PORT:
	case COMPAT_ADD_NFQ_PORT:
	case COMPAT_DEL_NFQ_PORT:
		read_port(fields, ret->command, &ret->port);
		break;
	case COMPAT_ADD_MAC:
	case COMPAT_DEL_MAC:
		read_mac(fields, &ret->mac);
		break;
	case COMPAT_CFG_MAC:
		read_macs(fields, &ret->macs);
		ret->macs.tap = field_bool(fields, "tap");
		read_apps(fields, &ret->macs);
		break;
	case COMPAT_CFG_NBE:
		read_macs(fields, &ret->macs);
		ret->macs.nbe = field_bool(fields, "nbe");
		break;
	case COMPAT_STATS_MACS:
		read_macs(fields, &ret->macs);
		break;
	case COMPAT_CLEAR_SESSION:
		ret->filter = field_number(fields, "filter_id", UINT32_MAX);
		break;
	case COMPAT_SET_DEBUG:
		ret->categories = read_categories(fields);
		break;
	case COMPAT_CFG_POLICY:
		request_policy(fields, &ret->policy);
		break;
	case COMPAT_CFG_SET_FQDN:
		request_name_set(fields, &ret->names);
		break;
	case COMPAT_CFG_DEL_FQDN:
		request_names_delete(fields, &ret->names);
		break;
	case COMPAT_CFG_INTERNAL_NET:
	case COMPAT_CFG_POLICY_ADDR:
	case COMPAT_CFG_SPECIP_NET:
		request_nets(fields, ret->command == COMPAT_CFG_SPECIP_NET, &ret->nets);
		break;
	case COMPAT_CFG_DLP:
	case COMPAT_CFG_DLPMAC:
		request_dlp(fields, &ret->dlp);
		break;
	case COMPAT_BLD_DLP:
	case COMPAT_BLD_DLPMAC:
		request_dlp_build(fields, &ret->build);
		break;
	case COMPAT_SYS_CONF:
		ret->on = field_bool(fields, "xff_enabled");
		break;
	case COMPAT_DISABLE_NET_POLICY:
	case COMPAT_DETECT_UNMANAGED_WL:
	case COMPAT_ENABLE_ICMP_POLICY:
	case COMPAT_STRICT_GROUP_MODE:
		ret->on = field_bool(fields, names[ret->command] + strlen("ctrl_"));
		break;
	default: /* they ask for something and say nothing */
		break;
	}
}

/* Those whose value nothing is read from may have any. */
static bool takes_object(enum compat_command command)
{
	switch (command) {
	case COMPAT_KEEP_ALIVE:
	case COMPAT_REFRESH_APP:
	case COMPAT_STATS_DEVICE:
	case COMPAT_COUNTER_DEVICE:
	case COMPAT_COUNT_SESSION:
	case COMPAT_LIST_SESSION:
	case COMPAT_LIST_METER:
		return false;
	default:
		return true;
	}
}

static int read_commands(json_t *object, struct compat_message *ret, struct sl_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		struct compat_request *request = &ret->requests[ret->n];
		struct fields fields = { &ret->arena, err, value };
		enum compat_command command = find_command(key);

		if (command == COMPAT_COMMANDS_MAX)
			continue;
		if (ret->n == REQUEST_COMMANDS)
			return sl_err(err, E2BIG, "more than %d commands in a message", REQUEST_COMMANDS);
		memset(request, 0, sizeof(*request));
		request->command = command;
		if (takes_object(command) && !json_is_object(value))
			return sl_err(err, EINVAL, "%s: its argument must be an object",
				      compat_command_name(command));
		read_command(&fields, request);
		if (err->code)
			return sl_err_prefix(err, "%s", compat_command_name(command));
		ret->n++;
	}
	return 0;
}

int compat_message_read(const char *bytes, size_t len, struct compat_message *ret, struct sl_err *err)
{
	struct sl_err own = { .code = 0 };
	json_error_t where;
	json_t *object;
	int r;

	ret->n = 0;
	ret->arena = (struct sl_arena){ .limit = MESSAGE_ARENA };
	if (len > REQUEST_BYTES)
		return sl_err(err, EMSGSIZE, "a message of %zu bytes: at most %d are possible", len,
			      REQUEST_BYTES);
	/* A C program's text ends with the NUL, which some send as well. */
	object = json_loadb(bytes, strnlen(bytes, len), 0, &where);
	if (!json_is_object(object)) {
		json_decref(object);
		return sl_err(err, EBADMSG, "a message that is not one JSON object: error at byte %d",
			      object ? 0 : where.position);
	}
	r = read_commands(object, ret, &own);
	json_decref(object);
	if (r) {
		ret->n = 0;
		*err = own;
	}
	return r;
}
