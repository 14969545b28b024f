/* SPDX-License-Identifier: Apache-2.0
 * utf8.c - see utf8.h. */
#include "common/base/utf8.h"

#include <string.h>

/* The last character may lack its end: it was longer than its place. */
static bool is_cut(const uint8_t *text, size_t left)
{
	size_t wanted = text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;

	if (text[0] < 0xC2 || text[0] > 0xF4 || left >= wanted)
		return false;
	for (size_t i = 1; i < left; i++)
		if (!utf8_is_tail(text[i]))
			return false;
	return true;
}

void utf8_clean(char *text)
{
	uint8_t *bytes = (uint8_t *)text;
	size_t size_bytes = strlen(text);

	for (size_t at = 0; at < size_bytes;) {
		size_t length = bytes[at] < 0x80 ? 1 : utf8_sequence(bytes + at, size_bytes - at);
		bool control = (bytes[at] < 0x20 && bytes[at] != '\n' && bytes[at] != '\t') ||
			       bytes[at] == 0x7F ||
			       (length == 2 && bytes[at] == 0xC2 && bytes[at + 1] < 0xA0);

		if (length == 0 && is_cut(bytes + at, size_bytes - at)) {
			text[at] = '\0';
			return;
		}
		if (length == 0)
			length = 1;
		else if (!control) {
			at += length;
			continue;
		}
		memset(text + at, '?', length);
		at += length;
	}
}
