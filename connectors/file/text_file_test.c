/* SPDX-License-Identifier: Apache-2.0
 * text_file_test.c - the text file source and sink, on the simulator's disks and on a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "connectors/file/text_file_sink.h"
#include "connectors/file/text_file_source.h"
#include "tests/lib/connector_kit.h"

#define RECORD_BYTES_MAX 1200000 /* more than two chunks */

static const struct field line_fields[] = { { "text", FIELD_STRING, 0 } };

struct scene {
	struct sim *sim;
	struct world *node;
	struct record_type *type;
	struct bytes parameters;
	struct kit *kit;
	int64_t bytes_before; /* in use when the scene was opened */
};

static void scene_open(struct scene *scene, uint64_t seed)
{
	struct sim_options options = { .file_delay_us_max = 300, .step_cost_ns_max = 1000,
				       .shuffle_ties = true };
	struct err err = ERR_INIT;

	memset(scene, 0, sizeof(*scene));
	scene->bytes_before = mem_bytes_out();
	scene->sim = sim_create(seed, &options);
	scene->node = sim_node(scene->sim, "node");
	assert_int_equal(record_type_create("line", NULL, line_fields, 1, &scene->type, &err), 0);
}

static void read_path(struct scene *scene, const char *path, uint32_t parallelism,
		      uint32_t segment_bytes)
{
	scene->parameters = kit_parameters("path", path, NULL);
	struct kit_options options = { .world = scene->node, .sim = scene->sim,
				       .source = &text_file_source, .type = scene->type,
				       .parameters = scene->parameters, .parallelism = parallelism,
				       .segment_bytes = segment_bytes,
				       .record_bytes_max = RECORD_BYTES_MAX };

	scene->kit = kit_start(&options);
}

static void scene_close(struct scene *scene)
{
	kit_destroy(&scene->kit);
	world_destroy(&scene->node);
	sim_destroy(&scene->sim);
	record_type_destroy(&scene->type);
	mem_free((void *)(uintptr_t)scene->parameters.data);
	assert_int_equal(mem_bytes_out(), scene->bytes_before);
}

/* What the readers gave, in the order of the readers: the order of the file, for one file. */
static void all_lines(const struct scene *scene, uint32_t parallelism, struct buf *into)
{
	for (uint32_t i = 0; i < parallelism; i++)
		buf_add_text(into, kit_lines(scene->kit, i));
}

/* A text of random lines, some of them empty, long, or without end at the file's end. */
static void random_text(struct sim *sim, struct buf *text, struct buf *lines)
{
	uint64_t count = sim_random(sim) % 40;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t kind = sim_random(sim) % 8;
		uint64_t length = kind == 0   ? 0
				  : kind == 1 ? sim_random(sim) % 20000
				  : kind == 2 && sim_random(sim) % 20 == 0
					  ? sim_random(sim) % (RECORD_BYTES_MAX - 16)
					  : sim_random(sim) % 30;

		for (uint64_t j = 0; j < length; j++)
			buf_add(text, &"abcdefgh"[sim_random(sim) % 8], 1);
		buf_add(lines, text->data + text->size_bytes - length, length);
		buf_add_text(lines, "\n");
		if (i + 1 == count && length > 0 && sim_random(sim) % 2)
			break;
		buf_add_text(text, sim_random(sim) % 4 == 0 ? "\r\n" : "\n");
	}
}

static void every_line_is_read_once_whatever_the_parallelism(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint32_t parallelism = 1 + (uint32_t)(seed % 7);
		struct buf text, lines, got;
		struct scene scene;

		buf_init(&text);
		buf_init(&lines);
		buf_init(&got);
		scene_open(&scene, seed);
		random_text(scene.sim, &text, &lines);
		sim_file_put(scene.node, "/in.txt", buf_bytes(&text));
		read_path(&scene, "/in.txt", parallelism, seed % 2 ? 64 : 0);
		kit_wait(scene.kit);
		assert_string_equal(kit_error(scene.kit)->text, "");
		all_lines(&scene, parallelism, &got);
		assert_string_equal(got.data, lines.data);
		assert_int_equal(kit_outside_bytes(scene.kit), text.size_bytes);
		buf_fini(&text);
		buf_fini(&lines);
		buf_fini(&got);
		scene_close(&scene);
	}
}

