/* SPDX-License-Identifier: Apache-2.0
 * rpc_peer.c - one connection: handshake, frames in and out, its end.
 *
 * All reading, dispatching and going down happens in the peer's own step (or in the close of its
 * endpoint), never in a call or an answer: those only append to `out` and wake. So a callback may
 * do what it likes; the step looks at `state` and `closing` after each. */
#include "common/rpc/rpc_priv.h"

#include <stdio.h>

#include "common/base/check.h"
#include "common/wire/little.h"

#define FRAMES_PER_STEP_MAX 64
#define BYTES_PER_STEP_MAX (4 * 1024 * 1024)
#define OUT_KEPT_BYTES_MAX (64 * 1024)

static const struct sm_state states[] = {
	[RPC_HANDSHAKE] = { "HANDSHAKE", SM_TO(RPC_UP) | SM_TO(RPC_DOWN), false },
	[RPC_UP] = { "UP", SM_TO(RPC_DOWN), false },
	[RPC_DOWN] = { "DOWN", 0, true },
};
static const struct sm_table peer_states = { "rpc peer", ARRAY_COUNT(states), states };

bool rpc_peer_usable(const struct rpc_peer *peer)
{
	return peer->state == RPC_UP && !peer->closing && !peer->endpoint->closed;
}

/* ---- writing --------------------------------------------------------------------------------- */

size_t rpc_peer_unsent_bytes(const struct rpc_peer *peer)
{
	return peer->out.size_bytes - peer->out_sent_bytes;
}

void rpc_peer_frame(struct rpc_peer *peer, uint16_t kind, uint16_t method, uint32_t call,
		    uint32_t flags, struct bytes body)
{
	size_t unsent_bytes = rpc_peer_unsent_bytes(peer);
	struct err err = ERR_INIT;

	if (peer->closing)
		return;
	if (unsent_bytes + FRAME_HEADER_BYTES + body.size_bytes > RPC_UNSENT_BYTES_MAX) {
		err_set(&err, ERR_NET_CLOSED,
			"%s reads too slowly: %zu bytes wait to be sent, at most %zu may",
			peer->name, unsent_bytes + body.size_bytes, RPC_UNSENT_BYTES_MAX);
		rpc_log(warn, peer->endpoint, "closing the connection: %s", err.text);
		rpc_peer_close(peer, &err);
		return;
	}
	frame_write(&peer->out, kind, method, call, flags, body);
	agent_wake(&peer->agent);
}

/* 1: there is more to write and the connection takes it; 0: done, or it takes no more now. */
static int rpc_peer_flush(struct rpc_peer *peer, struct err *err)
{
	size_t written_bytes = 0;

	while (rpc_peer_unsent_bytes(peer) > 0) {
		struct bytes from = bytes_of(peer->out.data + peer->out_sent_bytes,
					     rpc_peer_unsent_bytes(peer));
		ssize_t wrote = written_bytes < BYTES_PER_STEP_MAX ?
					conn_write(peer->conn, &from, 1, err) :
					0;

		if (wrote < 0)
			return -1;
		if (wrote == 0)
			break;
		peer->out_sent_bytes += (size_t)wrote;
		written_bytes += (size_t)wrote;
	}
	if (rpc_peer_unsent_bytes(peer) > 0) {
		if (peer->out_sent_bytes > peer->out.size_bytes / 2) {
			buf_consume(&peer->out, peer->out_sent_bytes);
			peer->out_sent_bytes = 0;
		}
		return written_bytes >= BYTES_PER_STEP_MAX;
	}
	buf_clear(&peer->out);
	peer->out_sent_bytes = 0;
	if (peer->out.capacity_bytes > OUT_KEPT_BYTES_MAX)
		buf_fini(&peer->out);
	return 0;
}

/* ---- going down ------------------------------------------------------------------------------ */

static void rpc_peer_log_down(const struct rpc_peer *peer, bool was_up)
{
	const struct rpc_endpoint *endpoint = peer->endpoint;

	/* A client logs failed tries itself, once; the application knows of lost connections. */
	if (peer->why.code == ERR_NET_CLOSED || (endpoint->is_client && !was_up))
		rpc_log(debug, endpoint, "connection ended: %s", peer->why.text);
	else
		rpc_log(warn, endpoint, "closed a connection: %s", peer->why.text);
}

