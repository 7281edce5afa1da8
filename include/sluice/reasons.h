/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Why a frame left a program: the one list behind the reason enum, the
 * fields of struct sl_counters, the words sluicectl prints and the table in
 * docs/counters.md.
 *
 * Invariant: every frame that enters a program increments `in` once and
 * exactly one reason once, so in = sum(OUT) + sum(DROP) for each program.
 *
 * X(name, KIND, programs, text): KIND is OUT (the frame went on) or DROP (it
 * did not); programs says who can count it. A new reason goes to the end of
 * the list and raises SL_ABI, because its place is part of the map's layout.
 */
#ifndef SLUICE_REASONS_H
#define SLUICE_REASONS_H

/* clang-format off */
#define SL_REASONS(X)                                                                                            \
	X(direct,           OUT,  "vex vin",     "passed straight to the other leg: the mode asks for no inspection") \
	X(tapped,           OUT,  "vex vin",     "copied to vbr, the original passed to the other leg")                \
	X(tap_no_copy,      OUT,  "vex vin",     "passed to the other leg, no copy made: core absent or vbr full")     \
	X(diverted,         OUT,  "vex vin",     "sent to vbr for inspection")                                        \
	X(fail_open,        OUT,  "vex vin",     "passed uninspected: core absent and the workload fails open")       \
	X(pass_foreign_mac, OUT,  "vex vin",     "passed: foreign MAC, workload not strict")                          \
	X(pass_group_ip,    OUT,  "vex vin",     "passed: unicast IP in a group-addressed frame, not strict")         \
	X(pass_group,       OUT,  "vex vin",     "passed: genuine multicast or broadcast IP")                         \
	X(pass_arp,         OUT,  "vex vin",     "passed: ARP")                                                       \
	X(pass_non_ip,      OUT,  "vex vin",     "passed: other ethertype, not strict or on the configured list")     \
	X(pass_vlan_deep,   OUT,  "vex vin",     "passed: more VLAN tags than can be followed, not strict")           \
	X(to_workload,      OUT,  "vbr vbk",     "back from the core: MAC restored, sent to vin")                     \
	X(to_network,       OUT,  "vbr vbk",     "back from the core: MAC restored, sent to vex")                     \
	X(to_core,          OUT,  "vth vtk",     "handed to the core's socket")                                       \
	X(no_port,          DROP, "vex vin",     "the interface is not in the ports map")                             \
	X(no_workload,      DROP, "vex vin vbr vbk", "no workload of that MAC and id")                                \
	X(reserved_mac,     DROP, "vex vin",     "a UCMAC or BCMAC prefix in a MAC address outside the diversion")    \
	X(quarantine,       DROP, "vex vin vbr vbk", "the workload is quarantined")                                   \
	X(foreign_mac,      DROP, "vex vin",     "strict: unicast IP from or to a MAC that is not the workload's")    \
	X(group_ip,         DROP, "vex vin",     "strict: unicast IP in a group-addressed frame")                     \
	X(arp_not_exact,    DROP, "vex vin",     "strict: ARP that is not exactly Ethernet/IPv4 ARP")                 \
	X(non_ip,           DROP, "vex vin",     "strict: an ethertype that is not on the configured list")           \
	X(vlan_deep,        DROP, "vex vin",     "strict: more VLAN tags than can be followed")                       \
	X(too_short,        DROP, "vex vin vbr vbk", "too short for the headers it announces")                        \
	X(bad_ip,           DROP, "vex vin",     "the IP header contradicts the ethertype or itself")                 \
	X(fail_closed,      DROP, "vex vin",     "core absent and the workload fails closed")                         \
	X(tap_copy,         DROP, "vbr vbk",     "a tap copy that came back: the original has long passed")           \
	X(uc_both,          DROP, "vbr vbk",     "a UCMAC prefix in both addresses: no direction to trust")           \
	X(uc_neither,       DROP, "vbr vbk",     "a UCMAC prefix in neither address")                                 \
	X(no_core,          DROP, "vth vtk",     "no socket of the core on this queue")                               \
	X(rewrite_failed,   DROP, "vex vin vbr vbk", "the kernel refused the MAC rewrite (no memory)")                \
	X(flow_allowed,     OUT,  "vex vin",     "passed straight to the other leg: the core has allowed its flow")  \
	X(flow_denied,      DROP, "vex vin",     "the core has denied its flow")                                      \
	X(bulk,             OUT,  "vex vin",     "sent to vbk for inspection: bulk traffic")                          \
	X(tapped_bulk,      OUT,  "vex vin",     "copied to vbk, the original passed to the other leg")
/* clang-format on */

#endif