/* Lines of four bytes at parallelism 4: borders fall on a newline, before it and behind it. */
static void a_line_that_begins_on_a_border_is_read_once(void **state)
{
	for (size_t length = 1; length <= 64; length++) {
		static const char text[] =
			"abc\ndef\nghi\njkl\nmno\npqr\nstu\nvwx\nABC\nDEF\nGHI\nJKL\nMNO\nPQR\nSTU\nVWX\n";
		struct buf got;
		struct scene scene;

		buf_init(&got);
		scene_open(&scene, length);
		sim_file_put(scene.node, "/in.txt", bytes_of(text, length));
		read_path(&scene, "/in.txt", 4, 0);
		kit_wait(scene.kit);
		all_lines(&scene, 4, &got);
		if (length % 4 != 0) /* the last line has no end in the file */
			assert_int_equal(got.data[got.size_bytes - 1], '\n');
		assert_memory_equal(got.data, text, length);
		assert_int_equal(got.size_bytes, length + (length % 4 != 0));
		buf_fini(&got);
		scene_close(&scene);
	}
}

static void a_folder_gives_the_lines_of_its_files_but_not_hidden_ones(void **state)
{
	struct scene scene;
	struct buf got;

	buf_init(&got);
	scene_open(&scene, 1);
	sim_file_put(scene.node, "/in/b.txt", bytes_of_text("b1\nb2\n"));
	sim_file_put(scene.node, "/in/a.txt", bytes_of_text("a1\na2"));
	sim_file_put(scene.node, "/in/.hidden", bytes_of_text("hidden\n"));
	sim_file_put(scene.node, "/in/_SUCCESS", bytes_of_text("mark\n"));
	sim_file_put(scene.node, "/in/empty", BYTES_EMPTY);
	read_path(&scene, "/in", 1, 0);
	kit_wait(scene.kit);
	all_lines(&scene, 1, &got);
	assert_string_equal(got.data, "a1\na2\nb1\nb2\n");
	assert_int_equal(kit_splits(scene.kit), 2);
	buf_fini(&got);
	scene_close(&scene);
}

static void expect_read_error(const char *path, const char *content, enum err_code code,
			      const char *text)
{
	struct scene scene;

	scene_open(&scene, 1);
	sim_file_put(scene.node, "/packed.gz", bytes_of_text("x"));
	if (content != NULL)
		sim_file_put(scene.node, path, bytes_of_text(content));
	read_path(&scene, path, 2, 0);
	kit_wait(scene.kit);
	assert_int_equal(kit_error(scene.kit)->code, code);
	assert_string_equal(kit_error(scene.kit)->text, text);
	scene_close(&scene);
}

static void what_cannot_be_read_is_said_with_its_name(void **state)
{
	struct buf long_line;

	expect_read_error("/missing.txt", NULL, ERR_SOURCE_UNREADABLE,
			  "there is no input file /missing.txt on node, where the JobManager runs");
	expect_read_error(
		"/packed.gz", NULL, ERR_SOURCE_UNREADABLE,
		"input file /packed.gz is compressed, which is not supported yet: unpack it first");
	buf_init(&long_line);
	buf_add_text(&long_line, "one\ntwo\n");
	for (int i = 0; i <= RECORD_BYTES_MAX - 16; i++)
		buf_add_text(&long_line, "x");
	expect_read_error(
		"/long.txt", long_line.data, ERR_RECORD_TOO_LARGE,
		"line 3 of /long.txt is longer than 1199984 bytes, the most that fit into a record");
	buf_fini(&long_line);
}

static void it_can_be_closed_at_any_moment(void **state)
{
	struct buf text;

	buf_init(&text);
	for (int i = 0; i < 200000; i++)
		buf_printf(&text, "line %d\n", i);
	for (int64_t ms = 0; ms <= 6; ms++)
		for (int kill = 0; kill <= 1; kill++) {
			struct scene scene;

			scene_open(&scene, (uint64_t)ms);
			sim_file_put(scene.node, "/in.txt", buf_bytes(&text));
			read_path(&scene, "/in.txt", 2, 0);
			sim_run(scene.sim, ms, kit_ended, scene.kit, NULL);
			if (kill)
				sim_kill(scene.node);
			scene_close(&scene);
		}
	buf_fini(&text);
}

static void splits_travel_as_bytes_and_damaged_ones_are_refused(void **state)
{
	struct file_range range = { 7, UINT64_C(1) << 40, "/a b.txt", 8 }, back;
	struct err err = ERR_INIT;
	struct buf body;

	buf_init(&body);
	file_range_write(&range, &body);
	assert_int_equal(file_range_read(buf_bytes(&body), &back, &err), 0);
	assert_int_equal(back.begin_bytes, 7);
	assert_int_equal(back.end_bytes, UINT64_C(1) << 40);
	assert_memory_equal(back.path, "/a b.txt", 8);
	assert_int_equal(file_range_read(bytes_of(body.data, 16), &back, &err), -1);
	assert_int_equal(err.code, ERR_PLAN_INVALID);
	range.begin_bytes = range.end_bytes;
	buf_clear(&body);
	file_range_write(&range, &body);
	assert_int_equal(file_range_read(buf_bytes(&body), &back, &err), -1);
	buf_fini(&body);
}

