/* SPDX-License-Identifier: Apache-2.0
 * hash.h - the hashes of the project. The key-group hash is part of the record format and of every
 * savepoint: it never changes. Tables mix a seed of their own into it (hash flooding). */
#ifndef COMMON_BASE_HASH_H
#define COMMON_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Murmur3 x64 128, seed 0, little endian: Flink's vertex ids. */
void hash_murmur3_128(const void *data, size_t size_bytes, uint8_t out[16]);
/* SHA-256 (OpenSSL). */
void hash_sha256(const void *data, size_t size_bytes, uint8_t out[32]);
void hash_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t size_bytes,
		      uint8_t out[32]);
/* XXH3 64-bit, seed 0: checksums of frames and files. */
uint64_t hash_checksum(const void *data, size_t size_bytes);

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load_u64(const void *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

/* The key hash: canonical key bytes to 64 bits. Documented in docs/record-format.md. Short keys
 * (≤ 16 bytes) cost two multiplications. */
static inline uint64_t hash_key(const void *data, size_t size_bytes)
{
	const uint64_t k0 = UINT64_C(0x9E3779B97F4A7C15), k1 = UINT64_C(0xD6E8FEB86659FD93);
	const uint8_t *at = data;
	size_t left = size_bytes;
	uint64_t h = size_bytes * k1;

	while (left > 16) {
		h = hash_fold(hash_load_u64(at) ^ k0 ^ h, hash_load_u64(at + 8) ^ k1);
		at += 16;
		left -= 16;
	}
	uint64_t a = 0, b = 0;
	if (left >= 8) {
		a = hash_load_u64(at);
		b = hash_load_u64(at + left - 8);
	} else if (left >= 4) {
		uint32_t low, high;
		memcpy(&low, at, 4);
		memcpy(&high, at + left - 4, 4);
		a = low;
		b = high;
	} else if (left > 0) {
		a = (uint64_t)at[0] | (uint64_t)at[left / 2] << 8 | (uint64_t)at[left - 1] << 16;
	}
	return hash_fold(a ^ k0 ^ h, b ^ k1 ^ (uint64_t)left);
}

/* hash_key of a key of 0 … 12 bytes that comes as two words with zeroes behind. What hash_key asks
 * by branches is looked up here: words of a text have lengths that no processor foresees, and a
 * wrong guess costs more than all of this. */
static inline uint64_t hash_key_short(uint64_t low, uint32_t high, uint32_t size_bytes)
{
	static const struct {
		uint64_t first;         /* of low: what is read first */
		/* keys of 1 and 2 bytes: the byte that is read again, where */
		uint32_t again, places;
		uint32_t last_shift;    /* of low: where what is read last begins */
	} ways[] = {
		{ 0, 0, 0, 0 },
		{ 0xFF, 0xFF, 0x10100, 56 },
		{ 0xFFFF, 0xFF00, 0x100, 56 },
		{ 0xFFFFFF, 0, 0, 56 },
		{ UINT32_MAX, 0, 0, 0 },
		{ UINT32_MAX, 0, 0, 8 },
		{ UINT32_MAX, 0, 0, 16 },
		{ UINT32_MAX, 0, 0, 24 },
		{ UINT64_MAX, 0, 0, 0 },
		{ UINT64_MAX, 0, 0, 8 },
		{ UINT64_MAX, 0, 0, 16 },
		{ UINT64_MAX, 0, 0, 24 },
		{ UINT64_MAX, 0, 0, 32 },
	};
	const uint64_t k0 = UINT64_C(0x9E3779B97F4A7C15), k1 = UINT64_C(0xD6E8FEB86659FD93);
	uint64_t first = (low & ways[size_bytes].first) +
			 (low & ways[size_bytes].again) * ways[size_bytes].places;
	uint32_t shift = ways[size_bytes].last_shift;
	uint64_t last = low >> shift | (uint64_t)high << 32 << ((32 - shift) & 63);

	return hash_fold(first ^ k0 ^ size_bytes * k1, last ^ k1 ^ size_bytes);
}

#endif
