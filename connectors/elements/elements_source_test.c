/* SPDX-License-Identifier: Apache-2.0
 * elements_source_test.c - elements come out in order; damaged ones are refused by their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "job_graph.pb-c.h"

#include "connectors/elements/elements_source.h"
#include "tests/lib/connector_kit.h"

static const struct field fields[] = { { "word", FIELD_STRING, 0 }, { "count", FIELD_INT, 0 } };

struct element {
	struct str word;
	int32_t count;
};

static struct bytes pack(const ProtobufCBinaryData *elements, size_t count)
{
	Flink__OperatorParameters message = FLINK__OPERATOR_PARAMETERS__INIT;

	message.elements = (ProtobufCBinaryData *)(uintptr_t)elements;
	message.n_elements = count;
	size_t size_bytes = flink__operator_parameters__get_packed_size(&message);
	uint8_t *packed = mem_alloc(size_bytes);

	flink__operator_parameters__pack(&message, packed);
	return bytes_of(packed, size_bytes);
}

static void expect(struct bytes parameters, const char *lines, const char *error)
{
	for (uint32_t segment_bytes = 64; segment_bytes <= 8192; segment_bytes *= 8) {
		struct err err = ERR_INIT;
		struct record_type *type;
		struct sim_options calm = { .delay_us_max = 0 };
		struct sim *sim = sim_create(segment_bytes, &calm);
		struct world *node = sim_node(sim, "node");

		assert_int_equal(record_type_create("element", NULL, fields, 2, &type, &err), 0);
		struct kit_options options = { .world = node,
					       .sim = sim,
					       .source = &elements_source,
					       .parameters = parameters,
					       .type = type,
					       .segment_bytes = segment_bytes };
		struct kit *kit = kit_start(&options);

		kit_wait(kit);
		assert_string_equal(kit_lines(kit, 0), lines);
		assert_string_equal(kit_error(kit)->text, error);
		kit_destroy(&kit);
		world_destroy(&node);
		sim_destroy(&sim);
		record_type_destroy(&type);
	}
	mem_free((void *)(uintptr_t)parameters.data);
	assert_int_equal(mem_bytes_out(), 0);
}

static void elements_come_in_order(void **state)
{
	uint64_t images[3][16];
	struct err err = ERR_INIT;
	struct record_type *type;
	ProtobufCBinaryData elements[3];
	const struct element records[] = { { str_of("a", 1), 1 },
					   { str_of("a word with a tail behind it", 28), 2 },
					   { str_of("", 0), -3 } };

	assert_int_equal(record_type_create("element", NULL, fields, 2, &type, &err), 0);
	for (int i = 0; i < 3; i++) {
		record_copy(type, &records[i], images[i]);
		elements[i] = (ProtobufCBinaryData){ record_size(type, &records[i]),
						     (uint8_t *)images[i] };
	}
	record_type_destroy(&type);
	expect(pack(elements, 3), "(a,1)\n(a word with a tail behind it,2)\n(,-3)\n", "");
	expect(pack(elements, 0), "", "");
}

static void a_damaged_element_is_refused_by_its_number(void **state)
{
	struct element good = { str_of("ok", 2), 1 };
	ProtobufCBinaryData elements[2] = { { sizeof(good), (uint8_t *)&good },
					    { 7, (uint8_t *)&good } };
	struct bytes parameters = pack(elements, 2);
	struct err err = ERR_INIT;
	struct record_type *type;
	uint64_t image[4] = { 0 };
	char text[1000];

	memcpy(image, &good, 7);
	assert_int_equal(record_type_create("element", NULL, fields, 2, &type, &err), 0);
	assert_int_equal(record_check(type, image, 7, &err), -1);
	assert_int_equal(err.code, ERR_RECORD_INVALID);
	record_type_destroy(&type);
	snprintf(text, sizeof(text), "element 1: %s", err.text);
	expect(parameters, "(ok,1)\n", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_come_in_order),
		cmocka_unit_test(a_damaged_element_is_refused_by_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
