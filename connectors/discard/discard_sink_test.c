/* SPDX-License-Identifier: Apache-2.0
 * discard_sink_test.c - every record is taken, none comes out anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "connectors/discard/discard_sink.h"
#include "tests/lib/connector_kit.h"

static const struct field fields[] = { { "text", FIELD_STRING, 0 } };

static void records_are_taken_and_forgotten(void **state)
{
	const struct str records[] = { str_of("short", 5),
				       str_of("longer than it fits inline", 26) };
	struct err err = ERR_INIT;
	struct record_type *type;
	struct sim_options calm = { .delay_us_max = 0 };
	struct sim *sim = sim_create(1, &calm);
	struct world *node = sim_node(sim, "node");

	assert_int_equal(record_type_create("line", NULL, fields, 1, &type, &err), 0);
	struct kit_options options = { .world = node,
				       .sim = sim,
				       .sink = &discard_sink,
				       .type = type,
				       .records = records,
				       .count = 2,
				       .times = 1000 };
	struct kit *kit = kit_start(&options);

	kit_wait(kit); /* fails unless all was written and the flush answered */
	assert_string_equal(kit_error(kit)->text, "");
	assert_int_equal(kit_refusals(kit), 0);
	assert_string_equal(kit_lines(kit, 0), "");
	kit_destroy(&kit);
	world_destroy(&node);
	sim_destroy(&sim);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_taken_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
