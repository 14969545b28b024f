/* SPDX-License-Identifier: Apache-2.0
 * code_test.c - codes are near what they stand for and in its order; blocks come back as they went
 * in, whatever is in them. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <string.h>

#include "common/base/compiler.h"
#include "jobmanager/series/code.h"
#include "tests/lib/dice.h"

static void small_numbers_are_exact_large_ones_nearly(void **state)
{
	uint64_t dice = 1;

	for (uint64_t units = 0; units < 2000; units++)
		assert_int_equal(series_units(series_code(units)), units);
	for (int i = 0; i < 200000; i++) {
		uint64_t units = ((uint64_t)below(&dice, UINT32_MAX) << 32 |
				  below(&dice, UINT32_MAX)) >> below(&dice, 64);
		uint64_t kept = series_units(series_code(units));
		uint64_t worth = units < SERIES_UNITS_MAX ? units : SERIES_UNITS_MAX;
		uint64_t off = kept > worth ? kept - worth : worth - kept;

		if (off > (worth + 1999) / 2000 || (off > 0 && worth < 2000))
			fail_msg("%llu is kept as %llu", (unsigned long long)units,
				 (unsigned long long)kept);
	}
	/* Three digits and zeros. */
	for (uint64_t power = 1; power <= SERIES_UNITS_MAX / 1000; power *= 10)
		for (uint64_t digits = 1; digits < 1000; digits++)
			assert_int_equal(series_units(series_code(digits * power)), digits * power);
	assert_true(series_code(UINT64_MAX) != SERIES_NULL);
	assert_int_equal(series_units(series_code(UINT64_MAX)), SERIES_UNITS_MAX);
}

static void codes_are_in_the_order_of_numbers(void **state)
{
	uint16_t last = series_code(UINT64_MAX);

	for (uint16_t code = 0; code < last; code++) {
		assert_true(series_units(code) < series_units((uint16_t)(code + 1)));
		assert_int_equal(series_code(series_units(code)), code);
	}
}

static size_t round_trip(const uint16_t *codes, size_t count)
{
	uint8_t packed[SERIES_PACKED_BYTES_MAX + 8];
	uint16_t back[SERIES_BLOCK_POINTS];
	size_t size;

	memset(packed, 0xa5, sizeof(packed));
	memset(back, 0x5a, sizeof(back));
	size = series_pack(codes, count, packed);
	assert_true(size > 0 && size <= 1 + 2 * count);
	for (size_t i = SERIES_PACKED_BYTES_MAX; i < sizeof(packed); i++)
		assert_int_equal(packed[i], 0xa5);
	series_unpack(packed, size, back, count);
	assert_memory_equal(codes, back, count * sizeof(*codes));
	return size;
}

static void blocks_come_back_as_they_went_in(void **state)
{
	uint16_t codes[SERIES_BLOCK_POINTS];
	uint64_t dice = 2;

	for (int run = 0; run < 20000; run++) {
		size_t count = between(&dice, 1, SERIES_BLOCK_POINTS);
		uint32_t wobble = 1u << below(&dice, 17), nulls = below(&dice, 4);
		uint16_t at = (uint16_t)below(&dice, 65536);

		for (size_t i = 0; i < count; i++) {
			if (one_in(&dice, 1 + wobble / 4))
				at = (uint16_t)below(&dice, 65536);
			at = (uint16_t)(at + below(&dice, wobble) - wobble / 2);
			codes[i] = nulls == 1 || (nulls == 2 && one_in(&dice, 3)) ||
						   (nulls == 3 && one_in(&dice, 100))
					   ? SERIES_NULL
					   : at;
		}
		round_trip(codes, count);
	}
}

static void the_worst_blocks_fit(void **state)
{
	uint16_t codes[SERIES_BLOCK_POINTS];

	for (size_t i = 0; i < SERIES_BLOCK_POINTS; i++)
		codes[i] = i % 2 == 0 ? 0 : SERIES_NULL - 1;
	assert_int_equal(round_trip(codes, SERIES_BLOCK_POINTS), SERIES_PACKED_BYTES_MAX);
	for (size_t i = 0; i < SERIES_BLOCK_POINTS; i++)
		codes[i] = i % 2 == 0 ? 7 : SERIES_NULL;
	round_trip(codes, SERIES_BLOCK_POINTS);
	codes[0] = SERIES_NULL;
	round_trip(codes, 1);
	codes[0] = 65000;
	round_trip(codes, 1);
}

static void what_does_not_change_costs_next_to_nothing(void **state)
{
	uint16_t codes[SERIES_BLOCK_POINTS];

	for (size_t i = 0; i < SERIES_BLOCK_POINTS; i++)
		codes[i] = 1000;
	assert_int_equal(round_trip(codes, SERIES_BLOCK_POINTS), 3);
	for (size_t i = 0; i < SERIES_BLOCK_POINTS; i++)
		codes[i] = SERIES_NULL;
	assert_int_equal(round_trip(codes, SERIES_BLOCK_POINTS), 1);
	/* A step in the middle: a bit per point. */
	for (size_t i = 0; i < SERIES_BLOCK_POINTS; i++)
		codes[i] = i < 100 ? 3 : 5;
	assert_true(round_trip(codes, SERIES_BLOCK_POINTS) < 3 + SERIES_BLOCK_POINTS / 8 + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_numbers_are_exact_large_ones_nearly),
		cmocka_unit_test(codes_are_in_the_order_of_numbers),
		cmocka_unit_test(blocks_come_back_as_they_went_in),
		cmocka_unit_test(the_worst_blocks_fit),
		cmocka_unit_test(what_does_not_change_costs_next_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
