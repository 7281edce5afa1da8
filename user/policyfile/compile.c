// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rules to tables: collects for each property which rules take which values,
 * turns that into sets, and lays the tables out; see compile.h.
 */
#include "policyfile/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dpi/policy/block.h"
#include "policyfile/layout.h"
#include "policyfile/sets.h"

#define V4_MAX ((sl_point)UINT32_MAX)
#define V6_MAX (~(sl_point)0)

enum { ANY_EGRESS, ANY_INGRESS, ANY_PEER, ANY_PORT, ANY_PROTOCOL, ANY_OWN, DEPENDENT, ANYS };

struct compiler {
	const struct sl_rules *rules;
	const struct sl_resolver *resolver;
	unsigned int unresolved;
	struct sl_sets sets;
	uint64_t any[ANYS][SL_BLOCK_WORDS_MAX];
	struct sl_pairs workload[2], peer, name, protocol, application;
	struct sl_edges v4, v6, port, own;
	const char **names; /* sorted */
	size_t n_names;
};

static void set_bit(uint64_t *bits, uint32_t rule)
{
	bits[rule / 64] |= 1ULL << rule % 64;
}

/* The ids of a workload; none for a name nobody has. */
static size_t resolve(struct compiler *compiler, const struct sl_workload_ref *ref, uint16_t *ids)
{
	size_t n = 0;

	if (!ref->name) {
		*ids = ref->id;
		return 1;
	}
	if (compiler->resolver)
		n = compiler->resolver->workload(compiler->resolver->context, ref->name, ids,
						 SL_RESOLVED_MAX);
	if (n > SL_RESOLVED_MAX)
		n = SL_RESOLVED_MAX;
	compiler->unresolved += !n;
	return n;
}

static sl_point point(const struct sl_addr *address, bool v6)
{
	sl_point value = 0;

	for (int i = v6 ? 0 : 12; i < 16; i++)
		value = value << 8 | address->byte[i];
	return value;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int collect_names(struct compiler *compiler, struct sl_err *err)
{
	const struct sl_rules *rules = compiler->rules;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < rules->n_rules; i++)
		for (size_t k = 0; k < rules->rules[i].n_peers; k++)
			n += rules->rules[i].peers[k].kind == SL_PEER_NAME;
	compiler->names = calloc(n + 1, sizeof(*compiler->names));
	if (!compiler->names)
		return sl_err(err, ENOMEM, "no memory to compile the policy");
	n = 0;
	for (size_t i = 0; i < rules->n_rules; i++)
		for (size_t k = 0; k < rules->rules[i].n_peers; k++)
			if (rules->rules[i].peers[k].kind == SL_PEER_NAME)
				compiler->names[n++] = rules->rules[i].peers[k].name;
	qsort(compiler->names, n, sizeof(*compiler->names), compare_texts);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(compiler->names[kept - 1], compiler->names[i]) != 0)
			compiler->names[kept++] = compiler->names[i];
	compiler->n_names = kept;
	if (kept > SL_BLOCK_NAMES_MAX)
		return sl_err(err, E2BIG, "the policy has %zu different host names; at most %d are allowed",
			      kept, SL_BLOCK_NAMES_MAX);
	return 0;
}

static uint32_t find_name(const struct compiler *compiler, const char *name)
{
	const char **found =
		bsearch(&name, compiler->names, compiler->n_names, sizeof(*compiler->names), compare_texts);

	return (uint32_t)(found - compiler->names);
}

static void collect_peers(struct compiler *compiler, const struct sl_rule *rule, uint32_t bit)
{
	uint16_t ids[SL_RESOLVED_MAX];
	struct sl_sets *sets = &compiler->sets;

	if (!rule->n_peers)
		set_bit(compiler->any[ANY_PEER], bit);
	for (size_t i = 0; i < rule->n_peers; i++) {
		const struct sl_peer *peer = &rule->peers[i];
		size_t n = 0;

		if (peer->kind == SL_PEER_NAME)
			sl_pairs_add(sets, &compiler->name, find_name(compiler, peer->name), bit);
		else if (peer->kind == SL_PEER_WORKLOAD)
			n = resolve(compiler, &peer->workload, ids);
		else if (peer->v6)
			sl_edges_add(sets, &compiler->v6, point(&peer->from, true), point(&peer->to, true),
				     V6_MAX, bit);
		else
			sl_edges_add(sets, &compiler->v4, point(&peer->from, false), point(&peer->to, false),
				     V4_MAX, bit);
		for (size_t k = 0; k < n; k++)
			sl_pairs_add(sets, &compiler->peer, ids[k], bit);
	}
}

