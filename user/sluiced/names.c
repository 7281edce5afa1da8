// SPDX-License-Identifier: BSD-2-Clause
/* Names for vex and vin; see names.h for the invariant. */
#include "sluiced/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The suffix is free on both legs, or it is no good. */
static bool try_suffix(const struct port_naming *naming, const char *suffix, char *ret_vex, char *ret_vin)
{
	char vex[IFNAMSIZ + 8], vin[IFNAMSIZ + 8];

	if (snprintf(vex, sizeof(vex), "vex%s", suffix) >= IFNAMSIZ)
		return false;
	snprintf(vin, sizeof(vin), "vin%s", suffix);
	if (naming->in_use(naming->context, vex) || naming->in_use(naming->context, vin))
		return false;
	strcpy(ret_vex, vex);
	strcpy(ret_vin, vin);
	return true;
}

int port_names(const struct port_naming *naming, char ret_vex[IFNAMSIZ], char ret_vin[IFNAMSIZ],
	       struct sl_err *err)
{
	char first[64], second[64];

	if (naming->pid > 0)
		snprintf(first, sizeof(first), "%x-%s", naming->pid, naming->port);
	else
		snprintf(first, sizeof(first), "%x-%s", (__u32)naming->ns_ino, naming->port);
	if (try_suffix(naming, first, ret_vex, ret_vin))
		return 0;
	snprintf(second, sizeof(second), "%04x-%.7s", naming->id, naming->port);
	/* The cut may have left half a UTF-8 character, and names are shown as JSON. */
	for (char *p = second; *p; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '_';
	}
	if (try_suffix(naming, second, ret_vex, ret_vin))
		return 0;
	return sl_err(err, EEXIST,
		      "no name is free for the port: vex%s or vin%s exists in the agent's namespace: "
		      "remove it, or ask for another id",
		      second, second);
}
