/* SPDX-License-Identifier: Apache-2.0
 * door_storm_test.c - the door under hundreds of seeds: clients that ask, upload, send rubbish,
 * stop in the middle or go away; a server inside that answers, answers later or closes; connections
 * that are cut. Whatever comes to a client is the answer to its own next request, and at the end
 * the door holds nothing any more. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/world/world_sim.h"
#include "jobmanager/rest/door_priv.h"

#define SEEDS 300
#define CLIENTS 12
#define REQUESTS 8
#define INNER_PORT 7001
#define INNER_MAX 400

struct client {
	struct agent agent; /* first */
	uint32_t number, asked, answered, errors;
	struct conn *conn;
	struct buf out, in;
	size_t written;
	mono_t again_at;
	bool hopeless; /* what it sent last was rubbish: nothing more can come but a refusal */
};

struct inner_end {
	struct agent agent; /* first */
	struct conn *conn;
	struct buf out, in;
	size_t written;
	bool closing;
};

struct later {
	uint64_t number;
	mono_t at;
	char path[32];
};

static struct sim *sim;
static struct world *server, *elsewhere;
static struct runner *clients_runner, *inner_runner;
static struct door *storm_door;
static struct listener *listener;
static struct agent accepting, answering;
static struct client clients[CLIENTS];
static struct inner_end *ends[INNER_MAX];
static uint32_t ends_count, laters_count, answers_right;
static struct later laters[CLIENTS * REQUESTS * 4];

static uint32_t dice(uint32_t sides)
{
	return (uint32_t)(sim_random(sim) % sides);
}

/* False: the connection is gone. */
static bool move_bytes(struct conn *conn, const struct buf *out, size_t *written, struct buf *in)
{
	struct err err;
	ssize_t moved = 1;

	while (moved > 0 && *written < out->size_bytes) {
		struct bytes piece = { out->data + *written, out->size_bytes - *written };

		moved = conn_write(conn, &piece, 1, &err);
		*written += moved > 0 ? (size_t)moved : 0;
	}
	if (moved < 0)
		return false;
	for (moved = 1; moved > 0;) {
		struct slice room = { buf_reserve(in, 1024), 1024 };

		moved = conn_read(conn, &room, 1, &err);
		in->size_bytes += moved > 0 ? (size_t)moved : 0;
		in->data[in->size_bytes] = '\0';
	}
	return moved == 0;
}

/* The whole message at the front of the text, or 0; *body its body. */
static size_t whole_message(const struct buf *in, const char **body, size_t *body_bytes)
{
	const char *blank = strstr(in->data, "\r\n\r\n"),
		   *length = strstr(in->data, "Content-Length: ");
	size_t head;

	if (blank == NULL)
		return 0;
	head = (size_t)(blank + 4 - in->data);
	*body_bytes = length != NULL && length < blank ? strtoul(length + 16, NULL, 10) : 0;
	*body = in->data + head;
	return in->size_bytes >= head + *body_bytes ? head + *body_bytes : 0;
}

/* ---- clients -------------------------------------------------------------------------------- */

static void add_request(struct client *client)
{
	uint32_t kind = dice(12), n = client->asked++;

	client->hopeless = kind >= 10;
	if (kind < 6) {
		buf_printf(&client->out, "GET /%u/%u HTTP/1.1\r\nHost: server\r\n\r\n",
			   client->number, n);
	} else if (kind < 8) {
		buf_printf(
			&client->out,
			"PUT /%u/%u HTTP/1.1\r\nHost: server\r\nContent-Length: 500\r\n\r\n%0500d",
			client->number, n, 7);
	} else if (kind < 10) {
		buf_printf(
			&client->out,
			"PUT /%u/%u HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\n"
			"5\r\nhello\r\n0\r\n\r\n",
			client->number, n);
	} else if (kind == 10) {
		buf_add_text(&client->out, "rubbish\r\n\r\n");
	} else {
		buf_printf(&client->out,
			   "PUT /%u/%u HTTP/1.1\r\nHost: server\r\nContent-Length: 500\r\n\r\nhalf",
			   client->number, n);
	}
}

/* Leaves, and comes back with what it had not asked yet. */
static void leave(struct client *client, mono_t now)
{
	if (client->conn != NULL)
		conn_close(&client->conn);
	buf_clear(&client->out);
	buf_clear(&client->in);
	client->written = 0;
	client->answered = client->asked;
	client->hopeless = false;
	client->again_at = mono_after_ms(now, 1 + dice(200));
}

