/* SPDX-License-Identifier: Apache-2.0
 * conn_os_test.c - connections and listeners of the real world: bytes, refusals, limits, ends. */
#include "tests/lib/world_os_bed.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static enum step idle_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	return STEP_IDLE;
}

/* ---- an echo server and a client that checks what comes back -------------------------------- */

#define ECHO_BYTES (8 * 1024 * 1024)
#define TOUR_RUNNERS 3

struct echo {
	struct agent agent;
	struct listener *listener;
	struct conn *conn;
	char buffer[50000];
	size_t held_bytes;
	atomic_bool *stay_until; /* in its first step: so that it is evicted */
	struct runner *const *tour; /* TOUR_RUNNERS of them: after each step on to the next */
	uint64_t sent_bytes, read_bytes, partial, moves;
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

static enum step server_serve(struct echo *echo)
{

	for (; echo->stay_until != NULL && !atomic_load(echo->stay_until);)
		look_again(MONO_NEVER, "moment");
	if (echo->conn == NULL)
		echo->conn = listener_accept(echo->listener, &echo->agent);
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

static enum step client_serve(struct echo *echo)
{
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

static enum step echo_moves_on(struct echo *echo, enum step answer)
{
	if (echo->tour == NULL || answer == STEP_DONE || echo->conn == NULL ||
	    !conn_connected(echo->conn))
		return answer;
	struct runner *next = echo->tour[echo->moves++ % TOUR_RUNNERS];

	conn_move(echo->conn, runner_loop(next));
	runner_move(&echo->agent, next);
	return STEP_BLOCKED; /* does not count */
}

static enum step server_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct echo *echo = CONTAINER_OF(agent, struct echo, agent);

	return echo_moves_on(echo, server_serve(echo));
}

static enum step client_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct echo *echo = CONTAINER_OF(agent, struct echo, agent);

