/* SPDX-License-Identifier: Apache-2.0
 * utf8.c - is this text UTF-8? Sources ask for every line, so ASCII goes 32 bytes at a time. */
#include "common/base/hash.h"
#include "common/base/utf8.h"
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
		size_t length = utf8_sequence(bytes + at, size_bytes - at);
		if (length == 0)
			return false;
		at += length;
	}
	return true;
}