static void take_answer(struct client *client, const char *body, size_t size_bytes)
{
	char own[32];
	int status = (int)strtol(client->in.data + 9, NULL, 10);

	if (status == 100)
		return;
	if (status !=
	    200) { /* refused, or broken inside: its place in the order is taken all the same */
		client->errors++;
		client->answered++;
		return;
	}
	snprintf(own, sizeof(own), "/%u/%u", client->number, client->answered);
	if (strlen(own) != size_bytes || memcmp(own, body, size_bytes) != 0)
		fail_msg("client %u got %.*s for %s", client->number, (int)size_bytes, body, own);
	client->answered++;
	answers_right++;
}

static enum step client_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct client *client = CONTAINER_OF(agent, struct client, agent);
	const char *body;
	size_t size, body_bytes;
	struct err err;

	if (client->conn == NULL && client->asked < REQUESTS && now >= client->again_at) {
		if (conn_open(runner_loop(clients_runner), "server", 8081, agent, &client->conn,
			      &err) != 0)
			fail_msg("%s", err.text);
	}
	*wake_at = client->conn == NULL && client->asked < REQUESTS ? client->again_at : MONO_NEVER;
	if (client->conn == NULL)
		return STEP_IDLE;
	while (!client->hopeless && client->asked < REQUESTS &&
	       client->asked - client->answered < 3)
		add_request(client);
	bool alive = move_bytes(client->conn, &client->out, &client->written, &client->in);

	while ((size = whole_message(&client->in, &body, &body_bytes)) != 0) {
		take_answer(client, body, body_bytes);
		buf_consume(&client->in, size);
	}
	if (!alive || (client->asked == REQUESTS && client->answered == REQUESTS) || dice(40) == 0)
		leave(client, now);
	*wake_at = mono_after_ms(now, 50);
	return STEP_IDLE;
}

/* ---- the server inside ---------------------------------------------------------------------- */

static void answer_inside(struct inner_end *end, mono_t now)
{
	const char *number = strstr(end->in.data, "X-Door-Number: ");
	char path[32] = "";
	uint32_t how = dice(10);

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(end->in.data + 4, " "), end->in.data + 4);
	assert_non_null(number);
	if (how < 6) {
		buf_printf(&end->out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			   strlen(path), path);
	} else if (how < 9) {
		struct later *later = &laters[laters_count++];

		assert_true(laters_count < ARRAY_COUNT(laters));
		later->number = strtoull(number + 15, NULL, 10);
		later->at = mono_after_ms(now, dice(100));
		snprintf(later->path, sizeof(later->path), "%s", path);
		buf_add_text(
			&end->out,
			"HTTP/1.1 202 Accepted\r\nX-Door-Later: 1\r\nContent-Length: 0\r\n\r\n");
		agent_wake(&answering);
	} else {
		end->closing = true;
	}
}

static enum step end_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct inner_end *end = CONTAINER_OF(agent, struct inner_end, agent);
	const char *body;
	size_t size, body_bytes;

	if (end->conn == NULL)
		return STEP_IDLE;
	bool alive = move_bytes(end->conn, &end->out, &end->written, &end->in);

	while (!end->closing && (size = whole_message(&end->in, &body, &body_bytes)) != 0) {
		answer_inside(end, now);
		buf_consume(&end->in, size);
		alive = alive && move_bytes(end->conn, &end->out, &end->written, &end->in);
	}
	if (!alive || end->closing)
		conn_close(&end->conn);
	return STEP_IDLE;
}

static enum step accept_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct conn *conn;

	while ((conn = listener_accept(listener, agent)) != NULL) {
		struct inner_end *end = MEM_NEW(struct inner_end);

		assert_true(ends_count < INNER_MAX);
		ends[ends_count++] = end;
		buf_init(&end->out);
		buf_init(&end->in);
		end->conn = conn;
		agent_init(&end->agent, "inner end", end_step);
		conn_set_wake(conn, &end->agent);
		runner_add(inner_runner, &end->agent);
	}
	return STEP_IDLE;
}

static enum step answer_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	for (uint32_t i = 0; i < laters_count; i++) {
		struct later *later = &laters[i];

		if (later->number == 0)
			continue;
		if (now < later->at) {
			*wake_at = mono_min(*wake_at, later->at);
			continue;
		}
		struct door_answer *answer = door_answer_create(later->number, "text/plain");

		buf_add_text(&answer->body, later->path);
		door_answer(storm_door, answer);
		later->number = 0;
	}
	return STEP_IDLE;
}

/* ---- a run ---------------------------------------------------------------------------------- */

