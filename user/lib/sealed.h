/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory files that another process has filled and sealed.
 *
 * Invariant: what is mapped cannot change, shrink or grow any more, whoever
 * holds the file.
 */
#ifndef SLUICE_LIB_SEALED_H
#define SLUICE_LIB_SEALED_H

#include <stddef.h>

#include "lib/err.h"

/*
 * Maps all of it, to be read; munmap() ends that. what names it in errors.
 * -EPERM: not sealed; -EBADMSG: shorter than min or longer than max bytes.
 */
int sl_sealed_map(int fd, const char *what, size_t min, size_t max, const void **ret, size_t *ret_size,
		  struct sl_err *err);

#endif
