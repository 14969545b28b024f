/* SPDX-License-Identifier: Apache-2.0
 * operators_test.c - every built-in operator through the grid of op_verify. */
#include "job_graph.pb-c.h"

#include "tests/lib/cmocka_header.h"

#include <stdio.h>

#include "taskmanager/operator/operators.h"
#include "taskmanager/state/managed.h"
#include "tests/lib/op_verify.h"
#include "tests/lib/test_functions.h"

static struct record_type *line_record, *word_record, *number_record;

static int setup(void **state)
{
	line_record = test_record_type(line_type);
	word_record = test_record_type(word_count_type);
	number_record = test_record_type(number_type);
	return 0;
}

static int teardown(void **state)
{
	record_type_destroy(&line_record);
	record_type_destroy(&word_record);
	record_type_destroy(&number_record);
	return mem_bytes_out() == 0 ? 0 : -1;
}

#define STR(text) { .len = sizeof(text) - 1, .u.inlined = text } /* at most 12 bytes */
#define STEPS(...) \
	.steps = (const struct op_step[]){ __VA_ARGS__ }, \
	.steps_count = sizeof((const struct op_step[]){ __VA_ARGS__ }) / sizeof(struct op_step)
#define EXPECTED(...) \
	.expected = (const char *const[]){ __VA_ARGS__ }, \
	.expected_count = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)
#define LINE(content) OP_RECORD_OF(line, .text = STR(content))
#define WORD(content, n) OP_RECORD_OF(word_count, .word = STR(content), .count = n)
#define NUMBER(n) OP_RECORD_OF(number, .value = n)

static void verify(struct op_test test, struct bytes parameters)
{
	test.parameters = parameters;
	op_verify(&test);
	test_parameters_free(&parameters);
}

static struct bytes function_at(void *function)
{
	return test_parameters(function, NULL, 0, 0, 0);
}
#define FUNCTION(name) function_at((void *)(name))

/* ---- map, filter, flat-map ------------------------------------------------------------------ */

static void map_calls_the_function_for_each_record(void **state)
{
	struct op_test test = {
		.operator = &operator_map,
		.input_type = line_record,
		.output_type = number_record,
		STEPS(LINE("a"), LINE(""), LINE("twelve bytes"), LINE("xyz"), OP_END_OF_INPUT),
		EXPECTED("1", "0", "12", "3"),
		.ordered = true,
	};
	verify(test, FUNCTION(test_length));
}

static void map_may_borrow_strings(void **state)
{
	const struct line longer = { .text = str_of("a line that needs a tail", 24) };
	struct op_test test = {
		.operator = &operator_map,
		.input_type = line_record,
		.output_type = line_record,
		STEPS(LINE("short"), { .kind = OP_RECORD, .record = &longer }, LINE("")),
		EXPECTED("SHORT", "A LINE THAT NEEDS A TAIL", ""),
		.ordered = true,
	};
	verify(test, FUNCTION(test_upper));
}

static void map_refuses_long_strings_copied_by_assignment(void **state)
{
	const struct line longer = { .text = str_of("a line that needs a tail", 24) };
	struct op_test test = {
		.operator = &operator_map,
		.input_type = line_record,
		.output_type = line_record,
		STEPS(LINE("short"), LINE("")),
		EXPECTED("short", ""),
	};
	verify(test, FUNCTION(test_same));
	test.steps = &(struct op_step){ .kind = OP_RECORD, .record = &longer };
	test.steps_count = 1;
	test.expected_count = 0;
	test.expected_error = "the long string in field \"text\" was copied with '='";
	verify(test, FUNCTION(test_same));
}

static void functions_see_their_parameters(void **state)
{
	struct op_test test = {
		.operator = &operator_map,
		.input_type = line_record,
		.output_type = line_record,
		.function_parameters = bytes_of_text("some parameters"),
		STEPS(LINE("x")),
		EXPECTED("some parameters/0"),
	};
	verify(test, FUNCTION(test_with_parameters));
}

static void map_batch_gives_a_record_for_each(void **state)
{
	struct op_test test = {
		.operator = &operator_map_batch,
		.input_type = number_record,
		.output_type = number_record,
		STEPS(NUMBER(10), NUMBER(0), NUMBER(-6), NUMBER(7), NUMBER(0), OP_END_OF_INPUT),
		EXPECTED("5", "0", "-3", "3", "0"),
		.ordered = true,
	};
	verify(test, FUNCTION(test_halve));
}

