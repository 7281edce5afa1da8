/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The probe's throw-away wiring, like the real one: an agent's namespace, two
 * veth pairs to two others, and a pair within. All of it belongs to the
 * probe's child process and vanishes with it.
 *
 *	far[0] --- near[0]  near[1] --- far[1]      bridge === tap
 *	(far_ns[0])      (agent_ns)    (far_ns[1])        (agent_ns)
 *
 * Frames are sent on far[0] and carry a number, so that no experiment takes
 * another's frame for its own.
 */
#ifndef SLUICE_SLUICED_PROBE_LAB_H
#define SLUICE_SLUICED_PROBE_LAB_H

#include <linux/types.h>
#include <stdbool.h>

#include "lib/err.h"
#include "sluiced/probe.h"
#include "sluice/ucmac.h"

struct nls;
struct probe_bpf;

struct lab {
	int agent_ns, far_ns[2];
	struct nls *nls[3]; /* agent, far_ns[0], far_ns[1] */
	__u32 near[2], far[2], bridge, tap;
	__u8 far_mac[2][SL_MAC_LEN];
	int sender, receiver, tap_receiver; /* packet sockets on far[0], far[1], tap */
	__u32 number; /* of the frame sent last */
	struct probe_bpf *bpf;
};
#define LAB_NONE                                                                                             \
	{                                                                                                    \
		.agent_ns = -1, .far_ns = { -1, -1 }, .sender = -1, .receiver = -1, .tap_receiver = -1       \
	}

/* Unshares the process's network namespace. 0 or -errno; lab_free() in either case. */
int lab_build(struct lab *lab, struct sl_err *err);
void lab_free(struct lab *lab);

/*
 * Sends a frame from far[0] to far[1]'s MAC until one arrives on the packet
 * socket, a few times at most. Its packet type (PACKET_HOST …), -ETIMEDOUT if
 * none came, other -errno.
 */
int lab_try(struct lab *lab, int receiver);
/* The same with any descriptor that becomes readable: 0, -ETIMEDOUT, -errno. */
int lab_try_readable(struct lab *lab, int fd);

/* A program on near[0]: enum sl_attach kind; the token is for lab_off(). 0 or -errno. */
int lab_on(struct lab *lab, int prog_fd, int kind, int *ret_token);
void lab_off(struct lab *lab, int kind, int token);

/* Fills in the next check. */
void probe_check(struct sl_probe *probe, const char *name, enum sl_check_status status, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The experiments, each with its checks. */
void probe_host(const struct sl_conf *conf, struct sl_probe *probe);
void probe_redirect(const struct sl_conf *conf, struct lab *lab, struct sl_probe *probe);
void probe_xdp(const struct sl_conf *conf, struct lab *lab, struct sl_probe *probe);
void probe_xsk(const struct sl_conf *conf, struct lab *lab, struct sl_probe *probe);

#endif
