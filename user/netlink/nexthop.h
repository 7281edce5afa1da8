/* SPDX-License-Identifier: BSD-2-Clause */
/* Nexthop objects (ip nexthop) as replayable messages. */
#ifndef SLUICE_NETLINK_NEXTHOP_H
#define SLUICE_NETLINK_NEXTHOP_H

#include "netlink/messages.h"

/* Those that go by an interface, and every group that one of them is a member of, the groups behind. */
extern const struct object_kind nexthop_kind;

#endif
