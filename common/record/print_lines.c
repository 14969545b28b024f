/* SPDX-License-Identifier: Apache-2.0
 * print_lines.c - batches of records as lines of text, and whole numbers.
 *
 * A job that writes text writes tens of millions of lines a second. So records that have nothing
 * but strings, whole numbers and booleans, none of them nullable, are written straight to their
 * place: room is made for many lines at once, and short pieces are copied with what lies behind
 * them. */
#include "common/record/batch.h"
#include "common/record/record_priv.h"

#define BOOLEAN_BYTES_MAX 5 /* false */
#define LINES_AT_ONCE 64    /* room is made for so many */

/* ---- whole numbers --------------------------------------------------------------------------- */

/* The eight digits of a number below 10^8, the first in the lowest byte: halves, quarters and
 * eighths of it are divided side by side in one word. No loop and no branch: how many digits the
 * next number has, nobody can guess, and a wrong guess costs more than all of this. */
static inline uint64_t eight_digits(uint32_t value)
{
	uint64_t digits = value / 10000 | (uint64_t)(value % 10000) << 32, high;

	high = digits * 10486 >> 20 & UINT64_C(0x0000007F0000007F); /* hundreds of each */
	digits = high | (digits - 100 * high) << 16;
	high = digits * 103 >> 10 & UINT64_C(0x000F000F000F000F); /* tens of each */
	return high | (digits - 10 * high) << 8;
}

#define ZEROS UINT64_C(0x3030303030303030)

static inline char *put_eight(char *at, uint32_t value)
{
	uint64_t text = eight_digits(value) + ZEROS;

	memcpy(at, &text, sizeof(text));
	return at + sizeof(text);
}

/* Without zeroes in front. Writes eight bytes whatever it needs. */
static inline char *put_below_8(char *at, uint32_t value)
{
	uint64_t digits = eight_digits(value);
	uint32_t zeros = (uint32_t)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
	uint64_t text = (digits + ZEROS) >> 8 * zeros;

	memcpy(at, &text, sizeof(text));
	return at + sizeof(text) - zeros;
}

static COLD char *put_large(char *at, uint64_t value)
{
	const uint32_t e8 = 100000000;
	uint64_t high = value / e8;

	if (high < e8) {
		at = put_below_8(at, (uint32_t)high);
	} else {
		at = put_below_8(at, (uint32_t)(high / e8));
		at = put_eight(at, (uint32_t)(high % e8));
	}
	return put_eight(at, (uint32_t)(value % e8));
}

static inline char *put_int(char *at, int64_t value)
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	*at = '-';
	at += value < 0;
	if (unlikely(left >= 100000000))
		return put_large(at, left);
	return put_below_8(at, (uint32_t)left);
}

char *print_put_int(char *at, int64_t value)
{
	return put_int(at, value);
}

/* ---- records --------------------------------------------------------------------------------- */

/* Room for a field's text, beyond a string's own length; 0: the quick way does not know it. */
static uint32_t field_bytes_max(const struct field *field)
{
	if (field->nullable)
		return 0;
	switch (field->kind) {
	case FIELD_TINYINT:
	case FIELD_SMALLINT:
	case FIELD_INT:
	case FIELD_BIGINT:
		return PRINT_INT_BYTES_MAX;
	case FIELD_BOOLEAN:
		return BOOLEAN_BYTES_MAX;
	case FIELD_STRING:
		return STR_INLINE_BYTES; /* a short one is copied as so many */
	default:
		return 0;
	}
}

uint32_t print_lines_bytes_max(const struct record_type *type)
{
	uint32_t bytes = 1; /* the newline */

	for (uint32_t i = 0; i < type->print_parts_count; i++) {
		const struct print_part *part = &type->print_parts[i];

		bytes += part->literal_bytes + (uint32_t)sizeof(part->head);
		if (part->field < 0)
			continue;
		uint32_t value_bytes = field_bytes_max(&type->fields[part->field]);

		if (value_bytes == 0)
			return 0;
		bytes += value_bytes;
	}
	return bytes;
}

/* Where lines are being written: text up to `at`, room up to `end`. */
struct page {
	struct buf *into;
	char *end;
};

/* At least so many bytes more. Returns the place that was `at`. */
static COLD char *more_room(struct page *page, char *at, size_t bytes)
{
	struct buf *into = page->into;

	into->size_bytes = (size_t)(at - into->data);
	at = buf_reserve(into, bytes);
	page->end = into->data + into->capacity_bytes;
	return at;
}

/* The room for the rest of the line, line_bytes, stays. */
static COLD char *put_long_string(struct page *page, char *at, const struct str *s,
				      size_t line_bytes)
{
	if ((size_t)(page->end - at) < s->len + line_bytes)
		at = more_room(page, at, s->len + line_bytes);
	memcpy(at, str_ptr(s), s->len);
	return at + s->len;
}

static inline char *put_boolean(char *at, bool value)
{
	memcpy(at, value ? "true " : "false", BOOLEAN_BYTES_MAX);
	return at + (value ? 4 : 5);
}

static inline char *put_part(struct page *page, char *at, const struct print_part *part,
			     const char *record, size_t line_bytes)
{
	const void *value = record + part->offset_bytes;
	const struct str *s = value;

	memcpy(at, part->head, sizeof(part->head));
	if (unlikely(part->literal_bytes > sizeof(part->head)))
		memcpy(at, part->literal, part->literal_bytes);
	at += part->literal_bytes;
	switch (part->kind) {
	case 0:
		return at;
	case FIELD_STRING:
		if (unlikely(s->len > STR_INLINE_BYTES))
			return put_long_string(page, at, s, line_bytes);
		memcpy(at, s->u.inlined, STR_INLINE_BYTES);
		return at + s->len;
	case FIELD_BIGINT:
		return put_int(at, *(const int64_t *)value);
	case FIELD_BOOLEAN:
		return put_boolean(at, *(const uint8_t *)value);
	default:
		return put_int(at, print_load_int(part->kind, value));
	}
}

static HOT void print_quickly(const struct record_type *type, struct bytes prefix,
			      const struct batch *batch, struct buf *into)
{
	const struct print_part *parts = type->print_parts;
	uint32_t parts_count = type->print_parts_count;
	size_t line_bytes = type->print_bytes_max + prefix.size_bytes;
	const struct batch view = *batch;
	struct page page = { into, into->data + into->capacity_bytes };
	char *at = into->data + into->size_bytes;

	for (uint32_t i = 0; i < view.count; i++) {
		const void *record = batch_at(&view, i);

		if (unlikely((size_t)(page.end - at) < line_bytes))
			at = more_room(&page, at, line_bytes * LINES_AT_ONCE);
		if (prefix.size_bytes > 0)
			memcpy(at, prefix.data, prefix.size_bytes);
		at += prefix.size_bytes;
		for (uint32_t part = 0; part < parts_count; part++)
			at = put_part(&page, at, &parts[part], record, line_bytes);
		*at++ = '\n';
	}
	into->size_bytes = (size_t)(at - into->data);
	into->data[into->size_bytes] = '\0';
}

void record_print_lines(const struct record_type *type, struct bytes prefix,
			const struct batch *batch, struct buf *into)
{
	if (type->print_bytes_max > 0 && batch->count > 0) {
		print_quickly(type, prefix, batch, into);
		return;
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		buf_add(into, prefix.data, prefix.size_bytes);
		record_print(type, batch_at(batch, i), into);
		buf_add(into, "\n", 1);
	}
}
