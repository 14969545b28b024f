/* SPDX-License-Identifier: Apache-2.0
 * world_os_test.c - the real world: sockets, names, files, processes, modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/world/world.h"

#define DEADLINE_MS 20000

static struct world *world;
static struct runner *runner;
static struct loop *loop;
static char directory[64];

static int begin(void **state)
{
	struct err err = ERR_INIT;

	world = world_os_create(&err);
	assert_non_null(world);
	runner = runner_create(world, "test", &err);
	assert_non_null(runner);
	loop = runner_loop(runner);
	snprintf(directory, sizeof(directory), "/tmp/world_os_test.XXXXXX");
	assert_non_null(mkdtemp(directory));
	return 0;
}

static int end(void **state)
{
	char command[128];

	runner_destroy(&runner);
	world_destroy(&world);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

static mono_t deadline_from_now(void)
{
	return mono_after_ms(world_now(world), DEADLINE_MS);
}

static void look_again(mono_t deadline, const char *waiting_for)
{
	struct timespec moment = { .tv_nsec = 200 * 1000 };

	if (world_now(world) > deadline)
		fail_msg("after %d ms still no %s", DEADLINE_MS, waiting_for);
	nanosleep(&moment, NULL);
}

struct watcher {
	struct agent agent;
	struct process *process;
	atomic_bool ended;
};

static enum step idle_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	return STEP_IDLE;
}

/* ---- an echo server and a client that checks what comes back -------------------------------------- */

#define ECHO_BYTES (8 * 1024 * 1024)

struct echo {
	struct agent agent;
	struct listener *listener;
	struct conn *conn;
	char buffer[50000];
	size_t held_bytes;
	atomic_bool *stay_until; /* in its first step: so that it is evicted */
	uint64_t sent_bytes, read_bytes, partial;
	struct err err;
	atomic_bool ended;
};

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)(at * 31 + (at >> 11));
}

static enum step echo_ends(struct echo *echo)
{
	conn_close(&echo->conn);
	return STEP_DONE;
}

static void echo_done(struct agent *agent)
{
	atomic_store(&CONTAINER_OF(agent, struct echo, agent)->ended, true);
}

static enum step server_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct echo *echo = CONTAINER_OF(agent, struct echo, agent);

	for (; echo->stay_until != NULL && !atomic_load(echo->stay_until);)
		look_again(MONO_NEVER, "moment");
	if (echo->conn == NULL)
		echo->conn = listener_accept(echo->listener, agent);
	if (echo->conn == NULL)
		return STEP_IDLE;
	if (echo->held_bytes == 0) {
		struct slice pieces[2] = { { echo->buffer, 1000 },
					   { echo->buffer + 1000, sizeof(echo->buffer) - 1000 } };
		ssize_t got = conn_read(echo->conn, pieces, 2, &echo->err);

		if (got < 0)
			return echo_ends(echo);
		echo->held_bytes = (size_t)got;
		return got > 0 ? STEP_WORKED : STEP_IDLE;
	}
	struct bytes pieces[2] = { { echo->buffer, echo->held_bytes / 2 },
				   { echo->buffer + echo->held_bytes / 2,
				     echo->held_bytes - echo->held_bytes / 2 } };
	ssize_t sent = conn_write(echo->conn, pieces, 2, &echo->err);

	if (sent < 0)
		return echo_ends(echo);
	echo->partial += sent > 0 && (size_t)sent < echo->held_bytes;
	memmove(echo->buffer, echo->buffer + sent, echo->held_bytes - (size_t)sent);
	echo->held_bytes -= (size_t)sent;
	return sent > 0 ? STEP_WORKED : STEP_BLOCKED;
}

static enum step client_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct echo *echo = CONTAINER_OF(agent, struct echo, agent);
	uint8_t block[30000];
	ssize_t sent = 0, got = 0;

	if (echo->sent_bytes < ECHO_BYTES) {
		size_t size_bytes = sizeof(block);

		if (size_bytes > ECHO_BYTES - echo->sent_bytes)
			size_bytes = ECHO_BYTES - echo->sent_bytes;
		for (size_t i = 0; i < size_bytes; i++)
			block[i] = pattern(echo->sent_bytes + i);
		struct bytes from = bytes_of(block, size_bytes);

		sent = conn_write(echo->conn, &from, 1, &echo->err);
		if (sent < 0)
			return echo_ends(echo);
		echo->sent_bytes += (uint64_t)sent;
	}
	struct slice into = { block, sizeof(block) };

	/* Reads nothing back at first, so that every buffer on the way fills up. */
	if (sent == 0)
		got = conn_read(echo->conn, &into, 1, &echo->err);
	for (ssize_t i = 0; i < got; i++)
		if (block[i] != pattern(echo->read_bytes + (uint64_t)i))
			got = -1;
	if (got < 0)
		return echo_ends(echo);
	echo->read_bytes += (uint64_t)got;
	if (echo->read_bytes == ECHO_BYTES)
		return echo_ends(echo);
	return sent > 0 || got > 0 ? STEP_WORKED : STEP_IDLE;
}

