/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv6 address labels (ip addrlabel) that are bound to one interface, as replayable messages. */
#ifndef SLUICE_NETLINK_LABEL_H
#define SLUICE_NETLINK_LABEL_H

#include "netlink/messages.h"

extern const struct object_kind label_kind;

#endif
