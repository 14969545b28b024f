/* SPDX-License-Identifier: Apache-2.0
 * hash.c - Murmur3 (Flink's vertex ids), SHA-256 and HMAC (OpenSSL), XXH3 (checksums). */
#include "common/base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include "common/base/check.h"
#include "common/base/hash_avx2.h"

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static uint64_t finish(uint64_t k)
{
	k = (k ^ k >> 33) * UINT64_C(0xff51afd7ed558ccd);
	k = (k ^ k >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return k ^ k >> 33;
}

void hash_murmur3_128(const void *data, size_t size_bytes, uint8_t out[16])
{
	const uint64_t c1 = UINT64_C(0x87c37b91114253d5), c2 = UINT64_C(0x4cf5ad432745937f);
	const uint8_t *at = data;
	uint64_t h1 = 0, h2 = 0;

	for (size_t i = 0; i < size_bytes / 16; i++, at += 16) {
		h1 ^= rotate(hash_load_u64(at) * c1, 31) * c2;
		h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
		h2 ^= rotate(hash_load_u64(at + 8) * c2, 33) * c1;
		h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
	}
	uint8_t tail[16] = { 0 };

	if (size_bytes % 16 > 0)
		memcpy(tail, at, size_bytes % 16);
	h2 ^= rotate(hash_load_u64(tail + 8) * c2, 33) * c1;
	h1 ^= rotate(hash_load_u64(tail) * c1, 31) * c2;
	h1 ^= size_bytes;
	h2 ^= size_bytes;
	h1 += h2;
	h2 += h1;
	h1 = finish(h1);
	h2 = finish(h2);
	h1 += h2;
	h2 += h1;
	memcpy(out, &h1, 8);
	memcpy(out + 8, &h2, 8);
}

void hash_sha256(const void *data, size_t size_bytes, uint8_t out[32])
{
	CHECK(EVP_Digest(data, size_bytes, out, NULL, EVP_sha256(), NULL) == 1, "SHA-256");
}

void hash_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t size_bytes,
		      uint8_t out[32])
{
	unsigned int length = 32;

	CHECK(HMAC(EVP_sha256(), key, (int)key_bytes, data, size_bytes, out, &length) != NULL,
	      "HMAC");
}

/* The words are of no use to XXH3 up to 240 bytes. */
uint64_t hash_checksum(const void *data, size_t size_bytes)
{
#ifdef __x86_64__
	if (size_bytes > 240 && __builtin_cpu_supports("avx2"))
		return hash_checksum_avx2(data, size_bytes);
#endif
	return XXH3_64bits(data, size_bytes);
}
