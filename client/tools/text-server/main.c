/* SPDX-License-Identifier: Apache-2.0
 * main.c - text-server, `nc -l PORT` for machines without nc: what is typed goes to whoever
 * connects.
 *
 *	text-server 9000              lines of the terminal, to the client; again for the next one
 *	text-server 9000 FILE…        the files, then the end: to one client
 *
 * Lines typed while nobody is connected are kept and sent to the next client. Ends with its input
 * (Ctrl-D), once everything is sent. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/waiter.h"
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/world/world.h"

#define READ_BYTES (64 * 1024)
#define KEPT_BYTES_MAX \
	(1024 * 1024) /* input is not read further while so much waits for a client */

struct server {
	struct agent agent;
	struct runner *runner;
	const char *const *files; /* NULL-terminated; empty: standard input */
	int input;                /* descriptor read from; -1: none open */
	struct listener *listener;
	struct conn *conn;
	struct background read;   /* the blocking read of the input */
	bool reading, input_ended;
	char chunk[READ_BYTES];
	ssize_t chunk_bytes;
	int chunk_errno;
	struct buf kept;          /* read, not sent */
	atomic_int *exit_code;    /* -1 while it runs */
};

static void read_chunk(struct background *read_work)
{
	struct server *server = CONTAINER_OF(read_work, struct server, read);

	do
		server->chunk_bytes = read(server->input, server->chunk, sizeof(server->chunk));
	while (server->chunk_bytes < 0 && errno == EINTR);
	server->chunk_errno = errno;
}

static void end(struct server *server, int exit_code)
{
	int runs = -1;

	atomic_compare_exchange_strong(server->exit_code, &runs, exit_code);
	waiter_post();
}

static void fail(struct server *server, const char *text)
{
	fprintf(stderr, "text-server: %s\n", text);
	end(server, 1);
}

/* The next file of the list. False: there is none. */
static bool open_next(struct server *server)
{
	const char *path = *server->files;

	if (server->input > 0)
		close(server->input);
	server->input = -1;
	if (path == NULL)
		return false;
	server->files++;
	server->input = open(path, O_RDONLY | O_CLOEXEC);
	if (server->input >= 0)
		return true;
	char *text = mem_printf("%s: %s", path, strerror(errno));

	fail(server, text);
	mem_free(text);
	return false;
}

static void take_chunk(struct server *server)
{
	server->reading = false;
	if (server->chunk_bytes > 0) {
		buf_add(&server->kept, server->chunk, (size_t)server->chunk_bytes);
		return;
	}
	if (server->chunk_bytes < 0)
		fail(server, strerror(server->chunk_errno));
	server->input_ended = !open_next(server);
}

static void read_input(struct server *server)
{
	if (server->reading && atomic_load(&server->read.done))
		take_chunk(server);
	if (server->reading || server->input_ended || server->kept.size_bytes >= KEPT_BYTES_MAX)
		return;
	server->reading = true;
	server->read = (struct background){ .run = read_chunk };
	background_submit(runner_loop(server->runner), &server->read, &server->agent);
}

static void drop_client(struct server *server)
{
	fprintf(stderr, "%s is gone\n", conn_peer(server->conn));
	conn_close(&server->conn);
}

static void serve_client(struct server *server)
{
	struct err err = ERR_INIT;
	char byte[256];

	while (server->kept.size_bytes > 0) {
		struct bytes text = buf_bytes(&server->kept);
		ssize_t sent = conn_write(server->conn, &text, 1, &err);

		if (sent < 0) {
			drop_client(server);
			return;
		}
		if (sent == 0)
			break;
		buf_consume(&server->kept, (size_t)sent);
	}
	/* A client says nothing, but its end is seen by reading. */
	struct slice room = { byte, sizeof(byte) };

	if (conn_read(server->conn, &room, 1, &err) < 0)
		drop_client(server);
}

static enum step step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct server *server = CONTAINER_OF(agent, struct server, agent);

	read_input(server);
	if (server->conn == NULL) {
		server->conn = listener_accept(server->listener, agent);
		if (server->conn != NULL)
			fprintf(stderr, "%s is connected\n", conn_peer(server->conn));
	}
	if (server->conn != NULL)
		serve_client(server);
	read_input(server);
	bool all_sent = server->kept.size_bytes == 0 && server->conn != NULL;
	bool typed = server->input < 0 || server->input == STDIN_FILENO;

	/* Typed input that ended with nobody listening ends the server too, as it does nc. */
	if (server->input_ended && (all_sent || (typed && server->kept.size_bytes == 0))) {
		conn_close(&server->conn);
		end(server, 0);
	}
	return STEP_IDLE;
}

static int serve(uint16_t port, const char *const *files)
{
	static struct server server;
	static atomic_int exit_code = -1;
	struct err err = ERR_INIT;
	struct world *world = world_os_create(&err);
	struct listen_options options = { .host = "localhost", .port = port };

	server.files = files;
	server.exit_code = &exit_code;
	server.input = STDIN_FILENO;
	waiter_open();
	buf_init(&server.kept);
	if (*files != NULL && !open_next(&server))
		return 1;
	agent_init(&server.agent, "text server", step);
	if (world == NULL || (server.runner = runner_create(world, "text server", &err)) == NULL ||
	    listener_open(runner_loop(server.runner), &options, &server.agent, &server.listener,
			  &err) < 0) {
		fail(&server, err.text);
		return 1;
	}
	fprintf(stderr, "listening on localhost:%u\n", listener_port(server.listener));
	runner_add(server.runner, &server.agent);
	while (atomic_load(&exit_code) < 0)
		(void)waiter_wait();
	_exit(exit_code); /* a read of the terminal may be under way and cannot be called off */
}

int main(int argc, char **argv)
{
	char *end;
	long port = argc > 1 ? strtol(argv[1], &end, 10) : 0;

	if (argc < 2 || end == argv[1] || *end != '\0' || port < 1 || port > 65535) {
		fprintf(stderr,
			"usage: text-server PORT [FILE...]\n"
			"Sends the lines that are typed, or the files, to whoever connects to localhost:PORT.\n");
		return 1;
	}
	return serve((uint16_t)port, (const char *const *)argv + 2);
}
