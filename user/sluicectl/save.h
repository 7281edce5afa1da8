/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing files whole. Invariant: who reads one meanwhile sees the old one or the new one, never a part. */
#ifndef SLUICE_CTL_SAVE_H
#define SLUICE_CTL_SAVE_H

#include <stddef.h>

#include "lib/err.h"

/* All of it to a descriptor. 0 or -errno. */
int save_all(int fd, const void *data, size_t len);
/* Beside it, and renamed over it. 0 or -errno. */
int save_file(const char *path, const void *data, size_t len, struct sl_err *err);

#endif
