/* SPDX-License-Identifier: Apache-2.0
 * kafka_test.c - source and sink against librdkafka's mock broker, in the real world: the brokers'
 * sockets and threads are librdkafka's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/limits.h"
#include "connectors/kafka/kafka.h"

#include <librdkafka/rdkafka_mock.h>

#include "tests/lib/connector_kit.h"

static rd_kafka_t *mock_handle;
static rd_kafka_mock_cluster_t *mock;
static struct world *world;
static struct record_type *type;
static const struct field fields[] = { { "text", FIELD_STRING, 0 } };

static int open_all(void **state)
{
	struct err err = ERR_INIT;
	char reason[256];

	mock_handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof(reason));
	mock = rd_kafka_mock_cluster_new(mock_handle, 1);
	world = world_os_create(&err);
	return mock == NULL || world == NULL ||
	       record_type_create("line", NULL, fields, 1, &type, &err);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static int close_all(void **state)
{
	for (int i = 0; i < 2000 && kafka_closing_count() > 0; i++)
		pause_ms(
			/* a condition with a deadline: librdkafka's closes are not ours to wait
			 * on */
			10);
	assert_int_equal(kafka_closing_count(), 0);
	rd_kafka_mock_cluster_destroy(mock);
	rd_kafka_destroy(mock_handle);
	world_destroy(&world);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

static const char *servers(void)
{
	return rd_kafka_mock_cluster_bootstraps(mock);
}

static void create_topic(const char *topic, int partitions)
{
	assert_int_equal(rd_kafka_mock_topic_create(mock, topic, partitions, 1), 0);
}