void rpc_peer_down(struct rpc_peer *peer, const struct err *why)
{
	struct rpc_endpoint *endpoint = peer->endpoint;
	bool was_up = peer->state == RPC_UP;
	struct err ignored;

	if (peer->state != RPC_DOWN) {
		if (!peer->closing)
			peer->why = *why;
		peer->closing = true;
		if (peer->conn != NULL && rpc_peer_flush(peer, &ignored) < 0)
			buf_clear(&peer->out);
		sm_move(&peer_states, &peer->state, RPC_DOWN, peer);
		conn_close(&peer->conn);
		rpc_peer_log_down(peer, was_up);
		if (peer->origin == &peer->own_origin)
			rpc_origin_fini(peer->origin);
		else if (peer->origin != NULL)
			rpc_origin_disconnected(peer->origin, peer);
		peer->origin = NULL;
		if (endpoint->is_client)
			rpc_client_disconnected(endpoint, peer, was_up);
	}
	rpc_caller_disconnected(endpoint, peer->caller,
				!peer->caller->sends_again || endpoint->closed, &peer->why);
	if (peer->owes_down) {
		peer->owes_down = false;
		if (endpoint->options.peer_down != NULL)
			endpoint->options.peer_down(endpoint->options.context, peer, &peer->why);
	}
}

void rpc_peer_close(struct rpc_peer *peer, const struct err *why)
{
	if (peer->closing || peer->state == RPC_DOWN)
		return;
	if (why != NULL)
		peer->why = *why;
	else
		err_set(&peer->why, ERR_NET_CLOSED, "the connection to %s was closed by this side",
			peer->name);
	peer->closing = true;
	agent_wake(&peer->agent);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int64_t rpc_peer_size_max(void *context, uint16_t kind, uint16_t method_id)
{
	struct rpc_peer *peer = context;
	const struct rpc_method *method;

	if (peer->state == RPC_HANDSHAKE)
		return handshake_size_max(&peer->handshake, kind, method_id);
	if (kind == FRAME_SESSION)
		return method_id == 0 && peer->origin == NULL ? RPC_SESSION_BYTES : -1;
	method = rpc_method_by_id(&peer->endpoint->options, method_id);
	if (method == NULL)
		return -1;
	switch (kind) {
	case FRAME_REQUEST:
		if (peer->origin == NULL)
			return -1;
		return RPC_REQUEST_HEAD_BYTES + rpc_method_bytes_max(method);
	case FRAME_ANSWER:
		return rpc_method_bytes_max(method);
	case FRAME_FAILURE:
		return RPC_FAILURE_BYTES_MAX;
	default:
		return -1;
	}
}

static void rpc_peer_up(struct rpc_peer *peer)
{
	struct rpc_endpoint *endpoint = peer->endpoint;
	uint8_t session[RPC_SESSION_BYTES];

	sm_move(&peer_states, &peer->state, RPC_UP, peer);
	peer->up_since = loop_now(endpoint->loop);
	snprintf(peer->name, sizeof(peer->name), "%s", conn_peer(peer->conn));
	rpc_log(debug, endpoint, "connected with %s at %s", peer->handshake.peer_role, peer->name);
	if (endpoint->is_client) {
		err_clear(&endpoint->error);
		endpoint->error_logged = ERR_NONE;
		peer->origin = &peer->own_origin;
		little_put_u64(session, peer->caller->session);
		little_put_u32(session + 8, endpoint->connections);
		rpc_peer_frame(peer, FRAME_SESSION, 0, 0, 0, bytes_of(session, sizeof(session)));
		rpc_caller_send_again(peer->caller, peer);
	}
	peer->owes_down = true;
	if (endpoint->options.peer_up != NULL)
		endpoint->options.peer_up(endpoint->options.context, peer);
}

static int rpc_peer_on_frame(struct rpc_peer *peer, const struct frame *frame, struct err *err)
{
	int result;

	if (peer->state == RPC_UP)
		return frame->kind == FRAME_REQUEST || frame->kind == FRAME_SESSION ?
			       rpc_serve_frame(peer, frame, err) :
			       rpc_caller_frame(peer, frame, err);
	result = handshake_frame(&peer->handshake, frame, &peer->out, err);
	if (result < 0)
		return err_wrap(err, "%s", peer->name);
	if (result > 0)
		rpc_peer_up(peer);
	return 0;
}

/* 1: there may be more to read; 0: no more now; -1: the connection must end. Callbacks may have
 * closed it meanwhile, whatever the answer. */
static int rpc_peer_read(struct rpc_peer *peer, struct err *err)
{
	size_t read_bytes = 0;
	struct frame frame;

	for (int i = 0; i < FRAMES_PER_STEP_MAX && read_bytes < BYTES_PER_STEP_MAX; i++) {
		int result = frame_read(&peer->reader, peer->conn, &frame, err);

		if (result <= 0)
			return result;
		read_bytes += FRAME_HEADER_BYTES + frame.body.size_bytes;
		if (rpc_peer_on_frame(peer, &frame, err) != 0)
			return -1;
		if (peer->closing)
			return 0;
	}
	return 1;
}

static enum step rpc_peer_work(struct rpc_peer *peer, mono_t now, mono_t *wake_at)
{
	struct rpc_endpoint *endpoint = peer->endpoint;
	struct err err = ERR_INIT;
	int more_in = 0, more_out = 0;

	if (peer->state == RPC_HANDSHAKE && now >= peer->handshake_until) {
		err_set(&err, ERR_NET_TIMEOUT, "%s did not finish the handshake within %d ms",
			peer->name, LIMIT_HANDSHAKE_MS);
		rpc_peer_down(peer, &err);
		return STEP_DONE;
	}
	if (!peer->closing)
		more_in = rpc_peer_read(peer, &err);
	if (!peer->closing && more_in >= 0)
		more_out = rpc_peer_flush(peer, &err);
	if (!peer->closing && more_in >= 0 && more_out >= 0 && peer->caller == &peer->own_caller)
		rpc_caller_expire(endpoint, peer->caller, now);
	if (peer->closing || more_in < 0 || more_out < 0) {
		rpc_peer_down(peer, &err);
		return STEP_DONE;
	}
	if (peer->state == RPC_HANDSHAKE)
		*wake_at = peer->handshake_until;
	if (peer->caller == &peer->own_caller)
		*wake_at = mono_min(*wake_at, peer->caller->deadline_next);
	if (more_in > 0 || more_out > 0)
		return STEP_WORKED;
	return rpc_peer_unsent_bytes(peer) > 0 ? STEP_BLOCKED : STEP_IDLE;
}

static enum step rpc_peer_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct rpc_peer *peer = CONTAINER_OF(agent, struct rpc_peer, agent);

	peer->in_step = true;
	enum step step = rpc_peer_work(peer, now, wake_at);
	/* After DONE the runner still owes a call of rpc_peer_done; until then the close of the
	 * endpoint leaves the memory alone, as inside the step. */
	peer->in_step = step == STEP_DONE;
	return step;
}