static void play_echo(const char *listen_host, const char *host, bool other_thread)
{
	struct echo *server = MEM_NEW(struct echo), *client = MEM_NEW(struct echo);
	struct listen_options options = { .host = listen_host };
	struct err err = ERR_INIT;
	struct runner *second = other_thread ? runner_create(world, "second", &err) : runner;
	char expected[300];

	agent_init(&server->agent, "server", server_step);
	agent_init(&client->agent, "client", client_step);
	server->agent.done = client->agent.done = echo_done;
	int failed = listener_open(loop, &options, &server->agent, &server->listener, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(failed, 0);
	assert_int_equal(conn_open(runner_loop(second), host, listener_port(server->listener),
				   &client->agent, &client->conn, &err), 0);
	snprintf(expected, sizeof(expected), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
		 listener_port(server->listener));
	assert_string_equal(conn_peer(client->conn), expected);
	runner_add(runner, &server->agent);
	runner_add(second, &client->agent);
	mono_t deadline = deadline_from_now();

	while (!atomic_load(&client->ended) || !atomic_load(&server->ended))
		look_again(deadline, "end of the echo");
	assert_int_equal(client->read_bytes, ECHO_BYTES);
	assert_int_equal(server->err.code, ERR_NET_CLOSED);
	assert_memory_equal(server->err.text, "closed by ", 10);
	assert_true(server->partial > 0 || listen_host[0] == '@');
	if (other_thread)
		runner_destroy(&second);
	listener_close(&server->listener);
	mem_free(server);
	mem_free(client);
}

static void bytes_come_back_unchanged_however_they_are_cut(void **state)
{
	play_echo("127.0.0.1", "localhost", false);
	play_echo("localhost", "127.0.0.1", true);
}

/* It accepts, reads, writes and closes on its lane while the client uses the same event base. */
static void an_evicted_agent_keeps_its_connections(void **state)
{
	struct echo *server = MEM_NEW(struct echo), *client = MEM_NEW(struct echo);
	struct listen_options options = { .host = "127.0.0.1" };
	struct err err = ERR_INIT;
	atomic_bool go = false;
	mono_t deadline = deadline_from_now();

	agent_init(&server->agent, "server", server_step);
	agent_init(&client->agent, "client", client_step);
	server->agent.done = client->agent.done = echo_done;
	server->stay_until = &go;
	assert_int_equal(listener_open(loop, &options, &server->agent, &server->listener, &err), 0);
	runner_add(runner, &server->agent);
	assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(server->listener), &client->agent,
				   &client->conn, &err), 0);
	runner_add(runner, &client->agent);
	while (runner_blocking_count(runner) == 0)
		look_again(deadline, "eviction");
	atomic_store(&go, true);
	while (!atomic_load(&client->ended) || !atomic_load(&server->ended))
		look_again(deadline, "end of the echo");
	assert_int_equal(client->read_bytes, ECHO_BYTES);
	listener_close(&server->listener);
	mem_free(server);
	mem_free(client);
}

static void bytes_come_back_over_ipv6(void **state)
{
	struct listen_options options = { .host = "::1" };
	struct listener *listener;
	struct err err = ERR_INIT;

	if (listener_open(loop, &options, NULL, &listener, &err) != 0)
		skip(); /* a machine without IPv6 */
	listener_close(&listener);
	play_echo("::1", "::1", true);
}

static void bytes_come_back_over_a_name_of_the_process(void **state)
{
	play_echo("@echo", "@echo", false);
	play_echo("@echo", "@echo", true);
}

/* ---- connections that fail ------------------------------------------------------------------------------ */

static ssize_t read_until_told(struct conn *conn, struct err *err)
{
	char byte;
	struct slice into = { &byte, 1 };
	mono_t deadline = deadline_from_now();
	ssize_t got;

	while ((got = conn_read(conn, &into, 1, err)) == 0)
		look_again(deadline, "answer of conn_read");
	return got;
}

static uint16_t unused_port(void)
{
	struct listen_options options = { .host = "127.0.0.1" };
	struct listener *listener;
	struct err err = ERR_INIT;

	assert_int_equal(listener_open(loop, &options, NULL, &listener, &err), 0);
	uint16_t port = listener_port(listener);

	listener_close(&listener);
	return port;
}

