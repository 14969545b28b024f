/* SPDX-License-Identifier: Apache-2.0
 * jar_file_test.c - names, kinds and entries of programs that are uploaded. */
#include "tests/lib/cmocka_header.h"

#include "common/base/mem.h"
#include "common/wire/little.h"
#include "jobmanager/rest/jar_file.h"

/* ---- a zip of names alone: what is packed is nobody's concern here --------------------------- */

static void add_number(struct buf *into, uint32_t value, size_t size_bytes)
{
	char bytes[4];

	little_put_u32(bytes, value);
	buf_add(into, bytes, size_bytes);
}

static void add_zeros(struct buf *into, size_t count)
{
	static const char zeros[64];

	buf_add(into, zeros, count);
}

static void make_zip(struct buf *into, const char *const *names, size_t before)
{
	uint32_t count = 0;

	buf_init(into);
	buf_add(into, "PK\003\004", 4);
	while (before-- > 0)
		buf_add(into, "x", 1);
	size_t from = into->size_bytes;

	for (; names[count] != NULL; count++) {
		buf_add(into, "PK\001\002", 4);
		add_zeros(into, 24);
		add_number(into, (uint32_t)strlen(names[count]), 2);
		add_zeros(into, 16);
		buf_add_text(into, names[count]);
	}
	size_t length = into->size_bytes - from;

	buf_add(into, "PK\005\006", 4);
	add_zeros(into, 4);
	add_number(into, count, 2);
	add_number(into, count, 2);
	add_number(into, (uint32_t)length, 4);
	add_number(into, (uint32_t)from, 4);
	add_zeros(into, 2);
}

static void expect_entries(const char *const *names, const char *const *wanted)
{
	struct buf zip, entries;
	const char *at;

	make_zip(&zip, names, 100);
	buf_init(&entries);
	jar_entries("a.zip", buf_bytes(&zip), zip.size_bytes, &entries);
	at = entries.data;
	for (; *wanted != NULL; wanted++) {
		if (at == entries.data + entries.size_bytes)
			fail_msg("\"%s\" is missing", *wanted);
		assert_string_equal(at, *wanted);
		at += strlen(at) + 1;
	}
	assert_ptr_equal(at, entries.data + entries.size_bytes);
	buf_fini(&entries);
	buf_fini(&zip);
}

static void modules_at_the_top_are_entries_mains_first(void **state)
{
	expect_entries((const char *const[]){ "job.py", "__main__.py", "main.py", "pkg/a.py",
					      NULL },
		       (const char *const[]){ "__main__", "main", "job", NULL });
	expect_entries((const char *const[]){ "a-b.py", "1a.py", ".py", "README", "x.pyc", NULL },
		       (const char *const[]){ NULL });
	expect_entries((const char *const[]){ "_a1.py", NULL },
		       (const char *const[]){ "_a1", NULL });
	assert_int_equal(mem_bytes_out(), 0);
}

static void an_archive_enters_alone_where_there_is_no_choice(void **state)
{
	static const char one[] = "job\0", several[] = "a\0b\0", with_main[] = "main\0b\0";

	assert_true(jar_enters_alone(bytes_of(one, 4)));
	assert_false(jar_enters_alone(bytes_of(several, 4)));
	assert_true(jar_enters_alone(bytes_of(with_main, 7)));
	assert_false(jar_enters_alone(BYTES_EMPTY));
}

