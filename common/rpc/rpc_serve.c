/* SPDX-License-Identifier: Apache-2.0
 * rpc_serve.c - calls that come in: who asks, was it asked before, run it, answer it once.
 *
 * An origin is one caller at the other end: (incarnation, session). It outlives its connection for
 * a while, with the calls that still run and the answers that nobody has acknowledged, so that a
 * call sent again finds its first copy instead of running twice. Ids rise on every connection but
 * for calls sent again, which say so; thus a repeated frame can never run a call a second time. */
#include "common/rpc/rpc_priv.h"

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/wire/little.h"

/* ---- origins --------------------------------------------------------------------------------- */

void rpc_origin_init(struct rpc_origin *origin, struct rpc_endpoint *endpoint,
		     struct rpc_peer *peer)
{
	*origin = (struct rpc_origin){
		.endpoint = endpoint,
		.peer = peer,
		.forget_at = MONO_NEVER,
	};
	list_init(&origin->running);
	list_init(&origin->kept);
}

/* Lives in the endpoint, across connections: only there a call can come a second time. */
static bool rpc_origin_lasts(const struct rpc_origin *origin)
{
	return list_linked(&origin->node);
}

static void rpc_kept_drop(struct rpc_endpoint *endpoint, struct rpc_kept *kept)
{
	list_remove(&kept->node);
	list_remove(&kept->age_node);
	endpoint->kept_bytes -= sizeof(*kept) + kept->body.size_bytes;
	mem_free(kept);
}

/* The running calls are on their own: whoever holds them still answers, into the void. */
void rpc_origin_fini(struct rpc_origin *origin)
{
	LIST_FOR_EACH(&origin->running, struct rpc_inbound, node, inbound) {
		list_remove(&inbound->node);
		inbound->origin = NULL;
		inbound->peer = NULL;
	}
	LIST_FOR_EACH(&origin->kept, struct rpc_kept, node, kept)
		rpc_kept_drop(origin->endpoint, kept);
}

static void rpc_origin_forget(struct rpc_origin *origin)
{
	CHECK(origin->peer == NULL, "an origin is forgotten while it is connected");
	rpc_origin_fini(origin);
	map_remove(origin->endpoint->origins_by_key, bytes_of(origin->key, sizeof(origin->key)));
	list_remove(&origin->node);
	mem_free(origin);
}

void rpc_origins_forget(struct rpc_endpoint *endpoint, mono_t now, mono_t *wake_at)
{
	LIST_FOR_EACH(&endpoint->origins, struct rpc_origin, node, origin) {
		if (origin->forget_at <= now)
			rpc_origin_forget(origin);
		else
			*wake_at = mono_min(*wake_at, origin->forget_at);
	}
}

void rpc_origin_disconnected(struct rpc_origin *origin, struct rpc_peer *peer)
{
	LIST_FOR_EACH(&origin->running, struct rpc_inbound, node, inbound) {
		if (inbound->peer == peer)
			inbound->peer = NULL;
	}
	origin->peer = NULL;
	origin->forget_at =
		mono_after_ms(loop_now(origin->endpoint->loop), RPC_ORIGIN_LINGER_MS);
	agent_wake(&origin->endpoint->agent);
}

static struct rpc_origin *rpc_origin_create(struct rpc_endpoint *endpoint, const uint8_t key[24])
{
	struct rpc_origin *origin;

	if (map_count(endpoint->origins_by_key) >= RPC_ORIGINS_MAX) {
		LIST_FOR_EACH(&endpoint->origins, struct rpc_origin, node, oldest) {
			if (oldest->peer == NULL) {
				rpc_origin_forget(oldest);
				break;
			}
		}
	}
	origin = MEM_NEW(struct rpc_origin);
	rpc_origin_init(origin, endpoint, NULL);
	memcpy(origin->key, key, sizeof(origin->key));
	map_put(endpoint->origins_by_key, bytes_of(key, sizeof(origin->key)), origin);
	list_push_back(&endpoint->origins, &origin->node);
	return origin;
}

