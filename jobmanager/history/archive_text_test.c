/* SPDX-License-Identifier: Apache-2.0
 * archive_text_test.c - archives: what is written is read, and nothing else is taken for one. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/history/archive_text.h"

static const struct id job_id = { { 1, 2, 3 } };

static void write_archive(struct buf *text)
{
	static const char hard[] = "{\"a\":\"\\\"q\\\" \\\\ \xe2\x82\xac\",\"b\":[1,2]}";

	buf_init(text);
	archive_begin(text);
	archive_add(text, "/jobs/overview", bytes_of_text("{\"jobs\":[]}"));
	archive_add(text, "/jobs/a", bytes_of(hard, strlen(hard)));
	archive_add(text, "/jobs/a/empty", BYTES_EMPTY);
	archive_add(text, "/control", bytes_of("a\nb\tc\x01", 6));
	archive_end(text, &job_id, bytes_of_text("\"version\":1"));
}

static const char *get(const struct archive_view *view, const char *path, struct buf *into)
{
	buf_clear(into);
	buf_add_text(into, "");
	return archive_view_get(view, path, into) ? into->data : NULL;
}

static void what_is_written_is_read(void **state)
{
	struct archive_view view;
	struct err err = ERR_INIT;
	struct buf text, answer;

	write_archive(&text);
	buf_init(&answer);
	assert_int_equal(archive_view_init(&view, buf_bytes(&text), &err), 0);
	assert_int_equal(view.count, 5);
	assert_string_equal(get(&view, "/jobs/overview", &answer), "{\"jobs\":[]}");
	assert_string_equal(get(&view, "/jobs/a", &answer),
			    "{\"a\":\"\\\"q\\\" \\\\ \xe2\x82\xac\",\"b\":[1,2]}");
	assert_string_equal(get(&view, "/jobs/a/empty", &answer), "");
	assert_string_equal(get(&view, "/control", &answer), "a\nb\tc\x01");
	assert_null(get(&view, "/jobs", &answer));
	assert_null(get(&view, "/jobs/a/", &answer));
	assert_non_null(
		strstr(get(&view, "/jobs/01020300000000000000000000000000/archive", &answer),
		       "{\"version\":1,\"checksum\":\""));
	archive_view_fini(&view);
	buf_fini(&answer);
	buf_fini(&text);
	assert_int_equal(mem_bytes_out(), 0);
}

/* Cut anywhere, or with any byte another, it is none. */
static void damage_is_found(void **state)
{
	struct archive_view view;
	struct err err = ERR_INIT;
	struct buf text;

	write_archive(&text);
	size_t whole = text.size_bytes - 1; /* its last byte is a line end */

	for (size_t size = 0; size < whole; size++)
		if (archive_view_init(&view, bytes_of(text.data, size), &err) == 0)
			fail_msg("the first %zu bytes of %zu are taken", size, whole);
	for (size_t i = 0; i < whole; i++) {
		char was = text.data[i];

		text.data[i] ^= 1;
		if (archive_view_init(&view, buf_bytes(&text), &err) == 0)
			fail_msg("a wrong byte %zu (of %zu) is taken", i, whole);
		text.data[i] = was;
	}
	buf_fini(&text);
	assert_int_equal(mem_bytes_out(), 0);
}

static void other_writers_are_understood(void **state)
{
	static const char flinks[] =
		" { \"archive\" : [ { \"json\" : \"\\u20ac \\ud83d\\ude00 "
		"\\ud83d \\/ \\b\\f\\n\\r\\t\\\"\\\\\" , \"path\" : \"/a\" } ] }\n";
	struct archive_view view;
	struct err err = ERR_INIT;
	struct buf answer;

	buf_init(&answer);
	if (archive_view_init(&view, bytes_of_text(flinks), &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(get(&view, "/a", &answer),
			    "\xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbf\xbd / \b\f\n\r\t\"\\");
	archive_view_fini(&view);
	buf_fini(&answer);
	assert_int_equal(mem_bytes_out(), 0);
}

static void what_is_no_archive_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "does not begin" },
		{ "[]", "does not begin" },
		{ "{\"archives\":[]}", "does not begin" },
		{ "{\"archive\":[]}", "no entries" },
		{ "{\"archive\":[{}]}", "a string is missing" },
		{ "{\"archive\":[{\"path\":\"/a\"}]}", "lacks its path or its json" },
		{ "{\"archive\":[{\"path\":\"/a\",\"json\":1}]}", "a string is missing" },
		{ "{\"archive\":[{\"path\":\"/a\",\"more\":\"\"}]}", "neither path nor json" },
		{ "{\"archive\":[{\"path\":\"/a\",\"json\":\"\n\"}]}", "control character" },
		{ "{\"archive\":[{\"path\":\"/a\",\"json\":\"\"}]} x", "behind its end" },
		{ "{\"archive\":[{\"path\":\"/a\",\"json\":\"\\", "within a string" },
		{ "{\"archive\":[{\"path\":\"/jobs/a/archive\",\"json\":\"{}\"}]}",
		  "checksum is missing" },
	};
	struct archive_view view;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct err err = ERR_INIT;

		if (archive_view_init(&view, bytes_of_text(rows[i].text), &err) == 0 ||
		    strstr(err.text, rows[i].why) == NULL)
			fail_msg("%s: %s; wanted %s", rows[i].text, err.text, rows[i].why);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(other_writers_are_understood),
		cmocka_unit_test(what_is_no_archive_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