/* Whatever the bytes at the end say, nothing outside the archive is read. */
static void damaged_archives_have_no_entries_or_fewer(void **state)
{
	static const char *const names[] = { "job.py", "other.py", NULL };
	struct buf zip, entries;

	make_zip(&zip, names, 10);
	for (size_t at = 0; at < zip.size_bytes; at++)
		for (int bit = 0; bit < 8; bit++) {
			char *copy = mem_alloc(zip.size_bytes); /* so that asan sees its end */

			memcpy(copy, zip.data, zip.size_bytes);
			copy[at] = (char)(copy[at] ^ (1 << bit));
			buf_init(&entries);
			jar_entries("a.zip", bytes_of(copy, zip.size_bytes), zip.size_bytes,
				    &entries);
			buf_fini(&entries);
			mem_free(copy);
		}
	for (size_t size = 0; size < zip.size_bytes; size++) {
		buf_init(&entries);
		jar_entries("a.zip", bytes_of(zip.data, size), size, &entries);
		assert_int_equal(entries.size_bytes, 0);
		buf_fini(&entries);
	}
	buf_fini(&zip);
}

/* Of a large archive only the end is at hand. */
static void entries_are_found_in_the_tail(void **state)
{
	static const char *const names[] = { "job.py", NULL };
	struct buf zip, entries;

	make_zip(&zip, names, 5000);
	buf_init(&entries);
	jar_entries("a.zip", bytes_of(zip.data + 4000, zip.size_bytes - 4000), zip.size_bytes,
		    &entries);
	assert_string_equal(entries.data, "job");
	buf_clear(&entries);
	jar_entries("a.zip", bytes_of(zip.data + 5010, zip.size_bytes - 5010), zip.size_bytes,
		    &entries);
	assert_int_equal(entries.size_bytes, 0);
	buf_fini(&entries);
	buf_fini(&zip);
}

/* ---- names ---------------------------------------------------------------------------------- */

static void the_last_part_of_a_name_counts(void **state)
{
	static const char *const names[][2] = {
		{ "job.py", "job.py" },
		{ "../../etc/job.py", "job.py" },
		{ "/tmp/job.so", "job.so" },
		{ "C:\\work\\job.c", "job.c" },
		{ "..\\..\\job.c", "job.c" },
		{ "a/b\\c.py", "c.py" },
		{ "with blank.py", "with blank.py" },
		{ "\xed\x95\x9c.py", "\xed\x95\x9c.py" },
		{ "a:b.py", "a:b.py" },
		{ "-rf.py", "-rf.py" },
		{ "$(x).py", "$(x).py" },
		/* refused */
		{ "", NULL },
		{ "/", NULL },
		{ "dir/", NULL },
		{ "dir\\", NULL },
		{ ".", NULL },
		{ "..", NULL },
		{ "../..", NULL },
		{ ".hidden.py", NULL },
		{ "/.hidden", NULL },
		{ ".upload-x.py", NULL },
		{ "a\n.py", NULL },
		{ "a\r.py", NULL },
		{ "a\t.py", NULL },
		{ "\x01.py", NULL },
		{ "a\x7f.py", NULL },
		{ "a\x1b[31m.py", NULL },
		{ "\xff.py", NULL },
		{ "\xc0\xaf.py", NULL },
		{ "a\xed\xa0\x80.py", NULL },
		{ "a\x80", NULL },
		{ "\xf5\x80\x80\x80", NULL },
	};
	char name[JAR_NAME_BYTES_MAX + 1], long_name[JAR_NAME_BYTES_MAX + 2];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *why = jar_name_take(bytes_of_text(names[i][0]), name);

		if ((why == NULL) != (names[i][1] != NULL))
			fail_msg("\"%s\": %s", names[i][0], why ? why : "passes");
		assert_string_equal(name, names[i][1] ? names[i][1] : "");
	}
	assert_non_null(jar_name_take(bytes_of("a\0.py", 5), name));
	memset(long_name, 'n', sizeof(long_name));
	assert_null(jar_name_take(bytes_of(long_name, JAR_NAME_BYTES_MAX), name));
	assert_non_null(jar_name_take(bytes_of(long_name, JAR_NAME_BYTES_MAX + 1), name));
}

