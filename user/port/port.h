/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a workload's port and giving it back. This folder knows interfaces,
 * addresses and routes; it knows nothing of maps and programs, which the
 * caller brings in through the hooks.
 *
 * snapshot -> refuse -> plan -> apply -> verify; every failure rolls back to
 * the state before. Invariant: on return of an error the workload has its
 * original port with everything the snapshot held, or the error's text says
 * what could not be put back.
 */
#ifndef SLUICE_PORT_PORT_H
#define SLUICE_PORT_PORT_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "sluice/ucmac.h"

/* Which end of a veth becomes a leg, and where the new pair's outer end takes its place. */
enum port_taken_side {
	PORT_SIDE_WORKLOAD, /* the workload's end becomes vex */
	PORT_SIDE_HOST, /* the far end becomes vin, the workload's stays untouched; see host.h */
};

/* What to take. Descriptors stay the caller's. */
struct port_request {
	int workload_ns; /* namespace of the port */
	int agent_ns; /* namespace that receives vex and vin */
	char name[IFNAMSIZ]; /* of the port in the workload, e.g. "eth0" */
	char vex_name[IFNAMSIZ]; /* free names in the agent's namespace */
	char vin_name[IFNAMSIZ];
	__u32 max_mtu; /* of vbr: a port with a larger one is refused */
	char workload_label[64]; /* how messages call the workload's namespace */
	char *host_path; /* as in port_hooks, for host_find() */
	bool detour; /* the hooks will have programs for one: a plan tells of it */
};

/* What is kept of its addresses for the day when all else is lost: "10.0.0.2/24", the first few, else empty. */
#define PORT_ADDRS 8
#define PORT_ADDR_LEN 52

/* A port that is taken: all that is needed to find it again and to give it back. */
struct port_taken {
	struct sl_netns_id workload_ns;
	char name[IFNAMSIZ]; /* in the workload */
	char vex_name[IFNAMSIZ];
	char vin_name[IFNAMSIZ];
	__u32 vex_ifindex; /* in the agent's namespace */
	__u32 vin_ifindex;
	__u32 port_ifindex; /* of the new port in the workload */
	__u32 original_ifindex; /* the port's index in the workload before it was taken */
	__u32 mtu;
	__u8 mac[SL_MAC_LEN];
	char addrs[PORT_ADDRS]
		  [PORT_ADDR_LEN]; /* of what has been moved: with PORT_SIDE_HOST of the host end */
	enum port_taken_side side;
	/* PORT_SIDE_HOST only: where vin came from and vex's far end is now. */
	struct sl_netns_id host_ns;
	char host_name[IFNAMSIZ];
	__u32 host_ifindex;
	char host_master[IFNAMSIZ]; /* the bridge it is in; empty: none */
};

/* The ends of a detour (detour.h), by their numbers. */
struct port_detour {
	int host_ns; /* a descriptor, port/'s own */
	__u32 host_ifindex, outer_ifindex; /* in host_ns */
	__u32 inner_ifindex, vin_ifindex; /* in the agent's namespace */
};

/* Where a workload's far end was found last, to look there first: a path, or empty. */
#define PORT_HOST_PATH 64

/*
 * Called when the frames' way changes. prepare(): vin is there, still down;
 * what takes long and needs only vin belongs here, outside the gap. ready(): vex
 * is there too, still down or without frames; when it returns 0, programs and map entries of
 * both must be in place (called again if giving back fails, so it
 * must not mind what is there already). undo(): the two are about to go;
 * called whenever prepare() or ready() has been. prepare and undo may be NULL.
 */
struct port_hooks {
	int (*prepare)(void *context, const struct port_taken *taken, struct sl_err *err);
	int (*ready)(void *context, const struct port_taken *taken, struct sl_err *err);
	void (*undo)(void *context, const struct port_taken *taken);
	void *context;
	/*
	 * The snapshot is noted in this file before the first change, for
	 * port_recover(); the caller removes it when the port is where it should
	 * be and that is on record. NULL: nowhere.
	 */
	const char *journal;
	/*
	 * What carries frames over a detour while a port's own wire is cut. lay():
	 * the programs are put in place, switched off; 0 or -errno, then nothing is
	 * left. use(): switched on or off, at once. lift(): they go. All three, or
	 * NULL: the port is taken and given back without, with a longer gap.
	 */
	int (*detour_lay)(void *context, const struct port_detour *detour, struct sl_err *err);
	int (*detour_use)(void *context, bool on, struct sl_err *err);
	void (*detour_lift)(void *context);
	/* Why there is none this time; may be NULL. */
	void (*detour_without)(void *context, const struct sl_err *why);
	void *detour_context;
	char *host_path; /* PORT_HOST_PATH bytes, read and written; NULL: not kept */
};

/* Fills *ret_taken only on success. 0 or -errno. */
int port_take(const struct port_request *request, const struct port_hooks *hooks,
	      struct port_taken *ret_taken, struct sl_err *err);

/* Prints nothing, changes nothing: 0 if port_take() would try, else -errno with the refusal's reason. */
int port_check(const struct port_request *request, struct sl_err *err);

/*
 * Puts the original port back into workload_ns with the addresses, routes and
 * neighbours the workload has now. hooks->undo() is called when the programs
 * must go. 0 or -errno; on error the port is still taken and working, unless
 * the text says otherwise.
 */
int port_give_back(const struct port_taken *taken, int workload_ns, int agent_ns,
		   const struct port_hooks *hooks, struct sl_err *err);

/*
 * After a crash in the middle of port_take() or port_give_back(): puts the
 * original back into workload_ns with what the journal says. The programs of
 * vex and vin, if any, must have gone. 0; 1 when the journal is lost or cannot
 * be used: the port has then what the substitute and the record still knew;
 * -errno, then it may be tried again.
 */
int port_recover(const struct port_taken *taken, const char *journal, int workload_ns, int agent_ns,
		 struct sl_err *err);
/* Does the substitute stand in for the port, so that port_give_back() is the better way? 1, 0 or -errno. */
int port_is_whole(const struct port_taken *taken, int workload_ns, int agent_ns, struct sl_err *err);
/* Notes the addresses of the port taken->name, for port_recover() without a journal. 0 or -errno. */
int port_record_addresses(struct port_taken *taken, int workload_ns, struct sl_err *err);

/*
 * Is it still as recorded? Looks vex and vin up in agent_ns by name and
 * refreshes the indexes in *taken. 0; -ENODEV with *err when one is missing.
 */
int port_find(struct port_taken *taken, int agent_ns, struct sl_err *err);

/* Removes what a killed daemon may have left in agent_ns besides legs. Not while a port changes hands. 0 or -errno. */
int port_tidy(int agent_ns, struct sl_err *err);

/* The workload is gone: removes what is left of vex and vin in agent_ns. 0 or -errno. */
int port_discard(const struct port_taken *taken, int agent_ns, struct sl_err *err);

#endif
