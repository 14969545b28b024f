/* SPDX-License-Identifier: Apache-2.0
 * world_sim_test.c - the simulated world: replay, network, faults, disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/world/world_sim.h"

/* ---- two agents that play ping-pong over a connection --------------------------------------- */

struct player {
	struct agent agent;
	struct world *world;
	struct runner *runner;
	struct listener *listener; /* the server's */
	struct conn *conn;
	uint32_t turns, to_send_bytes, to_read_bytes;
	bool serves, closed;
	enum err_code failed;
	char text[256];
};

#define BALL_BYTES 7

static enum step player_io(struct player *player)
{
	static const char ball[BALL_BYTES] = "ballon";
	char into[BALL_BYTES];
	struct err err = ERR_INIT;
	ssize_t moved = 0;

	if (player->to_send_bytes > 0) {
		struct bytes from = bytes_of(ball + BALL_BYTES - player->to_send_bytes,
					     player->to_send_bytes);

		moved = conn_write(player->conn, &from, 1, &err);
		player->to_send_bytes -= moved > 0 ? (uint32_t)moved : 0;
	} else {
		struct slice slice = { into, player->to_read_bytes };

		moved = conn_read(player->conn, &slice, 1, &err);
		for (ssize_t i = 0; i < moved; i++, player->to_read_bytes--)
			assert_int_equal(into[i], ball[BALL_BYTES - player->to_read_bytes]);
		if (moved > 0 && player->to_read_bytes == 0) {
			player->turns++;
			player->to_read_bytes = player->to_send_bytes = BALL_BYTES;
		}
	}
	if (moved >= 0)
		return moved > 0 ? STEP_WORKED : STEP_IDLE;
	player->failed = err.code;
	snprintf(player->text, sizeof(player->text), "%.200s", err.text);
	conn_close(&player->conn);
	return STEP_IDLE;
}

static enum step player_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct player *player = CONTAINER_OF(agent, struct player, agent);

	assert_true(now == loop_now(runner_loop(player->runner)));
	if (player->conn == NULL && player->serves) {
		player->conn = listener_accept(player->listener, agent);
		player->to_read_bytes = BALL_BYTES;
	}
	return player->conn != NULL ? player_io(player) : STEP_IDLE;
}

static void player_begin(struct player *player, struct sim *sim, const char *name)
{
	struct err err = ERR_INIT;

	player->world = sim_node(sim, name);
	player->runner = runner_create(player->world, "player", &err);
	agent_init(&player->agent, name, player_step);
	runner_add(player->runner, &player->agent);
}

static void player_serve(struct player *player, struct sim *sim)
{
	struct listen_options options = { .host = "0.0.0.0", .port = 6123 };
	struct err err = ERR_INIT;

	player_begin(player, sim, "server");
	player->serves = true;
	int failed = listener_open(runner_loop(player->runner), &options, &player->agent,
				   &player->listener, &err);
	assert_int_equal(failed, 0);
}

static void player_dial(struct player *player, const char *host)
{
	struct err err = ERR_INIT;
	int failed = conn_open(runner_loop(player->runner), host, 6123, &player->agent,
			       &player->conn, &err);

	assert_int_equal(failed, 0);
	player->to_send_bytes = player->to_read_bytes = BALL_BYTES;
	player->failed = ERR_NONE;
}

static void player_end(struct player *player)
{
	conn_close(&player->conn);
	listener_close(&player->listener);
	runner_destroy(&player->runner);
	world_destroy(&player->world);
}

struct game {
	struct sim *sim;
	struct player server, client;
	uint32_t turns_wanted;
};

static void game_begin(struct game *game, uint64_t seed, const struct sim_options *options)
{
	*game = (struct game){ .sim = sim_create(seed, options) };
	player_serve(&game->server, game->sim);
	player_begin(&game->client, game->sim, "client");
	player_dial(&game->client, "server");
}

static void game_end(struct game *game)
{
	player_end(&game->client);
	player_end(&game->server);
	sim_destroy(&game->sim);
	assert_int_equal(mem_bytes_out(), 0);
}