static void ids_hold_their_name_and_nothing_else_is_one(void **state)
{
	static const char *const not_ids[] = {
		"",
		"job.py",
		"01234567-89ab-4def-8123-456789abcdef",
		"01234567-89ab-4def-8123-456789abcdef_",
		"01234567-89ab-4def-8123-456789abcdef_..",
		"01234567-89ab-4def-8123-456789abcdef_a/b.py",
		"01234567-89ab-4def-8123-456789abcdef_/b.py",
		"01234567-89ab-4def-8123-456789abcdef-b.py",
		"01234567-89AB-4def-8123-456789abcdef_b.py",
		"0123456789ab-4def-8123-456789abcdef00_b.py",
		"../../../../../../../../../etc/passwd_________b.py",
	};
	struct id random;
	char id[JAR_ID_SIZE];

	memset(random.bytes, 0xff, sizeof(random.bytes));
	jar_id_make(&random, "job.py", id);
	assert_string_equal(id, "ffffffff-ffff-4fff-bfff-ffffffffffff_job.py");
	assert_string_equal(jar_id_name(id), "job.py");
	for (size_t i = 0; i < sizeof(not_ids) / sizeof(not_ids[0]); i++)
		if (jar_id_name(not_ids[i]) != NULL)
			fail_msg("\"%s\" is an id", not_ids[i]);
}

/* ---- kinds ---------------------------------------------------------------------------------- */

static void expect_misfit(const char *name, struct bytes content, const char *part)
{
	const char *why = jar_misfit(name, content);

	if ((why == NULL) != (part == NULL) || (part != NULL && strstr(why, part) == NULL))
		fail_msg("%s: %s; wanted %s", name, why ? why : "passes", part ? part : "none");
}

static void a_program_is_what_its_name_says(void **state)
{
	static const char *const java[] = { "META-INF/MANIFEST.MF", "A.class", NULL };
	static const char *const python[] = { "__main__.py", NULL };
	static const char *const data[] = { "data.txt", NULL };
	struct buf zip;

	expect_misfit("a.so", bytes_of("\177ELF.", 5), NULL);
	expect_misfit("a.jar", bytes_of("\177ELF.", 5), NULL);
	expect_misfit("a.c", bytes_of_text("int x;"), NULL);
	expect_misfit("a.py", bytes_of_text("x"), NULL);
	expect_misfit("a.py", BYTES_EMPTY, "empty");
	expect_misfit("a.so", bytes_of_text("text"), "no shared object");
	expect_misfit("a.py", bytes_of("a\0b", 3), "zero byte");
	expect_misfit("a.zip", bytes_of_text("text"), "no zip archive");
	expect_misfit("a.zip", bytes_of("PK\003\004", 4), "no Python module");
	expect_misfit("a.exe", bytes_of_text("x"), "Only programs are allowed");
	expect_misfit("a", bytes_of_text("x"), "only Jar files are allowed");
	expect_misfit(".py", bytes_of_text("x"), "Only programs");
	make_zip(&zip, java, 3);
	expect_misfit("a.jar", buf_bytes(&zip), "Java archive");
	expect_misfit("a.zip", buf_bytes(&zip), "Java archive");
	buf_fini(&zip);
	make_zip(&zip, python, 3);
	expect_misfit("a.zip", buf_bytes(&zip), NULL);
	expect_misfit("a.jar", buf_bytes(&zip), "Java archive");
	buf_fini(&zip);
	make_zip(&zip, data, 3);
	expect_misfit("a.zip", buf_bytes(&zip), "no Python module");
	buf_fini(&zip);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modules_at_the_top_are_entries_mains_first),
		cmocka_unit_test(an_archive_enters_alone_where_there_is_no_choice),
		cmocka_unit_test(damaged_archives_have_no_entries_or_fewer),
		cmocka_unit_test(entries_are_found_in_the_tail),
		cmocka_unit_test(the_last_part_of_a_name_counts),
		cmocka_unit_test(ids_hold_their_name_and_nothing_else_is_one),
		cmocka_unit_test(a_program_is_what_its_name_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
