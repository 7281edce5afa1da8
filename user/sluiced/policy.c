// SPDX-License-Identifier: BSD-2-Clause
/* The policy in force; see policy.h for the invariant. */
#include "sluiced/policy.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyfile/check.h"
#include "policyfile/compile.h"
#include "policyfile/rules.h"
#include "sluiced/addresses.h"
#include "sluiced/policy_core.h"
#include "sluiced/state.h"

#define SOON_MS 1 /* a request that changes many workloads is one change */
#define TAKEN_MS 1000
#define CHECK_MAX 4096 /* every pair of rules is looked at, which must not hold up the daemon */
#define WARNINGS_MAX 32

struct policy {
	struct instance *inst;
	struct policy_core *core;
	struct addresses *addresses;
	struct source timer; /* SOON_MS behind a change of the workloads */
	struct sl_rules *rules; /* NULL: none was accepted yet */
	char *text; /* of them, in JSON */
	__u32 generation; /* of the text: 0 without one */
	__u64 mark; /* of the workloads it was compiled for */
	__u64 sum; /* of the compiled policy in force … */
	bool peers; /* … which looks at workloads' addresses */
};

/* What is worked out before anything changes. */
struct candidate {
	struct sl_rules *rules;
	char *text;
	int block;
	__u64 sum; /* of the block … */
	bool peers; /* … which looks at workloads' addresses */
	unsigned int unresolved;
};
#define NO_CANDIDATE                                                                                         \
	{                                                                                                    \
		.block = -1                                                                                  \
	}

static size_t ids_of(void *context, const char *name, __u16 *ret, size_t room)
{
	const struct workloads *workloads = context;
	struct workload *w;
	size_t n = 0;

	for (w = workloads_next(workloads, 0); w && n < room; w = workloads_next(workloads, w->id)) {
		if (!strcmp(w->value.name, name))
			ret[n++] = w->id;
	}
	return n;
}

/* ret: block, sum, peers, unresolved. */
static int compile(const struct policy *policy, const struct sl_rules *rules, struct candidate *ret,
		   struct sl_err *err)
{
	const struct sl_resolver resolver = { ids_of, policy->inst->workloads };
	void *block;
	size_t size;
	int r;

	r = sl_rules_compile(rules, &resolver, &block, &size, &ret->unresolved, err);
	if (r)
		return r;
	ret->sum = sl_rules_block_sum(block);
	ret->peers = sl_rules_block_has_peers(block);
	r = sl_block_memfd(block, size, err);
	free(block);
	if (r < 0)
		return r;
	ret->block = r;
	return 0;
}

static void drop_candidate(struct candidate *candidate)
{
	sl_rules_free(candidate->rules);
	free(candidate->text);
	if (candidate->block >= 0)
		close(candidate->block);
}

/* drop_candidate() is the caller's in any case. */
static int prepare(const struct policy *policy, const char *text, size_t len, const char *source,
		   struct candidate *ret, struct sl_err *err)
{
	int r = sl_rules_read(text, len, source, &ret->rules, err);

	if (r)
		return r;
	ret->text = sl_rules_json(ret->rules);
	if (!ret->text)
		return sl_err(err, ENOMEM, "no memory for the policy %s", source);
	return compile(policy, ret->rules, ret, err);
}

static int store_path(const struct policy *policy, char path[SL_PATH_LEN], struct sl_err *err)
{
	if (sl_conf_run_path(&policy->inst->conf, "policy.json", path, SL_PATH_LEN))
		return sl_err(err, ENAMETOOLONG, "the path %s/policy.json is too long",
			      policy->inst->run.path);
	return 0;
}

/* sum: what the text meant when that generation was given out. */
static int store(const struct policy *policy, const char *text, __u32 generation, __u64 sum,
		 struct sl_err *err)
{
	char path[SL_PATH_LEN];
	json_t *object;
	int r = store_path(policy, path, err);

	if (r)
		return r;
	object = json_pack("{sI sI so}", "generation", (json_int_t)generation, "sum", (json_int_t)sum,
			   "policy", json_loads(text, 0, NULL));
	r = object ? state_write(path, object, err) : sl_err(err, ENOMEM, "no memory to keep the policy");
	json_decref(object);
	return r;
}

/* From here on no verdict that an earlier policy has given counts in the kernel. */
static void mark_workloads(struct policy *policy)
{
	int map = policy->inst->maps.workloads;
	struct sl_workload value;
	struct workload *w;

	for (w = workloads_next(policy->inst->workloads, 0); w;
	     w = workloads_next(policy->inst->workloads, w->id)) {
		struct sl_workload_key key = workload_key(w);

		w->value.generation = policy->generation;
		if (bpf_map_lookup_elem(map, &key, &value) || value.generation == policy->generation)
			continue;
		value.generation = policy->generation;
		if (bpf_map_update_elem(map, &key, &value, BPF_EXIST))
			sl_warn("cannot write the policy's generation of id %u to map %s: %s", w->id,
				SL_MAP_WORKLOADS, strerror(errno));
	}
}