static void collect_workloads(struct compiler *compiler, const struct sl_rule *rule, uint32_t bit)
{
	uint16_t ids[SL_RESOLVED_MAX];

	for (unsigned int ingress = 0; ingress < 2; ingress++) {
		if (!(rule->directions & (ingress ? SL_INGRESS : SL_EGRESS)))
			continue;
		if (!rule->n_workloads)
			set_bit(compiler->any[ANY_EGRESS + ingress], bit);
		for (size_t i = 0; i < rule->n_workloads; i++) {
			size_t n = resolve(compiler, &rule->workloads[i], ids);

			for (size_t k = 0; k < n; k++)
				sl_pairs_add(&compiler->sets, &compiler->workload[ingress], ids[k], bit);
		}
	}
}

static void collect(struct compiler *compiler)
{
	struct sl_sets *sets = &compiler->sets;

	for (uint32_t bit = 0; bit < compiler->rules->n_rules; bit++) {
		const struct sl_rule *rule = &compiler->rules->rules[bit];

		collect_workloads(compiler, rule, bit);
		collect_peers(compiler, rule, bit);
		if (!rule->n_ports)
			set_bit(compiler->any[ANY_PORT], bit);
		for (size_t i = 0; i < rule->n_ports; i++)
			sl_edges_add(sets, &compiler->port, rule->ports[i].from, rule->ports[i].to,
				     UINT16_MAX, bit);
		if (!rule->n_protocols)
			set_bit(compiler->any[ANY_PROTOCOL], bit);
		for (size_t i = 0; i < rule->n_protocols; i++)
			sl_pairs_add(sets, &compiler->protocol, rule->protocols[i], bit);
		if (!rule->n_owns)
			set_bit(compiler->any[ANY_OWN], bit);
		for (size_t i = 0; i < rule->n_owns; i++)
			sl_edges_add(sets, &compiler->own, point(&rule->owns[i].from, false),
				     point(&rule->owns[i].to, false), V4_MAX, bit);
		if (rule->n_applications)
			set_bit(compiler->any[DEPENDENT], bit);
		for (size_t i = 0; i < rule->n_applications; i++)
			sl_pairs_add(sets, &compiler->application, rule->applications[i], bit);
	}
}

static void set_default(struct sl_block_workload *workload, const struct sl_default *setting)
{
	workload->mode = (uint8_t)setting->mode;
	workload->action[0] = (uint8_t)setting->egress;
	workload->action[1] = (uint8_t)setting->ingress;
	workload->label = setting->label;
	workload->agent = setting->agent;
}

/* Every workload with a rule or a setting of its own, by id. */
static void fill_workloads(struct compiler *compiler, struct sl_layout *layout, struct sl_block_workload *all)
{
	static const uint64_t none[SL_BLOCK_WORDS_MAX];
	struct sl_sets *sets = &compiler->sets;
	uint32_t empty = sl_sets_add(sets, none), n;
	uint32_t *keys, *places;
	uint16_t ids[SL_RESOLVED_MAX];
	bool *given = calloc(UINT16_MAX + 1, sizeof(*given));

	if (!given) {
		sets->failed = -ENOMEM;
		return;
	}
	set_default(&layout->head.fallback, &compiler->rules->fallback);
	layout->head.fallback.set[0] = layout->head.fallback.set[1] = empty;
	for (uint32_t id = 0; id <= UINT16_MAX; id++)
		all[id] = layout->head.fallback;
	for (size_t i = 0; i < compiler->rules->n_workloads; i++) {
		const struct sl_workload_setting *setting = &compiler->rules->workloads[i];
		size_t count = resolve(compiler, &setting->workload, ids);

		/* Of a workload's several settings, by id and by name, the first holds. */
		for (size_t k = 0; k < count; k++)
			if (!given[ids[k]]) {
				set_default(&all[ids[k]], &setting->setting);
				all[ids[k]].id = ids[k];
				given[ids[k]] = true;
			}
	}
	for (unsigned int ingress = 0; ingress < 2; ingress++) {
		sl_pairs_sets(sets, &compiler->workload[ingress], &keys, &places, &n);
		for (uint32_t i = 0; i < n; i++) {
			all[keys[i]].id = (uint16_t)keys[i];
			all[keys[i]].set[ingress] = places[i];
		}
		free(keys);
		free(places);
	}
	free(given);
	n = 0;
	for (uint32_t id = 1; id <= UINT16_MAX; id++)
		if (all[id].id)
			all[n++] = all[id];
	sl_layout_add(layout, &layout->head.workloads, all, n, sizeof(*all));
}

