/* SPDX-License-Identifier: Apache-2.0
 * door_test_bed.h - what the door's tests share: the door in a simulated world, clients and a
 * server inside that say what the test wants. Included by one *_test.c each. */
#ifndef JOBMANAGER_REST_DOOR_TEST_BED_H
#define JOBMANAGER_REST_DOOR_TEST_BED_H

#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/world/world_sim.h"
#include "jobmanager/rest/door_priv.h"

#define TALKERS_MAX 80
#define INNER_PORT 7001

struct talker { /* one connection of a client or of the server inside; the test writes and looks */
	struct agent agent; /* first */
	struct conn *conn;
	struct buf out, in;
	size_t written;
	bool closed; /* by the other side */
	bool deaf;   /* it does not read */
};

static struct sim *sim;
static struct world *server, *client_node;
static struct runner *clients, *insides;
static struct door *door;
static struct listener *listener;
static struct agent accepting;
static struct talker *client[TALKERS_MAX], *inside[TALKERS_MAX];
static uint32_t clients_count, insides_count;
static uint64_t over[8]; /* the streams nobody listens to */
static uint32_t over_count;

/* ---- talkers -------------------------------------------------------------------------------- */

static UNUSED enum step talker_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct talker *talker = CONTAINER_OF(agent, struct talker, agent);
	struct err err;
	ssize_t moved = 1;

	while (talker->conn != NULL && moved > 0 && talker->written < talker->out.size_bytes) {
		struct bytes piece = { talker->out.data + talker->written,
				       talker->out.size_bytes - talker->written };

		moved = conn_write(talker->conn, &piece, 1, &err);
		if (moved > 0)
			talker->written += (size_t)moved;
	}
	moved = 1;
	while (talker->conn != NULL && moved > 0 && !talker->deaf) {
		struct slice room = { buf_reserve(&talker->in, 4096), 4096 };

		moved = conn_read(talker->conn, &room, 1, &err);
		if (moved > 0) {
			talker->in.size_bytes += (size_t)moved;
			talker->in.data[talker->in.size_bytes] = '\0';
		}
		talker->closed = talker->closed || moved < 0;
	}
	return STEP_IDLE;
}

static UNUSED struct talker *talker_create(struct runner *runner)
{
	struct talker *talker = MEM_NEW(struct talker);

	buf_init(&talker->out);
	buf_init(&talker->in);
	agent_init(&talker->agent, "talker", talker_step);
	runner_add(runner, &talker->agent);
	return talker;
}

static UNUSED void talker_close(struct talker *talker)
{
	if (talker->conn != NULL)
		conn_close(&talker->conn);
}

static UNUSED void say(struct talker *talker, const char *text)
{
	buf_add_text(&talker->out, text);
	agent_wake(&talker->agent);
}

static UNUSED void say_many(struct talker *talker, char letter, size_t count)
{
	memset(buf_reserve(&talker->out, count), letter, count);
	talker->out.size_bytes += count;
	talker->out.data[talker->out.size_bytes] = '\0';
	agent_wake(&talker->agent);
}

/* A new client that says something. */
static UNUSED struct talker *call(const char *text)
{
	struct talker *talker = talker_create(clients);
	struct err err = ERR_INIT;

	assert_true(clients_count < TALKERS_MAX);
	if (conn_open(runner_loop(clients), "server", 8081, &talker->agent, &talker->conn, &err) !=
	    0)
		fail_msg("%s", err.text);
	client[clients_count++] = talker;
	say(talker, text);
	return talker;
}

static UNUSED enum step accept_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct conn *conn;

	while ((conn = listener_accept(listener, agent)) != NULL) {
		struct talker *talker = talker_create(insides);

		assert_true(insides_count < TALKERS_MAX);
		talker->conn = conn;
		conn_set_wake(conn, &talker->agent);
		inside[insides_count++] = talker;
	}
	return STEP_IDLE;
}

/* ---- time ----------------------------------------------------------------------------------- */

static UNUSED bool never(void *context)
{
	return false;
}

static UNUSED void pass(int64_t ms)
{
	sim_run(sim, ms, never, NULL, NULL);
}

struct wanted {
	const struct talker *talker;
	const char *text;
};

static UNUSED bool has_come(void *context)
{
	const struct wanted *wanted = context;

	return strstr(wanted->talker->in.data, wanted->text) != NULL;
}

/* Until the text has come; within a simulated second. */
static UNUSED void await(const struct talker *talker, const char *text)
{
	struct wanted wanted = { talker, text };

	if (!sim_run(sim, 1000, has_come, &wanted, NULL))
		fail_msg("\"%s\" does not come: %s", text, talker->in.data);
}

static UNUSED bool has_closed(void *context)
{
	return ((const struct talker *)context)->closed;
}