static bool game_played(void *context)
{
	struct game *game = context;

	return game->client.turns >= game->turns_wanted;
}

static bool client_failed(void *context)
{
	return ((struct game *)context)->client.failed != ERR_NONE;
}

static bool server_failed(void *context)
{
	return ((struct game *)context)->server.failed != ERR_NONE;
}

static const struct sim_options nasty = {
	.delay_us_min = 50,
	.delay_us_max = 2000,
	.clog_ppm = 5000,
	.clog_ms_max = 300,
	.short_read_ppm = 100000,
	.step_cost_ns_max = 3000,
	.shuffle_ties = true,
};

static uint64_t play(uint64_t seed, const struct sim_options *options, uint32_t turns)
{
	struct game game;
	bool stuck;

	game_begin(&game, seed, options);
	game.turns_wanted = turns;
	bool played = sim_run(game.sim, 3600 * 1000, game_played, &game, &stuck);

	assert_true(played);
	assert_false(stuck);
	uint64_t fingerprint = sim_fingerprint(game.sim);

	game_end(&game);
	return fingerprint;
}

static void the_same_seed_replays_exactly_and_another_does_not(void **state)
{
	uint64_t first = play(1, &nasty, 500);

	assert_int_equal(play(1, &nasty, 500), first);
	assert_int_not_equal(play(2, &nasty, 500), first);
}

static void a_calm_world_plays_too(void **state)
{
	static const struct sim_options calm = { 0 };

	assert_int_equal(play(1, &calm, 100), play(1, &calm, 100));
}

static void a_killed_peer_resets_the_connection_and_may_be_freed(void **state)
{
	struct game game;

	game_begin(&game, 7, &nasty);
	game.turns_wanted = 10;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	sim_kill(game.server.world);
	uint32_t turns = game.server.turns;

	assert_true(sim_run(game.sim, 60000, client_failed, &game, NULL));
	assert_int_equal(game.client.failed, ERR_NET_CLOSED);
	assert_non_null(strstr(game.client.text, "server:6123"));
	assert_int_equal(game.server.turns, turns);
	player_dial(&game.client, "server");
	assert_true(sim_run(game.sim, 60000, client_failed, &game, NULL));
	assert_int_equal(game.client.failed, ERR_NET_UNREACHABLE);
	assert_string_equal(game.client.text, "cannot connect to server:6123: Connection refused");
	/* A new process on the same machine. */
	player_end(&game.server);
	game.server = (struct player){ 0 };
	player_serve(&game.server, game.sim);
	player_dial(&game.client, "server");
	game.turns_wanted = game.client.turns + 10;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	game_end(&game);
}

static void an_unknown_name_is_told(void **state)
{
	struct game game;

	game_begin(&game, 3, &nasty);
	conn_close(&game.client.conn);
	player_dial(&game.client, "nowhere");
	assert_true(sim_run(game.sim, 60000, client_failed, &game, NULL));
	assert_int_equal(game.client.failed, ERR_NET_UNREACHABLE);
	assert_non_null(strstr(game.client.text, "\"nowhere\" cannot be resolved"));
	game_end(&game);
}

static void a_paused_node_stands_still_and_goes_on(void **state)
{
	struct game game;

	game_begin(&game, 11, &nasty);
	game.turns_wanted = 10;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	sim_pause(game.server.world, 20000);
	uint32_t turns = game.server.turns;
	mono_t begin = sim_now(game.sim);

	assert_false(sim_run(game.sim, 19999, NULL, NULL, NULL));
	assert_int_equal(game.server.turns, turns);
	game.turns_wanted += 10;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	assert_true(sim_now(game.sim) - begin >= 20000 * NS_PER_MS);
	game_end(&game);
}

