/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture run through the engine as if its frames had come by: the events it
 * gives, as lines.
 *
 * Invariant: the same file and the same choices give the same lines, bit by
 * bit: time is the capture's, and nothing is asked of the machine.
 */
#ifndef SLUICE_DPI_REPLAY_H
#define SLUICE_DPI_REPLAY_H

#include <stdio.h>

#include "dpi/decode/packet.h"
#include "lib/err.h"
#include "sluice/thresholds.h"

#define SL_REPLAY_WORKLOAD 1 /* the id that is given to the one workload of a plain capture */

/*
 * Whose frames they are: a capture of vth says so itself (UCMACs). In any other the workload is who has that MAC,
 * or an address in that network; without either, whoever the first SYN goes to, or else the first IP packet.
 */
struct sl_replay {
	const char *file; /* pcap or pcapng */
	const char *policy; /* a compiled policy; NULL: all is discovered and passes */
	bool has_mac, has_net;
	uint8_t mac[6];
	struct sl_addr net;
	uint8_t prefix; /* 0 … 128, IPv4: 96 more */
	const struct sl_thresholds *thresholds; /* NULL: as by default */
};

struct sl_replay_figures {
	uint64_t frames; /* in the capture */
	uint64_t foreign; /* of these: not the workload's, or no Ethernet and IP */
	uint64_t cut; /* captured in part only, and left out */
	uint64_t dropped; /* what the policy would have kept back, fragments that are held among them */
	uint64_t events;
};

/* Parsing of the two choices: 0, or -EINVAL with ret as it was. */
int sl_replay_parse_mac(const char *text, struct sl_replay *ret);
int sl_replay_parse_net(const char *text, struct sl_replay *ret);

/* Writes the lines. 0 or -errno; the lines of what came before an error have been written. */
int sl_replay(const struct sl_replay *replay, FILE *out, struct sl_replay_figures *ret, struct sl_err *err);

#endif
