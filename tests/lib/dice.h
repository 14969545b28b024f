/* SPDX-License-Identifier: Apache-2.0
 * dice.h - SplitMix64 for what is drawn from a seed before a run begins: plans have dice of their
 * own, so that replaying a run needs nothing but its seed. */
#ifndef TESTS_LIB_DICE_H
#define TESTS_LIB_DICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"

static UNUSED uint32_t below(uint64_t *state, uint32_t bound)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (uint32_t)(((z ^ (z >> 31)) >> 32) * bound >> 32);
}

static UNUSED uint32_t between(uint64_t *state, uint32_t low, uint32_t high)
{
	return low + below(state, high - low + 1);
}

static UNUSED bool one_in(uint64_t *state, uint32_t count)
{
	return below(state, count) == 0;
}

#endif