static void a_cut_holds_bytes_until_it_ends(void **state)
{
	struct game game;

	game_begin(&game, 13, &nasty);
	game.turns_wanted = 10;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	sim_cut(game.client.world, game.server.world, true);
	assert_false(sim_run(game.sim, 10000, NULL, NULL, NULL));
	uint32_t turns = game.client.turns;

	assert_false(sim_run(game.sim, 60000, NULL, NULL, NULL));
	assert_int_equal(game.client.turns, turns);
	/* Nobody can dial either. */
	conn_close(&game.client.conn);
	player_dial(&game.client, "server");
	assert_false(sim_run(game.sim, 60000, client_failed, &game, NULL));
	assert_false(conn_connected(game.client.conn));
	sim_heal(game.sim);
	game.turns_wanted = turns + 20;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	game_end(&game);
}

static void a_cut_way_holds_that_way_only(void **state)
{
	struct game game;

	game_begin(&game, 13, &nasty);
	game.turns_wanted = 10;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	uint32_t turns = game.client.turns;

	sim_cut_way(game.server.world, game.client.world, true);
	assert_false(sim_run(game.sim, 60000, NULL, NULL, NULL));
	assert_true(game.client.turns <= turns + 1);
	/* What the client does arrives: that it leaves, and that it calls; no answer does. */
	conn_close(&game.client.conn);
	assert_true(sim_run(game.sim, 60000, server_failed, &game, NULL));
	player_dial(&game.client, "server");
	assert_false(sim_run(game.sim, 60000, client_failed, &game, NULL));
	assert_false(conn_connected(game.client.conn));
	assert_non_null(game.server.conn);
	sim_cut_way(game.server.world, game.client.world, false);
	game.turns_wanted = turns + 20;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	game_end(&game);
}

static void reset_connections_fail_on_both_ends(void **state)
{
	struct game game;

	game_begin(&game, 17, &nasty);
	game.turns_wanted = 3;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	sim_cut_connections(game.server.world, game.client.world);
	assert_true(sim_run(game.sim, 1000, client_failed, &game, NULL));
	assert_true(sim_run(game.sim, 1000, server_failed, &game, NULL));
	assert_int_equal(game.server.failed, ERR_NET_CLOSED);
	game_end(&game);
}

static void a_closed_connection_ends_after_its_last_byte(void **state)
{
	struct game game;

	game_begin(&game, 19, &nasty);
	assert_false(sim_run(game.sim, 0, NULL, NULL, NULL));
	game.turns_wanted = 1;
	assert_true(sim_run(game.sim, 60000, game_played, &game, NULL));
	/* The ball of the next turn is on its way when the client goes. */
	while (game.client.to_send_bytes > 0)
		assert_false(sim_run(game.sim, 1, NULL, NULL, NULL));
	conn_close(&game.client.conn);
	assert_true(sim_run(game.sim, 60000, server_failed, &game, NULL));
	assert_int_equal(game.server.turns, 2);
	assert_int_equal(game.server.failed, ERR_NET_CLOSED);
	game_end(&game);
}

static void a_connection_may_be_cut_inside_a_frame(void **state)
{
	struct sim_options cuts = nasty;
	uint32_t halves = 0;

	cuts.connection_cut_ppm = 100000;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct game game;

		game_begin(&game, seed, &cuts);
		assert_true(sim_run(game.sim, 600000, client_failed, &game, NULL));
		sim_run(game.sim, 600000, server_failed, &game, NULL);
		halves += game.client.to_read_bytes % BALL_BYTES != 0 ||
			  game.server.to_read_bytes % BALL_BYTES != 0;
		game_end(&game);
	}
	assert_true(halves > 0);
}

/* ---- back-pressure -------------------------------------------------------------------------- */

struct pusher {
	struct agent agent;
	struct conn *conn;
	uint64_t sent_bytes, blocked;
};

static enum step pusher_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct pusher *pusher = CONTAINER_OF(agent, struct pusher, agent);
	static char block[16384];
	struct bytes from = bytes_of(block, sizeof(block));
	struct err err = ERR_INIT;
	ssize_t sent = conn_write(pusher->conn, &from, 1, &err);

	assert_true(sent >= 0);
	pusher->sent_bytes += (uint64_t)sent;
	pusher->blocked += sent == 0;
	return sent > 0 ? STEP_WORKED : STEP_BLOCKED;
}

