/* SPDX-License-Identifier: Apache-2.0
 * bench_keys.h - the keys of tests/bench/limit (random_below of common.h, make_key of sum_table.h),
 * one after the other. The state is a counter, so anyone can begin anywhere in the row: record n of
 * the row seeded with 1 is made from the state 1 + n * BENCH_KEYS_STEP. */
#ifndef TESTS_BENCH_CONNECTOR_BENCH_KEYS_H
#define TESTS_BENCH_CONNECTOR_BENCH_KEYS_H

#include <stdint.h>

#define BENCH_KEYS_STEP UINT64_C(0x9E3779B97F4A7C15)

/* Which of the keys comes next: 0 … keys - 1. */
static inline uint64_t bench_key_number(uint64_t *state, uint64_t keys)
{
	uint64_t z = (*state += BENCH_KEYS_STEP);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	z ^= z >> 31;
	return (uint64_t)(((unsigned __int128)z * keys) >> 64);
}

static inline uint64_t bench_key(uint64_t number)
{
	return (number + 1) * UINT64_C(0xD1B54A32D192ED03);
}

#endif
