// SPDX-License-Identifier: BSD-2-Clause
/*
 * SMB over TCP ([MS-SMB2] 2.1, 2.2.1; [MS-CIFS] 2.2.3.1): a length, then a
 * header with a magic. nDPI looks at port 445 only.
 */
#include "dpi/inspect/parse.h"

#define HEADER 4
#define LEAST 32 /* of an SMB header */

enum sl_verdict sl_parse_smb(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (said->data[0])
		return SL_NO;
	if (said->len < HEADER + 4)
		return SL_MORE;
	if (sl_be24(said->data + 1) < LEAST || memcmp(said->data + HEADER + 1, "SMB", 3) != 0)
		return SL_NO;
	if (said->data[HEADER] == 0xff)
		return sl_yes(found, SL_APPLICATION_SMB1, 95);
	return said->data[HEADER] == 0xfe ? sl_yes(found, SL_APPLICATION_SMB, 95) : SL_NO;
}