static void a_refused_connection_says_by_whom(void **state)
{
	struct conn *conn;
	struct err err = ERR_INIT;
	uint16_t port = unused_port();
	char expected[100];

	assert_int_equal(conn_open(loop, "localhost", port, NULL, &conn, &err), 0);
	assert_int_equal(read_until_told(conn, &err), -1);
	assert_int_equal(err.code, ERR_NET_UNREACHABLE);
	snprintf(expected, sizeof(expected), "cannot connect to localhost:%u: Connection refused", port);
	assert_string_equal(err.text, expected);
	assert_false(conn_connected(conn));
	conn_close(&conn);
	assert_int_equal(conn_open(loop, "@nobody", 1, NULL, &conn, &err), 0);
	assert_int_equal(read_until_told(conn, &err), -1);
	assert_string_equal(err.text,
			    "cannot connect to @nobody:1: nothing in this process listens there");
	conn_close(&conn);
}

static void a_name_that_does_not_exist_is_told(void **state)
{
	struct conn *conn;
	struct err err = ERR_INIT;
	char label[80], name[100];

	/* A label over 63 letters: refused without asking any server. */
	memset(label, 'x', 70);
	label[70] = '\0';
	snprintf(name, sizeof(name), "%s.invalid", label);
	assert_int_equal(conn_open(loop, name, 80, NULL, &conn, &err), 0);
	assert_int_equal(read_until_told(conn, &err), -1);
	assert_int_equal(err.code, ERR_NET_UNREACHABLE);
	assert_non_null(strstr(err.text, "cannot be resolved"));
	conn_close(&conn);
	/* Closed while it is being looked up. */
	assert_int_equal(conn_open(loop, name, 80, NULL, &conn, &err), 0);
	conn_close(&conn);
}

static void nonsense_is_refused_at_once(void **state)
{
	struct conn *conn;
	struct listener *listener;
	struct err err = ERR_INIT;
	char name[400];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(conn_open(loop, "localhost", 0, NULL, &conn, &err), -1);
	assert_string_equal(err.text,
			    "cannot connect to localhost: port 0 is not a port (1 to 65535 are)");
	assert_int_equal(conn_open(loop, name, 1, NULL, &conn, &err), -1);
	assert_null(conn);
	struct listen_options options = { .host = name };

	assert_int_equal(listener_open(loop, &options, NULL, &listener, &err), -1);
	assert_int_equal(err.code, ERR_CONF_BAD_VALUE);
	options.host = "203.0.113.77"; /* of the documentation's range: nobody's */
	assert_int_equal(listener_open(loop, &options, NULL, &listener, &err), -1);
	assert_int_equal(err.code, ERR_CONF_BAD_VALUE);
	assert_non_null(strstr(err.text, "this machine has no such address"));
}

static void a_taken_port_names_its_holder(void **state)
{
	struct listen_options options = { .host = "127.0.0.1" };
	struct listener *first, *second;
	struct err err = ERR_INIT;
	char expected[128];

	assert_int_equal(listener_open(loop, &options, NULL, &first, &err), 0);
	options.port = listener_port(first);
	assert_int_equal(listener_open(loop, &options, NULL, &second, &err), -1);
	assert_null(second);
	assert_int_equal(err.code, ERR_CONF_PORT_TAKEN);
	snprintf(expected, sizeof(expected),
		 "cannot listen on 127.0.0.1:%u: process %d (world_os_test) holds the port", options.port,
		 getpid());
	assert_string_equal(err.text, expected);
	listener_close(&first);
	options = (struct listen_options){ .host = "@name", .port = 6123 };
	assert_int_equal(listener_open(loop, &options, NULL, &first, &err), 0);
	assert_int_equal(listener_open(loop, &options, NULL, &second, &err), -1);
	assert_int_equal(err.code, ERR_CONF_PORT_TAKEN);
	listener_close(&first);
	assert_int_equal(listener_open(loop, &options, NULL, &first, &err), 0);
	listener_close(&first);
}

static struct conn *accept_one(struct listener *listener)
{
	mono_t deadline = deadline_from_now();
	struct conn *conn;

	while ((conn = listener_accept(listener, NULL)) == NULL)
		look_again(deadline, "connection");
	return conn;
}

