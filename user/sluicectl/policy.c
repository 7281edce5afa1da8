// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl policy: looks at policy files without a daemon, hands them to it,
 * and fetches what it has learned.
 */
#include "sluicectl/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyfile/check.h"
#include "policyfile/compile.h"
#include "policyfile/diff.h"
#include "sluicectl/output.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_policy = {
	.name = "policy",
	.arguments = "(check FILE | diff OLD NEW | show [FILE] | compile FILE | apply FILE | learned) "
		     "[OPTION]...",
	.summary = "Checks, compares, applies policy files; shows what was learned",
	.help = "  check FILE     reads and compiles it, and names rules that never decide anything\n"
		"  diff OLD NEW   what was written differently and what that changes for traffic\n"
		"  show [FILE]    the rules in normal form, in their order; without FILE those in force\n"
		"  compile FILE   what the core reads, for sluice-dpi --replay CAPTURE --policy\n"
		"  apply FILE     makes it the policy in force\n"
		"  learned        writes what mode discover has seen as a policy file\n"
		"\n"
		"  --dry-run        apply: let the daemon check it and change nothing\n"
		"  --workload NAME  learned: of this workload alone, by name or id\n"
		"  --workload NAME[=ID]  compile: who NAME is; without =ID the one of a capture.\n"
		"                   Can be given several times\n"
		"  --addresses      learned: peers by address, not by the host name asked for\n"
		"  --clear          learned: the core forgets it then, and begins anew\n"
		"  -o, --output FILE  learned, compile: write it there\n"
		"\n"
		"FILE is YAML or JSON, - is standard input; see sluice-policy(5). check, diff, compile\n"
		"and show FILE need no daemon. Exit status of check: 1 if there are findings; of diff: 1 if "
		"the files "
		"differ.\n"
		"\n"
		"Example:\n"
		"  sluicectl policy learned > new.yaml\n"
		"  sluicectl policy diff policy.yaml new.yaml\n"
		"  sluicectl policy check new.yaml && sluicectl policy apply new.yaml\n"
		"  sluicectl policy compile new.yaml --workload web -o new.block\n"
		"  sluice-dpi --replay web.pcap --policy new.block\n",
	.run = run,
};

enum { OPT_DRY_RUN = OPT_FIRST, OPT_WORKLOAD, OPT_ADDRESSES, OPT_CLEAR };

static const struct option options[] = {
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "workload", required_argument, NULL, OPT_WORKLOAD },
	{ "addresses", no_argument, NULL, OPT_ADDRESSES },
	{ "clear", no_argument, NULL, OPT_CLEAR },
	{ "output", required_argument, NULL, 'o' },
	VERB_OPTIONS,
};

static void print_line(const char *prefix, char *text)
{
	make_printable(text);
	printf("%s%s\n", prefix, text);
}

static char *finding_text(const struct sl_finding *finding)
{
	char *rule = sl_rule_words(finding->rule), *text = NULL;

	if (rule &&
	    asprintf(&text,
		     "line %u: rule %u never decides anything: rule %u in line %u takes all it could, and %s "
		     "(%s)",
		     finding->rule->line, finding->rule->id, finding->shadow->id, finding->shadow->line,
		     finding->contradicts ? "does the opposite" : "does the same", rule) < 0)
		text = NULL;
	free(rule);
	return text;
}

static json_t *finding_json(const struct sl_finding *finding, const char *text)
{
	return json_pack("{si si si si sb ss}", "rule", (int)finding->rule->id, "line",
			 (int)finding->rule->line, "shadowed_by", (int)finding->shadow->id, "shadow_line",
			 (int)finding->shadow->line, "contradicts", finding->contradicts, "message", text);
}

