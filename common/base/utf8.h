/* SPDX-License-Identifier: Apache-2.0
 * utf8.h - one character of UTF-8, and texts that may come from anywhere made fit to be shown.
 * (Whether a whole text is UTF-8: utf8_valid in common/record/record.h.) */
#ifndef COMMON_BASE_UTF8_H
#define COMMON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool utf8_is_tail(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

/* Length of the sequence that begins at text[0] ≥ 0x80, or 0 if it is not one. The second byte's
 * range excludes overlong forms (E0, F0), surrogates (ED) and what lies above U+10FFFF (F4). */
static inline size_t utf8_sequence(const uint8_t *text, size_t left)
{
	uint8_t first = text[0];

	if (first < 0xC2 || first > 0xF4)
		return 0;
	if (first < 0xE0)
		return left >= 2 && utf8_is_tail(text[1]) ? 2 : 0;
	if (first < 0xF0) {
		uint8_t low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;

		return left >= 3 && text[1] >= low && text[1] <= high && utf8_is_tail(text[2]) ? 3
											       : 0;
	}
	uint8_t low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;

	if (left < 4 || text[1] < low || text[1] > high || !utf8_is_tail(text[2]) ||
	    !utf8_is_tail(text[3]))
		return 0;
	return 4;
}

/* In place: what is not UTF-8, and control characters but newline and tab, become '?'; a character
 * that was cut at the end goes. So the text may stand in a message, a log, on a terminal. */
void utf8_clean(char *text);

#endif
