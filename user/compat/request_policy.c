// SPDX-License-Identifier: BSD-2-Clause
/* Policies, networks and names of a message; see request.h. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "compat/fields.h"
#include "compat/request.h"

#define RULES_MAX 1024 /* of one piece; more do not fit a datagram */
#define RULE_APPS_MAX 256
#define NETS_MAX 1024
#define MACS_MAX 512
#define NAME_MAX_BYTES 253

static uint8_t read_piece(const struct fields *fields)
{
	return (uint8_t)field_number(fields, "flag", UINT32_MAX) & (PIECE_FIRST | PIECE_LAST);
}

/* A host name, perhaps "*.example.com", in lower case. */
static const char *read_name(const struct fields *fields, const char *key, const char *text)
{
	size_t len = strlen(text);
	char *name = fields_take(fields, len + 1, 1);

	if (!name)
		return "";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!isalnum(c) && !strchr("-_.", c) && !(c == '*' && !i && text[1] == '.'))
			fields_wrong(fields, key, "a host name like db.example.com or *.example.com");
		name[i] = (char)tolower(c);
	}
	if (len && name[len - 1] == '.')
		name[len - 1] = '\0';
	return name;
}

static void read_rule_apps(const struct fields *fields, struct agent_rule *rule)
{
	json_t *list;
	size_t n = field_list(fields, "apps", RULE_APPS_MAX, &list);

	rule->apps = fields_take(fields, n, sizeof(*rule->apps));
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		struct fields element = field_element(fields, list, i, "apps");

		rule->apps[i].id = field_number(&element, "rid", UINT32_MAX);
		rule->apps[i].application = field_number(&element, "app", UINT32_MAX);
		rule->apps[i].action = (uint8_t)field_number(&element, "action", AGENT_DENY);
	}
	rule->n_apps = n;
}

static void read_rule(const struct fields *fields, struct agent_rule *rule)
{
	rule->id = field_number(fields, "id", UINT32_MAX);
	rule->source_from = field_ip(fields, "sip", NULL);
	rule->source_to = field_ip(fields, "sipr", NULL);
	rule->destination_from = field_ip(fields, "dip", NULL);
	rule->destination_to = field_ip(fields, "dipr", NULL);
	/* Without its end a range is one address, or one port. */
	if (rule->source_to < rule->source_from)
		rule->source_to = rule->source_from;
	if (rule->destination_to < rule->destination_from)
		rule->destination_to = rule->destination_from;
	rule->port_from = (uint16_t)field_number(fields, "port", UINT16_MAX);
	rule->port_to = (uint16_t)field_number(fields, "portr", UINT16_MAX);
	if (rule->port_to < rule->port_from)
		rule->port_to = rule->port_from;
	rule->protocol = (uint8_t)field_number(fields, "proto", UINT8_MAX);
	rule->action = (uint8_t)field_number(fields, "action", AGENT_DENY);
	rule->ingress = field_bool(fields, "ingress");
	rule->host = field_bool(fields, "vhost");
	rule->name = read_name(fields, "fqdn", field_text(fields, "fqdn", NAME_MAX_BYTES));
	read_rule_apps(fields, rule);
}

void request_policy(const struct fields *fields, struct agent_policy_piece *ret)
{
	json_t *list;
	size_t n = field_list(fields, "rules", RULES_MAX, &list);

	ret->command = (uint8_t)field_number(fields, "cmd", 3);
	if (!ret->command)
		fields_wrong(fields, "cmd", "1 (add), 2 (modify) or 3 (delete)");
	ret->piece = read_piece(fields);
	ret->action = (uint8_t)field_number(fields, "defact", AGENT_DENY);
	ret->directions = (uint8_t)field_number(fields, "dir", 3);
	ret->macs = field_macs(fields, "mac", MACS_MAX, &ret->n_macs);
	ret->rules = fields_take(fields, n, sizeof(*ret->rules));
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		struct fields element = field_element(fields, list, i, "rules");

		read_rule(&element, &ret->rules[i]);
	}
	ret->n_rules = n;
}

static uint8_t read_kind(const struct fields *fields)
{
	static const struct {
		const char *word;
		enum agent_net_kind kind;
	} words[] = { { "devip", NET_DEVICE },	 { "svcip", NET_SERVICE }, { "uwlip", NET_UNMANAGED },
		      { "extip", NET_EXTERNAL }, { "hostip", NET_HOST },   { "tunnelip", NET_TUNNEL } };
	const char *word = field_text(fields, "iptype", 64);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcmp(words[i].word, word))
			return (uint8_t)words[i].kind;
	}
	return NET_PLAIN;
}

void request_nets(const struct fields *fields, bool kinds, struct agent_nets_piece *ret)
{
	json_t *list;
	size_t n = field_list(fields, "subnet_addr", NETS_MAX, &list);

	ret->piece = read_piece(fields);
	ret->nets = fields_take(fields, n, sizeof(*ret->nets));
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		struct fields element = field_element(fields, list, i, "subnet_addr");
		struct agent_net *net = &ret->nets[ret->n];
		bool v6, v6_mask;

		net->address = field_ip(&element, "ip", &v6);
		net->mask = field_ip(&element, "mask", &v6_mask);
		net->kind = kinds ? read_kind(&element) : NET_PLAIN;
		if (net->mask & (~net->mask >> 1))
			fields_wrong(fields, "mask", "the mask of a network");
		/* The protocol speaks of IPv4; networks of the other family are none of its. */
		ret->n += !v6 && !v6_mask;
	}
}

void request_name_set(const struct fields *fields, struct agent_names *ret)
{
	json_t *list;
	size_t n = field_list(fields, "fqdn_ips", NETS_MAX, &list);

	ret->host = field_bool(fields, "vhost");
	ret->names = fields_take(fields, 1, sizeof(*ret->names));
	ret->ips = fields_take(fields, n, sizeof(*ret->ips));
	if (fields_failed(fields))
		return;
	ret->names[0] = read_name(fields, "fqdn_name", field_text(fields, "fqdn_name", NAME_MAX_BYTES));
	if (!*ret->names[0])
		fields_wrong(fields, "fqdn_name", "a host name");
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		/* As a text, or as an object that has it. */
		json_t *ip = json_array_get(list, i), *holder = json_is_string(ip) ? json_object() : NULL;
		struct fields element = { fields->arena, fields->err, json_is_object(ip) ? ip : holder };
		bool v6 = false;

		if (!element.object || (holder && json_object_set(holder, "ip", ip)))
			fields_wrong(fields, "fqdn_ips", "a list of addresses");
		ret->ips[ret->n] = field_ip(&element, "ip", &v6);
		ret->n += !v6;
		json_decref(holder);
	}
}

void request_names_delete(const struct fields *fields, struct agent_names *ret)
{
	json_t *list;
	size_t n = field_list(fields, "names", NETS_MAX, &list);

	ret->names = fields_take(fields, n, sizeof(*ret->names));
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (!name || strlen(name) > NAME_MAX_BYTES)
			fields_wrong(fields, "names", "a list of host names");
		else
			ret->names[ret->n++] = read_name(fields, "names", name);
	}
}