static UNUSED void await_close(struct talker *talker, int64_t budget_ms)
{
	if (!sim_run(sim, budget_ms, has_closed, talker, NULL))
		fail_msg("it is not closed after %lld ms: %s", (long long)budget_ms,
			 talker->in.data);
}

static UNUSED bool count_is(void *context)
{
	return insides_count >= *(uint32_t *)context;
}

static UNUSED struct talker *await_inside(uint32_t number)
{
	uint32_t count = number + 1;

	if (!sim_run(sim, 1000, count_is, &count, NULL))
		fail_msg("%u connections inside, not %u", insides_count, count);
	return inside[number];
}

static UNUSED void stream_over(void *context, uint64_t number)
{
	assert_true(over_count < ARRAY_COUNT(over));
	over[over_count++] = number;
}

/* ---- the bed -------------------------------------------------------------------------------- */

static UNUSED void begin_with(uint64_t seed, const struct sim_options *world,
			      struct door_options options)
{
	struct listen_options listen = { .host = "localhost", .port = INNER_PORT };
	struct err err = ERR_INIT;

	log_set_level(LOG_ERROR);
	clients_count = insides_count = over_count = 0;
	sim = sim_create(seed, world);
	server = sim_node(sim, "server");
	client_node = sim_node(sim, "client");
	clients = runner_create(client_node, "clients", &err);
	insides = runner_create(server, "inside", &err);
	agent_init(&accepting, "accepting", accept_step);
	if (listener_open(runner_loop(insides), &listen, &accepting, &listener, &err) != 0)
		fail_msg("%s", err.text);
	runner_add(insides, &accepting);
	options.world = server;
	if (options.stream_over == NULL)
		options.stream_over = stream_over;
	options.host = "0.0.0.0";
	options.ports = "8081";
	if (options.inner_connections == 0)
		options.inner_connections = 2;
	if (options.body_bytes_max == 0)
		options.body_bytes_max = 1000;
	if (options.idle_ms == 0)
		options.idle_ms = 60000;
	snprintf(options.key, sizeof(options.key), "the key");
	if (door_open(&options, &door, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(door_port(door), 8081);
	door_start(door, INNER_PORT);
}

static UNUSED int begin(void **state)
{
	struct sim_options calm = { .delay_us_min = 20, .delay_us_max = 100 };

	begin_with(1, &calm, (struct door_options){ 0 });
	return 0;
}

static UNUSED int begin_narrow(void **state)
{
	struct sim_options calm = { .delay_us_min = 20, .delay_us_max = 100 };

	begin_with(1, &calm, (struct door_options){ .inner_connections = 1, .connections_max = 3 });
	return 0;
}

/* Everything arrives in single bytes, in an order of the seed's. */
static UNUSED int begin_in_bytes(void **state)
{
	struct sim_options crumbs = { .delay_us_max = 100,
				      .short_read_ppm = 1000000,
				      .shuffle_ties = true };

	begin_with(7, &crumbs, (struct door_options){ 0 });
	return 0;
}

static UNUSED void talker_free(struct runner *runner, struct talker *talker)
{
	runner_remove(runner, &talker->agent);
	talker_close(talker);
	buf_fini(&talker->out);
	buf_fini(&talker->in);
	mem_free(talker);
}

static UNUSED int end(void **state)
{
	door_close(&door);
	for (uint32_t i = 0; i < clients_count; i++)
		talker_free(clients, client[i]);
	for (uint32_t i = 0; i < insides_count; i++)
		talker_free(insides, inside[i]);
	runner_remove(insides, &accepting);
	listener_close(&listener);
	runner_destroy(&clients);
	runner_destroy(&insides);
	world_destroy(&client_node);
	world_destroy(&server);
	sim_destroy(&sim);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: server\r\n\r\n"

/* ---- late answers and streams --------------------------------------------------------------- */

static UNUSED void answer_later(uint64_t number, const char *text)
{
	struct door_answer *answer = door_answer_create(number, "text/plain");

	buf_add_text(&answer->body, text);
	door_answer(door, answer);
}

#define LATER "HTTP/1.1 202 Accepted\r\nX-Door-Later: 1\r\nContent-Length: 0\r\n\r\n"

static UNUSED void speak(uint64_t number, enum door_answer_kind kind, const char *text)
{
	struct door_answer *answer = door_answer_create(number, "text/event-stream");

	answer->kind = kind;
	buf_add_text(&answer->body, text);
	door_answer(door, answer);
}

static UNUSED struct talker *listen_to(uint64_t number, const char *request)
{
	struct talker *asks = call(request);
	char header[40];

	snprintf(header, sizeof(header), "X-Door-Number: %llu\r\n", (unsigned long long)number);
	await(await_inside(0), header);
	say(inside[0], LATER);
	pass(10);
	return asks;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define NARROW(name) cmocka_unit_test_setup_teardown(name, begin_narrow, end)
#define IN_BYTES(name) \
	{ \
#name " in bytes", name, begin_in_bytes, end, NULL \
	}

#endif