static void a_full_listener_closes_newcomers(void **state)
{
	struct listen_options options = { .host = "127.0.0.1", .connections_max = 2 };
	struct listener *listener;
	struct conn *clients[3], *accepted[3];
	struct err err = ERR_INIT;

	assert_int_equal(listener_open(loop, &options, NULL, &listener, &err), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &clients[i],
					   &err), 0);
	accepted[0] = accept_one(listener);
	accepted[1] = accept_one(listener);
	assert_true(conn_peer_is_loopback(accepted[0]));
	assert_memory_equal(conn_peer(accepted[0]), "127.0.0.1:", 10);
	mono_t deadline = deadline_from_now();
	int told = 0;

	while (told == 0) {
		char byte;
		struct slice into = { &byte, 1 };

		assert_null(listener_accept(listener, NULL));
		for (int i = 0; i < 3; i++)
			told += conn_read(clients[i], &into, 1, &err) < 0;
		look_again(deadline, "refusal");
	}
	assert_int_equal(told, 1);
	assert_int_equal(err.code, ERR_NET_CLOSED);
	/* A place that becomes free may be taken; the listener may go before its connections. */
	conn_close(&accepted[0]);
	for (int i = 0; i < 3; i++)
		conn_close(&clients[i]);
	assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &clients[0], &err),
			 0);
	accepted[0] = accept_one(listener);
	listener_close(&listener);
	conn_close(&accepted[0]);
	conn_close(&accepted[1]);
	conn_close(&clients[0]);
}

static int largest_fd(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int largest = 0;

	for (struct dirent *at; (at = readdir(fds)) != NULL;)
		if (atoi(at->d_name) > largest)
			largest = atoi(at->d_name);
	closedir(fds);
	return largest;
}

static void without_descriptors_newcomers_are_closed_and_later_ones_served(void **state)
{
	struct listen_options options = { .host = "127.0.0.1" };
	struct listener *listener;
	struct conn *first, *second, *accepted;
	struct err err = ERR_INIT;
	struct rlimit before, low;

	assert_int_equal(listener_open(loop, &options, NULL, &listener, &err), 0);
	assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &first, &err), 0);
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	int filler[4096], fillers = 0, largest = largest_fd();

	low.rlim_cur = (rlim_t)largest + 1;
	setrlimit(RLIMIT_NOFILE, &low);
	while (fillers < 4096 && (filler[fillers] = dup(0)) >= 0)
		fillers++;
	mono_t deadline = deadline_from_now();
	char byte;
	struct slice into = { &byte, 1 };

	while (conn_read(first, &into, 1, &err) == 0) {
		assert_null(listener_accept(listener, NULL));
		look_again(deadline, "refusal");
	}
	assert_int_equal(err.code, ERR_NET_CLOSED);
	setrlimit(RLIMIT_NOFILE, &before);
	while (fillers > 0)
		close(filler[--fillers]);
	assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &second, &err), 0);
	accepted = accept_one(listener);
	conn_close(&accepted);
	conn_close(&first);
	conn_close(&second);
	listener_close(&listener);
}

static void what_was_written_before_a_close_arrives_though_the_closer_had_not_read(void **state)
{
	struct listen_options options = { .host = "127.0.0.1" };
	struct listener *listener;
	struct conn *client, *server;
	struct err err = ERR_INIT;
	struct bytes text = bytes_of_text("refused: wrong secret");
	char into[64];
	struct slice slice = { into, sizeof(into) };
	mono_t deadline = deadline_from_now();

	assert_int_equal(listener_open(loop, &options, NULL, &listener, &err), 0);
	assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &client, &err), 0);
	server = accept_one(listener);
	while (conn_write(client, &text, 1, &err) == 0)
		look_again(deadline, "connection");
	ssize_t got;

	while ((got = conn_read(server, &(struct slice){ into, 1 }, 1, &err)) == 0)
		look_again(deadline, "first byte");
	assert_int_equal(got, 1);
	assert_int_equal(conn_write(server, &text, 1, &err), text.size_bytes);
	conn_close(&server);
	size_t total = 0;

	while ((got = conn_read(client, &slice, 1, &err)) >= 0) {
		total += (size_t)got;
		look_again(deadline, "end");
	}
	assert_int_equal(total, text.size_bytes);
	assert_memory_equal(err.text, "closed by ", 10);
	/* Writing to a peer that is gone is an error, not a signal. */
	while ((got = conn_write(client, &text, 1, &err)) >= 0)
		look_again(deadline, "broken connection");
	assert_int_equal(err.code, ERR_NET_CLOSED);
	conn_close(&client);
	listener_close(&listener);
}

