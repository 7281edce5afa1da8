/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy as people write it: rules in order, by name where people use
 * names. What reads, writes, checks, compares and compiles it works on this.
 *
 * Invariant: a struct sl_rules that was read is valid and in normal form: ids
 * are unique, lists are sorted and without overlaps, an empty list stands for
 * `any`. Two rules mean the same if they are equal field by field.
 */
#ifndef SLUICE_POLICYFILE_RULES_H
#define SLUICE_POLICYFILE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpi/policy/policy.h"
#include "lib/err.h"
#include "policyfile/arena.h"

#define SL_RULES_MAX 16384
#define SL_RULES_WORKLOADS_MAX 4096 /* with settings of their own */
#define SL_RULE_LIST_MAX 4096 /* entries of one list */
#define SL_RULE_NAME_MAX 128 /* bytes of a rule's name */
#define SL_WORKLOAD_NAME_MAX 31 /* as in the map */
#define SL_RULE_ID_MAX 2147483647U
#define SL_RULES_FILE_MAX (16U << 20) /* bytes of a file */

#define SL_INGRESS 1
#define SL_EGRESS 2

/* A workload by id, or by name if name is not NULL. */
struct sl_workload_ref {
	uint16_t id;
	const char *name;
};

enum sl_peer_kind { SL_PEER_RANGE, SL_PEER_NAME, SL_PEER_WORKLOAD };

struct sl_peer {
	enum sl_peer_kind kind;
	bool v6; /* SL_PEER_RANGE: its family … */
	struct sl_addr from, to; /* … and both ends */
	const char *name; /* SL_PEER_NAME: lower case, "*.example.com" for all below example.com */
	struct sl_workload_ref workload;
};

struct sl_port_range {
	uint16_t from, to;
};

struct sl_rule {
	uint32_t id; /* 1..SL_RULE_ID_MAX */
	const char *name; /* NULL: none */
	uint8_t directions; /* SL_INGRESS, SL_EGRESS */
	enum sl_rule_action action;
	size_t n_workloads, n_peers, n_ports, n_protocols, n_applications; /* 0: any */
	struct sl_workload_ref *workloads;
	struct sl_peer *peers;
	struct sl_port_range *ports;
	uint8_t *protocols;
	uint16_t *applications;
	unsigned int line; /* where it was read, 0: nowhere */
	/* Of an agent's policy alone: no file has them (dpi/policy/agent.h). */
	uint8_t label; /* SL_LABEL_* */
	bool host; /* the session's name must be that of its peer as well */
	size_t n_owns; /* 0: any */
	struct sl_peer *owns; /* ranges of IPv4 that the workload's own address is in */
};

/* What no rule speaks of. */
struct sl_default {
	enum sl_policy_mode mode;
	enum sl_rule_action ingress, egress;
	uint8_t label, agent; /* of an agent's policy: SL_LABEL_*, SL_BLOCK_AGENT_* */
};

/* What an agent says of addresses. */
struct sl_address_class {
	uint32_t from, to; /* IPv4, host byte order */
	uint32_t bits; /* SL_CLASS_* */
};

struct sl_workload_setting {
	struct sl_workload_ref workload;
	struct sl_default setting;
	unsigned int line;
};

struct sl_rules {
	struct sl_default fallback; /* of workloads without a setting of their own */
	size_t n_workloads, n_rules;
	struct sl_workload_setting *workloads;
	struct sl_rule *rules; /* in order: the first that matches decides */
	uint32_t agent; /* SL_AGENT_*: an agent's switches */
	size_t n_classes;
	struct sl_address_class *classes;
	struct sl_arena arena; /* holds all of it */
};

void sl_rules_free(struct sl_rules *rules); /* NULL allowed */

/* Ports mean something with these. */
static inline bool sl_protocol_has_ports(uint8_t protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 132;
}

/*
 * read.c. Reads YAML, or JSON if the first character is '{'. source: the
 * file's name in messages, which begin with "source:line:column:". 0 with
 * *ret, to be freed by sl_rules_free(), or -errno.
 */
int sl_rules_read(const char *text, size_t len, const char *source, struct sl_rules **ret,
		  struct sl_err *err);
/* The same from a file; "-" is standard input. */
int sl_rules_read_file(const char *path, struct sl_rules **ret, struct sl_err *err);

/* normal.c. Brings a rule's lists into normal form, in place. */
void sl_rule_normalise(struct sl_rule *rule);
bool sl_rule_equal(const struct sl_rule *a, const struct sl_rule *b); /* but for name and place */
bool sl_ref_equal(const struct sl_workload_ref *a, const struct sl_workload_ref *b);
int sl_ref_compare(const struct sl_workload_ref *a, const struct sl_workload_ref *b);
int sl_peer_compare(const struct sl_peer *a, const struct sl_peer *b);
bool sl_name_matches(const char *pattern, const char *name); /* both lower case */

/* text.c. "10.0.0.0/8", "db.example.com", "web" …; room: SL_TEXT_MAX. Returns text. */
#define SL_TEXT_MAX 320
const char *sl_peer_text(const struct sl_peer *peer, char *text);
const char *sl_range_text(const struct sl_addr *from, const struct sl_addr *to, bool v6, char *text);
const char *sl_ref_text(const struct sl_workload_ref *ref, char *text);
const char *sl_ports_text(const struct sl_port_range *range, char *text);
const char *sl_protocol_text(uint8_t protocol, char *text); /* "tcp", "47" */
const char *sl_mode_text(enum sl_policy_mode mode);
const char *sl_action_text(enum sl_rule_action action);
const char *sl_directions_text(uint8_t directions);
/* "allow ingress of web from 10.0.0.0/8, tcp 80, 443, http"; malloc'ed, NULL without memory. */
char *sl_rule_words(const struct sl_rule *rule);

/* write.c. The policy as a file that reads back the same; malloc'ed text, NULL without memory. */
char *sl_rules_yaml(const struct sl_rules *rules, const char *comment);
char *sl_rules_json(const struct sl_rules *rules);

/* match.c. First match by going through the rules one by one: what all else is measured by. */
struct sl_names_of {
	/* Does the peer's address belong to a name this pattern covers? */
	bool (*covers)(void *context, const char *pattern, const struct sl_addr *address);
	void *context;
};
void sl_rules_ask(const struct sl_rules *rules, const struct sl_policy_query *query,
		  const struct sl_names_of *names, struct sl_policy_answer *ret);

#endif