static void a_reader_that_does_not_read_stops_the_writer(void **state)
{
	struct sim *sim = sim_create(1, &nasty);
	struct err err = ERR_INIT;
	struct world *node = sim_node(sim, "node"), *other = sim_node(sim, "other");
	struct runner *runner = runner_create(node, "r", &err),
		      *away = runner_create(other, "r", &err);
	struct listen_options options = { .host = "0.0.0.0", .port = 0 };
	struct listener *listener;
	struct pusher pusher = { 0 };

	assert_int_equal(listener_open(runner_loop(away), &options, NULL, &listener, &err), 0);
	agent_init(&pusher.agent, "pusher", pusher_step);
	assert_int_equal(conn_open(runner_loop(runner), "other", listener_port(listener),
				   &pusher.agent, &pusher.conn, &err),
			 0);
	runner_add(runner, &pusher.agent);
	sim_run(sim, 10000, NULL, NULL, NULL);
	struct conn *reader = listener_accept(listener, NULL);
	uint64_t most = pusher.sent_bytes;
	static char into[100000];
	struct slice slice = { into, sizeof(into) };

	assert_non_null(reader);
	assert_true(most > 0);
	for (int i = 0; i < 100; i++) {
		ssize_t got = conn_read(reader, &slice, 1, &err);

		assert_true(got > 0);
		most += (uint64_t)got;
		sim_run(sim, 1000, NULL, NULL, NULL);
		assert_int_equal(pusher.sent_bytes, most);
	}
	conn_close(&reader);
	conn_close(&pusher.conn);
	listener_close(&listener);
	runner_destroy(&runner);
	runner_destroy(&away);
	world_destroy(&node);
	world_destroy(&other);
	sim_destroy(&sim);
	assert_int_equal(mem_bytes_out(), 0);
}

static void own_names_and_full_listeners_work_as_in_the_real_world(void **state)
{
	struct sim *sim = sim_create(1, &nasty);
	struct err err = ERR_INIT;
	struct world *node = sim_node(sim, "node");
	struct runner *runner = runner_create(node, "r", &err);
	struct loop *loop = runner_loop(runner);
	struct listen_options options = { .host = "@mini", .port = 6123, .connections_max = 1 };
	struct listener *listener, *second;
	struct conn *conn, *refused, *accepted;
	char byte;
	struct slice into = { &byte, 1 };

	assert_int_equal(listener_open(loop, &options, NULL, &listener, &err), 0);
	assert_int_equal(listener_open(loop, &options, NULL, &second, &err), -1);
	assert_int_equal(err.code, ERR_CONF_PORT_TAKEN);
	options.host = "localhost"; /* the same port, but not a name */
	assert_int_equal(listener_open(loop, &options, NULL, &second, &err), 0);
	assert_int_equal(conn_open(loop, "@mini", 6123, NULL, &conn, &err), 0);
	assert_false(sim_run(sim, 1000, NULL, NULL, NULL));
	assert_true(conn_connected(conn));
	assert_true(conn_peer_is_loopback(conn));
	assert_null(listener_accept(second, NULL));
	accepted = listener_accept(listener, NULL);
	assert_non_null(accepted);
	assert_int_equal(conn_open(loop, "@mini", 6123, NULL, &refused, &err), 0);
	sim_run(sim, 1000, NULL, NULL, NULL);
	assert_null(listener_accept(listener, NULL));
	sim_run(sim, 1000, NULL, NULL, NULL);
	assert_int_equal(conn_read(refused, &into, 1, &err), -1);
	assert_int_equal(err.code, ERR_NET_CLOSED);
	conn_close(&refused);
	conn_close(&accepted);
	listener_close(&listener);
	listener_close(&second);
	sim_run(sim, 1000, NULL, NULL, NULL);
	assert_int_equal(conn_read(conn, &into, 1, &err), -1);
	assert_string_equal(err.text, "closed by @mini:6123");
	conn_close(&conn);
	runner_destroy(&runner);
	world_destroy(&node);
	sim_destroy(&sim);
	assert_int_equal(mem_bytes_out(), 0);
}

