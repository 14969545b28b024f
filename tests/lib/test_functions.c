/* SPDX-License-Identifier: Apache-2.0
 * test_functions.c - see test_functions.h. */
#include "tests/lib/test_functions.h"

#include <ctype.h>
#include <stdio.h>

#include "common/base/check.h"

#define FLOOD_RECORDS 3000000
#define GIANT_BYTES (1024 * 1024)

struct record_type *test_record_type(const struct flink_type *type)
{
	struct record_type *made = NULL;
	struct err err = ERR_INIT;

	CHECK(record_type_create(type->name, type->print_format, type->fields, type->fields_count,
				 &made, &err) == 0 &&
		      made->size_bytes == type->size_bytes,
	      "%s: %s", type->name, err.text);
	return made;
}

void test_split(const struct line *in, struct collector *out)
{
	const char *at = str_ptr(&in->text), *end = at + in->text.len;

	while (at < end) {
		while (at < end && *at == ' ')
			at++;
		const char *word = at;

		while (at < end && *at != ' ')
			at++;
		if (at > word)
			collect(out, word_count, .word = str_of(word, (size_t)(at - word)),
				.count = 1);
	}
}

void test_split_twice(const struct line *in, struct collector *out)
{
	char reverse[64];
	size_t length = in->text.len < sizeof(reverse) ? in->text.len : sizeof(reverse);

	for (size_t i = 0; i < length; i++)
		reverse[i] = str_ptr(&in->text)[length - 1 - i];
	collect(out, word_count, .word = str_copy(&in->text), .count = 1);
	collect(out, word_count, .word = str_of(reverse, length), .count = 2);
}

void test_collect_number(const struct line *in, struct collector *out)
{
	collect(out, number, .value = in->text.len);
	collect(out, number, .value = 2);
}

void test_length(const struct line *in, struct number *out)
{
	out->value = in->text.len;
}

void test_halve(const struct number *in, struct number *out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (in[i].value != 0) /* *out comes zeroed */
			out[i].value = in[i].value / 2;
}

void test_halve_positive(const struct number *in, struct number *out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (in[i].value < 0) {
			flink_fail("%lld is negative", (long long)in[i].value);
			return;
		}
		out[i].value = in[i].value / 2;
	}
}

void test_upper(const struct line *in, struct line *out)
{
	static _Thread_local char text[256]; /* must outlive the call: out borrows it */
	size_t length = in->text.len < sizeof(text) ? in->text.len : sizeof(text);

	for (size_t i = 0; i < length; i++)
		text[i] = (char)toupper((unsigned char)str_ptr(&in->text)[i]);
	out->text = str_of(text, length);
}

void test_join(const struct word_count *a, const struct word_count *b, struct word_count *out)
{
	static _Thread_local char text[100]; /* must outlive the call: out borrows it */
	size_t length = a->word.len < sizeof(text) ? a->word.len : sizeof(text);
	size_t more = b->word.len < sizeof(text) - length ? b->word.len : sizeof(text) - length;

	memcpy(text, str_ptr(&a->word), length);
	memcpy(text + length, str_ptr(&b->word), more);
	out->word = str_of(text, length + more);
	out->count = a->count + b->count;
}

void test_same(const struct line *in, struct line *out)
{
	*out = *in;
}

void test_later(const struct word_count *a, const struct word_count *b, struct word_count *out)
{
	*out = *b;
}

void test_larger(const struct number *a, const struct number *b, struct number *out)
{
	out->value = a->value > b->value ? a->value : b->value;
}

bool test_even(const struct number *in)
{
	return in->value % 2 == 0;
}

uint32_t test_partition(const struct line *in, uint32_t partitions)
{
	struct bytes parameters = flink_parameters();

	if (bytes_equal(parameters, bytes_of_text("far")))
		return partitions;
	if (bytes_equal(parameters, bytes_of_text("fail")))
		flink_fail("nowhere for \"%.*s\"", (int)in->text.len, str_ptr(&in->text));
	return in->text.len % partitions;
}

bool test_not_empty(const struct line *in)
{
	return in->text.len > 0;
}

void test_fail_on_poison(const struct line *in, struct collector *out)
{
	if (in->text.len == 6 && memcmp(str_ptr(&in->text), "poison", 6) == 0) {
		flink_fail("the line is \"%.*s\"", (int)in->text.len, str_ptr(&in->text));
		return;
	}
	collect(out, word_count, .word = str_copy(&in->text), .count = 1);
}

void test_flood(const struct line *in, struct collector *out)
{
	for (uint32_t i = 0; i < FLOOD_RECORDS; i++)
		collect(out, word_count, .word = str_of("flood of more than twelve bytes", 31),
			.count = i);
}

void test_giant(const struct line *in, struct collector *out)
{
	char *text = mem_alloc(GIANT_BYTES);

	memset(text, 'x', GIANT_BYTES);
	collect(out, word_count, .word = str_of(text, GIANT_BYTES), .count = 1);
	collect(out, word_count, .word = str_of(text, 1), .count = 1);
	mem_free(text);
}

void test_with_parameters(const struct line *in, struct line *out)
{
	static _Thread_local char text[256];
	struct bytes parameters = flink_parameters();
	int length = snprintf(text, sizeof(text), "%.*s/%u", (int)parameters.size_bytes,
			      (const char *)parameters.data, flink_subtask_index());

	out->text = str_of(text, (size_t)length);
}