static int print_check(struct ctl *ctl, const char *path, const struct sl_rules *rules, size_t size,
		       const struct sl_finding *found, size_t n, struct sl_err *err)
{
	json_t *findings = json_array(), *all;
	int r = findings ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < n; i++) {
		char *text = finding_text(&found[i]);

		r = !text || json_array_append_new(findings, finding_json(&found[i], text)) ? -ENOMEM : 0;
		if (!r && !ctl->json) {
			printf("%s: ", path);
			print_line("", text);
		}
		free(text);
	}
	if (!r && !ctl->json)
		printf("%s: valid, %zu rules, %zu workloads with settings, %zu findings, %zu bytes "
		       "compiled\n",
		       path, rules->n_rules, rules->n_workloads, n, size);
	all = json_pack("{si si so}", "rules", (int)rules->n_rules, "compiled_bytes", (int)size, "findings",
			findings);
	if (r || !all)
		r = sl_err(err, ENOMEM, "no memory for the findings");
	else if (ctl->json)
		r = print_json(ctl, all, err);
	json_decref(all);
	return r;
}

int policy_check(struct ctl *ctl, char **words, struct sl_err *err)
{
	struct sl_finding *found = NULL;
	struct sl_rules *rules = NULL;
	void *block = NULL;
	size_t n = 0, size = 0;
	int r = sl_rules_read_file(words[0], &rules, err);

	if (r)
		return r;
	r = sl_rules_compile(rules, NULL, &block, &size, NULL, err);
	free(block);
	if (!r) {
		found = sl_rules_check(rules, &n);
		r = found ? print_check(ctl, words[0], rules, size, found, n, err)
			  : sl_err(err, ENOMEM, "no memory to check the rules");
	}
	free(found);
	sl_rules_free(rules);
	return r ?: n ? CTL_BAD : 0;
}

static const char *const change_signs[] = { "+ ", "- ", "~ ", "> ", "* " };
static const char *const change_names[] = { "added", "removed", "changed", "moved", "setting" };

static void print_diff_text(const struct sl_diff *diff)
{
	static const char *const colours[] = { COLOUR_GOOD, COLOUR_BAD, COLOUR_WARN, COLOUR_WARN,
					       COLOUR_WARN };
	bool colour = can_colour();

	for (size_t i = 0; i < diff->n_changes; i++) {
		fputs(colour ? colours[diff->changes[i].kind] : "", stdout);
		make_printable(diff->changes[i].text);
		printf("%s%s%s\n", change_signs[diff->changes[i].kind], diff->changes[i].text,
		       colour ? "\033[0m" : "");
	}
	if (!diff->n_changes)
		return;
	puts("\nEffect on traffic:");
	for (size_t i = 0; i < diff->n_effects; i++)
		print_line("  ", diff->effects[i]);
	if (diff->skipped)
		puts("  not worked out: too many cases");
	else if (diff->cut)
		puts("  and more");
	else if (!diff->n_effects)
		puts("  none: everything is allowed or denied as before");
}

static json_t *diff_json(const struct sl_diff *diff)
{
	json_t *changes = json_array(), *effects = json_array();
	int failed = !changes || !effects;

	for (size_t i = 0; i < diff->n_changes; i++)
		failed |= json_array_append_new(changes, json_pack("{ss sI ss}", "kind",
								   change_names[diff->changes[i].kind],
								   "rule", (json_int_t)diff->changes[i].rule,
								   "text", diff->changes[i].text));
	for (size_t i = 0; i < diff->n_effects; i++)
		failed |= json_array_append_new(effects, json_string(diff->effects[i]));
	if (failed) {
		json_decref(changes);
		json_decref(effects);
		return NULL;
	}
	return json_pack("{so so sb}", "changes", changes, "effects", effects, "effects_complete",
			 !diff->skipped && !diff->cut);
}

int policy_diff(struct ctl *ctl, char **words, struct sl_err *err)
{
	struct sl_rules *a = NULL, *b = NULL;
	struct sl_diff diff = { 0 };
	int r = sl_rules_read_file(words[0], &a, err);
	json_t *json;

	r = r ?: sl_rules_read_file(words[1], &b, err);
	r = r ?: sl_rules_diff(a, b, &diff, err);
	if (!r && ctl->json) {
		json = diff_json(&diff);
		r = json ? print_json(ctl, json, err) : sl_err(err, ENOMEM, "no memory for the differences");
		json_decref(json);
	} else if (!r) {
		print_diff_text(&diff);
	}
	r = r ?: diff.n_changes ? CTL_BAD : 0;
	sl_diff_free(&diff);
	sl_rules_free(a);
	sl_rules_free(b);
	return r;
}

