// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of both families as the core keeps them; see address.h. */
#include "address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

struct sl_addr address_of(const char *text)
{
	struct sl_addr address = { .byte = { [10] = 0xff, [11] = 0xff } };

	if (inet_pton(AF_INET, text, address.byte + 12) != 1)
		cr_assert_eq(inet_pton(AF_INET6, text, address.byte), 1, "%s", text);
	return address;
}
