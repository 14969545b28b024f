/* SPDX-License-Identifier: Apache-2.0
 * socket_source_test.c - the socket source against a server in the simulator: line ends, waiting,
 * encoding, length, broken connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "connectors/socket/socket_source.h"
#include "connectors/text_line.h"
#include "tests/lib/connector_kit.h"

/* Listens from `listen_at` on, sends the text to the first client, closes. */
struct server {
	struct agent agent;
	struct runner *runner;
	struct listener *listener;
	struct conn *conn;
	mono_t listen_at;
	struct bytes left;
	bool listened, keep_open, sent;
};

static enum step server_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct server *server = CONTAINER_OF(agent, struct server, agent);
	struct err err = ERR_INIT;

	if (now < server->listen_at) {
		*wake_at = server->listen_at;
		return STEP_IDLE;
	}
	if (!server->listened) {
		struct listen_options options = { .host = "server", .port = 9000 };

		server->listened = true;
		assert_int_equal(listener_open(runner_loop(server->runner), &options, agent,
					       &server->listener, &err), 0);
	}
	if (server->conn == NULL && !server->sent)
		server->conn = listener_accept(server->listener, agent);
	while (server->conn != NULL && server->left.size_bytes > 0) {
		ssize_t sent = conn_write(server->conn, &server->left, 1, &err);

		if (sent < 0)
			conn_close(&server->conn);
		if (sent <= 0)
			return STEP_IDLE;
		server->left.data = (const char *)server->left.data + sent;
		server->left.size_bytes -= (size_t)sent;
	}
	if (server->conn != NULL && !server->keep_open) {
		conn_close(&server->conn);
		server->sent = true;
	}
	return STEP_IDLE;
}

#define RECORD_BYTES_MAX 300000

struct scene {
	struct sim *sim;
	struct world *server_node, *client_node;
	struct server server;
	struct record_type *type;
	struct bytes parameters;
	struct kit *kit;
};

static const struct field line_fields[] = { { "text", FIELD_STRING, 0 } };

static void scene_open(struct scene *scene, uint64_t seed, const struct sim_options *options,
		       struct bytes text, int64_t listen_after_ms, uint32_t segment_bytes)
{
	struct err err = ERR_INIT;

	memset(scene, 0, sizeof(*scene));
	scene->sim = sim_create(seed, options);
	scene->server_node = sim_node(scene->sim, "server");
	scene->client_node = sim_node(scene->sim, "client");
	scene->server.runner = runner_create(scene->server_node, "server", &err);
	scene->server.left = text;
	scene->server.listen_at = mono_after_ms(world_now(scene->server_node), listen_after_ms);
	agent_init(&scene->server.agent, "server", server_step);
	runner_add(scene->server.runner, &scene->server.agent);
	assert_int_equal(record_type_create("line", NULL, line_fields, 1, &scene->type, &err), 0);
	scene->parameters = kit_parameters("host", "server", "port", "9000", NULL);
	struct kit_options kit = { .world = scene->client_node, .sim = scene->sim,
				   .source = &socket_source, .parameters = scene->parameters,
				   .type = scene->type, .segment_bytes = segment_bytes,
				   .record_bytes_max = RECORD_BYTES_MAX };

	scene->kit = kit_start(&kit);
}

static void scene_close(struct scene *scene)
{
	kit_destroy(&scene->kit);
	conn_close(&scene->server.conn);
	listener_close(&scene->server.listener);
	runner_destroy(&scene->server.runner);
	world_destroy(&scene->client_node);
	world_destroy(&scene->server_node);
	sim_destroy(&scene->sim);
	record_type_destroy(&scene->type);
	mem_free((void *)(uintptr_t)scene->parameters.data);
	assert_int_equal(mem_bytes_out(), 0);
}

/* Sends `text`, wants `lines`; over seeds, with reads of one byte and tiny segments. */
static void expect(struct bytes text, const char *lines)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct sim_options options = { .delay_us_max = 500,
					       .short_read_ppm = seed % 2 ? 300000 : 0,
					       .step_cost_ns_max = 1000, .shuffle_ties = true };
		struct scene scene;

		scene_open(&scene, seed, &options, text, 0, seed % 4 < 2 ? 64 : 0);
		kit_wait(scene.kit);
		assert_string_equal(kit_error(scene.kit)->text, "");
		assert_string_equal(kit_lines(scene.kit, 0), lines);
		assert_int_equal(kit_outside_bytes(scene.kit), text.size_bytes);
		scene_close(&scene);
	}
}

static void lines_end_in_newline_or_carriage_return_and_newline(void **state)
{
	expect(bytes_of_text("one\ntwo\r\nthree\n"), "one\ntwo\nthree\n");
	expect(bytes_of_text("\n\r\n  \n"), "\n\n  \n");
	expect(bytes_of_text("a\rb\r\r\n"), "a\rb\r\n");
}

static void the_last_line_needs_no_newline(void **state)
{
	expect(bytes_of_text("one\nlast"), "one\nlast\n");
	expect(bytes_of_text("only"), "only\n");
	expect(bytes_of_text(""), "");
	expect(bytes_of_text("\n"), "\n");
}

static void text_that_is_not_utf8_is_repaired(void **state)
{
	expect(bytes_of_text("gr\xFC\xDF\nok\n"), "gr\xEF\xBF\xBD\xEF\xBF\xBD\nok\n");
	expect(bytes_of_text("\xC3\xA4\xE2\x82\xAC\n"), "\xC3\xA4\xE2\x82\xAC\n");
}