int policy_print(const struct ctl *ctl, const struct sl_rules *rules, struct sl_err *err)
{
	char *text = ctl->json ? sl_rules_json(rules) : sl_rules_yaml(rules, NULL);
	json_t *json;
	int r = 0;

	if (!text)
		return sl_err(err, ENOMEM, "no memory for the rules");
	if (ctl->pretty) {
		json = json_loads(text, 0, NULL);
		r = print_json(ctl, json, err);
		json_decref(json);
	} else {
		printf("%s%s", text, ctl->json ? "\n" : "");
	}
	free(text);
	return r;
}

int policy_show(struct ctl *ctl, char **words, struct sl_err *err)
{
	struct sl_rules *rules = NULL;
	int r = sl_rules_read_file(words[0], &rules, err);

	if (!r)
		r = policy_print(ctl, rules, err);
	sl_rules_free(rules);
	return r;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	struct policy_options given = { 0 };
	const char *what;
	int c, r;

	while ((c = verb_option(ctl, &verb_policy, argc, argv, options, err))) {
		if (c == OPT_DRY_RUN)
			given.dry_run = true;
		else if (c == OPT_WORKLOAD && given.n_workloads == POLICY_WORKLOADS_MAX)
			return usage_error(err, "more than %d workloads", POLICY_WORKLOADS_MAX);
		else if (c == OPT_WORKLOAD)
			given.workload[given.n_workloads++] = optarg;
		else if (c == OPT_ADDRESSES)
			given.addresses = true;
		else if (c == OPT_CLEAR)
			given.clear = true;
		else if (c == 'o')
			given.output = optarg;
		else
			return c;
	}
	r = check_words(argc, argv, 1, 3, "check, diff, show, compile, apply or learned", err);
	if (r)
		return r;
	what = argv[optind];
	if (given.dry_run && strcmp(what, "apply") != 0)
		return usage_error(err, "--dry-run belongs to policy apply");
	if ((given.clear || given.addresses) && strcmp(what, "learned") != 0)
		return usage_error(err, "--clear and --addresses belong to policy learned");
	if ((given.n_workloads || given.output) && strcmp(what, "learned") != 0 &&
	    strcmp(what, "compile") != 0)
		return usage_error(err, "--workload and --output belong to policy learned and compile");
	if (given.n_workloads > 1 && !strcmp(what, "learned"))
		return usage_error(err, "policy learned takes one --workload");
	if (!strcmp(what, "check"))
		return check_words(argc, argv, 2, 2, "FILE", err)
			       ?: policy_check(ctl, argv + optind + 1, err);
	if (!strcmp(what, "show") && argc - optind == 1)
		return policy_show_daemon(ctl, err);
	if (!strcmp(what, "show"))
		return check_words(argc, argv, 2, 2, "FILE", err) ?: policy_show(ctl, argv + optind + 1, err);
	if (!strcmp(what, "diff"))
		return check_words(argc, argv, 3, 3, "OLD or NEW", err)
			       ?: policy_diff(ctl, argv + optind + 1, err);
	if (!strcmp(what, "compile"))
		return check_words(argc, argv, 2, 2, "FILE", err)
			       ?: policy_compile(ctl, argv + optind + 1, &given, err);
	if (!strcmp(what, "apply"))
		return check_words(argc, argv, 2, 2, "FILE", err)
			       ?: policy_apply(ctl, argv + optind + 1, &given, err);
	if (!strcmp(what, "learned"))
		return check_words(argc, argv, 1, 1, "", err) ?: policy_learned(ctl, &given, err);
	return usage_error(err, "'%s' is none of check, diff, show, compile, apply, learned", what);
}
