/* SPDX-License-Identifier: Apache-2.0
 * line_format.c - see line_format.h. Word counts have a loop of their own because WordCount writes
 * a line per word: tens of millions a second. */
#include "connectors/line_format.h"

#include <stdio.h>

#define BIGINT_TEXT_MAX 20 /* -9223372036854775808 */

void line_format_init(struct line_format *format, const struct record_type *type,
		      bool with_prefix, uint32_t subtask, uint32_t parallelism)
{
	*format = (struct line_format){ .type = type };
	if (with_prefix && parallelism > 1)
		format->prefix_bytes = (size_t)snprintf(format->prefix, sizeof(format->prefix),
							"%u> ", subtask + 1);
	format->is_count = type->print_format == NULL && type->fields_count == 2 &&
			   type->nulls_bytes == 0 && type->fields[0].kind == FIELD_STRING &&
			   type->fields[1].kind == FIELD_BIGINT;
}

void line_format_set_name(struct line_format *format, const char *name, uint32_t subtask,
			  uint32_t parallelism)
{
	format->named_prefix = parallelism > 1 ? mem_printf("%s:%u> ", name, subtask + 1)
					       : mem_printf("%s> ", name);
	format->is_count = false;
}

void line_format_fini(struct line_format *format)
{
	mem_free(format->named_prefix);
	format->named_prefix = NULL;
}

static const char two_digits[] = "0001020304050607080910111213141516171819"
				 "2021222324252627282930313233343536373839"
				 "4041424344454647484950515253545556575859"
				 "6061626364656667686970717273747576777879"
				 "8081828384858687888990919293949596979899";

static inline uint32_t digits_of(uint64_t value)
{
	static const uint64_t powers[] = { 0,
					   UINT64_C(10),
					   UINT64_C(100),
					   UINT64_C(1000),
					   UINT64_C(10000),
					   UINT64_C(100000),
					   UINT64_C(1000000),
					   UINT64_C(10000000),
					   UINT64_C(100000000),
					   UINT64_C(1000000000),
					   UINT64_C(10000000000),
					   UINT64_C(100000000000),
					   UINT64_C(1000000000000),
					   UINT64_C(10000000000000),
					   UINT64_C(100000000000000),
					   UINT64_C(1000000000000000),
					   UINT64_C(10000000000000000),
					   UINT64_C(100000000000000000),
					   UINT64_C(1000000000000000000),
					   UINT64_C(10000000000000000000) };
	/* 1233 / 4096 is log10(2), near enough for 64 bits. */
	uint32_t guess = (uint32_t)(64 - __builtin_clzll(value | 1)) * 1233 >> 12;

	return guess + (value >= powers[guess]);
}

/* The digits are counted first and written to their place: reading back bytes that were just
 * written by twos would stall. */
static inline char *put_bigint(char *at, int64_t value)
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	if (value < 0)
		*at++ = '-';
	uint32_t digits = value == 0 ? 1 : digits_of(left);
	char *end = at + digits, *place = end;

	while (left >= 100) {
		place -= 2;
		memcpy(place, two_digits + left % 100 * 2, 2);
		left /= 100;
	}
	if (left >= 10)
		memcpy(place - 2, two_digits + left * 2, 2);
	else
		place[-1] = (char)('0' + left);
	return end;
}

HOT static void format_counts(const struct line_format *format, const struct batch *batch,
			      struct buf *into)
{
	const struct record_type *type = format->type;
	uint32_t word_at = type->offsets_bytes[0], count_at = type->offsets_bytes[1];
	/* What a line takes beside its word; an inline word is copied as 12 bytes whatever its
	 * length. */
	size_t rest_bytes = sizeof(format->prefix) + STR_INLINE_BYTES + BIGINT_TEXT_MAX + 4;
	char *at = buf_reserve(into, 0), *end = into->data + into->capacity_bytes;

	for (uint32_t i = 0; i < batch->count; i++) {
		const char *record = batch_at(batch, i);
		const struct str *word = (const struct str *)(record + word_at);
		int64_t count;

		memcpy(&count, record + count_at, sizeof(count));
		if (unlikely((size_t)(end - at) < word->len + rest_bytes)) {
			into->size_bytes = (size_t)(at - into->data);
			at = buf_reserve(into, word->len + (batch->count - i) * (rest_bytes + 4));
			end = into->data + into->capacity_bytes;
		}
		memcpy(at, format->prefix, sizeof(format->prefix));
		at += format->prefix_bytes;
		*at++ = '(';
		if (likely(word->len <= STR_INLINE_BYTES))
			memcpy(at, word->u.inlined, STR_INLINE_BYTES);
		else
			memcpy(at, str_ptr(word), word->len);
		at += word->len;
		*at++ = ',';
		at = put_bigint(at, count);
		*at++ = ')';
		*at++ = '\n';
	}
	into->size_bytes = (size_t)(at - into->data);
	into->data[into->size_bytes] = '\0';
}

void line_format_batch(const struct line_format *format, const struct batch *batch,
		       struct buf *into)
{
	if (format->is_count) {
		format_counts(format, batch, into);
		return;
	}
	const char *prefix = format->named_prefix ? format->named_prefix : format->prefix;
	size_t prefix_bytes = format->named_prefix ? strlen(prefix) : format->prefix_bytes;

	for (uint32_t i = 0; i < batch->count; i++) {
		buf_add(into, prefix, prefix_bytes);
		record_print(format->type, batch_at(batch, i), into);
		buf_add(into, "\n", 1);
	}
}