static void expect_written(const char *topic, const struct str *records, uint32_t count,
			   uint32_t times)
{
	struct bytes parameters =
		kit_parameters("bootstrap.servers", servers(), "topic", topic, NULL);
	struct kit_options options = { .world = world, .sink = &kafka_sink_vtable, .type = type,
				       .parameters = parameters, .records = records, .count = count,
				       .times = times };
	struct kit *kit = kit_start(&options);

	kit_wait(kit);
	assert_string_equal(kit_error(kit)->text, "");
	kit_destroy(&kit);
	mem_free((void *)(uintptr_t)parameters.data);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All lines of all readers, sorted: partitions come in no order. */
static char *sorted_lines(struct kit *kit, uint32_t readers)
{
	struct buf all, sorted;
	char *lines[4096];
	size_t count = 0;

	buf_init(&all);
	buf_init(&sorted);
	for (uint32_t i = 0; i < readers; i++)
		buf_add_text(&all, kit_lines(kit, i));
	for (char *line = all.data; *line != '\0';) {
		size_t length = strcspn(line, "\n");

		lines[count++] = line;
		line[length] = '\0';
		line += length + 1;
	}
	qsort(lines, count, sizeof(lines[0]), by_text);
	for (size_t i = 0; i < count; i++)
		buf_printf(&sorted, "%s\n", lines[i]);
	buf_fini(&all);
	return buf_take(&sorted);
}

static void expect_read(struct bytes parameters, uint32_t readers, const char *lines)
{
	struct kit_options options = { .world = world, .source = &kafka_source_vtable, .type = type,
				       .parameters = parameters, .parallelism = readers,
				       .segment_bytes = 128 };
	struct kit *kit = kit_start(&options);

	kit_wait(kit);
	assert_string_equal(kit_error(kit)->text, "");
	char *got = sorted_lines(kit, readers);

	assert_string_equal(got, lines);
	mem_free(got);
	kit_destroy(&kit);
	mem_free((void *)(uintptr_t)parameters.data);
}

static void what_is_written_is_read_by_any_number_of_readers(void **state)
{
	const struct str records[] = { str_of("alpha", 5), str_of("a message with a tail", 21),
				       str_of("gamma", 5), str_of("b\r", 2) };
	static const char lines[] = "a message with a tail\nalpha\nb\r\ngamma\n";

	create_topic("words", 3);
	expect_written("words", records, 4, 1);
	for (uint32_t readers = 1; readers <= 4; readers++)
		expect_read(kit_parameters("bootstrap.servers", servers(), "topic", "words",
					   "scan.bounded.mode", "latest-offset", NULL),
			    readers, lines);
}

static void many_messages_come_and_go(void **state)
{
	const struct str record = str_of("x", 1);
	struct bytes parameters = kit_parameters("bootstrap.servers", servers(), "topic", "many",
						 "scan.bounded.mode", "latest-offset", NULL);
	struct kit_options options = { .world = world, .source = &kafka_source_vtable, .type = type,
				       .parameters = parameters, .parallelism = 2 };

	create_topic("many", 4);
	expect_written("many", &record, 1, 20000);
	struct kit *kit = kit_start(&options);

	kit_wait(kit);
	assert_string_equal(kit_error(kit)->text, "");
	assert_int_equal(strlen(kit_lines(kit, 0)) + strlen(kit_lines(kit, 1)), 2 * 20000);
	kit_destroy(&kit);
	mem_free((void *)(uintptr_t)parameters.data);
}

static void the_end_of_an_empty_topic_is_seen_and_latest_skips(void **state)
{
	const struct str record = str_of("old", 3);

	create_topic("empty", 2);
	expect_read(kit_parameters("bootstrap.servers", servers(), "topic", "empty",
				   "scan.bounded.mode", "latest-offset", NULL),
		    1, "");
	create_topic("old", 1);
	expect_written("old", &record, 1, 3);
	expect_read(kit_parameters("bootstrap.servers", servers(), "topic", "old",
				   "scan.startup.mode", "latest-offset", "scan.bounded.mode",
				   "latest-offset", NULL),
		    1, "");
}

#define LONG_BYTES 600000

static void expect_error(struct bytes parameters, enum err_code code, const char *text)
{
	struct kit_options options = { .world = world, .source = &kafka_source_vtable, .type = type,
				       .parameters = parameters,
				       .record_bytes_max = LONG_BYTES + 16 };
	struct kit *kit = kit_start(&options);

	kit_wait(kit);
	assert_int_equal(kit_error(kit)->code, code);
	assert_non_null(strstr(kit_error(kit)->text, text));
	kit_destroy(&kit);
	mem_free((void *)(uintptr_t)parameters.data);
}

static void wrong_options_and_absent_brokers_are_named(void **state)
{
	expect_error(kit_parameters("bootstrap.servers", "localhost:9", "topic", "x",
				    "no.such.option", "1", NULL),
		     ERR_PLAN_INVALID,
		     "option \"no.such.option\" of Kafka: No such configuration property");
	expect_error(kit_parameters("bootstrap.servers", "localhost:9", "topic", "x",
				    "scan.startup.mode", "now", NULL),
		     ERR_PLAN_INVALID, "scan.startup.mode is \"now\"");
	expect_error(kit_parameters("bootstrap.servers", "localhost:9", "topic", "x",
				    "scan.bonded.mode", "latest-offset", NULL),
		     ERR_PLAN_INVALID, "option \"scan.bonded.mode\" of Kafka: No such");
	expect_error(kit_parameters("bootstrap.servers", "localhost:9", NULL), ERR_PLAN_INVALID,
		     "option \"topic\" is missing");
	expect_error(kit_parameters("bootstrap.servers", "localhost:9", "topic", "x",
				    "scan.startup.mode", "group-offsets", NULL),
		     ERR_PLAN_INVALID, "needs option \"group.id\"");
	expect_error(
		kit_parameters("bootstrap.servers", "127.0.0.1:9", "topic", "x", NULL), ERR_KAFKA,
		"topic x at 127.0.0.1:9: Connect to ipv4#127.0.0.1:9 failed: Connection refused: ");
}

static void a_message_that_is_too_long_is_named_by_its_offset(void **state)
{
	/* As long as a message may be; printed with more around it it is longer. */
	struct record_type *wide;
	struct err err = ERR_INIT;
	char *text = mem_alloc(LONG_BYTES);
	struct str record;

	memset(text, 'x', LONG_BYTES);
	record = str_of(text, LONG_BYTES);
	assert_int_equal(record_type_create("wide", "<{text}>", fields, 1, &wide, &err), 0);
	struct record_type *line = type;

	type = wide;
	create_topic("long", 1);
	expect_written("long", &record, 1, 1);
	type = line;
	expect_error(
		kit_parameters("bootstrap.servers", servers(), "topic", "long", NULL),
		ERR_RECORD_TOO_LARGE,
		"the message at offset 0 of topic long, partition 0, has 600002 bytes; at most 600000 fit "
		"into a record");
	record_type_destroy(&wide);
	mem_free(text);
}

static void it_can_be_closed_at_any_moment(void **state)
{
	create_topic("open", 2);
	for (int i = 0; i < 4; i++) {
		struct bytes parameters =
			kit_parameters("bootstrap.servers", servers(), "topic", "open", NULL);
		struct kit_options options = { .world = world,
					       .source = &kafka_source_vtable,
					       .type = type,
					       .parameters = parameters,
					       .parallelism = 2 };
		struct kit *kit = kit_start(&options);

		pause_ms(i * 30); /* different moments; none of them matters */
		kit_destroy(&kit);
		mem_free((void *)(uintptr_t)parameters.data);
	}
}

/* librdkafka starts its threads by thrd_create, which TSan does not know of: it crashes in the
 * first of them. What runs in ours is covered by the other builds. */
#if defined(__SANITIZE_THREAD__)
static void thread_sanitizer_cannot_run_librdkafka(void **state)
{
	skip();
}
#endif

int main(void)
{
#if defined(__SANITIZE_THREAD__)
	const struct CMUnitTest skipped[] = {
		cmocka_unit_test(thread_sanitizer_cannot_run_librdkafka),
	};

	return cmocka_run_group_tests(skipped, NULL, NULL);
#endif
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_by_any_number_of_readers),
		cmocka_unit_test(many_messages_come_and_go),
		cmocka_unit_test(the_end_of_an_empty_topic_is_seen_and_latest_skips),
		cmocka_unit_test(wrong_options_and_absent_brokers_are_named),
		cmocka_unit_test(a_message_that_is_too_long_is_named_by_its_offset),
		cmocka_unit_test(it_can_be_closed_at_any_moment),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
