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

/* Up to 16 bytes as two words, as if zeroes followed; nothing is read beyond them. */
static inline void hash_load_words(const void *data, size_t size_bytes, uint64_t words[2])
{
	const uint8_t *at = data;
	uint32_t low, high;

	words[0] = words[1] = 0;
	if (size_bytes > 8) {
		words[0] = hash_load_u64(at);
		words[1] = hash_load_u64(at + size_bytes - 8) >> (8 * (16 - size_bytes));
	} else if (size_bytes == 8) {
		words[0] = hash_load_u64(at);
	} else if (size_bytes >= 4) { /* the two halves overlap where they agree */
		memcpy(&low, at, 4);
		memcpy(&high, at + size_bytes - 4, 4);
		words[0] = low | (uint64_t)high << (8 * (size_bytes - 4));
	} else if (size_bytes > 0) {
		words[0] = (uint64_t)at[0] |
			   (uint64_t)at[size_bytes / 2] << (8 * (size_bytes / 2)) |
			   (uint64_t)at[size_bytes - 1] << (8 * (size_bytes - 1));
	}
}

#define HASH_K0 UINT64_C(0x9E3779B97F4A7C15)
#define HASH_K1 UINT64_C(0xD6E8FEB86659FD93)

/* hash_key of a key of 0 … 16 bytes that comes as two words with zeroes behind: one
 * multiplication, and no branch on its size. */
static inline uint64_t hash_key_words(uint64_t first, uint64_t second, uint32_t size_bytes)
{
	return hash_fold(first ^ HASH_K0 ^ size_bytes * HASH_K1, second ^ HASH_K1 ^ size_bytes);
}

/* The key hash: canonical key bytes to 64 bits. Documented in docs/record-format.md. */
static inline uint64_t hash_key(const void *data, size_t size_bytes)
{
	const uint8_t *at = data;
	size_t left = size_bytes;
	uint64_t h = size_bytes * HASH_K1, words[2];

	while (left > 16) {
		h = hash_fold(hash_load_u64(at) ^ HASH_K0 ^ h, hash_load_u64(at + 8) ^ HASH_K1);
		at += 16;
		left -= 16;
	}
	hash_load_words(at, left, words);
	return hash_fold(words[0] ^ HASH_K0 ^ h, words[1] ^ HASH_K1 ^ (uint64_t)left);
}

#endif
