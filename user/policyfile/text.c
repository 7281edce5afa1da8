// SPDX-License-Identifier: BSD-2-Clause
/*
 * Values and rules as people write them. Invariant: what is said of a value
 * here reads back as the same value.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "policyfile/rules.h"

const char *sl_mode_text(enum sl_policy_mode mode)
{
	static const char *const texts[] = { "discover", "monitor", "protect" };

	return (unsigned int)mode < 3 ? texts[mode] : "?";
}

const char *sl_action_text(enum sl_rule_action action)
{
	return action == SL_RULE_ALLOW ? "allow" : "deny";
}

const char *sl_directions_text(uint8_t directions)
{
	return directions == SL_INGRESS ? "ingress" : directions == SL_EGRESS ? "egress" : "both";
}

const char *sl_ref_text(const struct sl_workload_ref *ref, char *text)
{
	if (ref->name)
		snprintf(text, SL_TEXT_MAX, "%s", ref->name);
	else
		snprintf(text, SL_TEXT_MAX, "%u", ref->id);
	return text;
}

static void address_text(const struct sl_addr *address, bool v6, char *text, size_t size)
{
	if (v6)
		inet_ntop(AF_INET6, address->byte, text, (socklen_t)size);
	else
		inet_ntop(AF_INET, address->byte + 12, text, (socklen_t)size);
}

/* The length of the prefix that is just this range, or -1. */
static int prefix_length(const struct sl_addr *from, const struct sl_addr *to)
{
	int bits = 0;

	while (bits < 128 && !((from->byte[bits / 8] ^ to->byte[bits / 8]) & 0x80 >> bits % 8))
		bits++;
	for (int i = bits; i < 128; i++)
		if (from->byte[i / 8] & 0x80 >> i % 8 || !(to->byte[i / 8] & 0x80 >> i % 8))
			return -1;
	return bits;
}

const char *sl_range_text(const struct sl_addr *from, const struct sl_addr *to, bool v6, char *text)
{
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	int bits = prefix_length(from, to);

	address_text(from, v6, a, sizeof(a));
	address_text(to, v6, b, sizeof(b));
	if (bits == 128)
		snprintf(text, SL_TEXT_MAX, "%s", a);
	else if (bits >= (v6 ? 0 : 96))
		snprintf(text, SL_TEXT_MAX, "%s/%d", a, v6 ? bits : bits - 96);
	else
		snprintf(text, SL_TEXT_MAX, "%s-%s", a, b);
	return text;
}

const char *sl_peer_text(const struct sl_peer *peer, char *text)
{
	char ref[SL_TEXT_MAX];

	switch (peer->kind) {
	case SL_PEER_RANGE:
		return sl_range_text(&peer->from, &peer->to, peer->v6, text);
	case SL_PEER_WORKLOAD:
		snprintf(text, SL_TEXT_MAX, "workload:%.300s", sl_ref_text(&peer->workload, ref));
		return text;
	default:
		snprintf(text, SL_TEXT_MAX, "%s", peer->name);
		return text;
	}
}

const char *sl_ports_text(const struct sl_port_range *range, char *text)
{
	if (range->from == range->to)
		snprintf(text, SL_TEXT_MAX, "%u", range->from);
	else
		snprintf(text, SL_TEXT_MAX, "%u-%u", range->from, range->to);
	return text;
}

const char *sl_protocol_text(uint8_t protocol, char *text)
{
	switch (protocol) {
	case 6:
		return strcpy(text, "tcp");
	case 17:
		return strcpy(text, "udp");
	case 132:
		return strcpy(text, "sctp");
	default:
		snprintf(text, SL_TEXT_MAX, "%u", protocol);
		return text;
	}
}

static void say_protocols(FILE *out, const struct sl_rule *rule)
{
	char text[SL_TEXT_MAX];

	for (size_t i = 0; i < rule->n_protocols; i++) {
		uint8_t protocol = rule->protocols[i];

		fprintf(out, "%s%s", i ? "/" : ", ",
			protocol == 1	 ? "icmp"
			: protocol == 58 ? "icmpv6"
					 : sl_protocol_text(protocol, text));
	}
	for (size_t i = 0; i < rule->n_ports; i++)
		fprintf(out, "%s%s",
			i		    ? ","
			: rule->n_protocols ? " "
					    : ", port ",
			sl_ports_text(&rule->ports[i], text));
}

char *sl_rule_words(const struct sl_rule *rule)
{
	char *words = NULL, text[SL_TEXT_MAX];
	const char *preposition = rule->directions == SL_INGRESS  ? "from"
				  : rule->directions == SL_EGRESS ? "to"
								  : "with";
	size_t size;
	FILE *out = open_memstream(&words, &size);

	if (!out)
		return NULL;
	fprintf(out, "%s %s of ", sl_action_text(rule->action),
		rule->directions == (SL_INGRESS | SL_EGRESS) ? "ingress and egress"
							     : sl_directions_text(rule->directions));
	for (size_t i = 0; i < rule->n_workloads; i++)
		fprintf(out, "%s%s", i ? ", " : "", sl_ref_text(&rule->workloads[i], text));
	fprintf(out, "%s %s ", rule->n_workloads ? "" : "any workload", preposition);
	for (size_t i = 0; i < rule->n_peers; i++)
		fprintf(out, "%s%s", i ? ", " : "", sl_peer_text(&rule->peers[i], text));
	fputs(rule->n_peers ? "" : "any peer", out);
	say_protocols(out, rule);
	for (size_t i = 0; i < rule->n_applications; i++)
		fprintf(out, "%s%s", i ? "/" : ", application ", sl_application_name(rule->applications[i]));
	if (fclose(out)) {
		free(words);
		return NULL;
	}
	return words;
}