static void map_batch_fails_with_the_functions_words(void **state)
{
	struct op_test test = {
		.operator = &operator_map_batch,
		.input_type = number_record,
		.output_type = number_record,
		STEPS(NUMBER(1), NUMBER(2), NUMBER(-7), NUMBER(4)),
		.expected_error = "-7 is negative",
	};
	verify(test, FUNCTION(test_halve_positive));
}

static void map_batch_takes_records_of_one_size(void **state)
{
	struct op_test test = {
		.operator = &operator_map_batch,
		.input_type = line_record,
		.output_type = number_record,
		.expected_error = "operator \"Tested\" takes records of one size",
	};
	verify(test, FUNCTION(test_halve));
}

static void filter_keeps_what_the_function_likes(void **state)
{
	struct op_test test = {
		.operator = &operator_filter,
		.input_type = number_record,
		.output_type = number_record,
		STEPS(NUMBER(1), NUMBER(2), NUMBER(3), NUMBER(4), NUMBER(-6), OP_END_OF_INPUT),
		EXPECTED("2", "4", "-6"),
		.ordered = true,
	};
	verify(test, FUNCTION(test_even));
}

static void filter_keeps_long_strings_whole(void **state)
{
	const struct line longer = { .text = str_of("a line that needs a tail", 24) };
	struct op_test test = {
		.operator = &operator_filter,
		.input_type = line_record,
		.output_type = line_record,
		STEPS({ .kind = OP_RECORD, .record = &longer }, LINE(""), LINE("b")),
		EXPECTED("a line that needs a tail", "b"),
		.ordered = true,
	};
	verify(test, FUNCTION(test_not_empty));
}

static void flat_map_emits_any_number(void **state)
{
	struct op_test test = {
		.operator = &operator_flat_map,
		.input_type = line_record,
		.output_type = word_record,
		STEPS(LINE("to be or not"), LINE("  "), LINE("to be"), OP_END_OF_INPUT),
		EXPECTED("(to,1)", "(be,1)", "(or,1)", "(not,1)", "(to,1)", "(be,1)"),
		.ordered = true,
	};
	verify(test, FUNCTION(test_split));
}

static void a_failing_function_fails_the_task_with_its_words(void **state)
{
	struct op_test test = {
		.operator = &operator_flat_map,
		.input_type = line_record,
		.output_type = word_record,
		STEPS(LINE("fine"), LINE("poison"), LINE("never")),
		.expected_error = "the line is \"poison\"",
	};
	verify(test, FUNCTION(test_fail_on_poison));
}

static void a_record_of_another_type_is_refused_with_both_types(void **state)
{
	struct op_test test = {
		.operator = &operator_flat_map,
		.input_type = line_record,
		.output_type = word_record,
		STEPS(LINE("x")),
		.expected_error =
			"the function emits number(value BIGINT), but its operator was declared with "
			"word_count(word STRING, count BIGINT)",
	};
	verify(test, FUNCTION(test_collect_number));
}

static void operators_without_a_function_are_refused(void **state)
{
	const struct operator_vtable *operators[] = { &operator_map, &operator_filter,
						      &operator_flat_map };

	for (uint32_t i = 0; i < ARRAY_COUNT(operators); i++) {
		struct op_test test = {
			.operator = operators[i],
			.input_type = line_record,
			.output_type = line_record,
			.expected_error = "operator \"Tested\" needs a function",
		};
		verify(test, FUNCTION(NULL));
	}
}

static void a_filter_does_not_change_the_type(void **state)
{
	struct op_test test = {
		.operator = &operator_filter,
		.input_type = line_record,
		.output_type = number_record,
		.expected_error = "its input type is \"line\" and its output type \"number\"",
	};
	verify(test, FUNCTION(test_even));
}

/* ---- sum ------------------------------------------------------------------------------------ */

