// SPDX-License-Identifier: BSD-2-Clause
/* Threats and who was told of them; see threat.h. */
#include "dpi/decide/threat.h"

#include <stdlib.h>

#define SECOND 1000000000ull
#define THREAT_DROP true
#define THREAT_PASS false

const struct sl_threat_facts *sl_threat_facts(enum sl_threat threat)
{
	static const struct sl_threat_facts facts[SL_THREAT_MAX] = {
#define X(name, number, severity, action, text) { #name, text, number, severity, THREAT_##action },
		SL_THREATS(X)
#undef X
	};

	return &facts[threat < SL_THREAT_MAX ? threat : SL_THREAT_bad_packet];
}

struct told {
	uint64_t last_ns; /* when it was told; 0: the place is free */
	uint32_t waiting; /* seen since */
	uint16_t workload;
	uint8_t threat;
};

struct sl_threat_memory {
	struct told told[SL_THREATS_TOLD];
	uint32_t next; /* where sl_threat_due() goes on */
};

struct sl_threat_memory *sl_threat_memory_new(void)
{
	return calloc(1, sizeof(struct sl_threat_memory));
}

void sl_threat_memory_free(struct sl_threat_memory *memory)
{
	free(memory);
}

/* The place of the pair; another pair's if they collide, which then is told anew. */
static struct told *place(struct sl_threat_memory *memory, enum sl_threat threat, uint16_t workload)
{
	return &memory->told[((uint32_t)workload * SL_THREAT_MAX + threat) % SL_THREATS_TOLD];
}

uint32_t sl_threat_count(struct sl_threat_memory *memory, enum sl_threat threat, uint16_t workload,
			 uint64_t now_ns)
{
	struct told *told = place(memory, threat, workload);
	uint32_t n;

	if (!told->last_ns || told->threat != threat || told->workload != workload)
		*told = (struct told){ .workload = workload, .threat = (uint8_t)threat };
	if (told->last_ns && now_ns < told->last_ns + SL_THREAT_EVERY_S * SECOND) {
		if (told->waiting < UINT32_MAX)
			told->waiting++;
		return 0;
	}
	n = told->waiting < UINT32_MAX ? told->waiting + 1 : UINT32_MAX;
	told->waiting = 0;
	told->last_ns = now_ns ? now_ns : 1;
	return n;
}

uint32_t sl_threat_due(struct sl_threat_memory *memory, uint64_t now_ns, enum sl_threat *ret_threat,
		       uint16_t *ret_workload)
{
	for (; memory->next < SL_THREATS_TOLD; memory->next++) {
		struct told *told = &memory->told[memory->next];
		uint32_t n = told->waiting;

		if (!told->last_ns || now_ns < told->last_ns + SL_THREAT_EVERY_S * SECOND)
			continue;
		*ret_threat = (enum sl_threat)told->threat;
		*ret_workload = told->workload;
		*told = (struct told){ .last_ns = 0 };
		if (n) {
			memory->next++;
			return n;
		}
	}
	memory->next = 0;
	return 0;
}
