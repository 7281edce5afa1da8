/* SPDX-License-Identifier: BSD-2-Clause */
/* What tell.c and tell_names.c share; see tell.h. */
#ifndef SLUICE_COMPAT_TELL_OWN_H
#define SLUICE_COMPAT_TELL_OWN_H

#include "compat/tell.h"
#include "compat/wire.h"
#include "dpi/event/report.h"

struct names;

struct row {
	struct wire_connection row;
	uint32_t next; /* of the same bucket, + 1 */
};

struct tell {
	struct agent *agent;
	struct queue *queue;
	struct sockaddr_un to;
	struct tell_figures figures;
	uint32_t n_rows;
	struct row *rows;
	uint32_t *bucket; /* index + 1 */
	struct names *names;
	uint8_t message[WIRE_MAX];
};

/* Sends what is in tell->message. */
void tell_message(struct tell *tell, size_t len);
/* IPv4 in the first four bytes, the rest zero. */
void tell_put_address(uint8_t to[16], const struct sl_addr *address);

struct names *names_new(void);
void names_free(struct names *names);
void names_take(struct tell *tell, const struct sl_report *report, size_t len);

#endif