static void sum_gives_an_update_per_record(void **state)
{
	struct op_test test = {
		.operator = &operator_sum,
		.input_type = word_record,
		.output_type = word_record,
		.key = { 1, { 0 } },
		STEPS(WORD("a", 1), WORD("b", 2), WORD("a", 3), WORD("", 1), WORD("a", -10),
		      WORD("", 5), OP_END_OF_INPUT),
		EXPECTED("(a,1)", "(b,2)", "(a,4)", "(,1)", "(a,-6)", "(,6)"),
		.ordered = true,
	};
	verify(test, test_parameters(NULL, NULL, 1, 0, 0));
}

static void sum_keeps_the_first_record_of_a_key(void **state)
{
	static const struct field fields[] = {
		{ "key", FIELD_INT, 0 }, { "note", FIELD_STRING, 0 }, { "n", FIELD_DOUBLE, 0 }
	};
	struct noted {
		int32_t key;
		struct str note;
		double n;
	};
	const struct noted first = { 1, str_of("the first note, kept by reference", 33), 0.5 };
	const struct noted second = { 1, str_of("another", 7), 0.25 };
	const struct noted other = { 2, str_of("", 0), 1e10 };
	struct record_type *type;
	struct err err = ERR_INIT;

	assert_int_equal(record_type_create("noted", NULL, fields, 3, &type, &err), 0);
	struct op_test test = {
		.operator = &operator_sum,
		.input_type = type,
		.output_type = type,
		.key = { 1, { 0 } },
		STEPS({ .kind = OP_RECORD, .record = &first },
		      { .kind = OP_RECORD, .record = &second },
		      { .kind = OP_RECORD, .record = &other },
		      { .kind = OP_RECORD, .record = &second }),
		EXPECTED("(1,the first note, kept by reference,0.5)",
			 "(1,the first note, kept by reference,0.75)", "(2,,1.0E10)",
			 "(1,the first note, kept by reference,1.0)"),
		.ordered = true,
	};
	verify(test, test_parameters(NULL, NULL, 2, 0, 0));
	record_type_destroy(&type);
}

#define WRAP_TEST(kind_, c_type, a_, b_, expected_) \
	do { \
		struct pair { \
			int64_t key; \
			c_type n; \
		}; \
		static const struct field fields[] = { { "key", FIELD_BIGINT, 0 }, \
						       { "n", kind_, 0 } }; \
		struct pair a, b; \
		struct record_type *type; \
		struct err err = ERR_INIT; \
		memset(&a, 0, sizeof(a)); \
		memset(&b, 0, sizeof(b)); \
		a.n = a_; \
		b.n = b_; \
		assert_int_equal(record_type_create("pair", NULL, fields, 2, &type, &err), 0); \
		struct op_test test = { \
			.operator = &operator_sum, \
			.input_type = type, \
			.output_type = type, \
			.key = { 1, { 0 } }, \
			STEPS({ .kind = OP_RECORD, .record = &a }, \
			      { .kind = OP_RECORD, .record = &b }), \
			.expected = (const char *const[]){ expected_ }, \
			.expected_count = 2, \
		}; \
		verify(test, test_parameters(NULL, NULL, 1, 0, 0)); \
		record_type_destroy(&type); \
	} while (0)
#define LINES(...) __VA_ARGS__

static void integers_wrap_around_as_in_java(void **state)
{
	WRAP_TEST(FIELD_TINYINT, int8_t, 127, 1, LINES("(0,127)", "(0,-128)"));
	WRAP_TEST(FIELD_SMALLINT, int16_t, -32768, -1, LINES("(0,-32768)", "(0,32767)"));
	WRAP_TEST(FIELD_INT, int32_t, INT32_MAX, 2, LINES("(0,2147483647)", "(0,-2147483647)"));
	WRAP_TEST(FIELD_BIGINT, int64_t, INT64_MAX, 1,
		  LINES("(0,9223372036854775807)", "(0,-9223372036854775808)"));
	WRAP_TEST(FIELD_FLOAT, float, 1.5f, 0.25f, LINES("(0,1.5)", "(0,1.75)"));
	WRAP_TEST(FIELD_DOUBLE, double, 1e308, 1e308, LINES("(0,1.0E308)", "(0,Infinity)"));
}