static void nul_bytes_are_part_of_a_line(void **state)
{
	struct scene scene;
	struct sim_options calm = { .delay_us_max = 10 };
	static const char text[] = "a\0b\nc\n";

	scene_open(&scene, 1, &calm, bytes_of(text, sizeof(text) - 1), 0, 0);
	kit_wait(scene.kit);
	assert_memory_equal(kit_lines(scene.kit, 0), text, sizeof(text) - 1);
	scene_close(&scene);
}

#define LINE_BYTES_MAX (RECORD_BYTES_MAX - 16)

static void a_line_of_the_limit_passes_and_one_byte_more_fails_with_its_number(void **state)
{
	for (int more = 0; more <= 1; more++)
		for (int with_newline = 0; with_newline <= 1; with_newline++) {
			struct sim_options calm = { .delay_us_max = 10 };
			struct scene scene;
			size_t length = LINE_BYTES_MAX + (size_t)more;
			static char text[LINE_BYTES_MAX + 16];

			memcpy(text, "first\n", 6);
			memset(text + 6, 'x', length);
			text[6 + length] = '\n';
			scene_open(&scene, 1, &calm,
				   bytes_of(text, 6 + length + (size_t)with_newline), 0, 0);
			kit_wait(scene.kit);
			if (more == 0) {
				assert_int_equal(kit_error(scene.kit)->code, ERR_NONE);
				assert_int_equal(strlen(kit_lines(scene.kit, 0)), 6 + length + 1);
			} else {
				assert_int_equal(kit_error(scene.kit)->code, ERR_RECORD_TOO_LARGE);
				assert_string_equal(
					kit_error(scene.kit)->text,
					"line 2 of server:9000 is longer than 299984 bytes, the most that "
					"fit into a record");
				assert_string_equal(kit_lines(scene.kit, 0), "first\n");
			}
			scene_close(&scene);
		}
}

static void a_line_without_end_fails_before_it_fills_memory(void **state)
{
	struct sim_options calm = { .delay_us_max = 10 };
	struct scene scene;
	static char text[4 * 1024 * 1024]; /* of which no more than a record's worth is kept */

	memset(text, 'x', sizeof(text));
	scene_open(&scene, 1, &calm, bytes_of(text, sizeof(text)), 0, 0);
	kit_wait(scene.kit);
	assert_int_equal(kit_error(scene.kit)->code, ERR_RECORD_TOO_LARGE);
	scene_close(&scene);
}

static void it_waits_for_a_server_and_says_so(void **state)
{
	struct sim_options calm = { .delay_us_min = 50, .delay_us_max = 100 };
	struct scene scene;

	scene_open(&scene, 3, &calm, bytes_of_text("late\n"), 4000, 0);
	kit_wait(scene.kit);
	assert_string_equal(kit_lines(scene.kit, 0), "late\n");
	assert_memory_equal(kit_statuses(scene.kit), "waiting for server:9000 (", 25);
	assert_non_null(strstr(kit_statuses(scene.kit), ") – start 'nc -lk 9000' there\n"));
	/* It stops saying so, and came within a second of the server. */
	assert_string_equal(kit_statuses(scene.kit) + strlen(kit_statuses(scene.kit)) - 2, "\n\n");
	assert_true(sim_now(scene.sim) < 5200 * NS_PER_MS);
	scene_close(&scene);
}

static void a_broken_connection_is_an_error_and_no_end(void **state)
{
	struct sim_options calm = { .delay_us_max = 10 };
	struct scene scene;

	scene_open(&scene, 1, &calm, bytes_of_text("one\ntw"), 0, 0);
	scene.server.keep_open = true;
	assert_false(sim_run(scene.sim, 1000, kit_ended, scene.kit, NULL));
	sim_cut_connections(scene.server_node, scene.client_node);
	kit_wait(scene.kit);
	assert_int_equal(kit_error(scene.kit)->code, ERR_SOURCE_UNREADABLE);
	assert_non_null(strstr(kit_error(scene.kit)->text, "after line 1 of server:9000"));
	assert_string_equal(kit_lines(scene.kit, 0), "one\n");
	scene_close(&scene);
}

static void it_can_be_closed_while_it_waits_or_reads(void **state)
{
	struct sim_options calm = { .delay_us_max = 10 };
	struct scene scene;

	scene_open(&scene, 1, &calm, BYTES_EMPTY, 60000, 0);
	assert_false(sim_run(scene.sim, 1000, kit_ended, scene.kit, NULL));
	scene_close(&scene);
	scene_open(&scene, 1, &calm, bytes_of_text("x\n"), 0, 0);
	scene.server.keep_open = true;
	assert_false(sim_run(scene.sim, 1000, kit_ended, scene.kit, NULL));
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_in_newline_or_carriage_return_and_newline),
		cmocka_unit_test(the_last_line_needs_no_newline),
		cmocka_unit_test(text_that_is_not_utf8_is_repaired),
		cmocka_unit_test(nul_bytes_are_part_of_a_line),
		cmocka_unit_test(
			a_line_of_the_limit_passes_and_one_byte_more_fails_with_its_number),
		cmocka_unit_test(a_line_without_end_fails_before_it_fills_memory),
		cmocka_unit_test(it_waits_for_a_server_and_says_so),
		cmocka_unit_test(a_broken_connection_is_an_error_and_no_end),
		cmocka_unit_test(it_can_be_closed_while_it_waits_or_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
