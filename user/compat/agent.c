// SPDX-License-Identifier: BSD-2-Clause
/* The state as a whole; see agent.h for the invariant. */
#include "compat/agent.h"

#include <stdlib.h>
#include <string.h>

struct agent *agent_new(void)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return NULL;
	agent->dlp = agent_dlp_new();
	if (!agent->dlp) {
		free(agent);
		return NULL;
	}
	return agent;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	agent_endpoints_free(agent);
	agent_policy_free(agent->policies);
	agent_policy_free(agent->coming);
	agent_nets_free(&agent->internal);
	agent_nets_free(&agent->policy_addresses);
	agent_nets_free(&agent->special);
	while (agent->names) {
		struct agent_name *name = agent->names;

		agent->names = name->next;
		free(name->ips);
		free(name);
	}
	agent_dlp_free(agent->dlp);
	free(agent);
}

static int set_switch(bool *which, bool on)
{
	bool changed = *which != on;

	*which = on;
	return changed ? CHANGED_POLICY : 0;
}

static int set_nbe(struct agent *agent, const struct agent_macs *macs)
{
	for (size_t i = 0; i < macs->n_macs; i++) {
		struct endpoint *endpoint = agent_find(agent, macs->macs[i]);

		if (endpoint)
			endpoint->nbe = macs->nbe;
	}
	return CHANGED_POLICY;
}

int agent_apply(struct agent *agent, const struct compat_request *request, struct sl_err *err)
{
	switch (request->command) {
	case COMPAT_ADD_MAC:
		return agent_endpoint_add(agent, &request->mac, err);
	case COMPAT_DEL_MAC:
		return agent_endpoint_delete(agent, request->mac.mac);
	case COMPAT_CFG_MAC:
		return agent_endpoint_config(agent, &request->macs, err);
	case COMPAT_CFG_NBE:
		return set_nbe(agent, &request->macs);
	case COMPAT_CFG_POLICY:
		return agent_policy_apply(agent, &request->policy, err);
	case COMPAT_CFG_INTERNAL_NET:
		return agent_nets_apply(&agent->internal, &request->nets, err);
	case COMPAT_CFG_POLICY_ADDR:
		return agent_nets_apply(&agent->policy_addresses, &request->nets, err);
	case COMPAT_CFG_SPECIP_NET:
		return agent_nets_apply(&agent->special, &request->nets, err);
	case COMPAT_CFG_SET_FQDN:
		return agent_name_set(agent, &request->names, err);
	case COMPAT_CFG_DEL_FQDN:
		return agent_names_delete(agent, &request->names);
	case COMPAT_CFG_DLP:
	case COMPAT_CFG_DLPMAC:
	case COMPAT_BLD_DLP:
	case COMPAT_BLD_DLPMAC:
		return agent_dlp_apply(agent->dlp, request, err);
	case COMPAT_DISABLE_NET_POLICY:
		return set_switch(&agent->disable_net_policy, request->on);
	case COMPAT_DETECT_UNMANAGED_WL:
		return set_switch(&agent->detect_unmanaged, request->on);
	case COMPAT_ENABLE_ICMP_POLICY:
		return set_switch(&agent->icmp_policy, request->on);
	case COMPAT_STRICT_GROUP_MODE:
		return set_switch(&agent->strict_groups, request->on);
	case COMPAT_SYS_CONF:
		agent->xff = request->on;
		return 0;
	case COMPAT_SET_DEBUG:
		agent->categories = request->categories;
		return 0;
	default:
		return 0;
	}
}