static void nulls_add_nothing(void **state)
{
	static const struct field fields[] = { { "n", FIELD_INT, 1 }, { "key", FIELD_INT, 0 } };
	struct nullable {
		uint8_t nulls;
		int32_t n, key;
	} null_one, one, two;
	struct record_type *type;
	struct err err = ERR_INIT;

	memset(&null_one, 0, sizeof(null_one));
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	null_one.nulls = 1;
	one.n = 1;
	two.n = 2;
	assert_int_equal(record_type_create("nullable", NULL, fields, 2, &type, &err), 0);
	assert_int_equal(type->size_bytes, sizeof(one));
	struct op_test test = {
		.operator = &operator_sum,
		.input_type = type,
		.output_type = type,
		.key = { 1, { 1 } },
		STEPS({ .kind = OP_RECORD, .record = &null_one },
		      { .kind = OP_RECORD, .record = &null_one },
		      { .kind = OP_RECORD, .record = &one },
		      { .kind = OP_RECORD, .record = &null_one },
		      { .kind = OP_RECORD, .record = &two }),
		EXPECTED("(null,0)", "(null,0)", "(1,0)", "(1,0)", "(3,0)"),
		.ordered = true,
	};
	verify(test, test_parameters(NULL, NULL, 0, 0, 0));
	record_type_destroy(&type);
}

static void sum_needs_a_number(void **state)
{
	struct op_test test = {
		.operator = &operator_sum,
		.input_type = word_record,
		.output_type = word_record,
		.key = { 1, { 0 } },
		.expected_error = "sums field \"word\" of record \"word_count\", which is a STRING",
	};
	verify(test, test_parameters(NULL, NULL, 0, 0, 0));
	test.expected_error = "sums field 2 of record \"word_count\", which has 2 fields";
	verify(test, test_parameters(NULL, NULL, 2, 0, 0));
	test.key.fields_count = 0;
	test.expected_error = "needs a keyed stream";
	verify(test, test_parameters(NULL, NULL, 1, 0, 0));
}

/* OperatorParameters of a sum of field 1 in runtime mode BATCH. */
static struct bytes final_parameters(void)
{
	Flink__OperatorParameters parameters = FLINK__OPERATOR_PARAMETERS__INIT;

	parameters.field = 1;
	parameters.final_only = true;
	size_t size_bytes = flink__operator_parameters__get_packed_size(&parameters);
	uint8_t *packed = mem_alloc(size_bytes);

	flink__operator_parameters__pack(&parameters, packed);
	return bytes_of(packed, size_bytes);
}

static void a_final_sum_gives_one_record_per_key(void **state)
{
	struct op_test test = {
		.operator = &operator_sum,
		.input_type = word_record,
		.output_type = word_record,
		.key = { 1, { 0 } },
		STEPS(WORD("a", 1), WORD("b", 2), WORD("a", 3), WORD("another", 1),
		      WORD("a", -10), WORD("another", 5), OP_END_OF_INPUT),
		EXPECTED("(a,-6)", "(b,2)", "(another,6)"),
	};
	verify(test, final_parameters());
}

static void combine_gives_one_record_per_key_at_the_end(void **state)
{
	struct op_test test = {
		.operator = &operator_combine_sum,
		.input_type = word_record,
		.output_type = word_record,
		.key = { 1, { 0 } },
		STEPS(WORD("a", 1), WORD("b", 2), WORD("a", 3), WORD("", 1), WORD("a", -10),
		      WORD("", 5), OP_END_OF_INPUT),
		EXPECTED("(a,-6)", "(b,2)", "(,6)"),
	};
	verify(test, test_parameters(NULL, NULL, 1, 0, 0));
}

/* More keys than its table has room for, each once: what comes out is what went in, before the end
 * too, and is passed on as it is after the first time. */
