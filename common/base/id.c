/* SPDX-License-Identifier: Apache-2.0
 * id.c - ids as hex. */
#include "common/base/id.h"

const char *id_format(const struct id *id, char text[ID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		text[2 * i] = digits[id->bytes[i] >> 4];
		text[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	text[32] = '\0';
	return text;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool id_parse(const char *text, struct id *id)
{
	struct id parsed;

	if (text == NULL || strlen(text) != 32)
		return false;
	for (int i = 0; i < 16; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		parsed.bytes[i] = (uint8_t)(high * 16 + low);
	}
	*id = parsed;
	return true;
}
