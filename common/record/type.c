/* SPDX-License-Identifier: Apache-2.0
 * type.c - record types: from field declarations to offsets, by the rule a C compiler follows.
 *
 * Types are made when a job is planned or deployed, never per record. Declarations may come from a
 * JobGraph of a stranger, so names and counts are checked here once for all callers. */
#include <stdlib.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/record/record_priv.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the record format is little endian");
_Static_assert(sizeof(struct str) == 16, "struct str is part of the format");
_Static_assert(_Alignof(struct str) == 4, "struct str is part of the format");
_Static_assert(LIMIT_RECORD_FIELDS_MAX * 17 < UINT16_MAX, "the stride of a run has 16 bits");

static const struct {
	const char *name;
	uint8_t size_bytes, align_bytes;
} kinds[] = {
	[FIELD_BOOLEAN] = { "BOOLEAN", 1, 1 },
	[FIELD_TINYINT] = { "TINYINT", 1, 1 },
	[FIELD_SMALLINT] = { "SMALLINT", 2, 2 },
	[FIELD_INT] = { "INT", 4, 4 },
	[FIELD_BIGINT] = { "BIGINT", 8, 8 },
	[FIELD_FLOAT] = { "FLOAT", 4, 4 },
	[FIELD_DOUBLE] = { "DOUBLE", 8, 8 },
	[FIELD_STRING] = { "STRING", sizeof(struct str), _Alignof(struct str) },
	[FIELD_BYTES] = { "BYTES", sizeof(struct str), _Alignof(struct str) },
	[FIELD_TIMESTAMP] = { "TIMESTAMP", 8, 8 },
};

const char *field_kind_name(uint8_t kind)
{
	return kind < ARRAY_COUNT(kinds) ? kinds[kind].name : NULL;
}

uint32_t field_kind_size(uint8_t kind)
{
	return kind < ARRAY_COUNT(kinds) ? kinds[kind].size_bytes : 0;
}

uint32_t field_kind_align(uint8_t kind)
{
	return kind < ARRAY_COUNT(kinds) ? kinds[kind].align_bytes : 0;
}

