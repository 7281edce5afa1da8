// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl policy apply and learned: a policy may be longer than a message,
 * so it goes in pieces; see docs/policy.md, "Requests".
 *
 * Invariant: nothing is sent before the file was found valid here, and nothing
 * is in force before all of it was sent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyfile/compile.h"
#include "policyfile/rules.h"
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/policy.h"

/* Escaped as JSON a piece may grow to six times its size, and must fit into a message. */
#define PIECE 10000

/* The end of a piece, never within a character of UTF-8. */
static size_t piece_length(const char *text, size_t left)
{
	size_t n = left < PIECE ? left : PIECE;

	while (n < left && n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static int send_pieces(struct ctl *ctl, const char *text, size_t size, struct sl_err *err)
{
	json_t *request, *result;
	size_t n;
	int r = 0;

	for (size_t at = 0; !r && at < size; at += n) {
		n = piece_length(text + at, size - at);
		request = json_pack("{ss sI sI ss%}", "cmd", "policy_put", "size", (json_int_t)size, "offset",
				    (json_int_t)at, "text", text + at, n);
		if (!request)
			return sl_err(err, ENOMEM, "no memory for the request");
		result = NULL;
		r = client_call(ctl, request, &result, err);
		json_decref(result);
		json_decref(request);
	}
	return r;
}

static int print_applied(const struct ctl *ctl, const json_t *result, bool dry_run, struct sl_err *err)
{
	if (ctl->json)
		return print_json(ctl, result, err);
	printf("%s: %llu rules, generation %llu\n", dry_run ? "valid, not applied" : "applied",
	       member_number(result, "rules"), member_number(result, "generation"));
	if (member_number(result, "unresolved"))
		printf("%llu places name a workload that is not there now; they take effect when it is\n",
		       member_number(result, "unresolved"));
	return 0;
}

int policy_apply(struct ctl *ctl, char **words, const struct policy_options *options, struct sl_err *err)
{
	json_t *request = NULL, *result = NULL;
	struct sl_rules *rules = NULL;
	void *block = NULL;
	char *text = NULL;
	size_t size;
	int r = sl_rules_read_file(words[0], &rules, err);

	r = r ?: sl_rules_compile(rules, NULL, &block, &size, NULL, err);
	if (!r) {
		text = sl_rules_json(rules);
		request = json_pack("{ss sb}", "cmd", "policy_apply", "dry_run", options->dry_run);
		r = text && request ? send_pieces(ctl, text, strlen(text), err)
				    : sl_err(err, ENOMEM, "no memory for the request");
	}
	r = r ?: client_call(ctl, request, &result, err);
	r = r ?: print_applied(ctl, result, options->dry_run, err);
	json_decref(result);
	json_decref(request);
	free(text);
	free(block);
	sl_rules_free(rules);
	return r;
}

/* The learned rules as a policy file: through the reader, so that what is printed is valid. */
static int print_learned(struct ctl *ctl, json_t *items, struct sl_err *err)
{
	json_t *document = json_pack("{si s{ss ss ss} sO}", "version", 1, "default", "mode", "discover",
				     "ingress", "deny", "egress", "deny", "rules", items);
	struct sl_rules *rules = NULL;
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL, *yaml = NULL;
	int r;

	r = text ? sl_rules_read(text, strlen(text), "sluiced's learned rules", &rules, err)
		 : sl_err(err, ENOMEM, "no memory for the rules");
	if (!r && ctl->json) {
		r = print_json(ctl, document, err);
	} else if (!r) {
		yaml = sl_rules_yaml(rules,
				     "Learned from traffic. Review it, set the mode, then: sluicectl policy "
				     "apply FILE");
		r = yaml ? 0 : sl_err(err, ENOMEM, "no memory for the rules");
		fputs(yaml ?: "", stdout);
	}
	free(yaml);
	free(text);
	sl_rules_free(rules);
	json_decref(document);
	return r;
}

int policy_learned(struct ctl *ctl, const struct policy_options *options, struct sl_err *err)
{
	json_t *request = client_request("policy_learned", err), *list = NULL;
	int r = request ? 0 : -ENOMEM;

	if (!r && options->workload)
		r = put_text(request, "workload", options->workload, err);
	r = r ?: client_list(ctl, request, &list, err);
	r = r ?: print_learned(ctl, json_object_get(list, "items"), err);
	json_decref(list);
	json_decref(request);
	return r;
}