static void chance_misbehaves_in_some_places_of_some_simulations(void **state)
{
	struct sim_options options = { .chance_ppm = 100000 };
	int places = 0;

	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct sim *sim = sim_create(seed, &options);
		struct world *node = sim_node(sim, "node");
		int hits = 0;

		for (int i = 0; i < 1000; i++)
			hits += world_chance(node, "flush early");
		assert_true(hits == 0 || (hits > 50 && hits < 200));
		places += hits > 0;
		sim_heal(sim);
		for (int i = 0; i < 1000; i++)
			assert_false(world_chance(node, "flush early"));
		world_destroy(&node);
		sim_destroy(&sim);
	}
	assert_true(places > 30 && places < 70);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- files ---------------------------------------------------------------------------------- */

struct disk_case {
	struct sim *sim;
	struct world *node;
	struct runner *runner;
};

static void disk_begin(struct disk_case *disk, uint64_t seed)
{
	static const struct sim_options slow = { .file_delay_us_max = 500 };
	struct err err = ERR_INIT;

	disk->sim = sim_create(seed, &slow);
	disk->node = sim_node(disk->sim, "node");
	disk->runner = runner_create(disk->node, "r", &err);
}

static void disk_end(struct disk_case *disk)
{
	runner_destroy(&disk->runner);
	world_destroy(&disk->node);
	sim_destroy(&disk->sim);
	assert_int_equal(mem_bytes_out(), 0);
}

static int64_t file_do(struct disk_case *disk, struct file_op *op)
{
	file_submit(runner_loop(disk->runner), op, NULL);
	assert_false(atomic_load(&op->done));
	sim_run(disk->sim, 1000, NULL, NULL, NULL);
	assert_true(atomic_load(&op->done));
	return op->result;
}

static int64_t file_open(struct disk_case *disk, enum file_op_kind kind, const char *path)
{
	struct file_op op = { .kind = kind, .path = path };

	return file_do(disk, &op) < 0 ? -1 : op.handle;
}

static void append(struct disk_case *disk, int64_t handle, const char *text)
{
	struct file_op op = { .kind = FILE_APPEND, .handle = handle, .from = bytes_of_text(text) };

	assert_int_equal(file_do(disk, &op), strlen(text));
}

static void file_operations_do_what_files_do(void **state)
{
	struct disk_case disk;
	char into[32];

	disk_begin(&disk, 1);
	struct file_op op = { .kind = FILE_MKDIRS, .path = "/a/b" };

	assert_int_equal(file_do(&disk, &op), 0);
	int64_t handle = file_open(&disk, FILE_OPEN_WRITE, "/a/b/one");

	append(&disk, handle, "hello ");
	append(&disk, handle, "world");
	op = (struct file_op){ .kind = FILE_CLOSE, .handle = handle };
	assert_int_equal(file_do(&disk, &op), 0);
	op = (struct file_op){ .kind = FILE_SYNC, .handle = handle };
	assert_int_equal(file_do(&disk, &op), -1);
	op = (struct file_op){ .kind = FILE_LINK, .path = "/a/b/one", .path_to = "/a/b/two" };
	assert_int_equal(file_do(&disk, &op), 0);
	op = (struct file_op){ .kind = FILE_RENAME, .path = "/a/b/one", .path_to = "/a/b/0" };
	assert_int_equal(file_do(&disk, &op), 0);
	op = (struct file_op){ .kind = FILE_LIST, .path = "/a/b" };
	assert_int_equal(file_do(&disk, &op), 2);
	assert_memory_equal(op.names, "0\0two\0", 7);
	mem_free(op.names);
	op = (struct file_op){ .kind = FILE_RENAME, .path = "/a/b", .path_to = "/c" };
	assert_int_equal(file_do(&disk, &op), 0);
	handle = file_open(&disk, FILE_OPEN_READ, "/c/two");
	op = (struct file_op){
		.kind = FILE_READ, .handle = handle, .offset = 6, .into = { into, 32 }
	};
	assert_int_equal(file_do(&disk, &op), 5);
	assert_memory_equal(into, "world", 5);
	op = (struct file_op){ .kind = FILE_REMOVE, .path = "/c" };
	assert_int_equal(file_do(&disk, &op), -1);
	op = (struct file_op){ .kind = FILE_STAT, .path = "/c/none" };
	assert_int_equal(file_do(&disk, &op), 0);
	op = (struct file_op){ .kind = FILE_OPEN_READ, .path = "/c/none" };
	assert_int_equal(file_do(&disk, &op), -1);
	assert_string_equal(op.err.text, "cannot open /c/none: No such file or directory");
	disk_end(&disk);
}