static void an_ended_runner_may_still_be_named(void **state)
{
	struct err err = ERR_INIT;
	struct runner *ended = runner_create(world, "ended", &err), *named = ended, *later[3];
	struct loop *its_loop = runner_loop(ended);
	struct listen_options options = { .host = "127.0.0.1" };
	struct listener *listener;
	struct conn *conn, *accepted;
	struct watcher watcher = { 0 };
	char path[128];

	agent_init(&watcher.agent, "idle", idle_step);
	runner_add(ended, &watcher.agent);
	assert_int_equal(listener_open(its_loop, &options, &watcher.agent, &listener, &err), 0);
	assert_int_equal(conn_open(its_loop, "127.0.0.1", listener_port(listener), &watcher.agent, &conn,
				   &err), 0);
	accepted = accept_one(listener);
	runner_destroy(&ended);
	for (int i = 0; i < 3; i++) { /* none of them takes over what is still in use */
		later[i] = runner_create(world, "later", &err);
		assert_ptr_not_equal(later[i], named);
	}
	agent_wake(&watcher.agent);
	runner_remove(named, &watcher.agent);
	snprintf(path, sizeof(path), "%s/late", directory);
	struct file_op op = { .kind = FILE_OPEN_WRITE, .path = path };

	file_submit(its_loop, &op, &watcher.agent);
	assert_true(atomic_load(&op.done));
	op.kind = FILE_CLOSE;
	file_submit(its_loop, &op, &watcher.agent);
	assert_true(atomic_load(&op.done));
	assert_int_equal(op.result, 0);
	conn_close(&conn);
	conn_close(&accepted);
	listener_close(&listener);
	for (int i = 0; i < 3; i++)
		runner_destroy(&later[i]);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static int64_t file_do(struct file_op *op)
{
	mono_t deadline = deadline_from_now();

	file_submit(loop, op, NULL);
	while (!atomic_load(&op->done))
		look_again(deadline, "end of the file operation");
	return op->result;
}

static void operations_of_a_handle_keep_their_order(void **state)
{
	static struct file_op ops[200], reading;
	static char lines[200][16], into[4000];
	char path[128];
	size_t length = 0;

	snprintf(path, sizeof(path), "%s/a/b", directory);
	struct file_op op = { .kind = FILE_MKDIRS, .path = path };

	assert_int_equal(file_do(&op), 0);
	assert_int_equal(file_do(&op), 0); /* there already */
	snprintf(path, sizeof(path), "%s/a/b/lines", directory);
	op = (struct file_op){ .kind = FILE_OPEN_WRITE, .path = path, .exclusive = true };
	assert_int_equal(file_do(&op), 0);
	int64_t handle = op.handle;

	for (int i = 0; i < 200; i++) {
		snprintf(lines[i], sizeof(lines[i]), "%d\n", i);
		ops[i] = (struct file_op){ .kind = FILE_APPEND, .handle = handle,
					   .from = bytes_of_text(lines[i]) };
		file_submit(loop, &ops[i], NULL);
		length += strlen(lines[i]);
	}
	op = (struct file_op){ .kind = FILE_SYNC, .handle = handle };
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_CLOSE, .handle = handle };
	assert_int_equal(file_do(&op), 0);
	assert_int_equal(file_do(&op), -1);
	assert_int_equal(op.err.code, ERR_BUG);
	op = (struct file_op){ .kind = FILE_OPEN_READ, .path = path };
	assert_int_equal(file_do(&op), 0);
	assert_int_equal(op.size_bytes, length);
	assert_true(op.handle != handle);
	reading = (struct file_op){ .kind = FILE_READ, .handle = op.handle, .into = { into, 4000 } };
	assert_int_equal(file_do(&reading), length);
	char *at = into;

	for (int i = 0; i < 200; at += strlen(lines[i++]))
		assert_memory_equal(at, lines[i], strlen(lines[i]));
	reading.offset = (int64_t)length;
	assert_int_equal(file_do(&reading), 0);
	op = (struct file_op){ .kind = FILE_CLOSE, .handle = op.handle };
	assert_int_equal(file_do(&op), 0);
}

static void names_are_made_moved_listed_and_removed(void **state)
{
	char one[128], two[128], text[256];

	snprintf(one, sizeof(one), "%s/one", directory);
	snprintf(two, sizeof(two), "%s/two", directory);
	struct file_op op = { .kind = FILE_OPEN_APPEND, .path = one };

	assert_int_equal(file_do(&op), 0); /* closed by the end of the world */
	op = (struct file_op){ .kind = FILE_OPEN_WRITE, .path = one, .exclusive = true };
	assert_int_equal(file_do(&op), -1);
	snprintf(text, sizeof(text), "cannot create %s: File exists", one);
	assert_string_equal(op.err.text, text);
	assert_int_equal(op.err.code, ERR_IO);
	op = (struct file_op){ .kind = FILE_LINK, .path = one, .path_to = two };
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_LIST, .path = directory };
	assert_int_equal(file_do(&op), 2);
	assert_memory_equal(op.names, "one\0two\0", 9);
	mem_free(op.names);
	op = (struct file_op){ .kind = FILE_RENAME, .path = one, .path_to = two };
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_REMOVE, .path = two };
	assert_int_equal(file_do(&op), 0);
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_STAT, .path = two };
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_STAT, .path = directory };
	assert_int_equal(file_do(&op), 1);
	assert_true(op.is_directory);
	op = (struct file_op){ .kind = FILE_OPEN_READ, .path = directory };
	assert_int_equal(file_do(&op), -1);
	op = (struct file_op){ .kind = FILE_LIST, .path = "/no/such/place" };
	assert_int_equal(file_do(&op), -1);
	assert_string_equal(op.err.text, "cannot list /no/such/place: No such file or directory");
}

