/* SPDX-License-Identifier: Apache-2.0
 * json_out_test.c - whatever is written can be read back: odd texts, odd numbers, nesting. */
#include "tests/lib/cmocka_header.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/json_out.h"
#include "tests/lib/dice.h"

static struct buf buf;
static struct json_out out;

static int begin(void **state)
{
	buf_init(&buf);
	json_out_init(&out, &buf);
	return 0;
}

static int end(void **state)
{
	buf_fini(&buf);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

static void texts_are_escaped_and_made_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *json;
	} cases[] = {
		{ "", 0, "\"\"" },
		{ "plain", 5, "\"plain\"" },
		{ "\"\\/", 3, "\"\\\"\\\\/\"" },
		{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
		{ "a\0b\x01\x1f\x7f", 6, "\"a\\u0000b\\u0001\\u001f\\u007f\"" },
		{ "gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\"" },
		{ "\xe2\x86\x92\xf0\x9f\x90\xbf", 7, "\"\xe2\x86\x92\xf0\x9f\x90\xbf\"" },
		{ "\xff", 1, "\"\xef\xbf\xbd\"" },		     /* no UTF-8 byte */
		{ "a\xc3", 2, "\"a\xef\xbf\xbd\"" },		     /* cut in a character */
		{ "\xe2\x86x", 3, "\"\xef\xbf\xbd\xef\xbf\xbdx\"" }, /* broken off */
		{ "\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },   /* overlong */
		{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
		{ "</script>", 9, "\"</script>\"" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		json_t *read;

		buf_clear(&buf);
		json_out_bytes(&out, NULL, cases[i].text, cases[i].size);
		assert_string_equal(buf.data, cases[i].json);
		read = json_loadb(buf.data, buf.size_bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_true(json_is_string(read));
		json_decref(read);
	}
}

static void every_byte_pair_gives_valid_json(void **state)
{
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			char text[2] = { (char)a, (char)b };
			json_t *read;

			buf_clear(&buf);
			json_out_bytes(&out, NULL, text, 2);
			read = json_loadb(buf.data, buf.size_bytes,
					  JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
			if (!json_is_string(read))
				fail_msg("bytes %02x %02x give %s", a, b, buf.data);
			json_decref(read);
		}
	}
}

static void numbers_keep_their_kind_and_value(void **state)
{
	static const struct {
		double value;
		const char *json;
	} reals[] = {
		{ 0, "0.0" },
		{ 1, "1.0" },
		{ -2.5, "-2.5" },
		{ 0.1, "0.1" },
		{ 1e300, "1e+300" },
		{ 1.0 / 3, "0.33333333333333331" },
		{ 123456789012.0, "123456789012.0" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(reals); i++) {
		buf_clear(&buf);
		json_out_real(&out, NULL, reals[i].value);
		assert_string_equal(buf.data, reals[i].json);
		assert_true(strtod(buf.data, NULL) == reals[i].value);
	}
	buf_clear(&buf);
	json_out_array(&out, NULL);
	json_out_real(&out, NULL, NAN);
	json_out_real(&out, NULL, INFINITY);
	json_out_real(&out, NULL, -INFINITY);
	json_out_int(&out, NULL, INT64_MIN);
	json_out_count(&out, NULL, UINT64_MAX);
	json_out_close(&out);
	assert_string_equal(
		buf.data,
		"[\"NaN\",\"Infinity\",\"-Infinity\",-9223372036854775808,9223372036854775807]");
}

static void objects_and_arrays_nest(void **state)
{
	struct id id = { { 0xab } };

	json_out_object(&out, NULL);
	json_out_array(&out, "empty");
	json_out_close(&out);
	json_out_object(&out, "in");
	json_out_bool(&out, "yes", true);
	json_out_null(&out, "nothing");
	json_out_named_text(&out, "a \"name\"\xff", "v");
	json_out_close(&out);
	json_out_array(&out, "list");
	json_out_int(&out, NULL, 1);
	json_out_object(&out, NULL);
	json_out_close(&out);
	json_out_id(&out, NULL, &id);
	json_out_close(&out);
	json_out_close(&out);
	json_out_check(&out);
	assert_string_equal(
		buf.data,
		"{\"empty\":[],\"in\":{\"yes\":true,\"nothing\":null,\"a \\\"name\\\"\xef\xbf\xbd\":\"v\"},"
		"\"list\":[1,{},\"ab000000000000000000000000000000\"]}");
}

static void rounded_numbers_are_as_short_as_can_be(void **state)
{
	static const struct {
		double value;
		uint32_t digits;
		const char *json;
	} cases[] = {
		{ 0, 4, "0" },		{ 1, 4, "1" },		 { 0.5, 4, "0.5" },
		{ 0.25, 4, "0.25" },	{ 0.12349, 4, "0.123" }, { 0.9996, 4, "1" },
		{ 0.0004, 4, "0" },	{ 0.0005, 4, "0.001" },	 { 1.0 / 3, 4, "0.333" },
		{ 2.0 / 3, 2, "0.7" },	{ 12.345, 4, "12.35" },	 { 123.44, 4, "123.4" },
		{ 999.96, 4, "1000" },	{ 1234.5, 4, "1235" },	 { 9999.5, 4, "10000" },
		{ 1e14, 4, "100000000000000" },			 { 7.06, 1, "7" },
		{ 0.1, 15, "0.1" },	{ 1e15, 4, "1e+15" },
		{ -1, 4, "-1.0" },	{ NAN, 4, "\"NaN\"" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		buf_clear(&buf);
		json_out_rounded(&out, NULL, cases[i].value, cases[i].digits);
		assert_string_equal(buf.data, cases[i].json);
	}
}

static void thousandths_are_told_as_far_as_they_matter(void **state)
{
	static const int64_t values[] = { 0,      1,       10,       100,           1500,
					  999999, 1000000, 1234567,  JSON_OUT_NULL, -1500,
					  -1,     -999500, -1999500, INT64_MAX };
	uint64_t dice = 1;

	json_out_thousandths(&out, NULL, values, ARRAY_COUNT(values));
	json_out_check(&out);
	assert_string_equal(buf.data, "[0,0.001,0.01,0.1,1.5,999.999,1000,1235,null,-1.5,-0.001,"
				      "-999.5,-2000,9223372036854776]");
	for (int i = 0; i < 100000; i++) {
		int64_t value = (int64_t)below(&dice, 2000000) - 1000000;
		double back;

		buf_clear(&buf);
		json_out_init(&out, &buf);
		json_out_thousandths(&out, NULL, &value, 1);
		back = strtod(buf.data + 1, NULL) * 1000;
		if (fabs(back - (double)value) > 1e-6)
			fail_msg("%lld is %s", (long long)value, buf.data);
	}
	buf_clear(&buf);
	json_out_init(&out, &buf);
	json_out_object(&out, NULL);
	json_out_thousandths(&out, "none", NULL, 0);
	json_out_thousandths(&out, "one", values, 1);
	json_out_close(&out);
	assert_string_equal(buf.data, "{\"none\":[],\"one\":[0]}");
}

static void what_was_written_can_be_taken_back(void **state)
{
	struct json_mark start, later;

	json_out_object(&out, NULL);
	start = json_out_mark(&out);
	json_out_named_object(&out, "a \"name\"");
	json_out_named_null(&out, "gone");
	later = json_out_mark(&out);
	json_out_array(&out, "open");
	json_out_int(&out, NULL, 1);
	json_out_back(&out, &later);
	json_out_int(&out, "two", 2);
	json_out_close(&out);
	assert_string_equal(buf.data, "{\"a \\\"name\\\"\":{\"gone\":null,\"two\":2}");
	json_out_back(&out, &start);
	json_out_int(&out, "three", 3);
	json_out_close(&out);
	json_out_check(&out);
	assert_string_equal(buf.data, "{\"three\":3}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts_are_escaped_and_made_utf8),
		TEST(every_byte_pair_gives_valid_json),
		TEST(numbers_keep_their_kind_and_value),
		TEST(objects_and_arrays_nest),
		TEST(rounded_numbers_are_as_short_as_can_be),
		TEST(thousandths_are_told_as_far_as_they_matter),
		TEST(what_was_written_can_be_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