/* ---- the sink ------------------------------------------------------------------------------- */

static const struct field count_fields[] = { { "word", FIELD_STRING, 0 },
					     { "count", FIELD_BIGINT, 0 } };

struct count {
	struct str word;
	int64_t count;
};

static const struct count counts[] = { { { 3, { "one" } }, 1 }, { { 3, { "two" } }, 2 },
				       { { 5, { "three" } }, 3 } };
#define COUNTS_TEXT "(one,1)\n(two,2)\n(three,3)\n"

static void sink_open(struct scene *scene, uint64_t seed)
{
	struct err err = ERR_INIT;

	scene_open(scene, seed);
	record_type_destroy(&scene->type);
	assert_int_equal(record_type_create("counts", NULL, count_fields, 2, &scene->type, &err),
			 0);
}

static void write_to(struct scene *scene, const char *path, struct kit_options options)
{
	mem_free((void *)(uintptr_t)scene->parameters.data);
	scene->parameters = kit_parameters("path", path, NULL);
	options.world = scene->node;
	options.sim = scene->sim;
	options.sink = &text_file_sink;
	options.type = scene->type;
	options.parameters = scene->parameters;
	options.records = counts;
	options.count = ARRAY_COUNT(counts);
	scene->kit = kit_start(&options);
	kit_wait(scene->kit);
}

static void expect_file(struct scene *scene, const char *path, const char *text)
{
	size_t size_bytes = 0;
	const char *content = sim_file(scene->node, path, &size_bytes);

	assert_non_null(content);
	assert_int_equal(size_bytes, strlen(text));
	assert_memory_equal(content, text, size_bytes);
}

static void one_subtask_writes_the_file_and_more_a_folder(void **state)
{
	struct scene scene;

	sink_open(&scene, 1);
	write_to(&scene, "/new/folder/out.txt", (struct kit_options){ .batch_count = 1 });
	assert_string_equal(kit_error(scene.kit)->text, "");
	expect_file(&scene, "/new/folder/out.txt", COUNTS_TEXT);
	assert_int_equal(kit_outside_bytes(scene.kit), strlen(COUNTS_TEXT));
	kit_destroy(&scene.kit);
	write_to(&scene, "/out", (struct kit_options){ .parallelism = 2, .subtask = 0 });
	kit_destroy(&scene.kit);
	write_to(&scene, "/out", (struct kit_options){ .parallelism = 2, .subtask = 1 });
	assert_string_equal(kit_error(scene.kit)->text, "");
	expect_file(&scene, "/out/1", COUNTS_TEXT);
	expect_file(&scene, "/out/2", COUNTS_TEXT);
	scene_close(&scene);
}

static void nothing_that_exists_is_overwritten(void **state)
{
	struct scene scene;

	sink_open(&scene, 1);
	sim_file_put(scene.node, "/out.txt", bytes_of_text("old"));
	sim_file_put(scene.node, "/folder/x", bytes_of_text("old"));
	write_to(&scene, "/out.txt", (struct kit_options){ .batch_count = 1 });
	assert_int_equal(kit_error(scene.kit)->code, ERR_SINK_EXISTS);
	assert_string_equal(kit_error(scene.kit)->text, "the output file /out.txt exists already");
	kit_destroy(&scene.kit);
	write_to(&scene, "/folder", (struct kit_options){ .batch_count = 1 });
	assert_string_equal(kit_error(scene.kit)->text, "the output folder /folder exists already");
	kit_destroy(&scene.kit);
	write_to(&scene, "/out.txt", (struct kit_options){ .parallelism = 2 });
	assert_int_equal(kit_error(scene.kit)->code, ERR_SINK_EXISTS);
	assert_string_equal(kit_error(scene.kit)->text, "/out.txt exists already and is no folder");
	expect_file(&scene, "/out.txt", "old");
	scene_close(&scene);
}

static void a_restarted_attempt_moves_the_file_aside(void **state)
{
	struct scene scene;

	sink_open(&scene, 1);
	sim_file_put(scene.node, "/out.txt", bytes_of_text("half"));
	write_to(&scene, "/out.txt", (struct kit_options){ .attempt = 3 });
	assert_string_equal(kit_error(scene.kit)->text, "");
	expect_file(&scene, "/out.txt", COUNTS_TEXT);
	expect_file(&scene, "/out.txt.attempt-2", "half");
	scene_close(&scene);
}

