/* SPDX-License-Identifier: Apache-2.0
 * bench_keys.h - the keys of tests/bench/limit (random_below of common.h, make_key of sum_table.h).
 *
 * The limit programs draw all their keys beforehand. Here each subtask draws BENCH_KEYS_PERIOD of
 * them, going on in the same row of random numbers where the subtask in front of it ends, and goes
 * through them again and again: four times as many as the largest number of keys that is measured
 * by default, so that nearly every key is among them. */
#ifndef TESTS_BENCH_CONNECTOR_BENCH_KEYS_H
#define TESTS_BENCH_CONNECTOR_BENCH_KEYS_H

#include <stdint.h>

#define BENCH_KEYS_PERIOD (UINT32_C(4) << 20)
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

static inline void bench_keys_draw(uint32_t *numbers, uint32_t count, uint32_t subtask,
				   uint32_t keys)
{
	uint64_t state = 1 + (uint64_t)subtask * count * BENCH_KEYS_STEP;

	for (uint32_t i = 0; i < count; i++)
		numbers[i] = (uint32_t)bench_key_number(&state, keys);
}

static inline uint64_t bench_key(uint64_t number)
{
	return (number + 1) * UINT64_C(0xD1B54A32D192ED03);
}

#endif
