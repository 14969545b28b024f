/* SPDX-License-Identifier: Apache-2.0
 * shuffle_evil.h - for tests and the fuzzer: a simulated machine that shakes hands with a shuffle,
 * or does not, and then says whatever it was given to say. Header only. */
#ifndef TASKMANAGER_SHUFFLE_SHUFFLE_EVIL_H
#define TASKMANAGER_SHUFFLE_SHUFFLE_EVIL_H

#include "common/base/check.h"
#include "common/world/world_sim.h"
#include "taskmanager/shuffle/shuffle_priv.h"

#define EVIL_PORT 666

struct evil {
	struct agent agent;
	struct world *world;
	struct runner *runner;
	struct listener
		*listener; /* it plays the producer; NULL: it connects and plays the consumer */
	struct conn *conn;
	bool shakes, said, closed;
	struct handshake handshake;
	struct frame_reader reader;
	struct buf out, heard;
	struct buf says;
	const char *role, *secret;
	uint8_t dialect, offers;
};

static inline void evil_greet(struct evil *evil, enum handshake_side side)
{
	handshake_start_with(&evil->handshake, side, evil->world, evil->role, evil->dialect,
			     evil->offers, &ID_NONE, bytes_of_text(evil->secret), &evil->out);
}

static inline void evil_flush(struct evil *evil)
{
	struct err err;

	while (evil->out.size_bytes > 0 && evil->conn != NULL) {
		struct bytes from = buf_bytes(&evil->out);
		ssize_t sent = conn_write(evil->conn, &from, 1, &err);

		if (sent < 0)
			conn_close(&evil->conn);
		if (sent <= 0)
			return;
		buf_consume(&evil->out, (size_t)sent);
	}
}

static inline void evil_shake(struct evil *evil)
{
	struct frame frame;
	struct err err;
	int got = 0;

	while (evil->handshake.state != HANDSHAKE_DONE &&
	       (got = frame_read(&evil->reader, evil->conn, &frame, &err)) > 0)
		if (handshake_frame(&evil->handshake, &frame, &evil->out, &err) < 0) {
			evil->closed = true;
			return;
		}
	if (got < 0)
		evil->closed = true;
	size_t rest = evil->reader.buffer.size_bytes - evil->reader.consumed_bytes;

	if (evil->handshake.state == HANDSHAKE_DONE && rest > 0) {
		buf_add(&evil->heard, evil->reader.buffer.data + evil->reader.consumed_bytes, rest);
		evil->reader.consumed_bytes += rest;
	}
}

static inline void evil_listen(struct evil *evil)
{
	char into[4096];
	struct slice slice = { into, sizeof(into) };
	struct err err;
	ssize_t got;

	while ((got = conn_read(evil->conn, &slice, 1, &err)) > 0)
		buf_add(&evil->heard, into, (size_t)got);
	evil->closed = evil->closed || got < 0;
}

static inline enum step evil_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct evil *evil = CONTAINER_OF(agent, struct evil, agent);

	if (evil->conn == NULL && evil->listener != NULL && !evil->closed) {
		evil->conn = listener_accept(evil->listener, agent);
		if (evil->conn != NULL)
			evil_greet(evil, HANDSHAKE_ACCEPTOR);
	}
	if (evil->conn == NULL || evil->closed)
		return STEP_IDLE;
	evil_flush(evil);
	if (evil->conn == NULL)
		return STEP_IDLE;
	if (evil->shakes && evil->handshake.state != HANDSHAKE_DONE)
		evil_shake(evil);
	else
		evil_listen(evil);
	bool may_speak = !evil->shakes || evil->handshake.state == HANDSHAKE_DONE;

	/* As a producer it first waits to be asked for channel 0. */
	if (may_speak && !evil->said &&
	    (evil->listener == NULL || evil->heard.size_bytes >= DATA_FRAME_HEADER_BYTES)) {
		evil->said = true;
		buf_add(&evil->out, evil->says.data, evil->says.size_bytes);
	}
	evil_flush(evil);
	return STEP_IDLE;
}

static inline void evil_create(struct evil *evil, struct sim *sim, const char *secret, bool shakes,
			       bool produces)
{
	struct err err;
	struct listen_options listen = { .host = "evil", .port = EVIL_PORT };

	memset(evil, 0, sizeof(*evil));
	evil->world = sim_node(sim, "evil");
	evil->runner = runner_create(evil->world, "evil", &err);
	evil->shakes = shakes;
	evil->role = LINK_ROLE;
	evil->dialect = DATA_FRAME_VERSION;
	evil->secret = secret;
	buf_init(&evil->out);
	buf_init(&evil->heard);
	buf_init(&evil->says);
	frame_reader_init(&evil->reader, handshake_size_max, &evil->handshake);
	agent_init(&evil->agent, "evil", evil_step);
	int listens = produces ? listener_open(runner_loop(evil->runner), &listen, &evil->agent,
					       &evil->listener, &err) : 0;

	CHECK(listens == 0, "%s", err.text);
}

/* Before this, what it says is put into evil->says. */
static inline void evil_start(struct evil *evil, const char *host, uint16_t port)
{
	struct err err;

	if (evil->listener == NULL) {
		int opened = conn_open(runner_loop(evil->runner), host, port, &evil->agent,
				       &evil->conn, &err);

		CHECK(opened == 0, "%s", err.text);
		if (evil->shakes)
			evil_greet(evil, HANDSHAKE_CONNECTOR);
	}
	runner_add(evil->runner, &evil->agent);
}

static inline void evil_destroy(struct evil *evil)
{
	runner_destroy(&evil->runner);
	conn_close(&evil->conn);
	listener_close(&evil->listener);
	frame_reader_fini(&evil->reader);
	buf_fini(&evil->out);
	buf_fini(&evil->heard);
	buf_fini(&evil->says);
	world_destroy(&evil->world);
}

static inline bool evil_closed(void *context)
{
	return ((struct evil *)context)->closed;
}

/* ---- what it says -------------------------------------------------------------------------- */

static inline void say(struct evil *evil, struct data_frame what, struct bytes body)
{
	uint8_t header[DATA_FRAME_HEADER_BYTES];

	data_frame_write(header, &what, body);
	buf_add(&evil->says, header, sizeof(header));
	if (body.size_bytes > 0)
		buf_add(&evil->says, body.data, body.size_bytes);
}

static inline void say_kind(struct evil *evil, uint8_t kind, uint32_t channel)
{
	say(evil, (struct data_frame){ .kind = kind, .channel = channel }, BYTES_EMPTY);
}

static inline void say_open(struct evil *evil, uint32_t channel, uint32_t producer,
			    uint64_t type_hash, uint32_t segment_bytes)
{
	struct data_open open = { .name = { .job_id.bytes = { 9 }, .producer = producer },
				  .type_hash = type_hash,
				  .segment_bytes = segment_bytes };
	uint8_t body[DATA_FRAME_OPEN_BYTES];

	data_open_write(body, &open);
	say(evil, (struct data_frame){ .kind = DATA_OPEN, .channel = channel },
	    bytes_of(body, sizeof(body)));
}


#endif
