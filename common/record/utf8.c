/* SPDX-License-Identifier: Apache-2.0
 * utf8.c - is this text UTF-8? Sources ask for every line, so ASCII goes 32 bytes at a time. */
#include "common/base/hash.h"
#include "common/record/record.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Bytes from `at` on that are ASCII, in whole steps of 32 and then 8. */
static size_t skip_ascii(const uint8_t *text, size_t at, size_t size_bytes)
{
	while (size_bytes - at >= 32) {
		uint64_t any = hash_load_u64(text + at) | hash_load_u64(text + at + 8) |
			       hash_load_u64(text + at + 16) | hash_load_u64(text + at + 24);

		if (any & HIGH_BITS)
			break;
		at += 32;
	}
	while (size_bytes - at >= 8 && !(hash_load_u64(text + at) & HIGH_BITS))
		at += 8;
	return at;
}

static bool is_tail(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

/* Length of the sequence that begins at text[0] ≥ 0x80, or 0 if it is not one. The second byte's
 * range excludes overlong forms (E0, F0), surrogates (ED) and what lies above U+10FFFF (F4). */
static size_t sequence_length(const uint8_t *text, size_t left)
{
	uint8_t first = text[0];

	if (first < 0xC2 || first > 0xF4)
		return 0;
	if (first < 0xE0)
		return left >= 2 && is_tail(text[1]) ? 2 : 0;
	if (first < 0xF0) {
		uint8_t low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;

		return left >= 3 && text[1] >= low && text[1] <= high && is_tail(text[2]) ? 3 : 0;
	}
	uint8_t low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;

	if (left < 4 || text[1] < low || text[1] > high || !is_tail(text[2]) || !is_tail(text[3]))
		return 0;
	return 4;
}

bool utf8_valid(const char *text, size_t size_bytes)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t at = 0;

	while (at < size_bytes) {
		if (bytes[at] < 0x80) {
			size_t next = skip_ascii(bytes, at, size_bytes);

			at = next > at ? next : at + 1;
			continue;
		}
		size_t length = sequence_length(bytes + at, size_bytes - at);
		if (length == 0)
			return false;
		at += length;
	}
	return true;
}