static void combine_stays_small(void **state)
{
	enum { KEYS = 16000, PART = 500, FIELDS = 32 };
	struct wide {
		int64_t key, n, rest[FIELDS - 2];
	};
	struct field fields[FIELDS];
	/* A clock between parts: the test's runs are short. */
	struct op_step *steps = MEM_NEW_ARRAY(struct op_step, KEYS + KEYS / PART + 1);
	struct wide *records = MEM_NEW_ARRAY(struct wide, KEYS);
	const char **expected = MEM_NEW_ARRAY(const char *, KEYS);
	char names[FIELDS][8], zeros[2 * FIELDS] = "";
	struct record_type *type;
	struct err err = ERR_INIT;
	uint32_t count = 0;

	for (uint32_t i = 0; i < FIELDS; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		fields[i] = (struct field){ names[i], FIELD_BIGINT, 0 };
		memcpy(zeros + 2 * (i < 2 ? 0 : i - 2), ",0", 3);
	}
	assert_int_equal(record_type_create("wide", NULL, fields, FIELDS, &type, &err), 0);
	for (uint32_t i = 0; i < KEYS; i++) {
		records[i] = (struct wide){ .key = i, .n = i };
		steps[count++] = (struct op_step){ .kind = OP_RECORD, .record = &records[i] };
		if (i % PART == 0)
			steps[count++] = (struct op_step)OP_TIME_AT(i);
		expected[i] = mem_printf("(%u,%u%s)", i, i, zeros);
	}
	steps[count++] = (struct op_step)OP_END_OF_INPUT;
	struct op_test test = {
		.operator = &operator_combine_sum,
		.input_type = type,
		.output_type = type,
		.key = { 1, { 0 } },
		.steps = steps,
		.steps_count = count,
		.expected = expected,
		.expected_count = KEYS,
	};
	verify(test, test_parameters(NULL, NULL, 1, 0, 0));
	for (uint32_t i = 0; i < KEYS; i++)
		mem_free((char *)(uintptr_t)expected[i]);
	mem_free(expected);
	mem_free(records);
	mem_free(steps);
	record_type_destroy(&type);
}

static void sum_says_when_its_memory_is_used_up(void **state)
{
	struct managed_memory memory = { .limit_bytes = 32 * 1024 * 1024 };
	struct op_test test = {
		.operator = &operator_sum,
		.input_type = word_record,
		.output_type = word_record,
		.managed = &memory,
		.key = { 1, { 0 } },
		STEPS(WORD("a", 1)),
		EXPECTED("(a,1)"),
	};

	verify(test, test_parameters(NULL, NULL, 1, 0, 0));
	assert_int_equal(managed_memory_used(&memory), 0); /* given back at the end */
	memory.limit_bytes = 64 * 1024;
	test.expected_count = 0;
	test.expected_error =
		"operator \"Tested\" has 0 keys in 0.0 MiB and needs 0.1 MiB more; all state in its "
		"slot has 0.0 of the 0.1 MiB of managed memory that a slot may use";
	verify(test, test_parameters(NULL, NULL, 1, 0, 0));
	assert_int_equal(managed_memory_used(&memory), 0);
}

/* ---- reduce ---------------------------------------------------------------------------------- */

static void reduce_joins_a_key_s_records_one_by_one(void **state)
{
	struct op_test test = {
		.operator = &operator_reduce,
		.input_type = number_record,
		.output_type = number_record,
		.key = { 1, { 0 } },
		STEPS(NUMBER(7), NUMBER(5), NUMBER(7), NUMBER(5), OP_END_OF_INPUT),
		EXPECTED("7", "5", "7", "5"),
		.ordered = true,
	};
	verify(test, FUNCTION(test_larger));
}

/* From a struct alone to one with a tail; by a key that is not the field that changes. */
static void reduce_keeps_texts_that_grow(void **state)
{
	struct op_test test = {
		.operator = &operator_reduce,
		.input_type = word_record,
		.output_type = word_record,
		.key = { 1, { 0 } },
		STEPS(WORD("ab", 1), WORD("-", 7), WORD("ab", 2), WORD("ab", 4), WORD("ab", 8),
		      WORD("ab", 16), WORD("ab", 32), WORD("-", 1), WORD("ab", 64),
		      OP_END_OF_INPUT),
		EXPECTED("(ab,1)", "(-,7)", "(abab,3)", "(ababab,7)", "(abababab,15)",
			 "(ababababab,31)", "(abababababab,63)", "(--,8)", "(ababababababab,127)"),
		.ordered = true,
	};
	verify(test, FUNCTION(test_join));
}

