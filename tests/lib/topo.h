/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The places where the end-to-end tests play: a host, workloads with veth
 * ports, and the agent's namespace, with or without a bridge on the host.
 *
 * Invariant: topo_end() is reached by every test that passes, and finds every
 * namespace as it was before the daemon came.
 */
#ifndef SLUICE_TESTS_TOPO_H
#define SLUICE_TESTS_TOPO_H

#include "lib/daemon.h"
#include "lib/ns.h"

#define HOST_IP4 "10.10.10.66"
#define HOST_IP6 "fd00:10::66"
#define WL_IP4 "10.10.10.88"
#define WL_IP6 "fd00:10::88"
#define WL_MAC "1a:27:f3:87:3a:27"
#define WL_ID 180
#define WL2_IP4 "10.10.10.89"
#define WL2_IP6 "fd00:10::89"
#define WL2_MAC "1a:27:f3:87:3a:28"

struct topo {
	struct ns *host, *agent, *workload, *workload2;
	struct daemon *d;
	char *before_workload; /* its addresses, routes and link, as text */
	char *before_agent;
};

/* host with veth "vethwl" <-> eth0 of the workload, both addressed; the daemon runs with these options. */
struct topo *topo_direct(const char *daemon_options);
/* host with bridge br0 (host's addresses on it) and the ports vethwl, vethwl2 of two workloads. */
struct topo *topo_bridge(const char *daemon_options);
/* The same without a daemon. */
struct topo *topo_bare(void);
/* What the workload could tell of its port, as text (the caller's): for before_workload when a test changes it. */
char *topo_look(struct ns *workload);
/*
 * Everything is given back and the daemon ended; then nothing of it may be
 * left: links, pins, state, mounts, processes, and the workload is as it was.
 */
void topo_end(struct topo *t);
/* The checks of topo_end() alone, when the daemon has ended in another way. */
void topo_leaks(struct topo *t);
/* How many sluice-dpi run in this test. */
int topo_cores(void);
/* The spare one, which is not counted there; 0: there is none. */
pid_t topo_spare(void);

/* Is the other side reached? Three quick pings; ping again until the first answer or ms have passed. */
bool ping(struct ns *from, const char *address);
bool ping_within(struct ns *from, const char *address, int ms);

/* tcpverify waits for one connection, and ends with it. */
struct proc *tcp_serve(struct ns *server, int port);
/* tcpverify in both directions at once through the wiring; fails the test if a byte is wrong or missing. */
void tcp_exchange(struct ns *server, const char *address, struct ns *client, unsigned long bytes);

/* A numbered UDP stream, running once it is returned; flow_end() fails the test if a datagram was lost, changed or came twice. */
struct flow {
	struct proc *sender, *receiver;
	struct ns *from, *to;
	char label[64];
};
/* rate: datagrams a second, fewer where time is longer (patient()). */
struct flow *flow_start(struct ns *from, struct ns *to, const char *address, int port, int rate, int size);
/* Ends it and reports; all may be NULL. */
void flow_stop(struct flow *flow, long *ret_sent, long *ret_received, long *ret_gap_us);
void flow_end(struct flow *flow);

#endif
