// SPDX-License-Identifier: BSD-2-Clause
/* See carrier.h. */
#include "dpi/io/carrier.h"

#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>

bool sl_carrier_is_lost(int fd, const char *ifname)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	return !ioctl(fd, SIOCGIFFLAGS, &request) && !(request.ifr_flags & IFF_RUNNING);
}
