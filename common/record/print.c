/* SPDX-License-Identifier: Apache-2.0
 * print.c - records as print() shows them: what a Java or Scala user of Flink would see.
 *
 * Also the texts of numbers, which SQL and files share. Independent of the locale. */
#include <stdio.h>

#include "common/record/record_priv.h"

void print_int(int64_t value, struct buf *into)
{
	char *at = buf_reserve(into, PRINT_INT_BYTES_MAX);

	into->size_bytes = (size_t)(print_put_int(at, value) - into->data);
	into->data[into->size_bytes] = '\0';
}

/* Days since 1970-01-01 to a date of the proleptic Gregorian calendar (Howard Hinnant's way: years
 * begin in March, eras have 400 years). */
static void date_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned of_era = (unsigned)(days - era * 146097);
	unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned shifted = (5 * of_year + 2) / 153;

	*day = of_year - (153 * shifted + 2) / 5 + 1;
	*month = shifted < 10 ? shifted + 3 : shifted - 9;
	*year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

void print_timestamp(int64_t ms, struct buf *into)
{
	int64_t days = ms / 86400000, rest = ms % 86400000, year;
	unsigned month, day;

	if (rest < 0) {
		rest += 86400000;
		days--;
	}
	date_of_days(days, &year, &month, &day);
	/* As Java: years beyond four digits carry a sign, years before 0 a minus. */
	buf_printf(into, "%s%04lld-%02u-%02uT%02d:%02d:%02d",
		   year > 9999 ? "+" :
		   year < 0    ? "-" :
				 "",
		   (long long)(year < 0 ? -year : year), month, day, (int)(rest / 3600000),
		   (int)(rest / 60000 % 60), (int)(rest / 1000 % 60));
	if (rest % 1000 != 0)
		buf_printf(into, ".%03d", (int)(rest % 1000));
}

static void print_bytes(const char *data, uint32_t size_bytes, struct buf *into)
{
	for (uint32_t i = 0; i < size_bytes; i++) {
		buf_add_text(into, i == 0 ? "[" : ", ");
		print_int((signed char)data[i], into);
	}
	buf_add_text(into, size_bytes == 0 ? "[]" : "]");
}

static void print_field(uint8_t kind, const void *value, struct buf *into)
{
	switch (kind) {
	case FIELD_BOOLEAN:
		buf_add_text(into, *(const uint8_t *)value ? "true" : "false");
		break;
	case FIELD_FLOAT:
		print_float(*(const float *)value, into);
		break;
	case FIELD_DOUBLE:
		print_double(*(const double *)value, into);
		break;
	case FIELD_STRING:
		buf_add(into, str_ptr_any(value), ((const struct str *)value)->len);
		break;
	case FIELD_BYTES:
		print_bytes(str_ptr_any(value), ((const struct str *)value)->len, into);
		break;
	case FIELD_TIMESTAMP:
		print_timestamp(*(const int64_t *)value, into);
		break;
	default:
		print_int(print_load_int(kind, value), into);
		break;
	}
}

static void print_value(const struct record_type *type, const void *record, uint32_t field,
			struct buf *into)
{
	if (record_is_null(type, record, field))
		buf_add(into, "null", 4);
	else
		print_field(type->fields[field].kind, record_field(type, record, field), into);
}

void record_print(const struct record_type *type, const void *record, struct buf *into)
{
	for (uint32_t i = 0; i < type->print_parts_count; i++) {
		const struct print_part *part = &type->print_parts[i];

		buf_add(into, part->literal, part->literal_bytes);
		if (part->field >= 0)
			print_value(type, record, (uint32_t)part->field, into);
	}
}

/* ---- print formats --------------------------------------------------------------------------- */

uint32_t print_parts_max(const char *format, uint32_t fields_count)
{
	uint32_t parts = 1;

	if (format == NULL)
		return fields_count + 1;
	for (const char *at = format; *at; at++)
		parts += *at == '{' || *at == '}';
	return parts;
}

/* The field named between format[0] = '{' and *end, which is its '}'. -1: none is meant. */
static int find_field(const struct record_type *type, const char *format, const char **end,
		      struct err *err)
{
	char name[RECORD_PRINT_FORMAT_BYTES_MAX + 1];
	const char *close = strchr(format, '}');

	if (close == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "record type \"%s\": a '{' without '}' in its print format \"%s\"",
			       type->name, type->print_format);
	size_t length = (size_t)(close - format) - 1;
	memcpy(name, format + 1, length);
	name[length] = '\0';
	int field = record_type_find(type, name);
	if (field < 0) {
		const char *nearest = record_type_nearest(type, name);

		return err_set(
			err, ERR_PLAN_INVALID,
			"record type \"%s\": its print format names a field \"%s\", which it does "
			"not have%s%s%s",
			type->name, name, nearest ? "; did you mean \"" : "",
			nearest ? nearest : "", nearest ? "\"?" : "");
	}
	*end = close;
	return field;
}

static void add_part(struct record_type *type, struct print_part *parts, const char *literal,
		     uint32_t literal_bytes, int32_t field)
{
	struct print_part *part = &parts[type->print_parts_count++];

	*part = (struct print_part){ .literal = literal,
				     .literal_bytes = literal_bytes,
				     .field = field };
	if (field >= 0) {
		part->kind = type->fields[field].kind;
		part->offset_bytes = type->offsets_bytes[field];
	}
	memcpy(part->head, literal,
	       literal_bytes < sizeof(part->head) ? literal_bytes : sizeof(part->head));
}

static void make_tuple(struct record_type *type, struct print_part *parts)
{
	bool tuple = type->fields_count > 1;

	for (uint32_t i = 0; i < type->fields_count; i++)
		add_part(type, parts, i > 0 ? "," : "(", tuple, (int32_t)i);
	if (tuple)
		add_part(type, parts, ")", 1, -1);
}

static int take_apart(struct record_type *type, struct print_part *parts, struct err *err)
{
	const char *literal = type->print_format, *at = literal;

	for (; *at; at++) {
		if (*at != '{' && *at != '}')
			continue;
		int field = -1;
		const char *end = at;

		uint32_t literal_bytes = (uint32_t)(at - literal);

		if (at[1] == *at) { /* a doubled brace: the first is text, the second is skipped */
			literal_bytes++;
			end = at + 1;
		} else if (*at == '}') {
			return err_set(
				err, ERR_PLAN_INVALID,
				"record type \"%s\": a '}' without '{' in its print format \"%s\"",
				type->name, type->print_format);
		} else {
			field = find_field(type, at, &end, err);
			if (field < 0)
				return -1;
		}
		add_part(type, parts, literal, literal_bytes, field);
		at = end;
		literal = end + 1;
	}
	if (at > literal || type->print_parts_count == 0)
		add_part(type, parts, literal, (uint32_t)(at - literal), -1);
	return 0;
}

int print_parts_make(struct record_type *type, struct print_part *parts, struct err *err)
{
	type->print_parts_count = 0;
	if (type->print_format == NULL)
		make_tuple(type, parts);
	else if (take_apart(type, parts, err) != 0)
		return -1;
	type->print_bytes_max = print_lines_bytes_max(type);
	return 0;
}
