/* SPDX-License-Identifier: Apache-2.0
 * hash_avx2.h - hash_checksum for x86-64 processors with AVX2; nobody but hash.c and its test calls
 * it. */
#ifndef COMMON_BASE_HASH_AVX2_H
#define COMMON_BASE_HASH_AVX2_H

#include <stddef.h>
#include <stdint.h>

#ifdef __x86_64__
uint64_t hash_checksum_avx2(const void *data, size_t size_bytes);
#endif

#endif