static void small_files_are_read_and_replaced_whole(void **state)
{
	char path[128], *text;
	size_t size_bytes;
	struct err err = ERR_INIT;
	struct stat stat_of;

	snprintf(path, sizeof(path), "%s/secret", directory);
	assert_int_equal(world_write_file(world, path, 0600, bytes_of_text("first"), &err), 0);
	assert_int_equal(world_write_file(world, path, 0600, bytes_of_text("second"), &err), 0);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0600);
	assert_int_equal(world_read_file(world, path, 6, &text, &size_bytes, &err), 0);
	assert_string_equal(text, "second");
	assert_int_equal(size_bytes, 6);
	mem_free(text);
	assert_int_equal(world_read_file(world, path, 5, &text, &size_bytes, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.text, "larger than 5 bytes"));
	assert_int_equal(world_read_file(world, "/no/such", 5, &text, &size_bytes, &err), -1);
	assert_string_equal(err.text, "cannot read /no/such: No such file or directory");
	assert_int_equal(world_write_file(world, "/no/such/place", 0600, bytes_of_text(""), &err), -1);
}

static void files_under_way_are_finished_before_a_runner_ends(void **state)
{
	static struct file_op ops[50];
	char path[128];
	struct stat stat_of;

	snprintf(path, sizeof(path), "%s/file", directory);
	struct file_op op = { .kind = FILE_OPEN_WRITE, .path = path };

	assert_int_equal(file_do(&op), 0);
	for (int i = 0; i < 50; i++) {
		ops[i] = (struct file_op){ .kind = i < 49 ? FILE_APPEND : FILE_CLOSE,
					   .handle = op.handle, .from = bytes_of_text("x") };
		file_submit(loop, &ops[i], NULL);
	}
	runner_destroy(&runner);
	for (int i = 0; i < 50; i++)
		assert_true(atomic_load(&ops[i].done));
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_size, 49);
}

/* ---- processes ------------------------------------------------------------------------------------------------- */

/* Everything it prints; its exit status as from waitpid. */
static int process_output(const struct process_options *options, struct buf *output)
{
	struct process *process;
	struct err err = ERR_INIT;
	int status = -1;
	ssize_t got;
	mono_t deadline = deadline_from_now();

	int failed = process_start(loop, options, NULL, &process, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(failed, 0);
	while ((got = process_read(process, (struct slice){ buf_reserve(output, 1000), 1000 })) >= 0) {
		output->size_bytes += (size_t)got;
		if (got == 0)
			look_again(deadline, "end of output");
	}
	while (!process_ended(process, &status))
		look_again(deadline, "end of the process");
	process_close(&process);
	buf_add(output, "", 0);
	return status;
}

static void a_process_prints_and_ends(void **state)
{
	const char *argv[] = { "sh", "-c", "echo out; echo err >&2; pwd; cat; exit 3", NULL };
	struct process_options options = { .argv = argv, .directory = "/" };
	struct buf output;

	buf_init(&output);
	int status = process_output(&options, &output);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_string_equal(output.data, "out\nerr\n/\n");
	buf_fini(&output);
}

static void a_process_has_its_limits_and_environment(void **state)
{
	const char *argv[] = { "/bin/sh", "-c", "echo $COLOUR $HOME; ulimit -t; ulimit -v", NULL };
	const char *env[] = { "COLOUR=blue", NULL };
	struct process_options options = { .argv = argv,
					   .env = env,
					   .limit_cpu_s = 17,
					   .limit_memory_bytes = 256 * 1024 * 1024 };
	struct buf output;

	buf_init(&output);
	process_output(&options, &output);
	assert_string_equal(output.data, "blue\n17\n262144\n");
	buf_fini(&output);
}

static void a_process_may_be_killed_with_its_children(void **state)
{
	const char *argv[] = { "sh", "-c", "sleep 1000 & echo ready; wait", NULL };
	struct process_options options = { .argv = argv };
	struct process *process;
	struct err err = ERR_INIT;
	char into[16];
	int status;
	mono_t deadline = deadline_from_now();

	assert_int_equal(process_start(loop, &options, NULL, &process, &err), 0);
	while (process_read(process, (struct slice){ into, sizeof(into) }) == 0)
		look_again(deadline, "first line");
	assert_false(process_ended(process, &status));
	process_kill(process);
	/* The output ends only when the child's copy is closed too. */
	while (process_read(process, (struct slice){ into, sizeof(into) }) >= 0)
		look_again(deadline, "end of output");
	while (!process_ended(process, &status))
		look_again(deadline, "end of the process");
	assert_true(WIFSIGNALED(status));
	process_kill(process); /* of an ended one: nothing */
	process_close(&process);
	assert_int_equal(process_start(loop, &options, NULL, &process, &err), 0);
	process_close(&process);
}

static enum step watcher_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct watcher *watcher = CONTAINER_OF(agent, struct watcher, agent);
	char into[100];
	int status;
	ssize_t got = process_read(watcher->process, (struct slice){ into, sizeof(into) });

	if (got > 0)
		return STEP_WORKED;
	if (got == 0 || !process_ended(watcher->process, &status))
		return STEP_IDLE;
	process_close(&watcher->process);
	return STEP_DONE;
}