/* Nothing can fail any more. Takes over what the candidate holds. */
static void put_in_force(struct policy *policy, struct candidate *candidate, __u32 generation)
{
	sl_rules_free(policy->rules);
	free(policy->text);
	policy->rules = candidate->rules;
	policy->text = candidate->text;
	policy->generation = generation;
	policy->mark = workloads_mark(policy->inst->workloads);
	policy->sum = candidate->sum;
	policy->peers = candidate->peers;
	policy_core_set(policy->core, candidate->block, generation);
	*candidate = (struct candidate)NO_CANDIDATE;
	mark_workloads(policy);
}

static void warn(json_t *warnings, const char *text)
{
	json_array_append_new(warnings, json_string(text));
}

static json_t *warnings_of(const struct policy *policy, const struct candidate *candidate)
{
	json_t *warnings = json_array();
	struct sl_finding *found;
	struct sl_err text;
	size_t n = 0;

	if (candidate->unresolved) {
		sl_err(&text, ENOENT,
		       "%u places name a workload that is not there now; they take effect when it is",
		       candidate->unresolved);
		warn(warnings, text.text);
	}
	if (!policy->inst->conf.inspect)
		warn(warnings, "the core only forwards (inspect = no): no policy takes effect");
	if (candidate->rules->n_rules > CHECK_MAX)
		return warnings;
	found = sl_rules_check(candidate->rules, &n);
	for (size_t i = 0; found && i < n && i < WARNINGS_MAX; i++) {
		sl_err(&text, EINVAL, "rule %u never decides anything: rule %u takes all it could",
		       found[i].rule->id, found[i].shadow->id);
		warn(warnings, text.text);
	}
	free(found);
	return warnings;
}

int policy_apply(struct policy *policy, const char *text, size_t len, const char *source, bool dry_run,
		 json_t **ret_result, struct sl_err *err)
{
	struct candidate candidate = NO_CANDIDATE;
	json_t *result, *warnings;
	__u32 generation;
	size_t rules;
	int r = prepare(policy, text, len, source, &candidate, err);

	if (r)
		goto out;
	/* The same once more is no change. */
	generation = policy->text && !strcmp(policy->text, candidate.text) ? policy->generation
									   : policy->generation + 1;
	warnings = warnings_of(policy, &candidate);
	rules = candidate.rules->n_rules;
	result = json_pack("{sI sI sI sI so}", "generation",
			   (json_int_t)(dry_run ? policy->generation : generation), "rules",
			   (json_int_t)rules, "workloads", (json_int_t)candidate.rules->n_workloads,
			   "unresolved", (json_int_t)candidate.unresolved, "warnings", warnings);
	if (!result) {
		r = sl_err(err, ENOMEM, "no memory for the answer");
		goto out;
	}
	if (!dry_run)
		r = store(policy, candidate.text, generation, candidate.sum, err);
	if (r) {
		json_decref(result);
		goto out;
	}
	if (!dry_run) {
		put_in_force(policy, &candidate, generation);
		sl_info("policy: generation %u, %zu rules, from %s", generation, rules, source);
	}
	json_object_set_new(result, "in_force",
			    json_boolean(!dry_run && policy_core_wait(policy->core, TAKEN_MS)));
	*ret_result = result;
out:
	drop_candidate(&candidate);
	return r;
}

int policy_show(const struct policy *policy, json_t **ret_result, const char **ret_text, struct sl_err *err)
{
	json_t *result;

	if (!policy->rules)
		return sl_err(err, ENOENT, "there is no policy: everything passes, and is noted (discover)");
	result = json_pack("{sI sI sI}", "generation", (json_int_t)policy->generation, "rules",
			   (json_int_t)policy->rules->n_rules, "size", (json_int_t)strlen(policy->text));
	if (!result)
		return sl_err(err, ENOMEM, "no memory for the answer");
	*ret_result = result;
	*ret_text = policy->text;
	return 0;
}

bool policy_present(const struct policy *policy)
{
	return policy && policy->rules;
}

__u32 policy_generation(const struct policy *policy)
{
	return policy ? policy->generation : 0;
}

void policy_workloads_changed(struct policy *policy)
{
	if (policy)
		timer_set(&policy->timer, SOON_MS, 0);
}

static void on_workloads_changed(void *context)
{
	policy_workloads_changed(context);
}

/* The same text means something else now. */
static void raise_generation(struct policy *policy)
{
	struct sl_err err;

	policy->generation++;
	if (store(policy, policy->text, policy->generation, policy->sum, &err))
		sl_error("%s", err.text);
}

