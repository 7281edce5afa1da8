/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of both families as the core keeps them, from text. */
#ifndef SLUICE_TESTS_UNIT_ADDRESS_H
#define SLUICE_TESTS_UNIT_ADDRESS_H

#include "dpi/decode/packet.h"

/* Fails the test if the text is no address. */
struct sl_addr address_of(const char *text);

#endif
