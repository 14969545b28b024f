/* SPDX-License-Identifier: Apache-2.0
 * job_graph_info_test.c - which subtasks an edge connects, and how ship strategies are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/graph/graph.h"

static void rescale_is_flink_s_pointwise_distribution(void **state)
{
	/* 2 producers, 3 consumers: the first feeds two; 3 and 2: the second consumer reads two. */
	static const uint32_t two_three[][2] = { { 0, 1 }, { 2, 2 } };
	static const uint32_t three_two[][2] = { { 0, 0 }, { 1, 2 } };
	uint32_t first, last;

	for (uint32_t i = 0; i < 2; i++) {
		edge_consumers(FLINK__SHIP_STRATEGY__SHIP_RESCALE, i, 2, 3, &first, &last);
		assert_int_equal(first, two_three[i][0]);
		assert_int_equal(last, two_three[i][1]);
		edge_producers(FLINK__SHIP_STRATEGY__SHIP_RESCALE, i, 3, 2, &first, &last);
		assert_int_equal(first, three_two[i][0]);
		assert_int_equal(last, three_two[i][1]);
	}
}

/* For all small sizes: both directions tell of the same pairs, and nobody is left out. */
static void ranges_agree_in_both_directions(void **state)
{
	for (uint32_t producers = 1; producers <= 40; producers++)
		for (uint32_t consumers = 1; consumers <= 40; consumers++)
			for (int ship = 0; ship < 8; ship++) {
				if (ship == SHIP_FORWARD && producers != consumers)
					continue;
				for (uint32_t p = 0; p < producers; p++)
					for (uint32_t c = 0; c < consumers; c++) {
						uint32_t to[2], from[2];

						edge_consumers((Flink__ShipStrategy)ship, p,
							       producers, consumers, &to[0],
							       &to[1]);
						edge_producers((Flink__ShipStrategy)ship, c,
							       producers, consumers, &from[0],
							       &from[1]);
						if (to[0] > to[1] || to[1] >= consumers ||
						    from[0] > from[1] || from[1] >= producers ||
						    (c >= to[0] && c <= to[1]) !=
							    (p >= from[0] && p <= from[1]))
							fail_msg("%d: %u of %u, %u of %u", ship, p,
								 producers, c, consumers);
					}
			}
}

static void huge_ranges_do_not_overflow(void **state)
{
	uint32_t first, last;

	edge_producers(FLINK__SHIP_STRATEGY__SHIP_RESCALE, 32766, 32768, 32767, &first, &last);
	assert_int_equal(first, 32766);
	assert_int_equal(last, 32767);
	edge_consumers(FLINK__SHIP_STRATEGY__SHIP_HASH, 9999, 10000, 10000, &first, &last);
	assert_int_equal(first, 0);
	assert_int_equal(last, 9999);
}

static void ship_names_are_flink_s(void **state)
{
	static const char *const names[] = { "FORWARD",	  "HASH",    "REBALANCE", "RESCALE",
					     "BROADCAST", "SHUFFLE", "GLOBAL",	  "CUSTOM" };

	for (int i = 0; i < 8; i++)
		assert_string_equal(ship_name((Flink__ShipStrategy)i), names[i]);
	assert_null(ship_name((Flink__ShipStrategy)8));
	assert_null(ship_name((Flink__ShipStrategy)-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rescale_is_flink_s_pointwise_distribution),
		cmocka_unit_test(ranges_agree_in_both_directions),
		cmocka_unit_test(huge_ranges_do_not_overflow),
		cmocka_unit_test(ship_names_are_flink_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
