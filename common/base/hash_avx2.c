/* SPDX-License-Identifier: Apache-2.0
 * hash_avx2.c - XXH3 in 256-bit words, for processors that have them (hash.c chooses): the library
 * is built for the baseline, and takes nearly twice as long. Compiled with -mavx2 (module.mk). */
#include "common/base/hash_avx2.h"

#ifdef __x86_64__
#define XXH_INLINE_ALL
#define XXH_VECTOR 2 /* XXH_AVX2, whose name its header defines later */
#include <xxhash.h>

uint64_t hash_checksum_avx2(const void *data, size_t size_bytes)
{
	return XXH3_64bits(data, size_bytes);
}
#endif
