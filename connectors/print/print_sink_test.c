/* SPDX-License-Identifier: Apache-2.0
 * print_sink_test.c - the prefix is there exactly when there are several subtasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "connectors/print/print_sink.h"
#include "tests/lib/connector_kit.h"

static const struct field fields[] = { { "word", FIELD_STRING, 0 }, { "count", FIELD_BIGINT, 0 } };

struct count {
	struct str word;
	int64_t count;
};

static void expect(const char *format, uint32_t parallelism, uint32_t subtask, const char *lines)
{
	const struct count records[] = { { str_of("hello", 5), 2 }, { str_of("world", 5), 1 } };
	struct err err = ERR_INIT;
	struct record_type *type;
	struct sim_options calm = { .delay_us_max = 0 };
	struct sim *sim = sim_create(1, &calm);
	struct world *node = sim_node(sim, "node");

	assert_int_equal(record_type_create("word_count", format, fields, 2, &type, &err), 0);
	struct kit_options options = { .world = node, .sim = sim, .sink = &print_sink, .type = type,
				       .parallelism = parallelism, .subtask = subtask,
				       .records = records, .count = 2 };
	struct kit *kit = kit_start(&options);

	kit_wait(kit);
	assert_string_equal(kit_error(kit)->text, "");
	assert_string_equal(kit_lines(kit, 0), lines);
	assert_int_equal(kit_outside_bytes(kit), strlen(lines));
	kit_destroy(&kit);
	world_destroy(&node);
	sim_destroy(&sim);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void lines_carry_the_subtask_only_if_there_are_several(void **state)
{
	expect(NULL, 1, 0, "(hello,2)\n(world,1)\n");
	expect(NULL, 4, 2, "3> (hello,2)\n3> (world,1)\n");
	expect("{word} : {count}", 1, 0, "hello : 2\nworld : 1\n");
	expect("{word} : {count}", 2, 1, "2> hello : 2\n2> world : 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_carry_the_subtask_only_if_there_are_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
