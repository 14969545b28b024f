/* SPDX-License-Identifier: Apache-2.0
 * examples_test.c - the functions of the examples cut text as Java's patterns do. The jobs' sources
 * are included, because their functions are static. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define flink_main socket_window_word_count_main
#include "examples/streaming/SocketWindowWordCount.c"
#undef flink_main
#define flink_main word_count_main
int word_count_main(struct flink_env *env, struct flink_args *args, struct err *err);
#include "examples/streaming/WordCount.c"
#undef flink_main

static struct buf words; /* what was collected, each in brackets */

static void *reserve_slow(struct outbox *out, uint32_t size_bytes)
{
	fail_msg("%u bytes do not fit", size_bytes);
	return NULL;
}

/* Stands for the TaskManager's check; the types are ours. */
bool flink_collect_check(struct collector *out, const struct flink_type *type)
{
	out->user_type = type;
	return true;
}

void flink_fail(const char *format, ...)
{
	fail_msg("%s", format);
}

static void expect(void (*function)(const struct line *in, struct collector *out),
		   const struct flink_type *declared, const char *text, const char *expected)
{
	static uint64_t memory[8192];
	struct line line = { str_of(text, strlen(text)) };
	uint64_t image[64] = { 0 };
	struct record_type *type, *line_record;
	struct err err = ERR_INIT;
	struct run_builder run;
	struct batch batch;

	assert_int_equal(record_type_create(declared->name, NULL, declared->fields,
					    declared->fields_count, &type, &err), 0);
	assert_int_equal(record_type_create("line", NULL, line_fields_, 1, &line_record, &err), 0);
	record_copy(line_record, &line, image);
	run_builder_init(&run, type, sizeof(memory), false);
	run_begin(&run, memory, sizeof(memory));
	struct outbox out = { .run = &run, .reserve_slow = reserve_slow };

	function((const struct line *)image, &out);
	buf_clear(&words);
	if (run_end(&run) > 0) {
		run_view(type, memory, &batch);
		for (uint32_t i = 0; i < batch.count; i++) {
			const struct word_count *record = batch_at(&batch, i);

			assert_int_equal(record->count, 1);
			buf_printf(&words, "[%.*s]", (int)record->word.len, str_ptr(&record->word));
		}
	}
	assert_string_equal(words.data, expected);
	run_builder_fini(&run);
	record_type_destroy(&type);
	record_type_destroy(&line_record);
}

static void the_socket_example_splits_at_each_white_space(void **state)
{
	static const struct { const char *text, *words;
	} cases[] = {
		{ "hello world hello", "[hello][world][hello]" },
		{ "a  b", "[a][][b]" },
		{ " a", "[][a]" },
		{ "a ", "[a]" },
		{ "a \t ", "[a]" },
		{ "", "[]" },
		{ " ", "" },
		{ "   ", "" },
		{ "a\tb\rc\vd\fe", "[a][b][c][d][e]" },
		{ "Gr\xC3\xBC\xC3\x9F"
		  "e, Welt!",
		  "[Gr\xC3\xBC\xC3\x9F"
		  "e,][Welt!]" },
		{ "a\xC2\xA0"
		  "b",
		  "[a\xC2\xA0"
		  "b]" }, /* a no-break space is none of \s */
		{ "a word that is longer than twelvebytesandstill",
		  "[a][word][that][is][longer][than][twelvebytesandstill]" },
	};

	buf_init(&words);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		expect(split, word_with_count_type, cases[i].text, cases[i].words);
	buf_fini(&words);
	assert_int_equal(mem_bytes_out(), 0);
}

static void the_word_count_keeps_letters_digits_and_underscores_in_lower_case(void **state)
{
	static const struct { const char *text, *words; } cases[] = {
		{ "To be, or not to be,--that is the question:--",
		  "[to][be][or][not][to][be][that][is][the][question]" },
		{ "Be all my sins remember'd.", "[be][all][my][sins][remember][d]" },
		{ "x_1 2Y", "[x_1][2y]" },
		{ "", "" },
		{ "--", "" },
		{ "stra\xC3\x9F" "e", "[stra][e]" }, /* as Java's \W, which knows ASCII only */
	};

	buf_init(&words);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		expect(tokenize, word_count_type, cases[i].text, cases[i].words);
	buf_fini(&words);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_socket_example_splits_at_each_white_space),
		cmocka_unit_test(the_word_count_keeps_letters_digits_and_underscores_in_lower_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