static void add_keys(struct compiler *compiler, struct sl_layout *layout, struct sl_pairs *pairs,
		     struct sl_block_part *ids, struct sl_block_part *sets)
{
	uint32_t *keys, *places, n;

	sl_pairs_sets(&compiler->sets, pairs, &keys, &places, &n);
	sl_layout_add(layout, ids, keys, n, sizeof(*keys));
	sl_layout_add(layout, sets, places, n, sizeof(*places));
	free(keys);
	free(places);
}

static void add_protocols(struct compiler *compiler, struct sl_layout *layout)
{
	uint32_t *keys, *places, n;

	for (unsigned int i = 0; i < 256; i++)
		layout->head.protocol[i] = layout->head.fallback.set[0];
	sl_pairs_sets(&compiler->sets, &compiler->protocol, &keys, &places, &n);
	for (uint32_t i = 0; i < n; i++)
		layout->head.protocol[keys[i]] = places[i];
	free(keys);
	free(places);
}

static void add_names(struct compiler *compiler, struct sl_layout *layout)
{
	struct sl_block_name *names = calloc(compiler->n_names + 1, sizeof(*names));
	uint32_t *keys, *places, n, length = 0;
	char *texts = NULL;

	sl_pairs_sets(&compiler->sets, &compiler->name, &keys, &places, &n);
	for (uint32_t i = 0; i < n; i++)
		length += (uint32_t)strlen(compiler->names[i]) + 1;
	texts = malloc(length + 1);
	if (names && texts) {
		length = 0;
		for (uint32_t i = 0; i < n; i++) {
			names[i] = (struct sl_block_name){ length, places[i] };
			strcpy(texts + length, compiler->names[i]);
			length += (uint32_t)strlen(compiler->names[i]) + 1;
		}
		sl_layout_add(layout, &layout->head.names, names, n, sizeof(*names));
		sl_layout_add(layout, &layout->head.texts, texts, length, 1);
	} else {
		compiler->sets.failed = -ENOMEM;
	}
	free(texts);
	free(names);
	free(keys);
	free(places);
}

static void add_rules(struct compiler *compiler, struct sl_layout *layout)
{
	const struct sl_rules *rules = compiler->rules;
	struct sl_block_rule *table = calloc(rules->n_rules + 1, sizeof(*table));

	if (!table) {
		compiler->sets.failed = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct sl_rule *rule = &rules->rules[i];

		table[i] = (struct sl_block_rule){ .id = rule->id,
						   .action = (uint8_t)rule->action,
						   .label = rule->label };
		/* Names' places are in the order of their keys, which has no holes. */
		if (rule->host && rule->n_peers && rule->peers[0].kind == SL_PEER_NAME)
			table[i].host = (uint16_t)(find_name(compiler, rule->peers[0].name) + 1);
	}
	sl_layout_add(layout, &layout->head.rules, table, (uint32_t)rules->n_rules, sizeof(*table));
	free(table);
}

static void add_none(struct sl_layout *layout, struct sl_block_part *from, struct sl_block_part *set)
{
	sl_layout_add(layout, from, NULL, 0, sizeof(uint32_t));
	sl_layout_add(layout, set, NULL, 0, sizeof(uint32_t));
}

static void add_classes(const struct compiler *compiler, struct sl_layout *layout)
{
	struct sl_block *head = &layout->head;
	uint32_t *from = NULL, *bits = NULL, n = 0;

	if (sl_classes_stretches(compiler->rules, &from, &bits, &n) < 0)
		layout->failed = -ENOMEM;
	if (n) {
		sl_layout_add(layout, &head->class_from, from, n, sizeof(*from));
		sl_layout_add(layout, &head->class_bits, bits, n, sizeof(*bits));
	} else {
		add_none(layout, &head->class_from, &head->class_bits);
	}
	free(from);
	free(bits);
}

