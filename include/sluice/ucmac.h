/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The addresses that stand in for a workload's MAC while a frame is inside
 * the diversion.
 *
 * UCMAC = 4e:65:75:56:<id hi>:<id lo>, BCMAC = ff:ff:ff:00:<id hi>:<id lo>.
 * A destination UCMAC means toward the workload, a source UCMAC from it.
 * From the core, 4e:65:75:57:… is a UCMAC as well, and says: the verdict of this
 * frame's flow has been given, look whether its direction can turn (abi.h, enum
 * sl_way).
 * Invariant: neither prefix is ever accepted from outside the diversion, so
 * on vbr a UCMAC can only have been written by vex or vin (or by the core).
 */
#ifndef SLUICE_UCMAC_H
#define SLUICE_UCMAC_H

#define SL_MAC_LEN 6
#define SL_PREFIX_LEN 4

#define SL_UCMAC_0 0x4e
#define SL_UCMAC_1 0x65
#define SL_UCMAC_2 0x75
#define SL_UCMAC_3 0x56
#define SL_UCMAC_HANDOVER 0x01 /* in the fourth byte */

#define SL_BCMAC_0 0xff
#define SL_BCMAC_1 0xff
#define SL_BCMAC_2 0xff
#define SL_BCMAC_3 0x00

/* mac: 6 bytes written, the UCMAC of workload port `id`. */
static inline __attribute__((always_inline)) void sl_ucmac_write(unsigned char *mac, unsigned short id)
{
	mac[0] = SL_UCMAC_0;
	mac[1] = SL_UCMAC_1;
	mac[2] = SL_UCMAC_2;
	mac[3] = SL_UCMAC_3;
	mac[4] = id >> 8;
	mac[5] = id & 0xff;
}

/* 1 if the first four of mac's six bytes are the UCMAC prefix, with or without SL_UCMAC_HANDOVER, else 0. */
static inline __attribute__((always_inline)) int sl_is_ucmac(const unsigned char *mac)
{
	return mac[0] == SL_UCMAC_0 && mac[1] == SL_UCMAC_1 && mac[2] == SL_UCMAC_2 &&
	       (mac[3] | SL_UCMAC_HANDOVER) == (SL_UCMAC_3 | SL_UCMAC_HANDOVER);
}

/* 1 if the first four of mac's six bytes are the BCMAC prefix, else 0. */
static inline __attribute__((always_inline)) int sl_is_bcmac(const unsigned char *mac)
{
	return mac[0] == SL_BCMAC_0 && mac[1] == SL_BCMAC_1 && mac[2] == SL_BCMAC_2 && mac[3] == SL_BCMAC_3;
}

#endif
