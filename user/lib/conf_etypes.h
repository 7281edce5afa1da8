/* SPDX-License-Identifier: BSD-2-Clause */
/* The value of `non_ip`. Invariant: on an error the configuration is as before. */
#ifndef SLUICE_LIB_CONF_ETYPES_H
#define SLUICE_LIB_CONF_ETYPES_H

#include "lib/conf.h"

/* "0x88cc, llc": numbers and words by comma or blank, once each. 0 or -EINVAL. */
int sl_conf_parse_non_ip(struct sl_conf *conf, const char *value, struct sl_err *err);

#endif