static void reduce_refuses_long_strings_copied_by_assignment(void **state)
{
	const struct word_count longer = { .word = str_of("a word that needs a tail", 24) };
	struct op_test test = {
		.operator = &operator_reduce,
		.input_type = word_record,
		.output_type = word_record,
		.key = { 1, { 0 } },
		STEPS(WORD("ab", 1), { .kind = OP_RECORD, .record = &longer },
		      { .kind = OP_RECORD, .record = &longer }),
		.expected_error = "the long string in field \"word\" was copied with '='",
	};
	verify(test, FUNCTION(test_later));
}

static void reduce_says_when_its_memory_is_used_up(void **state)
{
	struct managed_memory memory = { .limit_bytes = 300 * 1024 };
	char *text = mem_alloc(200000);

	memset(text, 'x', 200000);
	const struct word_count large = { .word = str_of(text, 200000), .count = 1 };
	struct op_test test = {
		.operator = &operator_reduce,
		.input_type = word_record,
		.output_type = word_record,
		.managed = &memory,
		.key = { 1, { 1 } },
		STEPS({ .kind = OP_RECORD, .record = &large }),
		.expected_error = "operator \"Tested\" has 1 keys in 0.2 MiB and needs ",
	};
	verify(test, FUNCTION(test_join));
	assert_int_equal(managed_memory_used(&memory), 0);
	mem_free(text);
}

static void reduce_needs_a_key_a_function_and_one_type(void **state)
{
	struct op_test test = {
		.operator = &operator_reduce,
		.input_type = word_record,
		.output_type = word_record,
		.expected_error = "operator \"Tested\" needs a keyed stream",
	};
	verify(test, FUNCTION(test_join));
	test.key = (struct key_spec){ 1, { 0 } };
	test.expected_error = "needs a function";
	verify(test, FUNCTION(NULL));
	test.output_type = number_record;
	test.expected_error = "operator \"Tested\" needs one type for its input and its output";
	verify(test, FUNCTION(test_join));
}

/* ---- window-sum ----------------------------------------------------------------------------- */

#define WINDOW_SUM \
	.operator = &operator_window_sum, .input_type = word_record, .output_type = word_record, \
	.key = { 1, { 0 } }

static void a_window_fires_when_the_wall_clock_leaves_it(void **state)
{
	struct op_test test = {
		WINDOW_SUM,
		STEPS(OP_TIME_AT(10000), WORD("a", 1), WORD("b", 1), OP_TIME_AT(14999),
		      WORD("a", 1), OP_TIME_AT(15000), WORD("a", 5), OP_TIME_AT(15001),
		      WORD("a", 1), OP_TIME_AT(40000), OP_TIME_AT(50000), WORD("c", 1)),
		EXPECTED("(a,2)", "(b,1)", "(a,6)"),
	};
	verify(test, test_parameters(NULL, NULL, 1, 5000, 0));
}

static void the_end_of_input_fires_what_is_open_if_asked_to(void **state)
{
	struct op_test test = {
		WINDOW_SUM,
		STEPS(OP_TIME_AT(7), WORD("a", 1), WORD("b", 2), WORD("a", 3), OP_END_OF_INPUT),
		EXPECTED("(a,4)", "(b,2)"),
	};
	test.fire_at_end = true;
	verify(test, test_parameters(NULL, NULL, 1, 5000, 0));
	test.fire_at_end = false; /* Flink's way */
	test.expected_count = 0;
	verify(test, test_parameters(NULL, NULL, 1, 5000, 0));
}

static void an_offset_shifts_the_windows(void **state)
{
	struct op_test test = {
		WINDOW_SUM,
		STEPS(OP_TIME_AT(-3), WORD("a", 1), OP_TIME_AT(0), WORD("a", 1), OP_TIME_AT(1),
		      WORD("a", 1), OP_TIME_AT(11), OP_END_OF_INPUT),
		EXPECTED("(a,2)", "(a,1)"),
		.ordered = true,
	};
	verify(test, test_parameters(NULL, NULL, 1, 10, 1)); /* … [-9, 1) [1, 11) … */
}

static void a_clock_that_is_set_back_opens_an_older_window(void **state)
{
	struct op_test test = {
		WINDOW_SUM,
		STEPS(OP_TIME_AT(25), WORD("a", 1), OP_TIME_AT(15), WORD("a", 10), OP_TIME_AT(5),
		      WORD("a", 100), OP_TIME_AT(30), OP_END_OF_INPUT),
		EXPECTED("(a,100)", "(a,10)", "(a,1)"),
	};
	test.ordered = true;
	verify(test, test_parameters(NULL, NULL, 1, 10, 0));
}

