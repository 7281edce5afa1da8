/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options behind an IPv4 or TCP header, which are laid out alike.
 *
 * Invariant: an option that is shown lies in the header with all its bytes.
 */
#ifndef SLUICE_DPI_DECODE_OPTIONS_H
#define SLUICE_DPI_DECODE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_OPTION_END 0
#define SL_OPTION_NOP 1

/*
 * The next one: its kind, its length, what it holds. *at and *left move behind
 * it. NULL: there is none; *ret_bad if that is because one does not fit.
 */
static inline const uint8_t *sl_next_option(const uint8_t **at, uint32_t *left, bool *ret_bad)
{
	const uint8_t *option;
	uint32_t len;

	while (*left && **at == SL_OPTION_NOP) {
		++*at;
		--*left;
	}
	if (!*left || **at == SL_OPTION_END)
		return NULL;
	option = *at;
	len = *left > 1 ? option[1] : 0;
	if (len < 2 || len > *left) {
		*ret_bad = true;
		return NULL;
	}
	*at += len;
	*left -= len;
	return option;
}

#endif
