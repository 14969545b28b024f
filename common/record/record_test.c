/* SPDX-License-Identifier: Apache-2.0
 * record_test.c - types against real C structs, one record's size, copy and check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/record/record_random.h"

static struct record_type *make_type(const char *name, const struct field *fields, uint32_t count)
{
	struct record_type *type = NULL;
	struct err err = ERR_INIT;

	if (record_type_create(name, NULL, fields, count, &type, &err) != 0)
		fail_msg("%s", err.text);
	return type;
}

#define TYPE(name, ...) \
	make_type(name, (const struct field[]){ __VA_ARGS__ }, \
		  sizeof((const struct field[]){ __VA_ARGS__ }) / sizeof(struct field))

static void no_bytes_out(void)
{
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- layout ---------------------------------------------------------------------------------- */

struct word_count {
	struct str word;
	int64_t count;
};

struct mixed {
	int8_t a;
	int16_t b;
	uint8_t c;
	int32_t d;
	int8_t e;
	int64_t f;
	float g;
	double h;
	struct str i;
	uint8_t j;
	struct str k;
	int64_t l;
	int8_t m;
};

struct small {
	struct str word;
	uint8_t flag;
};

struct bytes_only {
	uint8_t a, b;
	int8_t c;
};

struct nullable {
	uint8_t nulls[2];
	uint8_t a;
	int64_t b;
	struct str c;
	uint8_t d, e, f, g, h;
	int16_t i;
};

struct nullable_small {
	uint8_t nulls[1];
	uint8_t a;
};

#define SAME_LAYOUT(type, STRUCT) \
	do { \
		assert_int_equal((type)->size_bytes, sizeof(struct STRUCT)); \
		assert_int_equal((type)->align_bytes, _Alignof(struct STRUCT)); \
	} while (0)
