/* SPDX-License-Identifier: Apache-2.0
 * print_test.c - what print() shows. The rows of numbers are those where rules that look alike
 * differ; 1.5 million more of each kind were compared once with Java 25's toString. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/record/batch.h"
#include "common/record/record_random.h"

static void doubles_are_printed_as_java_does(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0.0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1.0, "1.0" },
		{ -1.5, "-1.5" },
		{ 0.1, "0.1" },
		{ 100.0, "100.0" },
		{ 123.456, "123.456" },
		{ 0.001, "0.001" },
		{ 0.00123, "0.00123" },
		{ 0.01, "0.01" },
		{ 0.000999, "9.99E-4" },
		{ 1e-5, "1.0E-5" },
		{ 9999999.0, "9999999.0" },
		{ 9999999.999999998, "9999999.999999998" },
		{ 1e7, "1.0E7" },
		{ 12345678.0, "1.2345678E7" },
		{ 1e10, "1.0E10" },
		{ 1.1e10, "1.1E10" },
		{ 1e23, "1.0E23" },
		{ 2e23, "2.0E23" },
		{ 3.141592653589793, "3.141592653589793" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 2.0 / 3, "0.6666666666666666" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ DBL_MAX, "1.7976931348623157E308" },
		{ DBL_MIN, "2.2250738585072014E-308" },
		{ 4.9e-324, "4.9E-324" },
		{ 9.9e-324, "9.9E-324" },
		{ 1.5e-323, "1.5E-323" },
		{ 2e-323, "2.0E-323" },
		{ 2.2250738585072011e-308, "2.225073858507201E-308" },
		{ 0x1p-44,
		  "5.684341886080802E-14" }, /* the nearest of 16 digits does not read back */
		{ 9007199254740992.0, "9.007199254740992E15" },
		{ 9223372036854775808.0, "9.223372036854776E18" },
		{ (double)INFINITY, "Infinity" },
		{ -(double)INFINITY, "-Infinity" },
		{ (double)NAN, "NaN" },
		{ -(double)NAN, "NaN" },
	};
	struct buf text;

	buf_init(&text);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		buf_clear(&text);
		print_double(rows[i].value, &text);
		assert_string_equal(text.data, rows[i].text);
	}
	buf_fini(&text);
}

static void floats_are_printed_as_java_does(void **state)
{
	static const struct {
		float value;
		const char *text;
	} rows[] = {
		{ 0.0f, "0.0" },
		{ -0.0f, "-0.0" },
		{ 0.1f, "0.1" },
		{ 3.1415927f, "3.1415927" },
		{ 16777216.0f, "1.6777216E7" },
		{ 33554432.0f, "3.3554432E7" },
		{ 1e10f, "1.0E10" },
		{ 2e-3f, "0.002" },
		{ 1.0f / 3, "0.33333334" },
		{ FLT_MAX, "3.4028235E38" },
		{ FLT_MIN, "1.1754944E-38" },
		{ 1.4e-45f, "1.4E-45" },
		{ 2.8e-45f, "2.8E-45" },
		{ 8.5899346e9f, "8.589935E9" }, /* 2^33: 8.5899346E9 until Java 18 */
		{ (float)INFINITY, "Infinity" },
		{ (float)NAN, "NaN" },
	};
	struct buf text;

	buf_init(&text);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		buf_clear(&text);
		print_float(rows[i].value, &text);
		assert_string_equal(text.data, rows[i].text);
	}
	buf_fini(&text);
}

/* The definition of "shortest", slowly: no decimal of fewer digits reads back. */
static void random_doubles_read_back_and_are_shortest(void **state)
{
	struct random random = { 1 };
	struct buf text;

	buf_init(&text);
	for (int round = 0; round < 100000; round++) {
		uint64_t bits = random_next(&random);
		double value;
		char digits[32];

		if (round % 4 == 0) /* powers of two, where the neighbours are lopsided */
			bits &= UINT64_C(0xFFF) << 52;
		memcpy(&value, &bits, sizeof(value));
		if (isnan(value) || isinf(value) || value == 0)
			continue;
		buf_clear(&text);
		print_double(value, &text);
		assert_true(strtod(text.data, NULL) == value);
		int count = 0, zeroes = 0;
		for (const char *at = text.data; *at && *at != 'E'; at++)
			if (*at >= '0' && *at <= '9' && (count > 0 || *at != '0')) {
				count++;
				zeroes = *at == '0' ? zeroes + 1 : 0;
			}
		count -= zeroes;
		if (count > 2) {
			snprintf(digits, sizeof(digits), "%.*e", count - 2, value);
			assert_true(strtod(digits, NULL) != value);
		}
	}
	buf_fini(&text);
	assert_int_equal(mem_bytes_out(), 0);
}