static void windows_need_a_size(void **state)
{
	struct op_test test = { WINDOW_SUM };

	test.expected_error = "have a size of 0 ms";
	verify(test, test_parameters(NULL, NULL, 1, 0, 0));
	test.expected_error = "have an offset of 10 ms; it must be smaller than their size, 10 ms";
	verify(test, test_parameters(NULL, NULL, 1, 10, 10));
}

static void many_keys_fire_in_pieces(void **state)
{
	enum { KEYS = 700 };
	static char names[KEYS][8], lines[KEYS][16];
	static struct word_count records[KEYS];
	static struct op_step steps[KEYS + 2];
	static const char *expected[KEYS];
	struct op_test test = { WINDOW_SUM };

	steps[0] = (struct op_step)OP_TIME_AT(1);
	for (uint32_t i = 0; i < KEYS; i++) {
		snprintf(names[i], sizeof(names[i]), "k%u", i);
		snprintf(lines[i], sizeof(lines[i]), "(k%u,%u)", i, i);
		records[i] = (struct word_count){ .word = str_of(names[i], strlen(names[i])),
						  .count = i };
		steps[i + 1] = (struct op_step){ .kind = OP_RECORD, .record = &records[i] };
		expected[i] = lines[i];
	}
	steps[KEYS + 1] = (struct op_step)OP_TIME_AT(1000);
	test.steps = steps;
	test.steps_count = KEYS + 2;
	test.expected = expected;
	test.expected_count = KEYS;
	verify(test, test_parameters(NULL, NULL, 1, 1000, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_calls_the_function_for_each_record),
		cmocka_unit_test(map_may_borrow_strings),
		cmocka_unit_test(map_refuses_long_strings_copied_by_assignment),
		cmocka_unit_test(functions_see_their_parameters),
		cmocka_unit_test(map_batch_gives_a_record_for_each),
		cmocka_unit_test(map_batch_fails_with_the_functions_words),
		cmocka_unit_test(map_batch_takes_records_of_one_size),
		cmocka_unit_test(filter_keeps_what_the_function_likes),
		cmocka_unit_test(filter_keeps_long_strings_whole),
		cmocka_unit_test(flat_map_emits_any_number),
		cmocka_unit_test(a_failing_function_fails_the_task_with_its_words),
		cmocka_unit_test(a_record_of_another_type_is_refused_with_both_types),
		cmocka_unit_test(operators_without_a_function_are_refused),
		cmocka_unit_test(a_filter_does_not_change_the_type),
		cmocka_unit_test(sum_gives_an_update_per_record),
		cmocka_unit_test(sum_keeps_the_first_record_of_a_key),
		cmocka_unit_test(integers_wrap_around_as_in_java),
		cmocka_unit_test(nulls_add_nothing),
		cmocka_unit_test(a_final_sum_gives_one_record_per_key),
		cmocka_unit_test(combine_gives_one_record_per_key_at_the_end),
		cmocka_unit_test(combine_stays_small),
		cmocka_unit_test(sum_needs_a_number),
		cmocka_unit_test(sum_says_when_its_memory_is_used_up),
		cmocka_unit_test(reduce_joins_a_key_s_records_one_by_one),
		cmocka_unit_test(reduce_keeps_texts_that_grow),
		cmocka_unit_test(reduce_refuses_long_strings_copied_by_assignment),
		cmocka_unit_test(reduce_says_when_its_memory_is_used_up),
		cmocka_unit_test(reduce_needs_a_key_a_function_and_one_type),
		cmocka_unit_test(a_window_fires_when_the_wall_clock_leaves_it),
		cmocka_unit_test(the_end_of_input_fires_what_is_open_if_asked_to),
		cmocka_unit_test(an_offset_shifts_the_windows),
		cmocka_unit_test(a_clock_that_is_set_back_opens_an_older_window),
		cmocka_unit_test(windows_need_a_size),
		cmocka_unit_test(many_keys_fire_in_pieces),
	};
	return cmocka_run_group_tests_name("operators", tests, setup, teardown);
}
