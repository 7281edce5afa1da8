// SPDX-License-Identifier: BSD-2-Clause
/*
 * HPACK's integers, texts and Huffman code (RFC 7541, 5 and appendix B). The
 * code is canonical, codes of one length are consecutive: how many there are
 * of each length and the symbols in order of their codes define it.
 */
#include "dpi/inspect/hpack.h"

#include <string.h>

#define END_OF_TEXT 256
#define CODE_MAX 30
#define NUMBER_MAX (1 << 20)

static const uint8_t codes_of_length[CODE_MAX + 1] = {
	0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4,
};
static const uint16_t symbol_by_code[257] = {
	48,  49,  50,  97,  99,	 101, 105, 111, 115, 116, 32,  37,  45,	 46,  47,  51,	52,  53,  54,  55,
	56,  57,  61,  65,  95,	 98,  100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58,  66,  67,  68,
	69,  70,  71,  72,  73,	 74,  75,  76,	77,  78,  79,  80,  81,	 82,  83,  84,	85,  86,  87,  89,
	106, 107, 113, 118, 119, 120, 121, 122, 38,  42,  44,  59,  88,	 90,  33,  34,	40,  41,  63,  39,
	43,  124, 35,  62,  0,	 36,  64,  91,	93,  126, 94,  125, 60,	 96,  123, 92,	195, 208, 128, 130,
	131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129,
	132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190,
	196, 198, 228, 232, 233, 1,   135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157,
	158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,   142, 144, 145, 148, 159,
	171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219,
	238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250,
	251, 252, 253, 254, 2,	 3,   4,   5,	6,   7,	  8,   11,  12,	 14,  15,  16,	17,  18,  19,  20,
	21,  23,  24,  25,  26,	 27,  28,  29,	30,  31,  127, 220, 249, 10,  13,  22,	256,
};

struct reader {
	const uint8_t *at, *end;
};

/* An integer whose first bits share a byte with something else. False if it is cut short or too large. */
static bool read_number(struct reader *r, unsigned int bits, uint32_t *ret)
{
	uint32_t mask = (1u << bits) - 1, value;

	if (r->at >= r->end)
		return false;
	value = *r->at++ & mask;
	if (value == mask) {
		uint8_t byte;

		for (unsigned int shift = 0;; shift += 7) {
			if (r->at >= r->end || shift > 21)
				return false;
			byte = *r->at++;
			value += (uint32_t)(byte & 0x7f) << shift;
			if (!(byte & 0x80))
				break;
		}
	}
	*ret = value;
	return value <= NUMBER_MAX;
}

static void put(struct sl_hpack_field *field, uint8_t byte)
{
	if (field->value_len < sizeof(field->value) - 1)
		field->value[field->value_len++] = (char)byte;
	else
		field->cut = true;
}

/* Bits left over at the end are padding. False if a code is none, or the end of text, which is an error. */
static bool unpack(const uint8_t *at, uint32_t len, struct sl_hpack_field *field)
{
	uint32_t code = 0, first = 0, behind = 0;
	unsigned int length = 0;

	for (uint32_t bit = 0; bit < len * 8; bit++) {
		uint32_t count;

		/* code: the bits so far; first: of the codes this long; behind: how many are shorter. */
		code = code << 1 | (at[bit / 8] >> (7 - bit % 8) & 1);
		first <<= 1;
		if (++length > CODE_MAX)
			return false;
		count = codes_of_length[length];
		if (code - first >= count) {
			first += count;
			behind += count;
			continue;
		}
		if (symbol_by_code[behind + code - first] == END_OF_TEXT)
			return false;
		put(field, (uint8_t)symbol_by_code[behind + code - first]);
		code = first = behind = length = 0;
	}
	return length < 8;
}

/* Reads a text; keeps it if keep is not NULL. */
static bool read_text(struct reader *r, struct sl_hpack_field *keep)
{
	bool packed = r->at < r->end && *r->at & 0x80;
	const uint8_t *text;
	uint32_t len;

	if (!read_number(r, 7, &len) || len > (uint32_t)(r->end - r->at))
		return false;
	text = r->at;
	r->at += len;
	if (!keep)
		return true;
	if (packed)
		return unpack(text, len, keep);
	for (uint32_t i = 0; i < len; i++)
		put(keep, text[i]);
	return true;
}

/* A name spelt out: only the two that matter are told apart. */
static uint32_t index_of(const struct sl_hpack_field *name)
{
	if (!strcmp(name->value, "content-type"))
		return SL_HPACK_CONTENT_TYPE;
	return !strcmp(name->value, ":authority") ? SL_HPACK_AUTHORITY : 0;
}

bool sl_hpack_next(const uint8_t *block, uint32_t len, uint32_t *at, struct sl_hpack_field *ret)
{
	struct reader r = { .at = block + *at, .end = block + len };
	struct sl_hpack_field name;
	unsigned int bits;
	uint32_t index;

	memset(ret, 0, sizeof(*ret));
	while (r.at < r.end && (*r.at & 0xe0) == 0x20)
		/* a new size of the dynamic table */
		if (!read_number(&r, 5, &index))
			return false;
	if (r.at >= r.end)
		return false;
	if (*r.at & 0x80) {
		/* Name and value stand in a table. */
		if (!read_number(&r, 7, &index) || !index)
			return false;
		ret->index = index;
		*at = (uint32_t)(r.at - block);
		return true;
	}
	/* A literal, to be remembered (6 bits of index) or not (4 bits). */
	bits = *r.at & 0x40 ? 6 : 4;
	if (!read_number(&r, bits, &index))
		return false;
	if (!index) {
		memset(&name, 0, sizeof(name));
		if (!read_text(&r, &name))
			return false;
		index = name.cut ? 0 : index_of(&name);
	}
	ret->index = index;
	if (!read_text(&r, ret))
		return false;
	*at = (uint32_t)(r.at - block);
	return true;
}