static void watcher_done(struct agent *agent)
{
	atomic_store(&CONTAINER_OF(agent, struct watcher, agent)->ended, true);
}

static void the_end_of_a_process_wakes_its_agent(void **state)
{
	/* The output ends before the process does. */
	const char *argv[] = { "sh", "-c", "echo x; exec >&- 2>&-; sleep 0.05", NULL };
	struct process_options options = { .argv = argv };
	struct watcher watcher = { 0 };
	struct err err = ERR_INIT;
	mono_t deadline = deadline_from_now();

	agent_init(&watcher.agent, "watcher", watcher_step);
	watcher.agent.done = watcher_done;
	assert_int_equal(process_start(loop, &options, &watcher.agent, &watcher.process, &err), 0);
	runner_add(runner, &watcher.agent);
	while (!atomic_load(&watcher.ended))
		look_again(deadline, "wake at the end of the process");
}

static void a_program_that_cannot_be_started_is_told(void **state)
{
	const char *argv[] = { "no-such-program-here", NULL };
	struct process_options options = { .argv = argv };
	struct process *process;
	struct err err = ERR_INIT;

	assert_int_equal(process_start(loop, &options, NULL, &process, &err), -1);
	assert_null(process);
	assert_string_equal(err.text, "cannot start no-such-program-here: it is nowhere in PATH");
	argv[0] = "/etc/passwd";
	assert_int_equal(process_start(loop, &options, NULL, &process, &err), -1);
	assert_string_equal(err.text, "cannot start /etc/passwd: Permission denied");
	argv[0] = "sh";
	options.directory = "/no/such";
	assert_int_equal(process_start(loop, &options, NULL, &process, &err), -1);
	assert_string_equal(err.text, "cannot start sh in /no/such: No such file or directory");
}

/* ---- modules ------------------------------------------------------------------------------------------------------ */

static void compile(const char *source, char path[128], const char *name)
{
	char from[128];
	struct err err = ERR_INIT;
	struct buf output;

	snprintf(from, sizeof(from), "%s/%s.c", directory, name);
	snprintf(path, 128, "%s/%s.so", directory, name);
	assert_int_equal(world_write_file(world, from, 0644, bytes_of_text(source), &err), 0);
	const char *argv[] = { "cc", "-shared", "-fPIC", "-o", path, from, NULL };
	struct process_options options = { .argv = argv };

	buf_init(&output);
	int status = process_output(&options, &output);

	if (status != 0)
		print_error("%s\n", output.data);
	assert_int_equal(status, 0);
	buf_fini(&output);
}

static void a_module_is_opened_checked_and_its_functions_travel_as_offsets(void **state)
{
	char path[128], *text;
	struct module *module;
	struct err err = ERR_INIT;
	uint8_t sum[32];
	size_t size_bytes;
	uint64_t offset;

	compile("static int thrice(int x) { return 3 * x; }\n"
		"int (*get(void))(int) { return thrice; }\n", path, "good");
	assert_int_equal(world_read_file(world, path, 1 << 20, &text, &size_bytes, &err), 0);
	hash_sha256(text, size_bytes, sum);
	mem_free(text);
	assert_int_equal(module_open(world, path, sum, &module, &err), 0);
	int (*(*get)(void))(int) = (int (*(*)(void))(int))module_symbol(module, "get");

	assert_non_null(get);
	assert_null(module_symbol(module, "put"));
	assert_true(module_offset(module, (void *)get(), &offset));
	int (*thrice)(int) = (int (*)(int))module_address(module, offset);

	assert_int_equal(thrice(14), 42);
	assert_null(module_address(module, UINT64_C(1) << 33));
	assert_false(module_offset(module, (void *)begin, &offset));
	module_close(&module);
	sum[7] ^= 1;
	assert_int_equal(module_open(world, path, sum, &module, &err), -1);
	assert_null(module);
	assert_int_equal(err.code, ERR_ARTIFACT_UNREADABLE);
	assert_non_null(strstr(err.text, "checksum differs"));
}

