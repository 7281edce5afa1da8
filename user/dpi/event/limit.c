// SPDX-License-Identifier: BSD-2-Clause
/* A token bucket; see limit.h. */
#include "dpi/event/limit.h"

#define UNIT 1000000000ull /* an event */

void sl_limit_init(struct sl_limit *limit, uint32_t per_second, uint32_t burst, uint64_t now_ns)
{
	*limit = (struct sl_limit){
		.per_second = per_second,
		.burst = burst ? burst : 1,
		.credit = (burst ? burst : 1) * UNIT,
		.last_ns = now_ns,
	};
}

bool sl_limit_pass(struct sl_limit *limit, uint64_t now_ns)
{
	uint64_t full = limit->burst * UNIT, passed;

	if (!limit->per_second)
		return true;
	if (now_ns > limit->last_ns) {
		passed = now_ns - limit->last_ns;
		/* Beyond the time that fills the bucket the product could overflow. */
		if (passed >= full / limit->per_second)
			limit->credit = full;
		else
			limit->credit += passed * limit->per_second;
		if (limit->credit > full)
			limit->credit = full;
		limit->last_ns = now_ns;
	}
	if (limit->credit < UNIT) {
		limit->suppressed++;
		limit->total++;
		return false;
	}
	limit->credit -= UNIT;
	return true;
}

uint64_t sl_limit_suppressed(struct sl_limit *limit)
{
	uint64_t n = limit->suppressed;

	limit->suppressed = 0;
	return n;
}
