/* SPDX-License-Identifier: Apache-2.0
 * json_out.c - writes JSON straight into a buffer. */
#include "jobmanager/rest/json_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/record/record.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void json_out_init(struct json_out *out, struct buf *into)
{
	memset(out, 0, sizeof(*out));
	out->into = into;
}

void json_out_check(const struct json_out *out)
{
	CHECK(out->depth == 0, "%u objects or arrays are open", out->depth);
}

/* ---- text ----------------------------------------------------------------------------------- */

/* Bytes at the front that go out as they are. */
static size_t plain_length(const char *text, size_t size_bytes)
{
	size_t length = 0;

	while (length < size_bytes && (unsigned char)text[length] >= 0x20 &&
	       (unsigned char)text[length] < 0x7f && text[length] != '"' && text[length] != '\\')
		length++;
	return length;
}

/* The length of the UTF-8 sequence at the front, 0: none. */
static size_t sequence_length(const char *text, size_t size_bytes)
{
	for (size_t length = 2; length <= 4 && length <= size_bytes; length++)
		if (utf8_valid(text, length))
			return length;
	return 0;
}

/* One character that does not go out as it is; returns how many bytes it took. */
static size_t add_special(struct buf *into, const char *text, size_t size_bytes)
{
	static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	unsigned char c = (unsigned char)text[0];
	const char *named = c != '\0' ? strchr(names, c) : NULL;
	size_t length;

	if (named != NULL) {
		buf_printf(into, "\\%c", letters[named - names]);
		return 1;
	}
	if (c < 0x80) {
		buf_printf(into, "\\u%04x", c);
		return 1;
	}
	length = sequence_length(text, size_bytes);
	if (length == 0) {
		buf_add_text(into, REPLACEMENT);
		return 1;
	}
	buf_add(into, text, length);
	return length;
}

static void add_string(struct buf *into, const char *text, size_t size_bytes)
{
	buf_add(into, "\"", 1);
	for (size_t at = 0; at < size_bytes;) {
		size_t plain = plain_length(text + at, size_bytes - at);

		buf_add(into, text + at, plain);
		at += plain;
		if (at < size_bytes)
			at += add_special(into, text + at, size_bytes - at);
	}
	buf_add(into, "\"", 1);
}

/* ---- values --------------------------------------------------------------------------------- */

static void begin_item(struct json_out *out, bool has_key)
{
	bool in_object = out->depth > 0 && !out->is_array[out->depth - 1];

	CHECK(has_key == in_object, "a name belongs in an object only (depth %u)", out->depth);
	if (out->depth == 0)
		return;
	if (out->has_items[out->depth - 1])
		buf_add(out->into, ",", 1);
	out->has_items[out->depth - 1] = true;
}

static void begin_value(struct json_out *out, const char *key)
{
	begin_item(out, key != NULL);
	if (key != NULL) {
		size_t length = strlen(key);
		char *at = buf_reserve(out->into, length + 3);

		at[0] = '"';
		memcpy(at + 1, key, length);
		memcpy(at + 1 + length, "\":", 3); /* with its NUL */
		out->into->size_bytes += length + 3;
	}
}

static void open_bracket(struct json_out *out, bool is_array)
{
	CHECK(out->depth < JSON_OUT_DEPTH_MAX, "JSON deeper than %d", JSON_OUT_DEPTH_MAX);
	out->is_array[out->depth] = is_array;
	out->has_items[out->depth++] = false;
	buf_add(out->into, is_array ? "[" : "{", 1);
}

static void open_as(struct json_out *out, const char *key, bool is_array)
{
	begin_value(out, key);
	open_bracket(out, is_array);
}

void json_out_object(struct json_out *out, const char *key)
{
	open_as(out, key, false);
}

void json_out_array(struct json_out *out, const char *key)
{
	open_as(out, key, true);
}

void json_out_close(struct json_out *out)
{
	CHECK(out->depth > 0, "nothing is open");
	buf_add(out->into, out->is_array[--out->depth] ? "]" : "}", 1);
}

void json_out_bytes(struct json_out *out, const char *key, const char *text, size_t size_bytes)
{
	begin_value(out, key);
	add_string(out->into, text, size_bytes);
}

void json_out_text(struct json_out *out, const char *key, const char *text)
{
	json_out_bytes(out, key, text, strlen(text));
}

/* Large answers are mostly numbers: vsnprintf would be half their cost. */
char *json_write_count(char *at, uint64_t value)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char digits[20], *first = digits + sizeof(digits);

	for (; value >= 100; value /= 100)
		memcpy(first -= 2, pairs + value % 100 * 2, 2);
	if (value >= 10)
		memcpy(first -= 2, pairs + value * 2, 2);
	else
		*--first = (char)('0' + value);
	size_t length = (size_t)(digits + sizeof(digits) - first);

	memcpy(at, first, length);
	return at + length;
}