	return echo_moves_on(echo, client_serve(echo));
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

/* A server that listens on the test's runner, and a client that is not connected yet. */
static void make_echo(struct echo **made_server, struct echo **made_client)
{
	struct echo *server = MEM_NEW(struct echo), *client = MEM_NEW(struct echo);
	struct listen_options options = { .host = "127.0.0.1" };
	struct err err = ERR_INIT;

	agent_init(&server->agent, "server", server_step);
	agent_init(&client->agent, "client", client_step);
	server->agent.done = client->agent.done = echo_done;
	assert_int_equal(listener_open(loop, &options, &server->agent, &server->listener, &err), 0);
	*made_server = server;
	*made_client = client;
}

static void connect_echo(const struct echo *server, struct echo *client, struct loop *from)
{
	struct err err = ERR_INIT;

	assert_int_equal(conn_open(from, "127.0.0.1", listener_port(server->listener),
				   &client->agent, &client->conn, &err),
			 0);
}

static void end_echo(struct echo *server, struct echo *client, mono_t deadline)
{
	while (!atomic_load(&client->ended) || !atomic_load(&server->ended))
		look_again(deadline, "end of the echo");
	assert_int_equal(client->read_bytes, ECHO_BYTES);
	listener_close(&server->listener);
	mem_free(server);
	mem_free(client);
}

/* It accepts, reads, writes and closes on its lane while the client uses the same event base. */
static void an_evicted_agent_keeps_its_connections(void **state)
{
	struct echo *server, *client;
	atomic_bool go = false;
	mono_t deadline = deadline_from_now();

	make_echo(&server, &client);
	server->stay_until = &go;
	runner_add(runner, &server->agent);
	connect_echo(server, client, loop);
	runner_add(runner, &client->agent);
	while (runner_blocking_count(runner) == 0)
		look_again(deadline, "eviction");
	atomic_store(&go, true);
	end_echo(server, client, deadline);
}

/* Both ends change their runner with every step; the server begins on the lane it was evicted to,
 * and leaves it. */
static void agents_that_move_take_their_connections_along(void **state)
{
	struct echo *server, *client;
	struct err err = ERR_INIT;
	struct runner *tour[TOUR_RUNNERS] = { runner };
	atomic_bool go = false;
	mono_t deadline = deadline_from_now();

	for (int i = 1; i < TOUR_RUNNERS; i++)
		tour[i] = runner_create(world, "tour", &err);
	make_echo(&server, &client);
	server->tour = client->tour = tour;
	server->stay_until = &go;
	runner_add(runner, &server->agent);
	connect_echo(server, client, loop);
	runner_add(runner, &client->agent);
	while (runner_blocking_count(runner) == 0)
		look_again(deadline, "eviction");
	atomic_store(&go, true);
	while (!atomic_load(&client->ended) || !atomic_load(&server->ended) ||
	       runner_blocking_count(runner) > 0)
		look_again(deadline, "end of the echo and of the lane");
	assert_true(client->moves >= TOUR_RUNNERS && server->moves >= TOUR_RUNNERS);
	for (int i = 1; i < TOUR_RUNNERS; i++)
		runner_destroy(&tour[i]);
	end_echo(server, client, deadline);
}

/* The loop's runner has ended, and the connection goes on elsewhere. */
static void a_connection_leaves_a_runner_that_ended(void **state)
{
	struct echo *server, *client;
	struct err err = ERR_INIT;
	struct runner *first = runner_create(world, "first", &err);
	mono_t deadline = deadline_from_now();

	make_echo(&server, &client);
	runner_add(runner, &server->agent);
	connect_echo(server, client, runner_loop(first));
	while (!conn_connected(client->conn))
		look_again(deadline, "connection");
	runner_destroy(&first);
	conn_move(client->conn, loop);
	runner_add(runner, &client->agent);
	end_echo(server, client, deadline);
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

/* ---- connections that fail ------------------------------------------------------------------ */

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

static struct conn *accept_one(struct listener *listener)
{
	mono_t deadline = deadline_from_now();
	struct conn *conn;

	while ((conn = listener_accept(listener, NULL)) == NULL)
		look_again(deadline, "connection");
	return conn;
}

/* The IPv4 address of "localhost" stays silent: its accept queue is full, so SYNs are dropped. */
static void a_silent_address_does_not_hide_the_next(void **state)
{
	struct sockaddr_in silent = { .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size_bytes = sizeof(silent);
	int fd = socket(AF_INET, SOCK_STREAM, 0), fillers[4];
	struct listen_options options = { .host = "::1" };
	struct listener *listener;
	struct conn *conn, *accepted;
	struct err err = ERR_INIT;

	assert_int_equal(bind(fd, (struct sockaddr *)&silent, sizeof(silent)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&silent, &size_bytes), 0);
	for (int i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fillers[i], (struct sockaddr *)&silent, sizeof(silent)) != 0)
			assert_int_equal(errno, EINPROGRESS);
	}
	options.port = ntohs(silent.sin_port);
	if (listener_open(loop, &options, NULL, &listener, &err) == 0) {
		assert_int_equal(conn_open(loop, "localhost", options.port, NULL, &conn, &err), 0);
		mono_t deadline = deadline_from_now();

		while (!conn_connected(conn))
			look_again(deadline, "connection to the other address");
		accepted = accept_one(listener);
		conn_close(&accepted);
		conn_close(&conn);
		listener_close(&listener);
	} /* else a machine without IPv6 */
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(fd);
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
		 "cannot listen on 127.0.0.1:%u: process %d (conn_os_test) holds the port", options.port,
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

static void a_full_listener_closes_newcomers(void **state)
{
	struct listen_options options = { .host = "127.0.0.1", .connections_max = 2 };
	struct listener *listener;
	struct conn *clients[3], *accepted[3];
	struct err err = ERR_INIT;

	assert_int_equal(listener_open(loop, &options, NULL, &listener, &err), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL,
					   &clients[i], &err),
				 0);
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
	assert_int_equal(
		conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &clients[0], &err), 0);
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
	assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &first, &err),
			 0);
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
	assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &second, &err),
			 0);
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
	assert_int_equal(conn_open(loop, "127.0.0.1", listener_port(listener), NULL, &client, &err),
			 0);
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
	struct agent idle;
	char path[128];

	agent_init(&idle, "idle", idle_step);
	runner_add(ended, &idle);
	assert_int_equal(listener_open(its_loop, &options, &idle, &listener, &err), 0);
	assert_int_equal(conn_open(its_loop, "127.0.0.1", listener_port(listener), &idle, &conn,
				   &err), 0);
	accepted = accept_one(listener);
	runner_destroy(&ended);
	for (int i = 0; i < 3; i++) { /* none of them takes over what is still in use */
		later[i] = runner_create(world, "later", &err);
		assert_ptr_not_equal(later[i], named);
	}
	agent_wake(&idle);
	runner_remove(named, &idle);
	snprintf(path, sizeof(path), "%s/late", directory);
	struct file_op op = { .kind = FILE_OPEN_WRITE, .path = path };

	file_submit(its_loop, &op, &idle);
	assert_true(atomic_load(&op.done));
	op.kind = FILE_CLOSE;
	file_submit(its_loop, &op, &idle);
	assert_true(atomic_load(&op.done));
	assert_int_equal(op.result, 0);
	conn_close(&conn);
	conn_close(&accepted);
	listener_close(&listener);
	for (int i = 0; i < 3; i++)
		runner_destroy(&later[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(bytes_come_back_unchanged_however_they_are_cut),
		WITH_WORLD(bytes_come_back_over_ipv6),
		WITH_WORLD(an_evicted_agent_keeps_its_connections),
		WITH_WORLD(agents_that_move_take_their_connections_along),
		WITH_WORLD(a_connection_leaves_a_runner_that_ended),
		WITH_WORLD(bytes_come_back_over_a_name_of_the_process),
		WITH_WORLD(a_refused_connection_says_by_whom),
		WITH_WORLD(a_silent_address_does_not_hide_the_next),
		WITH_WORLD(a_name_that_does_not_exist_is_told),
		WITH_WORLD(nonsense_is_refused_at_once),
		WITH_WORLD(a_taken_port_names_its_holder),
		WITH_WORLD(a_full_listener_closes_newcomers),
		WITH_WORLD(without_descriptors_newcomers_are_closed_and_later_ones_served),
		WITH_WORLD(what_was_written_before_a_close_arrives_though_the_closer_had_not_read),
		WITH_WORLD(an_ended_runner_may_still_be_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