static void begin(uint64_t seed)
{
	struct sim_options storm = { .delay_us_max = 3000,
				     .short_read_ppm = 100000,
				     .connection_cut_ppm = 4000,
				     .clog_ppm = 2000,
				     .clog_ms_max = 300,
				     .shuffle_ties = true };
	struct listen_options listen = { .host = "localhost", .port = INNER_PORT };
	struct door_options options = { .host = "0.0.0.0",
					.ports = "8081",
					.inner_connections = 3,
					.body_bytes_max = 1000,
					.idle_ms = 5000,
					.connections_max = 8,
					.held_bytes_max = 20000 };
	struct err err = ERR_INIT;

	ends_count = laters_count = answers_right = 0;
	sim = sim_create(seed, &storm);
	options.world = server = sim_node(sim, "server");
	elsewhere = sim_node(sim, "elsewhere");
	clients_runner = runner_create(elsewhere, "clients", &err);
	inner_runner = runner_create(server, "inside", &err);
	agent_init(&accepting, "accepting", accept_step);
	agent_init(&answering, "answering", answer_step);
	if (listener_open(runner_loop(inner_runner), &listen, &accepting, &listener, &err) != 0 ||
	    door_open(&options, &storm_door, &err) != 0)
		fail_msg("%s", err.text);
	runner_add(inner_runner, &accepting);
	runner_add(inner_runner, &answering);
	door_start(storm_door, INNER_PORT);
	memset(clients, 0, sizeof(clients));
	for (uint32_t i = 0; i < CLIENTS; i++) {
		clients[i].number = i;
		buf_init(&clients[i].out);
		buf_init(&clients[i].in);
		agent_init(&clients[i].agent, "client", client_step);
		runner_add(clients_runner, &clients[i].agent);
	}
}

static void end(void)
{
	door_close(&storm_door);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		runner_remove(clients_runner, &clients[i].agent);
		if (clients[i].conn != NULL)
			conn_close(&clients[i].conn);
		buf_fini(&clients[i].out);
		buf_fini(&clients[i].in);
	}
	for (uint32_t i = 0; i < ends_count; i++) {
		runner_remove(inner_runner, &ends[i]->agent);
		if (ends[i]->conn != NULL)
			conn_close(&ends[i]->conn);
		buf_fini(&ends[i]->out);
		buf_fini(&ends[i]->in);
		mem_free(ends[i]);
	}
	runner_remove(inner_runner, &accepting);
	runner_remove(inner_runner, &answering);
	listener_close(&listener);
	runner_destroy(&clients_runner);
	runner_destroy(&inner_runner);
	world_destroy(&elsewhere);
	world_destroy(&server);
	sim_destroy(&sim);
}

static bool clients_done(void *context)
{
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (clients[i].asked < REQUESTS || clients[i].conn != NULL)
			return false;
	return true;
}

static bool at_rest(void *context)
{
	return storm_door->connections_count == 0 && list_empty(&storm_door->connections);
}

static void everybody_gets_answers_of_their_own(void **state)
{
	const char *only = getenv("SEED");
	uint64_t first = only != NULL ? strtoull(only, NULL, 10) : 1, total = 0;

	log_set_level(LOG_ERROR);
	for (uint64_t seed = first; seed < first + (only != NULL ? 1 : SEEDS); seed++) {
		begin(seed);
		if (!sim_run(sim, 600000, clients_done, NULL, NULL))
			fail_msg("SEED=%llu: clients wait for ever", (unsigned long long)seed);
		if (!sim_run(sim, 200000, at_rest, NULL, NULL))
			fail_msg("SEED=%llu: %u connections stay", (unsigned long long)seed,
				 storm_door->connections_count);
		if (storm_door->held_bytes != 0 || map_count(storm_door->by_number) != 0 ||
		    !list_empty(&storm_door->queue))
			fail_msg("SEED=%llu: %zu bytes, %zu numbers are held",
				 (unsigned long long)seed, storm_door->held_bytes,
				 map_count(storm_door->by_number));
		total += answers_right;
		end();
		if (mem_bytes_out() != 0)
			fail_msg("SEED=%llu: %lld bytes are left", (unsigned long long)seed,
				 (long long)mem_bytes_out());
	}
	print_message("%llu right answers\n", (unsigned long long)total);
	assert_true(total > (only != NULL ? 0 : SEEDS * 15)); /* else the storm tests nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_gets_answers_of_their_own),
	};

	return cmocka_run_group_tests_name("door storm", tests, NULL, NULL);
}