static void timestamps_are_iso(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00" },
		{ 1, "1970-01-01T00:00:00.001" },
		{ -1, "1969-12-31T23:59:59.999" },
		{ 951782400000, "2000-02-29T00:00:00" },
		{ 951868799999, "2000-02-29T23:59:59.999" },
		{ 1795495960123, "2026-11-24T04:52:40.123" },
		{ 4107542400000, "2100-03-01T00:00:00" },
		{ 253402300799999, "9999-12-31T23:59:59.999" },
		{ 253402300800000, "+10000-01-01T00:00:00" },
		{ -62135596800000, "0001-01-01T00:00:00" },
		{ -62167219200000, "0000-01-01T00:00:00" },
		{ -62167219200001, "-0001-12-31T23:59:59.999" },
		{ INT64_MAX, "+292278994-08-17T07:12:55.807" },
		{ INT64_MIN, "-292275055-05-16T16:47:04.192" },
	};
	struct buf text;

	buf_init(&text);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		buf_clear(&text);
		print_timestamp(rows[i].ms, &text);
		assert_string_equal(text.data, rows[i].text);
	}
	buf_fini(&text);
	assert_int_equal(mem_bytes_out(), 0);
}

static void expect(const char *format, const struct field *fields, uint32_t count,
		   const void *record, const char *expected)
{
	struct record_type *type;
	struct err err = ERR_INIT;
	struct buf text;

	buf_init(&text);
	if (record_type_create("t", format, fields, count, &type, &err) != 0)
		fail_msg("%s", err.text);
	record_print(type, record, &text);
	assert_string_equal(text.data, expected);
	record_type_destroy(&type);
	buf_fini(&text);
	assert_int_equal(mem_bytes_out(), 0);
}

static void records_are_printed_as_tuples(void **state)
{
	static const struct field pair[] = {
		{ "word", FIELD_STRING, 0 },
		{ "count", FIELD_BIGINT, 0 },
	};
	static const struct field one[] = { { "value", FIELD_DOUBLE, 0 } };
	static const struct field bytes[] = { { "b", FIELD_BYTES, 0 } };
	static const struct field all[] = {
		{ "a", FIELD_BOOLEAN, 1 }, { "b", FIELD_TINYINT, 1 },	{ "c", FIELD_SMALLINT, 1 },
		{ "d", FIELD_INT, 1 },	   { "e", FIELD_BIGINT, 1 },	{ "f", FIELD_FLOAT, 1 },
		{ "g", FIELD_DOUBLE, 1 },  { "h", FIELD_TIMESTAMP, 1 }, { "i", FIELD_BYTES, 1 },
	};
	struct {
		struct str word;
		int64_t count;
	} apple = { str_of("apple", 5), 1 },
	  far = { str_of("a borrowed long word", 20), INT64_MIN };
	struct {
		uint8_t nulls[2], a;
		int8_t b;
		int16_t c;
		int32_t d;
		int64_t e;
		float f;
		double g;
		int64_t h;
		struct str i;
	} record = { .a = 1,
		     .b = -128,
		     .c = -32768,
		     .d = INT32_MIN,
		     .e = INT64_MAX,
		     .f = 0.5f,
		     .g = 1e100,
		     .h = 60000,
		     .i = str_of("\x01\xFF", 2) };
	double pi = 3.0;
	struct str empty = str_of("", 0), three = str_of("\x01\x02\x80", 3);

	expect(NULL, pair, 2, &apple, "(apple,1)");
	expect("", pair, 2, &apple, "(apple,1)");
	expect(NULL, pair, 2, &far, "(a borrowed long word,-9223372036854775808)");
	expect(NULL, one, 1, &pi, "3.0");
	expect(NULL, bytes, 1, &empty, "[]");
	expect(NULL, bytes, 1, &three, "[1, 2, -128]");
	expect(NULL, all, 9, &record,
	       "(true,-128,-32768,-2147483648,9223372036854775807,0.5,1.0E100,"
	       "1970-01-01T00:01:00,[1, -1])");
	memset(&record, 0, sizeof(record));
	expect(NULL, all, 9, &record, "(false,0,0,0,0,0.0,0.0,1970-01-01T00:00:00,[])");
	record.nulls[0] = 0xFF;
	record.nulls[1] = 1;
	expect(NULL, all, 9, &record, "(null,null,null,null,null,null,null,null,null)");
}

