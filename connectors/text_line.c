/* SPDX-License-Identifier: Apache-2.0
 * text_line.c - see text_line.h. text_line_emit is on the path of every record of a text source. */
#include "connectors/text_line.h"

#include "common/base/check.h"
#include "common/base/hash.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

int text_line_type_check(const struct record_type *type, struct err *err)
{
	if (type == NULL || type->fields_count != 1 || type->fields[0].kind != FIELD_STRING ||
	    type->fields[0].nullable)
		return err_set(err, ERR_PLAN_INVALID,
			       "a text source gives records of one STRING field, not of type %s",
			       type ? type->name : "(none)");
	return 0;
}

uint32_t text_line_bytes_max(const struct operator_context *context)
{
	uint32_t record_bytes_max = context->record_bytes_max & ~7u;

	CHECK(record_bytes_max > sizeof(struct str), "records of at most %u bytes",
	      record_bytes_max);
	return record_bytes_max - (uint32_t)sizeof(struct str);
}

bool text_line_is_ascii(const char *text, size_t size_bytes)
{
	uint64_t any = 0;
	size_t at = 0;

	for (; size_bytes - at >= 8; at += 8)
		any |= hash_load_u64(text + at);
	for (; at < size_bytes; at++)
		any |= (uint64_t)(uint8_t)text[at];
	return (any & HIGH_BITS) == 0;
}

struct sequence {
	size_t length; /* of the well-formed sequence, or of the maximal part to replace */
	bool valid;
};

/* The sequence that begins at text[0] ≥ 0x80. The bounds of the second byte exclude overlong forms,
 * surrogates and what lies above U+10FFFF (Unicode, table 3-7). */
static struct sequence sequence_at(const uint8_t *text, size_t left)
{
	uint8_t first = text[0], low = 0x80, high = 0xBF;
	size_t length;

	if (first >= 0xC2 && first <= 0xDF) {
		length = 2;
	} else if (first >= 0xE0 && first <= 0xEF) {
		length = 3;
		low = first == 0xE0 ? 0xA0 : low;
		high = first == 0xED ? 0x9F : high;
	} else if (first >= 0xF0 && first <= 0xF4) {
		length = 4;
		low = first == 0xF0 ? 0x90 : low;
		high = first == 0xF4 ? 0x8F : high;
	} else {
		return (struct sequence){ 1, false };
	}
	for (size_t i = 1; i < length; i++) {
		if (i >= left || text[i] < low || text[i] > high)
			return (struct sequence){ i, false };
		low = 0x80;
		high = 0xBF;
	}
	return (struct sequence){ length, true };
}

void text_line_repair(const char *text, size_t size_bytes, struct buf *into)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t at = 0, copied = 0;

	while (at < size_bytes) {
		if (bytes[at] < 0x80) {
			at++;
			continue;
		}
		struct sequence sequence = sequence_at(bytes + at, size_bytes - at);

		if (!sequence.valid) {
			buf_add(into, text + copied, at - copied);
			buf_add(into, REPLACEMENT, sizeof(REPLACEMENT) - 1);
			copied = at + sequence.length;
		}
		at += sequence.length;
	}
	buf_add(into, text + copied, size_bytes - copied);
}

HOT bool text_line_emit_whole(struct outbox *out, const char *text, size_t size_bytes,
			      uint32_t bytes_max, bool ascii, struct buf *scratch)
{
	if (unlikely(!ascii && !utf8_valid(text, size_bytes))) {
		buf_clear(scratch);
		text_line_repair(text, size_bytes, scratch);
		text = scratch->data;
		size_bytes = scratch->size_bytes;
	}
	if (unlikely(size_bytes > bytes_max))
		return false;
	struct str record = str_of(text, size_bytes);

	outbox_emit(out, out->run->type, &record);
	return true;
}

HOT bool text_line_emit(struct outbox *out, const char *text, size_t size_bytes,
			uint32_t bytes_max, bool ascii, struct buf *scratch)
{
	if (size_bytes > 0 && text[size_bytes - 1] == '\r')
		size_bytes--;
	return text_line_emit_whole(out, text, size_bytes, bytes_max, ascii, scratch);
}

int text_line_too_long(struct err *err, const char *place, uint64_t line, uint32_t bytes_max)
{
	return err_set(err, ERR_RECORD_TOO_LARGE,
		       "line %llu of %s is longer than %u bytes, the most that fit into a record",
		       (unsigned long long)line, place, bytes_max);
}