/* A name goes into plans, JSON and messages: printable UTF-8 and not too long. NULL = fine. */
static const char *name_problem(const char *name)
{
	if (name == NULL || name[0] == '\0')
		return "is empty";
	size_t length = strnlen(name, LIMIT_FIELD_NAME_BYTES_MAX + 1);
	if (length > LIMIT_FIELD_NAME_BYTES_MAX)
		return "is longer than 255 bytes";
	if (!utf8_valid(name, length))
		return "is not UTF-8";
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return "has a control character in it";
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts a copy: a stranger's 1024 names must not cost half a million comparisons. */
static const char *find_duplicate(const struct field *fields, uint32_t count)
{
	const char **names = MEM_NEW_ARRAY(const char *, count);
	const char *duplicate = NULL;

	for (uint32_t i = 0; i < count; i++)
		names[i] = fields[i].name;
	qsort(names, count, sizeof(names[0]), compare_names);
	for (uint32_t i = 1; i < count && duplicate == NULL; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			duplicate = names[i];
	mem_free(names);
	return duplicate;
}

static int check_declaration(const char *name, const struct field *fields, uint32_t count,
			     struct err *err)
{
	const char *problem = name_problem(name);

	if (problem)
		return err_set(err, ERR_PLAN_INVALID, "the name of a record type %s", problem);
	if (count == 0 || count > LIMIT_RECORD_FIELDS_MAX)
		return err_set(err, ERR_PLAN_INVALID,
			       "record type \"%s\" has %u fields; allowed are 1 to %u", name, count,
			       LIMIT_RECORD_FIELDS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		problem = name_problem(fields[i].name);
		if (problem)
			return err_set(err, ERR_PLAN_INVALID,
				       "record type \"%s\": the name of field %u %s", name, i,
				       problem);
		if (field_kind_name(fields[i].kind) == NULL)
			return err_set(err, ERR_PLAN_INVALID,
				       "record type \"%s\": field \"%s\" is of kind %u, which does "
				       "not exist",
				       name, fields[i].name, fields[i].kind);
	}
	const char *duplicate = find_duplicate(fields, count);
	if (duplicate)
		return err_set(err, ERR_PLAN_INVALID, "record type \"%s\" has two fields \"%s\"",
			       name, duplicate);
	return 0;
}

/* The layout rule of C: each member at the next multiple of its alignment, the whole rounded up to
 * the largest of them. */
static void lay_out(struct record_type *type, uint32_t *offsets, uint32_t *string_offsets)
{
	uint32_t at, align = 1;

	for (uint32_t i = 0; i < type->fields_count; i++)
		if (type->fields[i].nullable)
			type->nulls_bytes = (type->fields_count + 7) / 8;
	at = type->nulls_bytes;
	for (uint32_t i = 0; i < type->fields_count; i++) {
		uint8_t kind = type->fields[i].kind;
		uint32_t field_align = kinds[kind].align_bytes;

		at = (at + field_align - 1) & ~(field_align - 1);
		offsets[i] = at;
		if (kind == FIELD_STRING || kind == FIELD_BYTES)
			string_offsets[type->strings_count++] = at;
		at += kinds[kind].size_bytes;
		if (field_align > align)
			align = field_align;
	}
	type->has_tails = type->strings_count > 0;
	type->align_bytes = align;
	type->size_bytes = (at + align - 1) & ~(align - 1);
}

/* Hashes the layout-independent facts, so that the hash stays when the layout code is rewritten. */
static uint64_t hash_fields(const struct record_type *type)
{
	struct buf text;

	buf_init(&text);
	for (uint32_t i = 0; i < type->fields_count; i++) {
		char kind[2] = { (char)type->fields[i].kind, (char)type->fields[i].nullable };

		buf_add(&text, type->fields[i].name, strlen(type->fields[i].name) + 1);
		buf_add(&text, kind, sizeof(kind));
	}
	uint64_t hash = hash_key(text.data, text.size_bytes);
	buf_fini(&text);
	return hash;
}

/* Copies a text with its NUL and moves *at behind it. */
static const char *add_text(char **at, const char *text)
{
	size_t size_bytes = strlen(text) + 1;
	char *copy = memcpy(*at, text, size_bytes);

	*at += size_bytes;
	return copy;
}

/* One block: the type, its fields, the parts of its print format, offsets, texts. */
static struct record_type *allocate(const char *name, const char *print_format,
				    const struct field *fields, uint32_t count)
{
	uint32_t parts = print_parts_max(print_format, count);
	size_t texts_bytes = strlen(name) + 1 + (print_format ? strlen(print_format) + 1 : 0);

	for (uint32_t i = 0; i < count; i++)
		texts_bytes += strlen(fields[i].name) + 1;
	size_t size_bytes = sizeof(struct record_type) + count * sizeof(struct field) +
			    parts * sizeof(struct print_part) + 2 * count * sizeof(uint32_t) +
			    texts_bytes;
	struct record_type *type = mem_alloc(size_bytes);
	struct field *own = (struct field *)(type + 1);
	struct print_part *own_parts = (struct print_part *)(own + count);
	uint32_t *offsets = (uint32_t *)(own_parts + parts);
	char *text = (char *)(offsets + 2 * count);

	type->name = add_text(&text, name);
	for (uint32_t i = 0; i < count; i++)
		own[i] = (struct field){ .name = add_text(&text, fields[i].name),
					 .kind = fields[i].kind,
					 .nullable = fields[i].nullable != 0 };
	type->fields_count = count;
	type->fields = own;
	type->offsets_bytes = offsets;
	type->string_offsets_bytes = offsets + count;
	type->print_parts = own_parts;
	if (print_format)
		type->print_format = add_text(&text, print_format);
	CHECK(text == (char *)type + size_bytes, "the texts take %zu bytes", texts_bytes);
	return type;
}

int record_type_create(const char *name, const char *print_format, const struct field *fields,
		       uint32_t count, struct record_type **made, struct err *err)
{
	*made = NULL;
	if (print_format != NULL && print_format[0] == '\0')
		print_format = NULL;
	if (check_declaration(name, fields, count, err) != 0)
		return -1;
	if (print_format && (strnlen(print_format, RECORD_PRINT_FORMAT_BYTES_MAX + 1) >
				     RECORD_PRINT_FORMAT_BYTES_MAX ||
			     !utf8_valid(print_format, strlen(print_format))))
		return err_set(
			err, ERR_PLAN_INVALID,
			"record type \"%s\": its print format is not UTF-8 of at most %u bytes",
			name, RECORD_PRINT_FORMAT_BYTES_MAX);
	struct record_type *type = allocate(name, print_format, fields, count);

	lay_out(type, (uint32_t *)type->offsets_bytes, (uint32_t *)type->string_offsets_bytes);
	type->hash = hash_fields(type);
	if (print_parts_make(type, (struct print_part *)type->print_parts, err) != 0) {
		record_type_destroy(&type);
		return -1;
	}
	*made = type;
	return 0;
}

void record_type_destroy(struct record_type **type)
{
	mem_free(*type);
	*type = NULL;
}

int record_type_find(const struct record_type *type, const char *name)
{
	for (uint32_t i = 0; i < type->fields_count; i++)
		if (strcmp(type->fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Levenshtein's distance without regard to case, in one row; both at most 255 bytes. */
static uint32_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	uint32_t row[LIMIT_FIELD_NAME_BYTES_MAX + 1];

	for (size_t j = 0; j <= b_length; j++)
		row[j] = (uint32_t)j;
	for (size_t i = 1; i <= a_length; i++) {
		uint32_t diagonal = row[0];

		row[0] = (uint32_t)i;
		for (size_t j = 1; j <= b_length; j++) {
			uint32_t best = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}

const char *record_type_nearest(const struct record_type *type, const char *name)
{
	size_t length = strnlen(name, LIMIT_FIELD_NAME_BYTES_MAX + 1);
	uint32_t best_distance = UINT32_MAX;
	const char *best = NULL;

	if (length > LIMIT_FIELD_NAME_BYTES_MAX)
		return NULL;
	for (uint32_t i = 0; i < type->fields_count; i++) {
		const char *candidate = type->fields[i].name;
		uint32_t distance = edit_distance(name, length, candidate, strlen(candidate));

		if (distance < best_distance) {
			best_distance = distance;
			best = candidate;
		}
	}
	/* A guess that shares less than half with what was written would only mislead. */
	return best_distance * 2 <= length ? best : NULL;
}

void record_type_describe(const struct record_type *type, struct buf *into)
{
	buf_add_text(into, type->name);
	for (uint32_t i = 0; i < type->fields_count; i++)
		buf_printf(into, "%s%s %s%s", i == 0 ? "(" : ", ", type->fields[i].name,
			   kinds[type->fields[i].kind].name,
			   type->nulls_bytes && !type->fields[i].nullable ? " NOT NULL" : "");
	buf_add_text(into, ")");
}
