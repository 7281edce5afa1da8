// SPDX-License-Identifier: BSD-2-Clause
/* The words of the list in reasons.h, and its mask. */
#include "dpi/decode/reasons.h"

#define KIND_DROP 1ull
#define KIND_NOTE 0ull

#define X(name, kind, text) | KIND_##kind << SL_MALFORMED_##name
const uint64_t sl_malformed_drop = 0 SL_MALFORMED(X);
#undef X

static const struct {
	const char *name, *text;
} words[SL_MALFORMED_MAX] = {
#define X(name, kind, text) { #name, text },
	SL_MALFORMED(X)
#undef X
};

const char *sl_malformed_name(unsigned int reason)
{
	return reason < SL_MALFORMED_MAX ? words[reason].name : "unknown";
}

const char *sl_malformed_text(unsigned int reason)
{
	return reason < SL_MALFORMED_MAX ? words[reason].text : "unknown";
}