char *json_write_int(char *at, int64_t value)
{
	if (value < 0)
		*at++ = '-';
	return json_write_count(at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_out_int(struct json_out *out, const char *key, int64_t value)
{
	char text[JSON_NUMBER_SIZE];

	begin_value(out, key);
	buf_add(out->into, text, (size_t)(json_write_int(text, value) - text));
}

/* Room for "-9223372036854775.807," */
#define THOUSANDTHS_BYTES 24

/* Returns the end. */
static char *put_thousandths(char *at, int64_t value)
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[THOUSANDTHS_BYTES], *first = digits + sizeof(digits), *last = first;
	bool whole = left >= 1000000 || left % 1000 == 0;

	if (whole)
		left = (left + 500) / 1000;
	for (int i = 0; i < 3 && !whole; i++, left /= 10)
		*--first = (char)('0' + left % 10);
	while (!whole && last[-1] == '0')
		last--;
	if (!whole)
		*--first = '.';
	do
		*--first = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		*--first = '-';
	memcpy(at, first, (size_t)(last - first));
	return at + (last - first);
}

void json_out_thousandths(struct json_out *out, const char *key, const int64_t *values,
			  size_t count)
{
	char *begin, *at;

	begin_value(out, key);
	begin = at = buf_reserve(out->into, count * THOUSANDTHS_BYTES + 2);
	*at++ = '[';
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*at++ = ',';
		if (values[i] != JSON_OUT_NULL) {
			at = put_thousandths(at, values[i]);
		} else {
			memcpy(at, "null", 4);
			at += 4;
		}
	}
	*at++ = ']';
	*at = '\0';
	out->into->size_bytes += (size_t)(at - begin);
}

void json_out_raw(struct json_out *out, const char *key, const char *text, size_t size_bytes)
{
	begin_value(out, key);
	buf_add(out->into, text, size_bytes);
}

void json_out_count(struct json_out *out, const char *key, uint64_t value)
{
	json_out_int(out, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void json_out_real(struct json_out *out, const char *key, double value)
{
	char text[32];

	begin_value(out, key);
	if (isnan(value)) {
		buf_add_text(out->into, "\"NaN\"");
		return;
	}
	if (isinf(value)) {
		buf_add_text(out->into, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
		return;
	}
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	buf_add_text(out->into, text);
	if (strpbrk(text, ".e") == NULL)
		buf_add_text(out->into, ".0"); /* so that readers see a floating-point number */
}

char *json_write_rounded(char *at, double value, uint32_t digits)
{
	static const double powers[] = { 1,   1e1, 1e2,	 1e3,  1e4,  1e5,  1e6,	 1e7,
					 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	double least = powers[digits - 1];
	uint64_t whole, part = 1;
	uint32_t behind = 0; /* digits behind the point */

	if (value == 0)
		*at++ = '0';
	if (value == 0)
		return at;
	/* As many as fit behind those in front; 0.x has one in front. */
	for (double front = value < 1 ? 1 : value; front < least; front *= 10, part *= 10)
		behind++;
	whole = (uint64_t)(value * powers[behind] + 0.5);
	while (behind > 0 && whole % 10 == 0) {
		whole /= 10;
		part /= 10;
		behind--;
	}
	at = json_write_count(at, whole / part);
	if (behind == 0)
		return at;
	*at = '.';
	whole %= part;
	for (uint32_t i = behind; i > 0; i--, whole /= 10)
		at[i] = (char)('0' + whole % 10);
	return at + 1 + behind;
}

void json_out_rounded(struct json_out *out, const char *key, double value, uint32_t digits)
{
	char text[JSON_NUMBER_SIZE];

	CHECK(digits >= 1 && digits <= 15, "%u digits", digits);
	if (!(value >= 0 && value < JSON_ROUNDED_MAX)) {
		json_out_real(out, key, value);
		return;
	}
	begin_value(out, key);
	buf_add(out->into, text, (size_t)(json_write_rounded(text, value, digits) - text));
}

void json_out_bool(struct json_out *out, const char *key, bool value)
{
	begin_value(out, key);
	buf_add_text(out->into, value ? "true" : "false");
}

void json_out_null(struct json_out *out, const char *key)
{
	begin_value(out, key);
	buf_add_text(out->into, "null");
}

void json_out_id(struct json_out *out, const char *key, const struct id *id)
{
	char text[ID_TEXT_SIZE];

	json_out_text(out, key, id_format(id, text));
}

static void begin_named(struct json_out *out, const char *name)
{
	begin_item(out, true);
	add_string(out->into, name, strlen(name));
	buf_add(out->into, ":", 1);
}

void json_out_named_text(struct json_out *out, const char *name, const char *text)
{
	begin_named(out, name);
	add_string(out->into, text, strlen(text));
}

void json_out_named_object(struct json_out *out, const char *name)
{
	begin_named(out, name);
	open_bracket(out, false);
}

void json_out_named_null(struct json_out *out, const char *name)
{
	begin_named(out, name);
	buf_add_text(out->into, "null");
}

/* ---- second thoughts ------------------------------------------------------------------------ */

struct json_mark json_out_mark(const struct json_out *out)
{
	return (struct json_mark){ out->into->size_bytes, out->depth,
				   out->depth > 0 && out->has_items[out->depth - 1] };
}

void json_out_back(struct json_out *out, const struct json_mark *mark)
{
	CHECK(out->depth >= mark->depth && out->into->size_bytes >= mark->size_bytes,
	      "depth %u before %u", out->depth, mark->depth);
	out->depth = mark->depth;
	if (mark->depth > 0)
		out->has_items[mark->depth - 1] = mark->has_items;
	out->into->size_bytes = mark->size_bytes;
	if (out->into->data != NULL)
		out->into->data[mark->size_bytes] = '\0';
}