static void a_slow_disk_makes_the_writer_refuse_and_loses_nothing(void **state)
{
	struct sim_options options = { .file_delay_us_max = 5000000 };
	struct err err = ERR_INIT;
	struct scene scene;
	size_t size_bytes = 0;
	uint32_t times = 300000; /* thirty buffers */

	memset(&scene, 0, sizeof(scene));
	scene.sim = sim_create(5, &options);
	scene.node = sim_node(scene.sim, "node");
	assert_int_equal(record_type_create("counts", NULL, count_fields, 2, &scene.type, &err), 0);
	write_to(&scene, "/out.txt", (struct kit_options){ .times = times });
	assert_string_equal(kit_error(scene.kit)->text, "");
	assert_true(kit_refusals(scene.kit) > 3);
	const char *content = sim_file(scene.node, "/out.txt", &size_bytes);

	assert_int_equal(size_bytes, times * strlen(COUNTS_TEXT));
	for (uint32_t i = 0; i < times; i++)
		assert_memory_equal(content + i * strlen(COUNTS_TEXT), COUNTS_TEXT,
				    strlen(COUNTS_TEXT));
	scene_close(&scene);
}

/* ---- the real world ------------------------------------------------------------------------- */

static void a_real_file_goes_in_and_out(void **state)
{
	char folder[] = "/tmp/text_file_test.XXXXXX";
	struct err err = ERR_INIT;
	struct record_type *type;
	struct buf text, got;

	assert_non_null(mkdtemp(folder));
	char *in = mem_printf("%s/in.txt", folder), *out = mem_printf("%s/out.txt", folder);
	struct world *world = world_os_create(&err);

	assert_non_null(world);
	buf_init(&text);
	for (int i = 0; i < 300000; i++)
		buf_printf(&text, "line %d of a text that takes more than one chunk\n", i);
	assert_int_equal(world_write_file(world, in, 0644, buf_bytes(&text), &err), 0);
	assert_int_equal(record_type_create("line", NULL, line_fields, 1, &type, &err), 0);
	struct bytes parameters = kit_parameters("path", in, NULL);
	struct kit_options options = { .world = world, .source = &text_file_source, .type = type,
				       .parameters = parameters, .parallelism = 3 };
	struct kit *kit = kit_start(&options);

	kit_wait(kit);
	assert_string_equal(kit_error(kit)->text, "");
	buf_init(&got);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(strlen(kit_lines(kit, i)) > text.size_bytes / 4);
		buf_add_text(&got, kit_lines(kit, i));
	}
	assert_int_equal(got.size_bytes, text.size_bytes);
	assert_memory_equal(got.data, text.data, text.size_bytes);
	kit_destroy(&kit);
	mem_free((void *)(uintptr_t)parameters.data);
	parameters = kit_parameters("path", out, NULL);
	struct str record = str_of("x", 1);
	struct kit_options sink = { .world = world, .sink = &text_file_sink, .type = type,
				    .parameters = parameters, .records = &record, .count = 1,
				    .times = 500000 };

	kit = kit_start(&sink);
	kit_wait(kit);
	assert_string_equal(kit_error(kit)->text, "");
	kit_destroy(&kit);
	char *content;
	size_t size_bytes;

	assert_int_equal(world_read_file(world, out, 2000000, &content, &size_bytes, &err), 0);
	assert_int_equal(size_bytes, 1000000);
	mem_free(content);
	mem_free((void *)(uintptr_t)parameters.data);
	unlink(in);
	unlink(out);
	rmdir(folder);
	mem_free(in);
	mem_free(out);
	record_type_destroy(&type);
	buf_fini(&text);
	buf_fini(&got);
	world_destroy(&world);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_read_once_whatever_the_parallelism),
		cmocka_unit_test(a_line_that_begins_on_a_border_is_read_once),
		cmocka_unit_test(a_folder_gives_the_lines_of_its_files_but_not_hidden_ones),
		cmocka_unit_test(what_cannot_be_read_is_said_with_its_name),
		cmocka_unit_test(it_can_be_closed_at_any_moment),
		cmocka_unit_test(splits_travel_as_bytes_and_damaged_ones_are_refused),
		cmocka_unit_test(one_subtask_writes_the_file_and_more_a_folder),
		cmocka_unit_test(nothing_that_exists_is_overwritten),
		cmocka_unit_test(a_restarted_attempt_moves_the_file_aside),
		cmocka_unit_test(a_slow_disk_makes_the_writer_refuse_and_loses_nothing),
		cmocka_unit_test(a_real_file_goes_in_and_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