static void print_formats_name_fields(void **state)
{
	static const struct field pair[] = {
		{ "word", FIELD_STRING, 0 },
		{ "count", FIELD_BIGINT, 1 },
	};
	struct {
		uint8_t nulls;
		struct str word;
		int64_t count;
	} apple = { 0, str_of("apple", 5), 1 }, none = { 2, str_of("x", 1), 0 };

	expect("{word} : {count}", pair, 2, &apple, "apple : 1");
	expect("{count}{word}{word}", pair, 2, &apple, "1appleapple");
	expect("{{{word}}} and }}{{", pair, 2, &apple, "{apple} and }{");
	expect("no field", pair, 2, &apple, "no field");
	expect("<{word}>{count}!", pair, 2, &none, "<x>null!");
	expect("{{", pair, 2, &apple, "{");
}

static void expect_int(int64_t value)
{
	struct buf text;
	char expected[32];

	buf_init(&text);
	print_int(value, &text);
	snprintf(expected, sizeof(expected), "%lld", (long long)value);
	assert_string_equal(text.data, expected);
	assert_int_equal(text.size_bytes, strlen(expected));
	buf_fini(&text);
}

/* Every number of digits, at both ends, of both signs. */
static void integers_have_all_their_digits(void **state)
{
	expect_int(INT64_MAX);
	expect_int(INT64_MIN);
	for (uint64_t power = 1, digits = 1; digits <= 19; power *= 10, digits++)
		for (int64_t add = -1; add <= 1; add++)
			for (int sign = -1; sign <= 1; sign += 2)
				expect_int(sign * ((int64_t)power + add));
}

/* Lines are what record_print writes, one by one. */
static void expect_lines(const struct record_type *type, const char *prefix, struct random *random)
{
	uint64_t image[RANDOM_STRUCT_BYTES_MAX / 8], memory[4096];
	struct run_builder run;
	struct random_texts texts;
	struct batch batch;
	struct buf lines, expected;

	buf_init(&lines);
	buf_init(&expected);
	run_builder_init(&run, type, sizeof(memory), false);
	assert_true(run_begin(&run, memory, sizeof(memory)));
	for (uint32_t i = 0; i < 10; i++) {
		random_record(random, type, i % 3 == 0, &texts, image);
		void *into = run_reserve(&run, record_size(type, image));

		assert_non_null(into);
		record_copy(type, image, into);
		buf_add_text(&expected, prefix);
		record_print(type, image, &expected);
		buf_add_text(&expected, "\n");
	}
	run_end(&run);
	run_view(type, memory, &batch);
	record_print_lines(type, bytes_of_text(prefix), &batch, &lines);
	assert_int_equal(lines.size_bytes, expected.size_bytes);
	assert_string_equal(lines.data, expected.data);
	run_builder_fini(&run);
	buf_fini(&lines);
	buf_fini(&expected);
}

static void lines_are_records_one_by_one(void **state)
{
	static const struct field fields[] = {
		{ "a", FIELD_STRING, 0 },  { "b", FIELD_BIGINT, 0 },   { "c", FIELD_BOOLEAN, 0 },
		{ "d", FIELD_TINYINT, 0 }, { "e", FIELD_SMALLINT, 0 }, { "f", FIELD_INT, 0 },
		{ "g", FIELD_STRING, 0 },
	};
	static const char *const formats[] = {
		NULL,
		"{a} : {b}",
		"{a}{a}{g}{a}",
		"a literal that is longer than sixteen bytes, {c} and {d}{e}{f} another",
		"nothing",
	};
	struct random random = { 11 };
	uint32_t quick = 0;

	for (uint32_t i = 0; i < ARRAY_COUNT(formats) * 20; i++) {
		struct record_type *type;
		struct err err = ERR_INIT;
		const char *format = formats[i % ARRAY_COUNT(formats)];
		uint32_t count = format ? 7 : 1 + i / 5 % 7;

		assert_int_equal(record_type_create("r", format, fields, count, &type, &err), 0);
		assert_true(type->print_bytes_max > 0);
		expect_lines(type, i % 2 ? "" : "a prefix> ", &random);
		record_type_destroy(&type);
	}
	for (uint32_t i = 0; i < 2000; i++) {
		struct record_type *type = random_type(&random);

		quick += type->print_bytes_max > 0;
		expect_lines(type, "1> ", &random);
		record_type_destroy(&type);
	}
	assert_true(quick > 50 && quick < 1000);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_are_printed_as_java_does),
		cmocka_unit_test(floats_are_printed_as_java_does),
		cmocka_unit_test(random_doubles_read_back_and_are_shortest),
		cmocka_unit_test(timestamps_are_iso),
		cmocka_unit_test(records_are_printed_as_tuples),
		cmocka_unit_test(print_formats_name_fields),
		cmocka_unit_test(integers_have_all_their_digits),
		cmocka_unit_test(lines_are_records_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