static void add_all(struct compiler *compiler, struct sl_layout *layout)
{
	struct sl_block_workload *all = calloc(UINT16_MAX + 1, sizeof(*all));
	struct sl_block *head = &layout->head;
	struct sl_sets *sets = &compiler->sets;

	head->n_rules = sets->n_rules;
	head->n_words = sets->n_words;
	head->n_summary = sets->n_summary;
	if (all)
		fill_workloads(compiler, layout, all);
	else
		sets->failed = -ENOMEM;
	free(all);
	head->any_workload[0] = sl_sets_add(sets, compiler->any[ANY_EGRESS]);
	head->any_workload[1] = sl_sets_add(sets, compiler->any[ANY_INGRESS]);
	head->any_peer = sl_sets_add(sets, compiler->any[ANY_PEER]);
	head->any_port = sl_sets_add(sets, compiler->any[ANY_PORT]);
	head->any_protocol = sl_sets_add(sets, compiler->any[ANY_PROTOCOL]);
	head->dependent = sl_sets_add(sets, compiler->any[DEPENDENT]);
	head->any_own = sl_sets_add(sets, compiler->any[ANY_OWN]);
	head->agent = compiler->rules->agent;
	add_rules(compiler, layout);
	sl_layout_add_v4(layout, sets, &compiler->v4, &head->v4_from, &head->v4_set);
	if (compiler->own.n)
		sl_layout_add_v4(layout, sets, &compiler->own, &head->own_from, &head->own_set);
	else
		add_none(layout, &head->own_from, &head->own_set);
	add_classes(compiler, layout);
	sl_layout_add_v6(layout, sets, &compiler->v6);
	sl_layout_add_ports(layout, sets, &compiler->port);
	add_keys(compiler, layout, &compiler->peer, &head->peer_id, &head->peer_set);
	add_keys(compiler, layout, &compiler->application, &head->application_id, &head->application_set);
	add_protocols(compiler, layout);
	add_names(compiler, layout);
	/* Last, when all sets are there. */
	sl_layout_add(layout, &head->words, sets->words, (uint32_t)sets->n, sizeof(*sets->words));
}

static void close_compiler(struct compiler *compiler)
{
	sl_sets_close(&compiler->sets);
	free(compiler->workload[0].pair);
	free(compiler->workload[1].pair);
	free(compiler->peer.pair);
	free(compiler->name.pair);
	free(compiler->protocol.pair);
	free(compiler->application.pair);
	free(compiler->v4.edge);
	free(compiler->v6.edge);
	free(compiler->port.edge);
	free(compiler->own.edge);
	free(compiler->names);
	free(compiler);
}

int sl_rules_compile(const struct sl_rules *rules, const struct sl_resolver *resolver, void **ret_block,
		     size_t *ret_size, unsigned int *ret_unresolved, struct sl_err *err)
{
	struct compiler *compiler = calloc(1, sizeof(*compiler));
	struct sl_layout layout = { 0 };
	int r;

	if (!compiler)
		return sl_err(err, ENOMEM, "no memory to compile the policy");
	compiler->rules = rules;
	compiler->resolver = resolver;
	r = collect_names(compiler, err);
	if (!r && sl_sets_open(&compiler->sets, (uint32_t)rules->n_rules))
		r = sl_err(err, ENOMEM, "no memory to compile the policy");
	if (!r) {
		collect(compiler);
		add_all(compiler, &layout);
		r = compiler->sets.failed ?: layout.failed;
		if (r == -E2BIG)
			sl_err(err, E2BIG,
			       "the policy would be larger than %u MiB compiled: has it many rules "
			       "with wide ranges that overlap?",
			       SL_BLOCK_SIZE_MAX >> 20);
		else if (r)
			sl_err(err, -r, "no memory to compile the policy");
	}
	if (!r)
		sl_layout_finish(&layout, ret_block, ret_size);
	else
		free(layout.bytes);
	if (!r && ret_unresolved)
		*ret_unresolved = compiler->unresolved;
	close_compiler(compiler);
	return r;
}

uint64_t sl_rules_block_sum(const void *block)
{
	return ((const struct sl_block *)block)->sum;
}

bool sl_rules_block_has_peers(const void *block)
{
	return ((const struct sl_block *)block)->peer_id.count;
}

int sl_block_memfd(const void *block, size_t size, struct sl_err *err)
{
	int fd = memfd_create("sluice-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return sl_errno(err, errno, "cannot make a memory file for the policy");
	while (done < size) {
		n = write(fd, (const char *)block + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done < size || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
		int code = errno ?: EIO;

		close(fd);
		return sl_errno(err, code, "cannot write and seal the policy's memory file");
	}
	return fd;
}
