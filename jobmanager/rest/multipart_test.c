/* SPDX-License-Identifier: Apache-2.0
 * multipart_test.c - what curl, browsers and others send, and what must not pass. */
#include "tests/lib/cmocka_header.h"

#include "common/base/mem.h"
#include "jobmanager/rest/multipart.h"

#define TYPE "multipart/form-data; boundary=xYz"
#define FILE_PART \
	"--xYz\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"job.py\"\r\n\r\n"

static struct multipart multipart;
static struct multipart_part part;

static void begin(const char *type, const char *body)
{
	if (multipart_open(&multipart, type, bytes_of_text(body)) < 0)
		fail_msg("%s", multipart.why);
}

static void expect_part(const char *name, const char *filename, const char *content)
{
	if (multipart_next(&multipart, &part) != 1)
		fail_msg("no part: %s", multipart.why ? multipart.why : "the end");
	assert_string_equal(part.name, name);
	assert_int_equal(part.is_file, filename != NULL);
	if (filename != NULL)
		assert_string_equal(part.filename, filename);
	assert_int_equal(part.content.size_bytes, strlen(content));
	assert_memory_equal(part.content.data, content, strlen(content));
}

static void expect_end(void)
{
	assert_int_equal(multipart_next(&multipart, &part), 0);
	assert_int_equal(multipart_next(&multipart, &part), 0);
}

static void parts_come_in_their_order(void **state)
{
	begin(TYPE, FILE_PART "one\r\ntwo\r\n--xYz\r\nContent-Type: text/plain\r\n"
			      "content-disposition: form-data; name=other\r\n\r\nvalue\r\n--xYz--\r\n");
	expect_part("jarfile", "job.py", "one\r\ntwo");
	expect_part("other", NULL, "value");
	expect_end();
}

static void a_part_may_be_empty_and_look_like_a_boundary(void **state)
{
	begin(TYPE, FILE_PART "\r\n--xYz--");
	expect_part("jarfile", "job.py", "");
	expect_end();
	begin(TYPE, FILE_PART "a\n--xYz\n--xY\r\n--xY\r\r\n--xYz--\r\n\r\n");
	expect_part("jarfile", "job.py", "a\n--xYz\n--xY\r\n--xY\r");
	expect_end();
	begin(TYPE, "--xYz--");
	expect_end();
}

static void names_come_quoted_escaped_and_extended(void **state)
{
	static const char *const names[][2] = {
		{ "\"a b;c.py\"", "a b;c.py" },
		{ "\"a\\\"b.py\"", "a\"b.py" },
		{ "\"C:\\dir\\b.py\"", "C:\\dir\\b.py" },
		{ "\"a\\\\b.py\"", "a\\b.py" },
		{ "plain.py", "plain.py" },
		{ "\"\xed\x95\x9c.py\"", "\xed\x95\x9c.py" },
		{ "\"\"", "" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *body = mem_printf("--xYz\r\nContent-Disposition: form-data; name=\"f\"; "
					"filename=%s\r\n\r\nx\r\n--xYz--",
					names[i][0]);

		begin(TYPE, body);
		expect_part("f", names[i][1], "x");
		expect_end();
		mem_free(body);
	}
	begin(TYPE, "--xYz\r\nContent-Disposition: form-data; name=f; filename=\"fallback\"; "
		    "filename*=UTF-8''%ED%95%9C.py\r\n\r\nx\r\n--xYz--");
	expect_part("f", "\xed\x95\x9c.py", "x");
	assert_int_equal(mem_bytes_out(), 0);
}

static void types_are_told_apart(void **state)
{
	assert_true(multipart_is("multipart/form-data; boundary=a"));
	assert_true(multipart_is("Multipart/Form-Data"));
	assert_false(multipart_is("multipart/form-datax; boundary=a"));
	assert_false(multipart_is("application/json"));
	assert_false(multipart_is(""));
	begin("multipart/form-data; charset=utf-8; BOUNDARY=\"x (y)\"; q=1",
	      "\r\n--x (y) \t\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--x (y)-- ");
	expect_part("a", NULL, "x");
	expect_end();
}

static void what_is_broken_is_refused(void **state)
{
	static const char *const types[] = {
		"multipart/form-data",
		"multipart/form-data; boundary=",
		"multipart/form-data; boundary=\"\"",
		"multipart/form-data; boundary=\"open",
		"multipart/form-data; boundary=a; boundary=b",
		"multipart/form-data; boundary",
		"multipart/form-data; =a",
		"multipart/form-data; boundary=\"a\tb\"",
		"multipart/form-data; boundary="
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const char *const bodies[] = {
		"",
		"preamble\r\n--xYz--",
		"--xYZ--",
		"--xYz",
		"--xYz\n",
		"--xYz-\r\n",
		"--xYz--more",
		"--xYz\r\n",
		"--xYz\r\n\r\nno disposition\r\n--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=a\r\n",
		"--xYz\r\nContent-Disposition: form-data; name=a\r\n\r\nno end",
		"--xYz\r\nContent-Disposition: form-data; name=a\r\n\r\nx\n--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--xYzz",
		"--xYz\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--xYz\r\n",
		"--xYz\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xYz--",
		"--xYz\r\nContent-Disposition: form-data; filename=a\r\n\r\nx\r\n--xYz--",
		"--xYz\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=a; filename=b; filename=c\r\n\r\nx\r\n"
		"--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=a; filename*=b\r\n\r\nx\r\n--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''%4\r\n\r\nx\r\n"
		"--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=a\r\n folded\r\n\r\nx\r\n--xYz--",
		"--xYz\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
		"name=b\r\n\r\nx\r\n--xYz--",
		"--xYz\r\nno header\r\n\r\nx\r\n--xYz--",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (multipart_open(&multipart, types[i], bytes_of_text("--a--")) == 0)
			fail_msg("\"%s\" passes", types[i]);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		int result = multipart_open(&multipart, TYPE, bytes_of_text(bodies[i]));

		while (result >= 0 && (result = multipart_next(&multipart, &part)) == 1)
			;
		if (result == 0)
			fail_msg("\"%s\" passes", bodies[i]);
		assert_non_null(multipart.why);
	}
}

static void a_name_of_any_length_is_bounded(void **state)
{
	for (size_t length = 1; length < 20000; length = length * 2 + 1) {
		char *name = mem_alloc(length + 1), *body;

		memset(name, 'n', length);
		name[length] = '\0';
		body = mem_printf("--xYz\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\nx\r\n"
				  "--xYz--",
				  name);
		begin(TYPE, body);
		assert_int_equal(multipart_next(&multipart, &part),
				 length <= MULTIPART_NAME_BYTES_MAX ? 1 : -1);
		mem_free(body);
		mem_free(name);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_come_in_their_order),
		cmocka_unit_test(a_part_may_be_empty_and_look_like_a_boundary),
		cmocka_unit_test(names_come_quoted_escaped_and_extended),
		cmocka_unit_test(types_are_told_apart),
		cmocka_unit_test(what_is_broken_is_refused),
		cmocka_unit_test(a_name_of_any_length_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