static void a_crash_keeps_what_was_synced_and_a_prefix_of_the_rest(void **state)
{
	uint32_t all = 0, none = 0, part = 0, gone = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct disk_case disk;
		size_t size_bytes;

		disk_begin(&disk, seed);
		int64_t handle = file_open(&disk, FILE_OPEN_WRITE, "/kept");
		struct file_op sync = { .kind = FILE_SYNC, .handle = handle };

		append(&disk, handle, "synced");
		assert_int_equal(file_do(&disk, &sync), 0);
		append(&disk, handle, "not synced");
		file_open(&disk, FILE_OPEN_WRITE, "/new");
		sim_kill(disk.node);
		const char *text = sim_file(disk.node, "/kept", &size_bytes);

		assert_non_null(text);
		assert_memory_equal(text, "synced", 6);
		none += size_bytes == 6;
		all += size_bytes == 16;
		part += size_bytes > 6 && size_bytes < 16;
		gone += sim_file(disk.node, "/new", &size_bytes) == NULL;
		disk_end(&disk);
	}
	assert_true(all > 20 && none > 20 && part > 20);
	assert_true(gone > 50 && gone < 150);
}

static void operations_under_way_at_a_crash_are_done_and_a_dead_node_does_nothing(void **state)
{
	struct disk_case disk;

	disk_begin(&disk, 5);
	struct file_op op = { .kind = FILE_MKDIRS, .path = "/late" };
	struct file_op after = { .kind = FILE_OPEN_READ, .path = "/tmp" };
	size_t size_bytes;

	file_submit(runner_loop(disk.runner), &op, NULL);
	sim_kill(disk.node);
	assert_true(atomic_load(&op.done));
	file_submit(runner_loop(disk.runner), &after, NULL);
	assert_true(atomic_load(&after.done));
	assert_int_equal(after.result, -1);
	world_print(disk.node, "x", 1);
	assert_null(sim_file(disk.node, "stdout", &size_bytes));
	disk_end(&disk);
}

static void a_restarted_node_finds_its_files_and_what_it_printed(void **state)
{
	struct disk_case disk;
	size_t size_bytes;
	char *text;
	struct err err = ERR_INIT;

	disk_begin(&disk, 6);
	sim_file_put(disk.node, "/conf/flink-conf.yaml", bytes_of_text("a: b"));
	world_print(disk.node, "hello : 1\n", 10);
	sim_kill(disk.node);
	runner_destroy(&disk.runner);
	world_destroy(&disk.node);
	disk.node = sim_node(disk.sim, "node");
	disk.runner = runner_create(disk.node, "r", &err);
	assert_int_equal(
		world_read_file(disk.node, "/conf/flink-conf.yaml", 100, &text, &size_bytes, &err),
		0);
	assert_string_equal(text, "a: b");
	mem_free(text);
	assert_string_equal(sim_file(disk.node, "stdout", &size_bytes), "hello : 1\n");
	disk_end(&disk);
}

/* ---- time ----------------------------------------------------------------------------------- */

struct sleeper {
	struct agent agent;
	mono_t times[4];
	uint32_t count;
};

static enum step sleeper_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct sleeper *sleeper = CONTAINER_OF(agent, struct sleeper, agent);

	sleeper->times[sleeper->count++] = now;
	*wake_at = mono_after_ms(now, 5000);
	return sleeper->count == 4 ? STEP_DONE : STEP_IDLE;
}