static void follow_workloads(struct policy *policy)
{
	__u64 mark = workloads_mark(policy->inst->workloads);
	struct candidate now = NO_CANDIDATE;
	struct sl_err err;

	/* Before the rules that name them; and once more for one that was being taken when it was noticed. */
	addresses_follow(policy->addresses);
	if (mark == policy->mark)
		return;
	policy->mark = mark;
	policy_core_rename(policy->core);
	if (!policy->rules)
		return;
	if (compile(policy, policy->rules, &now, &err)) {
		sl_error("the policy is not compiled for the workloads of today: %s; apply another",
			 err.text);
	} else if (now.sum == policy->sum) {
		/* A workload that no rule names: nothing is judged anew because of it. */
		close(now.block);
	} else {
		policy->sum = now.sum;
		policy->peers = now.peers;
		raise_generation(policy);
		policy_core_set(policy->core, now.block, policy->generation);
	}
	mark_workloads(policy);
}

static void on_timer(struct source *source, __u32 events)
{
	(void)events;
	timer_clear(source);
	follow_workloads(container_of(source, struct policy, timer));
}

void policy_workloads_settle(struct policy *policy)
{
	if (!policy)
		return;
	follow_workloads(policy);
	policy_core_wait(policy->core, TAKEN_MS);
}

void policy_peers_settle(struct policy *policy)
{
	if (!policy)
		return;
	addresses_follow(policy->addresses);
	policy_core_wait_told(policy->core, TAKEN_MS);
}

int policy_reload(struct policy *policy, const char *path, struct sl_err *err)
{
	struct sl_rules *rules = NULL;
	json_t *result = NULL;
	char *text;
	int r;

	if (!*path)
		return 0;
	r = sl_rules_read_file(path, &rules, err);
	if (r)
		return r;
	text = sl_rules_json(rules);
	r = text ? policy_apply(policy, text, strlen(text), path, false, &result, err)
		 : sl_err(err, ENOMEM, "no memory for the policy %s", path);
	json_decref(result);
	free(text);
	sl_rules_free(rules);
	return r;
}

/* What an earlier daemon has accepted. 0 also if that is nothing. */
static int load(struct policy *policy, struct sl_err *err)
{
	struct candidate candidate = NO_CANDIDATE;
	char path[SL_PATH_LEN], *text = NULL;
	json_t *object, *rules = NULL;
	json_int_t generation = 0, sum = 0;
	json_error_t where;
	int r = store_path(policy, path, err);

	if (r || access(path, F_OK))
		return r;
	object = json_load_file(path, 0, &where);
	if (!json_unpack(object, "{sI s?I so}", "generation", &generation, "sum", &sum, "policy", &rules))
		text = json_dumps(rules, JSON_COMPACT);
	r = text ? prepare(policy, text, strlen(text), path, &candidate, err)
		 : sl_err(err, EINVAL, "%.300s", object ? "not of this version" : where.text);
	if (r)
		sl_err_prefix(err, "policy %s cannot be read: remove it, or apply the policy anew", path);
	/* Were the workloads others then? What was judged for them does not count any more. */
	if (!r && candidate.sum != (__u64)sum)
		r = store(policy, candidate.text, (__u32)++generation, candidate.sum, err);
	if (!r)
		put_in_force(policy, &candidate, (__u32)generation);
	drop_candidate(&candidate);
	free(text);
	json_decref(object);
	return r;
}

static void on_addresses(void *context, int block)
{
	struct policy *policy = context;

	policy_core_peers(policy->core, block);
	if (!policy->rules || !policy->peers)
		return;
	raise_generation(policy);
	policy_core_renumber(policy->core, policy->generation);
	mark_workloads(policy);
}

int policy_create(struct instance *inst, struct policy **ret, struct sl_err *err)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return sl_err(err, ENOMEM, "no memory for a policy");
	policy->inst = inst;
	policy->timer = (struct source){ -1, on_timer };
	r = policy_core_create(inst, &policy->core, err);
	if (!r)
		r = timer_open(&inst->loop, &policy->timer, "the policy", err);
	/* Without them all works but for rules that name a workload as the peer. */
	if (!r && addresses_open(inst, on_addresses, policy, &policy->addresses, err))
		sl_warn("%s: no rule knows a workload as a peer", err->text);
	if (!r)
		addresses_follow(policy->addresses);
	if (!r)
		r = load(policy, err);
	/* A file that is wrong must not leave the workloads without a daemon if there is a policy all the same. */
	if (!r)
		r = policy_reload(policy, inst->conf.policy, err);
	if (r && policy->rules) {
		sl_error("%s; the policy accepted before goes on", err->text);
		r = 0;
	}
	if (r) {
		policy_free(policy);
		return r;
	}
	workloads_watch(inst->workloads, on_workloads_changed, policy);
	*ret = policy;
	return 0;
}

void policy_thresholds_changed(struct policy *policy)
{
	if (policy)
		policy_core_thresholds(policy->core);
}

void policy_follow_core(struct policy *policy)
{
	if (policy)
		policy_core_changed(policy->core);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	workloads_watch(policy->inst->workloads, NULL, NULL);
	source_close(&policy->inst->loop, &policy->timer);
	addresses_close(policy->addresses);
	policy_core_free(policy->core);
	sl_rules_free(policy->rules);
	free(policy->text);
	free(policy);
}
