/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a daemon says to a spare core: messages of one byte, the first three
 * with a descriptor, in any order; the last one sends it off.
 */
#ifndef SLUICE_LIB_SPARE_H
#define SLUICE_LIB_SPARE_H

#define SL_SPARE_NAME "sluice-spare" /* as long as it is none of the working ones */
#define SL_CORE_NAME "sluice-dpi"

enum sl_spare_word {
	SL_SPARE_CONTROL = 'c', /* the listening control socket */
	SL_SPARE_LOCK = 'l',
	SL_SPARE_READY = 'r',
	SL_SPARE_GO = 'g',
	SL_SPARE_GO_WAIT_POLICY = 'w', /* --wait-policy as well */
};

#endif