/* FRAME_SESSION: a connection says which caller it carries. */
static int rpc_serve_session(struct rpc_peer *peer, struct bytes body, struct err *err)
{
	struct rpc_endpoint *endpoint = peer->endpoint;
	struct rpc_origin *origin;
	struct err why = ERR_INIT;
	uint32_t connection;
	uint8_t key[24];

	if (body.size_bytes != RPC_SESSION_BYTES)
		return err_set(err, ERR_NET_PROTOCOL,
			       "%s sent a session of %zu bytes instead of %d", peer->name,
			       body.size_bytes, RPC_SESSION_BYTES);
	connection = little_get_u32((const uint8_t *)body.data + 8);
	memcpy(key, peer->handshake.peer_incarnation.bytes, 16);
	memcpy(key + 16, body.data, 8);
	origin = map_get(endpoint->origins_by_key, bytes_of(key, sizeof(key)));
	if (origin == NULL)
		origin = rpc_origin_create(endpoint, key);
	else if (!rpc_id_before(origin->connection, connection))
		return err_set(err, ERR_NET_CLOSED,
			       "%s is an old connection of a %s that made a newer one", peer->name,
			       peer->handshake.peer_role);
	if (origin->peer != NULL) {
		struct rpc_peer *older = origin->peer;

		err_set(&why, ERR_NET_CLOSED,
			"%s was replaced by %s, a newer connection of the same %s", older->name,
			peer->name, peer->handshake.peer_role);
		rpc_peer_close(older, &why);
		rpc_origin_disconnected(origin, older);
		older->origin = NULL;
	}
	origin->peer = peer;
	origin->connection = connection;
	origin->forget_at = MONO_NEVER;
	list_remove(&origin->node);
	list_push_back(&endpoint->origins, &origin->node);
	peer->origin = origin;
	return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void rpc_inbound_free(struct rpc_inbound *inbound)
{
	arena_destroy(&inbound->arena);
	mem_free(inbound);
}

static void rpc_answer_keep(struct rpc_origin *origin, const struct rpc_inbound *inbound,
			    uint16_t kind, struct bytes body)
{
	struct rpc_endpoint *endpoint = origin->endpoint;
	struct rpc_kept *kept;

	if (!rpc_origin_lasts(origin) || !inbound->method->idempotent ||
	    body.size_bytes > RPC_KEPT_ANSWER_BYTES_MAX)
		return;
	kept = mem_alloc(sizeof(*kept) + body.size_bytes);
	*kept = (struct rpc_kept){
		.kind = kind,
		.method = inbound->method->id,
		.id = inbound->id,
		.body = bytes_of(kept + 1, body.size_bytes),
	};
	if (body.size_bytes > 0)
		memcpy(kept + 1, body.data, body.size_bytes);
	list_push_back(&origin->kept, &kept->node);
	list_push_back(&endpoint->kept, &kept->age_node);
	endpoint->kept_bytes += sizeof(*kept) + body.size_bytes;
	while (endpoint->kept_bytes > RPC_KEPT_ANSWERS_BYTES_MAX)
		rpc_kept_drop(endpoint, LIST_FIRST(&endpoint->kept, struct rpc_kept, age_node));
}

static void rpc_inbound_answer(struct rpc_inbound *inbound, uint16_t kind, struct bytes body)
{
	struct rpc_origin *origin = inbound->origin;

	CHECK(!inbound->answered, "%s.%s is answered twice", inbound->method->service,
	      inbound->method->name);
	inbound->answered = true;
	if (inbound->peer != NULL)
		rpc_peer_frame(inbound->peer, kind, inbound->method->id, inbound->id, 0, body);
	if (origin != NULL) {
		rpc_answer_keep(origin, inbound, kind, body);
		list_remove(&inbound->node);
		origin->running_count--;
		origin->requests_bytes -= inbound->request_bytes;
	}
	if (!inbound->invoking)
		rpc_inbound_free(inbound);
}

void rpc_fail(void *closure_data, const struct err *err)
{
	struct bytes body = rpc_pack_failure(err);

	rpc_inbound_answer(closure_data, FRAME_FAILURE, body);
	mem_free((void *)(uintptr_t)body.data);
}

/* The closure that service functions answer by. */
static void rpc_answer(const ProtobufCMessage *answer, void *closure_data)
{
	struct rpc_inbound *inbound = closure_data;
	const struct rpc_method *method = inbound->method;
	struct err err = ERR_INIT;
	size_t size_bytes;
	uint8_t *body;

	if (answer == NULL) {
		err_set(&err, ERR_BUG, "%s.%s ended without an answer", method->service,
			method->name);
		rpc_fail(inbound, &err);
		return;
	}
	size_bytes = protobuf_c_message_get_packed_size(answer);
	if (size_bytes > (uint64_t)rpc_method_bytes_max(method)) {
		err_set(&err, ERR_TOO_LARGE,
			"%s.%s: the answer has %zu bytes, at most %lld are allowed",
			method->service, method->name, size_bytes,
			(long long)rpc_method_bytes_max(method));
		rpc_fail(inbound, &err);
		return;
	}
	body = mem_alloc(size_bytes);
	protobuf_c_message_pack(answer, body);
	rpc_inbound_answer(inbound, FRAME_ANSWER, bytes_of(body, size_bytes));
	mem_free(body);
}

struct rpc_peer *rpc_call_peer(void *closure_data)
{
	return ((struct rpc_inbound *)closure_data)->peer;
}

const struct rpc_fence *rpc_call_fence(void *closure_data)
{
	return &((struct rpc_inbound *)closure_data)->fence;
}

/* ---- requests -------------------------------------------------------------------------------- */

struct rpc_head {
	struct rpc_fence fence;
	uint32_t deadline_ms, calls_open_from;
};

static void rpc_head_get(const uint8_t *at, struct rpc_head *head)
{
	head->fence.leader_epoch = little_get_u64(at);
	memcpy(head->fence.incarnation, at + 8, sizeof(head->fence.incarnation));
	head->fence.attempt = little_get_u32(at + 24);
	head->deadline_ms = little_get_u32(at + 28);
	head->calls_open_from = little_get_u32(at + 32);
}

/* Is this a call that came before? 1: yes, and it is dealt with; 0: no, or only running it again
 * helps; -1: it may not come again. */
static int rpc_serve_duplicate(struct rpc_peer *peer, const struct frame *frame,
			       const struct rpc_method *method, struct err *err)
{
	struct rpc_origin *origin = peer->origin;
	bool again = (frame->flags & RPC_FLAG_AGAIN) != 0;

	if (!origin->called || rpc_id_before(origin->call_last, frame->call)) {
		origin->called = true;
		origin->call_last = frame->call;
		return 0;
	}
	if (!again || !method->idempotent)
		return err_set(err, ERR_NET_PROTOCOL, "%s sent call %u of %s.%s a second time",
			       peer->name, frame->call, method->service, method->name);
	LIST_FOR_EACH(&origin->running, struct rpc_inbound, node, inbound) {
		if (inbound->id == frame->call && inbound->method == method) {
			SOMETIMES("a repeated call finds the first one running");
			inbound->peer = peer;
			return 1;
		}
	}
	LIST_FOR_EACH(&origin->kept, struct rpc_kept, node, kept) {
		if (kept->id == frame->call && kept->method == method->id) {
			SOMETIMES("a repeated call gets the answer that was lost");
			rpc_peer_frame(peer, kept->kind, kept->method, kept->id, 0, kept->body);
			return 1;
		}
	}
	return 0;
}

static void rpc_origin_acknowledged(struct rpc_origin *origin, uint32_t calls_open_from)
{
	LIST_FOR_EACH(&origin->kept, struct rpc_kept, node, kept) {
		if (rpc_id_before(kept->id, calls_open_from))
			rpc_kept_drop(origin->endpoint, kept);
	}
}

/* Calls whose callers gave up long ago do not count, though our functions still hold them. */
static void rpc_origin_let_go_expired(struct rpc_origin *origin, mono_t now)
{
	LIST_FOR_EACH(&origin->running, struct rpc_inbound, node, inbound) {
		if (inbound->deadline <= now && !inbound->invoking) {
			list_remove(&inbound->node);
			origin->running_count--;
			origin->requests_bytes -= inbound->request_bytes;
			inbound->origin = NULL;
			inbound->peer = NULL;
		}
	}
}

static int rpc_serve_check(struct rpc_peer *peer, const struct rpc_method *method,
			   ProtobufCService *service, const struct rpc_head *head,
			   size_t request_bytes, struct err *err)
{
	const struct rpc_options *options = &peer->endpoint->options;
	struct rpc_origin *origin = peer->origin;

	if (service == NULL)
		return err_set(err, ERR_NET_PROTOCOL, "this %s does not serve %s.%s", options->role,
			       method->service, method->name);
	if (origin->running_count >= LIMIT_RPC_CALLS_MAX ||
	    origin->requests_bytes + request_bytes > RPC_REQUESTS_BYTES_MAX)
		rpc_origin_let_go_expired(origin, loop_now(peer->endpoint->loop));
	if (origin->running_count >= LIMIT_RPC_CALLS_MAX ||
	    origin->requests_bytes + request_bytes > RPC_REQUESTS_BYTES_MAX)
		return err_set(err, ERR_NET_TIMEOUT,
			       "%s.%s was not run: %u calls of %s with %zu bytes wait for their "
			       "answers already",
			       method->service, method->name, origin->running_count, peer->name,
			       origin->requests_bytes);
	if (options->fence_check != NULL &&
	    options->fence_check(options->context, peer, &head->fence, method->name, err) != 0) {
		rpc_log(warn, peer->endpoint, "refused %s.%s of %s at %s: %s", method->service,
			method->name, peer->handshake.peer_role, peer->name, err->text);
		return -1;
	}
	return 0;
}

static int rpc_serve_invoke(struct rpc_peer *peer, const struct frame *frame,
			    const struct rpc_method *method, ProtobufCService *service,
			    unsigned index, const struct rpc_head *head, struct err *err)
{
	struct rpc_origin *origin = peer->origin;
	struct bytes body = bytes_of((const uint8_t *)frame->body.data + RPC_REQUEST_HEAD_BYTES,
				     frame->body.size_bytes - RPC_REQUEST_HEAD_BYTES);
	struct rpc_inbound *inbound = MEM_NEW(struct rpc_inbound);
	ProtobufCMessage *request;

	inbound->arena = arena_create("rpc request");
	request = rpc_unpack(inbound->arena, service->descriptor->methods[index].input, body, err);
	if (request == NULL) {
		rpc_inbound_free(inbound);
		return err_wrap(err, "%s", peer->name);
	}
	inbound->origin = origin;
	inbound->peer = peer;
	inbound->method = method;
	inbound->id = frame->call;
	inbound->deadline = mono_after_ms(loop_now(peer->endpoint->loop), head->deadline_ms);
	inbound->request_bytes = body.size_bytes;
	inbound->fence = head->fence;
	list_push_back(&origin->running, &inbound->node);
	origin->running_count++;
	origin->requests_bytes += inbound->request_bytes;
	inbound->invoking = true;
	service->invoke(service, index, request, rpc_answer, inbound);
	inbound->invoking = false;
	if (inbound->answered)
		rpc_inbound_free(inbound);
	return 0;
}

int rpc_serve_frame(struct rpc_peer *peer, const struct frame *frame, struct err *err)
{
	const struct rpc_method *method;
	ProtobufCService *service;
	struct rpc_head head;
	struct err refusal = ERR_INIT;
	unsigned index = 0;
	int duplicate;

	if (frame->kind == FRAME_SESSION)
		return rpc_serve_session(peer, frame->body, err);
	if (frame->body.size_bytes < RPC_REQUEST_HEAD_BYTES)
		return err_set(err, ERR_NET_PROTOCOL,
			       "%s sent a request of %zu bytes, at least %d are needed", peer->name,
			       frame->body.size_bytes, RPC_REQUEST_HEAD_BYTES);
	method = rpc_method_by_id(&peer->endpoint->options, frame->method);
	CHECK(method != NULL, "method %u passed the reader", frame->method);
	rpc_head_get(frame->body.data, &head);
	rpc_origin_acknowledged(peer->origin, head.calls_open_from);
	duplicate = rpc_serve_duplicate(peer, frame, method, err);
	if (duplicate != 0)
		return duplicate < 0 ? -1 : 0;

	service = rpc_method_service(&peer->endpoint->options, method, &index);
	if (rpc_serve_check(peer, method, service, &head, frame->body.size_bytes, &refusal) != 0) {
		struct bytes failure = rpc_pack_failure(&refusal);

		rpc_peer_frame(peer, FRAME_FAILURE, method->id, frame->call, 0, failure);
		mem_free((void *)(uintptr_t)failure.data);
		return 0;
	}
	if (!rpc_peer_usable(peer))
		return 0; /* fence_check closed it */
	return rpc_serve_invoke(peer, frame, method, service, index, &head, err);
}
