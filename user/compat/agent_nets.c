// SPDX-License-Identifier: BSD-2-Clause
/* Networks, and names with their addresses; see agent.h for the invariant. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compat/agent.h"

static void drop_coming(struct agent_net_list *list)
{
	free(list->coming);
	list->coming = NULL;
	list->n_coming = 0;
	list->begun = false;
}

void agent_nets_free(struct agent_net_list *list)
{
	drop_coming(list);
	free(list->nets);
	list->nets = NULL;
	list->n = 0;
}

int agent_nets_apply(struct agent_net_list *list, const struct agent_nets_piece *piece, struct sl_err *err)
{
	struct agent_net *nets;

	if (piece->piece & PIECE_FIRST)
		drop_coming(list);
	else if (!list->begun)
		return sl_err(err, EINVAL, "a piece of a list without its first one (\"flag\" 1)");
	list->begun = true;
	if (list->n_coming + piece->n > AGENT_NETS_MAX) {
		drop_coming(list);
		return sl_err(err, E2BIG, "more than %d networks", AGENT_NETS_MAX);
	}
	nets = realloc(list->coming, (list->n_coming + piece->n + 1) * sizeof(*nets));
	if (!nets) {
		drop_coming(list);
		return sl_err(err, ENOMEM, "no memory for networks");
	}
	list->coming = nets;
	if (piece->n)
		memcpy(nets + list->n_coming, piece->nets, piece->n * sizeof(*nets));
	list->n_coming += piece->n;
	if (!(piece->piece & PIECE_LAST))
		return 0;
	free(list->nets);
	list->nets = list->coming;
	list->n = list->n_coming;
	list->coming = NULL;
	list->n_coming = 0;
	list->begun = false;
	return CHANGED_POLICY;
}

static struct agent_name **find_name(struct agent *agent, const char *name)
{
	struct agent_name **at = &agent->names;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void remove_name(struct agent *agent, struct agent_name **at)
{
	struct agent_name *name = *at;

	*at = name->next;
	agent->n_names--;
	agent->n_name_ips -= name->n_ips;
	free(name->ips);
	free(name);
}

int agent_name_set(struct agent *agent, const struct agent_names *names, struct sl_err *err)
{
	const char *text = names->names[0];
	struct agent_name **at = find_name(agent, text), *name;
	size_t before = *at ? (*at)->n_ips : 0;

	if ((!*at && agent->n_names == AGENT_NAMES_MAX) ||
	    agent->n_name_ips - before + names->n > AGENT_NAME_IPS_MAX)
		return sl_err(err, ENOSPC, "more than %d names, or %d addresses of names", AGENT_NAMES_MAX,
			      AGENT_NAME_IPS_MAX);
	name = calloc(1, sizeof(*name) + strlen(text) + 1);
	if (name)
		name->ips = calloc(names->n + 1, sizeof(*name->ips));
	if (!name || !name->ips) {
		free(name);
		return sl_err(err, ENOMEM, "no memory for a name");
	}
	strcpy(name->name, text);
	name->host = names->host;
	name->n_ips = names->n;
	memcpy(name->ips, names->ips, names->n * sizeof(*name->ips));
	if (*at)
		remove_name(agent, at);
	name->next = agent->names;
	agent->names = name;
	agent->n_names++;
	agent->n_name_ips += name->n_ips;
	return CHANGED_NAMES | CHANGED_POLICY;
}

int agent_names_delete(struct agent *agent, const struct agent_names *names)
{
	int changed = 0;

	for (size_t i = 0; i < names->n; i++) {
		struct agent_name **at = find_name(agent, names->names[i]);

		if (!*at)
			continue;
		remove_name(agent, at);
		changed = CHANGED_NAMES | CHANGED_POLICY;
	}
	return changed;
}