static void a_moment_comes_exactly_and_time_between_costs_nothing(void **state)
{
	struct disk_case disk;
	struct sleeper sleeper = { 0 };
	bool stuck;

	disk_begin(&disk, 9);
	wall_t wall = world_wall(disk.node);

	agent_init(&sleeper.agent, "sleeper", sleeper_step);
	runner_add(disk.runner, &sleeper.agent);
	assert_false(sim_run(disk.sim, 3600 * 1000, NULL, NULL, &stuck));
	assert_true(stuck);
	assert_int_equal(sleeper.count, 4);
	for (int i = 1; i < 4; i++)
		assert_true(sleeper.times[i] - sleeper.times[i - 1] == 5000 * NS_PER_MS);
	assert_int_equal(world_wall(disk.node) - wall, 15000);
	sim_clock_jump(disk.node, -60000);
	assert_int_equal(world_wall(disk.node) - wall, -45000);
	disk_end(&disk);
}

static void background_run(struct background *work)
{
	*(mono_t *)(void *)(work + 1) += 1;
}

static void background_work_happens_later(void **state)
{
	struct disk_case disk;
	struct {
		struct background work;
		mono_t runs;
	} job = { .work.run = background_run };

	disk_begin(&disk, 10);
	background_submit(runner_loop(disk.runner), &job.work, NULL);
	assert_int_equal(job.runs, 0);
	sim_run(disk.sim, 1, NULL, NULL, NULL);
	assert_true(atomic_load(&job.work.done));
	assert_int_equal(job.runs, 1);
	background_submit(runner_loop(disk.runner), &job.work, NULL);
	runner_destroy(&disk.runner); /* not begun: not run, but given back */
	assert_true(atomic_load(&job.work.done));
	assert_int_equal(job.runs, 1);
	disk_end(&disk);
}

static int twice(int value)
{
	return 2 * value;
}

static void functions_of_the_program_travel_as_offsets(void **state)
{
	struct disk_case disk;
	struct module *module;
	struct err err = ERR_INIT;
	uint64_t offset;

	disk_begin(&disk, 11);
	assert_int_equal(module_open(disk.node, "job.so", NULL, &module, &err), -1);
	assert_int_equal(err.code, ERR_ARTIFACT_UNREADABLE);
	sim_module_symbol(disk.sim, "job.so", "twice", (void *)twice);
	assert_int_equal(module_open(disk.node, "job.so", NULL, &module, &err), 0);
	assert_ptr_equal(module_symbol(module, "twice"), (void *)twice);
	assert_true(module_offset(module, (void *)twice, &offset));
	assert_ptr_equal(module_address(module, offset), (void *)twice);
	assert_null(module_address(module, UINT64_C(1) << 40));
	module_close(&module);
	disk_end(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_replays_exactly_and_another_does_not),
		cmocka_unit_test(a_calm_world_plays_too),
		cmocka_unit_test(a_killed_peer_resets_the_connection_and_may_be_freed),
		cmocka_unit_test(an_unknown_name_is_told),
		cmocka_unit_test(a_paused_node_stands_still_and_goes_on),
		cmocka_unit_test(a_cut_holds_bytes_until_it_ends),
		cmocka_unit_test(a_cut_way_holds_that_way_only),
		cmocka_unit_test(reset_connections_fail_on_both_ends),
		cmocka_unit_test(a_closed_connection_ends_after_its_last_byte),
		cmocka_unit_test(a_connection_may_be_cut_inside_a_frame),
		cmocka_unit_test(a_reader_that_does_not_read_stops_the_writer),
		cmocka_unit_test(own_names_and_full_listeners_work_as_in_the_real_world),
		cmocka_unit_test(chance_misbehaves_in_some_places_of_some_simulations),
		cmocka_unit_test(file_operations_do_what_files_do),
		cmocka_unit_test(a_crash_keeps_what_was_synced_and_a_prefix_of_the_rest),
		cmocka_unit_test(
			operations_under_way_at_a_crash_are_done_and_a_dead_node_does_nothing),
		cmocka_unit_test(a_restarted_node_finds_its_files_and_what_it_printed),
		cmocka_unit_test(a_moment_comes_exactly_and_time_between_costs_nothing),
		cmocka_unit_test(background_work_happens_later),
		cmocka_unit_test(functions_of_the_program_travel_as_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