static void rpc_peer_done(struct agent *agent)
{
	rpc_peer_free(CONTAINER_OF(agent, struct rpc_peer, agent));
}

/* ---- life ------------------------------------------------------------------------------------ */

struct rpc_peer *rpc_peer_create(struct rpc_endpoint *endpoint, bool connecting)
{
	const struct rpc_options *options = &endpoint->options;
	struct rpc_peer *peer = MEM_NEW(struct rpc_peer);

	agent_init(&peer->agent, "rpc peer", rpc_peer_step);
	peer->agent.done = rpc_peer_done;
	peer->endpoint = endpoint;
	endpoint->references++;
	list_push_back(&endpoint->peers, &peer->node);
	frame_reader_init(&peer->reader, rpc_peer_size_max, peer);
	buf_init(&peer->out);
	handshake_start(&peer->handshake, connecting ? HANDSHAKE_CONNECTOR : HANDSHAKE_ACCEPTOR,
			endpoint->world, options->role, &options->incarnation, options->secret,
			&peer->out);
	peer->handshake_until = mono_after_ms(loop_now(endpoint->loop), LIMIT_HANDSHAKE_MS);
	rpc_caller_init(&peer->own_caller, endpoint->world, false, &peer->agent);
	peer->caller = connecting ? &endpoint->caller : &peer->own_caller;
	rpc_origin_init(&peer->own_origin, endpoint, peer);
	return peer;
}

void rpc_peer_start(struct rpc_peer *peer, struct conn *conn)
{
	peer->conn = conn;
	snprintf(peer->name, sizeof(peer->name), "%s", conn_peer(conn));
	runner_add(peer->endpoint->runner, &peer->agent);
}

void rpc_peer_free(struct rpc_peer *peer)
{
	struct rpc_endpoint *endpoint = peer->endpoint;

	CHECK(list_empty(&peer->own_caller.calls), "a peer ends while calls wait for it");
	list_remove(&peer->node);
	frame_reader_fini(&peer->reader);
	buf_fini(&peer->out);
	mem_free(peer);
	rpc_endpoint_unref(endpoint);
}

const char *rpc_peer_name(const struct rpc_peer *peer)
{
	return peer->name;
}

const char *rpc_peer_role(const struct rpc_peer *peer)
{
	return peer->handshake.peer_role;
}

const struct id *rpc_peer_incarnation(const struct rpc_peer *peer)
{
	return &peer->handshake.peer_incarnation;
}

void rpc_peer_set_owner(struct rpc_peer *peer, void *owner)
{
	peer->owner = owner;
}

void *rpc_peer_owner(const struct rpc_peer *peer)
{
	return peer->owner;
}