static void a_module_that_cannot_be_opened_says_why(void **state)
{
	char path[128], expected[256];
	struct module *module;
	struct err err = ERR_INIT;

	compile("int missing_function(int);\nint entry(void) { return missing_function(1); }\n", path,
		"needy");
	assert_int_equal(module_open(world, path, NULL, &module, &err), -1);
	assert_int_equal(err.code, ERR_ARTIFACT_SYMBOL);
	snprintf(expected, sizeof(expected),
		 "%s needs the symbol missing_function, which nothing defines", path);
	assert_string_equal(err.text, expected);
	assert_int_equal(world_write_file(world, path, 0644, bytes_of_text("no ELF"), &err), 0);
	assert_int_equal(module_open(world, path, NULL, &module, &err), -1);
	assert_int_equal(err.code, ERR_ARTIFACT_UNREADABLE);
	uint8_t sum[32] = { 0 };

	assert_int_equal(module_open(world, "/no/such.so", sum, &module, &err), -1);
	assert_int_equal(err.code, ERR_ARTIFACT_UNREADABLE);
	assert_string_equal(err.text, "cannot read /no/such.so: No such file or directory");
}

/* ---- the node ------------------------------------------------------------------------------------------------------ */

static void the_process_sees_its_machine(void **state)
{
	uint8_t a[16], b[16];
	wall_t wall = world_wall(world);

	assert_true(world_now(world) > 0);
	assert_true(wall >= (wall_t)time(NULL) * 1000 - 2000 && wall <= (wall_t)time(NULL) * 1000 + 2000);
	assert_true(world_host_name(world)[0] != '\0');
	assert_non_null(world_env(world, "PATH"));
	assert_null(world_env(world, "NO_SUCH_VARIABLE_HERE"));
	assert_true(world_cpu_count(world) >= 1);
	assert_false(world_is_sim(world));
	assert_false(world_chance(world, "anything"));
	assert_int_not_equal(world_random(world), world_random(world));
	world_random_bytes(world, a, sizeof(a));
	world_random_bytes(world, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_ptr_equal(loop_world(loop), world);
	assert_ptr_equal(loop_runner(loop), runner);
}

static void printed_lines_come_out_whole(void **state)
{
	int pipe_fds[2], saved = dup(STDOUT_FILENO);
	char into[64] = { 0 };

	fflush(stdout);
	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDOUT_FILENO);
	world_print(world, "to be : 1\n", 10);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], into, sizeof(into)), 10);
	assert_string_equal(into, "to be : 1\n");
	close(pipe_fds[0]);
}

static void a_reader_of_the_output_that_goes_away_kills_nobody(void **state)
{
	int pipe_fds[2], saved = dup(STDOUT_FILENO);

	fflush(stdout);
	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDOUT_FILENO);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	world_print(world, "to be : 1\n", 10);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(bytes_come_back_unchanged_however_they_are_cut),
		WITH_WORLD(bytes_come_back_over_ipv6),
		WITH_WORLD(an_evicted_agent_keeps_its_connections),
		WITH_WORLD(bytes_come_back_over_a_name_of_the_process),
		WITH_WORLD(a_refused_connection_says_by_whom),
		WITH_WORLD(a_name_that_does_not_exist_is_told),
		WITH_WORLD(nonsense_is_refused_at_once),
		WITH_WORLD(a_taken_port_names_its_holder),
		WITH_WORLD(a_full_listener_closes_newcomers),
		WITH_WORLD(without_descriptors_newcomers_are_closed_and_later_ones_served),
		WITH_WORLD(what_was_written_before_a_close_arrives_though_the_closer_had_not_read),
		WITH_WORLD(an_ended_runner_may_still_be_named),
		WITH_WORLD(operations_of_a_handle_keep_their_order),
		WITH_WORLD(names_are_made_moved_listed_and_removed),
		WITH_WORLD(small_files_are_read_and_replaced_whole),
		WITH_WORLD(files_under_way_are_finished_before_a_runner_ends),
		WITH_WORLD(a_process_prints_and_ends),
		WITH_WORLD(a_process_has_its_limits_and_environment),
		WITH_WORLD(a_process_may_be_killed_with_its_children),
		WITH_WORLD(the_end_of_a_process_wakes_its_agent),
		WITH_WORLD(a_program_that_cannot_be_started_is_told),
		WITH_WORLD(a_module_is_opened_checked_and_its_functions_travel_as_offsets),
		WITH_WORLD(a_module_that_cannot_be_opened_says_why),
		WITH_WORLD(the_process_sees_its_machine),
		WITH_WORLD(printed_lines_come_out_whole),
		WITH_WORLD(a_reader_of_the_output_that_goes_away_kills_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