#define SAME_OFFSET(type, STRUCT, member) \
	assert_int_equal((type)->offsets_bytes[record_type_find(type, #member)], \
			 offsetof(struct STRUCT, member))

static struct record_type *mixed_type(void)
{
	return TYPE("mixed", { "a", FIELD_TINYINT, 0 }, { "b", FIELD_SMALLINT, 0 },
		    { "c", FIELD_BOOLEAN, 0 }, { "d", FIELD_INT, 0 }, { "e", FIELD_TINYINT, 0 },
		    { "f", FIELD_BIGINT, 0 }, { "g", FIELD_FLOAT, 0 }, { "h", FIELD_DOUBLE, 0 },
		    { "i", FIELD_STRING, 0 }, { "j", FIELD_BOOLEAN, 0 }, { "k", FIELD_BYTES, 0 },
		    { "l", FIELD_TIMESTAMP, 0 }, { "m", FIELD_TINYINT, 0 });
}

static void layout_is_the_c_struct_s(void **state)
{
	struct record_type *type = mixed_type();

	SAME_LAYOUT(type, mixed);
	SAME_OFFSET(type, mixed, a);
	SAME_OFFSET(type, mixed, b);
	SAME_OFFSET(type, mixed, c);
	SAME_OFFSET(type, mixed, d);
	SAME_OFFSET(type, mixed, e);
	SAME_OFFSET(type, mixed, f);
	SAME_OFFSET(type, mixed, g);
	SAME_OFFSET(type, mixed, h);
	SAME_OFFSET(type, mixed, i);
	SAME_OFFSET(type, mixed, j);
	SAME_OFFSET(type, mixed, k);
	SAME_OFFSET(type, mixed, l);
	SAME_OFFSET(type, mixed, m);
	assert_int_equal(type->nulls_bytes, 0);
	assert_true(type->has_tails);
	assert_int_equal(type->strings_count, 2);
	assert_int_equal(type->string_offsets_bytes[0], offsetof(struct mixed, i));
	assert_int_equal(type->string_offsets_bytes[1], offsetof(struct mixed, k));
	record_type_destroy(&type);

	type = TYPE("word_count", { "word", FIELD_STRING, 0 }, { "count", FIELD_BIGINT, 0 });
	SAME_LAYOUT(type, word_count);
	SAME_OFFSET(type, word_count, count);
	record_type_destroy(&type);
	type = TYPE("small", { "word", FIELD_STRING, 0 }, { "flag", FIELD_BOOLEAN, 0 });
	SAME_LAYOUT(type, small);
	SAME_OFFSET(type, small, flag);
	record_type_destroy(&type);
	type = TYPE("bytes_only", { "a", FIELD_BOOLEAN, 0 }, { "b", FIELD_BOOLEAN, 0 },
		    { "c", FIELD_TINYINT, 0 });
	SAME_LAYOUT(type, bytes_only);
	assert_false(type->has_tails);
	record_type_destroy(&type);
	no_bytes_out();
}

static void nullable_types_have_a_bitmap_in_front(void **state)
{
	struct record_type *type =
		TYPE("nullable", { "a", FIELD_BOOLEAN, 1 }, { "b", FIELD_BIGINT, 0 },
		     { "c", FIELD_STRING, 1 }, { "d", FIELD_BOOLEAN, 0 }, { "e", FIELD_BOOLEAN, 0 },
		     { "f", FIELD_BOOLEAN, 0 }, { "g", FIELD_BOOLEAN, 0 },
		     { "h", FIELD_BOOLEAN, 0 }, { "i", FIELD_SMALLINT, 1 });
	struct nullable record = { .nulls = { 0x04, 0x01 } };

	SAME_LAYOUT(type, nullable);
	SAME_OFFSET(type, nullable, a);
	SAME_OFFSET(type, nullable, b);
	SAME_OFFSET(type, nullable, c);
	SAME_OFFSET(type, nullable, h);
	SAME_OFFSET(type, nullable, i);
	assert_int_equal(type->nulls_bytes, 2);
	assert_false(record_is_null(type, &record, 0));
	assert_false(record_is_null(type, &record, 1));
	assert_true(record_is_null(type, &record, 2));
	assert_true(record_is_null(type, &record, 8));
	record_type_destroy(&type);
	type = TYPE("nullable_small", { "a", FIELD_BOOLEAN, 1 });
	SAME_LAYOUT(type, nullable_small);
	SAME_OFFSET(type, nullable_small, a);
	record_type_destroy(&type);
	no_bytes_out();
}

/* ---- types ----------------------------------------------------------------------------------- */

static void type_hash_tells_what_differs(void **state)
{
	struct record_type *types[] = {
		TYPE("a", { "x", FIELD_INT, 0 }, { "y", FIELD_STRING, 0 }),
		TYPE("a", { "x", FIELD_INT, 1 }, { "y", FIELD_STRING, 0 }),
		TYPE("a", { "x", FIELD_FLOAT, 0 }, { "y", FIELD_STRING, 0 }),
		TYPE("a", { "y", FIELD_STRING, 0 }, { "x", FIELD_INT, 0 }),
		TYPE("a", { "x", FIELD_INT, 0 }, { "z", FIELD_STRING, 0 }),
		TYPE("a", { "x", FIELD_INT, 0 }),
	};
	struct record_type *same = TYPE("b", { "x", FIELD_INT, 0 }, { "y", FIELD_STRING, 0 });

	for (size_t i = 0; i < ARRAY_COUNT(types); i++)
		for (size_t j = i + 1; j < ARRAY_COUNT(types); j++)
			assert_true(types[i]->hash != types[j]->hash);
	assert_true(same->hash == types[0]->hash);
	for (size_t i = 0; i < ARRAY_COUNT(types); i++)
		record_type_destroy(&types[i]);
	record_type_destroy(&same);
	no_bytes_out();
}

static void refuse(const char *name, const char *format, const struct field *fields, uint32_t count,
		   const char *text)
{
	struct record_type *type = (void *)1;
	struct err err = ERR_INIT;

	assert_int_equal(record_type_create(name, format, fields, count, &type, &err), -1);
	assert_null(type);
	assert_int_equal(err.code, ERR_PLAN_INVALID);
	assert_string_equal(err.text, text);
}

static void bad_types_are_refused_by_name(void **state)
{
	struct field good = { "a", FIELD_INT, 0 }, pair[] = { good, good };
	char long_name[400];
	struct field *many = MEM_NEW_ARRAY(struct field, LIMIT_RECORD_FIELDS_MAX + 1);

	memset(long_name, 'x', sizeof(long_name));
	long_name[300] = '\0';
	refuse("", NULL, &good, 1, "the name of a record type is empty");
	refuse("t", NULL, &good, 0, "record type \"t\" has 0 fields; allowed are 1 to 1024");
	refuse("t", NULL, many, LIMIT_RECORD_FIELDS_MAX + 1,
	       "record type \"t\" has 1025 fields; allowed are 1 to 1024");
	refuse("t", NULL, pair, 2, "record type \"t\" has two fields \"a\"");
	refuse("t", NULL, &(struct field){ "", FIELD_INT, 0 }, 1,
	       "record type \"t\": the name of field 0 is empty");
	refuse("t", NULL, &(struct field){ NULL, FIELD_INT, 0 }, 1,
	       "record type \"t\": the name of field 0 is empty");
	refuse("t", NULL, &(struct field){ long_name, FIELD_INT, 0 }, 1,
	       "record type \"t\": the name of field 0 is longer than 255 bytes");
	refuse("t", NULL, &(struct field){ "a\xff", FIELD_INT, 0 }, 1,
	       "record type \"t\": the name of field 0 is not UTF-8");
	refuse("t", NULL, &(struct field){ "a\nb", FIELD_INT, 0 }, 1,
	       "record type \"t\": the name of field 0 has a control character in it");
	refuse("t", NULL, &(struct field){ "a", 11, 0 }, 1,
	       "record type \"t\": field \"a\" is of kind 11, which does not exist");
	refuse("t", NULL, &(struct field){ "a", 0, 0 }, 1,
	       "record type \"t\": field \"a\" is of kind 0, which does not exist");
	refuse("t", "{b}", &good, 1,
	       "record type \"t\": its print format names a field \"b\", which it does not have");
	refuse("t", "{aa", &good, 1,
	       "record type \"t\": a '{' without '}' in its print format \"{aa\"");
	refuse("t", "a}", &good, 1,
	       "record type \"t\": a '}' without '{' in its print format \"a}\"");
	refuse("t", "{A}", &good, 1,
	       "record type \"t\": its print format names a field \"A\", which it does not have; "
	       "did you "
	       "mean \"a\"?");
	mem_free(many);
	no_bytes_out();
}

static void types_are_found_and_described(void **state)
{
	struct record_type *type =
		TYPE("word_count", { "word", FIELD_STRING, 0 }, { "count", FIELD_BIGINT, 0 });
	struct buf text;

	buf_init(&text);
	record_type_describe(type, &text);
	assert_string_equal(text.data, "word_count(word STRING, count BIGINT)");
	assert_int_equal(record_type_find(type, "count"), 1);
	assert_int_equal(record_type_find(type, "Count"), -1);
	assert_string_equal(record_type_nearest(type, "cuont"), "count");
	assert_string_equal(record_type_nearest(type, "words"), "word");
	assert_string_equal(record_type_nearest(type, "WORD"), "word");
	assert_null(record_type_nearest(type, "price"));
	assert_null(record_type_nearest(type, ""));
	record_type_destroy(&type);

	type = TYPE("t", { "a", FIELD_INT, 1 }, { "b", FIELD_BYTES, 0 });
	buf_clear(&text);
	record_type_describe(type, &text);
	assert_string_equal(text.data, "t(a INT, b BYTES NOT NULL)");
	record_type_destroy(&type);
	assert_null(field_kind_name(0));
	assert_null(field_kind_name(255));
	assert_int_equal(field_kind_size(200), 0);
	assert_int_equal(field_kind_align(0), 0);
	buf_fini(&text);
	no_bytes_out();
}

/* ---- records --------------------------------------------------------------------------------- */

static void long_strings_become_tails(void **state)
{
	struct record_type *type = TYPE("pair", { "a", FIELD_STRING, 0 }, { "b", FIELD_STRING, 0 },
					{ "c", FIELD_INT, 0 });
	struct {
		struct str a, b;
		int32_t c;
	} record = { str_of("thirteen char", 13), str_of("short", 5), 7 };
	_Alignas(8) char image[128], moved[128];
	struct err err = ERR_INIT;

	assert_int_equal(type->size_bytes, 36);
	assert_true(str_is_borrowed(&record.a));
	assert_int_equal(record_size(type, &record), 40 + 16);
	memset(image, 0x55, sizeof(image));
	record_copy(type, &record, image);
	assert_int_equal(record_check(type, image, 56, &err), 0);
	for (int i = 36; i < 40; i++)
		assert_int_equal(image[i], 0); /* between struct and tail */
	for (int i = 53; i < 56; i++)
		assert_int_equal(image[i], 0); /* behind the tail */
	assert_int_equal(image[56], 0x55);

	memcpy(moved, image, 56); /* a record moves by memcpy */
	const struct str *a = record_field(type, moved, 0);
	assert_false(str_is_borrowed(a));
	assert_true(bytes_equal(str_bytes(a), bytes_of_text("thirteen char")));
	assert_memory_equal(a->u.tail.prefix, "thir", 4);

	struct str again = str_copy(a);
	assert_true(str_is_borrowed(&again));
	assert_true(str_ptr_any(&again) == str_ptr(a));
	struct str twice = str_copy(&again); /* of one that is borrowed itself */
	assert_true(str_ptr_any(&twice) == str_ptr(a));

	assert_null(record_stray_string(type, &record));
	record.b = *a; /* not of this record any more */
	assert_string_equal(record_stray_string(type, &record), type->fields[1].name);
	record.b = str_copy(a);
	assert_null(record_stray_string(type, &record));

	record.b = str_of("short", 5);
	record.a = str_of("exactly  12 ", 12);
	assert_int_equal(record_size(type, &record), 36);
	record_copy(type, &record, image);
	assert_int_equal(record_check(type, image, 36, &err), 0);
	record_type_destroy(&type);
	no_bytes_out();
}

/* Each length, at the end of a block of its own, so that asan sees a load too far. */
static void short_strings_are_copied_whole(void **state)
{
	for (size_t size = 0; size <= STR_INLINE_BYTES; size++) {
		char expected[STR_INLINE_BYTES] = { 0 };
		char *text = mem_alloc(size);

		for (size_t i = 0; i < size; i++)
			expected[i] = text[i] = (char)(0x81 + 7 * i);
		struct str s = str_of(text, size);
		assert_int_equal(s.len, size);
		assert_memory_equal(s.u.inlined, expected, sizeof(expected));
		assert_false(str_is_borrowed(&s));
		mem_free(text);
	}
	no_bytes_out();
}

static void sizes_that_overflow_are_the_largest(void **state)
{
	struct record_type *type = TYPE("pair", { "a", FIELD_BYTES, 0 }, { "b", FIELD_BYTES, 0 });
	struct str record[2] = { { .len = UINT32_MAX }, { .len = 0 } };

	assert_int_equal(record_size(type, record), UINT32_MAX);
	record[0].len = record[1].len = UINT32_C(0x80000000);
	assert_int_equal(record_size(type, record), UINT32_MAX);
	record_type_destroy(&type);
	no_bytes_out();
}

static void random_records_survive_copy_and_move(void **state)
{
	struct random random = { 20261124 };
	struct random_texts texts;
	_Alignas(8) char record[RANDOM_STRUCT_BYTES_MAX];
	struct err err = ERR_INIT;

	for (int round = 0; round < 2000; round++) {
		struct record_type *type = random_type(&random);

		random_record(&random, type, true, &texts, record);
		uint32_t size_bytes = record_size(type, record);
		char *image = mem_alloc(size_bytes), *second = mem_alloc(size_bytes);
		memset(image, 0xAA, size_bytes);
		memset(second, 0xAA, size_bytes);
		record_copy(type, record, image);
		if (record_check(type, image, size_bytes, &err) != 0)
			fail_msg("round %d: %s", round, err.text);
		assert_true(random_equal(type, record, image));
		assert_int_equal(record_size(type, image), size_bytes);
		record_copy(type, image, second); /* from relative strings: the same image */
		assert_memory_equal(image, second, size_bytes);
		mem_free(image);
		mem_free(second);
		record_type_destroy(&type);
	}
	no_bytes_out();
}

/* Every byte of an image changed in every single bit, and every length: refused or harmless. The
 * image has a block of its own, so that asan sees one byte too far. */
static void corrupted_images_are_refused_or_harmless(void **state)
{
	struct random random = { 77 };
	struct random_texts texts;
	_Alignas(8) char record[RANDOM_STRUCT_BYTES_MAX];
	struct err err = ERR_INIT;
	uint64_t sum = 0;
	int refused = 0;

	for (int round = 0; round < 60; round++) {
		struct record_type *type = random_type(&random);

		random_record(&random, type, true, &texts, record);
		uint32_t size_bytes = record_size(type, record);
		char *image = mem_alloc(size_bytes);
		record_copy(type, record, image);
		for (uint32_t bit = 0; bit < size_bytes * 8; bit++) {
			image[bit / 8] ^= (char)(1 << bit % 8);
			if (record_check(type, image, size_bytes, &err) == 0)
				sum += random_read_all(type, image);
			else
				refused++;
			image[bit / 8] ^= (char)(1 << bit % 8);
		}
		for (uint32_t size = 0; size < size_bytes; size++) {
			char *cut = mem_dup(image, size);

			assert_int_equal(record_check(type, cut, size, &err), -1);
			assert_int_equal(err.code, ERR_RECORD_INVALID);
			mem_free(cut);
		}
		mem_free(image);
		record_type_destroy(&type);
	}
	assert_true(refused > 1000 && sum > 0);
	no_bytes_out();
}

static void check_refuses(const struct record_type *type, const void *image, uint32_t size_bytes,
			  const char *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(record_check(type, image, size_bytes, &err), -1);
	assert_int_equal(err.code, ERR_RECORD_INVALID);
	assert_string_equal(err.text, text);
}

static void checks_name_rule_and_field(void **state)
{
	struct record_type *type =
		TYPE("t", { "flag", FIELD_BOOLEAN, 1 }, { "s", FIELD_STRING, 0 });
	_Alignas(8) struct {
		uint8_t nulls, flag;
		struct str s;
	} record = { 0, 1, str_of("abc", 3) };
	_Alignas(8) char image[64] = { 0 };
	struct str *s = (struct str *)(image + 4);
	struct err err = ERR_INIT;

	assert_int_equal(record_check(type, &record, sizeof(record), &err), 0);
	check_refuses(type, &record, 16, "a record of type \"t\": it is cut off");
	check_refuses(type, (char *)&record + 4, 20,
		      "a record of type \"t\": it does not begin at a multiple of 8");
	check_refuses(type, &record, 24, "a record of type \"t\" takes 20 bytes, not 24");
	record.flag = 2;
	check_refuses(type, &record, 20,
		      "a record of type \"t\": field \"flag\": a boolean is neither 0 nor 1");
	record.flag = 1;
	record.nulls = 1;
	check_refuses(
		type, &record, 20,
		"a record of type \"t\": field \"flag\": it is null and its bytes are not zero");
	record.nulls = 2;
	check_refuses(type, &record, 20,
		      "a record of type \"t\": field \"s\": it is null and may not be");
	record.nulls = 4;
	check_refuses(type, &record, 20,
		      "a record of type \"t\": the null bitmap has a bit of no field");
	record.nulls = 0;
	record.s.u.inlined[3] = 'd';
	check_refuses(type, &record, 20,
		      "a record of type \"t\": field \"s\": the unused bytes of a short string are "
		      "not zero");
	record.s = str_of("a borrowed string", 17);
	check_refuses(type, &record, 20,
		      "a record of type \"t\": field \"s\": a long string is a pointer");
	record_copy(type, &record, image);
	assert_int_equal(record_check(type, image, 48, &err), 0);
	check_refuses(
		type, image, 40,
		"a record of type \"t\": field \"s\": a long string is longer than its record");
	s->u.tail.offset += 8;
	check_refuses(type, image, 48,
		      "a record of type \"t\": field \"s\": a long string's bytes are not in their "
		      "place");
	s->u.tail.offset -= 8;
	s->u.tail.prefix[0] = '!';
	check_refuses(type, image, 48,
		      "a record of type \"t\": field \"s\": a long string does not begin with its "
		      "prefix");
	record_type_destroy(&type);
	no_bytes_out();
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

/* The definition, one code point at a time. */
static bool utf8_slow(const unsigned char *text, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes;) {
		unsigned c = text[i], n;
		n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
		static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };

		if (n == 0 || i + n > size_bytes)
			return false;
		unsigned code = n == 1 ? c : c & (0x7Fu >> n);
		for (unsigned j = 1; j < n; j++) {
			if (text[i + j] >> 6 != 2)
				return false;
			code = code << 6 | (text[i + j] & 0x3Fu);
		}
		if (code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
			return false;
		i += n;
	}
	return true;
}

static void utf8_is_judged_by_its_definition(void **state)
{
	struct random random = { 5 };
	char text[80];
	int valid = 0;

	/* All sequences of three bytes (two and one are among them), and four with a fixed one. */
	for (uint32_t bits = 0; bits < 1u << 24; bits += 1 + (bits >> 8 & 0xFF) % 3) {
		unsigned char bytes[] = { (uint8_t)(bits >> 16), (uint8_t)(bits >> 8),
					  (uint8_t)bits, 0x80 };

		if (utf8_valid((char *)bytes, 3) != utf8_slow(bytes, 3) ||
		    utf8_valid((char *)bytes, 4) != utf8_slow(bytes, 4))
			fail_msg("%02x %02x %02x", bytes[0], bytes[1], bytes[2]);
	}
	for (int round = 0; round < 200000; round++) {
		static const char *const parts[] = { "a",
						     "words and ",
						     "\xc3\xa4",
						     "\xe2\x82\xac",
						     "\xf0\x9f\x98\x80",
						     "0123456789abcdef",
						     "\0" };
		uint32_t size = 0;

		while (size < 60) {
			const char *part = parts[random_below(&random, ARRAY_COUNT(parts))];
			size_t length = part[0] ? strlen(part) : 1;
			memcpy(text + size, part, length);
			size += (uint32_t)length;
		}
		size -= random_below(&random, 30);
		if (random_below(&random, 2))
			text[random_below(&random, size)] = (char)random_next(&random);
		bool answer = utf8_valid(text, size);
		assert_int_equal(answer, utf8_slow((unsigned char *)text, size));
		valid += answer;
	}
	assert_true(valid > 20000 && valid < 180000);
	assert_true(utf8_valid("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_is_the_c_struct_s),
		cmocka_unit_test(nullable_types_have_a_bitmap_in_front),
		cmocka_unit_test(type_hash_tells_what_differs),
		cmocka_unit_test(bad_types_are_refused_by_name),
		cmocka_unit_test(types_are_found_and_described),
		cmocka_unit_test(long_strings_become_tails),
		cmocka_unit_test(short_strings_are_copied_whole),
		cmocka_unit_test(sizes_that_overflow_are_the_largest),
		cmocka_unit_test(random_records_survive_copy_and_move),
		cmocka_unit_test(corrupted_images_are_refused_or_harmless),
		cmocka_unit_test(checks_name_rule_and_field),
		cmocka_unit_test(utf8_is_judged_by_its_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
